"""Style transfer measured: python benchmarks/style.py curves|speed|passes|memory|....

curves    losses of ten iterations of twenty evaluations, from faint noise, as published
speed     against the plainest correct program of Gatys et al., one after the other, in turns
passes    seconds of one pass at 512 x 512
memory    of 4096 x 4096: --side 4096 --methods gatys, or --methods pass
quality   losses of one pass and of the fast way against 50 evaluations, on styles not learnt from
one       losses of networks of one style, --runs, on contents not learnt from: --evaluations 150
sheets    contact sheets: contents in rows, styles in columns
strips    the two pictures of docs/style.md: a photograph and four paintings of it

Seconds are of processor time where one thread is used, so a busy machine does not count.
"""

import argparse
import os
import resource
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from record import keep

import sfumato
from sfumato.data.photos import photo
from sfumato.imaging import passes
from sfumato.imaging.gatys import Choices, Progress, paint
from sfumato.imaging.objective import Objective, Style, bounded
from sfumato.io.images import from_bytes, read
from sfumato.models.adain import AdaIN
from sfumato.models.adain import Config as AdaINConfig
from sfumato.models.fast_style import Config, FastStyle, style_picture
from sfumato.models.wct import WCT
from sfumato.models.wct import Config as WCTConfig
from sfumato.nn.perceptual import Perceptual, load
from sfumato.preset import Preset, quick_in_half, settle
from sfumato.schema import Schema
from sfumato.shapes import Images
from sfumato.stylizing import picture, tensor, translator

DATA = Path(os.environ.get("SFUMATO_DATA", "."))
CONTENTS = [
    *(f"style_images/adain/content/{n}.jpg" for n in ("avril", "cornell", "flowers", "modern")),
    *(f"style_images/adain/content/{n}.jpg" for n in ("newyork", "sailboat")),
    *(f"style_images/neural-style-pt/content/{n}.jpg" for n in ("tubingen", "golden_gate")),
    "style_images/neural-style-pt/content/hoovertowernight.jpg",
    "style_images/fast-style-transfer/content/chicago.jpg",
]
STYLES = [
    *(f"style_images/adain/style/{n}.jpg" for n in ("brushstrokes", "en_campo_gris")),
    *(f"style_images/adain/style/{n}.jpg" for n in ("mondrian_cropped", "scene_de_rue")),
    "style_images/adain/style/woman_in_peasant_dress_cropped.jpg",
    "style_images/adain/style/sketch.png",
    "style_images/fast-style-transfer/style/wave.jpg",
    "style_images/fast-style-transfer/style/udnie.jpg",
]
"""None of them learnt from."""
PAINTINGS = [
    "style_images/fast-style-transfer/style/the_shipwreck_of_the_minotaur.jpg",
    "style_images/neural-style-pt/style/starry_night.jpg",
    "style_images/neural-style-pt/style/the_scream.jpg",
    "style_images/fast-style-transfer/style/wave.jpg",
]
"""In the public domain: Turner, van Gogh, Munch, Hokusai."""
SLOWLY = {"iterations": 5, "scales": 2}
"""How gatys paints sheets and strips."""


def image(name: str, side: int) -> torch.Tensor:
    """A picture of the data, its longer side so many pixels."""
    found = read(DATA / name, channels=3)
    found.thumbnail((4 * side, 4 * side))
    return bounded(from_bytes(np.asarray(found)[None]), side)


def curves(args: argparse.Namespace) -> None:
    """Content, texture and transfer, from noise, at `--side`."""
    network = load(fast=quick_in_half())
    content, style = image(CONTENTS[6], args.side), image(STYLES[6], args.side)
    wish = Choices(start="noise")
    two = dict.fromkeys(("stage1", "stage2"), 1.0)
    deep = network.plan.deep_content
    tasks = {
        "content": (content, [], replace(wish, content=deep, content_weight=1.0)),
        "texture": (None, [Style(style)], replace(wish, style=two)),
        "transfer": (content, [Style(style)], wish),
    }
    found = {}
    for name, (what, styles, choices) in tasks.items():
        told: list[float] = []
        paint(
            network,
            what,
            styles,
            choices,
            tell=lambda p, t=told: t.__setitem__(slice(None), p.losses),
        )
        falls = [b <= a for a, b in pairwise(told)]
        found[name] = {
            "losses": [round(v, 4) for v in told],
            "falls": round(told[0] / told[-1], 1),
            "never_rises": all(falls),
        }
    keep("style-curves", {"side": args.side, "network": "embedded", "curves": found})


