"""The tagger: its size, its loss, its accuracy, its bad inputs."""

import pytest
import torch

from sfumato import data as sources
from sfumato import load
from sfumato.data import Source
from sfumato.errors import ConfigError, DataError
from sfumato.imaging.degradation import blurred
from sfumato.losses.attributes import attribute_loss
from sfumato.models.tagger import Config, TagNet
from sfumato.nn.attributes import decode
from sfumato.schema import Attribute, Schema
from sfumato.testing import one_step

HAIR = Attribute(name="hair", low=0.0, high=2.0, values=("red", "green", "blue"))
SLANT = Attribute(name="slant", low=-20.0, high=20.0)
SCHEMA = Schema(shape=(3, 32, 32), attributes=(HAIR, SLANT))


def test_parameter_count_by_hand():
    """Kernels of 3 x 3 and two values a normalised map; then 4 x 4 pixels, and 3 + 1 answers."""
    model = TagNet(Config(), SCHEMA)
    convolutions = 9 * (3 * 16 + 16 * 32 + 32 * 64) + 2 * (16 + 32 + 64)
    dense = (64 * 16 + 1) * 128 + (128 + 1) * 4
    assert sum(p.numel() for p in model.parameters()) == convolutions + dense


def test_the_learning_rate_falls_linearly_to_a_hundredth():
    model = TagNet(Config(lr=1.0, decay_steps=100), SCHEMA)
    assert [model.pace(step) for step in (0, 25, 99, 5000)] == pytest.approx([1, 0.75, 0.01, 0.01])


def test_weights_decay_as_asked():
    [group] = TagNet(Config(weight_decay=0.3), SCHEMA).configure_optimizers().param_groups
    assert group["weight_decay"] == 0.3


def test_one_step_lowers_the_loss_of_the_batch():
    model = TagNet(Config(lr=2e-4), SCHEMA)
    colours = torch.rand(64, 3) * 2 - 1
    images = colours[..., None, None].expand(-1, -1, 32, 32).contiguous()
    attributes = torch.stack([colours.argmax(1), 20 * colours[:, 0]], dim=1)
    before = attribute_loss(model.tags(images), attributes, SCHEMA)
    one_step(model, image=images, attributes=attributes)
    assert attribute_loss(model.tags(images), attributes, SCHEMA) < before


def test_what_it_learns_from_is_blurred_anew_each_time(monkeypatch):
    seen = []
    monkeypatch.setattr(TagNet, "_loss", lambda self, images, tags: seen.append(images) or loss())
    loss = torch.zeros((), requires_grad=True).sum
    images = torch.zeros(2, 3, 32, 32)
    images[:, :, 16] = 1
    for blur in (0.0, 1.0):
        model = TagNet(Config(blur=blur), SCHEMA)
        one_step(model, image=images, attributes=torch.zeros(2, 2))
    sharp, soft = seen
    assert torch.equal(sharp, images)
    torch.testing.assert_close(soft.sum(2), images.sum(2))  # light is spread, not lost
    widths = [1 / (image[0] / image[0].sum()).square().sum() for image in soft]
    assert widths[0] != widths[1]
    monkeypatch.setattr(TagNet, "draw", lambda self, make, count: torch.ones(count))
    one_step(TagNet(Config(blur=0.5), SCHEMA), image=images, attributes=torch.zeros(2, 2))
    torch.testing.assert_close(seen[-1], blurred(images, torch.full((2,), 0.5)))


def test_shipped_weights_tell_stroke_from_edge():
    tagger, softer = load("tagger-glyphs"), torch.full((200,), 0.7)
    names = [attribute.name for attribute in tagger.schema.attributes]
    data = sources.open(Source(name="glyphs", split="test", side=32, attributes=(*names,)))
    batch, bold = data.batch(torch.arange(200)), names.index("bold")
    with torch.no_grad():
        said = decode(tagger.tags(blurred(batch.image, softer)), tagger.schema)[:, bold]
    assert (said == batch.attributes[:, bold]).float().mean() > 0.95


def test_data_without_attributes_are_refused_by_that_name():
    with pytest.raises(DataError, match="tagger needs attributes, and this data has none; a meta"):
        TagNet(Config(), Schema(shape=(3, 32, 32)))


def test_accuracy_is_counted_against_the_commonest_value(no_data):
    """Also where the data has more attributes than the tagger, in another order."""
    data = sources.open(Source(name="glyphs", split="test", side=16, count=50))
    paper, style = data.schema.attributes[6:8]
    model = TagNet(Config(width=4), Schema(shape=(3, 16, 16), attributes=(style, paper))).eval()
    scores = model.measure(data, torch.Generator())
    batch = data.batch(torch.arange(50))
    said = decode(model.tags(batch.image), model.schema)
    for place, (name, column) in enumerate((("style", 7), ("paper", 6))):
        true = batch.attributes[:, column]
        right = (said[:, place] == true).float().mean()
        assert scores[f"{name}_accuracy"].value == pytest.approx(float(right))
        usual = (true == true.mode().values).float().mean()
        assert scores[f"{name}_accuracy"].floor == pytest.approx(float(usual))
    both = (scores["style_accuracy"].value + scores["paper_accuracy"].value) / 2
    assert scores["attribute_accuracy"].value == pytest.approx(both)
    assert scores["attribute_accuracy"].n == 50


def test_data_with_other_attributes_are_refused(no_data):
    data = sources.open(Source(name="glyphs", split="test", side=16, count=20))
    model = TagNet(Config(width=4), Schema(shape=(3, 16, 16), attributes=(HAIR,))).eval()
    with pytest.raises(ConfigError, match="there is no attribute 'hair'"):
        model.measure(data, torch.Generator())
