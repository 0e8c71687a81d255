"""What the data told the model: stored beside its weights, read by every surface."""

from dataclasses import dataclass

from sfumato.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One named, measured property of an image."""

    name: str
    """What it is called: "slant", "smiling"."""
    low: float
    """Smallest value in the data."""
    high: float
    """Largest value in the data."""


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
