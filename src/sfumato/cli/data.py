"""The verb data: which sources there are, fetching, checking and preparing them."""

from argparse import Namespace, _SubParsersAction
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfumato.cli.parser import sentence
from sfumato.cli.places import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfumato.data.dataset import Report
    from sfumato.data.source import Source

_SHOWN = 12


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb and its own verbs."""
    about = "the sources of images: list, get, check, prepare"
    verb = subparsers.add_parser("data", help=about, description=f"Look after {about}.")
    verb.set_defaults(complete=_complete)
    actions = verb.add_subparsers(dest="action", metavar="list|get|check|prepare", required=True)
    words = {
        "list": (list_sources, "every name there is, and where it is found"),
        "get": (get, "fetch a known set, or a hub repository, unless it is here"),
        "check": (look, "read every picture and count sizes, classes and bad files"),
        "prepare": (prepare, "decode, crop and scale once, into the cache"),
    }
    for name, (run, about) in words.items():
        action = actions.add_parser(name, help=about, description=sentence(about))
        action.set_defaults(run=run)
        if name != "list":
            action.add_argument("name", metavar="NAME", help="a listed name, a path or a hub id")


def list_sources(args: Namespace) -> dict[str, Any]:
    """Print every embedded and known source."""
    from sfumato.data import names
    from sfumato.data.catalogue import where

    sources = {name: {"summary": text, "where": where(name)} for name, text in names().items()}
    wide = max(map(len, sources))
    for name, facts in sources.items():
        say(f"{name:<{wide}}  {facts['summary']}")
        say(f"{'':<{wide}}  {facts['where']}")
    say("\nor the path of a folder or archive of pictures, or the id of a hub repository")
    return {"sources": sources}


def get(args: Namespace) -> dict[str, Any]:
    """Fetch the parts train and test of a source, as far as it has them."""
    from sfumato.data.catalogue import fetch

    source = _source(args)
    place, counts = fetch(source)
    said = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    say(f"{source.name} is here: {place}" + (f" ({said})" if said else ""))
    return {"data": source.name, "where": place, "images": counts}


def look(args: Namespace) -> dict[str, Any]:
    """Read every picture of a source and say what there is."""
    from sfumato.data import names
    from sfumato.data.check import check

    source = _source(args)
    if source.name in names() and Path(source.name).is_dir():
        say(f"{source.name} is the set of that name; the folder here is ./{source.name}")
    found = check(source)
    say(f"{source.name}, {source.split}: {found.report.line()}")
    say(f"fields   {', '.join(found.fields)}; {'grey' if found.channels == 1 else 'colour'}")
    say(f"sizes    {_few(found.sizes)}")
    if found.classes:
        unknown = f"; of {found.unlabelled:,} not known" if found.unlabelled else ""
        say(f"classes  {_few(found.classes)}{unknown}")
    if found.attributes:
        say(f"measured {_few({name: _range(ends) for name, ends in found.attributes.items()})}")
    _say_skipped(found.report)
    facts = {name: value for name, value in asdict(found).items() if name != "report"}
    return {"data": source.name, "source": asdict(source), **found.report.json(), **facts}


def prepare(args: Namespace) -> dict[str, Any]:
    """Open a source, which prepares it where that is needed."""
    from numpy import memmap

    from sfumato import data

    source = _source(args)
    dataset = data.open(source)
    image = dataset.columns["image"]
    folder = str(Path(str(image.filename)).parent) if isinstance(image, memmap) else None
    channels, height, width = dataset.schema.shape
    say(f"{source.name}, {source.split}: {dataset.report.line()}, {width}x{height}x{channels}")
    say(f"prepared in {folder}" if folder else "needs no preparation: it is used as it is stored")
    _say_skipped(dataset.report)
    return {
        "data": source.name,
        "source": asdict(source),
        "shape": dataset.schema.shape,
        "fields": dataset.fields,
        "fingerprint": dataset.fingerprint,
        "files": [folder] if folder else [],
        **dataset.report.json(),
    }


def _complete(verb: Any, words: list[str]) -> None:
    """Give the chosen action an option for each field of a source."""
    from sfumato.data.source import Source
    from sfumato.settings import settings

    actions = next(a for a in verb._actions if isinstance(a, _SubParsersAction))
    chosen = actions.choices.get(words[0]) if words else None
    if chosen is None or words[0] in ("list", "get"):  # which cut nothing
        return
    # these change what is learned from a picture, not whether it can be read
    unseen = {"labels", "other", "patch"} if words[0] == "check" else set()
    for field in settings(Source):
        if field.name not in {"name", *unseen}:
            chosen.add_argument(
                f"--data.{field.name}",
                metavar="VALUE",
                help=field.about,
                # a flag needs no value, as in train
                **({"nargs": "?", "const": "true"} if field.kind == "bool" else {}),
            )


def _source(args: Namespace) -> "Source":
    """The source that the words describe."""
    from sfumato.data.source import Source
    from sfumato.settings import build

    said = {
        name.removeprefix("data."): value
        for name, value in vars(args).items()
        if name.startswith("data.") and value is not None
    }
    return build(Source, {"name": args.name, **said}, "data.")


def _range(ends: "Sequence[float] | Sequence[str]") -> str:
    """Where a number lies, or what a choice is among."""
    numbers = [f"{end:g}" for end in ends if not isinstance(end, str)]
    return "..".join(numbers) or "|".join(map(str, ends))


def _few(counts: dict[str, Any]) -> str:
    shown = [f"{name} {count}" for name, count in list(counts.items())[:_SHOWN]]
    more = len(counts) - _SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _say_skipped(report: "Report") -> None:
    """The reasons, most frequent first, then the first files."""
    reasons = Counter(reason for _, reason in report.skipped)
    for reason, count in reasons.most_common(_SHOWN):
        say(f"skipped  {count}: {reason}")
    for name, reason in report.skipped[:_SHOWN]:
        say(f"         {name}: {reason}")
