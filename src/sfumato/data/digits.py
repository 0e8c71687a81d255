"""Handwritten digits 8 pixels high that scikit-learn carries: real, and no file is needed.

1,797 digits of 13 writers, the test part of Alpaydin and Kaynak's optical recognition set (1998,
CC BY 4.0), in 17 levels of grey. The first 1,500 are `train`, the last 297 `test`: other
writers, as the set is in their order.
"""

import numpy as np

from sfumato.data.source import Source
from sfumato.data.splits import pick
from sfumato.data.stock import Pixels, Stock
from sfumato.io.images import levels

_TRAIN = 1500


def stamp(source: Source) -> str:
    """They never change."""
    return "digits"


def stock(source: Source) -> Stock:
    """The digits of one split: 8 x 8, grey, ten classes."""
    from sklearn.datasets import load_digits  # slow to import

    part = pick(source, {"train": slice(_TRAIN), "test": slice(_TRAIN, None)})
    found = load_digits()
    pixels = levels(found.images[part] / 16)
    return Stock(
        pictures=Pixels(pixels[..., None]),
        label=found.target[part].astype(np.int64),
        classes=tuple("0123456789"),
    )
