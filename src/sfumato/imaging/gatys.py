"""Neural style as Gatys et al. painted it: pixels descend until a network sees what it should.

    L = content_weight * sum_l c_l mean (F_l - P_l)^2
      + style_weight * sum_l s_l mean (G_l - A_l)^2 + 1000 smooth * TV

F_l are the maps of layer l for the picture, as loud as VGG's (losses/style.py), P_l those for the
content; G_l and A_l Gram matrices of the picture and of the style. Without styles the content is
rebuilt from its maps; without content a texture grows. Several styles have their Gram matrices
mixed by weight, or each its own region.

Axes: B is 1 everywhere; D maps of a layer, h by w its places.
Papers: Gatys et al. (2016), https://arxiv.org/abs/1508.06576; textures: Gatys et al. (2015),
https://arxiv.org/abs/1505.07376; regions and coarse to fine: Gatys et al. (2017),
https://arxiv.org/abs/1611.07865
Departures: pixels are held in range at every step and not only between iterations; L-BFGS keeps
what it has learnt from one iteration to the next.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import torch

from sfumato.errors import ConfigError
from sfumato.imaging.degradation import blurred
from sfumato.imaging.descent import Descent, Evaluate, Optimizer
from sfumato.imaging.objective import Objective, Style, carried, scaled
from sfumato.io.images import PIXELS, room
from sfumato.nn.perceptual import Perceptual
from sfumato.randomness import generator
from sfumato.settings import Count, Fraction, NonNegative, Positive, Several, check
from sfumato.shapes import Images, Others

Start = Literal["content", "style", "noise", "blurred"]
FAINT = 0.02
"""Reach of the noise a painting may begin with: 2.5 of 127, as published."""
LEAST = 64
"""Shorter side, in pixels, of the coarsest scale that is added of itself."""


ONCE = {"tile", "style_size", "strength"}
"""Choices that one pass looks at."""
ELSEWHERE = {"gatys": {"strength"}, "fast": {"strength", "start"}}
"""Choices that a method which descends has no use for."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Everything that can be chosen about a painting beside its pictures."""

    content: Mapping[str, float] = field(default_factory=dict)
    """Layers that hold the content, with weights; the network's usual one where empty."""
    style: Mapping[str, float] = field(default_factory=dict)
    """Layers whose Gram matrices hold the style, with weights; the usual five where empty."""
    content_weight: NonNegative = 0.1
    """Of the content as a whole."""
    style_weight: NonNegative = 1.0
    """Of the style as a whole."""
    smooth: NonNegative = 0.0
    """Weight of the differences between neighbouring pixels."""
    iterations: Count = 10
    """After each of them the loss is told and the picture can be kept."""
    evaluations: Several = 20
    """At most so many of the loss in each, the first where the painting stands."""
    optimizer: Optimizer = "lbfgs"
    """Or adam: a quarter of the memory, more evaluations."""
    rate: Positive = 0.02
    """Learning rate of Adam."""
    start: Start = "content"
    """What the painting begins as; noise is faint, and even between -0.02 and 0.02."""
    seed: int = 0
    """Of that noise."""
    scales: Count = 1
    """Sizes from coarse to fine, each twice the one before; halves the work that is left."""
    detail: NonNegative = 1.0
    """Of the content's detail that a smaller size had no room for, how much is put back."""
    style_size: Positive = 1.0
    """Longer side of the style over that of the painting: how large its strokes are."""
    tile: Count | None = None
    """Side in pixels of tiles that are looked at one by one; none looks at everything at once."""
    strength: Fraction = 1.0
    """Of one pass: how far it goes from the content's own statistics to the style's."""


def of_use(method: str, choices: Choices | Mapping[str, Any] | None) -> None:
    """Raise ConfigError for a choice that is said and that the method would not look at."""
    if not isinstance(choices, Mapping):
        return
    if "rate" in choices and choices.get("optimizer") != "adam":
        raise ConfigError("--rate is of --optimizer adam; leave it out.")
    idle = ELSEWHERE | {"pass": {f.name for f in fields(Choices)} - ONCE}
    if said := sorted(idle[method] & set(choices)):
        name = {"content": "content-layers", "style": "style-layers"}.get(said[0], said[0])
        takers = " and ".join(other for other, without in idle.items() if said[0] not in without)
        raise ConfigError(f"--{name.replace('_', '-')} is of --method {takers}; leave it out.")


@dataclass
class Progress:
    """How far a painting is; enough to go on with it."""

    descent: Descent
    """The picture and what its descent has learnt."""
    scale: int = 0
    """Number of the size that is worked on, from 0."""
    iteration: int = 0
    """Iterations finished at that size."""
    losses: list[float] = field(default_factory=list)
    """Loss before the first and after every iteration."""

    @property
    def images(self) -> Images:
        """The picture so far."""
        return self.descent.images


