"""Verbs that ask what the codes mean: traverse, arithmetic."""

from argparse import Namespace, _SubParsersAction
from typing import TYPE_CHECKING, Any

from sfumato.cli.asking import asked, takes_truncation
from sfumato.cli.draw import began, drawing, file, report, takes_pictures, zoom
from sfumato.cli.parser import positive, several, whole
from sfumato.cli.places import loaded, real_images, sampler, say, unsaid

if TYPE_CHECKING:
    from PIL import Image

    from sfumato.exploring import Sum
    from sfumato.model import Sampler


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verbs."""
    about = "a row for each axis of the codes and each condition: what it changes"
    verb = drawing(subparsers, "traverse", about)
    verb.add_argument("--axes", type=several, default=[], metavar="A,B", help="only these")
    verb.add_argument("--steps", type=whole(2), default=9, help="images of a number (default 9)")
    verb.add_argument("--seed", type=int, help="of the image that is changed (0)")
    takes_pictures(verb, "?", "a file to change instead")
    verb.add_argument("--data", metavar="D", help="real images, for codes without a prior")
    takes_truncation(verb)
    verb.set_defaults(run=traverse)

    about = "add and subtract mean codes; without an expression, a sheet of seeds to choose from"
    verb = drawing(subparsers, "arithmetic", about)
    verb.add_argument(
        "expression", nargs="?", metavar="SUM", help="seeds in groups: '3,7,12 - 4,8 + 9'"
    )
    verb.add_argument("-n", "--count", type=whole(1), help="seeds on the sheet (64)")
    verb.add_argument("--noise", type=positive(), help="reach of the codes around the sum (0.25)")
    verb.add_argument(
        "--seed", type=int, default=0, help="of what is not asked for, and of the codes around"
    )
    takes_truncation(verb)
    verb.set_defaults(run=arithmetic)


def traverse(args: Namespace) -> dict[str, Any]:
    """Change one thing at a time in the image of a seed, or in a picture."""
    from sfumato import exploring
    from sfumato.io.images import save
    from sfumato.io.sheets import named_rows

    args.pictures = [args.pictures] if args.pictures else []
    if args.pictures:
        unsaid(args, "of an image that is drawn, and a picture is named", "seed", "truncation")
    else:
        unsaid(args, "for the codes of pictures, and none is named", "data")
    args.seed = args.seed or 0
    path = file(args, "traversal.png")
    model = loaded(args.place, args.device, args.verb)
    rows = exploring.traverse(
        model,
        args.axes,
        steps=args.steps,
        seed=args.seed,
        picture=args.pictures or None,
        truncation=args.truncation,
        data=real_images(args) if args.pictures else None,
        **asked(args),
    )
    named = [(f"{row.name}  {row.values[0]} … {row.values[-1]}", row.images) for row in rows]
    save(named_rows(named, args.zoom or zoom(model)), path)
    for row in rows:
        say(f"{row.name}: {', '.join(row.values)}")
    shown = [{"axis": row.name, "values": row.values} for row in rows]
    return report(args, model, path) | {"rows": shown, **began(args, "seed", args.seed)}


def arithmetic(args: Namespace) -> dict[str, Any]:
    """Paint a sum of mean codes, or the seeds to make one from."""
    from sfumato import exploring
    from sfumato.io.images import save

    if args.expression is not None:
        unsaid(args, "of the sheet of seeds, and a sum is named", "count")
        exploring.parse(args.expression)  # before the model is read
    else:
        unsaid(args, "of a sum, and none is named", "noise")
    args.count, args.noise = args.count or 64, args.noise or 0.25
    path = file(args, "seeds.png" if args.expression is None else "arithmetic.png")
    model = sampler(args)
    words = {"seed": args.seed, "truncation": args.truncation, **asked(args)}
    if args.expression is None:
        save(_seeds(args, model, words), path)
        return report(args, model, path) | {"count": args.count, "seed": args.seed}
    found = exploring.arithmetic(model, args.expression, noise=args.noise, **words)
    save(_sum(found, args.zoom or zoom(model)), path)
    said = {"expression": args.expression, "noise": args.noise, "seed": args.seed}
    return report(args, model, path) | said


def _seeds(args: Namespace, model: "Sampler", words: dict[str, Any]) -> "Image.Image":
    """The image of each seed above its number."""
    from sfumato.exploring import exemplars
    from sfumato.io.sheets import captioned

    numbers = range(args.count)
    images = exemplars(model, numbers, **words)
    return captioned(images, [str(n) for n in numbers], 16, args.zoom or zoom(model))


def _sum(found: "Sum", zoom: int) -> "Image.Image":
    """Groups in columns, exemplars above their mean; the sum amid its neighbours to the right."""
    import torch

    from sfumato.io.images import grid
    from sfumato.io.sheets import beside, stacked

    columns = []
    for (sign, seeds), images, mean in zip(
        found.groups, found.exemplars, found.means, strict=True
    ):
        title = f"{sign} mean of {', '.join(map(str, seeds))}"
        above = grid(images, columns=-(-len(images) // 3), zoom=zoom)
        columns.append((title, stacked([above, grid(mean[None], zoom=zoom)])))
    half = len(found.near) // 2
    around = torch.cat([found.near[:half], found.result, found.near[half:]])
    return beside([*columns, ("= the sum, amid codes near it", grid(around, zoom=zoom))])
