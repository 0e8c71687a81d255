import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from sfumato.metrics.strokes import breadth, slant, thickness

FINE = 16


def bar(width, lean=0.0, length=18, side=28):
    """A bar through the middle, `width` pixels in every row, `lean` pixels on with each row."""
    middle = (np.arange(side * FINE) + 0.5) / FINE - side / 2
    up, right = -middle[:, None], middle[None]
    ink = (abs(right - lean * up) < width / 2) & (abs(up) < length / 2)
    shares = ink.reshape(side, FINE, side, FINE).mean((1, 3))
    return torch.from_numpy(shares)[None, None].float() * 2 - 1


@pytest.mark.parametrize("lean", [-0.6, -0.2, 0.0, 0.3, 0.5])
def test_the_slant_of_a_leaning_bar(lean):
    assert slant(bar(3, lean)).item() == pytest.approx(lean, abs=0.01)


def test_slant_is_the_shear_that_makes_rows_and_columns_uncorrelated():
    picture = torch.rand(1, 1, 9, 9) * 2 - 1
    weights = ((picture + 1) / 2)[0, 0].double().numpy()
    y, x = np.mgrid[:9, :9]
    table = np.cov(np.stack([x.ravel(), y.ravel()]), aweights=weights.ravel(), bias=True)
    assert slant(picture).item() == pytest.approx(-table[0, 1] / table[1, 1], abs=1e-4)


def test_slant_does_not_move_with_the_picture_and_turns_with_it():
    one = bar(3, 0.4)
    assert slant(one.roll((3, -4), (2, 3))).item() == pytest.approx(slant(one).item(), abs=1e-5)
    assert slant(one.flip(3)).item() == pytest.approx(-slant(one).item(), abs=1e-5)


@pytest.mark.parametrize("width", [8, 13.5])
@pytest.mark.parametrize("lean", [0.0, 0.4, -0.3])
def test_the_breadth_of_a_bar_by_hand(width, lean):
    """Of a uniform spread over w, however the bar leans: w / sqrt(12)."""
    assert breadth(bar(width, lean)).item() == pytest.approx(width / 12**0.5, rel=0.02)


def test_breadth_is_what_is_left_when_columns_are_predicted_from_rows():
    picture = torch.rand(1, 1, 9, 9) * 2 - 1
    weights = ((picture + 1) / 2)[0, 0].double().numpy().ravel()
    y, x = (axis.ravel().astype(float) for axis in np.mgrid[:9, :9])
    line = np.polynomial.polynomial.polyfit(y, x, 1, w=np.sqrt(weights))
    left = np.average((x - np.polynomial.polynomial.polyval(y, line)) ** 2, weights=weights)
    assert breadth(picture).item() == pytest.approx(left**0.5, abs=1e-4)


@pytest.mark.parametrize("width", [2, 3.5, 5])
def test_the_width_of_a_bar_by_hand(width):
    """Twice the area, 2 w l, over the edge, 2 (w + l)."""
    want = width * 18 / (width + 18)
    assert thickness(bar(width)).item() == pytest.approx(want, rel=0.05)


def test_width_is_measured_across_the_stroke_and_blur_leaves_it():
    upright, leaning = bar(4), bar(4 * 1.25, 0.75)  # 4 across, at 3:4:5
    assert thickness(leaning).item() == pytest.approx(thickness(upright).item(), rel=0.08)
    blurred = torch.from_numpy(gaussian_filter(upright.numpy(), (0, 0, 0.7, 0.7)))
    assert thickness(blurred).item() == pytest.approx(thickness(upright).item(), rel=0.06)


def test_a_stroke_ends_where_the_picture_does():
    corner = bar(4).roll((-5, -12), (2, 3))
    assert (corner[0, 0, 0, 0], corner[0, 0, -1, -1]) == (1, -1)
    assert thickness(corner).item() == pytest.approx(thickness(bar(4)).item(), rel=1e-6)


def test_a_picture_without_ink_has_none_of_them():
    empty = torch.full((2, 1, 8, 8), -1.0)
    assert [measure(empty).tolist() for measure in (slant, breadth, thickness)] == [[0, 0]] * 3


def test_each_picture_is_measured_alone():
    both = torch.cat([bar(2, 0.3), bar(5, -0.3)])
    for measure in (slant, breadth, thickness):
        apart = torch.cat([measure(both[:1]), measure(both[1:])])
        torch.testing.assert_close(measure(both), apart)