Tell = Callable[[Progress], None]


@torch.no_grad()
def paint(
    network: Perceptual,
    content: Images | None,
    styles: Sequence[Style],
    choices: Choices,
    *,
    size: tuple[int, int] | None = None,
    start: Others | None = None,
    resume: Progress | None = None,
    tell: Tell = lambda progress: None,
) -> Others:
    """The painting, 1 3 H W in [-1, 1], at the content's size, or at `size` without content.

    It is made, and lies, where the network is; pictures may lie elsewhere. `start` is one to begin
    from in place of `choices.start`. `tell` is told after every iteration; what it is told is what
    `resume` takes, with the same pictures and choices. Raises ConfigError or UnknownName, one
    line, for what cannot be.
    """
    check(choices, "")
    there = network.gain.device
    content, start = (p if p is None else p.to(there) for p in (content, start))
    styles = carried(styles, there)
    high, wide = _size(content, styles, size)
    sizes = levels(high, wide, choices.scales)
    progress = resume or Progress(Descent(torch.empty(1, 3, 0, 0)))
    for number in range(progress.scale, len(sizes)):
        scale = sizes[number]
        goal = Objective(network, choices, content, styles, scale)
        if not progress.images.numel():
            first = _start(choices, content, styles, start, scale).to(there)
            progress.descent = _descent(goal.kept(first), choices)
        elif tuple(progress.images.shape[-2:]) != scale:
            larger = finer(progress.images, content, scale, choices.detail)
            progress.descent = _descent(goal.kept(larger), choices)
        progress.scale = number
        _work(progress, goal.evaluate, choices, _iterations(choices, number), tell)
        if number + 1 < len(sizes):
            progress.scale, progress.iteration = number + 1, 0
    return progress.images


def _work(
    progress: Progress, evaluate: Evaluate, choices: Choices, iterations: int, tell: Tell
) -> None:
    """All iterations of one size that are still to be done."""
    if not progress.losses:
        progress.losses.append(progress.descent.look(evaluate)[0])
    while progress.iteration < iterations:
        progress.losses.append(progress.descent.iterate(evaluate, choices.evaluations))
        progress.iteration += 1
        tell(progress)


def iterations(choices: Choices, size: tuple[int, int]) -> int:
    """How many iterations a painting of that height and width takes, over all its sizes."""
    return sum(_iterations(choices, n) for n in range(len(levels(*size, choices.scales))))


def _iterations(choices: Choices, number: int) -> int:
    """All of them at the coarsest size, half at each finer one: what is large is done by then."""
    return choices.iterations if number == 0 else max(1, choices.iterations // 2)


def finer(images: Images, content: Others | None, size: Sequence[int], detail: float) -> Others:
    """A painting at a larger size, with as much of the content's detail as `detail` says."""
    large = scaled(images, size)
    if content is None or not detail:
        return large
    sharp = scaled(content, size)
    missed = sharp - scaled(scaled(sharp, images.shape[-2:]), size)
    return (large + detail * missed).clamp(-1, 1)


def levels(high: int, wide: int, scales: int) -> list[tuple[int, int]]:
    """Height and width of each size, coarse to fine; none whose shorter side is below `LEAST`.

    Raises ConfigError where the last has more pixels than a picture that is read.
    """
    room(wide, high, PIXELS)
    halvings = range(min(scales, max(high, wide).bit_length()))
    sizes = [(round(high / 2**n), round(wide / 2**n)) for n in halvings]
    return [s for n, s in enumerate(sizes) if n == 0 or min(s) >= LEAST][::-1]


def _size(
    content: Images | None, styles: Sequence[Style], size: tuple[int, int] | None
) -> tuple[int, int]:
    if content is None and not styles:
        raise ConfigError("there is nothing to paint: give a content, a style, or both.")
    shape = (content if content is not None else styles[0].images).shape
    return (shape[2], shape[3]) if content is not None or size is None else size


def _start(
    choices: Choices,
    content: Images | None,
    styles: Sequence[Style],
    start: Others | None,
    size: tuple[int, int],
) -> Others:
    """What the painting begins as."""
    if start is not None:
        return scaled(start, size)
    pictures = {"content": content, "style": styles[0].images if styles else None}
    if choices.start in pictures:
        if (picture := pictures[choices.start]) is None:
            raise ConfigError(f"--start {choices.start} needs one; try --start noise.")
        return scaled(picture, size)
    noise = torch.rand(1, 3, *size, generator=generator(choices.seed, "painting")) * 2 - 1
    if choices.start == "noise":
        return noise * FAINT
    return blurred(noise, noise.new_full((1,), 2.0)) * FAINT * 4


def _descent(images: Images, choices: Choices) -> Descent:
    return Descent(
        images.clone(memory_format=torch.contiguous_format),
        optimizer=choices.optimizer,
        rate=choices.rate,
    )
