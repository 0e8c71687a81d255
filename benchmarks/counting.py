"""Can a GAN count? python benchmarks/counting.py: learns from scenes of exactly k letters.

A DCGAN learns from scenes with exactly k letters each, for several k, and a LeNet-5 trained apart,
on real scenes of all numbers, says how many there are in what it paints. The same counter on
held-out real scenes of k is the ceiling, and answering any number alike the floor.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from record import keep

from sfumato import data as sources
from sfumato import load
from sfumato.data.source import Source
from sfumato.evaluation import evaluate
from sfumato.io.images import save_grid
from sfumato.model import Classifier, Sampler
from sfumato.runs import Run
from sfumato.sampling import sample
from sfumato.shapes import Images
from sfumato.training import train

PAINTER = {"latent": 64, "hidden": 0, "lr": 5e-4, "judge_lr": 5e-4}
"""Of dcgan's laptop recipe, made for one thing in the middle, several things in any place."""
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "counting.png"


def main() -> None:
    """Train, draw, count, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--numbers", nargs="+", default=["1", "3", "5"])
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("-n", "--count", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("runs/counting"))
    args = parser.parse_args()
    place = _trained("lenet5", args.folder / "counter", 4_000, args.seed, name="scenes")
    counter = load(place)
    assert isinstance(counter, Classifier)
    rows, sheet = [], list[Images]()
    for number in args.numbers:
        own = {"name": "scenes", "classes": (number,), "count": 12_000}
        run = _trained("dcgan", args.folder / f"dcgan-{number}", args.steps, args.seed, **own)
        painter = load(run)
        assert isinstance(painter, Sampler)
        painted = sample(painter, args.count, seed=args.seed)
        held = Source(name="scenes", classes=(number,), split="test")
        real = sources.open(held).batch(torch.arange(2_000)).image
        sheet += [real[:12], painted[:12]]
        rows.append(_row(counter, int(number), painted, real))
    save_grid(torch.cat(sheet), PICTURE, columns=12, zoom=2)
    scores = evaluate(place, count=2_000)
    keep(
        "counting",
        {
            "steps": args.steps,
            "n": args.count,
            "seed": args.seed,
            "counter": scores["accuracy"].value,
            "counted": counter.schema.classes,
            "rows": rows,
        },
    )


def _trained(model: str, out: Path, steps: int, seed: int, **data: Any) -> Path:
    """The run in `out`, complete."""
    if Run(out).exists:
        return train(model, out=out, resume=True).path
    config = {"decay_steps": steps} if model == "lenet5" else PAINTER
    words = {"data": data, "config": config, "steps": steps, "seed": seed, "every": 1_000}
    return train(model, out=out, precision="bf16", **words).path


def _row(counter: Classifier, number: int, painted: Images, real: Images) -> dict[str, Any]:
    """Shares of what was counted, in painted scenes and in real ones."""
    found: dict[str, Any] = {"number": number}
    for name, images in (("painted", painted), ("real", real)):
        with torch.no_grad():
            answers = torch.cat([counter.logits(part).argmax(1) for part in images.split(250)])
        shares = torch.bincount(answers, minlength=len(counter.schema.classes)) / len(images)
        found[name] = [round(share, 4) for share in shares.tolist()]
    return found


if __name__ == "__main__":
    main()
