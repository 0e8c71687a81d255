"""Pictures in the style of others: by one pass and a few steps, or slowly by descent on pixels.

sfumato.stylize("photo.jpg", "wave.jpg").save("styled.png")
sfumato.stylize("photo.jpg", "wave.jpg", method="gatys", colour="content")
sfumato.texture("bricks.jpg", size=(512, 512))
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from math import inf, log2
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from sfumato.encoding import loaded
from sfumato.errors import ConfigError, nearest
from sfumato.imaging import gatys, passes
from sfumato.imaging.colour import lightness_only, matched
from sfumato.imaging.eyes import Eyes
from sfumato.imaging.gatys import Choices, Progress
from sfumato.imaging.motion import moved
from sfumato.imaging.objective import Style, bounded, scaled, union
from sfumato.imaging.paused import mark, put_aside, taken_up
from sfumato.imaging.placing import fitting, softened
from sfumato.io.images import Source, from_picture, marks, read, save, to_bytes, to_picture
from sfumato.model import Model, Translator
from sfumato.nn import perceptual
from sfumato.preset import pick_device, quick_in_half
from sfumato.settings import Count, NonNegative, build
from sfumato.shapes import Images, Others

METHODS = ("fast", "pass", "gatys")
COLOURS = ("style", "content", "matched")
SHIPPED = "wct"
"""The zoo's painter in any style."""
WIDEST = 512
"""Longer side of a style as a one-pass painter sees it, unless `style_size` says otherwise."""
FEW = {"iterations": 2, "evaluations": 15}
"""What the fast method descends: 30 evaluations at the coarsest size, 15 at each finer one."""
COARSE, FINE = 128, 2048
"""Longer side, about, of its coarsest size; and of the finest at which it descends."""
TILE = 1024
"""Side of the pieces in which large pictures are worked on, unless `tile` says otherwise."""


@dataclass(frozen=True)
class Tell:
    """Who is told what, while a picture is painted."""

    started: Callable[[int], object] = lambda count: None
    """Once, how many parts there are: iterations, or tiles."""
    done: Callable[[int], object] = lambda count: None
    """That so many are done."""
    iteration: Callable[[Progress], object] = lambda progress: None
    """What an iteration has come to."""


@dataclass
class Job:
    """One painting: its pictures as tensors, and how it is to be made."""

    content: Others | None
    styles: list[Style]
    choices: Choices
    eyes: Eyes
    colour: str = "style"
    tell: Tell = field(default_factory=Tell)
    keep: Path | None = None
    resume: bool = False
    size: tuple[int, int] | None = None
    start: Others | None = None
    device: str = "cpu"
    """Where pixels descend; the pictures here are on the CPU."""


