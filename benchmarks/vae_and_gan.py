"""VAE and GAN side by side: python benchmarks/vae_and_gan.py runs/VAE runs/GAN.

Both have learned from the same data. Sharpness, coverage and smoothness of each, and a sheet with
samples and ways of both.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import mean

import torch
from record import keep

from sfumato import evaluation
from sfumato.codes import way
from sfumato.data.source import Source
from sfumato.encoding import paint
from sfumato.evaluation.references import splits
from sfumato.io.images import grid, save
from sfumato.io.sheets import beside, stacked
from sfumato.metrics.score import Score
from sfumato.metrics.sharpness import largest_step, sharpness
from sfumato.model import Sampler
from sfumato.randomness import generator
from sfumato.runs import Run, load

METRICS = ("fid", "precision", "recall", "density", "coverage", "recognisable")
STEPS, WAYS = 20, 500
SHEET = Path(__file__).parents[1] / "docs" / "images" / "vae-and-gan.png"


def main() -> None:
    """Measure both, keep the numbers and the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("vae")
    parser.add_argument("gan")
    parser.add_argument("-n", "--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    source = Run(Path(args.gan)).recipe()[1].data
    found, sheets = {}, []
    for place in (args.vae, args.gan):
        model = load(place)
        assert isinstance(model, Sampler)
        run = Run(Path(place)).read()["recipe"]
        scores = evaluation.evaluate(
            model, source, count=args.count, seed=args.seed, metrics=METRICS
        ) | _own(model, source, args.count, args.seed)
        kept = {name: scores[name] for name in (*METRICS, "sharpness", "largest_step")}
        found[Path(place).name] = {
            "steps": run["steps"],
            "batch": run["batch"],
            "scores": {name: score.to_json() for name, score in kept.items()},
        }
        sheets.append((Path(place).name, _sheet(model, args.seed)))
    save(beside(sheets), SHEET)
    keep("vae-and-gan", {"data": source.name, "seed": args.seed, "systems": found})


def _own(model: Sampler, source: Source, count: int, seed: int) -> dict[str, Score]:
    """Sharpness of samples over that of real images, and how even the ways between samples are."""
    learned, held = splits(replace(source, side=model.schema.side), seed)
    real, other = ([*split.images(count, 500)] for split in (learned, held))
    whole = mean(float(sharpness(part).mean()) for part in real)
    flat = float(sharpness(torch.cat(real).mean(0, keepdim=True)).mean())
    samples = model.sample(count, seed=seed).cpu()
    sharp = Score(
        float(sharpness(samples).mean()) / whole,
        flat / whole,
        mean(float(sharpness(part).mean()) for part in other) / whole,
        count,
        seed=seed,
    )
    even = largest_step(_ways(model, WAYS, STEPS, seed)).mean()
    step = Score(float(even), 1.0, 1 / STEPS, WAYS, "lower", seed=seed)
    return {"sharpness": sharp, "largest_step": step}


@torch.no_grad()
def _ways(model: Sampler, count: int, steps: int, seed: int) -> torch.Tensor:
    """From one code to another in equal steps, axes N T C H W."""
    rng = generator(seed, "ways")
    start, end = model.prior(count, rng), model.prior(count, rng)
    shares = [step / steps for step in range(steps + 1)]
    images = [paint(model, way(model, start, end, share), {}) for share in shares]
    return torch.stack(images, 1)


def _sheet(model: Sampler, seed: int) -> object:
    """Samples, and below them ways."""
    samples = grid(model.sample(60, seed=seed).cpu(), columns=10, zoom=2)
    ways = _ways(model, 4, 9, seed).flatten(0, 1)
    return stacked([samples, grid(ways, columns=10, zoom=2)])


if __name__ == "__main__":
    main()
