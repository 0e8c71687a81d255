"""Training against the plainest correct script: python benchmarks/speed.py.

Both train the networks of one recipe (dcgan's laptop recipe unless named) on the same data with
the same optimisers. The plain script is what a tutorial would write: float32, contiguous, a
Dataset that turns one picture at a time into a tensor, a DataLoader. Each is a process of its own,
so neither feels the other's settings; they run in turns, one seed a turn, and the ratio is taken
turn by turn. Ours is timed with all a run does: logging, grids, checkpoints. With --quality both
are also scored at the end of each turn, after equal --steps (without averaged weights) or equal
--minutes (as the recipe is). With --memory the plain script reads nothing picture by picture: it
keeps one tensor of all images and indexes it. With --published the plain script trains that recipe
to its end, ours --recipe for --steps, and what is compared is the seconds from the first batch of
each to its end; --quality says whether ours has learned as much.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from record import keep
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from sfumato import data as sources
from sfumato.evaluation import evaluate
from sfumato.model import Classifier
from sfumato.planning import build, plan
from sfumato.runs import Run, load, save_bundle
from sfumato.training import train

Step = Callable[[torch.Tensor, torch.Tensor], None]
"""One step on images and their labels."""
Pace = tuple[float, float]
"""Images a second, and the seconds that all batches took."""
Until = Callable[[int, float], bool]
"""Of the batches visited and the time the 20th was: whether to stop."""


class PlainPictures(Dataset[tuple[torch.Tensor, int]]):
    """One picture at a time, as a tutorial reads them: an image, an array, a tensor, in range."""

    def __init__(self, pictures: np.ndarray, labels: np.ndarray) -> None:
        self.pictures, self.labels = pictures, labels

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture = Image.fromarray(self.pictures[index].squeeze())
        tensor = torch.from_numpy(np.array(picture)).float().div(255)
        tensor = tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)
        return (tensor - 0.5) / 0.5, int(self.labels[index])


class Held:
    """All images as one tensor, shuffled anew for each epoch and cut into batches."""

    def __init__(self, pictures: PlainPictures, batch: int) -> None:
        pixels = torch.from_numpy(pictures.pictures.copy()).float().div(127.5) - 1
        self.images, self.batch = pixels.permute(0, 3, 1, 2).contiguous(), batch
        self.labels = torch.from_numpy(pictures.labels)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for rows in torch.randperm(len(self.images)).split(self.batch):
            if len(rows) == self.batch:
                yield self.images[rows], self.labels[rows]


def game(network: Any, batch: int) -> Step:
    """A painter and a judge, the plainest way."""
    for_d, for_g = plainest(network.configure_optimizers())
    ones, zeros = torch.ones(batch), torch.zeros(batch)

    def step(real: torch.Tensor, labels: torch.Tensor) -> None:
        fake = network.generate(network.prior(batch))
        for_d.zero_grad()
        (bce(network.judge(real), ones) + bce(network.judge(fake.detach()), zeros)).backward()
        for_d.step()
        for_g.zero_grad()
        bce(network.judge(fake), ones).backward()
        for_g.step()

    return step


def lesson(network: Any) -> Step:
    """A classifier, the plainest way."""
    (optimizer,) = plainest([network.configure_optimizers()])

    def step(images: torch.Tensor, labels: torch.Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(network.logits(images), labels).backward()
        optimizer.step()

    return step


def plainest(optimizers: list[Any]) -> list[Any]:
    """The same optimisers, none of them fused."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["fused"] = None
    return optimizers


def plain(model: str, recipe: str, until: Until, folder: Path, *, memory: bool, seed: int) -> Pace:
    """Train the plain script and keep its model; timed after the first 20 batches."""
    torch.manual_seed(seed)
    planned = plan(model, recipe=recipe, seed=seed)
    data = sources.open(planned.data)
    network, batch = build(model, planned, data), planned.batch
    step = lesson(network) if isinstance(network, Classifier) else game(network, batch)
    labels = data.columns.get("label", np.zeros(len(data), np.int64))
    pictures = PlainPictures(np.asarray(data.columns["image"]), labels)
    each = DataLoader(pictures, batch, shuffle=True, drop_last=True)
    batches = Held(pictures, batch) if memory else each
    visited, start = 0, 0.0
    while not until(visited, start):
        for images, named in batches:
            if visited == 20:
                start = time.perf_counter()
            step(images, named)
            visited += 1
            if until(visited, start):
                break
    rate = (visited - 20) * batch / (time.perf_counter() - start)
    save_bundle(network, folder)
    return rate, visited * batch / rate


def ours(model: str, recipe: str, changes: dict[str, Any], folder: Path, *, seed: int) -> Pace:
    """Train by `sfumato.train`; timed from the first batch to the last checkpoint."""
    run = train(model, recipe=recipe, **changes, seed=seed, out=folder, progress=False)
    clock = torch.load(run.checkpoint, weights_only=True)["callbacks"]["Clock"]
    return clock["visited"] * run.recipe()[1].batch / clock["elapsed"], clock["elapsed"]


