"""AdaIN: statistics move from style to content; a step; bad inputs."""

import pytest
import torch

from sfumato.data.dataset import Batch
from sfumato.errors import ConfigError
from sfumato.loop import Loop, Rules
from sfumato.losses.style import seen_apart
from sfumato.models.adain import AdaIN, Config
from sfumato.nn.perceptual import PLANS
from sfumato.nn.statistics import moments
from sfumato.schema import Schema
from sfumato.testing import one_step

SCHEMA = Schema(shape=(3, 32, 32))


def small(**changes):
    return AdaIN(Config(**{"width": 4, **changes}), SCHEMA)


def pictures(count=2, high=32, wide=32):
    return torch.rand(count, 3, high, wide) * 2 - 1


def test_it_has_as_many_weights_as_its_layers_say():
    w, s = [16, 32, 64, 128, 128], PLANS["embedded"].widths
    rise = sum(9 * a * b + b for a, b in zip(w[1:], w, strict=False))
    join = sum(9 * (a + b) * a + a for a, b in zip(w[:4], s, strict=False)) + 9 * 128 * 128 + 128
    modulate = sum((2 * sum(s) + 1) * 2 * a for a in w)
    found = sum(p.numel() for p in AdaIN(Config(), SCHEMA).parameters())
    assert found == rise + join + modulate + 9 * 16 * 3 + 3


def test_statistics_move_from_the_style_to_the_content():
    """What enters the decoder has the style's mean and spread, of every map."""
    model, content, style = small(), pictures(1), pictures(1, 20, 50)
    seen = model._see(content)
    for k, (mean, spread) in enumerate(model._statistics(style)):
        maps = model.standard[k](list(seen.values())[k]) * spread + mean
        again = moments(maps)
        assert (again[0] - mean).abs().max() < 1e-4
        live = moments(list(seen.values())[k])[1] > 0.05  # a map that is dead here stays so
        assert torch.allclose(again[1][live], spread[live], rtol=0.01, atol=2e-3)


def test_without_strength_the_style_changes_only_the_modulation():
    model, content = small(), pictures()
    one, other = (model.translate(content, reference=pictures(1), strength=0.0) for _ in range(2))
    assert torch.equal(one, other)  # before it has learnt anything the modulation is 1 and 0
    assert not torch.equal(one, model.translate(content, reference=pictures(1)))


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (33, 50)])
def test_any_size_comes_back(size):
    content = pictures(1, *size)
    painted = small().translate(content, reference=pictures(1, 1, 1))
    assert painted.shape == content.shape
    assert painted.isfinite().all()


def test_a_step_brings_it_closer():
    model, images = small(colours=0.0, lr=1e-4), pictures(4)
    styles = images.roll(1, 0)
    before = model._loss(images, styles)
    one_step(model, image=images)
    assert model._loss(images, styles) < before


def test_the_loss_of_the_content_itself_is_the_floor():
    """The content as it is has no content loss, and the Gram matrices of the content."""
    model, images = small(), pictures(3)
    seen = model._see(images)
    grams = {k: (v.flatten(2) @ v.flatten(2).mT) / v[0].numel() for k, v in seen.items()}
    rolled = {k: g.roll(1, 0) for k, g in grams.items()}
    apart = seen_apart(seen, seen, rolled, model.config.content_weight)
    by_hand = sum(
        share * ((g - g.roll(1, 0)) ** 2).mean((1, 2)) * 128.0**4
        for share, g in zip((0.05, 0.2, 0.2, 0.25, 0.3), grams.values(), strict=True)
    )
    assert torch.allclose(apart, by_hand, rtol=1e-4)


def test_the_loss_is_over_that_of_the_content_and_weighs_roughness():
    model, images = small(smooth=2.0), pictures(3)
    apart, own, painted = model._paired(images, images.roll(1, 0))
    rough = painted.diff(dim=2).square().mean() + painted.diff(dim=3).square().mean()
    want = (apart / (own + own.mean())).mean() + 2 * 0.01 * rough
    torch.testing.assert_close(model._loss(images, images.roll(1, 0)), want)


def test_the_perceptual_network_is_no_part_of_it():
    model = small()
    model.translate(pictures(), reference=pictures())
    assert {name.partition(".")[0] for name in model.state_dict()} == {
        "rise", "join", "modulate", "paint",
    }  # fmt: skip


def test_bad_inputs_are_refused():
    with pytest.raises(ConfigError, match=r"add --data.channels 3"):
        AdaIN(Config(), Schema(shape=(1, 32, 32)))
    with pytest.raises(ConfigError, match="adain needs a style"):
        small().translate(pictures())


def test_each_image_has_anothers_style_however_a_batch_is_cut():
    model, images, seen = small(colours=0.0), pictures(4), []
    model.rules = Rules(accumulate=2)
    loss = model._loss
    model._loss = lambda content, styles: seen.append(styles) or loss(content, styles)
    one_step(model, image=images)
    assert torch.equal(torch.cat(seen), images.roll(1, 0))


def test_another_may_be_with_another_process():
    model, images, seen = small(colours=0.0), pictures(4), []
    loss = model._loss
    model._loss = lambda content, styles: seen.append(styles) or loss(content, styles)
    one_step(model, image=images[1::2])  # optimisers and a loop of one process
    told = {"rank": 1, "world": 2, "gather": lambda self, rows: images if rows.ndim == 4 else rows}
    model.loop = type("Half", (Loop,), told)(model.configure_optimizers())
    model.training_step(Batch(image=images[1::2]), 0)
    assert torch.equal(seen[-1], images.roll(1, 0)[1::2])


def test_the_yardstick_of_a_loss_is_of_the_whole_batch():
    model, images = small(colours=0.0), pictures(4)
    styles = images.roll(1, 0)
    own = model._paired(images, styles)[1]
    half = type("Half", (Loop,), {"gather": lambda self, rows: own})
    whole = model._loss(images, styles).detach()
    model.loop = half([])
    halves = [0, 1], [2, 3]
    parts = [model._loss(images[rows], styles[rows]).detach() for rows in halves]
    assert float(sum(parts) / 2) == pytest.approx(float(whole), rel=1e-5)
