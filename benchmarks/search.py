"""Search by code at full size: python benchmarks/search.py RUN --in mnist.

Writes the training pictures of a known data set as files, indexes the folder, asks it for held-out
pictures, and compares codes with raw pixels by mean average precision.
"""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from record import keep

from sfumato import data as sources
from sfumato.data.dataset import Dataset
from sfumato.data.source import Source
from sfumato.io.images import save, to_picture
from sfumato.metrics.retrieval import chance, mean_average_precision
from sfumato.metrics.score import Score
from sfumato.randomness import generator
from sfumato.runs import load
from sfumato.searching import described, index, search

ASKED = 20
"""Queries that are timed."""


def main() -> None:
    """Index, ask, compare, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("--in", dest="within", default="mnist")
    parser.add_argument("-n", "--count", type=int, default=1000, help="queries of the MAP")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model = load(args.run)
    fit = Source(name=args.within, side=model.schema.side, channels=model.schema.channels)
    gallery, held = sources.open(fit), sources.open(replace(fit, split="test"))
    rows = torch.randperm(len(held), generator=generator(args.seed, "queries"))[: args.count]
    with TemporaryDirectory() as folder:
        os.environ["SFUMATO_CACHE"] = str(Path(folder) / "cache")
        written = _files(gallery, Path(folder) / "pictures")
        began = time.perf_counter()
        built = index(model, str(written))
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        assert index(model, str(written)).encoded == 0
        again = time.perf_counter() - began
        queries = [held.batch(row[None]).image for row in rows[:ASKED]]
        times = [search(model, query, str(written)).seconds for query in queries]
    scores = _scores(model, gallery, held, rows, args.seed)
    about = Path(args.run).name
    keep(
        f"search-{about}",
        {
            "run": about,
            "data": args.within,
            "images": len(built.items),
            "code": built.codes.shape[1],
            "seconds to index": round(seconds, 1),
            "seconds to bring up to date": round(again, 2),
            "milliseconds a query": round(1e3 * median(times), 2),
            "slowest query": round(1e3 * max(times), 2),
            "seed": args.seed,
            "retrieval": {name: score.to_json() for name, score in scores.items()},
        },
    )


def _files(data: Dataset, folder: Path) -> Path:
    """Every picture as a file, in folders of its class."""
    classes, labels = data.schema.classes, data.columns["label"]
    for name in classes:
        (folder / name).mkdir(parents=True)
    for row, pixels in enumerate(data.columns["image"]):
        save(to_picture(pixels), folder / classes[labels[row]] / f"{row:06}.png")
    return folder


def _scores(
    model: torch.nn.Module, gallery: Dataset, held: Dataset, rows: torch.Tensor, seed: int
) -> dict[str, Score]:
    """MAP of held-out queries among the gallery, by codes and by pixels."""
    every, asked = gallery.batch(torch.arange(len(gallery))), held.batch(rows)
    floor = chance(asked.label, every.label)
    ways = {
        "codes": (described(model, asked.image), described(model, every.image)),
        "pixels": (asked.image.flatten(1), every.image.flatten(1)),
    }
    return {
        name: Score(
            mean_average_precision(queries, asked.label, codes, every.label),
            floor,
            1.0,
            len(rows),
            seed=seed,
        )
        for name, (queries, codes) in ways.items()
    }


if __name__ == "__main__":
    main()
