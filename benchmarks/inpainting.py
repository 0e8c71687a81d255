"""Holes filled, beside answers that need no network: python benchmarks/inpainting.py runs/faces.

On the part of its data that a run did not learn from: decibels and the perceptual distance inside
the holes. The ridge guesses a centre hole from all that surrounds it; for holes anywhere there is
no one such guess.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from record import keep

from sfumato import data, runs
from sfumato.data.dataset import Dataset
from sfumato.evaluation import source_of, splits
from sfumato.imaging.filling import biharmonic, membrane
from sfumato.imaging.holes import HoleName, holes
from sfumato.imaging.poisson import fitted
from sfumato.io.images import save_grid
from sfumato.metrics.distortion import psnr_inside
from sfumato.metrics.linear import Ridge
from sfumato.metrics.perceptual import distance
from sfumato.model import Translator
from sfumato.randomness import generator
from sfumato.shapes import Images, Masks

KINDS: tuple[HoleName, ...] = ("centre", "blocks", "free")
SHOWN = 8
"""Pictures on the sheet of each kind."""


def pictures(found: Dataset, count: int) -> Images:
    """The first so many."""
    parts = torch.arange(min(count, len(found))).split(250)
    return torch.cat([found.batch(rows).image for rows in parts])


def each(fill: Callable[[Images, Masks], Images], real: Images, mask: Masks) -> Images:
    """One picture at a time."""
    return torch.cat([fill(x, m) for x, m in zip(real.split(1), mask.split(1), strict=True)])


def guessed(learned: Images, real: Images, mask: Masks) -> Images:
    """The ridge's, of holes in the same place everywhere."""
    hidden = mask[0, 0] > 0
    ridge = Ridge(learned[:, :, ~hidden], learned[:, :, hidden])
    found = real.clone()
    found[:, :, hidden] = ridge(real[:, :, ~hidden]).clamp(-1, 1)
    return found


def rows(model: Translator, learned: Images, real: Images, mask: Masks) -> dict[str, Images]:
    """Each maker's filled pictures."""
    parts = zip(real.split(50), mask.split(50), strict=True)
    made = torch.cat([model.translate(x, mask=m) for x, m in parts])
    found = {
        "network": made,
        "network, rim fitted": each(fitted, made, mask).clamp(-1, 1),
        "mean": torch.where(mask > 0, learned.mean(0, keepdim=True), real),
        "membrane": each(membrane, real, mask),
        "biharmonic": each(biharmonic, real, mask),
    }
    if bool((mask == mask[:1]).all()):
        found["ridge"] = guessed(learned, real, mask)
    return found


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", help="a run of a model that fills holes")
    parser.add_argument("-n", type=int, default=500)
    parser.add_argument("--sheets", type=Path, help="folder for pictures to look at")
    args = parser.parse_args()
    model = runs.load(args.run)
    assert isinstance(model, Translator)
    source = source_of(args.run, None)
    learned = pictures(data.open(source), 10_000)
    real = pictures(splits(source, 0)[1].data, args.n)
    far, found = distance(), {}
    with torch.no_grad():
        for kind in KINDS:
            mask = holes(kind, *real.shape[2:])(len(real), generator(0, "inpainting", kind))
            made = rows(model, learned, real, mask)
            found[kind] = {
                name: {
                    "psnr": round(float(psnr_inside(x, real, mask).mean()), 2),
                    "perceptual": round(float(far(x, real).mean()), 4),
                }
                for name, x in made.items()
            }
            if args.sheets:
                args.sheets.mkdir(exist_ok=True)
                sheet = [real * (1 - mask), *made.values(), real]
                whole = torch.cat([x[:SHOWN] for x in sheet])
                save_grid(whole, args.sheets / f"{kind}.png", columns=SHOWN, zoom=2)
    name = Path(args.run).name
    keep(
        f"inpainting-{name}",
        {"run": name, "data": source.name, "side": real.shape[2], "n": len(real), "holes": found},
    )


if __name__ == "__main__":
    main()
