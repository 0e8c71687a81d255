"""WCT: nothing is painted where nothing is apart; a step; turns; bad inputs."""

import pytest
import torch

from sfumato.errors import ConfigError
from sfumato.loop import Rules
from sfumato.losses.style import gram, seen_apart
from sfumato.models.wct import STAGES, WCT, Config
from sfumato.nn.perceptual import PLANS
from sfumato.nn.whitening import covaried
from sfumato.schema import Schema
from sfumato.testing import one_step

SCHEMA = Schema(shape=(3, 32, 32))


def small(**changes):
    return WCT(Config(**{"width": 4, "turns": 2, **changes}), SCHEMA)


def pictures(count=2, high=32, wide=32):
    return torch.rand(count, 3, high, wide) * 2 - 1


def test_it_has_as_many_weights_as_its_layers_say():
    w, s = [16, 32, 64, 128, 128], PLANS["embedded"].widths
    rise = sum(9 * a * b for a, b in zip(w[1:], w, strict=False))
    join = sum(9 * (a + b) * a for a, b in zip(w[:4], s, strict=False)) + 9 * 128 * 128
    join += 9 * s[3] * w[3]  # the content, at stage 4
    more = sum(9 * a * a for a in w[2:])
    gates = [a * (1 + (k >= 2)) for k, a in enumerate(w)]
    look = sum((b + 1) * a for a, b in zip(gates, s, strict=True))
    style = sum((2 * sum(s) + 1) * a for a in gates)
    found = sum(p.numel() for p in WCT(Config(), SCHEMA).parameters())
    assert found == rise + join + more + look + style + 9 * 16 * 3


def test_a_picture_in_its_own_style_stays():
    """Where nothing is apart a decoder without biases has nothing to paint."""
    content = pictures(1) * 0.9
    painted = small().translate(content, reference=content)
    assert (painted - content).abs().max() < 0.02


def test_a_turn_is_linear_in_what_is_apart():
    model = small()
    for layer in model.stages:
        for weight in layer.more.parameters():
            torch.nn.init.normal_(weight, std=0.1)
    seen = model._see(pictures(1))
    v = torch.randn(1, 2 * sum(PLANS["embedded"].widths))

    def painted(scale):
        h = None
        for k in reversed(range(len(STAGES))):
            maps = seen[STAGES[k]]
            apart = [scale * torch.ones_like(maps)] * (1 + (STAGES[k] == "stage4"))
            h = model.stages[k](apart, maps, v, h)
        return model.paint(h)

    torch.testing.assert_close(painted(3.0), 3 * painted(1.0), rtol=1e-3, atol=1e-5)


def test_without_strength_the_colours_and_statistics_are_the_contents_own():
    model, content = small(), pictures(1) * 0.9
    assert (
        model.translate(content, reference=pictures(1), strength=0.0) - content
    ).abs().max() < (0.02)
    halfway, whole = (model.translate(content, reference=-content, strength=s) for s in (0.5, 1.0))
    assert (halfway - content).norm() < (whole - content).norm()


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (33, 50)])
def test_any_size_comes_back(size):
    content = pictures(1, *size)
    painted = small().translate(content, reference=pictures(1, 1, 1))
    assert painted.shape == content.shape
    assert painted.isfinite().all()


def test_several_pictures_come_in_one_style_or_in_one_each():
    model, contents, styles = small(), pictures(3), pictures(3)
    each, first = (model.translate(contents, reference=s) for s in (styles, styles[:1]))
    for k in range(3):
        alone = model.translate(contents[k : k + 1], reference=styles[k : k + 1])
        torch.testing.assert_close(each[k : k + 1], alone, rtol=1e-3, atol=1e-3)
        alone = model.translate(contents[k : k + 1], reference=styles[:1])
        torch.testing.assert_close(first[k : k + 1], alone, rtol=1e-3, atol=1e-3)


def test_a_step_brings_it_closer():
    model, images = small(colours=0.0, lr=1e-4), pictures(4)
    styles = images.roll(1, 0)
    before = model._loss(images, styles)
    one_step(model, image=images)
    assert model._loss(images, styles) < before


def test_steps_bring_the_painting_itself_closer_turn_by_turn():
    torch.manual_seed(0)
    model, images = small(colours=0.0), pictures(4) * torch.rand(4, 3, 1, 1)
    styles = images.roll(1, 0)
    for _ in range(30):
        one_step(model, image=images)
    with torch.no_grad():
        first, second = (float(apart.sum()) for apart, _ in model._told(images, styles)[0])
        ground = model.recolour(images, styles)
        grams = {k: gram(v) for k, v in model._see(styles).items()}
        before = seen_apart(model._see(ground), model._see(images), grams, 0.1)
    assert second < first < float(before.sum())


def test_the_loss_counts_over_that_of_the_content():
    """By hand: the mean over turns and pictures of a logarithm, and of what is rough."""
    model, images, want = small(smooth=2.0), pictures(3), 0
    styles = images.roll(1, 0)
    with torch.no_grad():
        turns, own = model._told(images, styles)
        for apart, painted in turns:
            want += (apart / (own + 0.01 * own.mean()) + 1e-4).log().mean()
            rough = painted.diff(dim=2).square().mean() + painted.diff(dim=3).square().mean()
            want += 2 * 0.03 * rough
    found = model._loss(images, styles).detach()
    torch.testing.assert_close(found, want / model.config.turns, rtol=1e-4, atol=1e-4)


def test_turns_pass_no_slope_to_those_before():
    model, images = small(), pictures(2)
    turns, _ = model._told(images, images.roll(1, 0))
    (first, _), (second, _) = turns
    one = torch.autograd.grad(first.sum(), model.paint.weight, retain_graph=True)[0]
    both = torch.autograd.grad((first + second).sum(), model.paint.weight, retain_graph=True)[0]
    last = torch.autograd.grad(second.sum(), model.paint.weight)[0]
    torch.testing.assert_close(both, one + last)


def test_the_perceptual_network_is_no_part_of_it():
    model = small()
    model.translate(pictures(), reference=pictures())
    assert {name.partition(".")[0] for name in model.state_dict()} == {"stages", "paint"}


def test_bad_inputs_are_refused():
    with pytest.raises(ConfigError, match=r"add --data.channels 3"):
        WCT(Config(), Schema(shape=(1, 32, 32)))
    with pytest.raises(ConfigError, match="wct needs a style"):
        small().translate(pictures())


def test_each_image_has_anothers_style_however_a_batch_is_cut():
    model, images, seen = small(colours=0.0), pictures(4), []
    model.rules = Rules(accumulate=2)
    loss = model._loss
    model._loss = lambda content, styles: seen.append(styles) or loss(content, styles)
    one_step(model, image=images)
    assert torch.equal(torch.cat(seen), images.roll(1, 0))


def test_it_begins_with_the_content_in_the_styles_colours():
    model, content, style = small(), pictures(1), pictures(1) * 0.3 + 0.2
    torch.nn.init.zeros_(model.paint.weight)
    painted = model.translate(content, reference=style)
    torch.testing.assert_close(painted, model.recolour(content, style), rtol=1e-4, atol=1e-4)


def test_what_is_apart_from_the_content_is_painted_too():
    model, ground = small(), pictures(1) * 0.9
    seen = model._see(ground)
    wanted = [covaried(maps) for maps in seen.values()]
    *_, near = model._turns(ground, seen["stage4"], wanted)
    *_, far = model._turns(ground, seen["stage4"] + 1, wanted)
    assert (far - ground).norm() > 3 * (near - ground).norm()
