"""Does painting more pictures help a classifier? python benchmarks/labels.py mnist --share 0.01.

LeNet-5 learns from a share of the labels of a set, as many of each class, and is tested on all
held-out images of it: from the real pictures alone, from painted ones alone, and from both, always
with the same augmentation. The painter, a conditional GAN, sees the same labels and nothing else.
In rows of their own the rest is used too, without its labels. Once a GAN that learned from all
images paints, and an adversarial autoencoder that saw the few labels names what it painted. Once
a GAN of one class more, which saw the few labels, names all images, and a conditional GAN that
learned from them under these names paints what it is asked for.

Each seed draws its own labelled images; a row that was measured is kept and not measured again.
With `--long` everything learns until it learns no more, and of the first of those two ways five
times as many pictures are painted.
"""

import argparse
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from record import RESULTS, keep

from sfumato import augmenting, classifying, runs
from sfumato import data as sources
from sfumato.data.dataset import Dataset
from sfumato.data.source import Source
from sfumato.evaluation import evaluate
from sfumato.model import Classifier, Model
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
    guesser: int
    """Batches of 200 of the GAN of one class more; 0 likewise."""
    taught: int
    """Batches of 64 of the conditional GAN that learns from what that one named."""
    ratio: float
    """Pictures that the conditional GAN paints for each real one."""
    named: float
    """The same of the two that learned from all images."""


SIZES = {
    0.01: Size(1_500, 1_500, 1_500, 15_000, 6_000, ratio=2, named=20),
    0.1: Size(4_000, 4_000, 2_000, 15_000, 6_000, ratio=1, named=2),
    1.0: Size(5_600, 8_000, 0, 0, 0, ratio=1, named=0),
}
LONG = Size(12_000, 0, 3_000, 0, 0, ratio=0, named=100)
"""Of 1 % of the labels."""
MADE = {"made": False, "both": True}
"""Name of a row to whether the real pictures are kept."""


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", choices=list(AUGMENTATION))
    parser.add_argument("--share", type=float, choices=list(SIZES), default=0.01)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--painter", help="a GAN that saw all images, else one is trained")
    parser.add_argument("--conditional", help="a conditional GAN that saw all labels, likewise")
    parser.add_argument("--long", action="store_true", help="of 1 %% of the labels")
    parser.add_argument("--rows", nargs="+", choices=list(MADE), default=list(MADE))
    ways = {"nargs": "*", "choices": list(WAYS), "default": list(WAYS)}
    parser.add_argument("--ways", help="in which pictures without labels are used", **ways)
    parser.add_argument("--precision", help="of all trainings; else what is quickest here")
    parser.add_argument("--folder", type=Path, default=Path("runs/labels"))
    args = parser.parse_args()
    args.size = LONG if args.long else SIZES[args.share]
    for seed in args.seeds:
        name = f"labels-{args.data}-{args.share:g}{'-long' if args.long else ''}-{seed}"
        path = RESULTS / f"{name}.json"
        known = json.loads(path.read_text("utf-8"))["accuracy"] if path.exists() else {}
        found = _measured(args, seed, args.folder / name, known)
        if found["accuracy"].keys() != known.keys():
            keep(name, found)


