"""Training speed against the plainest correct script: python benchmarks/speed.py.

Both train the networks of `dcgan`'s laptop recipe on MNIST, from the same initial weights' law.
The plain script is what a tutorial would write: float32, contiguous, a Dataset that turns one
picture at a time into a tensor, a DataLoader, two Adams. Each is a process of its own, so neither
feels the other's settings; they run in turns, and the ratio is taken turn by turn. Ours is timed
with all a run does: logging, grids, checkpoints. With --quality both are trained for equal steps,
without averaged weights, and scored.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from record import keep
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.utils.data import DataLoader, Dataset

from sfumato import data as sources
from sfumato.evaluation import evaluate
from sfumato.runs import load, save_bundle
from sfumato.training import build, plan, train


class PlainDigits(Dataset[torch.Tensor]):
    """One picture at a time, as a tutorial reads them: an image, an array, a tensor, in range."""

    def __init__(self, pictures: np.ndarray) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> torch.Tensor:
        picture = Image.fromarray(self.pictures[index, :, :, 0])
        tensor = torch.from_numpy(np.array(picture))[None].float().div(255)
        return (tensor - 0.5) / 0.5


def plain(steps: int, folder: Path) -> float:
    """Train the plain script and keep its model; images a second after the first 20 batches."""
    recipe = plan("dcgan", recipe="laptop")
    data = sources.open(recipe.data)
    model = build("dcgan", recipe, data)
    g, d, config, batch = model.generator, model.discriminator, model.config, recipe.batch
    adam = {"betas": (config.beta1, 0.999)}
    for_g = torch.optim.Adam(g.parameters(), lr=config.lr, **adam)
    for_d = torch.optim.Adam(d.parameters(), lr=config.judge_lr, **adam)
    ones, zeros = torch.ones(batch), torch.zeros(batch)
    pictures, visited, start = np.asarray(data.columns["image"]), 0, 0.0
    while visited < steps:
        for real in DataLoader(PlainDigits(pictures), batch, shuffle=True, drop_last=True):
            if visited == 20:
                start = time.perf_counter()
            fake = g(torch.randn(batch, config.latent))
            for_d.zero_grad()
            (bce(d(real), ones) + bce(d(fake.detach()), zeros)).backward()
            for_d.step()
            for_g.zero_grad()
            bce(d(fake), ones).backward()
            for_g.step()
            visited += 1
            if visited == steps:
                break
    rate = (steps - 20) * batch / (time.perf_counter() - start)
    save_bundle(model, folder)
    return rate


def ours(steps: int, folder: Path) -> float:
    """Train by `sfumato.train`; images a second from the first batch to the last checkpoint."""
    run = train("dcgan", recipe="laptop", steps=steps, ema=0.0, out=folder, progress=False)
    clock = torch.load(run.checkpoint, weights_only=True)["callbacks"]["Clock"]
    return steps * run.recipe()[1].batch / clock["elapsed"]


def turn(who: str, steps: int, folder: Path) -> float:
    """One of the two in a process of its own."""
    command = [sys.executable, __file__, "--worker", who, "--steps", str(steps), "--out", folder]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def compare(turns: int, steps: int) -> dict[str, object]:
    """Images a second of both, in turns."""
    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder:
        for i in range(turns):
            for who, found in rates.items():
                found.append(turn(who, steps, Path(folder) / f"{who}-{i}"))
                print(f"{who}: {found[-1]:.0f} images/s", file=sys.stderr)
        preset = load_preset(Path(folder) / "ours-0")
    ratios = [a / b for a, b in zip(rates["ours"], rates["plain"], strict=True)]
    return {
        "plain images/s": round(statistics.median(rates["plain"])),
        "ours images/s": round(statistics.median(rates["ours"])),
        "ratio": round(statistics.median(ratios), 2),
        "ratio range": [round(min(ratios), 2), round(max(ratios), 2)],
        "turns": turns,
        "steps a turn": steps,
        "preset": preset,
    }


def load_preset(folder: Path) -> dict[str, object]:
    """What the run chose for this machine."""
    from sfumato.runs import Run

    return Run(folder).read()["preset"]


def quality(steps: int, count: int) -> dict[str, object]:
    """Scores of both after equal steps."""
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, object] = {"steps": steps, "n": count}
        for who in ("plain", "ours"):
            place = Path(folder) / who
            turn(who, steps, place)
            scores = evaluate(
                load(place), "mnist", n=count, metrics=("fid", "kid", "recognisable")
            )
            found[who] = {name: score.to_json() for name, score in scores.items()}
    return found


def main() -> None:
    """Parse, measure, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--quality", type=int, default=0, metavar="STEPS")
    parser.add_argument("--worker", choices=("plain", "ours"), help="used by the script itself")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.worker:
        print({"plain": plain, "ours": ours}[args.worker](args.steps, args.out))
    elif args.quality:
        keep("quality-at-equal-steps", quality(args.quality, 10_000))
    else:
        keep("training-speed", compare(args.turns, args.steps))


if __name__ == "__main__":
    main()
