"""Verbs that measure: evaluate, compare."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfumato.cli.draw import zoom
from sfumato.cli.parser import whole
from sfumato.cli.places import (
    aligned,
    called,
    picture,
    run_of,
    say,
    takes_place,
    target,
    tested_on,
    wrote,
)
from sfumato.errors import ConfigError

if TYPE_CHECKING:
    from PIL import Image

    from sfumato.data.source import Source
    from sfumato.metrics.score import Score
    from sfumato.model import Sampler

_SHOWN = 36


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verbs."""
    about = "scores, each beside what a trivial and a perfect system get"
    verb = subparsers.add_parser("evaluate", help=about, description=f"Print {about}.")
    takes_place(verb)
    _takes_protocol(verb)
    verb.set_defaults(run=evaluate)
    about = "scores of several runs, bundles or zoo names side by side"
    verb = subparsers.add_parser("compare", help=about, description=f"Print {about}.")
    takes_place(verb, many=True)
    _takes_protocol(verb)
    verb.add_argument("-o", "--out", help="also a page (.html) or a sheet (.png) with samples")
    verb.set_defaults(run=compare)


def evaluate(args: Namespace) -> dict[str, Any]:
    """Score one place."""
    from sfumato import evaluation
    from sfumato.cli.places import loaded

    model = loaded(args.place, args.device, args.verb)
    scores = evaluation.evaluate(args.place, tested_on(args), model=model, **_protocol(args))
    table({args.place: scores})
    return {
        "model": called(model),
        "run": run_of(args.place),
        "expects": _expected(args.place, scores),
        "metrics": {name: score.to_json() for name, score in scores.items()},
    }


def _expected(place: str, scores: "Mapping[str, Score]") -> dict[str, Any]:
    """Say which of the scores that a run's recipe is known to reach were reached."""
    from sfumato.io.files import at_home
    from sfumato.runs import Run

    if run_of(place) is None:
        return {}
    found = {}
    for name, wish in Run(at_home(place)).recipe()[1].expects.items():
        if score := scores.get(name):
            up = score.better == "higher"
            reached = score.value >= wish if up else score.value <= wish
            found[name] = {"expected": wish, "reached": reached}
            sign, verdict = "≥" if up else "≤", "reached" if reached else "missed"
            say(f"  {name}: the recipe is known to reach {sign} {wish:g}: {verdict}")
    return found


def compare(args: Namespace) -> dict[str, Any]:
    """Score several places and set them side by side."""
    from sfumato import evaluation
    from sfumato.cli.places import loaded
    from sfumato.model import Sampler

    if len(args.place) < 2:
        raise ConfigError("compare needs two places or more; evaluate takes one.")
    if twice := next((place for place in args.place if args.place.count(place) > 1), None):
        raise ConfigError(f"compare was given {twice} twice; name each place once.")
    path = None
    if args.out is not None:
        path = picture(target(args.out, args.place[0], "comparison.html"), ".html", ".png")
    source = _source(args)
    # every mistake is found before anything is measured
    models = {place: loaded(place, args.device, args.verb) for place in args.place}
    draws = {place: model for place, model in models.items() if isinstance(model, Sampler)}
    if path and path.suffix.lower() == ".png" and not draws:
        raise ConfigError(f"-o {path}: none of these draws; use .html for the table alone.")
    words = _protocol(args)
    rows = [evaluation.row(place, model, source, **words) for place, model in models.items()]
    columns = {row["place"]: row["scores"] for row in rows}
    table(columns)
    said = [
        {**row, "scores": {name: score.to_json() for name, score in row["scores"].items()}}
        for row in rows
    ]
    files = _picture(columns, draws, args.seed, path) if path else []
    return {"places": said, "metrics": {r["place"]: r["scores"] for r in said}, "files": files}


def _takes_protocol(verb: ArgumentParser) -> None:
    verb.add_argument("--data", metavar="D", help="real images; a run knows what it learned from")
    verb.add_argument("--split", metavar="PART", help="part of --data to compare with")
    about = "samples: 10,000 unless said, 2,000 where Inception looks at them"
    verb.add_argument("-n", "--count", type=whole(1), help=about)
    verb.add_argument("--features", metavar="NET", help="network whose features are compared")
    verb.add_argument("--tagger", metavar="PLACE", help="what says which attributes samples have")
    verb.add_argument("--seed", type=int, default=0, help="of the samples")
    verb.add_argument(
        "--probe", action="store_true", help="instead, what the judge knows of the classes"
    )


def _protocol(args: Namespace) -> dict[str, Any]:
    from sfumato.preset import pick_device

    device = pick_device(args.device)
    given = {"count": args.count, "features": args.features, "tagger": args.tagger}
    return {**given, "seed": args.seed, "probe": args.probe, "device": device}


def _source(args: Namespace) -> "Source | None":
    """The images that all places are shown; None where each has its own."""
    from sfumato.data.source import Source

    if args.data is None:
        if args.split is not None:
            raise ConfigError("--split is a part of --data; give both.")
        return None
    return Source(name=args.data, split=args.split or "train")


def table(columns: "Mapping[str, Mapping[str, Score]]") -> None:
    """Print scores by place, with the ends of their scales, then what must be said of them."""
    from sfumato.cli.page import agreed, ends, number

    rows = [["score", *columns, "trivial", "real", "n", "features"]]
    for name in dict.fromkeys(name for scores in columns.values() for name in scores):
        held = [scores.get(name) for scores in columns.values()]
        first = next(score for score in held if score is not None)
        rows.append(
            [
                f"{name} {first.arrow}",
                *map(number, held),
                ends(held, "floor"),
                ends(held, "ceiling"),
                agreed(f"{score.n:,}" if score.n else "" for score in held if score),
                agreed(score.features for score in held if score),
            ]
        )
    say(aligned(rows))
    for place, scores in columns.items():
        for note, names in notes(scores).items():
            say(f"  {f'{place}: ' if len(columns) > 1 else ''}{', '.join(names)}: {note}")


def notes(scores: "Mapping[str, Score]") -> dict[str, list[str]]:
    """What must be said of some scores, to the names of those it is said of."""
    found: dict[str, list[str]] = {}
    for name, score in scores.items():
        for note in filter(None, score.note.split("; ")):
            found.setdefault(note, []).append(name)
    return found


def _picture(
    columns: "Mapping[str, Mapping[str, Score]]",
    draws: "Mapping[str, Sampler]",
    seed: int,
    path: Path,
) -> list[str]:
    """Write scores and samples; of what does not draw, the scores alone."""
    from sfumato.cli.page import figure, figures, page, section
    from sfumato.cli.page import scores as score_table
    from sfumato.io.files import atomic
    from sfumato.io.images import save
    from sfumato.io.sheets import beside

    grids = {place: _grid(model, seed) for place, model in draws.items()}
    if path.suffix.lower() == ".png":
        save(beside(list(grids.items())), path)
        return wrote(path)
    shown = figures(*(figure(sheet, place) for place, sheet in grids.items()))
    table = f'<div class="scroll">{score_table(columns)}</div>'
    samples = section(f"Samples of seed {seed}", shown) if grids else ""
    text = page("Side by side", escape(" · ".join(columns)), samples, section("Scores", table))
    with atomic(path) as temporary:
        temporary.write_text(text, "utf-8")
    return wrote(path)


def _grid(model: "Sampler", seed: int) -> "Image.Image":
    """Samples of one model."""
    from sfumato.io.images import grid
    from sfumato.sampling import layout, rounds, sample

    count = rounds(model, _SHOWN)
    images = sample(model, count, seed=seed)
    return grid(images, layout(model, count), zoom=zoom(model))