def _measured(
    args: argparse.Namespace, seed: int, folder: Path, known: Mapping[str, float]
) -> dict[str, Any]:
    """Accuracies on real held-out pictures, by what was learned from; those known stay."""
    size, real, found = args.size, _real(args.data, args.share, seed), dict(known)
    wanted = {row: MADE[row] for row in args.rows}
    asked = bool(size.ratio) and not known.keys() >= wanted.keys()
    folder.mkdir(parents=True, exist_ok=True)
    if "real" not in known or asked:
        augmenting.write(_fresh(folder / "real"), {"real": augmenting.real(real)})
    if "real" not in known:
        found["real"] = _accuracy(args, folder / "real", seed)
    if asked:
        painter = args.conditional or _conditional(args, folder / "real", seed)
        for row, kept in wanted.items():
            place = _fresh(folder / row)
            augmenting.augment(painter, place, real, ratio=size.ratio, keep=kept, seed=seed)
            found[row] = _accuracy(args, place, seed)
    for way, prepare in WAYS.items():
        rows = {f"{row}, {way}": kept for row, kept in wanted.items()}
        if known.keys() >= {way, *rows} or not getattr(size, way) or way not in args.ways:
            continue
        judge, painter, namer = prepare(args, real, seed, folder)
        found[way] = classifying.trial(judge).measured(1)["accuracy"].value
        for row, kept in rows.items():
            if row in known:
                continue
            place = _fresh(folder / row.replace(", ", "-"))
            augmenting.augment(
                painter, place, real, ratio=size.named, keep=kept, seed=seed, namer=namer
            )
            found[row] = _accuracy(args, place, seed)
    given = {k: v for k in ("painter", "conditional") if (v := getattr(args, k))}
    if args.ways != list(WAYS):
        given["ways"] = " ".join(args.ways)
    return {
        "data": args.data,
        "share": args.share,
        "labels": len(real),
        "seed": seed,
        "test": 10_000,
        "accuracy": found,
        "size": vars(size),
        "long": args.long,
        "given": given,
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


def _accuracy(args: argparse.Namespace, place: Path, seed: int) -> float:
    """What LeNet-5 reaches on the real held-out pictures when it learned from `place`."""
    usual, steps = AUGMENTATION[args.data], args.size.classifier
    run = _trained(
        args,
        "lenet5",
        place.with_name(f"lenet5-{place.name}"),
        data={"name": str(place), "flip": usual["flip"]},
        config={"decay_steps": steps, **usual["config"]},
        steps=steps,
        seed=seed,
    )
    return evaluate(run.path, args.data)["accuracy"].value


def _conditional(args: argparse.Namespace, place: Path, seed: int) -> Path:
    """A conditional GAN of half the usual width that learned from `place`."""
    changes: Mapping[str, Any] = {"steps": args.size.painter, "seed": seed, "ema": 0.99}
    config = {"width": 16, "hidden": 256}
    out = place.with_name("cgan")
    return _trained(args, "cgan", out, data={"name": str(place)}, config=config, **changes).path


Prepared = tuple[Path, str | Path, Path | None]
"""Who knows the few labels, who paints, and who names what was painted."""


def _by_namer(args: argparse.Namespace, real: Dataset, seed: int, folder: Path) -> Prepared:
    """A semi-supervised autoencoder names what a GAN that learned without labels paints."""
    steps = args.size.namer
    namer = _trained(
        args,
        "aae",
        folder / "aae",
        recipe="semi",
        data=_few(args.data, real, seed),
        config={"decay_steps": steps},
        steps=steps,
        seed=seed,
    ).path
    return namer, args.painter or _free(args), namer


def _by_guesser(args: argparse.Namespace, real: Dataset, seed: int, folder: Path) -> Prepared:
    """A GAN of one class more names all images, and a conditional GAN learns from them."""
    size, few = args.size, _few(args.data, real, seed)
    guesser = _trained(
        args,
        "semi_gan",
        folder / "semi_gan",
        data=few,
        config={"decay_steps": size.guesser},
        steps=size.guesser,
        seed=seed,
    ).path
    place = folder / "guessed"
    if not place.exists():
        whole = sources.open(Source(**few))
        augmenting.write(place, {"real": _guessed(whole, runs.load(guesser))})
    words = {"data": {"name": str(place)}, "steps": size.taught, "seed": seed}
    painter = _trained(args, "cgan", folder / "taught", **words).path
    return guesser, painter, None


WAYS = {"namer": _by_namer, "guesser": _by_guesser}
"""End of a row's name, a field of `Size`, to how pictures without labels are used in it."""


@torch.no_grad()
def _guessed(data: Dataset, guesser: Model) -> Iterator[augmenting.Part]:
    """All pictures, under their label where it is known and under the likeliest elsewhere."""
    assert isinstance(guesser, Classifier)
    for rows in torch.arange(len(data)).split(augmenting.PART):
        batch = data.batch(rows)
        said = torch.where(batch.label < 0, guesser.logits(batch.image).argmax(1), batch.label)
        yield batch.image, [data.schema.classes[int(label)] for label in said]


def _few(data: str, real: Dataset, seed: int) -> dict[str, Any]:
    """All images, and the labels of these."""
    return {"name": data, "labels": len(real), "seed": seed}


def _free(args: argparse.Namespace) -> Path:
    """A GAN that learned from all images and no label; one for all seeds."""
    out = Path(f"runs/labels/dcgan-{args.data}")
    return _trained(args, "dcgan", out, data={"name": args.data}, steps=4_000).path


def _trained(args: argparse.Namespace, model: str, out: Path, **words: Any) -> Run:
    """The run in `out`, or what is left of it, or a new one."""
    if Run(out).exists:
        return train(model, out=out, resume=True)
    return train(model, out=out, every=words["steps"], precision=args.precision, **words)


def _fresh(place: Path) -> Path:
    """A place where nothing lies; what a cut run left there goes."""
    shutil.rmtree(place, ignore_errors=True)
    return place


if __name__ == "__main__":
    main()