def plain(network: Perceptual, content: Images, style: Images, count: int) -> Images:
    """Gatys et al. as anyone writes it: torch's L-BFGS with its line search, float32."""
    names, shares = [f"stage{n}" for n in range(1, 6)], (0.05, 0.2, 0.2, 0.25, 0.3)

    def gram(maps: torch.Tensor) -> torch.Tensor:
        rows = maps[0].flatten(1)
        return rows @ rows.T / rows.numel()

    def see(x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {k: v * 128 for k, v in network(x, names).items()}

    with torch.no_grad():
        wanted = {k: gram(v) for k, v in see(style).items()}
        there = see(content)["stage4"]
    pixels = content.clone().requires_grad_()
    player = torch.optim.LBFGS(
        [pixels], max_iter=count, max_eval=count, line_search_fn="strong_wolfe",
        tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip

    def closure() -> torch.Tensor:
        player.zero_grad()
        maps = see(pixels)
        loss = 0.1 * ((maps["stage4"] - there) ** 2).mean()
        for name, share in zip(names, shares, strict=True):
            loss = loss + share * ((gram(maps[name]) - wanted[name]) ** 2).mean()
        loss.backward()
        return loss

    player.step(closure)
    return pixels.detach().clamp(-1, 1)


def speed(args: argparse.Namespace) -> None:
    """Seconds until the loss is that of the plain program after `--evaluations`."""
    whole, quick = load(), load(fast=quick_in_half())
    for convolution in whole.convolutions:
        convolution.weight.data = convolution.weight.data.contiguous()
    rows = []
    for turn in range(args.turns):
        content, style = image(CONTENTS[turn], args.side), image(STYLES[turn], args.side)
        size = tuple(content.shape[-2:])
        goal = Objective(whole, Choices(), content, [Style(style)], size)
        began = time.process_time()
        slow = plain(whole, content, style, args.evaluations)
        seconds, target = time.process_time() - began, goal.evaluate(slow)[0]
        stops = _stops(quick, content, style)
        ours = [(t, goal.evaluate(x)[0]) for t, x in stops if tuple(x.shape[-2:]) == size]
        there = next((t for t, loss in ours if loss <= target), None)
        rows.append({
            "content": CONTENTS[turn], "style": STYLES[turn], "plain_seconds": round(seconds, 2),
            "plain_loss": round(target, 2), "ours_seconds": there and round(there, 2),
            "ours_last": [round(ours[-1][0], 2), round(ours[-1][1], 2)],
            "share": there and round(there / seconds, 3),
        })  # fmt: skip
        print(rows[-1], flush=True)
    keep("style-speed", {
        "side": args.side, "evaluations": args.evaluations, "threads": torch.get_num_threads(),
        "turns": rows,
    })  # fmt: skip


def _stops(network: Perceptual, content: Images, style: Images) -> list[tuple[float, Images]]:
    """Seconds and picture after every five evaluations of ours, coarse to fine."""
    stops: list[tuple[float, Images]] = []
    began = time.process_time()
    wish = Choices(scales=3, iterations=16, evaluations=5)

    def tell(progress: Progress) -> None:
        stops.append((time.process_time() - began, progress.images))

    paint(network, content, [Style(style)], wish, tell=tell)
    return stops


def passes_(args: argparse.Namespace) -> None:
    """Seconds of one pass of each painter at 512 x 512, the least of `--turns`."""
    content, style = torch.rand(1, 3, 512, 512) * 2 - 1, image(STYLES[0], 512)
    schema, found = Schema(shape=(3, 512, 512)), {}
    painters = {
        "wct": (translator("wct"), style),
        "adain": (translator(AdaIN(AdaINConfig(), schema)), style),
        "fast_style 16": (translator(FastStyle(Config(), schema)), None),
        "fast_style 32": (translator(FastStyle(Config(width=32), schema)), None),
    }
    for name, (model, reference) in painters.items():
        times = []
        for _ in range(args.turns + 1):
            began = time.process_time(), time.perf_counter()
            passes.translated(model, content, reference)
            times.append((time.process_time() - began[0], time.perf_counter() - began[1]))
        found[name] = {
            "cpu_seconds": round(min(t for t, _ in times), 3),
            "wall_seconds": round(min(t for _, t in times), 3),
        }
    keep("style-passes", {"side": 512, "threads": torch.get_num_threads(), "painters": found})


def memory(args: argparse.Namespace) -> None:
    """Peak memory and seconds of a picture of `--side` squared: one pass, or two evaluations."""
    content, style = torch.rand(1, 3, args.side, args.side) * 2 - 1, image(STYLES[0], 512)
    network, began = load(fast=quick_in_half()), time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if "gatys" in args.methods:
        wish = Choices(optimizer="adam", tile=512, iterations=1, evaluations=2, style_size=0.125)
        paint(network, content, [Style(style)], wish)
    else:
        model = WCT(WCTConfig(), Schema(shape=(3, 512, 512)))
        passes.translated(translator(model), content, style)
    keep(f"style-memory-{args.methods[0]}", {
        "side": args.side, "cpu_seconds": round(time.process_time() - began, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "of_which_before_gib": round(before, 2),
    })  # fmt: skip


def quality(args: argparse.Namespace) -> None:
    """One pass, and the fast way, against `--evaluations` from noise and from the content."""
    network, model, rows = load(fast=quick_in_half()), translator("wct"), []
    for content in (image(name, args.side) for name in CONTENTS):
        for name in STYLES[:5]:
            style = image(name, args.side)
            goal = Objective(network, Choices(), content, [Style(style)], content.shape[-2:])
            row = {"pass": goal.evaluate(passes.translated(model, content, style).clone())[0]}
            hasty = sfumato.stylize(picture(content), picture(style))
            row |= {"fast": goal.evaluate(tensor(hasty))[0], "content": goal.evaluate(content)[0]}
            rows.append(row | _descents(network, content, style, goal, args.evaluations))
    keep("style-quality", _compared(rows, ("pass", "fast"), args))


def one(args: argparse.Namespace) -> None:
    """One pass of a network that has learnt its style, against `--evaluations` of descent."""
    network = load(fast=quick_in_half())
    for place in args.runs:
        model, rows = translator(place), []
        assert isinstance(model, FastStyle)
        style = style_picture(model.config.style, model.config.style_side)
        for content in (image(name, args.side) for name in CONTENTS):
            goal = Objective(network, Choices(), content, [Style(style)], content.shape[-2:])
            row = {"pass": goal.evaluate(passes.translated(model, content, None).clone())[0]}
            row["content"] = goal.evaluate(content)[0]
            rows.append(row | _descents(network, content, style, goal, args.evaluations))
        shown = {"run": Path(place).name, "style": Path(model.config.style).stem}
        keep(f"style-one-{Path(place).name}", shown | _compared(rows, ("pass",), args))


def _descents(
    network: Perceptual, content: Images, style: Images, goal: Objective, evaluations: int
) -> dict[str, float]:
    """Where descent ends, by where it began."""
    found = {}
    for start in ("noise", "content"):
        wish = Choices(start=start, iterations=1, evaluations=evaluations)
        painted = paint(network, content, [Style(style)], wish)
        found[f"descent from {start}"] = goal.evaluate(painted)[0]
    return found


def _compared(
    rows: list[dict[str, float]], ours: tuple[str, ...], args: argparse.Namespace
) -> dict[str, Any]:
    """The median of each way, and how often ours ends lower than a descent."""
    descents = [name for name in rows[0] if name.startswith("descent")]
    return {
        "side": args.side,
        "pairs": len(rows),
        "evaluations": args.evaluations,
        "median_loss": {k: round(float(np.median([row[k] for row in rows])), 1) for k in rows[0]},
        "pairs_where_ours_is_lower": {
            f"{way} under {k}": sum(row[way] < row[k] for row in rows)
            for k in descents
            for way in ours
        },
    }


def sheets(args: argparse.Namespace) -> None:
    """Ten contents by eight styles, for each method."""
    for method in args.methods:
        words = SLOWLY if method == "gatys" else {}
        side = args.side
        sheet = Image.new("RGB", ((len(STYLES) + 1) * side, (args.count + 1) * side), "white")
        for column, name in enumerate(STYLES, 1):
            sheet.paste(_tile(name, side), (column * side, 0))
        for row, content in enumerate(CONTENTS[: args.count], 1):
            sheet.paste(_tile(content, side), (0, row * side))
            for column, name in enumerate(STYLES, 1):
                styled = sfumato.stylize(
                    _tile(content, side), DATA / name, method=method, choices=words
                )
                sheet.paste(styled, (column * side, row * side))
            sheet.save(args.out / f"style-{method}.png")


def strips(args: argparse.Namespace) -> None:
    """The middle of a photograph, and four paintings of it."""
    whole = photo("cat")
    left = (whole.width - whole.height) // 2
    square = whole.crop((left, 0, left + whole.height, whole.height))
    for method in ("fast", "gatys"):
        words = SLOWLY if method == "gatys" else {}
        made = [
            sfumato.stylize(square, DATA / name, method=method, choices=words, side=2 * args.side)
            for name in PAINTINGS
        ]
        strip = Image.new("RGB", (5 * args.side, args.side))
        for column, tile in enumerate([square, *made]):
            small = tile.convert("RGB").resize((args.side, args.side), Image.Resampling.LANCZOS)
            strip.paste(small, (column * args.side, 0))
        strip.save(args.out / f"style-{method}.jpg", quality=90)


def _tile(name: str, side: int) -> Image.Image:
    """The central square of a picture."""
    found = picture(image(name, 2 * side))
    edge = min(found.size)
    left, top = (found.width - edge) // 2, (found.height - edge) // 2
    return found.crop((left, top, left + edge, top + edge)).resize((side, side))


def main() -> None:
    """Parse, measure, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    tasks = {
        "curves": curves,
        "speed": speed,
        "passes": passes_,
        "memory": memory,
        "quality": quality,
        "one": one,
        "sheets": sheets,
        "strips": strips,
    }
    parser.add_argument("task", choices=tasks)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--evaluations", type=int, default=50)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--methods", nargs="+", default=["fast", "pass", "gatys"])
    parser.add_argument("--runs", nargs="+", default=[], help="of fast_style")
    parser.add_argument("--out", type=Path, default=Path())
    args = parser.parse_args()
    if args.task == "one" and not args.runs:
        parser.error("one is of networks that have learnt a style: give --runs")
    settle(Preset(threads=torch.get_num_threads()))
    tasks[args.task](args)


if __name__ == "__main__":
    main()
