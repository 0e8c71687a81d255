"""Conditions: what is asked becomes tensors, what is not is drawn, what cannot be is refused."""

import re

import numpy as np
import pytest
import torch

from sfumato import load
from sfumato.conditions import attributes, between, cycle, labels, nth, resolve, taken
from sfumato.data.dataset import Batch
from sfumato.errors import ConfigError
from sfumato.models.dcgan import DCGAN
from sfumato.models.dcgan import Config as DCGANConfig
from sfumato.schema import Attribute, Schema

SCHEMA = Schema(
    shape=(1, 8, 8),
    classes=("cat", "dog", "frog"),
    attributes=(
        Attribute(name="slant", low=-20.0, high=20.0),
        Attribute(name="bold", low=-1.0, high=1.0, values=("no", "yes")),
        Attribute(name="hair", low=0.0, high=2.0, values=("blonde", "brown", "green")),
    ),
)
BOTH = ("label", "attributes")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def refused(act, *given, **words):
    with pytest.raises(ConfigError) as caught:
        act(*given, **words)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------ labels


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        (None, [0, 1, 2, 0, 1]),
        (2, [2] * 5),
        ("dog", [1] * 5),
        ("1", [1] * 5),
        ([2, "cat"], [2, 0, 2, 0, 2]),
        (("frog",), [2] * 5),
        (torch.tensor([1, 1, 0]), [1, 1, 0, 1, 1]),
        (np.array([2, 0]), [2, 0, 2, 0, 2]),
        (np.int64(1), [1] * 5),
        (range(2), [0, 1, 0, 1, 0]),
    ],
    ids=repr,
)
def test_labels_are_numbers_or_names_and_go_round(asked, numbers):
    found = labels(SCHEMA, 5, asked)
    assert found.tolist() == numbers
    assert found.dtype == torch.int64


def test_where_names_are_numbers_a_word_is_a_name_and_a_number_is_a_number():
    few = Schema(shape=(1, 8, 8), classes=("3", "5", "8"))
    assert labels(few, 1, "8").tolist() == [2]
    assert labels(few, 1, 1).tolist() == [1]
    assert refused(labels, few, 1, "1") == "there is no label '1'; choose from 3, 5, 8."
    assert refused(labels, few, 1, 8) == "label 8 is out of range; the labels are 0 to 2 (3 to 8)."


def test_names_that_count_from_0_are_numbers_and_have_a_range():
    digits = Schema(shape=(1, 8, 8), classes=tuple("0123456789"))
    assert labels(digits, 2, ["8", 8]).tolist() == [8, 8]
    for asked in ("12", 12, "-1"):
        said = f"label {asked} is out of range; the labels are 0 to 9."
        assert refused(labels, digits, 1, asked) == said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (3, "label 3 is out of range; the labels are 0 to 2 (cat to frog)."),
        (-1, "label -1 is out of range; the labels are 0 to 2 (cat to frog)."),
        ("7", "label 7 is out of range; the labels are 0 to 2 (cat to frog)."),
        ("-1", "label -1 is out of range; the labels are 0 to 2 (cat to frog)."),
        ("dgo", "there is no label 'dgo'; did you mean 'dog'?"),
        ("²", "there is no label '²'; choose from cat, dog, frog."),
        ("horse", "there is no label 'horse'; choose from cat, dog, frog."),
        (1.5, "label 1.5 must be the number or the name of a class."),
        (True, "label True must be the number or the name of a class."),
        ([], "no labels are there to draw from; name at least one."),
        (
            [0, 1, 2, 0, 1],
            "5 labels were asked for, and 4 to be drawn; ask for 4 at most, or draw more.",
        ),
    ],
    ids=repr,
)
def test_labels_that_cannot_be(asked, said):
    assert refused(labels, SCHEMA, 4, asked) == said


# ------------------------------------------------------------------ attributes


def test_attributes_that_are_asked_for_are_there_and_leave_the_others_as_they_were():
    free = attributes(SCHEMA, 6, rng(), {})
    asked = attributes(SCHEMA, 6, rng(), {"bold": "yes", "slant": "12.5"})
    assert asked[:, 0].tolist() == [12.5] * 6
    assert asked[:, 1].tolist() == [1.0] * 6
    assert torch.equal(asked[:, 2], free[:, 2])
    assert asked.dtype == torch.float32


def test_several_values_go_round():
    found = attributes(SCHEMA, 4, rng(), {"hair": ["green", "blonde"], "slant": [0, 5, -5]})
    assert found[:, 2].tolist() == [2, 0, 2, 0]
    assert found[:, 0].tolist() == [0, 5, -5, 0]


