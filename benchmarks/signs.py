"""What drawn traffic signs teach about real ones: python benchmarks/signs.py RUN.

RUN is a cyclegan of drawings (`signs`) and photographs (`gtsrb`), of which it saw no label.
LeNet-5 learns from drawings as they are, from the same drawings translated into photographs, from
both, and from labelled photographs; it is tested on photographs of other signs.
"""

import argparse
import shutil
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from record import keep

import sfumato
from sfumato import data, runs
from sfumato.data.dataset import Dataset
from sfumato.data.source import Source
from sfumato.io.images import save, to_bytes, to_picture
from sfumato.model import Classifier, Translator

KINDS = ("drawn", "translated", "both", "real")


def main() -> None:
    args = words()
    run = runs.Run(args.run)
    model, recipe = runs.load(args.run), run.recipe()[1]
    assert isinstance(model, Translator)
    drawn = replace(recipe.data, other=None, count=args.count)
    real = replace(drawn, name=str(recipe.data.other), count=None)
    folder = args.folder / "sets"
    shutil.rmtree(folder, ignore_errors=True)
    sets = {"drawn": [(data.open(drawn), None)], "translated": [(data.open(drawn), model)]}
    sets["both"] = sets["drawn"] + sets["translated"]
    sets["real"] = [(data.open(real), None)]
    for kind in KINDS:
        write(sets[kind], folder / kind)
    tested = data.open(replace(real, split="test"))
    rows = [learned(kind, folder / kind, tested, args) for kind in KINDS]
    common = int(torch.from_numpy(tested.columns["label"]).bincount().max()) / len(tested)
    keep(
        f"signs-{args.run.name}",
        {
            "run": args.run.name,
            "recipe": f"{recipe.steps} batches of {recipe.batch}",
            "drawings": args.count,
            "photographs": len(sets["real"][0][0]),
            "tested": len(tested),
            "floor": round(common, 4),
            "steps": args.steps,
            "rows": rows,
        },
    )


def words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=2_000, help="drawings to learn from")
    parser.add_argument("--steps", type=int, default=1_500, help="of LeNet-5, batches of 64")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("runs/signs"))
    return parser.parse_args()


def write(parts: list[tuple[Dataset, Translator | None]], folder: Path) -> None:
    """A folder a class, of pictures as they are or as a model makes them."""
    for number, (stream, model) in enumerate(parts):
        names = stream.schema.classes
        for rows in torch.arange(len(stream)).split(100):
            batch = stream.batch(rows)
            with torch.no_grad():
                images = batch.image if model is None else model.translate(batch.image)
            pixels = to_bytes(images)
            for row, label, one in zip(rows.tolist(), batch.label.tolist(), pixels, strict=True):
                path = folder / names[label] / f"{row:05}-{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                save(to_picture(one), path)


def learned(kind: str, folder: Path, tested: Dataset, args: argparse.Namespace) -> dict[str, Any]:
    """Accuracy on photographs, a seed at a time."""
    found = []
    for seed in range(args.seeds):
        out = args.folder / f"lenet5-{kind}-{seed}"
        shutil.rmtree(out, ignore_errors=True)
        run = sfumato.train(
            "lenet5",
            data=Source(name=str(folder)),
            recipe="laptop",
            config={"width": 16, "dropout": 0.3, "decay_steps": args.steps},
            steps=args.steps,
            batch=64,
            seed=seed,
            out=out,
            device="cpu",
            precision="32",
            progress=False,
        )
        model = runs.load(run.path)
        assert isinstance(model, Classifier)
        logits, labels = model.answers(tested)
        found.append(round(float((logits.argmax(1) == labels).double().mean()), 4))
        print(kind, seed, found[-1], flush=True)
    spread = round(statistics.stdev(found), 4) if len(found) > 1 else None
    return {
        "learned from": kind,
        "pictures": len(list(folder.rglob("*.png"))),
        "accuracy": found,
        "mean": round(statistics.mean(found), 4),
        "sd": spread,
    }


if __name__ == "__main__":
    main()
