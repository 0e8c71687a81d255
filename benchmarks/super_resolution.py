"""Enlarging and repairing the published sets: python benchmarks/super_resolution.py srresnet-x4.

Set5 and Set14 as `$SFUMATO_DATA/super_resolution` holds them: small pictures as published, sharp
ones cropped to multiples of the scale. PSNR and SSIM are of luma, without a border of `scale`
pixels; the perceptual distance is that of the embedded network; sharpness is a share of the sharp
picture's own. Rows of *turns* are means over a picture's eight turns and mirrors. With `--sheet`,
also a picture of details: small, bicubic, each place, sharp.

What places make larger than another does is shrunk again, as `upscale` would. Places of scale 1
repair the sharp pictures, harmed by JPEG or a Gaussian blur at given strengths.
"""

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from record import keep

from sfumato import runs
from sfumato.imaging.degradation import blurred, compressed
from sfumato.io.images import from_bytes, grid, read, rounded, save
from sfumato.metrics.distortion import psnr, psnr_y, ssim, ssim_y
from sfumato.metrics.perceptual import distance
from sfumato.metrics.sharpness import sharpness
from sfumato.model import Translator
from sfumato.nn.ensemble import ensemble
from sfumato.nn.resize import enlarge, shrink
from sfumato.shapes import Images

SETS = Path(os.environ.get("SFUMATO_DATA", ".")) / "super_resolution"
DETAILS = {"Set5": (("003", 0.35, 0.3), ("004", 0.3, 0.4)), "Set14": (("001", 0.5, 0.1),)}
"""Of the sheet: a picture's number, and the middle of what is shown of it, down and across."""
SHOWN = 96
"""Side of a detail, in pixels of the large picture."""
Ways = dict[str, Callable[[Images], Images]]
"""What enlarges, by name."""


def picture(path: Path) -> Images:
    """1 3 H W."""
    return from_bytes(np.asarray(read(path, channels=3))[None])


def pairs(name: str, scale: int) -> list[tuple[str, Images, Images]]:
    """Stem, small and sharp picture of each of a set."""
    found = []
    for small in sorted((SETS / name / f"LR_x{scale}").iterdir()):
        stem = small.stem[:7]
        # kept once where crops to multiples of 2 and of 4 are the same
        paths = (SETS / name).glob(f"HR_mod[{scale}4]*/{stem}*")
        sharp = min(paths, key=lambda path: path.parent.name[:7] != f"HR_mod{scale}")
        found.append((stem, picture(small), picture(sharp)))
    return found


def enlargers(models: Ways, given: Images, scale: int) -> dict[str, Images]:
    """What each makes of a picture, as a file would hold it."""
    made = {"bicubic": enlarge(given, scale).clamp(-1, 1)}
    made |= {name: change(given) for name, change in models.items()}
    return {name: rounded(image) for name, image in made.items()}


def scores(made: Images, sharp: Images, border: int) -> list[float]:
    """In the order of `NAMES`."""
    found = (
        psnr_y(made, sharp, border=border),
        ssim_y(made, sharp, border=border),
        ssim(made, sharp),
        distance()(made, sharp),
        sharpness(made) / sharpness(sharp),
    )
    return [float(value) for value in found]


def larger(model: Translator, scale: int, given: Images) -> Images:
    """What the model makes of pictures, shrunk to so many times their side."""
    made = model.translate(given)
    return made if model.scale == scale else shrink(made, model.scale // scale)


NAMES = ("psnr_y", "ssim_y", "ssim", "perceptual", "sharpness")


def table(models: Ways, name: str, scale: int) -> dict[str, dict[str, float]]:
    """Means over a set, by who made the pictures."""
    rows: dict[str, list[list[float]]] = {}
    for _, given, sharp in pairs(name, scale):
        for who, made in enlargers(models, given, scale).items():
            rows.setdefault(who, []).append(scores(made, sharp, scale))
    return {
        who: {"n": len(found)}
        | {key: round(float(v), 4) for key, v in zip(NAMES, np.mean(found, axis=0), strict=True)}
        for who, found in rows.items()
    }


def sheet(models: Ways, scale: int) -> Images:
    """Details in rows: bicubic, each place, sharp."""
    cells = []
    for name, details in DETAILS.items():
        by_number = {stem[-3:]: pair for stem, *pair in pairs(name, scale)}
        for number, down, across in details:
            given, sharp = by_number[number]
            high, wide = sharp.shape[2:]
            top, left = (int(at * (side - SHOWN)) for at, side in ((down, high), (across, wide)))
            for made in (*enlargers(models, given, scale).values(), sharp):
                cells.append(made[:, :, top : top + SHOWN, left : left + SHOWN])
    return torch.cat(cells)


def harms(model: Translator) -> dict[str, Callable[[Images], Images]]:
    """What a picture may suffer of the kind that the model learned to repair, by name."""
    c, found = model.config, {}
    for quality in (5, 10, 20, 40) if c.worst < 100 else ():
        found[f"jpeg {quality}"] = partial(compressed, quality=torch.tensor([quality]))
    for sigma in (1.0, 2.0) if c.blur else ():
        found[f"blur {sigma:g}"] = partial(blurred, sigma=torch.tensor([sigma]))
    return found


def repairs(model: Translator, name: str) -> dict[str, dict[str, float]]:
    """Means over a set, by harm: of the harmed picture and of the repaired."""
    found: dict[str, dict[str, float]] = {}
    paths = sorted((SETS / name / "HR_mod4").iterdir())
    for harm, harmed in harms(model).items():
        rows = []
        for sharp in map(picture, paths):
            given = rounded(harmed(sharp))
            made = rounded(model.translate(given))
            both = given, made
            rows.append([float(m(x, sharp)) for m in (psnr, psnr_y) for x in both])
        keys = ("harmed psnr", "psnr", "harmed psnr_y", "psnr_y")
        middle = np.mean(rows, axis=0)
        found[harm] = {"n": len(rows)} | {
            key: round(float(value), 2) for key, value in zip(keys, middle, strict=True)
        }
    return found


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("places", nargs="+", help="runs, bundles or zoo names")
    parser.add_argument("--sheet", type=Path, help="picture file that receives details")
    args = parser.parse_args()
    loaded = {Path(place).name: runs.load(place) for place in args.places}
    models = {name: model for name, model in loaded.items() if isinstance(model, Translator)}
    scale = min(model.scale for model in models.values())
    if scale == 1:
        for name, model in models.items():
            with torch.no_grad():
                sets = {which: repairs(model, which) for which in ("Set5", "Set14")}
            keep(f"repaired-{name}", {"place": name, "sets": sets})
        return
    ways: Ways = {name: partial(larger, model, scale) for name, model in models.items()}
    with torch.no_grad():
        if args.sheet:
            columns = len(ways) + 2
            save(grid(sheet(ways, scale), columns, zoom=2, gap=2), args.sheet)
        ways |= {f"{name}, turns": partial(ensemble, ways[name]) for name in models}
        sets = {name: table(ways, name, scale) for name in ("Set5", "Set14")}
    keep(f"enlarged-x{scale}", {"places": list(models), "scale": scale, "sets": sets})


if __name__ == "__main__":
    main()
