"""Two sources opposite each other: cut alike, in orders of their own."""

from dataclasses import replace

import pytest
import torch

from sfumato import data
from sfumato.data import Source
from sfumato.data.loader import loader
from sfumato.data.unpaired import beside
from sfumato.errors import ConfigError, DataError

BOTH = Source(name="signs", side=16, count=24, other="digits", channels=1)


def test_the_others_images_are_the_targets():
    stream = data.open(BOTH)
    plain = data.open(Source(name="digits", side=16, count=24, channels=1))
    batch = stream.batch(torch.arange(5))
    assert stream.fields == ("image", "label", "target")
    assert batch.image.shape == batch.target.shape == (5, 1, 16, 16)
    torch.testing.assert_close(batch.target, plain.batch(torch.arange(5)).image)
    assert stream.fingerprint != data.open(Source(name="signs", side=16, count=24)).fingerprint


@pytest.mark.parametrize("part", [{"split": "test"}, {"split": "validation", "holdout": 0.5}])
def test_the_other_source_gives_the_same_part(part):
    plain = Source(name="digits", side=16, count=8, channels=1, **part)
    found = data.open(replace(plain, name="signs", other="digits")).batch(torch.arange(4))
    torch.testing.assert_close(found.target, data.open(plain).batch(torch.arange(4)).image)


def test_each_source_has_an_order_of_its_own_and_shows_everything():
    stream = data.open(BOTH)
    batches = list(loader(stream, 8, 6, seed=3))
    again = list(loader(stream, 8, 6, seed=3, start=4))
    torch.testing.assert_close(batches[4].target, again[0].target)
    first = {tuple(image.flatten().tolist()) for batch in batches[:3] for image in batch.target}
    whole = stream.other.batch(torch.arange(24)).image
    assert first == {tuple(image.flatten().tolist()) for image in whole}
    rows = [stream.batch(torch.arange(24)).image.flatten(1).tolist()]
    met = [
        (rows[0].index(image.flatten().tolist()), whole.flatten(1).tolist().index(other))
        for batch in batches[:3]
        for image, other in zip(batch.image, batch.target.flatten(1).tolist(), strict=True)
    ]
    assert any(one != other for one, other in met)


def test_a_smaller_other_goes_round():
    stream = data.open(Source(name="digits", side=16, other="signs", channels=1, count=7))
    assert len(stream.batch(torch.arange(7)).target) == 7


def test_what_does_not_go_together():
    with pytest.raises(ConfigError, match=r"--data.pair makes pairs and .* has none"):
        Source(name="photos", pair="grey", other="digits")
    small, large = (data.open(Source(name=name, channels=1)) for name in ("digits", "photos"))
    with pytest.raises(DataError, match=r"digits is 8x8 and photos is 64x64 .* --data.side"):
        beside(small, large)
