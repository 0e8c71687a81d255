"""Train a small DCGAN on handwriting that is already on disk, and draw from it."""

import sys
from pathlib import Path

import sfumato
from sfumato.io.images import save_grid

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/first")

run = sfumato.train("dcgan", data="digits", recipe="smoke", out=folder)
model = sfumato.load(folder)
images = model.sample(16, seed=0)  # float32 in [-1, 1], axes B C H W
save_grid(images, folder / "first.png", zoom=4)
print(f"{tuple(images.shape)} from {images.min():.2f} to {images.max():.2f}: {run.path}")
