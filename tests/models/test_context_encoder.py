"""Context encoder: published sizes, what is hidden stays hidden, losses, one step, any size."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from sfumato.data.dataset import Dataset
from sfumato.errors import ConfigError
from sfumato.imaging.holes import holes
from sfumato.models.context_encoder import Config, ContextEncoder, _filled
from sfumato.randomness import generator
from sfumato.schema import Schema
from sfumato.testing import one_step

COLOUR = Schema(shape=(3, 16, 16))


def small(schema=COLOUR, **fields):
    torch.manual_seed(0)
    return ContextEncoder(Config(**{"width": 4, "latent": 8, "holes": "any", **fields}), schema)


def pictures(count=4, side=16):
    rng = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, side, side, generator=rng) * 2 - 1


def count(part):
    return sum(p.numel() for p in part.parameters())


def test_the_published_program_has_so_many_parameters():
    """By hand, of its networks for holes anywhere, and 16 weights a map for the mask."""
    maps, latent = [64, 64, 128, 256, 512], 4000
    rungs = sum(16 * a * b + 2 * b for a, b in pairwise(maps))
    first = 16 * 3 * 64 + 64
    bottom = 16 * 512 * latent + latent + 2 * latent + 16 * latent * 512 + 2 * 512
    back = sum(16 * a * b + 2 * a for a, b in pairwise(maps)) + 16 * 64 * 3 + 3
    with torch.device("meta"):
        model = ContextEncoder(Config(), Schema(shape=(3, 128, 128)))
    assert count(model.generator) == first + 16 * 64 + rungs + bottom + back == 71_195_299
    assert count(model.discriminator) == first + rungs + 16 * 512 + 1 == 2_831_297


@pytest.mark.parametrize("latent", [8, 0])
def test_what_is_hidden_is_not_seen_and_the_rest_is_left(latent):
    model, mask = small(latent=latent).eval(), holes("free", 16, 16)(4, generator(0, "hole"))
    images = pictures()
    other = torch.where(mask > 0, images.flip(0), images)
    found = model.translate(images, mask=mask)
    torch.testing.assert_close(found, model.translate(other, mask=mask))
    assert torch.equal(found * (1 - mask), images * (1 - mask))
    assert not torch.allclose(found * mask, images * mask, atol=0.1)


@pytest.mark.parametrize("size", [(16, 16), (40, 24), (5, 9)])
def test_any_size_is_filled(size):
    mask = torch.zeros(1, 1, *size)
    mask[..., 1:3, 2:4] = 1
    images = torch.full((1, 3, *size), 0.5)
    found = small().eval().translate(images, mask=mask)
    assert found.shape == images.shape
    assert torch.equal(found * (1 - mask), images * (1 - mask))


@pytest.mark.parametrize("size", [(24, 24), (64, 40), (10, 11)])
def test_what_is_hidden_is_not_seen_at_another_size_either(size):
    mask = torch.zeros(1, 1, *size)
    mask[..., 3 : size[0] // 2, 2 : size[1] // 2] = 1
    dark, model = (0.5 - mask).repeat(1, 3, 1, 1), small().eval()
    found = [model.translate(torch.where(mask > 0, s, dark), mask=mask) for s in (-1.0, 1.0)]
    assert torch.equal(*found)


@pytest.mark.parametrize("side", [16, 23])
def test_mirrored_pictures_are_filled_alike_only_where_that_is_asked_for(side):
    x = pictures(side=side)
    mask = (torch.rand(4, 1, side, side, generator=torch.Generator().manual_seed(2)) > 0.7).float()
    with torch.no_grad():
        for mirror in (True, False):
            model = small(mirror=mirror).eval()
            there = model.translate(x.flip(-1), mask=mask.flip(-1)).flip(-1)
            assert torch.allclose(there, model.translate(x, mask=mask), atol=1e-5) == mirror


def test_losses_are_the_weighted_error_and_the_game():
    """The rim's weights by hand: two pixels around the hole count three each, the hole one."""
    model = small(rim=2, rim_weight=3.0, adversarial=0.5, reconstruction=2.0).eval()
    real, painted = pictures(2), -pictures(2)
    mask = torch.zeros(2, 1, 16, 16)
    mask[..., 5:9, 6:12] = 1
    weights = torch.zeros(16, 16)
    weights[3:11, 4:14] = 3
    weights[5:9, 6:12] = 1
    far = (weights * (painted - real).square().mean(1)).sum((1, 2)) / 24
    torch.testing.assert_close(model._far(real, painted, mask), far)
    fake = model.judge(_filled(real, painted, mask))
    want = 2 * far.mean() + 0.5 * bce(fake, torch.ones_like(fake))
    torch.testing.assert_close(model._painter_loss(real, painted, mask), want)
    honest = model.judge(real)
    want = bce(honest, torch.ones_like(honest)) + bce(fake, torch.zeros_like(fake))
    got = model._judge_loss(real, _filled(real, painted, mask))
    torch.testing.assert_close(got, want)


