"""An attribute speaks names and numbers, and says in one line what it does not know."""

import pytest
import torch

from sfumato.errors import ConfigError, DataError
from sfumato.schema import Attribute, Schema

HAIR = Attribute(name="hair", low=0.0, high=3.0, values=("blonde", "black", "red", "blue"))
SMILING = Attribute(name="Smiling", low=-1.0, high=1.0, values=("no", "yes"))
SLANT = Attribute(name="slant", low=-20.0, high=20.0)


def test_a_value_is_written_as_its_number_and_read_back():
    assert [SMILING.number(name) for name in ("no", "yes")] == [-1.0, 1.0]
    assert [HAIR.number(name) for name in HAIR.values] == [0.0, 1.0, 2.0, 3.0]
    column = torch.tensor([3.0, 0.0, 2.0000002, 1.0])
    assert HAIR.index(column).tolist() == [3, 0, 2, 1]
    assert SMILING.index(torch.tensor([1.0, -1.0])).tolist() == [1, 0]


def test_a_number_stands_for_itself_as_word_or_number():
    assert SLANT.number("-12.5") == SLANT.number(-12.5) == -12.5
    assert SMILING.number(1) == 1.0
    figures = Attribute(name="count", low=0.0, high=1.0, values=("1", "2"))
    assert [figures.number("1"), figures.number(1)] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        (HAIR, "blond", "attribute hair has no value 'blond'; did you mean 'blonde'?"),
        (SMILING, "x", "attribute Smiling has no value 'x'; choose from no, yes."),
        (SMILING, 0.5, "attribute Smiling has no value 0.5; choose from no, yes."),
        (SLANT, 21, "attribute slant takes a number from -20 to 20; got 21."),
        (SLANT, "nan", "attribute slant takes a number from -20 to 20; got nan."),
        (SLANT, "left", "attribute slant takes a number from -20 to 20; got left."),
    ],
)
def test_what_it_is_not_is_said_in_one_line(attribute, value, said):
    with pytest.raises(ConfigError) as caught:
        attribute.number(value)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"values": ("a",)}, "attribute a needs two values or more, no two alike; got a."),
        ({"values": ("a", "a")}, "attribute a needs two values or more, no two alike; got a, a."),
        (
            {"values": ("a", "b"), "high": 0.0},
            "the low of attribute a must be below its high; got 0 and 0.",
        ),
        ({"low": 2.0}, "the low of attribute a must be at most its high; got 2 and 1."),
        (
            {"high": float("nan")},
            "the low of attribute a must be at most its high; got 0 and nan.",
        ),
    ],
)
def test_an_impossible_attribute_is_refused(fields, said):
    with pytest.raises(ConfigError) as caught:
        Attribute(**{"name": "a", "low": 0.0, "high": 1.0} | fields)
    assert str(caught.value) == said


def test_what_is_needed_and_missing_is_named_with_what_gives_it():
    Schema(shape=(1, 8, 8), classes=("a", "b"), attributes=(SLANT,)).need("classes", "it")
    with pytest.raises(DataError, match=r"^it needs labels, and this data has none; name sub-"):
        Schema(shape=(1, 8, 8), attributes=(SLANT,)).need("classes", "it")
    with pytest.raises(DataError, match=r"^it needs attributes, .* a metadata\.csv gives them\.$"):
        Schema(shape=(1, 8, 8), classes=("a", "b")).need("attributes", "it")
