"""Bits against likeness: python benchmarks/codec.py codec-small cifar10 fashion-mnist.

cifar10 and fashion-mnist are held-out pictures of 28 pixels, squares are of 64, from the right
third of each embedded photograph, which no training has seen. `thirds` are those thirds as they
are, but of three photographs, of which `unseen` are the middles, 400 by 400. A folder stands for
the photographs in it. Every codec gets the same pixels. JPEG is Pillow's with optimised tables,
WebP Pillow's with method 6, both at their default chroma subsampling. Our files are written twice,
as they come and with `--refine`.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from record import keep

import sfumato
from sfumato import data
from sfumato.compression import MODELS, compress, decompress
from sfumato.data.photos import PHOTOS, photo
from sfumato.data.source import Source
from sfumato.io.images import ENDINGS, from_bytes, read, to_bytes, to_picture
from sfumato.io.sfu import unpack
from sfumato.metrics.distortion import fitting, ms_ssim, psnr
from sfumato.model import Codec

PAGE = Path(__file__).parents[1] / "docs" / "images"
QUALITIES = (0, 1, 2, 3, 5, 8, 12, 16, 20, 25, 30, 35, 40, 50, 60, 70, 75, 80, 85, 90, 93, 95, 97)
"""Of JPEG and WebP; those of the codec are its own."""
SMALL = {
    "cifar10": Source(name="cifar10", split="test", side=28),
    "fashion-mnist": Source(name="fashion-mnist", split="test"),
    "squares": Source(name="photos", split="test", side=64),
}
MIDDLE = 400
"""Pixels along an edge."""
UNSEEN = ("motorcycle", "china", "flower")
"""Photographs that `codec-small` never saw; `codec-photos` saw the left two thirds of the last
two.
"""

Curve = list[dict[str, float]]
"""A point for each setting."""


@dataclass(frozen=True)
class Coder:
    """One way to keep a picture."""

    settings: Sequence[int]
    write: Callable[[Image.Image, int], bytes]
    read: Callable[[bytes], Image.Image]
    bare: Callable[[bytes], int]
    """Bytes of a file that are not its header."""


def main() -> None:
    """Measure, keep, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("place", nargs="?", default=MODELS[0], help="run, bundle or zoo name")
    parser.add_argument("sets", nargs="*", default=["squares", "thirds", "unseen"], help="above")
    parser.add_argument("-n", "--count", type=int, default=100, help="small pictures of each set")
    parser.add_argument("--refine", type=int, default=20, help="steps; 0 leaves such files out")
    args = parser.parse_args()
    model = sfumato.load(args.place)
    assert isinstance(model, Codec)
    ours = {"sfumato": _ours(model)}
    if args.refine:
        ours[f"sfumato, {args.refine} steps"] = _ours(model, args.refine)
    rivals = {"JPEG": _pillow("JPEG"), "WebP": _pillow("WEBP")}
    found = {}
    for name in args.sets:
        pictures = named(name, args.count)
        shortest = min(map(min, _sizes(pictures)))
        curves = {coder: curve(pictures, how) for coder, how in (ours | rivals).items()}
        found[name] = {
            "pictures": len(pictures),
            "sides": f"{shortest} to {max(map(max, _sizes(pictures)))}",
            "scales of MS-SSIM": fitting(shortest),
            "curves": curves,
            "against": {
                mine: {rival: against(curves[mine], curves[rival]) for rival in rivals}
                for mine in ours
            },
        }
        print(name, found[name]["against"], file=sys.stderr, flush=True)
    name = Path(args.place).name
    draw(found, PAGE / f"rates-{name}-{args.sets[0]}.png")
    facts = {"place": name, "count": args.count, "seconds at 512": timing(model, args.refine)}
    keep(f"rates-{name}-{args.sets[0]}", {**facts, "sets": found})


def named(name: str, count: int) -> list[Image.Image]:
    """The pictures of a set."""
    if name in SMALL:
        return small(SMALL[name], count)
    if name == "unseen":
        return [middle(photo(one)) for one in UNSEEN]
    if name == "thirds":
        whole = [photo(one) for one in PHOTOS if one not in UNSEEN]
        return [one.crop((round(2 / 3 * one.width), 0, one.width, one.height)) for one in whole]
    paths = sorted(path for path in Path(name).iterdir() if path.suffix.lower() in ENDINGS)
    return [read(path, channels=3) for path in paths]


def small(source: Source, count: int) -> list[Image.Image]:
    """`count` pictures, spread evenly over a test split."""
    stream = data.open(source)
    rows = torch.linspace(0, len(stream) - 1, min(count, len(stream))).long()
    return [to_picture(pixels) for pixels in to_bytes(stream.batch(rows).image)]


def middle(picture: Image.Image) -> Image.Image:
    """A square of its pixels."""
    left, top = (picture.width - MIDDLE) // 2, (picture.height - MIDDLE) // 2
    return picture.crop((left, top, left + MIDDLE, top + MIDDLE))


