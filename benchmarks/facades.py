"""Painted fronts: python benchmarks/facades.py runs/pix2pix-laptop runs/pix2pix-l1.

What runs of translators make of the held-out maps of `facades`, beside trivial answers and the
photographs themselves: distance to the photograph (PSNR, SSIM, perceptual), to photographs that
were learned from (KID), and whether the parts are where they were asked for (FCN score). With
`--sheet`, also a picture: map, each run, photograph.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from record import keep
from torch import Tensor

from sfumato import data, runs
from sfumato.data.source import Source
from sfumato.evaluation import feature_net
from sfumato.io.images import grid, rounded, save
from sfumato.metrics.fidelity import kernel_distance
from sfumato.metrics.pairs import Tally, Trivial
from sfumato.metrics.parts import PartsTally, shares
from sfumato.model import Translator
from sfumato.randomness import generator

FEATURES = "inception-768"
COLUMNS = 8


def painted(places: list[str], given: Tensor, learned: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """Pictures of the held-out maps, by who made them; as a file would hold them."""
    made: dict[str, Tensor] = {}
    for place in places:
        model = runs.load(place)
        assert isinstance(model, Translator)
        parts = [model.translate(part) for part in given.split(8)]
        made[Path(place).name] = torch.cat(parts)
    made |= Trivial(*learned)(given)
    return {who: rounded(images) for who, images in made.items()}


def fidelity(
    made: Mapping[str, Tensor], learned: Tensor, seed: int
) -> dict[str, dict[str, float]]:
    """KID of each maker's pictures against the photographs that were learned from."""
    net = feature_net(FEATURES)

    def seen(images: Tensor) -> Tensor:
        return torch.cat([net.features(part) for part in images.split(32)])

    real = seen(learned)
    found = {}
    for who, images in made.items():
        value, error = kernel_distance(real, seen(images), generator(seed, "kid"))
        found[who] = {"kid": value, "kid error": error}
    return found


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("places", nargs="+", help="runs or bundles")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, help="picture file that receives some fronts")
    args = parser.parse_args()
    train, test = (
        data.open(Source(name="facades", side=args.side, split=split))
        for split in ("train", "test")
    )
    known, held = (pairs.batch(torch.arange(len(pairs))) for pairs in (train, test))
    with torch.inference_mode():
        made = painted(args.places, held.image, (known.image, known.target))
        everyone = {**made, "real": held.target}
        tally, parts = Tally(), PartsTally()
        tally.add(everyone, held.target)
        parts.add(everyone, held.image)
        rows = fidelity(everyone, known.target, args.seed)
        if args.sheet:
            shown = [held.image, *(made[Path(place).name] for place in args.places), held.target]
            save(grid(torch.cat([images[:COLUMNS] for images in shown]), COLUMNS), args.sheet)
    for who, row in rows.items():
        row |= {name: tally.means(name)[who] for name in ("psnr", "ssim", "perceptual")}
        row |= shares(parts.counts[who])
    settings = {}
    for place in args.places:
        recipe = runs.Run(Path(place)).recipe()[1]
        settings[Path(place).name] = {
            "steps": recipe.steps,
            "batch": recipe.batch,
            "adversarial": getattr(recipe.model, "adversarial", None),
            "reconstruction": getattr(recipe.model, "reconstruction", None),
        }
    keep(
        "facades",
        {
            "side": args.side,
            "seed": args.seed,
            "n": len(test),
            "features": FEATURES,
            "runs": settings,
            "rows": {who: {k: round(v, 4) for k, v in row.items()} for who, row in rows.items()},
        },
    )


if __name__ == "__main__":
    main()
