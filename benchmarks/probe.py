"""What a judge that never saw a label knows of CIFAR-10: python benchmarks/probe.py.

Trains DCGAN on CIFAR-10 without labels, then a linear classifier on what its judge sees, beside
raw pixels and the same network with random weights. The run is resumed where it exists.
"""

import argparse
import time
from pathlib import Path

import torch
from record import keep

from sfumato.data.source import Source
from sfumato.evaluation.probe import probe
from sfumato.runs import load
from sfumato.training import train

CONFIG = {"width": 64, "latent": 100}
"""The paper's widths on the three rungs of 32 pixels."""


def main() -> None:
    """Train, probe, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", help="named, so that it is not timed on a busy machine")
    parser.add_argument("-n", "--count", type=int, default=10_000, help="labels to learn from")
    parser.add_argument("--out", type=Path, help="run folder; resumed where it exists")
    args = parser.parse_args()
    out, data = args.out or Path(f"runs/probe-{args.seed}"), Source(name="cifar10")
    if out.exists():
        run = train("dcgan", out=out, resume=True, steps=args.steps)
    else:
        run = train(
            "dcgan",
            recipe="paper",
            data=data,
            config=CONFIG,
            steps=args.steps,
            batch=args.batch,
            seed=args.seed,
            out=out,
            precision=args.precision,
        )
    clock = torch.load(run.checkpoint, weights_only=True, mmap=True)["callbacks"]["Clock"]
    start = time.perf_counter()
    scores = probe(load(run.path), data, n=args.count, seed=args.seed)
    keep(
        f"probe-cifar10-{args.seed}",
        {
            "seed": args.seed,
            "steps": args.steps,
            "batch": args.batch,
            "minutes": round(clock["elapsed"] / 60, 1),
            "minutes to probe": round((time.perf_counter() - start) / 60, 1),
            "labels": args.count,
            "scores": {name: score.to_json() for name, score in scores.items()},
        },
    )


if __name__ == "__main__":
    main()
