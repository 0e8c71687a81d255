"""What the data told the model: stored beside its weights, read by every surface."""

from dataclasses import dataclass
from math import isclose
from typing import SupportsFloat

import torch

from sfumato.errors import ConfigError, DataError, nearest
from sfumato.shapes import Column, Labels

UNKNOWN = -1
"""The label of an image whose class is not told."""


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One named property of an image: a measured number, or a choice among named values."""

    name: str
    """What it is called: "slant", "Smiling"."""
    low: float
    """Smallest value in the data."""
    high: float
    """Largest value in the data."""
    values: tuple[str, ...] = ()
    """Names to choose from, standing for even steps from low to high; none for a number."""

    def __post_init__(self) -> None:
        if self.values and len(set(self.values)) < max(2, len(self.values)):
            raise ConfigError(
                f"attribute {self.name} needs two values or more, no two alike; "
                f"got {', '.join(self.values)}."
            )
        if not (self.low < self.high or (self.low == self.high and not self.values)):
            most = "below" if self.values else "at most"
            raise ConfigError(
                f"the low of attribute {self.name} must be {most} its high; "
                f"got {self.low:g} and {self.high:g}."
            )

    def number(self, value: str | float) -> float:
        """How `value`, a name or a number, is written in the attribute's column.

        Raises ConfigError with the nearest name, or with the range.
        """
        if self.values:
            return self._of_name(value)
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not self.low <= number <= self.high:
            raise ConfigError(
                f"attribute {self.name} takes a number from {self.low:g} to {self.high:g}; "
                f"got {value}."
            )
        return number

    def index(self, column: Column) -> Labels:
        """Which of its values each number of a choice's column stands for."""
        step = (self.high - self.low) / (len(self.values) - 1)
        return ((column - self.low) / step).round().long()

    def _of_name(self, value: str | float) -> float:
        """The number that stands for a value, given by its name or by that number."""
        last = len(self.values) - 1
        for index, name in enumerate(self.values):
            number = self.low + index * (self.high - self.low) / last
            same = isinstance(value, SupportsFloat) and isclose(number, value, abs_tol=1e-6)
            if same or value == name:
                return number
        raise ConfigError(
            f"attribute {self.name} has no value {value!r}; {nearest(str(value), self.values)}"
        )


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The one place that knows an image's shape and its labels; a `Config` never repeats it."""

    shape: tuple[int, int, int]
    """Axes C, H, W of an image: channels, height and width in pixels."""
    classes: tuple[str, ...] = ()
    """Names of the labels, in the order of their numbers."""
    attributes: tuple[Attribute, ...] = ()
    """What is measured of each image, in the order of the columns."""
    vocabulary: tuple[str, ...] = ()
    """Words of the captions, in the order of their tokens; token 0 pads."""
    caption: int = 0
    """Tokens per caption, padding included; 0 for none."""

    @property
    def channels(self) -> int:
        """Image channels: 1 for grey, 3 for colour."""
        return self.shape[0]

    @property
    def side(self) -> int:
        """Height and width in pixels. Raises ConfigError where the image is not square."""
        if self.shape[1] != self.shape[2]:
            raise ConfigError(
                f"images are {self.shape[2]}x{self.shape[1]}, and this model wants squares; "
                "set --data.side."
            )
        return self.shape[1]

    def need(self, field: str, who: str) -> None:
        """Raise DataError where there are no "classes" or "attributes", which `who` needs."""
        if not getattr(self, field):
            what, gives = _SOURCES[field]
            raise DataError(f"{who} needs {what}, and this data has none; {gives}.")

    def numbers(self, other: "Schema", name: str) -> Labels:
        """The number here of each class of `other`, the schema of the data `name`.

        Raises DataError for a class that is not known here.
        """
        if strange := [one for one in other.classes if one not in self.classes]:
            raise DataError(
                f"{name} has the class {strange[0]!r}, and this model learned "
                f"{', '.join(self.classes) or 'none'}; leave out what it never met."
            )
        return torch.tensor([self.classes.index(one) for one in other.classes], dtype=torch.long)

    def renumbered(self, label: Labels, other: "Schema", name: str) -> Labels:
        """Labels of the data `name` in the numbers here; what is unknown stays -1."""
        return torch.where(label == UNKNOWN, label, self.numbers(other, name)[label.clamp_min(0)])


_SOURCES = {
    "classes": ("labels", "name sub-folders"),
    "attributes": ("attributes", "a metadata.csv gives them"),
}
"""What each is called, and where it comes from."""


@dataclass(frozen=True)
class Axis:
    """A named coordinate of the latents, or several that stand for one thing."""

    name: str
    """What it is called: "z3", "category", "slant"."""
    first: int
    """Its column."""
    width: int = 1
    """1 for a number; more for one of so many, one-hot from `first` on."""
    low: float = -2.0
    """Smallest number worth showing."""
    high: float = 2.0
    """Largest number worth showing."""
