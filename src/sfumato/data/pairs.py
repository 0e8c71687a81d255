"""Pairs, for models that turn one picture into another: what is given and what it should become.

    grey, edges   made of every picture: its luma, or its edges in black on white, is given
    beside        each file holds both, side by side: the left half is given
    A/B           two folders of pictures with the same names: those in A are given

The given picture is `image`, the wanted one `target`.
"""

from pathlib import PurePosixPath

import numpy as np
import torch
from torch.nn.functional import conv2d, pad

from sfumato.data.places import File
from sfumato.data.stock import Cut, Pictures, decoded
from sfumato.errors import ConfigError, DataError
from sfumato.nn.channels import luma
from sfumato.shapes import Images

SHARP = 4.0
"""What a difference between neighbours is multiplied by before it is drawn as an edge."""


def grey(images: Images) -> Images:
    """Luma (ITU-R BT.601) in every channel."""
    return luma(images).expand_as(images)


def edges(images: Images) -> Images:
    """Steepness of the luma by Sobel's operator: black where it is steep, white where flat."""
    line, step = images.new_tensor([1.0, 2.0, 1.0]) / 8, images.new_tensor([-1.0, 0.0, 1.0])
    kernels = torch.stack([line[:, None] * step, step[:, None] * line])[:, None]
    slopes = conv2d(pad(luma(images), (1, 1, 1, 1), mode="replicate"), kernels)
    steep = slopes.square().sum(1, keepdim=True).sqrt()
    return (1 - 2 * (SHARP * steep).clamp(0, 1)).expand_as(images)


MADE = {"grey": grey, "edges": edges}
"""Pairs that need no second picture."""


class Halves:
    """Files that hold the given picture to the left of the wanted one."""

    columns: tuple[str, ...] = ("image", "target")

    def __init__(self, found: list[File], channels: int | None) -> None:
        self.found, self.channels = found, channels or 3

    def __len__(self) -> int:
        return len(self.found)

    def name(self, row: int) -> str:
        """Path inside the folder."""
        return self.found[row].name

    def cut(self, row: int, cut: Cut) -> tuple[np.ndarray, ...]:
        """Both halves, cut; DataError where they are not of one width."""
        image = decoded(self.found[row].read())
        middle, odd = divmod(image.width, 2)
        if odd or not middle:
            raise DataError(f"is {image.width} pixels wide, which has no middle")
        halves = (0, 0, middle, image.height), (middle, 0, image.width, image.height)
        return tuple(cut.fit(image.crop(half)) for half in halves)


class Twins:
    """Files of two folders, a given and a wanted picture for each name."""

    columns: tuple[str, ...] = ("image", "target")

    def __init__(
        self, found: list[tuple[File, File]], channels: int | None, maps: tuple[str, ...] = ()
    ) -> None:
        """`maps` are those of the columns whose colours stand for kinds."""
        self.found, self.channels, self.maps = found, channels or 3, maps

    def __len__(self) -> int:
        return len(self.found)

    def name(self, row: int) -> str:
        """Path of the given picture."""
        return self.found[row][0].name

    def cut(self, row: int, cut: Cut) -> tuple[np.ndarray, ...]:
        """Both pictures, cut; DataError where they are not of one size."""
        given, wanted = (decoded(file.read()) for file in self.found[row])
        if given.size != wanted.size:
            sizes = (f"{image.width}x{image.height}" for image in (given, wanted))
            raise DataError(f"is {' and its twin '.join(sizes)} pixels")
        first, second = (
            cut.fit_map(image) if column in self.maps else cut.fit(image)
            for column, image in zip(self.columns, (given, wanted), strict=True)
        )
        return first, second


def paired(
    pictures: list[File], pair: str, name: str, channels: int | None
) -> tuple[Pictures, tuple[str, ...]]:
    """The pairs of these files as `pair` says, and a line on those that have no twin.

    Raises ConfigError or DataError.
    """
    if pair == "beside":
        return Halves(pictures, channels), ()
    given, slash, wanted = pair.partition("/")
    if not (slash and given and wanted):
        raise ConfigError(
            f"--data.pair {pair} is unknown; choose from {', '.join(MADE)}, beside, or name two "
            f"folders such as label/photo."
        )
    (ours, again), (theirs, twice) = (_under(pictures, folder) for folder in (given, wanted))
    both = {stem: None for stem in ours if stem in theirs}
    if not both:
        raise DataError(
            f"{name} has no pictures of the same name in folders called {given} and {wanted} "
            f"({len(ours)} and {len(theirs)} pictures there)."
        )
    alone = [file.name for stem, file in (ours | theirs).items() if stem not in both]
    left = {"without a twin": alone, "of a name that another has": [*again, *twice]}
    notes = tuple(
        f"{why} and left out: {len(names)} pictures, {names[0]} first"
        for why, names in left.items()
        if names
    )
    return Twins([(ours[stem], theirs[stem]) for stem in both], channels), notes


def _under(pictures: list[File], folder: str) -> tuple[dict[str, File], list[str]]:
    """Pictures below a folder of that name, by what they are called beside it.

    Of several that differ in their ending alone the first is taken; the others are named.
    """
    found, twice = dict[str, File](), list[str]()
    for file in pictures:
        parts = PurePosixPath(file.name).with_suffix("").parts
        if folder in parts[:-1]:
            at = parts.index(folder)
            if found.setdefault("/".join((*parts[:at], *parts[at + 1 :])), file) is not file:
                twice.append(file.name)
    return found, twice
