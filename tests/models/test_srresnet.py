"""SRResNet: the paper's size, what is harmed is undone, one step, bad input."""

import pytest
import torch
from torch.nn.functional import conv2d, pad, pixel_shuffle

from sfumato.errors import ConfigError, DataError
from sfumato.imaging.degradation import blurred, compressed
from sfumato.io.images import rounded
from sfumato.models.srresnet import LAPTOP, Config, SRResNet
from sfumato.nn.resize import enlarge, shrink
from sfumato.nn.subpixel import folded
from sfumato.schema import Schema
from sfumato.testing import one_step

COLOUR = Schema(shape=(3, 24, 24))
CHANCES = torch.rand(2, 2, generator=torch.Generator().manual_seed(3))


def small(schema=COLOUR, **fields):
    torch.manual_seed(0)
    plain = {"scale": 2, "width": 8, "blocks": 2, "kernel": 3, "norm": "none"}
    return SRResNet(Config(**{**plain, **fields}), schema)


def test_momentum_is_as_asked():
    [group] = small(beta1=0.7).configure_optimizers().param_groups
    assert group["betas"] == (0.7, 0.999)


def test_the_paper_has_so_many_parameters():
    """Counted by hand from figure 4: 64 maps, 16 blocks, two doublings, PReLU of one slope."""
    conv3, norm = 64 * 64 * 9 + 64, 2 * 64
    head, tail = 3 * 64 * 81 + 64 + 1, 64 * 3 * 81 + 3
    block, doubling = 2 * (conv3 + norm) + 1, 64 * 256 * 9 + 256 + 1
    want = head + 16 * block + conv3 + norm + 2 * doubling + tail
    model = SRResNet(Config(), Schema(shape=(3, 96, 96)))
    assert sum(p.numel() for p in model.parameters()) == want == 1_549_462


@pytest.mark.parametrize("scale", [2, 4])
def test_it_begins_as_the_bicubic_picture(scale):
    model = small(scale=scale, base="bicubic").eval()
    images = torch.rand(2, 3, 6, 9) * 2 - 1
    torch.testing.assert_close(model.translate(images), enlarge(images, scale).clamp(-1, 1))


def test_any_size_is_enlarged():
    model = small(scale=4).eval()
    for height, width in ((1, 1), (5, 31), (40, 3)):
        assert model.translate(torch.zeros(1, 3, height, width)).shape[2:] == (
            4 * height,
            4 * width,
        )


@pytest.mark.parametrize("shuffles", ["once", "doublings"])
def test_folded_pixels_are_what_a_strided_kernel_sees(shuffles):
    """A convolution of squares of side 2 is one of pixels, with stride 2 and twice the kernel."""
    model = small(scale=1, blur=1.0, fold=2, kernel=3, shuffles=shuffles).eval()
    images = torch.rand(2, 3, 8, 10) * 2 - 1
    first = model.generator.head[0]
    kernel = pixel_shuffle(first.weight, 2)
    want = conv2d(images, kernel, first.bias, stride=2, padding=2)
    torch.testing.assert_close(first(folded(images, 2)), want, atol=1e-5, rtol=1e-5)
    assert model.translate(images).shape == images.shape


def test_the_last_squares_are_filled_up_with_the_edge():
    images = torch.rand(1, 3, 5, 3)
    filled = pad(images, (0, 1, 0, 3), mode="replicate")
    assert torch.equal(folded(images, 4), folded(filled, 4))
    assert torch.equal(pixel_shuffle(folded(images, 4), 4), filled)


@pytest.mark.parametrize("fold", [1, 2, 4])
def test_what_is_drawn_depends_on_no_more_than_its_reach(fold):
    """And any size is repaired: the last squares are filled up."""
    model = small(scale=1, blur=1.0, fold=fold, blocks=1, shuffles="once").eval()
    images = torch.rand(1, 3, 6 * model.reach + 3, 7) * 2 - 1
    changed = images.clone()
    at = 2 * model.reach
    changed[:, :, at] = 1 - changed[:, :, at]
    moved = (model.translate(images) - model.translate(changed)).abs().amax((0, 1, 3)) > 1e-6
    assert moved.shape == images.shape[2:3]
    rows = moved.nonzero().flatten()
    assert at in rows
    assert int((rows - at).abs().max()) <= model.reach


