"""The picture of docs/inpainting.md: python benchmarks/complete_digits.py."""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

import sfumato
from sfumato import data
from sfumato.data.source import Source
from sfumato.io.images import from_bytes, save_grid, to_bytes, to_picture

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "complete-digits.png"
COUNT = 12


def main() -> None:
    """Held-out digits with a hole, filled by a surface and by a search of codes, and whole."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    mask = Image.new("L", (28, 28))
    ImageDraw.Draw(mask).rectangle((6, 12, 22, 20), fill=255)
    found = data.open(Source(name="mnist", split="test")).batch(torch.arange(COUNT)).image
    whole = [to_picture(digit) for digit in to_bytes(found)]
    grey = Image.new("L", (28, 28), 128)
    rows = [
        [Image.composite(grey, digit, mask) for digit in whole],
        [sfumato.complete(digit, mask) for digit in whole],
        [sfumato.complete(digit, mask, method="dcgan-mnist", steps=150) for digit in whole],
        whole,
    ]
    pixels = np.stack([np.asarray(digit)[..., None] for row in rows for digit in row])
    PICTURE.parent.mkdir(exist_ok=True)
    save_grid(from_bytes(pixels), PICTURE, columns=COUNT, zoom=2)
    print(PICTURE)


if __name__ == "__main__":
    main()
