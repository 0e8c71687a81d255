"""Verbs that draw: sample, interpolate, animate."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfumato.cli.asking import asked, takes_conditions, takes_truncation
from sfumato.cli.parser import positive, seeds, sentence, whole
from sfumato.cli.places import (
    bar,
    called,
    loaded,
    new_folder,
    picture,
    run_of,
    sampler,
    takes_place,
    target,
    tracked,
    unsaid,
    wrote,
)

if TYPE_CHECKING:
    from sfumato.model import Model
    from sfumato.shapes import Images

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verbs."""
    verb = drawing(subparsers, "sample", "draw images, as a grid or one file each")
    verb.add_argument(
        "-n", "--count", type=whole(1), help="images (default 16, or whole rounds of the labels)"
    )
    verb.add_argument("--seed", type=int, default=0, help="the same seed, the same images")
    verb.add_argument("--columns", type=whole(1), help="images per row (default: a square)")
    verb.add_argument("--each", action="store_true", help="a folder with one file per image")
    takes_truncation(verb)
    verb.set_defaults(run=sample)

    verb = drawing(subparsers, "interpolate", "from one image to another in small steps")
    verb.add_argument("-n", "--count", type=whole(2), default=10, help="images a leg (default 10)")
    verb.add_argument("--seeds", type=seeds, help="where to go, one row a leg: 0,1,2 (0,1)")
    takes_pictures(verb, "*", "files to go past instead")
    takes_truncation(verb)
    verb.set_defaults(run=interpolate)

    verb = drawing(subparsers, "animate", "a film of a walk through the codes")
    verb.add_argument(
        "-n", "--count", type=whole(1),
        help="images side by side (default 16, or whole rounds of the labels)",
    )  # fmt: skip
    verb.add_argument("--seed", type=int, default=0, help="the same seed, the same walk")
    verb.add_argument("--stops", type=whole(2), default=4, help="codes to walk past (default 4)")
    verb.add_argument("--frames", type=whole(1), default=12, help="frames a leg (default 12)")
    verb.add_argument("--fps", type=positive(50), default=12.0, help="frames a second, at most 50")
    takes_truncation(verb)
    verb.set_defaults(run=animate)


def sample(args: Namespace) -> dict[str, Any]:
    """Draw images of one seed."""
    from sfumato import sampling
    from sfumato.io.images import save_grid

    if args.each:
        unsaid(args, "of a grid, and --each writes single images", "columns")
    path = new_folder(args.out, args.place, "samples") if args.each else file(args, "samples.png")
    model, wish = sampler(args), asked(args)
    count = sampling.how_many(model, args.count, wish)
    words = {"seed": args.seed, "truncation": args.truncation, **wish}
    with bar("drawing", count) as tell:
        images = sampling.sample(model, count, tell=tell, **words)
    if args.each:
        _save_each(images, path, args.zoom or 1)
    else:
        columns = args.columns or sampling.layout(model, count, wish)
        save_grid(images, path, columns=columns, zoom=args.zoom or zoom(model))
    return report(args, model, path) | {"count": count, "seed": args.seed}


def interpolate(args: Namespace) -> dict[str, Any]:
    """Draw the way between the images of some seeds, or between pictures."""
    from sfumato import sampling
    from sfumato.io.images import save_grid

    if args.pictures:
        unsaid(args, "where codes are drawn, and pictures are named", "seeds")
    args.seeds = args.seeds or [0, 1]
    path = file(args, "interpolation.png")
    model = loaded(args.place, args.device, args.verb)
    images = sampling.interpolate(
        model,
        args.seeds,
        args.count,
        pictures=args.pictures or None,
        truncation=args.truncation,
        **asked(args),
    )
    save_grid(images, path, columns=args.count, zoom=args.zoom or zoom(model))
    return report(args, model, path) | {"count": args.count, **began(args, "seeds", args.seeds)}


def animate(args: Namespace) -> dict[str, Any]:
    """Film a walk through the codes that ends where it begins."""
    from sfumato import sampling
    from sfumato.io.clips import save_gif

    path = picture(target(args.out, args.place, "walk.gif"), ".gif")
    model, wish = sampler(args), asked(args)
    frames = sampling.animate(
        model,
        args.count,
        stops=args.stops,
        frames=args.frames,
        seed=args.seed,
        zoom=args.zoom or zoom(model),
        truncation=args.truncation,
        **wish,
    )
    total = args.stops * args.frames
    save_gif(list(tracked(frames, "filming", total)), path, fps=args.fps)
    return report(args, model, path) | {"frames": total, "fps": args.fps, "seed": args.seed}


def drawing(subparsers: "_SubParsersAction[Any]", name: str, about: str) -> ArgumentParser:
    """A verb that reads a place, asks it for something and writes a picture."""
    verb = subparsers.add_parser(name, help=about, description=sentence(about))
    takes_place(verb)
    verb.add_argument(
        "-o", "--out", help="where to write; here, under a telling name, unless said"
    )
    verb.add_argument(
        "--zoom", type=whole(1), help="screen pixels per image pixel, a whole number"
    )
    takes_conditions(verb)
    return verb


def takes_pictures(verb: ArgumentParser, number: str, about: str) -> None:
    """Give a verb of codes the PICTURE whose code it begins with."""
    verb.add_argument(
        "pictures", nargs=number, metavar="PICTURE", help=f"{about}, where there is an encoder"
    )


def began(args: Namespace, name: str, seeds: Any) -> dict[str, Any]:
    """For the report: the pictures that were named, else the seeds."""
    return {"pictures": args.pictures} if args.pictures else {name: seeds}


def file(args: Namespace, ending: str) -> Path:
    """The picture to write."""
    return picture(target(args.out, args.place, ending), *PICTURES)


def zoom(model: "Model") -> int:
    """Small images are shown about 48 pixels wide."""
    return max(1, 48 // model.schema.shape[2])


def report(args: Namespace, model: "Model", path: Path) -> dict[str, Any]:
    """What every verb here says with --json."""
    said = {"model": called(model), "run": run_of(args.place), "files": wrote(path)}
    return said | {"asked": asked(args)}


def _save_each(images: "Images", folder: Path, zoom: int) -> None:
    """One file per image; the folder appears when all are in it."""
    from sfumato.io.files import atomic
    from sfumato.io.images import grid

    with atomic(folder, durable=False) as temporary:
        temporary.mkdir()
        for number, image in enumerate(tracked(images, "writing", len(images))):
            grid(image[None], zoom=zoom, gap=0).save(temporary / f"{number:05d}.png")