def test_what_is_learned_from_is_eight_bits_and_repeats():
    images = torch.rand(2, 3, 24, 24) * 2 - 1
    for fields in ({}, {"scale": 1, "worst": 5, "best": 60}, {"scale": 2, "blur": 3.0}):
        model = small(**fields)
        one, two = (model.degrade(images, CHANCES) for _ in range(2))
        assert torch.equal(one, two)
        assert one.shape[2] == 24 // model.scale
        levels = (one + 1) * 127.5
        torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    torch.testing.assert_close(
        small().degrade(images, CHANCES), shrink(images, 2), atol=1 / 255, rtol=0
    )


def test_the_faintest_blur_is_a_quarter_and_qualities_go_from_worst_to_best():
    images, ends = torch.rand(2, 3, 24, 24) * 2 - 1, torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    model = small(scale=1, blur=2.0, worst=20, best=80)
    want = compressed(rounded(blurred(images, torch.tensor([0.5, 2.0]))), torch.tensor([20, 80]))
    torch.testing.assert_close(model.degrade(images, ends), want)


@pytest.mark.parametrize("loss", ["squared", "absolute"])
def test_loss_is_the_mean_over_pixels(loss):
    model = small(loss=loss).eval()
    sharp = torch.rand(2, 3, 24, 24) * 2 - 1
    few = model.degrade(sharp, torch.rand(len(sharp), 2))
    off = model.generator(few) - sharp
    want = off.square().mean() if loss == "squared" else off.abs().mean()
    torch.testing.assert_close(model._loss(few, sharp), want)


def test_a_step_brings_the_image_closer():
    model = small(base="bicubic", lr=1e-3)
    sharp = torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(1)) * 2 - 1
    few = model.degrade(sharp, torch.rand(len(sharp), 2))
    before = float(model._loss(few, sharp).detach())
    one_step(model, image=sharp)
    assert float(model._loss(few, sharp).detach()) < before


def test_turned_images_are_the_same_on_their_sides_evenly():
    model, image = small(turn=True), torch.rand(3, 24, 24)
    found = model._turned(image.expand(800, -1, -1, -1))
    turns = torch.stack([torch.rot90(image, quarters, (1, 2)) for quarters in range(4)])
    which = (found[:, None] == turns).flatten(2).all(2)
    assert which.sum(1).tolist() == [1] * 800
    assert which.sum(0).min() > 150


def test_images_that_are_not_square_are_turned_by_halves():
    model = small(Schema(shape=(3, 16, 24)), turn=True)
    image = torch.rand(3, 16, 24)
    found = model._turned(image.expand(400, -1, -1, -1))
    upright, turned = ((found == one).flatten(1).all(1) for one in (image, image.flip(1, 2)))
    assert (upright ^ turned).all()
    assert 150 < upright.sum() < 250


def test_the_learning_rate_falls_along_half_a_cosine():
    model = small(decay_steps=10)
    shares = [1, 0.01 + 0.99 / 2, 0.01]
    assert [model.pace(step) for step in (0, 5, 99)] == pytest.approx(shares)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"scale": 1}, "--model.scale 1 leaves nothing to do; ask for --model.blur or"),
        ({"worst": 60, "best": 50}, "--model.worst must be at most --model.best; got 60, 50."),
    ],
)
def test_impossible_settings(fields, words):
    with pytest.raises(ConfigError) as caught:
        small(**fields)
    assert str(caught.value).startswith(words)


def test_sides_that_do_not_divide():
    with pytest.raises(DataError, match=r"not from 26x26; try --data.side 24\."):
        small(Schema(shape=(3, 26, 26)), scale=4)


def test_the_laptop_network_is_small():
    model = SRResNet(LAPTOP, Schema(shape=(3, 96, 96)))
    assert sum(p.numel() for p in model.parameters()) < 600_000