def test_after_a_step_each_player_is_closer_to_its_goal():
    model = small(lr=1e-3, judge_lr=1e-3, holes="centre", rim=0)
    real, mask = pictures(), holes("centre", 16, 16)(4)
    painted = model._paint(real, mask).detach()
    judged = float(model._judge_loss(real, _filled(real, painted, mask)).detach())
    far = float(model._far(real, painted, mask).mean())
    one_step(model, image=real)
    assert float(model._judge_loss(real, _filled(real, painted, mask)).detach()) < judged
    assert float(model._far(real, model._paint(real, mask), mask).mean().detach()) < far


@pytest.mark.parametrize("jolt", [0.0, 0.3])
def test_what_is_learned_from_is_askew_where_that_is_asked_for(jolt):
    model, seen = small(jolt=jolt), []
    loss = model._painter_loss
    model._painter_loss = lambda real, *rows: seen.append(real) or loss(real, *rows)
    one_step(model, image=pictures())
    assert torch.allclose(seen[0], pictures(), atol=0.05) == (jolt == 0)


def test_without_a_game_the_judge_rests():
    model = small(adversarial=0.0)
    before = [weight.clone() for weight in model.discriminator.parameters()]
    one_step(model, image=pictures())
    after = model.discriminator.parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_its_number_stands_beside_answers_without_a_network():
    """One grey level is what all three answer, so all three are right and equally far off."""
    flat = Dataset(
        name="flat", schema=COLOUR, columns={"image": np.full((4, 16, 16, 3), 128, np.uint8)}
    )
    model = small(holes="centre").eval()
    score = model.measure(flat, generator(0, "measure"))["psnr_hole"]
    assert score.n == 4
    assert score.note.startswith("mean ")
    assert score.floor > score.value
    images, mask = flat.batch(torch.arange(4)).image, holes("centre", 16, 16)(4)
    off = (model.translate(images, mask=mask) - images).square().sum((1, 2, 3)) / 64 / 3
    assert score.value == pytest.approx(
        float((10 * torch.log10(4 / off)).mean().detach()), abs=1e-3
    )


def test_the_floor_is_the_better_of_the_plain_answers():
    image = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    noisy = Dataset(name="noisy", schema=COLOUR, columns={"image": image})
    score = small(holes="centre").eval().measure(noisy, generator(0, "measure"))["psnr_hole"]
    plain = [float(part.split()[1]) for part in score.note.split(", ")]
    assert score.floor == pytest.approx(max(plain), abs=0.01)
    assert max(plain) - min(plain) > 0.1


def test_a_pixel_of_the_small_picture_is_hidden_where_any_of_what_it_shows_is():
    model, mask, seen = small().eval(), torch.zeros(1, 1, 48, 48), []
    mask[..., 20, 20] = 1
    model._paint = lambda images, hidden: seen.append(hidden) or images
    model.translate(pictures(1, 48), mask=mask)
    assert seen[0].shape == (1, 1, 16, 16)
    assert seen[0][..., 6, 6] == 1
    assert set(seen[0].unique().tolist()) == {0, 1}


def test_each_player_has_its_own_learning_rate():
    judge, painter = small(lr=1e-3, judge_lr=1e-4).configure_optimizers()
    assert [player.param_groups[0]["lr"] for player in (judge, painter)] == [1e-4, 1e-3]


def test_a_mask_is_needed():
    with pytest.raises(ConfigError, match=r"fills holes: its verb is complete, with a --mask\."):
        small().translate(pictures())


def test_sides_that_cannot_be_halved():
    with pytest.raises(ConfigError, match=r"--data\.side 18 cannot be halved"):
        small(Schema(shape=(3, 18, 18)))
