"""Two sources that stand opposite without pairs: for models that learn a way between two kinds.

The images of the one are `image`, those of the other `target`; each has an order of its own, so
that nothing says which belongs to which.
"""

from dataclasses import replace

from sfumato.data.dataset import Dataset
from sfumato.data.source import Source
from sfumato.errors import DataError
from sfumato.schema import Schema


def opposite(source: Source, schema: Schema) -> Source:
    """The other source, cut to the same side and colours, of the same split and as many images.

    It keeps the same classes where the first source has some: both must then know them.
    """
    assert source.other is not None
    side = source.side or (schema.side if schema.shape[1] == schema.shape[2] else None)
    return Source(
        name=source.other,
        split=source.split,
        holdout=source.holdout,
        side=side,
        crop=source.crop,
        channels=schema.channels,
        classes=source.classes,
        count=source.count,
        seed=source.seed,
    )


def beside(dataset: Dataset, other: Dataset) -> Dataset:
    """The first data set with the images of the other as targets. Raises DataError."""
    if dataset.schema.shape != other.schema.shape:
        sizes = [
            f"{one.name} is {one.schema.shape[2]}x{one.schema.shape[1]}"
            for one in (dataset, other)
        ]
        raise DataError(f"{' and '.join(sizes)} pixels; set --data.side to bring both to one.")
    return replace(dataset, other=other)
