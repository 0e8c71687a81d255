"""The verb that fills what is missing of a picture: complete."""

from argparse import Namespace, _SubParsersAction
from pathlib import Path
from typing import Any

from sfumato.cli.asking import asked, takes_conditions
from sfumato.cli.draw import PICTURES
from sfumato.cli.parser import sentence, whole
from sfumato.cli.places import bar, first_frame, picture, run_of, takes_device, target, wrote

METHODS = ("biharmonic", "membrane")
"""As `sfumato.completing.METHODS` has them, which imports torch."""


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb."""
    about = "fill what is missing of a picture"
    verb = subparsers.add_parser("complete", help=about, description=sentence(about))
    verb.add_argument("picture", metavar="PICTURE", help="any PNG, JPEG, WebP, TIFF ...")
    verb.add_argument(
        "--mask", help="as large as PICTURE, white where it is filled (default: what is clear)"
    )
    verb.add_argument(
        "--method",
        default="biharmonic",
        help=f"{', '.join(METHODS)} (default biharmonic), or a PLACE: a run, bundle or zoo name",
    )
    verb.add_argument(
        "--around", type=whole(1), metavar="N", help="pixels around each hole shown to a model"
    )
    verb.add_argument(
        "-o", "--out", help="where to write; here, under a telling name, unless said"
    )
    takes_device(verb)
    search = verb.add_argument_group("of a model whose codes are sought")
    search.add_argument("--tries", type=whole(1), help="codes to begin with (8)")
    search.add_argument("--steps", type=whole(1), help="of the search (500)")
    search.add_argument("--seed", type=int, help="of the codes (0)")
    takes_conditions(verb)
    verb.set_defaults(run=complete)


def complete(args: Namespace) -> dict[str, Any]:
    """Fill and write."""
    from sfumato.completing import STEPS, count
    from sfumato.completing import complete as completed
    from sfumato.io.images import save
    from sfumato.preset import pick_device

    path = picture(target(args.out, Path(args.picture).stem, "completed.png"), *PICTURES)
    device = pick_device(args.device)
    first_frame(args.picture)
    total = (args.steps or STEPS) * count(args.picture, args.mask, args.around)
    with bar("seeking", total) as tell:
        made = completed(
            args.picture,
            args.mask,
            method=args.method,
            around=args.around,
            device=device,
            seed=args.seed,
            tries=args.tries,
            steps=args.steps,
            tell=tell,
            **asked(args),
        )
    save(made, path)
    run = None if args.method in METHODS else run_of(args.method)
    return {"files": wrote(path), "run": run, "method": args.method, "size": list(made.size)}
