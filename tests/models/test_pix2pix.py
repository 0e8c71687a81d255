"""Pix2Pix: published sizes, what a patch sees, losses, one step, any size, bad input."""

from itertools import pairwise

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from sfumato.errors import DataError
from sfumato.models.pix2pix import Config, Pix2Pix
from sfumato.nn.patches import PATCHES
from sfumato.nn.resize import resize
from sfumato.randomness import generator
from sfumato.schema import Schema
from sfumato.testing import one_step

COLOUR = Schema(shape=(3, 32, 32))


def small(schema=COLOUR, **fields):
    torch.manual_seed(0)
    plain = {"width": 4, "depth": 3, "patch": 16, "dropout": 0.0}
    return Pix2Pix(Config(**{**plain, **fields}), schema)


def count(part):
    return sum(p.numel() for p in part.parameters())


def test_the_paper_has_so_many_parameters():
    """By hand: eight halvings to 512 maps and back beside them; C64-C128-C256-C512 and a logit."""
    down = [3, 64, 128, 256, 512, 512, 512, 512, 512]
    halvings = sum(16 * a * b for a, b in pairwise(down)) + 64 + 512
    halvings += 2 * sum(down[2:8])
    up = [(512, 512), (1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64)]
    doublings = sum(16 * a * b + 2 * b for a, b in up) + 16 * 128 * 3 + 3
    judge = 16 * (6 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 2 * (128 + 256 + 512) + 1
    with torch.device("meta"):
        model = Pix2Pix(Config(), Schema(shape=(3, 256, 256)))
    assert count(model.generator) == halvings + doublings == 54_414_531
    assert count(model.discriminator) == judge == 2_768_705


@pytest.mark.parametrize("patch", PATCHES)
def test_a_logit_sees_its_patch(patch):
    model = small(Schema(shape=(3, 96, 96)), patch=patch).double().eval()
    for weights in model.discriminator.parameters():  # no gradient is lost to a leak or a zero
        torch.nn.init.constant_(weights, 0.05)
    images = torch.rand(1, 3, 320, 320, dtype=torch.double, requires_grad=True)
    verdicts = model.discriminator(torch.cat([images, images], 1))
    middle = verdicts[0, 0, verdicts.shape[2] // 2, verdicts.shape[3] // 2]
    (slope,) = torch.autograd.grad(middle, images)
    seen = (slope.abs().sum((0, 1)) > 0).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [patch, patch]


def test_losses_are_the_games_and_the_mean_absolute_error():
    model = small(reconstruction=3.0, adversarial=0.5).eval()
    given, wanted, painted = (torch.rand(2, 3, 32, 32) * 2 - 1 for _ in range(3))
    pairs = [torch.cat([given, images], 1) for images in (wanted, painted)]
    real, fake = map(model.judge, pairs)
    want = (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))) / 2
    torch.testing.assert_close(model._judge_loss(*pairs), want)
    want = 0.5 * bce(fake, torch.ones_like(fake)) + 3 * (painted - wanted).abs().mean()
    torch.testing.assert_close(model._painter_loss(wanted, painted, pairs[1]), want)


def test_after_a_step_each_player_is_closer_to_its_goal():
    model = small(lr=1e-3)
    rng = torch.Generator().manual_seed(1)
    given, wanted = (torch.rand(4, 3, 32, 32, generator=rng) * 2 - 1 for _ in range(2))
    painted = model.generator(given).tanh().detach()
    pairs = [torch.cat([given, images], 1) for images in (wanted, painted)]
    judged = float(model._judge_loss(*pairs).detach())
    far = float((painted - wanted).abs().mean())
    one_step(model, image=given, target=wanted)
    assert float(model._judge_loss(*pairs).detach()) < judged
    assert float((model.generator(given).tanh() - wanted).abs().mean().detach()) < far


def test_without_a_game_the_judge_rests_and_the_painter_learns():
    model = small(lr=1e-3, adversarial=0.0)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    given, wanted = (torch.rand(4, 3, 32, 32) * 2 - 1 for _ in range(2))
    one_step(model, image=given, target=wanted)
    moved = {name for name, weight in model.named_parameters() if not weight.equal(before[name])}
    assert moved == {name for name in before if name.startswith("generator.")}


def test_jitter_moves_both_pictures_alike():
    model = small(jitter=1.5)
    images = torch.rand(3, 3, 32, 32) * 2 - 1
    model.rng = generator(0, "jitter")
    given, wanted = model._jittered(images, -images)
    torch.testing.assert_close(given, -wanted)
    assert given.shape == images.shape
    assert not torch.allclose(given, images, atol=0.1)
    model.draw = lambda make, count: torch.tensor([[0.0, 0.999]] * count)
    given, _ = model._jittered(images, images)
    torch.testing.assert_close(given, resize(images, 48, 48)[..., :32, 16:].clamp(-1, 1))
    still = small()
    still.rng = generator(0, "jitter")
    torch.testing.assert_close(still._jittered(images, -images)[0], images)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 43), (33, 17)])
def test_any_size_is_translated(size):
    model = small().eval()
    found = model.translate(torch.zeros(1, 3, *size))
    assert found.shape == (1, 3, *size)
    assert float(found.detach().abs().max()) <= 1


def test_sides_that_cannot_be_halved():
    words = r"must be multiples of 8, not 30x30; try --data.side 24 or a smaller --model.depth\."
    with pytest.raises(DataError, match=words):
        small(Schema(shape=(3, 30, 30)))


def test_pairs_are_needed(tmp_path):
    import sfumato

    with pytest.raises(DataError, match="pix2pix needs target of every image, and digits has"):
        sfumato.train("pix2pix", recipe="smoke", data="digits", out=tmp_path / "run")


def test_pictures_need_not_be_square():
    model = small(Schema(shape=(3, 64, 96)))
    one_step(model, image=torch.rand(2, 3, 64, 96), target=torch.rand(2, 3, 64, 96))
    assert all(loss.isfinite() for loss in model.told.values())


def test_the_judge_is_shown_what_was_given_beside_each_picture():
    model, (given, wanted) = small(), torch.rand(2, 2, 3, 32, 32) * 2 - 1
    judged = []
    model.discriminator.register_forward_pre_hook(lambda _, seen: judged.append(seen[0]))
    one_step(model, image=given, target=wanted)
    assert all(torch.equal(pairs[:, :3], given) for pairs in judged)
    assert [torch.equal(pairs[:, 3:], wanted) for pairs in judged] == [True, False, False]


def test_each_player_has_its_pace():
    judge, painter = small(lr=4e-4, judge_lr=1e-4).configure_optimizers()
    assert (judge.param_groups[0]["lr"], painter.param_groups[0]["lr"]) == (1e-4, 4e-4)
    judge, painter = small(lr=4e-4).configure_optimizers()
    assert judge.param_groups[0]["lr"] == 4e-4, "the painter's unless named"
