"""A recipe's quality under one seed: python benchmarks/quality.py dcgan --recipe laptop --seed 0.

The same as `sfumato reproduce --only dcgan`, for one seed, whatever was measured before.
"""

import argparse
from pathlib import Path

from record import keep

from sfumato.reproducing import Trial


def main() -> None:
    """Train, score, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--recipe", default="laptop")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", help="named, so that it is not timed on a busy machine")
    parser.add_argument("-n", "--count", type=int, help="samples, as evaluate takes unless said")
    parser.add_argument("--tagger", help="a run that says which attributes samples have")
    parser.add_argument("--out", type=Path, help="run folder; resumed where it exists")
    args = parser.parse_args()
    trial = Trial(args.model, args.recipe, args.seed)
    given = {"precision": args.precision, "count": args.count, "tagger": args.tagger}
    made = trial.measure(args.out or trial.out, **given)
    if isinstance(made, str):
        raise SystemExit(f"stopped by {made}; the same command goes on")
    keep(trial.name, made)


if __name__ == "__main__":
    main()
