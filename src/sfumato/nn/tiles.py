"""A large map in pieces that fit in memory, each with the surroundings its layers look at.

Where those reach at least as far as the layers do, the pieces put together are what the whole
map would have given.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from sfumato.shapes import Images, Picture, Resized

Maps = Float[Tensor, "L h w"]
Tell = Callable[[int], None] | None
"""Is told how many pixels of the picture are done."""
Done = Callable[[], None]
SHRINK = 8
"""Pixels along an edge that become one place of a code."""
PIECE = 64
"""Places along an edge of what is computed at once: 512 pixels."""


@dataclass(frozen=True)
class Span:
    """Along one axis: a piece, and the stretch that is computed to get it."""

    begin: int
    end: int
    first: int
    """Where the computed stretch begins, `begin` or before."""
    last: int
    """Where it ends, `end` or after."""

    @property
    def place(self) -> slice:
        """The piece within the whole."""
        return slice(self.begin, self.end)

    @property
    def outer(self) -> slice:
        """The computed stretch within the whole."""
        return slice(self.first, self.last)

    @property
    def inner(self) -> slice:
        """The piece within what is computed."""
        return slice(self.begin - self.first, self.end - self.first)

    def times(self, factor: int) -> "Span":
        """The same span of a map that is so much larger."""
        return Span(*(factor * at for at in (self.begin, self.end, self.first, self.last)))

    def over(self, stride: int) -> "Span":
        """The same span of a map that is so much smaller; what begins must be a multiple."""
        begin, first = self.begin // stride, self.first // stride
        return Span(begin, -(-self.end // stride), first, -(-self.last // stride))


def spans(length: int, piece: int, around: int) -> list[Span]:
    """Pieces of `length`, each with `around` more on both sides where there is any."""
    return [
        Span(
            begin,
            end := min(begin + piece, length),
            max(0, begin - around),
            min(length, end + around),
        )
        for begin in range(0, length, piece)
    ]


def tiles(height: int, width: int, piece: int, around: int) -> Iterator[tuple[Span, Span]]:
    """Every tile, row by row: its rows and its columns."""
    across = spans(width, piece, around)
    return ((rows, columns) for rows in spans(height, piece, around) for columns in across)


def places(height: int, width: int) -> tuple[int, int]:
    """Height and width of the code of such a picture; its last places may lie half outside."""
    return -(-height // SHRINK), -(-width // SHRINK)


def filled(images: Images) -> Resized:
    """Images whose edge is repeated until their sides are whole places."""
    below, right = (-side % SHRINK for side in images.shape[2:])
    return pad(images, (0, right, 0, below), mode="replicate")


def shrunk(
    net: Callable[[Picture, Done], Maps], image: Picture, around: int, tell: Tell = None
) -> Maps:
    """What `net`, which makes a place of `SHRINK` x `SHRINK` pixels, makes of the picture.

    It may say of its piece that it is done once more. Past the picture's end its last pixels are
    taken again. `around` is in places.
    """
    _, height, width = image.shape
    whole: Tensor | None = None
    for rows, columns in tiles(*places(height, width), PIECE, around):
        high, wide = rows.times(SHRINK), columns.times(SHRINK)
        down = torch.arange(high.first, high.last).clamp(max=height - 1)
        across = torch.arange(wide.first, wide.last).clamp(max=width - 1)
        pixels = image[0, high.place, wide.place].numel()
        done = partial(tell, pixels) if tell else _unheard
        found = net(image[:, down][:, :, across], done)[:, rows.inner, columns.inner]
        if whole is None:
            whole = found.new_empty(len(found), *places(height, width))
        whole[:, rows.place, columns.place] = found
        done()
    assert whole is not None
    return whole


def enlarged(
    net: Callable[[Maps], Picture],
    maps: Maps,
    size: tuple[int, int, int],
    around: int,
    tell: Tell = None,
) -> Picture:
    """The picture of this `size` that `net` makes of the code, `SHRINK` pixels of a place."""
    image, (_, height, width) = torch.empty(size), maps.shape
    for rows, columns in tiles(height, width, PIECE, around):
        high, wide = rows.times(SHRINK), columns.times(SHRINK)
        here = image[:, high.place, wide.place]
        found = net(maps[:, rows.outer, columns.outer])[:, high.inner, wide.inner]
        here.copy_(found[:, : here.shape[1], : here.shape[2]])
        if tell:
            tell(here[0].numel())
    return image


def _unheard() -> None:
    """Nobody asked how far it is."""