def length(args: argparse.Namespace) -> dict[str, Any]:
    """How long ours trains; equal steps are compared without averaged weights.

    A learning rate that falls does so within the steps there are, where the plain script has its
    own.
    """
    if args.minutes:
        return {"minutes": args.minutes}
    if not args.published:
        return {"steps": args.steps, "ema": 0.0}
    return {"steps": args.steps, "config": {"decay_steps": args.steps}}


def ending(steps: int, minutes: float | None) -> Until:
    """When the plain script stops: after so many batches, or so many minutes past the 20th."""
    if minutes is None:
        return lambda visited, start: visited >= steps
    return lambda visited, start: visited > 20 and time.perf_counter() - start >= 60 * minutes


def turn(who: str, seed: int, args: argparse.Namespace, folder: Path) -> Pace:
    """One of the two in a process of its own."""
    recipe, steps = args.recipe, args.steps
    if args.published and who == "plain":
        recipe, steps = args.published, plan(args.model, recipe=args.published).steps
    command = [sys.executable, __file__, args.model, "--recipe", recipe, "--worker", who]
    command += ["--minutes", args.minutes] if args.minutes else ["--steps", steps]
    command += ["--published", args.published] if args.published else []
    command += ["--memory"] if args.memory else []
    command += ["--seed", seed, "--out", folder]
    done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True, check=True)
    rate, seconds = map(float, done.stdout.splitlines()[-1].split())
    return rate, seconds


def scored(args: argparse.Namespace, folder: Path) -> dict[str, object]:
    """What one of them has learned."""
    data = plan(args.model, recipe=args.recipe).data
    scores = evaluate(load(folder), data, count=args.count)
    return {name: score.to_json() for name, score in scores.items()}


def compare(args: argparse.Namespace) -> dict[str, object]:
    """The pace of both, in turns; and their scores, where asked for."""
    paces: dict[str, list[Pace]] = {"plain": [], "ours": []}
    scores: dict[str, list[object]] = {"plain": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.turns):
            for who in paces:
                place = Path(folder) / f"{who}-{seed}"
                paces[who].append(turn(who, seed, args, place))
                rate, seconds = paces[who][-1]
                print(f"{who}: {rate:.0f} images/s, {seconds:.0f} s", file=sys.stderr)
                if args.quality:
                    scores[who].append(scored(args, place))
        preset = Run(Path(folder) / "ours-0").read()["preset"]
    rates = {who: [rate for rate, _ in found] for who, found in paces.items()}
    times = {who: [seconds for _, seconds in found] for who, found in paces.items()}
    # the faster of two does more a second, or is done in fewer
    over, under = ("plain", "ours") if args.published else ("ours", "plain")
    compared = times if args.published else rates
    ratios = [a / b for a, b in zip(compared[over], compared[under], strict=True)]
    return {
        "model": args.model,
        "recipe": args.recipe,
        "memory": args.memory,
        **{f"{who} images/s": round(statistics.median(found)) for who, found in rates.items()},
        **{f"{who} seconds": round(statistics.median(found), 1) for who, found in times.items()},
        "ratio": round(statistics.median(ratios), 2),
        "ratio range": [round(min(ratios), 2), round(max(ratios), 2)],
        "turns": args.turns,
        "steps": args.steps,
        "minutes": args.minutes,
        "published": args.published,
        "preset": preset,
        **({"n": args.count, **scores} if args.quality else {}),
    }


def main() -> None:
    """Parse, measure, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", default="dcgan")
    parser.add_argument("--recipe", default="laptop")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2000, help="of each, a turn")
    parser.add_argument("--minutes", type=float, help="of each, instead of --steps")
    parser.add_argument("--published", metavar="RECIPE", help="plain trains this one to its end")
    parser.add_argument("--memory", action="store_true", help="plain, with images in memory")
    parser.add_argument("--quality", action="store_true", help="score both, seed by seed")
    parser.add_argument("-n", "--count", type=int, default=10_000, help="samples to score")
    parser.add_argument("--worker", choices=("plain", "ours"), help="used by the script itself")
    parser.add_argument("--seed", type=int, default=0, help="of a worker")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.worker == "plain":
        until = ending(args.steps, args.minutes)
        told = plain(args.model, args.recipe, until, args.out, memory=args.memory, seed=args.seed)
        print(*told)
    elif args.worker == "ours":
        print(*ours(args.model, args.recipe, length(args), args.out, seed=args.seed))
    else:
        kind = "-published" if args.published else "-minutes" if args.minutes else ""
        kind = ("-memory" if args.memory else "") + kind
        keep(f"speed-{args.model}-{args.recipe}{kind}", compare(args))


if __name__ == "__main__":
    main()
