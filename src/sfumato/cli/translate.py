"""Verbs that turn a picture into a picture: translate, upscale, restore."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfumato.cli.draw import PICTURES
from sfumato.cli.parser import sentence, whole
from sfumato.cli.places import (
    bar,
    called,
    first_frame,
    loaded,
    new_folder,
    picture,
    run_of,
    say,
    takes_device,
    takes_place,
    target,
    wrote,
)
from sfumato.errors import ConfigError

if TYPE_CHECKING:
    from PIL import Image

    from sfumato.io.images import Source
    from sfumato.translating import Make, Tell

HARMS = ("jpeg", "blur")


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verbs."""
    about = "what a model makes of a picture"
    verb = subparsers.add_parser("translate", help=about, description=sentence(about))
    takes_place(verb)
    _takes_picture(verb, "?")
    verb.add_argument("--data", metavar="D", help="instead, labelled pictures; -o is a folder")
    verb.add_argument("-n", "--count", type=whole(1), help="so many of them; all unless said")
    verb.add_argument("--to", metavar="KIND", help="what it shall become, where a model has ways")
    verb.set_defaults(run=translate)

    about = "a picture several times as large"
    verb = subparsers.add_parser("upscale", help=about, description=sentence(about))
    _takes_picture(verb)
    takes_device(verb)
    _takes_turns(verb)
    verb.add_argument("--scale", type=whole(1), default=4, help="times wider and higher (4)")
    verb.add_argument(
        "--method", default="srresnet", help="srresnet (default), srgan, bicubic, a PLACE"
    )
    verb.set_defaults(run=upscale)

    about = "a picture without what JPEG or a blur did to it"
    verb = subparsers.add_parser("restore", help=about, description=sentence(about))
    _takes_picture(verb)
    takes_device(verb)
    _takes_turns(verb)
    verb.add_argument(
        "--from", dest="harm", choices=HARMS, default="jpeg", metavar="HARM", help="jpeg or blur"
    )
    verb.add_argument("--method", default="srresnet", help="srresnet (default) or a PLACE")
    verb.set_defaults(run=restore)


def translate(args: Namespace) -> dict[str, Any]:
    """What the model at a place makes of a picture, a clip, or labelled pictures."""
    from sfumato.io.images import transparent
    from sfumato.translating import translate as translated

    if (args.picture is None) == (args.data is None):
        raise ConfigError("translate takes a PICTURE or --data: give one of them.")
    if args.data is not None:
        return _set(args)
    if args.count is not None:
        raise ConfigError("--count is of --data, and a PICTURE is named; leave it out.")
    path = _target(args, "translated")
    model = loaded(args.place, args.device, "translate")
    if transparent(args.picture):
        say("transparency is laid on white; upscale and restore keep it")

    def made(source: "Source", tell: "Tell | None") -> "Image.Image":
        return translated(source, method=model, to=args.to, tell=tell)

    found = _written(args, path, "painting", made)
    return found | {"model": called(model), "run": run_of(args.place)}


def _set(args: Namespace) -> dict[str, Any]:
    """A folder of translated pictures with the labels they had."""
    from sfumato.augmenting import known
    from sfumato.data.source import Source
    from sfumato.model import Translator
    from sfumato.translating import translated_set

    folder = new_folder(args.out, args.place, "translated")
    model = loaded(args.place, args.device, "translate")
    assert isinstance(model, Translator)
    data = known(model, Source(name=args.data, count=args.count), "translate --data", all_=False)
    with bar("painting", len(data)) as tell:
        translated_set(model, data, folder, tell, to=args.to)
    said = {"model": called(model), "run": run_of(args.place), "count": len(data)}
    return {**said, "data": args.data, "files": wrote(folder)}


def upscale(args: Namespace) -> dict[str, Any]:
    """A larger picture."""
    from sfumato.preset import pick_device
    from sfumato.translating import enlarger

    path, words = _target(args, f"x{args.scale}"), {"turns": args.turns}
    make = enlarger(args.scale, args.method, **words, device=pick_device(args.device))
    found = _written(args, path, "enlarging", make)
    return found | {"scale": args.scale, "method": args.method, "run": run_of(args.method)}


def restore(args: Namespace) -> dict[str, Any]:
    """A cleaner picture."""
    from sfumato.preset import pick_device
    from sfumato.translating import cleaner

    path, words = _target(args, "restored"), {"turns": args.turns}
    make = cleaner(args.harm, args.method, **words, device=pick_device(args.device))
    found = _written(args, path, "restoring", make)
    return found | {"from": args.harm, "method": args.method, "run": run_of(args.method)}


def _takes_picture(verb: ArgumentParser, number: str | None = None) -> None:
    verb.add_argument(
        "picture", nargs=number, metavar="PICTURE", help="any PNG, JPEG, WebP, TIFF ..."
    )
    verb.add_argument(
        "-o", "--out", help="where to write; here, under a telling name, unless said"
    )


def _takes_turns(verb: ArgumentParser) -> None:
    about = "mean over the picture's eight turns and mirrors: closer, eight times as slow"
    verb.add_argument("--turns", action="store_true", help=about)


def _target(args: Namespace, name: str) -> Path:
    """Where it goes: a clip becomes a GIF, anything else a picture."""
    from sfumato.io.clips import is_clip

    moving = is_clip(args.picture)
    if not moving:
        first_frame(args.picture)
    path = target(args.out, Path(args.picture).stem, f"{name}{'.gif' if moving else '.png'}")
    return picture(path, *((".gif",) if moving else PICTURES))


def _written(
    args: Namespace,
    path: Path,
    about: str,
    make: "Make",
) -> dict[str, Any]:
    """What is made of the picture, or of every frame of a clip, in its file."""
    from sfumato.io.clips import is_clip, loops, read_clip, save_gif
    from sfumato.io.images import read, save

    if not is_clip(args.picture):
        image = read(args.picture)
        with bar(about, image.width * image.height) as tell:
            made = make(args.picture, tell)
        save(made, path)
        return {"files": wrote(path), "size": list(made.size)}
    frames, times = read_clip(args.picture)
    painted: list[Image.Image] = []
    with bar(f"{about} frames", len(frames)) as done:
        for frame in frames:
            painted.append(make(frame, None))
            done(1)
    save_gif(painted, path, times=times, loop=loops(args.picture))
    return {"files": wrote(path), "size": list(painted[0].size), "frames": len(painted)}