def test_attributes_are_drawn_uniformly_from_what_there_is():
    found = attributes(SCHEMA, 6000, rng(), {})
    slants, bold, hair = found.T
    assert slants.min() >= -20
    assert slants.max() <= 20
    assert slants.std() == pytest.approx(40 / 12**0.5, rel=0.05)
    for column, values in ((bold, (-1, 1)), (hair, (0, 1, 2))):
        shares = [float((column == value).float().mean()) for value in values]
        assert shares == pytest.approx([1 / len(values)] * len(values), abs=0.03)
    assert torch.equal(attributes(SCHEMA, 6000, rng(), {}), found)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"hiar": "blonde"}, "there is no attribute 'hiar'; did you mean 'hair'?"),
        ({"eyes": "red"}, "there is no attribute 'eyes'; choose from slant, bold, hair."),
        ({5: "red"}, "there is no attribute 5; choose from slant, bold, hair."),
        ({"hair": "blond"}, "attribute hair has no value 'blond'; did you mean 'blonde'?"),
        ({"slant": 30}, "attribute slant takes a number from -20 to 20; got 30."),
        ({"slant": "steep"}, "attribute slant takes a number from -20 to 20; got steep."),
        ("hair", "attributes 'hair' must map names to values, such as slant to 0.2."),
    ],
    ids=repr,
)
def test_attributes_that_cannot_be(asked, said):
    assert refused(attributes, SCHEMA, 4, rng(), asked) == said


# ------------------------------------------------------------------ both


def test_every_condition_is_there_asked_for_or_not():
    found = resolve(BOTH, SCHEMA, 4, rng(), {"label": None})
    assert {name: tuple(rows.shape) for name, rows in found.items()} == {
        "label": (4,),
        "attributes": (4, 3),
    }
    assert resolve((), SCHEMA, 4, rng(), {"label": None}) == {}


def test_conditions_a_model_does_not_take_are_refused():
    dcgan = DCGAN(DCGANConfig(width=4, latent=4), Schema(shape=(1, 16, 16), classes=("0", "1")))
    said = "DCGAN takes no conditions: it cannot be asked for label; leave that out."
    assert refused(dcgan.sample, 2, seed=0, label=8) == said
    said = "CGAN takes label: it cannot be asked for attributes; leave that out."
    words = {"attributes": {"hair": "blonde"}}
    assert refused(resolve, ("label",), SCHEMA, 2, rng(), words, who="CGAN") == said


@pytest.mark.parametrize(
    ("asked", "takes", "length"),
    [
        ({}, (), 1),
        ({}, ("attributes",), 1),
        ({}, BOTH, 3),
        ({"label": "cat"}, BOTH, 1),
        ({"label": ["cat", "dog"]}, BOTH, 2),
        ({"label": ["cat", "dog"], "attributes": {"slant": [1, 2, 3], "bold": "no"}}, BOTH, 6),
    ],
)
def test_the_cycle_is_how_long_what_is_asked_takes_to_begin_anew(asked, takes, length):
    assert cycle(takes, SCHEMA, asked) == length


def test_nth_is_what_is_asked_of_one_image():
    asked = {"label": ["cat", "dog"], "attributes": {"slant": [1, 2, 3], "bold": "no"}, "x": None}
    assert nth(asked, 3) == {"label": "dog", "attributes": {"slant": 1, "bold": "no"}}


def test_on_the_way_numbers_move_and_choices_change_half_way():
    start = resolve(BOTH, SCHEMA, 1, rng(), {"label": 0, "attributes": dict(slant=0, bold="no")})
    end = resolve(BOTH, SCHEMA, 1, rng(), {"label": 2, "attributes": dict(slant=20, bold="yes")})
    for share, label, slant, bold in (
        (0, 0, 0, -1),
        (0.4, 0, 8, -1),
        (0.6, 2, 12, 1),
        (1, 2, 20, 1),
    ):
        found = between(SCHEMA, start, end, share)
        assert found["label"].item() == label
        assert found["attributes"][0, :2].tolist() == pytest.approx([slant, bold])


def test_a_judge_is_given_the_fields_it_names():
    batch = Batch(image=torch.zeros(2, 1, 8, 8), label=torch.tensor([1, 0]))

    def judge(images, label, attributes=None, count=0):
        pass

    assert taken(judge, batch).keys() == {"label"}, "no attributes here; count is no field"
    assert taken(lambda images: None, batch) == {}


def test_a_trained_model_obeys(stencil, plugins):
    model = load(stencil)
    whole = model.sample(36, seed=1)
    asked = model.sample(36, seed=1, label=list(range(36)))
    assert torch.equal(whole, asked)
    plain = model.condition(36, rng())
    assert plain["label"].tolist() == list(range(36))
    bold = model.sample(4, seed=1, attributes={"bold": "yes"})
    assert not torch.equal(bold, model.sample(4, seed=1, attributes={"bold": "no"}))
    said = refused(model.sample, 2, seed=0, attributes={"stile": "serif"})
    assert re.fullmatch(r"there is no attribute 'stile'; did you mean 'style'\?", said)
