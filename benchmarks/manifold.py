"""The plane of a code of two coordinates, and which classes it shows.

    python benchmarks/manifold.py RUN

A picture counts for a class where the shipped classifier is sure of it.
"""

import argparse
from pathlib import Path

import torch
from record import keep

from sfumato import atlas
from sfumato.evaluation import feature_net
from sfumato.io.images import save_grid
from sfumato.metrics.recognisable import CONFIDENCE

SHEET = Path(__file__).parents[1] / "docs" / "images"


def main() -> None:
    """Draw, count, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("--side", type=int, default=15)
    parser.add_argument("--features", default="lenet5-mnist")
    args = parser.parse_args()
    name, net = Path(args.run).name, feature_net(args.features)
    images = atlas.manifold(args.run, args.side)
    save_grid(images, SHEET / f"manifold-{name}.png", columns=args.side, zoom=1, gap=0)
    logits = net.logits(images)
    assert logits is not None
    sure, answer = logits.softmax(1).max(1)
    counts = torch.bincount(answer[sure >= CONFIDENCE], minlength=len(net.classes))
    keep(
        f"manifold-{name}",
        {
            "run": name,
            "pictures": len(images),
            "classifier": args.features,
            "sure": round(float((sure >= CONFIDENCE).double().mean()), 3),
            "pictures of each class": dict(zip(net.classes, counts.tolist(), strict=True)),
        },
    )


if __name__ == "__main__":
    main()
