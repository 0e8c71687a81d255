"""Encoded attributes are what was said, and decoding undoes encoding."""

import pytest
import torch

from sfumato.errors import ConfigError
from sfumato.nn.attributes import another, columns, decode, encode, spans, width
from sfumato.schema import Attribute, Schema

SCHEMA = Schema(
    shape=(1, 8, 8),
    attributes=(
        Attribute(name="slant", low=-20.0, high=60.0),
        Attribute(name="Smiling", low=-1.0, high=1.0, values=("no", "yes")),
        Attribute(name="hair", low=0.0, high=2.0, values=("red", "green", "blue")),
        Attribute(name="age", low=7.0, high=7.0),
    ),
)
ROWS = torch.tensor([[-20.0, 1.0, 1.0, 7.0], [40.0, -1.0, 2.0, 7.0]])


def test_choices_are_one_hot_and_numbers_scaled_by_hand():
    expected = [[-1, 0, 1, 0, 1, 0, 0], [0.5, 1, 0, 0, 0, 1, 0]]
    assert encode(ROWS, SCHEMA).tolist() == expected
    assert width(SCHEMA) == 7
    assert spans(SCHEMA) == (slice(0, 1), slice(1, 3), slice(3, 6), slice(6, 7))


def test_decoding_undoes_encoding_and_takes_the_likeliest_value():
    tags = encode(ROWS, SCHEMA)
    assert torch.equal(decode(tags, SCHEMA), ROWS)
    tags[0, 3:6] = torch.tensor([0.1, -4.0, 0.3])  # unnormalised scores
    tags[0, 0] = -7.0  # beyond the range
    assert decode(tags, SCHEMA)[0].tolist() == [-20, 1, 2, 7]


def test_data_without_attributes_have_nothing_to_encode():
    assert width(Schema(shape=(1, 8, 8))) == 0


def test_columns_are_found_by_name_where_the_attributes_are_the_same():
    slant, _, hair, _ = SCHEMA.attributes
    assert columns(Schema(shape=(1, 8, 8), attributes=(hair, slant)), SCHEMA) == [2, 0]
    other = Attribute(name="hair", low=0.0, high=1.0, values=("red", "green"))
    taller = Attribute(name="slant", low=-20.0, high=90.0)
    for attribute, said in (
        (
            Attribute(name="hiar", low=0.0, high=1.0),
            "there is no attribute 'hiar'; did you mean 'hair'?",
        ),
        (other, "attribute hair is red|green for one and red|green|blue for the other."),
        (taller, "attribute slant is -20 to 90 for one and -20 to 60 for the other."),
    ):
        with pytest.raises(ConfigError) as caught:
            columns(Schema(shape=(1, 8, 8), attributes=(attribute,)), SCHEMA)
        assert str(caught.value) == said


def test_another_value_is_never_the_same_and_each_as_likely():
    chances = (torch.arange(1000) / 1000)[:, None].expand(-1, len(SCHEMA.attributes))
    own = ROWS[:1].expand(1000, -1)
    found = another(own, chances, SCHEMA)
    for place, attribute in enumerate(SCHEMA.attributes):
        column = found[:, place]
        if attribute.values:
            index = attribute.index(column)
            assert not (index == attribute.index(own[:, place])).any()
            shares = torch.bincount(index, minlength=len(attribute.values)) / 1000
            assert sorted(shares.tolist())[1:] == pytest.approx(
                [1 / (len(attribute.values) - 1)] * (len(attribute.values) - 1), abs=0.002
            )
        assert attribute.low <= float(column.min()) <= float(column.max()) <= attribute.high
