"""Wishes become strengths, and what nobody asks for stays."""

from dataclasses import dataclass

import pytest
import torch

from sfumato import editing
from sfumato.data.dataset import Batch
from sfumato.errors import ConfigError
from sfumato.model import Editor, Tagger
from sfumato.schema import Attribute, Schema

SMILE = Attribute(name="Smiling", low=-1, high=1, values=("no", "yes"))
HAIR = Attribute(name="hair", low=0, high=2, values=("black", "blond", "red"))
AGE = Attribute(name="age", low=20, high=60)
SCHEMA = Schema(shape=(1, 4, 4), attributes=(SMILE, HAIR, AGE))


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Sheet(Editor):
    """Paints the tags it is told, one after the other, into the pixels."""

    def __init__(self):
        super().__init__(Config(), SCHEMA)

    def edit(self, images, tags):
        return torch.nn.functional.pad(tags, (0, 10)).reshape(-1, 1, 4, 4)

    def training_step(self, batch, index):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)])


class Reading(Sheet, Tagger):
    """Reads: yes, red, 40."""

    def tags(self, images):
        return torch.tensor([[0.0, 3.0, 0.0, 1.0, 2.0, 0.0]]).expand(len(images), -1)

    def features(self, images):
        return images.flatten(1)


def painted(**wishes):
    found = editing.edit(Reading(), torch.zeros(2, 1, 4, 4), wishes)
    return [images.flatten(1)[0, :6].tolist() for images in found.painted], found.words


def test_a_strength_weighs_a_value_against_the_others():
    """By hand: (1 + s) / 2 for the value, the rest shared by the others; 30 years are -1/2."""
    (row,), words = painted(Smiling="yes", hair="blond:2", age="30")
    assert row == [0, 1, -0.25, 1.5, -0.25, -0.5]
    assert words == ("Smiling +1, hair blond +2, age 30",)


@pytest.mark.parametrize(
    ("wish", "row"),
    [("no", [1, 0]), ("-1", [1, 0]), ("+1", [0, 1]), (0, [0.5, 0.5]), ("+1.5", [-0.25, 1.25])],
)
def test_of_two_values_the_second_is_the_sliders_upper_end(wish, row):
    (found,), _ = painted(smiling=wish)
    assert found == [*row, 0, 0, 1, 0]


def test_several_wishes_are_granted_one_after_the_other():
    rows, words = painted(smiling=["-1", "0", "+1"], hair=["red"])
    assert [row[1] for row in rows] == [0, 0.5, 1]
    assert words == ("Smiling -1, hair red", "Smiling 0, hair red", "Smiling +1, hair red")


def test_what_data_know_is_not_read():
    own = torch.tensor([[-1.0, 0.0, 60.0]])
    batch = Batch(image=torch.zeros(1, 1, 4, 4), attributes=own)
    found = editing.edit(Reading(), batch, {"hair": "red"})
    assert found.painted[0].flatten()[:6].tolist() == [1, 0, 0, 0, 1, 1]
    assert editing.described(SCHEMA, own[0].tolist()) == "Smiling no, hair black, age 60"


def test_who_cannot_read_must_be_told_everything():
    images = torch.zeros(1, 1, 4, 4)
    with pytest.raises(ConfigError, match=r"Sheet cannot say which hair a picture has; ask"):
        editing.edit(Sheet(), images, {"Smiling": 1})
    editing.edit(Sheet(), images, {"Smiling": 1, "hair": "red", "age": 30})


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({}, r"nothing is asked for; name an attribute of Smiling, hair, age\."),
        ({"smilng": 1}, r"there is no attribute 'smilng'; did you mean 'Smiling'\?"),
        ({"Smiling": "much"}, r"takes one of no, yes, or of yes a strength such as \+1.5; got"),
        ({"Smiling": "nan"}, r"or of yes a strength such as \+1.5; got 'nan'"),
        ({"Smiling": 1e9}, r"takes a strength from -100 to 100; got 1000000000.0"),
        ({"hair": "blnd"}, r"hair has no value 'blnd'; did you mean 'blond'\?"),
        ({"hair": "1.5"}, r"hair has no value '1.5'; choose from black, blond, red"),
        ({"hair": "blond:more"}, r"a strength such as \+1.5; got 'more'"),
        ({"age": "old"}, r"attribute age takes a number; got 'old'"),
        ({"Smiling": []}, r"Smiling is asked for nothing"),
    ],
)
def test_wishes_that_cannot_be_granted(wishes, words):
    with pytest.raises(ConfigError, match=words):
        painted(**wishes)
