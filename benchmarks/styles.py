"""What the style of a sampler that is told the label means: python benchmarks/styles.py RUN.

Which coordinate moves the slant of the ink most and which its thickness, measured on samples; and
a sheet with five rows along the one and five along the other.
"""

import argparse
from pathlib import Path

import torch
from record import keep
from torch import Tensor

from sfumato.encoding import paint
from sfumato.io.images import save
from sfumato.io.sheets import named_rows
from sfumato.metrics.strokes import slant, thickness
from sfumato.model import Sampler
from sfumato.randomness import generator
from sfumato.runs import load

FACTORS = {"slant": slant, "thickness": thickness}
REACH, STEPS, ROWS = 2.0, 9, 5
SHEET = Path(__file__).parents[1] / "docs" / "images"


def main() -> None:
    """Correlate, draw, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("-n", "--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, name = load(args.run), Path(args.run).name
    assert isinstance(model, Sampler)
    rng = generator(args.seed, "styles")
    codes, given = model.prior(args.count, rng), model.condition(args.count, rng)
    images = paint(model, codes, given)
    rows, found = [], {}
    for factor, measured in FACTORS.items():
        follows = _follows(codes, measured(images), given["label"])
        idle = _follows(codes.roll(1, 0), measured(images), given["label"]).abs().max()
        axis = int(follows.abs().argmax())
        strips = _strips(model, axis, args.seed)
        found[factor] = {
            "axis": f"z{axis}",
            "correlation": round(float(follows[axis]), 3),
            "by chance": round(float(idle), 3),
            "from": [round(float(measured(strip[:1])), 3) for strip in strips],
            "to": [round(float(measured(strip[-1:])), 3) for strip in strips],
        }
        ends = zip(found[factor]["from"], found[factor]["to"], strict=True)
        words = [f"z{axis}  {factor} {low:.2f} … {high:.2f}" for low, high in ends]
        rows += zip(words, strips, strict=True)
    save(named_rows(rows, 2), SHEET / f"styles-{name}.png")
    keep(f"styles-{name}", {"run": name, "n": args.count, "seed": args.seed, "styles": found})


def _follows(codes: Tensor, values: Tensor, label: Tensor) -> Tensor:
    """Correlation of each coordinate with a measured value, within the labels."""
    codes, values = codes.clone(), values.clone()
    for number in label.unique():
        rows = label == number
        codes[rows] -= codes[rows].mean(0)
        values[rows] -= values[rows].mean()
    return (codes * values[:, None]).mean(0) / (codes.std(0) * values.std())


def _strips(model: Sampler, axis: int, seed: int) -> list[Tensor]:
    """Samples of some labels, with one coordinate going from its low to its high end."""
    classes = len(model.schema.classes)
    rng = generator(seed, "strips")
    starts = model.prior(ROWS, rng)
    strips = []
    for row in range(ROWS):
        codes = starts[[row]].repeat(STEPS, 1)
        codes[:, axis] = torch.linspace(-REACH, REACH, STEPS)
        label = (3 + row * classes // ROWS) % classes
        strips.append(paint(model, codes, model.condition(STEPS, None, label=label)))
    return strips


if __name__ == "__main__":
    main()
