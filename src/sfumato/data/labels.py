"""A few labels among many images: what semi-supervised systems learn from."""

from dataclasses import replace

import numpy as np
import torch

from sfumato.data.dataset import Dataset, digest
from sfumato.data.source import Source
from sfumato.errors import ConfigError, DataError
from sfumato.randomness import generator
from sfumato.schema import UNKNOWN


def forget(dataset: Dataset, source: Source) -> Dataset:
    """The same images, all labels but `source.labels` of them `UNKNOWN`.

    Each class keeps as many as any other, or one more where they do not come out even; which
    images they are follows from `source.seed`, and fewer labels are some of more. Raises
    DataError where there are no labels, ConfigError where a class has too few images.
    """
    assert source.labels is not None
    dataset.require(("label",), f"--data.labels {source.labels}")
    label, names = dataset.columns["label"], dataset.schema.classes
    order = torch.randperm(len(label), generator=generator(source.seed, "labels")).numpy()
    hidden = np.full_like(label, UNKNOWN)
    for number, name in enumerate(names):
        share = source.labels // len(names) + (number < source.labels % len(names))
        members = order[label[order] == number]
        if not 1 <= share <= len(members):
            most = len(names) * min(np.bincount(label[label != UNKNOWN], minlength=len(names)))
            remedy = f"give {len(names)} to {most}" if most else "keep more images"
            raise ConfigError(
                f"--data.labels {source.labels} wants {share} of class {name}, and "
                f"{source.name} has {len(members)}; {remedy}."
            )
        hidden[members[:share]] = number
    columns = {**dataset.columns, "label": hidden}
    content = f"{dataset.digest}{digest({'label': hidden})}" if dataset.digest else ""
    return replace(dataset, columns=columns, digest=content)


def labelled(dataset: Dataset) -> bool:
    """Whether the label of every image is known."""
    return "label" in dataset.columns and bool((dataset.columns["label"] != UNKNOWN).all())


def named(dataset: Dataset, who: str, source: Source) -> None:
    """Raise DataError where the label of an image is unknown."""
    if labelled(dataset):
        return
    count = int((dataset.columns["label"] != UNKNOWN).sum())
    fewer = (
        f"take fewer images: --data.count {count}"
        if source.labels is not None
        else "leave out the others"
    )
    raise DataError(
        f"{who} needs the label of every image, and {dataset.name} has only {count} of "
        f"{len(dataset)}; {fewer}, or take a model that learns from few labels, such as semi_gan "
        "or aae --recipe semi."
    )


def complete(dataset: Dataset, who: str) -> None:
    """Raise DataError unless there are two classes or more, and an image of each to learn from."""
    names = dataset.schema.classes
    if len(names) == 1:
        raise DataError(
            f"{who} learns to tell classes apart, and {dataset.name} has one only, {names[0]}; "
            "give two or more."
        )
    label = dataset.columns["label"]
    counts = np.bincount(label[label != UNKNOWN], minlength=len(names))
    if missing := [name for name, count in zip(names, counts, strict=True) if not count]:
        there = [name for name in names if name not in missing]
        raise DataError(
            f"{dataset.name} has no image of class {missing[0]} to learn from; add some, or leave "
            f"it out: --data.classes {','.join(there)}."
        )
