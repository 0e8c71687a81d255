"""Does painting more pictures help a classifier? python benchmarks/labels.py mnist --share 0.01.

LeNet-5 learns from a share of the labels of a set, as many of each class, and is tested on all
held-out images of it: from the real pictures alone, from painted ones alone, and from both, always
with the same augmentation. The painter, a conditional GAN, sees the same labels and nothing else.
In rows of their own the rest is used too, without its labels: a GAN that learned from all images
paints, and an adversarial autoencoder that saw the few labels names what it painted; once all of
it is kept, and once what it named with at least 90 % probability.

Each seed draws its own labelled images; a row that was measured is kept and not measured again.
"""

import argparse
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from record import RESULTS, keep

from sfumato import augmenting
from sfumato import data as sources
from sfumato.data.dataset import Dataset
from sfumato.data.source import Source
from sfumato.evaluation import evaluate
from sfumato.runs import Run
from sfumato.training import train

AUGMENTATION = {
    "mnist": {"config": {"jolt": 0.1}, "flip": False},
    "fashion-mnist": {"config": {"jolt": 0.1}, "flip": True},
}
"""What is ordinary for each set: a little askew, and clothes mirrored."""


@dataclass(frozen=True)
class Size:
    """How long everything learns, and how much is painted, at some share of the labels."""

    classifier: int
    """Batches of 128."""
    painter: int
    """Batches of 64."""
    namer: int
    """Batches of 200; 0 where no label is missing."""
    ratio: float
    """Pictures that the conditional GAN paints for each real one."""
    named: float
    """The same of the GAN that learned from all images."""


SIZES = {
    0.01: Size(classifier=1_500, painter=1_500, namer=1_500, ratio=2, named=20),
    0.1: Size(classifier=4_000, painter=4_000, namer=2_000, ratio=1, named=2),
    1.0: Size(classifier=5_600, painter=8_000, namer=0, ratio=1, named=0),
}
MADE = {"made": False, "both": True}
"""Name of a row to whether the real pictures are kept."""


SURE = {"namer": 0.0, "sure": 0.9}
"""End of a row's name to how probable the name of a picture must be to be kept."""


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", choices=list(AUGMENTATION))
    parser.add_argument("--share", type=float, choices=list(SIZES), default=0.01)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--painter", help="a GAN that saw all images, else one is trained")
    parser.add_argument("--conditional", help="a conditional GAN that saw all labels, likewise")
    parser.add_argument("--folder", type=Path, default=Path("runs/labels"))
    args = parser.parse_args()
    for seed in args.seeds:
        name = f"labels-{args.data}-{args.share:g}-{seed}"
        path = RESULTS / f"{name}.json"
        known = json.loads(path.read_text("utf-8"))["accuracy"] if path.exists() else {}
        found = _measured(args, seed, args.folder / name, known)
        if found["accuracy"].keys() != known.keys():
            keep(name, found)


def _measured(
    args: argparse.Namespace, seed: int, folder: Path, known: Mapping[str, float]
) -> dict[str, Any]:
    """Accuracies on real held-out pictures, by what was learned from; those known stay."""
    size, real, found = SIZES[args.share], _real(args.data, args.share, seed), dict(known)
    folder.mkdir(parents=True, exist_ok=True)
    if not known.keys() >= {"real", *MADE}:
        augmenting.write(_fresh(folder / "real"), {"real": augmenting.real(real)})
        found["real"] = _accuracy(args, folder / "real", seed, size)
        painter = args.conditional or _conditional(folder / "real", seed, size)
        for row, kept in MADE.items():
            place = _fresh(folder / row)
            augmenting.augment(painter, place, real, ratio=size.ratio, keep=kept, seed=seed)
            found[row] = _accuracy(args, place, seed, size)
    for name, sure in SURE.items():
        rows = {f"{row}, {name}": kept for row, kept in MADE.items()}
        if known.keys() >= rows.keys() or not size.namer:
            continue
        namer = _namer(args.data, len(real), seed, size, folder)
        found["namer"] = 1 - evaluate(namer, n=1000)["error"].value
        free = args.painter or _free(args.data)
        for row, kept in rows.items():
            place = _fresh(folder / row.replace(", ", "-"))
            augmenting.augment(
                *(free, place, real),
                ratio=size.named, keep=kept, seed=seed, namer=namer, sure=sure,
            )  # fmt: skip
            found[row] = _accuracy(args, place, seed, size)
    return {
        "data": args.data,
        "share": args.share,
        "labels": len(real),
        "seed": seed,
        "test": 10_000,
        "accuracy": found,
        "size": vars(size),
        "given": {k: v for k in ("painter", "conditional") if (v := getattr(args, k))},
    }


def _real(name: str, share: float, seed: int) -> Dataset:
    """The pictures whose labels are known, as many of each class where not all are."""
    data = sources.open(Source(name=name))
    if share < 1:
        few = round(share * len(data))
        data = sources.open(Source(name=name, labels=few, seed=seed))
    rows = np.flatnonzero(data.columns["label"] >= 0)
    columns = {field: data.columns[field][rows] for field in ("image", "label")}
    return Dataset(name=name, schema=data.schema, columns=columns)


def _accuracy(args: argparse.Namespace, place: Path, seed: int, size: Size) -> float:
    """What LeNet-5 reaches on the real held-out pictures when it learned from `place`."""
    usual = AUGMENTATION[args.data]
    run = _trained(
        "lenet5",
        place.with_name(f"lenet5-{place.name}"),
        data={"name": str(place), "flip": usual["flip"]},
        config={"decay_steps": size.classifier, **usual["config"]},
        steps=size.classifier,
        seed=seed,
    )
    return evaluate(run.path, args.data)["accuracy"].value


def _conditional(place: Path, seed: int, size: Size) -> Path:
    """A conditional GAN of half the usual width that learned from `place`."""
    changes: Mapping[str, Any] = {"steps": size.painter, "seed": seed, "ema": 0.99}
    config = {"width": 16, "hidden": 256}
    out = place.with_name("cgan")
    return _trained("cgan", out, data={"name": str(place)}, config=config, **changes).path


def _namer(data: str, labels: int, seed: int, size: Size, folder: Path) -> Path:
    """A semi-supervised autoencoder: all images, and these labels."""
    return _trained(
        "aae",
        folder / "aae",
        recipe="semi",
        data={"name": data, "labels": labels, "seed": seed},
        config={"decay_steps": size.namer},
        steps=size.namer,
        seed=seed,
    ).path


def _free(data: str) -> Path:
    """A GAN that learned from all images and no label; one for all seeds."""
    return _trained(
        "dcgan", Path(f"runs/labels/dcgan-{data}"), data={"name": data}, steps=4_000
    ).path


def _trained(model: str, out: Path, **words: Any) -> Run:
    """The run in `out`, or what is left of it, or a new one."""
    if Run(out).exists:
        return train(model, out=out, resume=True)
    return train(model, out=out, every=words["steps"], precision="bf16", **words)


def _fresh(place: Path) -> Path:
    """A place where nothing lies; what a cut run left there goes."""
    shutil.rmtree(place, ignore_errors=True)
    return place


if __name__ == "__main__":
    main()
