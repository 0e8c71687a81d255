import pytest

from sfumato.errors import ConfigError, DataError
from sfumato.nn.pyramid import doublings, halvable, multiple, roomy
from sfumato.schema import Schema


@pytest.mark.parametrize(
    ("side", "ladder"), [(8, (4, 1)), (14, (7, 1)), (28, (7, 2)), (40, (5, 3)), (64, (4, 4))]
)
def test_a_side_is_a_bottom_doubled(side, ladder):
    assert doublings(side) == ladder


def test_every_side_either_fits_or_is_answered_with_ones_that_do():
    for side in range(1, 300):
        try:
            bottom, n = doublings(side)
        except ConfigError as error:
            offered = [int(word) for word in str(error).rstrip(".").split() if word.isdigit()][1:]
            assert offered
            assert all(doublings(other) for other in offered)
        else:
            assert side == bottom << n
            assert 4 <= bottom < 8


def test_a_side_is_so_many_steps_or_the_nearest_are_named():
    assert multiple(28, 4, least=12) == 7
    for side, words in ((26, "24 or 28"), (8, "12"), (3, "12")):
        said = rf"^--data.side {side} is no multiple of 4 from 12 on; try {words}\.$"
        with pytest.raises(ConfigError, match=said):
            multiple(side, 4, least=12)


def test_sides_that_cannot_be_halved_so_often_are_refused():
    halvable(Schema(shape=(1, 16, 24)), 3, "it")
    said = r"^it halves sides 3 times, .* multiples of 8, not 24x20; try --data.side 16 or a"
    with pytest.raises(DataError, match=said):
        halvable(Schema(shape=(1, 20, 24)), 3, "it")


def test_too_little_room_is_told():
    roomy(Schema(shape=(1, 4, 9)), 4, "codec")
    words = r"^--data.side 3 is too small for codec; give 4 or more\.$"
    with pytest.raises(ConfigError, match=words):
        roomy(Schema(shape=(1, 9, 3)), 4, "codec")
