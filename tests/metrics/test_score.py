import json

import pytest

from sfumato.metrics.score import Score


def test_one_line_carries_both_references():
    score = Score(12.5, 300.0, 1.25, n=10_000, better="lower", features="lenet5-mnist", seed=3)
    assert str(score) == (
        "12.5 ↓ · floor 300 · ceiling 1.25 · n 10,000 · features lenet5-mnist · seed 3"
    )


def test_note_and_error_are_printed():
    assert str(Score(0.5, error=0.01, note="trust KID")) == "0.5 ± 0.01 ↑ · trust KID"


def test_json_keeps_seed_zero_and_drops_what_was_not_set():
    assert Score(0.0, floor=0.0, seed=0).to_json() == {
        "value": 0.0, "floor": 0.0, "n": 0, "better": "higher", "seed": 0,
    }  # fmt: skip


def test_json_is_valid_even_for_a_number_json_has_not():
    text = json.dumps(Score(float("nan"), ceiling=float("inf")).to_json(), allow_nan=False)
    assert json.loads(text)["value"] is None


@pytest.mark.parametrize(
    ("floor", "ceiling", "position"), [(300.0, 100.0, 0.5), (0.0, 800.0, 0.25)]
)
def test_position_is_measured_from_floor_to_ceiling(floor, ceiling, position):
    assert Score(200.0, floor, ceiling).position == position


def test_position_is_unknown_without_a_scale():
    assert Score(1.0, 2.0, 2.0).position is None
    assert Score(1.0, 2.0).position is None


def test_a_score_is_frozen():
    with pytest.raises(AttributeError):
        Score(1.0).value = 2.0
