"""Verbs that paint pictures in the style of others: stylize, texture."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfumato.cli.draw import PICTURES
from sfumato.cli.parser import positive, sentence, whole
from sfumato.cli.places import bar, first_frame, picture, say, takes_device, target, wrote
from sfumato.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfumato.stylizing import Tell

WAYS = ("style", "content", "matched")


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verbs."""
    about = "paint a picture or a clip in the style of another picture"
    verb = subparsers.add_parser("stylize", help=about, description=sentence(about))
    verb.add_argument("content", metavar="PICTURE", help="what is painted; a .gif gives a clip")
    verb.add_argument(
        "--style", action="append", default=[], metavar="PICTURE", help="may be said again"
    )
    verb.add_argument(
        "--method",
        choices=("fast", "pass", "gatys"),
        default="fast",
        help="one pass of a network and a few steps, from coarse to fine; the pass alone; or "
        "descent on the pixels: slow and best (default fast)",
    )
    verb.add_argument(
        "--model", default="wct", metavar="PLACE", help="who paints in one pass (default wct)"
    )
    verb.add_argument(
        "--mask", action="append", default=[], metavar="PICTURE",
        help="where each style goes, white on black; what no mask covers stays as it is",
    )  # fmt: skip
    verb.add_argument(
        "--style-mask", action="append", default=[], metavar="PICTURE",
        help="which part of each style counts (gatys)",
    )  # fmt: skip
    verb.add_argument(
        "--soften", type=_number, default=0.0, metavar="PIXELS", help="softness of mask edges"
    )
    verb.add_argument(
        "--colour", choices=WAYS, default="style",
        help="the style's; the content's chroma; or the style's colours matched to the content's",
    )  # fmt: skip
    verb.add_argument("--side", type=whole(1), help="longer side of the result in pixels")
    verb.add_argument(
        "--strength", type=_number, help="of the style, from 0 (pass; default 1, all of it)"
    )
    _takes_descent(verb)
    _takes_pauses(verb, "of --method gatys, for a painting that may be stopped")
    group = verb.add_argument_group("of descent on the pixels, about the content")
    group.add_argument(
        "--content-layers", type=_layers, metavar="NAMES", help="such as stage4=1,stage3=0.5"
    )
    group.add_argument("--content-weight", type=_number, help="default 0.1")
    group = verb.add_argument_group("of --method gatys")
    group.add_argument(
        "--start", metavar="WHAT",
        help="content, style, noise, blurred (noise), or a picture (default content)",
    )  # fmt: skip
    verb.set_defaults(run=stylize)

    about = "grow a picture that has the texture of another and nothing of its order"
    verb = subparsers.add_parser("texture", help=about, description=sentence(about))
    verb.add_argument("style", nargs="+", metavar="PICTURE", help="one, or several to mix")
    verb.add_argument("--size", type=_size, metavar="WxH", help="in pixels (default the style's)")
    verb.add_argument("--start", choices=("noise", "blurred", "style"), default="noise")
    _takes_descent(verb)
    _takes_pauses(verb, "for a painting that may be stopped")
    verb.set_defaults(run=texture)


def _takes_descent(verb: ArgumentParser) -> None:
    """What both verbs can be told about styles and about the descent."""
    verb.add_argument(
        "-o", "--out", help="where to write; here, under a telling name, unless said"
    )
    verb.add_argument("--weights", type=_numbers, default=(), metavar="A,B", help="of the styles")
    verb.add_argument(
        "--style-size", type=positive(), metavar="F", help="longer side of the style over that "
        "of the picture (pass: over 512): how large its strokes are (default 1)",
    )  # fmt: skip
    verb.add_argument(
        "--tile", type=whole(64), metavar="PIXELS", help="work in tiles of this side"
    )
    takes_device(verb)
    group = verb.add_argument_group("of descent on the pixels")
    group.add_argument("--network", default="embedded", help="embedded, vgg16 or vgg19")
    group.add_argument("--network-weights", metavar="FILE", help=".safetensors of VGG")
    group.add_argument("--pooling", choices=("average", "max"), default="average")
    group.add_argument(
        "--style-layers", type=_layers, metavar="NAMES", help="such as stage1,stage2"
    )
    group.add_argument("--style-weight", type=_number, help="default 1")
    group.add_argument("--smooth", type=_number, help="weight of neighbours' differences (0)")
    group.add_argument("--iterations", type=whole(1), help="at the coarsest size (10; fast: 2)")
    group.add_argument("--evaluations", type=whole(2), help="at most, in each (20; fast: 15)")
    group.add_argument("--optimizer", choices=("lbfgs", "adam"), help="adam takes less memory")
    group.add_argument("--rate", type=positive(), help="learning rate of adam (default 0.02)")
    group.add_argument(
        "--scales", type=whole(1), help="sizes, coarse to fine (3; fast: as many as reach 128)"
    )
    group.add_argument("--detail", type=_number, help="of the content's, at larger sizes (1)")
    group.add_argument("--seed", type=int, help="of the noise (default 0)")


def _takes_pauses(verb: ArgumentParser, title: str) -> None:
    """Where both verbs keep a painting that is on its way."""
    group = verb.add_argument_group(title)
    group.add_argument("--keep", metavar="FOLDER", help="the picture of every iteration goes here")
    group.add_argument("--resume", action="store_true", help="go on with the painting in --keep")


