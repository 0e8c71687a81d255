"""A Fader trained in legs, and the best of its snapshots: python benchmarks/fader.py RUN TAGGER.

The model is chosen as published (Lample et al. 2017, section 4, *model selection*), by two numbers
of the pictures it learned from: the error of painting them with their own attributes, and how
often a classifier trained apart reads another value where that was asked for. Of the snapshots
within 1 dB of the best error that with the largest sum of `flips` and `stays` is kept in
RUN/chosen; its numbers are of held-out pictures, which had no part in the choice.
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from record import keep

from sfumato import data, registry, runs
from sfumato.data.dataset import Dataset
from sfumato.evaluation import evaluate
from sfumato.evaluation.editing import edit_accuracy
from sfumato.evaluation.references import Split
from sfumato.metrics.score import Score
from sfumato.randomness import generator
from sfumato.training import train

LOOKED = 500
"""Pictures by which a snapshot is judged."""


def main() -> None:
    """Train, choose, measure, keep."""
    args = words()
    legs = range(1, args.legs + 1)
    for leg in legs:
        go_on(args, leg)
    rows = [snapshot(args, leg) for leg in legs]
    enough = max(row["psnr"] for row in rows) - 1
    best = max(
        (row for row in rows if row["psnr"] >= enough), key=lambda row: row["flips"] + row["stays"]
    )
    chosen = args.run / "chosen"
    shutil.rmtree(chosen, ignore_errors=True)
    shutil.copytree(args.run / f"leg-{best['leg']}", chosen)
    run = runs.Run(args.run)
    model, recipe = runs.load(chosen), run.recipe()[1]
    scores = evaluate(model, recipe.data, tagger=args.tagger, seed=0)
    keep(
        f"edits-{args.name or args.run.name}",
        {
            "run": args.run.name,
            "recipe": args.recipe,
            "attributes": list(recipe.data.attributes),
            "data": recipe.data.name,
            "side": recipe.data.side,
            "steps": recipe.steps,
            "batch": recipe.batch,
            "legs": args.legs,
            "tagger": args.tagger,
            "snapshots": rows,
            "chosen": best["leg"],
            "found": {name: score.to_json() for name, score in scores.items()},
        },
    )


def words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, help="run folder; gone on with where it exists")
    parser.add_argument("tagger", help="what was trained apart and names the attributes")
    parser.add_argument("--recipe", default="laptop")
    parser.add_argument("--steps", type=int, help="in all; the recipe's unless said")
    parser.add_argument("--legs", type=int, default=4, help="snapshots to choose from")
    parser.add_argument("--attributes", help="others than the recipe's: bold,colour")
    parser.add_argument("--name", help="of the file of numbers; the run's unless said")
    parser.add_argument("--precision", help="named, so that it is not timed on a busy machine")
    return parser.parse_args()


def snapshot(args: argparse.Namespace, leg: int) -> dict[str, Any]:
    """What became of pictures learned from, at the end of a leg."""
    model, recipe = runs.load(args.run / f"leg-{leg}"), runs.Run(args.run).recipe()[1]
    learned = data.open(recipe.data)
    order = torch.randperm(len(learned), generator=generator(0, "choice"))[:LOOKED]
    scores: dict[str, Score] = {}
    scores |= edit_accuracy(model, args.tagger, Split(learned, order), LOOKED, 0, 250)
    near = part_of(learned, order)
    scores |= model.measure(near, generator(0, "choice"))
    found = {name: round(score.value, 4) for name, score in scores.items()}
    print(leg, found, flush=True)
    return {"leg": leg, **found}


def go_on(args: argparse.Namespace, leg: int) -> None:
    """Train up to the end of a leg, and keep the bundle."""
    folder = args.run / f"leg-{leg}"
    if folder.exists():
        return
    steps = args.steps or registry.module("fader").RECIPES[args.recipe].steps
    until = steps * leg // args.legs
    if runs.Run(args.run).exists:
        train("fader", out=args.run, resume=True, steps=until)
    else:
        begin(args, until)
    shutil.copytree(runs.Run(args.run).bundle, folder)


def begin(args: argparse.Namespace, until: int) -> None:
    base = registry.module("fader").RECIPES[args.recipe].data
    names = tuple(args.attributes.split(",")) if args.attributes else base.attributes
    train(
        "fader",
        recipe=args.recipe,
        data=replace(base, attributes=names),
        steps=until,
        out=args.run,
        device="cpu",
        precision=args.precision,
    )


def part_of(learned: Dataset, rows: torch.Tensor) -> Dataset:
    """Some rows as a data set of their own."""
    columns = {name: column[rows.numpy()] for name, column in learned.columns.items()}
    return replace(learned, columns=columns, digest="")


if __name__ == "__main__":
    main()
