"""Teach the segmenter that scores painted fronts: python benchmarks/segmenter.py.

It learns from the part `train` of `facades`, mirrored, cut out of enlarged pictures and changed in
light and colour, and is measured on the part `test`. Writes `zoo/facade-parts`.
"""

import argparse
import time
from pathlib import Path

import torch
from rich.progress import track
from safetensors.torch import save_file
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy

from sfumato import data
from sfumato.data.dataset import Dataset
from sfumato.data.source import Source
from sfumato.io.images import rounded
from sfumato.metrics.parts import SHIPPED, SIDE, Segmenter, confusion, drawn, named, shares
from sfumato.nn.resize import resize
from sfumato.preset import quick_in_half
from sfumato.randomness import generator

FACADES = Source(name="facades", side=SIDE, flip=True)
LARGE = round(SIDE * 286 / 256)


def lit(images: Tensor, rng: Generator) -> Tensor:
    """Brighter or darker, flatter or harsher, tinted, and a little noisy: each in its own way."""
    gain = 1 + 0.4 * (torch.rand(len(images), 1, 1, 1, generator=rng) - 0.5)
    tint = 0.2 * (torch.rand(len(images), 3, 1, 1, generator=rng) - 0.5)
    noise = 0.05 * torch.rand(len(images), 1, 1, 1, generator=rng)
    return (gain * images + tint + noise * torch.randn(images.shape, generator=rng)).clamp(-1, 1)


def cut(images: Tensor, parts: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
    """The same part of the enlarged picture and of its map; one place for the batch."""
    top, left = torch.randint(0, LARGE - SIDE + 1, (2,), generator=rng).tolist()
    large = resize(images, LARGE, LARGE).clamp(-1, 1)
    at = torch.arange(LARGE) * SIDE // LARGE
    place = slice(top, top + SIDE), slice(left, left + SIDE)
    return large[:, :, *place], parts[:, at][:, :, at][:, *place]


def teach(segmenter: Segmenter, steps: int, batch: int, lr: float, seed: int) -> None:
    """Adam, cross-entropy, a learning rate that falls in a straight line."""
    pairs = data.open(FACADES)
    optimizer = torch.optim.AdamW(segmenter.parameters(), lr=lr, weight_decay=0.02)
    segmenter.train()
    for step in track(range(steps), "teaching"):
        rng = generator(seed, "segmenter", step)
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - step / steps)
        found = pairs.batch(torch.randint(0, len(pairs), (batch,), generator=rng), rng)
        images, parts = cut(found.target, drawn(found.image), rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=quick_in_half()):
            logits = segmenter(lit(images, rng).to(memory_format=torch.channels_last))
        loss = cross_entropy(logits.float(), parts)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 199:
            print(step + 1, round(loss.item(), 3), flush=True)


def facades(split: str) -> Dataset:
    """Pairs of a part, as they are."""
    return data.open(Source(name="facades", side=SIDE, split=split))


def plain() -> dict[str, float]:
    """What naming all pixels of the part `test` as its commonest part would score."""
    pairs = facades("test")
    true = drawn(pairs.batch(torch.arange(len(pairs))).image)
    return shares(confusion(torch.full_like(true, int(true.flatten().mode().values)), true))


@torch.no_grad()
def score(segmenter: Segmenter, split: str) -> dict[str, float]:
    """On real photographs of a part."""
    pairs = facades(split)
    counts = torch.zeros(12, 12, dtype=torch.long)
    for rows in torch.arange(len(pairs)).split(16):
        found = pairs.batch(rows)
        counts += confusion(named(segmenter, rounded(found.target)), drawn(found.image))
    return shares(counts)


def main() -> None:
    """Teach, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    segmenter, begun = Segmenter(), time.monotonic()
    segmenter.to(memory_format=torch.channels_last)
    teach(segmenter, args.steps, args.batch, args.lr, args.seed)
    minutes = (time.monotonic() - begun) / 60
    segmenter.half().float().eval()
    held, seen, floor = score(segmenter, "test"), score(segmenter, "train"), plain()
    rows = "\n".join(
        f"| {name} | {held[name]:.3f} | {floor[name]:.3f} | {seen[name]:.3f} |" for name in held
    )
    asked = f"--steps {args.steps} --batch {args.batch} --lr {args.lr:g} --seed {args.seed}"
    card = (
        "# facade-parts\n\nA U-Net that names the part of a front at each pixel, to score painted "
        "fronts by (`metrics.parts`). It is no model of the command line.\n\n"
        f"- data: the 341 pairs of `facades`, part train, {SIDE} pixels, {minutes:.0f} minutes\n"
        "- licence: CMP Facade Database (Tylecek & Sara 2013), CC BY-SA; these weights: "
        f"CC BY-SA 4.0.\n- made by: `python benchmarks/segmenter.py {asked}`\n\n"
        f"| real photographs | test | floor | train |\n|---|---|---|---|\n{rows}\n\n"
        f"The part `test` has {len(facades('test'))} pictures; the floor names every pixel of "
        "them as the commonest part; the ceiling is 1.\n"
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    state = {
        k: v.half().contiguous()
        for k, v in segmenter.state_dict().items()
        if v.is_floating_point()
    }
    save_file(state, args.out)
    args.out.with_name("card.md").write_text(card, "utf-8")
    print(card)


if __name__ == "__main__":
    main()
