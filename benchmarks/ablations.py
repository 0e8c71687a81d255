"""One trick of the field at a time, in equally long runs: python benchmarks/ablations.py.

Every row is DCGAN on MNIST with the networks of its laptop recipe and one thing changed. What the
model's own settings cannot say is changed in the built network, here. Rows that are measured
already are not measured again, so the command may be stopped and repeated; --only takes some. It
ends by writing docs/ablations.md, from what has been measured so far.
"""

import argparse
import json
import logging
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from record import RESULTS, keep
from torch import Generator, Tensor, nn

from sfumato import data as sources
from sfumato.callbacks.average import Average
from sfumato.callbacks.clock import Clock
from sfumato.data.dataset import Dataset
from sfumato.data.loader import loader
from sfumato.evaluation import evaluate
from sfumato.io.images import save
from sfumato.io.sheets import named_rows
from sfumato.model import Model, Sampler
from sfumato.module import Module
from sfumato.nn.init import normal_002
from sfumato.planning import build, plan
from sfumato.preset import Preset, settle
from sfumato.randomness import derive
from sfumato.recipe import Recipe
from sfumato.shapes import Images, Latents

DOCS = Path(__file__).parents[1] / "docs"
NAME = "ablations"
METRICS = ("kid", "recognisable", "precision", "recall")
SHOWN = 20
SEEDS = (0, 1, 2)
"""Of the unchanged row: their spread says which differences mean something."""


@dataclass(frozen=True)
class Row:
    """One thing changed."""

    what: str
    """As the page says it."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """In the model's own settings."""
    change: Callable[[Model], None] | None = None
    """In the built network."""


# ------------------------------------------------------------------ changes


def exchange(net: Any, kind: type[nn.Module], make: Callable[[Any], nn.Module]) -> None:
    """Put `make(layer)` in the place of every layer of one kind."""
    for place, layer in enumerate(net):
        if isinstance(layer, kind):
            net[place] = make(layer)


def no_tanh(model: Model) -> None:
    exchange(model.generator, nn.Tanh, lambda layer: nn.Identity())


def judge_of_relu(model: Model) -> None:
    exchange(model.discriminator, nn.LeakyReLU, lambda layer: nn.ReLU())


def judge_that_pools(model: Model) -> None:
    """Convolutions of the same kernels at full size, then the largest of four."""

    def pooling(layer: nn.Conv2d) -> nn.Module:
        if layer.stride[0] == 1:
            return layer
        given, made, bias = layer.in_channels, layer.out_channels, layer.bias is not None
        even = nn.ZeroPad2d((1, 2, 1, 2))  # a kernel of 4 has no middle
        return nn.Sequential(even, nn.Conv2d(given, made, 4, bias=bias), nn.MaxPool2d(2))

    exchange(model.discriminator, nn.Conv2d, pooling)


