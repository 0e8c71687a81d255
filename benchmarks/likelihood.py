"""-log p of held-out images under a VAE: python benchmarks/likelihood.py RUN.

Estimated by importance weights, from 5,000 codes of each image unless said.
"""

import argparse
from pathlib import Path

import torch
from record import keep
from rich.progress import track

from sfumato import evaluation
from sfumato.models.vae import SAMPLES, VAE, thrown
from sfumato.randomness import generator
from sfumato.runs import load


def main() -> None:
    """Estimate, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("-n", "--count", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model = load(args.run)
    assert isinstance(model, VAE)
    split = evaluation.held_out(model, evaluation.source_of(args.run, None), seed=args.seed)
    images = split.data.batch(split.rows[: args.count]).image
    rng = generator(args.seed, "likelihood")
    if model.config.likelihood == "bernoulli":
        images = thrown(images, torch.rand(images.shape, generator=rng))
    parts = [model.likelihood(part, args.samples, rng) for part in track(images.split(10))]
    nats = torch.cat(parts)
    keep(
        f"likelihood-{Path(args.run).name}",
        {
            "run": Path(args.run).name,
            "images": len(nats),
            "samples": args.samples,
            "seed": args.seed,
            "nats": round(float(nats.mean()), 3),
            "standard error": round(float(nats.std() / len(nats) ** 0.5), 3),
        },
    )


if __name__ == "__main__":
    main()
