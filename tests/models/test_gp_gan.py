"""GP-GAN: published sizes, what is pasted, losses, one step, any size."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from sfumato import runs
from sfumato.blending import painted
from sfumato.data.dataset import Batch
from sfumato.errors import ConfigError
from sfumato.imaging.gaussian_poisson import resized
from sfumato.io.images import from_bytes, read
from sfumato.models.gp_gan import GPGAN, RECIPES, Config
from sfumato.schema import Schema
from sfumato.testing import one_step

COLOUR = Schema(shape=(3, 16, 16))


def small(schema=COLOUR, **fields):
    torch.manual_seed(0)
    return GPGAN(Config(**{"width": 4, "latent": 8, **fields}), schema)


def pictures(count=4, side=16):
    rng = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, side, side, generator=rng) * 2 - 1


def count(part):
    return sum(p.numel() for p in part.parameters())


def test_the_published_network_has_so_many_parameters():
    """By hand: four halvings of 64 pixels to 512 maps, 4,000 numbers, and back."""
    maps, latent = [64, 128, 256, 512], 4000
    rungs = sum(16 * a * b + 2 * b for a, b in pairwise(maps))
    first = 16 * 3 * 64 + 64
    bottom = 16 * 512 * latent + latent + 2 * latent + 16 * latent * 512 + 2 * 512
    back = sum(16 * a * b + 2 * a for a, b in pairwise(maps)) + 16 * 64 * 3 + 3
    with torch.device("meta"):
        model = GPGAN(Config(), Schema(shape=(3, 64, 64)))
    assert count(model.generator) == first + rungs + bottom + back == 71_062_947
    assert count(model.discriminator) == first + rungs + 16 * 512 + 1
    with torch.device("meta"):
        laptop = GPGAN(RECIPES["laptop"].model, Schema(shape=(3, 64, 64)))
    assert count(laptop.generator) == 1_043_763


def test_a_part_of_a_picture_lies_under_another_light():
    model, whole = small(parts="centre"), pictures()
    found = model.given(Batch(image=whole))
    inside = torch.zeros(16, 16, dtype=torch.bool)
    inside[4:12, 4:12] = True
    assert torch.equal(found[..., ~inside], whole[..., ~inside])
    assert not torch.allclose(found[..., inside], whole[..., inside], atol=0.1)
    assert torch.equal(found, model.given(Batch(image=whole)))
    assert torch.equal(model.wanted(Batch(image=whole)), whole)
    lights = small()._lights(1000, torch.Generator().manual_seed(0))
    assert -1 <= lights.min() < -0.99 < 0.99 < lights.max() <= 1
    same = small(parts="centre", light=0.0).given(Batch(image=whole))
    torch.testing.assert_close(same, whole, atol=1e-5, rtol=0)


def test_losses_are_the_mean_squared_error_and_the_game():
    model = small(adversarial=0.5, reconstruction=2.0).eval()
    whole, painted = pictures(2), -pictures(2)
    fake, honest = model.judge(painted), model.judge(whole)
    want = 2 * (painted - whole).square().mean() + 0.5 * bce(fake, torch.ones_like(fake))
    torch.testing.assert_close(model._painter_loss(whole, painted), want)
    want = bce(honest, torch.ones_like(honest)) + bce(fake, torch.zeros_like(fake))
    torch.testing.assert_close(model._judge_loss(whole, painted), want)


@pytest.mark.parametrize("latent", [8, 0])
def test_after_a_step_each_player_is_closer_to_its_goal(latent):
    model = small(lr=1e-3, latent=latent, parts="centre")
    whole = pictures()
    pasted = model.given(Batch(image=whole))
    painted = model._paint(pasted).detach()
    judged = float(model._judge_loss(whole, painted).detach())
    far = float((painted - whole).square().mean())
    one_step(model, image=whole)
    assert float(model._judge_loss(whole, painted).detach()) < judged
    assert float((model._paint(pasted) - whole).square().mean().detach()) < far


PUBLISHED = Path(os.environ.get("SFUMATO_DATA", "nowhere")) / "blending_gp_gan"


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published pictures are not here")
@pytest.mark.parametrize(("number", "ours", "pasted"), [("740", 0.93, 0.96), ("1153", 0.98, 0.99)])
def test_beside_the_published_network(number, ours, pasted):
    """Not nearer to it than the pasted picture is: it learned other pairs (the page says so)."""

    def picture(name):
        path = PUBLISHED / "result_comparison" / f"{number}_{name}.png"
        return from_bytes(np.asarray(read(path, channels=3))[None])

    composite, want = (picture(x) for x in ("copy-paste", "poisson-gan-encoder"))
    small, given = resized(want, 64, 64).flatten(), resized(composite, 64, 64).flatten()
    made = painted(runs.load("gp_gan-photos"), composite).flatten()
    found = [float(np.corrcoef(x, small)[0, 1]) for x in (made, given)]
    assert found == pytest.approx([ours, pasted], abs=0.01)


def test_a_u_net_begins_near_what_it_is_given():
    model, images = small(latent=0).eval(), pictures()
    torch.testing.assert_close(model.translate(images), images, atol=0.3, rtol=0)


@pytest.mark.parametrize("size", [(16, 16), (40, 24), (5, 9)])
def test_any_size_is_painted(size):
    assert small().eval().translate(torch.zeros(1, 3, *size)).shape == (1, 3, *size)


def test_sides_that_cannot_be_halved():
    with pytest.raises(ConfigError, match=r"--data\.side 18 cannot be halved"):
        small(Schema(shape=(3, 18, 18)))