def stylize(
    content: Source,
    style: Source | Sequence[Source] | None = None,
    *,
    method: str = "fast",
    model: Model | str | Path = SHIPPED,
    weights: Sequence[float] = (),
    masks: Sequence[Source] = (),
    style_masks: Sequence[Source] = (),
    soften: NonNegative = 0.0,
    colour: str = "style",
    side: int | None = None,
    start: Source | None = None,
    choices: Choices | Mapping[str, Any] | None = None,
    eyes: Eyes | None = None,
    device: str = "cpu",
    keep: str | Path | None = None,
    resume: bool = False,
    tell: Tell | None = None,
) -> Image.Image:
    """The content, painted in the style of one or more pictures.

    `method` pass takes one pass of `model`, any translator that takes a style or has learnt one;
    fast takes it at a small size, then a few steps of descent there and at each larger one;
    gatys descends on the pixels, and without a style rebuilds the content from its deepest layer.
    Several styles are mixed by `weights`, or with as many `masks` on the content each has its
    region, with edges `soften` pixels soft on the inside; what no mask covers stays the content.
    `style_masks` pick parts of the styles (gatys). Where `choices` say nothing fast takes `FEW`.
    `colour` content keeps the content's chroma, matched gives the styles its colours first. `side`
    is the longer side of the result. Networks compute on `device`. `eyes` are of methods
    that descend; `start`, `keep` (a folder for every iteration's picture) and `resume` of gatys.
    Raises SfumatoError, one line.
    """
    for name, value, known in (("method", method, METHODS), ("colour", colour, COLOURS)):
        if value not in known:
            raise ConfigError(f"there is no --{name} {value!r}; {nearest(value, known)}")
    pictures = [] if style is None else _several(style)
    image = _sized(tensor(content), side)
    styles = _styles(image, pictures, weights, masks, style_masks, soften, colour)
    wish = _hasty(choices, image) if method == "fast" else _choices(choices, method)
    job = Job(image, styles, wish, eyes or Eyes(), colour, tell or Tell())
    job.device = pick_device(device)
    if method == "gatys":
        if model != SHIPPED:
            raise ConfigError("--model paints in one pass, which --method gatys has not.")
        job.keep, job.resume = Path(keep) if keep else None, resume
        job.start = None if start is None else tensor(start)
        painted = descend(job)
    else:
        if keep or resume or start is not None:
            raise ConfigError(
                "--keep, --resume and --start are of --method gatys; others begin with a pass."
            )
        if method == "pass" and job.eyes != Eyes():
            raise ConfigError(
                "--network, --network-weights and --pooling are of --method gatys and fast; "
                "leave them out."
            )
        painted = (fast if method == "fast" else one_pass)(job, translator(model, device))
    return picture(lightness_only(painted, image) if colour == "content" else painted)


