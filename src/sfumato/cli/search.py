"""The verb search, which finds what is like a picture."""

from argparse import Namespace, _SubParsersAction
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sfumato.cli.draw import PICTURES, zoom
from sfumato.cli.parser import whole
from sfumato.cli.places import (
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
from sfumato.errors import SfumatoError

if TYPE_CHECKING:
    from sfumato.data.source import Source
    from sfumato.searching import Found

_WORDS = 16
_COLUMNS = 6


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb."""
    about = "the pictures of a folder whose codes are nearest to a picture's"
    verb = subparsers.add_parser("search", help=about, description=f"Find {about}.")
    takes_place(verb)
    verb.add_argument("query", metavar="PICTURE", help="the file to find others like")
    verb.add_argument(
        "--in",
        dest="within",
        required=True,
        metavar="WHERE",
        help="a folder or archive of pictures, or the name of a data set",
    )
    verb.add_argument("--split", metavar="PART", help="of a data set (train)")
    verb.add_argument("-k", "--count", type=whole(1), default=12, help="pictures to find (12)")
    verb.add_argument("-o", "--out", help="the sheet to write; under a telling name unless said")
    verb.add_argument(
        "--zoom", type=whole(1), help="screen pixels per image pixel, a whole number"
    )
    verb.set_defaults(run=search)


def search(args: Namespace) -> dict[str, Any]:
    """Bring the index up to date, look, and lay out what was found."""
    from sfumato import searching
    from sfumato.io.images import save

    path = picture(target(args.out, args.place, "found.png"), *PICTURES)
    model, source = loaded(args.place, args.device, args.verb), _source(args)
    found = searching.search(model, args.query, source, args.count)
    _tell(found)
    save(_sheet(found, args.zoom or zoom(model)), path)
    rows = zip(found.names, found.distances, strict=True)
    return {
        "model": called(model),
        "run": run_of(args.place),
        "files": wrote(path),
        "query": args.query,
        "found": [{"name": name, "distance": distance} for name, distance in rows],
        "milliseconds": round(1e3 * found.seconds, 3),
        "index": {
            "images": len(found.index.items),
            "encoded": found.index.encoded,
            "dropped": found.index.dropped,
            "skipped": [{"name": n, "reason": reason} for n, reason in found.index.skipped],
        },
    }


def _tell(found: "Found") -> None:
    held = found.index
    for name, reason in held.skipped:
        say(f"skipped {name}: {reason}")
    changed = f"{held.encoded:,} encoded now" + (f", {held.dropped:,} gone" * bool(held.dropped))
    say(f"{len(held.items):,} pictures in the index, {changed}")
    for name, distance in zip(found.names, found.distances, strict=True):
        say(f"{distance:8.3f}  {name}")
    say(f"found in {1e3 * found.seconds:.1f} ms")


def _sheet(found: "Found", zoom: int) -> Any:
    """The picture above what is like it."""
    from sfumato.io.sheets import captioned, stacked

    words = [_short(name) for name in found.names]
    rows = captioned(found.images, words, _COLUMNS, zoom)
    return stacked([captioned(found.query, ["like this"], 1, zoom), rows])


def _short(name: str) -> str:
    """The end of a name, and of a picture's class its folder."""
    tail = "/".join(PurePosixPath(name).parts[-2:])
    return tail if len(tail) <= _WORDS else f"…{tail[1 - _WORDS :]}"


def _source(args: Namespace) -> "Source":
    """What --in names. Raises SfumatoError, in which the option is called by its name."""
    from sfumato.data.catalogue import module
    from sfumato.data.source import Source

    try:
        kind = module(args.within)
    except SfumatoError as error:
        raise type(error)(str(error).replace("--data", "--in", 1)) from error
    if kind == "folder":
        unsaid(args, "of a data set, and of a folder all is searched", "split")
    return Source(name=args.within, split=args.split or "train")
