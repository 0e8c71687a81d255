"""Enlarging the published sets: python benchmarks/super_resolution.py srresnet-x4.

Set5 and Set14 as `$SFUMATO_DATA/super_resolution` holds them: small pictures as published, sharp
ones cropped to multiples of the scale. Scores are of luma, without a border of `scale` pixels.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from record import keep

from sfumato import runs
from sfumato.io.images import from_bytes, read
from sfumato.metrics.distortion import psnr_y, ssim
from sfumato.model import Translator
from sfumato.nn.resize import enlarge
from sfumato.shapes import Images

SETS = Path(os.environ.get("SFUMATO_DATA", ".")) / "super_resolution"


def picture(path: Path) -> Images:
    """1 3 H W."""
    return from_bytes(np.asarray(read(path, channels=3))[None])


def scores(model: Translator, name: str) -> dict[str, float | int]:
    """Means over a set, of the network and of the bicubic picture."""
    rows = []
    for path in sorted((SETS / name / f"HR_mod{model.scale}").iterdir()):
        sharp = picture(path)
        (small,) = (SETS / name / f"LR_x{model.scale}").glob(f"{path.stem[:7]}*")
        given = picture(small)
        for made in (model.translate(given), enlarge(given, model.scale).clamp(-1, 1)):
            near = psnr_y(made, sharp, border=model.scale), ssim(made, sharp)
            rows.append([float(value) for value in near])
    network, bicubic = np.mean(rows[::2], axis=0), np.mean(rows[1::2], axis=0)
    return {
        "psnr_y": round(float(network[0]), 2),
        "bicubic psnr_y": round(float(bicubic[0]), 2),
        "ssim": round(float(network[1]), 4),
        "bicubic ssim": round(float(bicubic[1]), 4),
        "n": len(rows) // 2,
    }


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "place", nargs="?", default="srresnet-x4", help="a run, bundle or zoo name"
    )
    args = parser.parse_args()
    model = runs.load(args.place)
    assert isinstance(model, Translator)
    with torch.no_grad():
        sets = {name: scores(model, name) for name in ("Set5", "Set14")}
    name = Path(args.place).name
    keep(f"enlarged-{name}", {"place": name, "scale": model.scale, "sets": sets})


if __name__ == "__main__":
    main()
