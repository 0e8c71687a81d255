"""The verb that sets attributes of pictures: edit."""

from argparse import Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfumato.cli.asking import takes_attributes, wished
from sfumato.cli.draw import PICTURES, zoom
from sfumato.cli.parser import whole
from sfumato.cli.places import (
    HELD,
    called,
    loaded,
    picture,
    run_of,
    say,
    takes_place,
    target,
    unsaid,
    wrote,
)

if TYPE_CHECKING:
    from sfumato.data.dataset import Batch
    from sfumato.editing import Edited
    from sfumato.model import Model


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb."""
    about = "pictures with other attributes, as strong as asked"
    verb = subparsers.add_parser("edit", help=about, description=f"Paint {about}.")
    takes_place(verb)
    verb.add_argument("pictures", nargs="*", metavar="PICTURE", help="files; else held-out images")
    words = "colour=red, colour=red:1.5, or smiling=+1.5; several (-1,0,+1) give a strip"
    takes_attributes(verb, words)
    verb.add_argument(
        "-o", "--out", help="where to write; here, under a telling name, unless said"
    )
    verb.add_argument("--zoom", type=whole(1), help="screen pixels per image pixel")
    verb.add_argument("--data", metavar="D", help="held-out images of it; a run knows its own")
    verb.add_argument("-n", "--count", type=whole(1), help="held-out images (4)")
    verb.add_argument("--seed", type=int, help="of the choice among held-out images (0)")
    verb.set_defaults(run=edit)


def edit(args: Namespace) -> dict[str, Any]:
    """Write the edited picture, or a sheet: a row for each picture, a column for each wish."""
    from sfumato.editing import described
    from sfumato.editing import edit as edited

    if args.pictures:
        unsaid(args, HELD, "data", "count", "seed")
    named = Path(args.pictures[0]).stem if args.pictures else args.place
    path = picture(target(args.out, named, "edited.png"), *PICTURES)
    model = loaded(args.place, args.device, args.verb)
    shown: Any = args.pictures or _held_out(args, model)
    found = edited(model, shown, wished(args))
    own = [described(model.schema, row) for row in found.own.tolist()]
    for name, words in zip(args.pictures, own, strict=False):
        say(f"{name}: {_size(name, model)}; read as {words}")
    _write(found, path, args.zoom, zoom(model))
    said = {"model": called(model), "run": run_of(args.place), "files": wrote(path)}
    seed = {} if args.pictures else {"seed": args.seed or 0}
    return {**said, "pictures": args.pictures, "own": own, "asked": list(found.words), **seed}


def _held_out(args: Namespace, model: "Model") -> "Batch":
    """Pictures nobody learned from, with what they have."""
    from sfumato.encoding import as_told
    from sfumato.evaluation import held_out, source_of

    split = held_out(model, source_of(args.place, args.data), seed=args.seed or 0)
    split.data.require(("attributes",), "edit of held-out images")
    batch = split.data.batch(split.rows[: args.count or 4])
    return as_told(model, batch, split.data, "attributes")


def _size(name: str, model: "Model") -> str:
    """What became of the picture's size."""
    from sfumato.io.images import read

    wide, high = read(name).size
    side = model.schema.side
    if (wide, high) == (side, side):
        return f"{side}x{side} pixels"
    square = "" if wide == high else ", its central square"
    return f"{wide}x{high} pixels{square} scaled to {side}x{side}"


def _write(found: "Edited", path: Path, zoom: int | None, usual: int) -> None:
    import torch

    from sfumato.io.images import grid, save
    from sfumato.io.sheets import headed

    if len(found.images) == len(found.painted) == 1:
        save(grid(found.painted[0], zoom=zoom or 1, gap=0), path)
    else:
        save(headed(found.images, torch.stack(found.painted, 1), found.words, zoom or usual), path)
