import pytest

from sfumato.errors import ConfigError
from sfumato.nn.pyramid import doublings


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
