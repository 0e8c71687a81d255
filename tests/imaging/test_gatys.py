"""Descent on pixels: losses worked by hand, tiles as the whole, never rising, exact resume."""

from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import pytest
import torch

from sfumato.errors import ConfigError, RunError, UnknownName
from sfumato.imaging import gatys, paused
from sfumato.imaging.descent import PAIRS, Descent, _shorter, gradient_of
from sfumato.imaging.gatys import Choices, finer, paint
from sfumato.imaging.objective import Objective, Style, scaled, tiles, union
from sfumato.imaging.placing import fitting
from sfumato.losses.style import gram
from sfumato.nn.perceptual import load
from sfumato.randomness import generator

NETWORK = load()
FEW = Choices(iterations=3, evaluations=5)


def picture(high=48, wide=64, seed=0):
    """Smooth colours: what noise an optimiser cannot see would only blur the laws."""
    small = torch.rand(1, 3, 6, 8, generator=generator(seed, "picture")) * 2 - 1
    return torch.nn.functional.interpolate(small, (high, wide), mode="bilinear")


def history(*args, **words):
    told = []
    painted = paint(NETWORK, *args, **words, tell=lambda p: told.append(list(p.losses)))
    return painted, told[-1]


# ------------------------------------------------------------------ the loss


def test_the_loss_is_the_published_sum():
    content, style, images = picture(seed=1), picture(40, 56, seed=2), picture(seed=3)
    choices = Choices(content_weight=0.3, style_weight=2.0, content={"stage4": 1.0, "stage3": 0.5})
    found, _ = Objective(NETWORK, choices, content, [Style(style)], (48, 64)).evaluate(images)
    names = [f"stage{n}" for n in range(1, 6)]
    large = torch.nn.functional.interpolate(style, (46, 64), mode="bilinear", antialias=True)
    f, p, s = (
        {k: v * 128 for k, v in NETWORK(x, names).items()} for x in (images, content, large)
    )
    want = 0.3 * (((f["stage4"] - p["stage4"]) ** 2).mean())
    want += 0.15 * (((f["stage3"] - p["stage3"]) ** 2).mean())
    for name, share in zip(names, (0.05, 0.2, 0.2, 0.25, 0.3), strict=True):
        want += 2 * share * ((gram(f[name]) - gram(s[name])) ** 2).mean()
    assert found == pytest.approx(float(want), rel=1e-4)


