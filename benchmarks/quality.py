"""The laptop recipe of DCGAN on MNIST, seed by seed: python benchmarks/quality.py --seed 0.

Trains exactly as `sfumato train dcgan --recipe laptop --data mnist --seed S`, and scores 10,000
samples.
"""

import argparse
import time
from pathlib import Path

from record import keep

from sfumato.evaluation import evaluate
from sfumato.training import train


def main() -> None:
    """Train, score, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=None, help="run folder; resumed when it exists"
    )
    args = parser.parse_args()
    out = args.out or Path(f"runs/laptop-mnist-{args.seed}")
    start = time.perf_counter()
    if out.exists():
        run = train("dcgan", out=out, resume=True)
    else:
        run = train("dcgan", recipe="laptop", data="mnist", seed=args.seed, out=out)
    minutes = (time.perf_counter() - start) / 60
    card = run.read()
    scores = evaluate(run.path, n=10_000, seed=args.seed)
    keep(
        f"dcgan-mnist-{args.seed}",
        {
            "seed": args.seed,
            "minutes": round(minutes, 1),
            "steps": card["recipe"]["steps"],
            "preset": card["preset"],
            "scores": {name: score.to_json() for name, score in scores.items()},
        },
    )


if __name__ == "__main__":
    main()
