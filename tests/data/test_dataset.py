"""Batches hold what the columns say, and a data set knows what it lacks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sfumato import data
from sfumato.data import Source
from sfumato.data.dataset import Batch, Changes, Dataset, Report, digest, patched
from sfumato.errors import ConfigError, DataError
from sfumato.io.images import to_bytes
from sfumato.schema import Attribute, Schema


def test_all_of_what_is_mapped_stays_mapped():
    whole = made()
    assert whole.take(np.arange(6)) is whole
    assert whole.take(np.arange(5)).columns["image"].shape[0] == 5
    assert whole.take(np.arange(6)[::-1]).columns["label"].tolist() == [1, 0, 1, 0, 1, 0]


def made(count=6, flip=False, **changes):
    """A data set with every field, whose image i holds bytes that no other holds."""
    pixels = np.arange(count * 2 * 3 * 3, dtype=np.uint8).reshape(count, 2, 3, 3)
    columns = {
        "image": pixels,
        "label": np.arange(count) % 2,
        "attributes": np.linspace(0, 1, count, dtype=np.float32)[:, None],
        "caption": np.arange(count * 2).reshape(count, 2),
        "mask": (pixels[..., 0] % 2).astype(np.uint8),
        "outline": (pixels[..., 0] % 3 == 0).astype(np.uint8),
    } | changes
    schema = Schema(
        shape=(3, 2, 3),
        classes=("even", "odd"),
        attributes=(Attribute(name="a", low=0.0, high=1.0),),
        vocabulary=tuple("x" * (i + 1) for i in range(20)),
        caption=2,
    )
    return Dataset(name="made", schema=schema, columns=columns, flip=flip)


def test_a_batch_is_the_rows_asked_for_in_that_order():
    dataset, index = made(), torch.tensor([4, 0, 4])
    batch = dataset.batch(index)
    assert (to_bytes(batch.image) == dataset.columns["image"][[4, 0, 4]]).all()
    assert batch.label.tolist() == [0, 0, 0]
    assert batch.attributes.flatten().tolist() == pytest.approx([0.8, 0, 0.8])
    assert batch.caption.tolist() == [[8, 9], [0, 1], [8, 9]]
    assert (batch.mask[:, 0].numpy() == dataset.columns["mask"][[4, 0, 4]]).all()
    assert batch.mask.shape == batch.outline.shape == (3, 1, 2, 3)
    assert batch.mask.dtype == torch.float32
    assert dataset.fields == Batch._fields[:-1]
    assert Batch._fields[-1] == "target"


def test_absent_fields_are_none_and_refused_by_name():
    dataset = Dataset(
        name="bare",
        schema=Schema(shape=(1, 2, 2)),
        columns={"image": np.zeros((1, 2, 2, 1), np.uint8)},
    )
    assert dataset.batch(torch.tensor([0]))[1:] == (None,) * 6
    dataset.require(("image",), "dcgan")
    with pytest.raises(DataError) as caught:
        dataset.require(("image", "label"), "lenet5")
    assert str(caught.value) == (
        "lenet5 needs label of every image, and bare has only image; "
        "sub-folders named after classes would give labels."
    )
    with pytest.raises(DataError, match=r"; --data glyphs has it\.$"):
        dataset.require(("mask",), "x")


def test_mirroring_turns_image_mask_and_outline_together():
    dataset, index = made(count=12, flip=True), torch.arange(12)
    plain = dataset.batch(index)
    rng = torch.Generator().manual_seed(3)
    turned = dataset.batch(index, rng)
    coins = dataset.changes(12, torch.Generator().manual_seed(3)).mirrored
    assert 0 < coins.sum() < 12
    for field in ("image", "mask", "outline"):
        before, after = getattr(plain, field), getattr(turned, field)
        assert torch.equal(after[~coins], before[~coins])
        assert torch.equal(after[coins], before[coins].flip(-1))
    assert torch.equal(turned.label, plain.label)


def test_without_flip_or_without_a_generator_nothing_is_augmented():
    index, rng = torch.arange(6), torch.Generator().manual_seed(0)
    assert made(flip=True).changes(6, None) == made(flip=False).changes(6, rng) == Changes()
    assert torch.equal(made().batch(index, rng).image, made().batch(index).image)


def test_a_patch_is_cut_from_image_mask_and_outline_alike_before_it_is_mirrored():
    whole = made(count=40)
    dataset = replace(patched(whole, 2), flip=True)
    assert dataset.schema.shape == (3, 2, 2)
    index, rng = torch.arange(40), torch.Generator().manual_seed(5)
    changes = dataset.changes(40, torch.Generator().manual_seed(5))
    assert {tuple(corner) for corner in changes.corners.tolist()} == {(0, 0), (0, 1)}
    batch, entire = dataset.batch(index, rng), whole.batch(index)
    for field in ("image", "mask", "outline"):
        for row, (_, left) in enumerate(changes.corners.tolist()):
            wanted = getattr(entire, field)[row, ..., left : left + 2]
            wanted = wanted.flip(-1) if changes.mirrored[row] else wanted
            assert torch.equal(getattr(batch, field)[row], wanted)
    assert torch.equal(batch.label, entire.label)


def test_every_place_is_cut_about_as_often_and_what_is_measured_from_the_middle():
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    whole = Dataset(name="one", schema=Schema(shape=(1, 8, 8)), columns={"image": pixels})
    dataset, index = patched(whole, 4), torch.zeros(10_000, dtype=torch.int64)
    corners = dataset.changes(10_000, torch.Generator().manual_seed(0)).corners
    counts = (corners[:, 0] * 5 + corners[:, 1]).bincount(minlength=25)
    assert counts.min() > 320
    assert counts.max() < 480  # 400 of each of 25 places, a deviation of 20
    assert (to_bytes(dataset.batch(index[:1]).image)[0, ..., 0] == pixels[0, 2:6, 2:6, 0]).all()


def test_targets_are_cut_at_the_same_place_and_what_stands_opposite_too():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), np.uint8)
    schema, index = Schema(shape=(1, 8, 8)), torch.arange(6)
    paired = Dataset(name="a", schema=schema, columns={"image": pixels, "target": 255 - pixels})
    single = Dataset(name="b", schema=schema, columns={"image": pixels})
    rng = torch.Generator().manual_seed(1)
    batch = patched(paired, 4).batch(index, rng)
    assert (to_bytes(batch.image) == 255 - to_bytes(batch.target)).all()
    batch = patched(replace(single, other=single), 4).batch(index, rng)
    assert torch.equal(batch.image, batch.target)


def test_a_patch_larger_than_the_images_is_refused():
    with pytest.raises(ConfigError) as caught:
        data.open(Source(name="digits", side=16, patch=20))
    assert str(caught.value) == (
        "--data.patch 20 is larger than the images of digits, which have 16x16 pixels."
    )


def test_the_fingerprint_changes_with_content_names_and_settings():
    base = made()
    pixels = base.columns["image"].copy()
    pixels[5, 1, 2, 2] ^= 1
    label = base.columns["label"].copy()
    label[0] = 1
    named = replace(base, schema=replace(base.schema, classes=("odd", "even")))
    others = [made(image=pixels), made(label=label), named, made(flip=True), made(count=5)]
    prints = {dataset.fingerprint for dataset in [base, *others, patched(base, 2)]}
    assert len(prints) == 7
    assert made().fingerprint == base.fingerprint
    assert len(base.fingerprint) == 32


def test_the_digest_does_not_depend_on_how_a_column_lies():
    dataset = made()
    strange = {name: np.asfortranarray(column) for name, column in dataset.columns.items()}
    assert digest(strange) == digest(dataset.columns)


def test_a_report_is_one_line():
    report = Report(kept=3, skipped=(("a.png", "is truncated"), ("b", "is empty")), notes=("x",))
    assert report.line() == "3 images, 2 skipped (the first: a.png is truncated); x"


def test_digits_are_scikit_learns_split_between_writers():
    from sklearn.datasets import load_digits

    found = load_digits()
    train, test = (data.open(Source(name="digits", split=s)) for s in ("train", "test"))
    assert (len(train), len(test)) == (1500, 297)
    both = np.concatenate([train.columns["image"], test.columns["image"]])[..., 0]
    assert (np.rint(both / 255 * 16) == found.images).all()
    labels = np.concatenate([train.columns["label"], test.columns["label"]])
    assert (labels == found.target).all()
    assert train.schema == Schema(shape=(1, 8, 8), classes=tuple("0123456789"))


def test_classes_are_kept_and_numbered_as_asked():
    every = data.open(Source(name="digits"))
    few = data.open(Source(name="digits", classes=("7", "2"), count=50))
    wanted = [i for i, label in enumerate(every.columns["label"]) if label in (7, 2)][:50]
    assert few.schema.classes == ("7", "2")
    assert (few.columns["image"] == every.columns["image"][wanted]).all()
    assert few.columns["label"].tolist() == [
        {7: 0, 2: 1}[every.columns["label"][i]] for i in wanted
    ]


def test_side_crop_and_channels_make_the_asked_for_shape():
    whole = data.open(Source(name="digits", count=4))
    middle = data.open(Source(name="digits", count=4, crop=4))
    assert (middle.columns["image"] == whole.columns["image"][:, 2:6, 2:6]).all()
    colour = data.open(Source(name="digits", count=4, channels=3))
    assert (colour.columns["image"] == whole.columns["image"].repeat(3, axis=3)).all()
    small = data.open(Source(name="digits", count=4, side=4, channels=3))
    assert small.schema.shape == (3, 4, 4)
    means = [d.columns["image"].mean((1, 2, 3)) for d in (small, whole)]
    assert np.abs(means[0] - means[1]).max() < 12  # averaged, not picked
    assert data.open(Source(name="digits", count=0)).columns["image"].shape[0] == 1500
