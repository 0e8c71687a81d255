import pytest
import torch

from sfumato.nn.augment import CHANGES, augmented, augmenting, changes

HALF = torch.full((1, CHANGES), 0.5)
ALL = "colour+translation+cutout"


def test_in_the_middle_colour_and_place_stay_as_they_are():
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    still = HALF.expand(2, CHANGES)
    torch.testing.assert_close(augmented(images, still, "translation"), images)
    assert torch.equal(augmented(images, changes(2), "none"), images)


def test_brightness_saturation_and_contrast_each_do_what_they_say():
    images = torch.rand(1, 3, 8, 8) * 2 - 1

    def coloured(**share):
        draws = HALF.clone()
        for place, name in enumerate(("brightness", "saturation", "contrast")):
            draws[0, place] = share.get(name, 0.5)
        return augmented(images, draws, ALL)[..., :4, :]  # the cut out square lies in the middle

    whole = augmented(images, HALF, ALL)[..., :2, :]
    torch.testing.assert_close(whole, images[..., :2, :])
    top = slice(0, 2)
    bright = coloured(brightness=1.0)[..., top, :]
    torch.testing.assert_close(bright, images[..., top, :] + 0.5)
    grey = coloured(saturation=0.0)[..., top, :]
    torch.testing.assert_close(
        grey, images.mean(1, keepdim=True).expand(-1, 3, -1, -1)[..., top, :]
    )
    flat = coloured(contrast=0.0)[..., top, :]
    middle = images.mean()
    torch.testing.assert_close(flat, middle + 0.5 * (images[..., top, :] - middle))


def test_a_picture_moves_by_an_eighth_at_most_and_grey_comes_in():
    images = torch.rand(1, 1, 16, 16) + 0.1
    draws = HALF.clone()
    draws[0, 3], draws[0, 4] = 0.0, 0.999
    moved = augmented(images, draws, "translation")
    assert torch.equal(moved[..., 2:, :14], images[..., :14, 2:])
    assert not moved[..., :2, :].any()
    assert not moved[..., 14:].any()


def test_a_square_of_half_the_side_is_cut_out():
    images = torch.ones(1, 2, 12, 12)
    cut = augmented(images, HALF, "translation+cutout")
    assert (cut == 0).sum() == 2 * 6 * 6
    assert not cut[..., 3:9, 3:9].any()
    corner = torch.cat([HALF[:, :5], torch.zeros(1, 2)], 1)
    assert (augmented(images, corner, "translation+cutout") == 0).sum() == 2 * 3 * 3


def test_an_eighth_is_rounded_to_the_nearest():
    images, draws = torch.rand(1, 1, 12, 12) + 0.1, HALF.clone()
    draws[0, 3] = 0.0
    moved = augmented(images, draws, "translation")
    assert torch.equal(moved[..., 2:, :], images[..., :-2, :])


def test_a_square_may_reach_half_over_the_far_edges_too():
    corner = torch.cat([HALF[:, :5], torch.full((1, 2), 0.999)], 1)
    cut = augmented(torch.ones(1, 2, 12, 12), corner, "translation+cutout")
    assert (cut == 0).sum() == 2 * 3 * 3
    assert not cut[..., 9:, 9:].any()


def test_what_is_shown_beside_moves_along_and_keeps_its_colours():
    shown, images = torch.ones(4, 1, 8, 8), torch.zeros(4, 3, 8, 8) + 0.5
    draws = changes(4, torch.Generator().manual_seed(0))
    both = augmented(images, draws, ALL, shown=shown)
    assert both.shape == (4, 4, 8, 8)
    assert set(both[:, 0].unique().tolist()) == {0.0, 1.0}
    where = both[:, 0] > 0
    assert torch.equal(where, both[:, 1] != 0)


@pytest.mark.parametrize("name", ["translation", "translation+cutout", ALL])
def test_the_painter_learns_through_every_change(name):
    images = torch.rand(2, 3, 8, 8, requires_grad=True)
    augmented(images, changes(2, torch.Generator().manual_seed(1)), name).sum().backward()
    assert images.grad.any()


def test_where_nothing_changes_nothing_is_drawn():
    images = torch.rand(2, 1, 8, 8)

    def draw(make, count):
        return make(count, torch.Generator().manual_seed(3))

    def never(make, count):
        raise AssertionError

    assert torch.equal(augmenting(images, never, "none"), images)
    once = augmented(images, draw(changes, 2), "translation")
    assert torch.equal(augmenting(images, draw, "translation"), once)


def test_where_a_picture_goes_does_not_depend_on_the_precision_it_was_painted_in():
    images, draws = torch.ones(1, 1, 16, 16), torch.full((1, CHANGES), 0.999)
    fine, coarse = (augmented(kind, draws, ALL) for kind in (images, images.bfloat16()))
    torch.testing.assert_close(fine, coarse)
