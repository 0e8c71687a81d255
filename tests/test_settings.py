from dataclasses import dataclass
from typing import Literal

import pytest

from sfumato.errors import ConfigError
from sfumato.settings import (
    Count,
    Fraction,
    NonNegative,
    Positive,
    build,
    check,
    counted,
    override,
    settings,
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan."""

    size: Count = 3
    """How large
    it is."""
    share: Fraction = 0.5
    """How much."""
    kind: Literal["round", "flat"] = "round"
    """Which sort."""
    names: tuple[str, ...] = ()
    """What they are called."""
    limit: float | None = None
    """How far."""
    open: bool = False
    """Whether."""
    turns: Literal[1, 2] = 1
    """How many turns."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Two numbers."""

    lr: Positive = 1.0
    """Above 0."""
    weight: NonNegative = 1.0
    """From 0."""


def test_words_become_values_of_the_fields_types():
    words = {
        "size": "7",
        "share": "0.25",
        "kind": "flat",
        "names": "a,b",
        "limit": "2",
        "open": "true",
        "turns": "2",
    }
    assert build(Plan, words) == Plan(
        size=7, share=0.25, kind="flat", names=("a", "b"), limit=2.0, open=True, turns=2
    )  # fmt: skip
    assert build(Plan, {"limit": "none", "names": ""}) == Plan()


def test_values_survive_the_way_through_plain_files():
    assert build(Plan, {"names": ["a"], "share": 1}) == Plan(names=("a",), share=1.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"size": "many"}, "--x.size must be a valid integer, not 'many'."),
        ({"size": 0}, "--x.size must be greater than or equal to 1, not 0."),
        ({"share": 1.5}, "--x.share must be less than or equal to 1, not 1.5."),
        ({"kind": "square"}, "--x.kind must be 'round' or 'flat', not 'square'."),
        ({"open": "perhaps"}, "--x.open must be a valid boolean, not 'perhaps'."),
        ({"sise": 3}, "there is no setting --x.sise; did you mean 'size'?"),
        (
            {"q": 3},
            "there is no setting --x.q; choose from size, share, kind, names, limit, open, turns.",
        ),
    ],
)
def test_a_wrong_value_is_answered_in_one_line(words, said):
    with pytest.raises(ConfigError) as caught:
        build(Plan, words, "x.")
    assert str(caught.value) == said


def test_override_replaces_and_checks():
    assert override(Plan(size=4), {"share": "1"}) == Plan(size=4, share=1.0)
    same = Plan()
    assert override(same, {}) is same
    with pytest.raises(ConfigError, match="--share must be"):
        override(Plan(), {"share": 2})


def test_check_finds_what_a_constructor_lets_through():
    check(Plan())
    with pytest.raises(ConfigError, match=r"--model\.share must be less than or equal to 1"):
        check(Plan(share=7.0))


@pytest.mark.parametrize("word", ["1e400", "inf", "nan", "-1"])
@pytest.mark.parametrize("name", ["lr", "weight"])
def test_rates_and_weights_are_finite(name, word):
    with pytest.raises(ConfigError, match=f"--model.{name} must be"):
        build(Rates, {name: word}, "model.")


def test_a_count_is_a_whole_number_from_one():
    counted(1)
    for count, said in ((0, "at least 1; got 0."), (2.5, "int; got 2.5."), (2.0, "int; got 2.0.")):
        with pytest.raises(ConfigError) as caught:
            counted(count)
        assert str(caught.value) == f"count must be {said}"


def test_help_reads_names_types_defaults_and_docstrings():
    listed = {s.name: s for s in settings(Plan)}
    assert listed["size"].about == "How large it is."
    assert (listed["size"].kind, listed["size"].default) == ("int >= 1", 3)
    assert listed["share"].kind == "float >= 0, <= 1"
    assert listed["kind"].kind == "round or flat"
    assert listed["limit"].kind == "float or none"
