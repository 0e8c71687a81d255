"""Regenerate the zoo's painter in any style: python benchmarks/style_zoo.py.

Squares are cut and drawn by `style_squares.py`, WCT learns from them, and its loss is measured
on squares of the right thirds of the photographs, each in the style of another.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from zoo import ZOO

import sfumato
from sfumato import data, runs
from sfumato.data.source import Source
from sfumato.randomness import generator


def main() -> None:
    """Draw, learn, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--squares", type=Path, help="drawn already")
    parser.add_argument("--run", type=Path, help="keep the training there, or go on with it")
    parser.add_argument("--out", type=Path, default=ZOO)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        squares = args.squares or Path(folder) / "squares"
        script = str(Path(__file__).with_name("style_squares.py"))
        if not args.squares:
            subprocess.run([sys.executable, script, str(squares)], check=True)
        place = args.run or Path(folder) / "run"
        run = sfumato.train(
            "wct",
            data=Source(name=str(squares), patch=128, flip=True),
            recipe="laptop",
            config={"decay_steps": args.steps},
            steps=args.steps,
            seed=args.seed,
            out=place,
            resume=place.exists(),
            device="cpu",
            precision="bf16",
        )
        print((run.path / "metrics.csv").read_text())
        # what is shipped, and so measured, has 16 bits a weight
        model = runs.load(run.path).half().float()
    held = data.open(Source(name="photos", split="test", side=144))
    scores = model.measure(held, generator(args.seed, "measure"))
    rows = "\n".join(f"| {key} | {score} |" for key, score in scores.items())
    card = (
        "# wct\n\nPaints any picture in the style of any other, in one pass of four turns.\n\n"
        "- data: 8,000 squares of 144 pixels: ten photographs that scikit-image and scikit-learn "
        "carry (left two thirds), facades (CMP, CC BY-SA), four old paintings in the public "
        "domain, and drawings made here: `python benchmarks/style_squares.py FOLDER`\n"
        "- these weights: Apache-2.0\n"
        f"- seed: {args.seed}; {args.steps:,} steps of 4 pieces of 128 pixels in bfloat16; "
        f"torch {torch.__version__.partition('+')[0]}, CPU\n"
        f"- made by: `python benchmarks/style_zoo.py --steps {args.steps} --seed {args.seed}`\n\n"
        "| on squares of the photographs' right thirds, each in the style of another | |\n"
        f"|---|---|\n{rows}\n"
    )
    runs.save_bundle(model.half(), args.out / "wct", card)
    print(card)


if __name__ == "__main__":
    main()
