"""Data whose classes or attributes are numbered otherwise than a model's are matched by name."""

from dataclasses import replace

import pytest
import torch

from sfumato import data as sources
from sfumato.atlas import reconstruct
from sfumato.data.source import Source
from sfumato.encoding import encoded, paint
from sfumato.errors import ConfigError, DataError
from sfumato.evaluation import held_out
from sfumato.nn.attributes import columns
from sfumato.planning import build, plan
from sfumato.runs import load

SOME = Source(name="digits", classes=("7", "3"), split="test")
"""Class 0 of it is 7, and class 1 is 3."""


def aae(**config):
    recipe = plan("aae", recipe="smoke", config=config)
    return build("aae", recipe, sources.open(Source(name="digits", side=16))).eval()


def test_the_error_of_named_digits_is_of_the_names():
    model = aae()
    some = sources.open(Source(name="digits", classes=("7", "3"), split="test", side=16))
    batch = some.batch(torch.arange(len(some)))
    with torch.no_grad():
        said = model.logits(batch.image).argmax(1)
        found = model.measure(some, torch.Generator())["error"].value
    true = torch.tensor([7, 3])[batch.label]
    assert found == pytest.approx(float((said != true).double().mean()))


def test_a_decoder_is_told_the_class_by_its_name():
    model = aae(task="supervised")
    found = reconstruct(model, data=SOME, count=6)
    split = held_out(model, SOME)
    batch = split.data.batch(split.rows[:6])
    true = torch.tensor([7, 3])[batch.label]
    assert torch.equal(found.images, batch.image)
    want = paint(model, encoded(model, found.images), {"label": true})
    assert torch.equal(found.painted, want)


def test_an_editor_is_told_its_own_attributes_of_many():
    model = load("fader-glyphs")
    found = reconstruct(model, data="glyphs", count=3)
    split = held_out(model, Source(name="glyphs"))
    batch = split.data.batch(split.rows[:3])
    own = batch.attributes[:, columns(model.schema, split.data.schema)]
    assert own.shape[1] < batch.attributes.shape[1]
    want = paint(model, encoded(model, found.images), {"attributes": own})
    assert torch.allclose(found.painted, want, atol=1e-5)


def test_a_class_that_is_not_known_is_no_class_at_all():
    glyphs = sources.open(Source(name="glyphs", side=16, channels=1, count=20))
    with pytest.raises(DataError, match=r"glyphs has the class .*, and this model learned 0, 1"):
        aae().measure(glyphs, torch.Generator())


def test_what_must_be_asked_for_is_named_with_an_example():
    model = load("fader-glyphs")
    with pytest.raises(ConfigError, match=r"ask for it: --attribute \w+=\S+ --attribute \w+="):
        reconstruct(model, torch.zeros(1, *model.schema.shape))
    with pytest.raises(ConfigError, match=r"paints a code under its label; ask for it: --label 0"):
        reconstruct(aae(task="supervised"), torch.zeros(1, 1, 16, 16))


def test_what_is_unknown_stays_unknown():
    model = aae()
    other = sources.open(SOME).schema
    told = model.schema.renumbered(torch.tensor([0, -1, 1]), other, "digits")
    assert told.tolist() == [7, -1, 3]


def test_clusters_that_know_no_class_have_no_error_to_measure():
    digits = sources.open(Source(name="digits", side=16, count=40))
    nameless = replace(digits, schema=replace(digits.schema, classes=()))
    recipe = plan("aae", recipe="smoke", config={"task": "clusters"})
    model = build("aae", recipe, nameless.only(())).eval()
    assert set(model.measure(digits, torch.Generator())) == {"reconstruction"}