def stylize(args: Namespace) -> dict[str, Any]:
    """Paint one picture, or every frame of a clip."""
    from sfumato.io.clips import is_clip
    from sfumato.io.images import save
    from sfumato.stylizing import stylize as paint

    _whole(args)
    moving = is_clip(args.content)
    for still in (*(args.style or ()), *([] if moving else [args.content])):
        first_frame(still)
    name = f"{Path(args.content).stem}-styled{'.gif' if moving else '.png'}"
    path = picture(_target(args, name), *((".gif",) if moving else PICTURES))
    if moving:
        return _clip(args, path)
    losses: list[float] = []
    with _told(losses) as tell:
        painted = paint(args.content, args.style or None, **_words(args), tell=tell)
    save(painted, path)
    return _report(args, path, losses)


def texture(args: Namespace) -> dict[str, Any]:
    """Grow one texture."""
    from sfumato.io.images import save
    from sfumato.stylizing import texture as grow

    args.method = "gatys"
    _whole(args)
    for style in args.style:
        first_frame(style)
    path = picture(_target(args, f"{Path(args.style[0]).stem}-texture.png"), *PICTURES)
    losses: list[float] = []
    with _told(losses) as tell:
        painted = grow(
            args.style,
            size=args.size,
            weights=args.weights,
            choices=_choices(args),
            eyes=_eyes(args),
            device=args.device,
            keep=args.keep,
            resume=args.resume,
            tell=tell,
        )
    save(painted, path)
    return _report(args, path, losses)


def _clip(args: Namespace, path: Path) -> dict[str, Any]:
    """Every frame; by descent each begins as the last one painted, moved along."""
    from sfumato.io.clips import loops, read_clip, save_gif
    from sfumato.stylizing import clip

    if args.keep:
        raise ConfigError("--keep is for one picture; a clip has no place in it.")
    frames, times = read_clip(args.content)
    with bar("painting frames", len(frames)) as done:
        words = {k: v for k, v in _words(args).items() if k not in ("keep", "resume")}
        painted = []
        for frame in clip(frames, args.style or None, **words):
            painted.append(frame)
            done(1)
    save_gif(painted, path, times=times, loop=loops(args.content))
    return _report(args, path, []) | {"frames": len(painted)}


@contextmanager
def _told(losses: list[float]) -> "Iterator[Tell]":
    """A bar on stderr, and a line for every iteration."""
    from sfumato.io import bars
    from sfumato.stylizing import Tell

    progress = bars.bar()
    task = progress.add_task("painting", total=None)

    def started(count: int) -> None:  # not before all that can be wrong has been looked at
        progress.start()
        progress.update(task, total=count)

    try:

        def iteration(now: Any) -> None:
            losses[:] = now.losses
            high, wide = now.images.shape[-2:]
            say(f"iteration {len(losses) - 1}: loss {losses[-1]:.4g} at {wide}x{high}")

        yield Tell(
            started=started,
            done=lambda count: progress.advance(task, count),
            iteration=iteration,
        )
    finally:
        if progress.live.is_started:  # else it would write an empty line
            progress.stop()


def _words(args: Namespace) -> dict[str, Any]:
    """What `sfumato.stylize` is told."""
    starts = ("content", "style", "noise", "blurred")
    given = None if args.start in (None, *starts) else args.start
    return {
        "method": args.method,
        "model": args.model,
        "weights": args.weights,
        "masks": args.mask,
        "style_masks": args.style_mask,
        "soften": args.soften,
        "colour": args.colour,
        "side": args.side,
        "start": given,
        "choices": _choices(args),
        "eyes": _eyes(args),
        "device": args.device,
        "keep": args.keep,
        "resume": args.resume,
    }


def _choices(args: Namespace) -> dict[str, Any]:
    """What was said of the descent; nothing is there that was not."""
    names = (
        *("style_weight", "smooth", "iterations", "evaluations", "optimizer", "rate"),
        *("scales", "detail", "seed", "style_size", "tile", "strength", "content_weight"),
    )
    found = {n: v for n in names if (v := getattr(args, n, None)) is not None}
    if args.method == "gatys":
        found.setdefault("scales", 3)
    for name in ("content", "style"):
        if layers := getattr(args, f"{name}_layers", None):
            found[name] = layers
    start = args.start
    return found | ({"start": start} if start in ("content", "style", "noise", "blurred") else {})


def _eyes(args: Namespace) -> Any:
    from sfumato.stylizing import Eyes

    return Eyes(network=args.network, weights=args.network_weights, pooling=args.pooling)


def _whole(args: Namespace) -> None:
    if args.resume and not args.keep:
        raise ConfigError("--resume goes on with the painting in a folder: name it with --keep.")


def _target(args: Namespace, name: str) -> Path:
    if args.out is not None:
        return target(args.out, name, name)
    from sfumato.cli.places import free

    return free(Path(name))


def _report(args: Namespace, path: Path, losses: list[float]) -> dict[str, Any]:
    if passed := args.method != "gatys":
        more = " and a few steps" if losses else ""
        say(f"one pass of {args.model}{more}; --method gatys is slower and better")
    said: dict[str, Any] = {"model": args.model if passed else None, "files": wrote(path)}
    return said | {"method": args.method, "losses": losses}


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise ArgumentTypeError(f"must be numbers with commas between, not {text!r}") from None


def _number(text: str) -> float:
    (*more, number) = _numbers(text)
    if more or not 0 <= number < float("inf"):
        raise ArgumentTypeError(f"must be a number from 0, not {text!r}")
    return number


def _layers(text: str) -> dict[str, float]:
    """Layers with their weights: "stage1,stage2=0.5"."""
    found = {}
    for part in text.split(","):
        name, equals, weight = part.strip().partition("=")
        found[name] = _number(weight) if equals else 1.0
    return found


def _size(text: str) -> tuple[int, int]:
    wide, _, high = text.partition("x")
    if not (wide.isdecimal() and high.isdecimal() and int(wide) and int(high)):
        raise ArgumentTypeError(f"must be width x height such as 512x384, not {text!r}")
    return int(wide), int(high)