def test_several_styles_are_mixed_by_weight():
    one, other = picture(seed=1), picture(seed=2)
    goal = Objective(NETWORK, Choices(), None, [Style(one, 3.0), Style(other, 1.0)], (48, 64))
    want = 0.75 * gram(NETWORK(one, ["stage2"])["stage2"])
    want += 0.25 * gram(NETWORK(other, ["stage2"])["stage2"])
    assert torch.allclose(goal.wanted[0].grams["stage2"], want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("regions", [False, True])
def test_tiles_give_the_gradient_of_the_whole(regions):
    content, style, images = picture(300, 275, 1), picture(90, 130, 2), picture(300, 275, 3)
    styles = [Style(style)]
    if regions:
        left = torch.zeros(1, 1, 300, 275)
        left[..., 40:200, 100:230] = 1
        styles = [Style(style, region=left), Style(style.flip(2), region=(1 - left) * 0.5)]
    choices = Choices(smooth=0.1)
    whole = Objective(NETWORK, choices, content, styles, (300, 275)).evaluate(images)
    small = replace(choices, tile=128)
    tiled = Objective(NETWORK, small, content, styles, (300, 275)).evaluate(images)
    assert tiled[0] == pytest.approx(whole[0], rel=1e-5)
    assert (tiled[1] - whole[1]).abs().max() < 1e-4 * whole[1].abs().max()


@pytest.mark.parametrize("stride", [1, 4, 16])
def test_tiles_cover_every_place_of_maps_once(stride):
    seen = torch.zeros(1, 1, -(-70 // stride), -(-45 // stride))
    for tile in tiles((70, 45), 32, margin=16):
        place = tile.whole(seen, stride)
        outer = tile.outer(torch.ones(1, 1, 70, 45))[..., ::stride, ::stride]
        place.add_(tile.inner(outer, stride))
    assert torch.equal(seen, torch.ones_like(seen))


# ------------------------------------------------------------------ the descent


def test_lbfgs_finds_the_bottom_of_a_bowl_and_never_rises():
    target = picture(seed=1) * 0.5
    stretch = torch.linspace(1, 30, 64)
    evaluate = gradient_of(lambda x: (stretch * (x - target) ** 2).sum())
    descent, losses = Descent(torch.zeros_like(target)), []
    for _ in range(8):
        losses.append(descent.iterate(evaluate, 10))
    assert losses == sorted(losses, reverse=True)
    assert (descent.images - target).abs().max() < 1e-2


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_no_place_is_looked_at_twice_and_two_looks_are_a_step(optimizer):
    target, seen = picture(seed=1) * 0.5, []
    bowl = gradient_of(lambda x: (torch.linspace(1, 30, 64) * (x - target) ** 2).sum())
    descent = Descent(torch.zeros_like(target), optimizer=optimizer)
    evaluate = lambda x: seen.append(x.clone()) or bowl(x)  # noqa: E731
    losses = [descent.look(evaluate)[0], *(descent.iterate(evaluate, 2) for _ in range(3))]
    assert len(seen) == 4
    assert losses == sorted(set(losses), reverse=True)
    descent.iterate(evaluate, 6)
    assert len(seen) == 9
    assert not any(torch.equal(one, other) for one, other in combinations(seen, 2))
    loss, slope = bowl(descent.images)
    assert descent.loss == loss
    assert torch.equal(descent.slope, slope)


def test_the_last_pairs_are_kept():
    target = picture(seed=1) * 0.5
    evaluate = gradient_of(lambda x: (torch.linspace(1, 30, 64) * (x - target) ** 4).sum())
    descent = Descent(torch.zeros_like(target))
    descent.iterate(evaluate, 8)
    last = descent.steps[-1]
    assert 0 < len(descent.steps) < PAIRS
    descent.iterate(evaluate, 2)
    assert descent.steps[-2] is last
    descent.iterate(evaluate, 30)
    assert len(descent.steps) == len(descent.bends) == PAIRS


def test_pixels_stop_at_the_ends_of_their_range():
    evaluate = gradient_of(lambda x: ((x - 3) ** 2).sum())
    descent = Descent(torch.zeros(1, 3, 4, 4))
    descent.iterate(evaluate, 20)
    assert torch.equal(descent.images, torch.ones(1, 3, 4, 4))


@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_pixels_leave_the_ends_of_their_range_again(end):
    evaluate = gradient_of(lambda x: x.square().sum())
    descent = Descent(torch.full((1, 3, 4, 4), end))
    descent.iterate(evaluate, 20)
    assert descent.images.abs().max() < 1e-3


def test_a_step_is_shortened_to_the_lowest_point_of_its_parabola():
    """Of 2 - t + (1 + v) t^2, which is 2 + v at t = 1; from a tenth to a half of the step."""
    assert [_shorter(2.0, -1.0, 2.0 + v) for v in (1.0, 9.0, -0.5, -1.0)] == [0.25, 0.1, 0.5, 0.5]


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_loss_never_rises_between_iterations(optimizer):
    wish = replace(FEW, optimizer=optimizer, start="noise", iterations=4)
    _, losses = history(picture(seed=1), [Style(picture(seed=2))], wish)
    assert len(losses) == 5
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2


def test_content_is_rebuilt_and_textures_grow():
    content = picture(64, 64)
    wish = replace(FEW, start="noise", content=NETWORK.plan.deep_content, content_weight=1.0)
    assert history(content, [], replace(wish, iterations=5, evaluations=20))[1][-1] > 0
    painted, losses = history(content, [], replace(wish, iterations=5, evaluations=20))
    assert losses[-1] < losses[0] / 5
    wish = Choices(start="noise", style=NETWORK.plan.usual_texture, iterations=5)
    grown, losses = history(None, [Style(content)], wish, size=(40, 90))
    assert losses[-1] < losses[0] / 100
    assert (painted.shape[-2:], grown.shape[-2:]) == ((64, 64), (40, 90))


def test_scales_go_from_coarse_to_fine_and_stop_at_64_pixels():
    sizes = []
    wish = replace(FEW, scales=4)
    paint(NETWORK, picture(130, 200), [], replace(wish, content={"stage2": 1.0}),
          tell=lambda p: sizes.append(tuple(p.images.shape[-2:])))  # fmt: skip
    assert sizes == [(65, 100)] * 3 + [(130, 200)]
    assert gatys.iterations(wish, (130, 200)) == 4


def test_a_larger_size_gets_the_detail_its_content_has_there():
    content = picture(32, 48)
    small = scaled(content, (16, 24))
    assert torch.equal(finer(small, content, (32, 48), 0.0), scaled(small, (32, 48)))
    # the content itself, made small and finer again, is the content
    torch.testing.assert_close(finer(small, content, (32, 48), 1.0), content)
    assert torch.equal(finer(small, None, (32, 48), 1.0), scaled(small, (32, 48)))


def test_the_same_seed_paints_the_same_and_another_not():
    wish = replace(FEW, start="blurred")
    painted = [paint(NETWORK, picture(), [], replace(wish, seed=s)) for s in (1, 1, 2)]
    assert torch.equal(painted[0], painted[1])
    assert not torch.equal(painted[0], painted[2])


# ------------------------------------------------------------------ regions


def test_what_no_mask_covers_stays_the_content():
    content, mask = picture(), torch.zeros(1, 1, 48, 64)
    mask[..., 16:40, 16:48] = 1
    wish = replace(FEW, start="noise")
    painted, _ = history(content, [Style(picture(seed=2), region=mask)], wish)
    outside = (mask == 0).expand_as(content)
    assert torch.equal(painted[outside], content[outside])
    assert (painted - content)[~outside].abs().mean() > 0.01


def test_half_in_each_of_two_regions_is_three_quarters_in_either():
    half = torch.full((1, 1, 2, 2), 0.5)
    assert torch.equal(union([half, half]), torch.full_like(half, 0.75))


def test_masks_are_scaled_with_their_pictures():
    """Also where these are so narrow that rounding gives them another shape."""
    style = Style(picture(200, 3), part=torch.ones(1, 1, 200, 3))
    assert paint(NETWORK, picture(), [style], FEW).isfinite().all()


@pytest.mark.parametrize(("wide", "fits"), [(101, True), (102, False)])
def test_a_mask_has_the_shape_of_its_picture_but_for_rounding(wide, fits):
    image, mask = torch.zeros(1, 3, 1000, 1000), torch.ones(1, 1, 100, wide)
    if fits:
        assert fitting(mask, image, "the content").shape == (1, 1, 1000, 1000)
        return
    said = "a mask is 102x100 and the content 1000x1000: they must have the same shape"
    with pytest.raises(ConfigError, match=said):
        fitting(mask, image, "the content")


# ------------------------------------------------------------------ stop and go on


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_painting_put_aside_ends_like_one_that_was_not(tmp_path, optimizer):
    args = picture(130, 200), [Style(picture(seed=2))]
    wish = replace(FEW, optimizer=optimizer, scales=2)
    whole = paint(NETWORK, *args, wish)

    class Stop(Exception):  # noqa: N818
        pass

    def stop(progress):
        paused.put_aside(progress, tmp_path, "it")
        if len(progress.losses) == 3:
            raise Stop

    with pytest.raises(Stop):
        paint(NETWORK, *args, wish, tell=stop)
    left, old = (paused.taken_up(tmp_path, "it") for _ in range(2))
    assert left.descent.loss == left.losses[-1]
    assert torch.equal(paint(NETWORK, *args, wish, resume=left), whole)
    old.descent.loss = old.descent.slope = None  # put aside by an older version
    assert torch.equal(paint(NETWORK, *args, wish, resume=old), whole)


def test_a_painting_of_other_pictures_is_refused(tmp_path):
    with pytest.raises(RunError, match="holds no painting"):
        paused.taken_up(tmp_path, "it")
    paint(NETWORK, picture(), [], FEW, tell=lambda p: paused.put_aside(p, tmp_path, "it"))
    with pytest.raises(RunError, match="of other pictures or choices"):
        paused.taken_up(tmp_path, "other")
    assert paused.mark(picture()) != paused.mark(picture(seed=1))


# ------------------------------------------------------------------ bad inputs


@pytest.mark.parametrize("colour", [-1.0, 0.0, 1.0])
def test_a_style_of_one_colour_gives_no_nan(colour):
    style = torch.full((1, 3, 20, 20), colour)
    painted, losses = history(picture(), [Style(style)], FEW)
    assert painted.isfinite().all()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("size", [(1, 1), (1, 9)])
def test_pictures_of_one_pixel_are_painted(size):
    painted, _ = history(picture(*size), [Style(picture(1, 1, 2))], FEW)
    assert painted.shape[-2:] == size
    assert painted.isfinite().all()


def test_what_cannot_be_painted_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'stage4'"):
        paint(NETWORK, picture(), [], replace(FEW, content={"stag4": 1.0}))
    with pytest.raises(ConfigError, match="nothing to paint"):
        paint(NETWORK, None, [], FEW)
    with pytest.raises(ConfigError, match="--start content needs one"):
        paint(NETWORK, None, [Style(picture())], FEW)
    with pytest.raises(ConfigError, match="not all of them 0"):
        paint(NETWORK, picture(), [Style(picture(), 0.0)], FEW)
    with pytest.raises(ConfigError, match=r"--evaluations must be .* 2, not 1"):
        paint(NETWORK, picture(), [], replace(FEW, evaluations=1))
    with pytest.raises(ConfigError, match="style_weight"):
        Choices.__init__(SimpleNamespace(), style_weight=-1) or paint(
            NETWORK, picture(), [], replace(FEW, style_weight=-1.0)
        )


def test_sizes_end_where_pixels_do():
    assert gatys.levels(256, 256, 10**9) == gatys.levels(256, 256, 9)
    with pytest.raises(ConfigError, match="a picture of 100000x100000 pixels is too large"):
        gatys.levels(100_000, 100_000, 1)
