"""The verb that sets a part of one picture into another: blend."""

from argparse import ArgumentTypeError, Namespace, _SubParsersAction
from pathlib import Path
from typing import Any

from sfumato.cli.draw import PICTURES
from sfumato.cli.parser import sentence
from sfumato.cli.places import first_frame, picture, run_of, takes_device, target, wrote

METHODS = ("poisson", "mixed", "modified", "splines", "gaussian-poisson")
"""As `sfumato.blending.METHODS` has them, which imports torch."""


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb."""
    about = "set a part of one picture into another without a seam"
    verb = subparsers.add_parser("blend", help=about, description=sentence(about))
    verb.add_argument("source", metavar="SOURCE", help="the picture that a part is taken of")
    verb.add_argument("destination", metavar="DESTINATION", help="the picture it is set into")
    verb.add_argument(
        "--mask", help="as large as SOURCE, white where it is taken (default: SOURCE's opacity)"
    )
    verb.add_argument(
        "--at", type=_corner, default=(0, 0), metavar="X,Y", help="where SOURCE's corner lies"
    )
    verb.add_argument(
        "--method",
        default="poisson",
        help=f"{', '.join(METHODS)}, gp-gan, a PLACE (default poisson)",
    )
    verb.add_argument(
        "-o", "--out", help="where to write; here, under a telling name, unless said"
    )
    takes_device(verb)
    verb.set_defaults(run=blend)


def blend(args: Namespace) -> dict[str, Any]:
    """Blend and write."""
    from sfumato.blending import blend as blended
    from sfumato.io.images import save
    from sfumato.preset import pick_device

    path = picture(target(args.out, Path(args.destination).stem, "blended.png"), *PICTURES)
    for place in filter(None, (args.source, args.destination, args.mask)):
        first_frame(place)
    words = {"at": args.at, "method": args.method, "device": pick_device(args.device)}
    found = blended(args.source, args.destination, args.mask, **words)
    save(found, path)
    return {
        "files": wrote(path),
        "run": run_of(args.method),
        "method": args.method,
        "at": list(args.at),
    }


def _corner(text: str) -> tuple[int, int]:
    try:
        x, y = (int(number) for number in text.split(","))
    except ValueError:
        raise ArgumentTypeError(f"must be two whole numbers such as 40,25, not {text!r}") from None
    return x, y
