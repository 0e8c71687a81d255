"""The verb reproduce: every system trained and measured again, and the table of results."""

from argparse import Namespace, _SubParsersAction
from pathlib import Path
from typing import Any

from sfumato.cli.parser import whole
from sfumato.cli.places import say, wrote


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb."""
    about = "train and score every system again, and rewrite the table of results"
    verb = subparsers.add_parser(
        "reproduce",
        help=about,
        description="Train and score every system by its recipe, and rewrite docs/results.md and "
        "the README's table. What was measured already is not measured again, and what was cut "
        "goes on.",
    )
    verb.add_argument("--only", metavar="NAME", nargs="+", default=[], help="these models alone")
    verb.add_argument("--recipe", metavar="R", default="laptop", help="laptop unless said")
    verb.add_argument(
        "--seeds", metavar="N", type=whole(1), default=3, help="of what trains in 15 minutes (3)"
    )
    verb.add_argument(
        "--quick", action="store_true", help="a few batches of each, kept in runs/quick"
    )
    verb.add_argument("--precision", metavar="P", help="32 or bf16 (the faster, measured)")
    verb.add_argument("--tagger", metavar="PLACE", help="what says which attributes samples have")
    verb.add_argument("-o", "--out", metavar="FOLDER", default=".", help="where all is kept (.)")
    verb.set_defaults(run=reproduce)


def reproduce(args: Namespace) -> dict[str, Any]:
    """Train, score, write."""
    from sfumato import reproducing

    done = reproducing.reproduce(
        args.only,
        recipe=args.recipe,
        seeds=args.seeds,
        quick=args.quick,
        precision=args.precision,
        tagger=args.tagger,
        folder=Path(args.out),
        tell=say,
    )
    say(f"{len(done.measured)} measured, {len(done.found)} found, {len(done.skipped)} skipped")
    files = wrote(*done.pages)
    report: dict[str, Any] = {
        "files": files,
        "measured": done.measured,
        "found": done.found,
        "skipped": done.skipped,
    }
    if done.stopped:
        say(f"stopped by {done.stopped} and saved; the same line goes on")
    return report | ({"stopped": done.stopped} if done.stopped else {})
