"""Verbs that map the codes: reconstruct, manifold, scatter, relabel."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from typing import TYPE_CHECKING, Any

from sfumato.cli.asking import asked
from sfumato.cli.draw import PICTURES, began, drawing, file, report, zoom
from sfumato.cli.parser import whole
from sfumato.cli.places import (
    HELD,
    called,
    loaded,
    picture,
    run_of,
    sampler,
    say,
    takes_place,
    target,
    unsaid,
    wrote,
)

if TYPE_CHECKING:
    from sfumato.atlas import Points
    from sfumato.data.source import Source


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verbs."""
    about = "pictures beside what is painted from their codes"
    verb = drawing(subparsers, "reconstruct", about)
    verb.add_argument("pictures", nargs="*", metavar="PICTURE", help="files; else held-out images")
    _takes_data(verb, "held-out images (16)", 16, 1)
    verb.set_defaults(run=reconstruct)

    about = "the plane of a code of two coordinates, as pictures"
    verb = drawing(subparsers, "manifold", about)
    verb.add_argument("--side", type=whole(2), default=15, help="pictures in a row (15)")
    verb.add_argument("--seed", type=int, default=0, help="of all but the two coordinates")
    verb.set_defaults(run=manifold)

    about = "codes of held-out images as points in the colours of their classes"
    verb = subparsers.add_parser("scatter", help=about, description=f"Draw {about}.")
    _writes(verb)
    _takes_data(verb, "points (2000)", 2000, 10)
    verb.set_defaults(run=scatter)

    about = "the style of images under every label, where the decoder is told it"
    verb = subparsers.add_parser("relabel", help=about, description=f"Paint {about}.")
    _writes(verb)
    verb.add_argument("pictures", nargs="*", metavar="PICTURE", help="files; else held-out images")
    _takes_data(verb, "held-out images (10)", 10, 1)
    verb.add_argument(
        "--zoom", type=whole(1), help="screen pixels per image pixel, a whole number"
    )
    verb.set_defaults(run=relabel)


def reconstruct(args: Namespace) -> dict[str, Any]:
    """Paint each picture's code beside it, and say how near it comes."""
    from sfumato import atlas
    from sfumato.io.images import save
    from sfumato.io.sheets import pairs
    from sfumato.metrics.distortion import EQUAL, psnr
    from sfumato.metrics.score import Score

    choice = _chosen(args)
    path = file(args, "reconstruction.png")
    model = loaded(args.place, args.device, args.verb)
    chosen = {"pictures": args.pictures} if args.pictures else {"data": _source(args)}
    found = atlas.reconstruct(model, **chosen, **choice, **asked(args))
    near = found.psnr.tolist()
    words = [f"{decibels:.1f} dB" for decibels in near]
    save(pairs(found.images, found.painted, words, args.zoom or zoom(model)), path)
    for name, word in zip(args.pictures, words, strict=False):
        say(f"{name}: {word}")
    flat = psnr(found.images.mean((2, 3), keepdim=True).expand_as(found.images), found.images)
    ours, floor = (float(rows.clamp(max=EQUAL).mean()) for rows in (found.psnr, flat))
    mean = Score(ours, floor, n=len(near))
    say(f"PSNR {mean}")
    said = {"psnr": near, **began(args, "seed", choice["seed"])}
    return report(args, model, path) | said | {"metrics": {"psnr": mean.to_json()}}


def manifold(args: Namespace) -> dict[str, Any]:
    """Paint the plane."""
    from sfumato import atlas
    from sfumato.io.images import save_grid

    path = file(args, "manifold.png")
    model = sampler(args)
    images = atlas.manifold(model, args.side, seed=args.seed, **asked(args))
    save_grid(images, path, columns=args.side, zoom=args.zoom or zoom(model), gap=0)
    return report(args, model, path) | {"side": args.side, "seed": args.seed}


def scatter(args: Namespace) -> dict[str, Any]:
    """Draw the points, and say how well classes can be read from the codes."""
    from sfumato import atlas
    from sfumato.io.plots import points

    path = picture(target(args.out, args.place, "codes.png"), ".png")
    model = loaded(args.place, args.device, args.verb)
    choice = _chosen(args)
    found = atlas.scatter(model, _source(args), **choice)
    points(found.where, found.labels, found.classes, path, axes=found.axes)
    said = {"model": called(model), "run": run_of(args.place), "files": wrote(path)}
    shown = {"count": len(found.where), "axes": found.axes, "seed": choice["seed"]}
    return {**said, **shown, "metrics": _readable(found, choice["seed"])}


def _readable(found: "Points", seed: int) -> dict[str, Any]:
    """The share of codes whose class their nearest neighbours give away."""
    from sfumato.metrics.readable import nearest_accuracy
    from sfumato.metrics.score import Score

    if found.labels is None:
        return {}
    share, n = nearest_accuracy(found.codes, found.labels), len(found.labels)
    say(f"{share:.1%} have the class of most of their 5 nearest codes")
    floor = int(found.labels.bincount().max()) / n
    return {"nearest": Score(share, floor, 1.0, n, seed=seed).to_json()}


def relabel(args: Namespace) -> dict[str, Any]:
    """Paint each image's style under each label, the image itself to the left."""
    from sfumato import atlas
    from sfumato.io.images import save
    from sfumato.io.sheets import headed

    choice = _chosen(args)
    path = picture(target(args.out, args.place, "relabelled.png"), *PICTURES)
    model = loaded(args.place, args.device, args.verb)
    data = None if args.pictures else _source(args)
    found = atlas.relabel(model, args.pictures or None, data=data, **choice)
    save(headed(found.images, found.painted, found.classes, args.zoom or zoom(model)), path)
    say(f"each row: an image, and its style as {', '.join(found.classes)}")
    said = {"model": called(model), "run": run_of(args.place), "files": wrote(path)}
    return {**said, "count": len(found.images), "seed": choice["seed"]}


def _writes(verb: ArgumentParser) -> None:
    takes_place(verb)
    verb.add_argument("-o", "--out", help="where to write; under a telling name unless said")


def _takes_data(verb: ArgumentParser, things: str, count: int, least: int) -> None:
    verb.add_argument("--data", metavar="D", help="real images; a run knows what it learned from")
    verb.add_argument("-n", "--count", type=whole(least), help=things)
    verb.add_argument("--seed", type=int, help="of the choice among held-out images (0)")
    verb.set_defaults(usual=count)


def _chosen(args: Namespace) -> dict[str, Any]:
    """How many held-out images, and which. Raises ConfigError where that was said in vain."""
    if getattr(args, "pictures", None):
        unsaid(args, HELD, "data", "count", "seed")
    return {"count": args.count or args.usual, "seed": args.seed or 0}


def _source(args: Namespace) -> "Source":
    from sfumato.evaluation import source_of

    return source_of(args.place, args.data)
