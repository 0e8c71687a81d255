"""Score a model, and read each number beside what a trivial and a perfect system would get."""

import sys
from pathlib import Path

import sfumato

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/measured")

sfumato.train("vae", data="digits", recipe="smoke", steps=100, out=folder)
for name, score in sfumato.evaluate(folder, count=200, seed=0).items():
    print(f"{name:<12} {score}")