def kernels(size: int, model: Model) -> None:
    """Transposed convolutions of another width, which 2 does not divide."""

    def odd(layer: nn.ConvTranspose2d) -> nn.Module:
        given, made, bias = layer.in_channels, layer.out_channels, layer.bias is not None
        fit = {"stride": 2, "padding": size // 2, "output_padding": 1}
        return nn.ConvTranspose2d(given, made, size, bias=bias, **fit)

    exchange(model.generator, nn.ConvTranspose2d, odd)


def enlarging(model: Model) -> None:
    """Pixels repeated, then a convolution of 3, for a transposed convolution of 4."""

    def larger(layer: nn.ConvTranspose2d) -> nn.Module:
        given, made, bias = layer.in_channels, layer.out_channels, layer.bias is not None
        return nn.Sequential(
            nn.Upsample(scale_factor=2), nn.Conv2d(given, made, 3, padding=1, bias=bias)
        )

    exchange(model.generator, nn.ConvTranspose2d, larger)


def uniform_noise(model: Model) -> None:
    model.prior = partial(_uniform, model.config.latent)  # type: ignore[method-assign]


def _uniform(latent: int, count: int, rng: Generator | None = None) -> Latents:
    return 2 * torch.rand(count, latent, generator=rng) - 1


ROWS = {
    "base": Row("nothing changed"),
    "no-tanh": Row("painter: no tanh at the end", change=no_tanh),
    "uniform": Row("z uniform in [-1, 1], for normal", change=uniform_noise),
    "dropout": Row("judge: dropout of 0.3 of the maps", {"dropout": 0.3}),
    "noise": Row("judge: 5 % of the labels exchanged", {"noise": 0.05}),
    "smooth": Row("judge: real images taught as 0.9", {"smooth": 0.1}),
    "pooled": Row("judge: the largest of four, for strides", change=judge_that_pools),
    "judge-relu": Row("judge: ReLU, for leaky ReLU", change=judge_of_relu),
    "painter-leaky": Row("painter: leaky ReLU, for ReLU", {"activation": "leaky_relu"}),
    "kernel-3": Row("painter: kernels of 3 at stride 2, for 4", change=partial(kernels, 3)),
    "kernel-5": Row("painter: kernels of 5 at stride 2, for 4", change=partial(kernels, 5)),
    "enlarging": Row("painter: pixels repeated, for transposed", change=enlarging),
}
"""Every row, in the order of the page."""


# ------------------------------------------------------------------ one run


def measured(row: Row, seed: int, recipe: Recipe, count: int) -> tuple[dict[str, Any], Images]:
    """Train, and score the averaged weights."""
    recipe = replace(recipe, seed=seed, model=replace(recipe.model, **row.config))
    data = sources.open(recipe.data)
    with torch.random.fork_rng():
        torch.manual_seed(derive(seed, "weights"))
        model = build("dcgan", recipe, data)
        if row.change:
            row.change(model)
            model.apply(normal_002)
    model, seconds = trained(model, recipe, data)
    assert isinstance(model, Sampler)
    scores = evaluate(model, recipe.data, count=count, seed=seed, metrics=METRICS)
    drawn = model.sample(1000, seed=seed).clamp(-1, 1)
    real = data.batch(torch.arange(1000)).image
    return {
        "what": row.what,
        "seed": seed,
        "steps": recipe.steps,
        "milliseconds a batch": round(1000 * seconds / recipe.steps, 1),
        "checkerboard": float(checkers(drawn) / checkers(real)),
        "scores": {name: score.to_json() for name, score in scores.items()},
    }, drawn[:SHOWN].clone()


def trained(model: Model, recipe: Recipe, data: Dataset) -> tuple[Model, float]:
    """The averaged model in eval mode, and the seconds it took; all rows compute alike."""
    preset = Preset(threads=torch.get_num_threads(), precision="bf16-mixed", channels_last=True)
    settle(preset)
    module = Module(model, preset.channels_last)
    clock = Clock(recipe.seed)
    average = Average(recipe.ema, clock)
    trainer = L.Trainer(
        accelerator="cpu",
        precision="bf16-mixed",
        max_epochs=1,
        limit_train_batches=recipe.steps,
        callbacks=[clock, average],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    start = time.perf_counter()
    trainer.fit(module, loader(data, recipe.batch, recipe.steps, recipe.seed))
    return average.model.eval(), time.perf_counter() - start


def checkers(images: Images) -> Tensor:
    """Mean square of (a - b - c + d) / 4 over all 2 x 2 windows: what alternates by pixel."""
    a, b = images[..., :-1, :-1], images[..., :-1, 1:]
    c, d = images[..., 1:, :-1], images[..., 1:, 1:]
    return ((a - b - c + d) / 4).square().mean()


# ------------------------------------------------------------------ the page

HEAD = """# Ablations

What the tricks of the field do, one at a time. Written by

```bash
python benchmarks/ablations.py --steps {steps} -n {n}
```

Every row is [DCGAN](models/dcgan.md) on MNIST with the networks of its `laptop` recipe, trained
for {steps:,} batches of {batch} and no more, with one thing changed. Such short runs rank what
learns fast; they do not say what is best after hours. {n:,} samples each, features `lenet5-mnist`.

The unchanged row is trained from {seeds} seeds and shown as mean ± standard deviation, the others
from seed 0. **Bold** is further from that mean than twice the range of those seeds; everything
else may be chance.
*Checkerboard* is what alternates from pixel to pixel, over what does so in real images: 1 is like
them.
"""
COLUMNS = (("recognisable", "↑"), ("kid", "↓"), ("precision", "↑"), ("recall", "↑"))
PATTERN = "checkerboard"


def page(found: Mapping[str, Any]) -> str:
    """docs/ablations.md."""
    base = [row for name, row in found["rows"].items() if name.startswith("base/")]
    lines = [HEAD.format(**{**found, "seeds": len(base)}), *_table(found["rows"], base), ""]
    lines += ["![samples, a row for a line of the table, in its order](images/ablations.png)", ""]
    lines += [*_findings(found["rows"], base), "", _facts(found)]
    return "\n".join(lines) + "\n"


def _table(rows: Mapping[str, Any], base: list[Any]) -> Iterator[str]:
    names = " | ".join(f"{name} {sign}" for name, sign in COLUMNS)
    yield f"| changed | {names} | {PATTERN} | ms a batch |"
    yield "|---" * (len(COLUMNS) + 3) + "|"
    for key in (f"{name}/0" for name in ROWS):
        if key in rows:
            same = base if key == "base/0" else [rows[key]]
            columns = [*(name for name, _ in COLUMNS), PATTERN]
            cells = [_cell([_number(row, name) for row in same], name, base) for name in columns]
            pace = statistics.mean(row["milliseconds a batch"] for row in same)
            yield f"| {rows[key]['what']} | " + " | ".join(cells) + f" | {pace:.0f} |"
    ends = {"floor": "Gaussian noise: the floor", "ceiling": "held-out images: the ceiling"}
    for end, words in ends.items() if base else ():
        values = (base[0]["scores"][name][end] for name, _ in COLUMNS)
        yield f"| {words} | " + " | ".join(f"{value:.3g}" for value in values) + " | | |"


def _number(row: Mapping[str, Any], name: str) -> float:
    return row[PATTERN] if name == PATTERN else row["scores"][name]["value"]


def _cell(values: list[float], name: str, base: list[Any]) -> str:
    """Mean and deviation of several, or one value, bold where chance does not explain it."""
    digits = ".5f" if name == "kid" else ".3f"
    if len(values) > 1:
        return f"{statistics.mean(values):{digits}} ± {statistics.stdev(values):.2g}"
    mark = "**" if _beyond(values[0], name, base) else ""
    return f"{mark}{values[0]:{digits}}{mark}"


def _beyond(value: float, name: str, base: list[Any]) -> float:
    """How far from the unchanged row's mean, where that is more than twice its range; else 0."""
    seen = [_number(row, name) for row in base]
    if len(seen) < 2:
        return 0.0
    away = value - statistics.mean(seen)
    return away if abs(away) > 2 * (max(seen) - min(seen)) else 0.0


def _findings(rows: Mapping[str, Any], base: list[Any]) -> Iterator[str]:
    """Which rows gain, which lose and which do neither, by what can be recognised and by KID."""
    groups: dict[str, list[str]] = {"Better": [], "Worse": [], "Both": [], "Neither": []}
    for name in ROWS:
        if name != "base" and (row := rows.get(f"{name}/0")):
            gains = _beyond(_number(row, "recognisable"), "recognisable", base)
            losses = _beyond(_number(row, "kid"), "kid", base)
            better, worse = gains > 0 or losses < 0, gains < 0 or losses > 0
            group = "Both" if better and worse else "Better" if better else "Worse"
            groups[group if better or worse else "Neither"].append(row["what"])
    said = {
        "Better": "More of its samples are recognisable, or KID is smaller, than chance explains",
        "Worse": "Fewer are recognisable, or KID is larger",
        "Both": "One of the two is better and the other worse",
        "Neither": "No difference that another seed does not make as well",
    }
    for group, names in groups.items():
        if names:
            yield f"- {said[group]}: {'; '.join(names)}."


def _facts(found: Mapping[str, Any]) -> str:
    return (
        f"<sub>{found['measured']}, commit {found['commit']}, {found['machine']}, Python "
        f"{found['python']}, torch {found['torch']}, lightning {found['lightning']}</sub>"
    )


def sheet(folder: Path, rows: Mapping[str, Any], path: Path) -> None:
    """Samples of every row, one under the other."""
    places = {name: folder / f"{name}-0.pt" for name in ROWS if f"{name}/0" in rows}
    shown = {n: torch.load(p, weights_only=True) for n, p in places.items() if p.exists()}
    if shown:
        save(named_rows([(name, images) for name, images in shown.items()]), path)


# ------------------------------------------------------------------ all of them


def main() -> None:
    """Measure what is missing, keep it, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=2_000, help="batches a row; 2 to 3 minutes")
    parser.add_argument("-n", "--count", type=int, default=5_000, help="samples scored")
    parser.add_argument("--only", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--again", action="store_true", help="measure also what is measured")
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"), help="samples")
    parser.add_argument("--page", type=Path, default=DOCS / "ablations.md")
    args = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")
    recipe = replace(plan("dcgan", recipe="laptop"), steps=args.steps)
    found = _kept({"steps": args.steps, "n": args.count, "batch": recipe.batch})
    for name in args.only:
        for seed in SEEDS if name == "base" else (0,):
            key = f"{name}/{seed}"
            if key in found["rows"] and not args.again:
                continue
            print(f"{key}: {ROWS[name].what}", file=sys.stderr)
            row, drawn = measured(ROWS[name], seed, recipe, args.count)
            args.out.mkdir(parents=True, exist_ok=True)
            torch.save(drawn, args.out / f"{name}-{seed}.pt")
            found["rows"][key] = row
            keep(NAME, found)
    args.page.write_text(page(json.loads((RESULTS / f"{NAME}.json").read_text())), "utf-8")
    sheet(args.out, found["rows"], args.page.parent / "images" / "ablations.png")
    print(args.page)


def _kept(settings: Mapping[str, int]) -> dict[str, Any]:
    """What was measured with these settings before."""
    path = RESULTS / f"{NAME}.json"
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    same = all(kept.get(name) == value for name, value in settings.items())
    return {**settings, "rows": kept["rows"] if same else {}}


if __name__ == "__main__":
    main()