def clip(
    frames: Sequence[Image.Image], style: Source | Sequence[Source] | None = None, **words: Any
) -> Iterator[Image.Image]:
    """Frames in the style of a picture; `words` are those of `stylize`.

    Where pixels descend each frame begins as the one before it as painted, moved along with what
    is seen: after the first, a third of the iterations at the last size are enough.
    """
    choices, method = words.pop("choices", None), words.pop("method", "fast")
    if method != "gatys":  # a network is read once for all frames
        words["model"] = translator(words.pop("model", SHIPPED), words.get("device", "cpu"))
    steps = method == "gatys" or (method == "fast" and style is not None)
    before = painted = None
    for frame in frames:
        now = _sized(tensor(frame), words.get("side"))
        if before is None or painted is None or not steps:
            painted = stylize(frame, style, choices=choices, method=method, **words)
        else:
            wish = _hasty(choices, now) if method == "fast" else _choices(choices)
            wish = replace(wish, scales=1, iterations=max(1, wish.iterations // 3))
            begun = picture(moved(tensor(painted), before, now))
            more = words | {"method": "gatys", "model": SHIPPED, "start": begun}
            if method == "fast":
                more["side"] = min(FINE, max(now.shape[-2:]))
            painted = stylize(frame, style, choices=wish, **more)
            # what is larger is enlarged from there, as the first frame was
            painted = picture(gatys.finer(tensor(painted), now, now.shape[-2:], wish.detail))
        yield painted
        before = now


def texture(
    style: Source | Sequence[Source],
    *,
    size: tuple[Count, Count] | None = None,
    weights: Sequence[float] = (),
    choices: Choices | Mapping[str, Any] | None = None,
    eyes: Eyes | None = None,
    device: str = "cpu",
    keep: str | Path | None = None,
    resume: bool = False,
    tell: Tell | None = None,
) -> Image.Image:
    """A picture, `size` wide and high, that has the style's texture and nothing of its order."""
    tensors = [tensor(p) for p in _several(style)]
    if not tensors:
        raise ConfigError("there is no style: name at least one picture.")
    styles = [Style(t, w) for t, w in zip(tensors, _shares(weights, len(tensors)), strict=True)]
    wish = _choices(choices)
    wish = replace(wish, start="noise") if wish.start == "content" else wish
    job = Job(None, styles, wish, eyes or Eyes(), tell=tell or Tell(), resume=resume)
    job.keep, job.size = Path(keep) if keep else None, (size[1], size[0]) if size else None
    job.device = pick_device(device)
    return picture(descend(job))


def descend(job: Job) -> Others:
    """The painting of a job by the method of Gatys et al."""
    c = job.choices
    plan = perceptual.planned(job.eyes.network)
    if job.content is None:
        c = replace(c, style=c.style or plan.usual_texture)
    elif not job.styles:
        c = replace(c, content=c.content or plan.deep_content, content_weight=1.0)
    content = dict(c.content or plan.usual_content) if job.content is not None else {}
    style = dict(c.style or plan.usual_style) if job.styles else {}
    c = replace(c, content=content, style=style)
    shape = job.content if job.content is not None else job.styles[0].images
    size = job.size or (shape.shape[2], shape.shape[3])
    quick = job.device == "cpu" and quick_in_half()
    eyes = job.eyes.open([*content, *style], job.device, quick)
    job.tell.started(gatys.iterations(c, size))
    of = _mark(job, c)
    if job.resume and not job.keep:
        raise ConfigError("--resume needs --keep, the folder that was kept.")
    progress = taken_up(job.keep, of, job.device) if job.resume and job.keep else None
    if progress is not None:
        job.tell.done(len(progress.losses) - 1)

    def told(now: Progress) -> None:
        if job.keep is not None:
            _keep(now, job.keep, of)
        job.tell.iteration(now)
        job.tell.done(1)

    painted = gatys.paint(
        eyes, job.content, job.styles, c, size=size, start=job.start, resume=progress, tell=told
    )
    return painted.cpu()


def fast(job: Job, model: Translator) -> Others:
    """The painting of a job by one pass at a small size, and descent from there to its own.

    What is larger than `FINE` is enlarged from there, with the content's detail. A model that has
    learnt its one style has done with the pass.
    """
    assert job.content is not None
    if "reference" not in model.takes or not job.styles:
        return one_pass(job, model)
    whole = job.content
    content = bounded(whole, min(FINE, max(whole.shape[-2:])))
    first = gatys.levels(content.shape[2], content.shape[3], job.choices.scales)[0]
    begun = one_pass(replace(job, content=scaled(content, first), tell=Tell()), model)
    painted = descend(replace(job, content=content, start=begun))
    painted = gatys.finer(painted, whole, whole.shape[-2:], job.choices.detail)
    regions = [style.region for style in job.styles if style.region is not None]
    everywhere = len(regions) < len(job.styles)
    return painted if everywhere else whole.lerp(painted, union(regions))


def one_pass(job: Job, model: Translator) -> Images:
    """The painting of a job by one pass of a translator, one pass for each region."""
    assert job.content is not None
    if any(style.part is not None for style in job.styles):
        raise ConfigError("--style-mask is of --method gatys; cut the style out instead.")
    wants = "reference" in model.takes
    if wants != bool(job.styles):
        who = type(model).__name__
        raise ConfigError(
            f"{who} needs a style: give --style."
            if wants
            else f"{who} has learnt its one style: leave --style away."
        )
    tile = job.choices.tile or TILE
    groups = _regions(job.styles) if job.styles else [(None, None)]
    job.tell.started(len(groups) * passes.count(job.content.shape[-2:], tile))
    painted = job.content
    for mask, reference in groups:
        if reference is not None:
            reference = bounded(reference, round(WIDEST * job.choices.style_size))
        words: dict[str, Any] = {"tile": tile, "strength": job.choices.strength}
        found = passes.translated(model, job.content, reference, tell=job.tell.done, **words)
        painted = found if mask is None else painted.lerp(found, scaled(mask, painted.shape[-2:]))
    return painted


def translator(place: Model | str | Path, device: str = "cpu") -> Translator:
    """The one-pass painter of a place, or of a model a copy, in bfloat16 where that is quick."""
    model = loaded(place, "stylize", device)
    assert isinstance(model, Translator)
    if model.scale != 1 or "mask" in model.takes:
        raise ConfigError(
            f"{type(model).__name__} changes more than the style; see sfumato translate."
        )
    if model.device.type != "cpu" or not quick_in_half():
        return model
    if model is place:
        model = deepcopy(model)
    return model.bfloat16().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def tensor(source: Source) -> Images:
    """A picture, grey or colour, with or without transparency, as 1 3 H W in [-1, 1]."""
    return from_picture(read(source, channels=3))


def picture(images: Images) -> Image.Image:
    """The first picture of a batch."""
    return to_picture(to_bytes(images[:1])[0])


def _styles(
    content: Images,
    pictures: Sequence[Source],
    weights: Sequence[float],
    masks: Sequence[Source],
    style_masks: Sequence[Source],
    soften: float,
    colour: str,
) -> list[Style]:
    tensors = [tensor(p) for p in pictures]
    if colour == "matched":
        tensors = [matched(t, content) for t in tensors]
    if soften and not masks:
        raise ConfigError("--soften is of the edges of --mask, and there is none; leave it out.")
    for name, given in (("mask", masks), ("style-mask", style_masks)):
        if given and len(given) != len(tensors):
            raise ConfigError(f"{len(tensors)} styles need as many --{name}; got {len(given)}.")
    regions = [softened(_mask(m, content, "the content"), soften) for m in masks]
    parts = [_mask(m, t, "its style") for m, t in zip(style_masks, tensors, strict=False)]
    return [
        Style(t, w, regions[n] if regions else None, parts[n] if parts else None)
        for n, (t, w) in enumerate(zip(tensors, _shares(weights, len(tensors)), strict=True))
    ]


def _mask(source: Source, image: Images, what: str) -> Others:
    mask = fitting(from_picture(marks(source)) / 2 + 0.5, image, what)
    if not mask.any():
        raise ConfigError(f"the mask of {what} marks nothing; white is where the style goes.")
    return mask


def _regions(styles: Sequence[Style]) -> list[tuple[Others | None, Others]]:
    if styles[0].region is not None:
        return [(style.region, style.images) for style in styles]
    return [(None, passes.collage([s.images for s in styles], [s.weight for s in styles]))]


def _several(given: Source | Sequence[Source]) -> list[Source]:
    return [given] if isinstance(given, Source) else list(given)


def _shares(weights: Sequence[float], count: int) -> list[float]:
    if not weights:
        return [1.0] * count
    if len(weights) != count:
        raise ConfigError(f"{count} styles need as many --weights; got {len(weights)}.")
    if not (min(weights) >= 0 and 0 < sum(weights) < inf):
        raise ConfigError("--weights must be 0 or more, and not all of them 0.")
    return [float(w) for w in weights]


def _sized(image: Images, side: int | None) -> Others:
    if side is not None and side < 1:
        raise ConfigError(f"--side must be at least 1; got {side}.")
    return image if side is None else bounded(image, side)


def _choices(given: Choices | Mapping[str, Any] | None, method: str = "gatys") -> Choices:
    gatys.of_use(method, given)
    return given if isinstance(given, Choices) else build(Choices, given or {})


def _hasty(given: Choices | Mapping[str, Any] | None, image: Images) -> Choices:
    """What is said, and for the rest what the fast method takes for a picture of this size."""
    gatys.of_use("fast", given)
    if isinstance(given, Choices):
        return given
    scales = max(1, 1 + round(log2(min(FINE, max(image.shape[-2:])) / COARSE)))
    return build(Choices, {**FEW, "scales": scales, "tile": TILE, **(given or {})})


def _mark(job: Job, choices: Choices) -> str:
    pictures: list[object] = [job.content, job.start, job.size]
    for style in job.styles:
        pictures += [style.images, style.weight, style.region, style.part]
    return mark(choices, job.eyes, *pictures)


def _keep(progress: Progress, folder: Path, of: str) -> None:
    """The picture of an iteration, and all that going on needs."""
    number = len(progress.losses) - 1
    save(picture(progress.images), folder / f"iteration-{number:03d}.png")
    put_aside(progress, folder, of)
