"""Poisson blending beside OpenCV's seamlessClone: python benchmarks/clone.py.

The astronaut's face in a cup of coffee, by both, as a picture for docs/blending.md and in numbers.
OpenCV is no dependency: pip install opencv-python-headless.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from record import keep

from sfumato.blending import blend
from sfumato.data.photos import photo
from sfumato.io.images import save

AT = 90, 40
"""Where of the cup the face's upper left corner lies."""
SHEET = Path(__file__).parents[1] / "docs" / "images" / "clone.jpg"


def main() -> None:
    """Blend, compare, draw."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    import cv2

    cup = photo("coffee").resize((300, 200))
    face = photo("astronaut").crop((150, 20, 330, 180)).resize((120, 106))
    y, x = np.mgrid[:106, :120]
    oval = ((x - 59.5) / 55) ** 2 + ((y - 52.5) / 48) ** 2 < 1
    mask = Image.fromarray((255 * oval).astype(np.uint8))
    # what theirs is given: the face in a picture of the cup's size, and the middle of the mask
    laid, place = cup.copy(), Image.new("L", cup.size)
    laid.paste(face, AT)
    place.paste(mask, AT)
    inside = np.asarray(place) > 0
    middle = tuple(int(axis.min() + axis.max() + 1) // 2 for axis in np.where(inside)[::-1])
    rows, strips = {}, []
    for method, flag in (("poisson", cv2.NORMAL_CLONE), ("mixed", cv2.MIXED_CLONE)):
        ours = np.asarray(blend(face, cup, mask, at=AT, method=method))
        given = (np.asarray(image)[..., ::-1].copy() for image in (laid, cup))
        theirs = cv2.seamlessClone(*given, np.asarray(place), middle, flag)[..., ::-1]
        apart = np.abs(ours[inside].astype(float) - theirs[inside])
        pasted = np.asarray(laid)
        likeness, floor = (
            np.corrcoef(one[inside].ravel(), theirs[inside].ravel())[0, 1]
            for one in (ours, pasted)
        )
        rows[method] = {
            "correlation": round(float(likeness), 4),
            "floor: pasted": round(float(floor), 4),
            "mean difference of bytes": round(float(apart.mean()), 2),
        }
        strips.append(np.concatenate([ours, theirs], 1))
    save(Image.fromarray(np.concatenate(strips)), SHEET)
    keep("clone", {"opencv": cv2.__version__, "pixels": int(inside.sum()), "rows": rows})


if __name__ == "__main__":
    main()