def curve(pictures: list[Image.Image], coder: Coder) -> Curve:
    """Means over the pictures."""
    scales, points = fitting(min(map(min, _sizes(pictures)))), []
    for setting in coder.settings:
        rows = []
        for picture in pictures:
            file = coder.write(picture, setting)
            pair = _tensor(coder.read(file)), _tensor(picture)
            likeness = float(psnr(*pair).clamp(max=60)), float(ms_ssim(*pair, scales=scales))
            pixels = picture.width * picture.height
            rows.append((len(file), 8 * len(file) / pixels, 8 * coder.bare(file) / pixels))
            rows[-1] += likeness
        names = ("bytes", "bpp", "bpp without header", "psnr", "ms_ssim")
        means = np.array(rows).mean(0)
        point = {name: round(float(v), 5) for name, v in zip(names, means, strict=True)}
        points.append({"setting": setting, **point})
    return points


def against(ours: Curve, rival: Curve) -> list[dict[str, float | None]]:
    """Our bits over the rival's at the same likeness, for each of our qualities.

    None where the rival has no such likeness between its least and its best setting.
    """
    rows: list[dict[str, float | None]] = []
    for mine in ours:
        row: dict[str, float | None] = {"quality": mine["setting"]}
        for measure in ("psnr", "ms_ssim"):
            for bits in ("bpp", "bpp without header"):
                theirs = _bits_at(rival, measure, mine[measure], bits)
                row[f"{bits} at {measure}"] = theirs and round(mine[bits] / theirs, 3)
        rows.append(row)
    return rows


def timing(model: Codec, refine: int) -> dict[str, float]:
    """Processor seconds, on one thread, for 512 x 512 at the middle quality; least of three."""
    torch.set_num_threads(1)
    picture = photo("astronaut")
    file = compress(picture, model=model)
    tasks: dict[str, Callable[[], object]] = {
        "encode": lambda: compress(picture, model=model),
        "decode": lambda: decompress(file, model=model),
    }
    if refine:
        tasks[f"encode, {refine} steps"] = lambda: compress(picture, refine=refine, model=model)
    return {name: round(min(_seconds(task) for _ in range(3)), 3) for name, task in tasks.items()}


def draw(found: dict[str, Any], path: Path) -> None:
    """A column for each set: PSNR above, MS-SSIM below, over bits per pixel of whole files."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(found), 7), layout="constrained")
    axes = figure.subplots(2, len(found), squeeze=False)
    for column, (name, one) in zip(axes.T, found.items(), strict=True):
        top = 1.3 * max(point["bpp"] for point in one["curves"]["sfumato"])
        for axis, measure in zip(column, ("psnr", "ms_ssim"), strict=True):
            for coder, points in one["curves"].items():
                shown = [point for point in points if point["bpp"] <= top]
                values = [_scaled(point[measure], measure) for point in shown]
                axis.plot([point["bpp"] for point in shown], values, "o-", ms=3, label=coder)
            label = "PSNR, dB" if measure == "psnr" else "MS-SSIM, -10 log10(1 - it)"
            axis.set(xlabel="bits per pixel, whole files", ylabel=label)
            axis.grid(alpha=0.3)
        column[0].set_title(name)
        column[0].legend()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=90)


def _bits_at(points: Curve, measure: str, value: float, bits: str) -> float | None:
    """Interpolated in the logarithm of bits; likeness rises with the setting, or is sorted to."""
    rising = sorted(points, key=lambda point: point[measure])
    likeness = [_scaled(point[measure], measure) for point in rising]
    wanted = _scaled(value, measure)
    if not likeness[0] <= wanted <= likeness[-1]:
        return None
    return float(np.exp(np.interp(wanted, likeness, [np.log(point[bits]) for point in rising])))


def _seconds(task: Callable[[], object]) -> float:
    start = time.process_time()
    task()
    return time.process_time() - start


def _scaled(value: float, measure: str) -> float:
    return value if measure == "psnr" else -10 * float(np.log10(max(1e-6, 1 - value)))


def _ours(model: Codec, refine: int = 0) -> Coder:
    return Coder(
        range(1, model.qualities + 1),
        lambda picture, quality: compress(picture, quality, refine=refine, model=model),
        lambda file: decompress(file, model=model),
        lambda file: len(unpack(file)[1]),
    )


def _pillow(kind: str) -> Coder:
    options: dict[str, Any] = {"optimize": True} if kind == "JPEG" else {"method": 6}

    def write(picture: Image.Image, quality: int) -> bytes:
        file = io.BytesIO()
        picture.save(file, kind, quality=quality, **options)
        return file.getvalue()

    def bare(file: bytes) -> int:
        """JPEG: what follows the header of the scan. WebP: what follows the frame's ten bytes."""
        if kind == "WEBP":
            return len(file) - 30
        scan = file.index(b"\xff\xda") + 2
        return len(file) - scan - int.from_bytes(file[scan : scan + 2], "big") - 2

    return Coder(QUALITIES, write, lambda file: read(file), bare)


def _tensor(picture: Image.Image) -> torch.Tensor:
    pixels = np.asarray(picture.convert("RGB"))
    return from_bytes(pixels[None])


def _sizes(pictures: list[Image.Image]) -> list[tuple[int, int]]:
    return [picture.size for picture in pictures]


if __name__ == "__main__":
    main()
