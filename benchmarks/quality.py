"""A recipe's quality, seed by seed: python benchmarks/quality.py dcgan --recipe laptop --seed 0.

Trains exactly as `sfumato train MODEL --recipe R --seed S` does, in a process that a user would
start, and scores 10,000 samples, or as many as the data hold out.
"""

import argparse
import time
from pathlib import Path

import torch
from record import keep

from sfumato.evaluation import evaluate
from sfumato.training import train


def main() -> None:
    """Train, score, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--recipe", default="laptop")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tagger", help="what names the attributes of samples")
    parser.add_argument("--precision", help="named, so that it is not timed on a busy machine")
    parser.add_argument("-n", "--count", type=int, default=10_000)
    parser.add_argument("--out", type=Path, help="run folder; resumed where it exists")
    args = parser.parse_args()
    out = args.out or Path(f"runs/{args.model}-{args.recipe}-{args.seed}")
    if out.exists():
        run = train(args.model, out=out, resume=True)
    else:
        run = train(
            args.model, recipe=args.recipe, seed=args.seed, out=out, precision=args.precision
        )
    if run.stopped:  # what a part of the recipe reaches is not what the recipe reaches
        raise SystemExit(f"stopped by {run.stopped}; the same command goes on with {out}")
    card = run.read()
    clock = torch.load(run.checkpoint, weights_only=True, mmap=True)["callbacks"]["Clock"]
    start = time.perf_counter()
    extra = {"tagger": args.tagger} if args.tagger else {}
    scores = evaluate(run.path, n=args.count, seed=args.seed, **extra)
    keep(
        f"quality-{args.model}-{args.recipe}-{args.seed}",
        {
            "model": args.model,
            "recipe": args.recipe,
            "tagger": args.tagger,
            "data": card["recipe"]["data"]["name"],
            "seed": args.seed,
            "minutes": round(clock["elapsed"] / 60, 1),
            "minutes to score": round((time.perf_counter() - start) / 60, 1),
            "steps": card["recipe"]["steps"],
            "batch": card["recipe"]["batch"],
            "preset": card["preset"],
            "scores": {name: score.to_json() for name, score in scores.items()},
        },
    )


if __name__ == "__main__":
    main()
