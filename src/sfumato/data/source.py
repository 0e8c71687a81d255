"""Which images, and how they are cut to size: one frozen value, `--data.FIELD` for each field."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from os import PathLike, fspath

from sfumato.errors import ConfigError

WIDEST = 8192
"""Largest `side`: a picture of it is the largest that is read."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A name or a path, and what to take of it."""

    name: str
    """An embedded world, a known data set, a folder or archive of images, or a repository id."""
    split: str = "train"
    """Which part: train or test; or validation, what `holdout` keeps aside."""
    holdout: float = 0.0
    """Share of the training images that training does not see, by which settings are chosen."""
    side: int | None = None
    """Height and width in pixels after cropping and scaling; none leaves pictures as stored."""
    channels: int | None = None
    """1 for grey, 3 for colour; none leaves them as stored."""
    crop: int | None = None
    """Side in pixels of the central square that is kept before scaling."""
    classes: tuple[str, ...] = ()
    """Keep only these classes, numbered in this order; empty keeps all."""
    attributes: tuple[str, ...] = ()
    """Keep only these attributes, in this order; empty keeps all."""
    count: int | None = None
    """Keep the first that many images; none or 0 keeps all."""
    labels: int | None = None
    """Keep the labels of so many images, as many of each class; -1 stands for all others."""
    pair: str | None = None
    """What a picture is turned from: `grey` or `edges` of itself; `beside` it in one file; or, of
    the same name in two folders, `A/B`: A's is given and B's wanted.
    """
    other: str | None = None
    """Another source, cut alike, whose images stand opposite as `target`: unpaired, in an order of
    their own.
    """
    flip: bool = False
    """Mirror half of the images, chosen anew for every batch."""
    patch: int | None = None
    """Side of the square that is cut out of each image, at a place drawn anew for every batch; of
    what is measured, the central one.
    """
    seed: int = 0
    """Where a source draws its images: which ones; which are held out; which keep their labels."""

    def __post_init__(self) -> None:
        for field in ("name", "split", "pair", "other"):
            word = getattr(self, field)
            if isinstance(word, PathLike):
                object.__setattr__(self, field, fspath(word))
            elif not isinstance(word, str) and (word is not None or field in ("name", "split")):
                raise ConfigError(f"--data.{field} is a word or a path; got {word!r}.")
        for field in ("classes", "attributes"):
            names = getattr(self, field)
            if isinstance(names, str) or not isinstance(names, Iterable):
                raise ConfigError(f"--data.{field} takes several names; write ({names!r},).")
            names = tuple(names)
            object.__setattr__(self, field, names)
            if len(set(names)) < len(names):
                raise ConfigError(f"--data.{field} names one twice: {', '.join(names)}.")
        least_of = {"side": 1, "crop": 1, "patch": 1, "count": 0, "labels": 1}
        for field, least in least_of.items():
            value = getattr(self, field)
            if value is not None and not isinstance(value, Integral):
                raise ConfigError(f"--data.{field} must be a whole number; got {value!r}.")
            if value is not None and value < least:
                raise ConfigError(f"--data.{field} must be at least {least}; got {value}.")
        if self.side is not None and self.side > WIDEST:
            raise ConfigError(f"--data.side must be at most {WIDEST}; got {self.side}.")
        if self.pair and self.other:
            raise ConfigError(
                "--data.pair makes pairs and --data.other has none; give one of them."
            )
        if self.channels not in (None, 1, 3):
            raise ConfigError(f"--data.channels must be 1 or 3; got {self.channels}.")
        if not isinstance(self.holdout, Real) or not 0 <= self.holdout < 1:
            said = f"--data.holdout is a share from 0 to below 1; got {self.holdout!r}."
            raise ConfigError(said)

    @property
    def origin(self) -> "Source":
        """What lies in files: of images held out from training, the training images."""
        apart = self.holdout and self.split == "validation"
        return replace(self, split="train") if apart else self


def drawn_to_size(source: Source, lost: str) -> None:
    """Raise ConfigError where pictures that are drawn at their side would be cut or mirrored.

    `lost` is what would be wrong then. Below 8 pixels nothing is drawn either.
    """
    spoilt_by(source, ("crop", "flip", "patch"), lost)
    if source.side is not None and source.side < 8:
        raise ConfigError(f"--data.side must be at least 8 for {source.name}; got {source.side}.")


def spoilt_by(source: Source, fields: Iterable[str], lost: str) -> None:
    """Raise ConfigError where one of `fields` is set, after which `lost` would be wrong."""
    if field := next((name for name in fields if getattr(source, name)), None):
        raise ConfigError(f"--data.{field} does not go with {source.name}: {lost} would be wrong.")
