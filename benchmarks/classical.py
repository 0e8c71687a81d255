"""Learners of before the networks on pyramid_svm's features: python benchmarks/classical.py.

Scikit-learn's LinearSVC (C = 1, hinge loss), a random forest and gradient boosting learn from the
features that pyramid_svm computes of Fashion-MNIST, pyramid alone and with rectified differences.
LinearSVC is the solver that pyramid_svm must agree with. A row that was measured is kept and not
measured again, so the same command goes on where it was cut off.
"""

import argparse
import json
import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from record import RESULTS, keep
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.svm import LinearSVC

from sfumato import data as sources
from sfumato.data.dataset import Dataset
from sfumato.model import Classifier
from sfumato.planning import build, plan

KINDS = {"pyramid": "source", "rectified": "laptop"}
"""Kind of features to the recipe that has it."""


def learners(seed: int) -> dict[str, Any]:
    """Name to what learns."""
    return {
        "LinearSVC": LinearSVC(C=1.0, loss="hinge", max_iter=300, random_state=seed),
        "random forest, 100 trees": RandomForestClassifier(100, random_state=seed),
        "boosting, 100 rounds of 15 leaves": HistGradientBoostingClassifier(
            max_iter=100, max_leaf_nodes=15, max_bins=63, random_state=seed
        ),
    }


@torch.no_grad()
def features(model: Classifier, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of a whole data set."""
    rows = [model.features(data.batch(part).image) for part in torch.arange(len(data)).split(1000)]
    return torch.cat(rows).numpy(), data.columns["label"]


def main() -> None:
    """Learn, measure on the test split, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=list(learners(0)), default=list(learners(0)))
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    args = parser.parse_args()
    path = RESULTS / "classical.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    rows = known["rows"] if known.get("seed") == args.seed else []
    for kind in args.kinds:
        left = [
            n for n in args.only if (n, kind) not in {(r["learner"], r["features"]) for r in rows}
        ]
        if not left:
            continue
        recipe = plan("pyramid_svm", recipe=KINDS[kind])
        parts = [sources.open(replace(recipe.data, split=split)) for split in ("train", "test")]
        model = build("pyramid_svm", recipe, parts[0]).eval()
        assert isinstance(model, Classifier)
        learned, held = (features(model, part) for part in parts)
        for name in left:
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # how far LinearSVC came is said by its score
                found = learners(args.seed)[name].fit(*learned)
            rows.append(
                {
                    "learner": name,
                    "features": kind,
                    "accuracy": float(found.score(*held)),
                    "minutes": round((time.perf_counter() - start) / 60, 1),
                }
            )
            print(rows[-1], flush=True)
            keep(
                "classical",
                {"data": "fashion-mnist", "seed": args.seed, "n": 10_000, "rows": rows},
            )


if __name__ == "__main__":
    main()
