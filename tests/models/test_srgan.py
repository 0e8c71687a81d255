"""SRGAN: the paper's sizes, losses by another formula, one step, what it starts from."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import Conv2d
from torch.nn.functional import binary_cross_entropy_with_logits as bce

import sfumato
from sfumato import runs
from sfumato.data.dataset import Batch
from sfumato.data.photos import photo
from sfumato.errors import ConfigError, DataError, UnknownName
from sfumato.io.images import from_bytes, rounded
from sfumato.metrics.distortion import psnr
from sfumato.metrics.sharpness import sharpness
from sfumato.models.srgan import LAPTOP, RECIPES, SRGAN, Config
from sfumato.nn.perceptual import known
from sfumato.nn.resize import enlarge, shrink
from sfumato.schema import Schema
from sfumato.testing import one_step

COLOUR = Schema(shape=(3, 32, 32))


def small(schema=COLOUR, **fields):
    torch.manual_seed(0)
    plain = {"scale": 2, "width": 8, "blocks": 2, "kernel": 3, "norm": "none", "base": "bicubic"}
    plain |= {"judge_width": 4, "verdict": "places", "network": "embedded", "layers": "stage2"}
    return SRGAN(Config(**{**plain, **fields}), schema)


def images(seed=1, count=4, side=32):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def count(part):
    return sum(p.numel() for p in part.parameters())


def test_the_paper_has_so_many_parameters():
    """By hand from figure 4, at 96 pixels: eight convolutions, 1024 units, one."""
    maps = [3, 64, 64, 128, 128, 256, 256, 512, 512]
    convolutions = sum(9 * a * b + b for a, b in pairwise(maps))
    norms = 2 * sum(maps[2:])
    dense = 6 * 6 * 512 * 1024 + 1024 + 1024 + 1
    with torch.device("meta"):
        model = SRGAN(Config(), Schema(shape=(3, 96, 96)))
    assert count(model.discriminator) == convolutions + norms + dense == 23_565_505
    assert count(model.generator) == 1_549_462


def test_a_judge_of_places_takes_any_side():
    model = small().eval()
    for side in (16, 40):
        assert model.judge(images(side=side)).shape == (4,)
        assert model.features(images(side=side)).shape == (4, 32)
    verdicts = model.discriminator(images())
    assert verdicts.shape == (4, 1, 2, 2)
    torch.testing.assert_close(model.judge(images()), verdicts.mean((1, 2, 3)))


def test_every_other_convolution_of_the_judge_halves():
    """Figure 4: k3n64s1, k3n64s2, k3n128s1, ..."""
    convolutions = [layer for layer in small().discriminator[0] if isinstance(layer, Conv2d)]
    assert [layer.stride[0] for layer in convolutions] == [1, 2] * 4
    assert [layer.out_channels for layer in convolutions] == [4, 4, 8, 8, 16, 16, 32, 32]


def test_its_features_are_the_mean_over_places():
    model = small().eval()
    maps = model.discriminator[0](images())
    torch.testing.assert_close(model.features(images()), maps.flatten(2).mean(2))


def test_what_is_enlarged_is_what_a_file_of_the_small_picture_holds():
    found = small().given(Batch(image=images()))
    torch.testing.assert_close(found, rounded(shrink(images(), 2)))
    assert torch.equal(found, rounded(found))


def test_a_dense_judge_has_one_verdict():
    model = small(verdict="dense").eval()
    assert model.discriminator(images()).shape == (4, 1)
    torch.testing.assert_close(model.judge(images()), model.discriminator(images())[:, 0])


def test_the_painters_loss_by_its_three_parts():
    model = small(adversarial=0.3, content=0.7, pixel=0.2, layers="stage1, stage3").eval()
    sharp, painted = images(1), images(2)
    network = known("embedded", torch.device("cpu"))
    ours, theirs = (network(x, ["stage1", "stage3"]) for x in (painted, sharp))
    content = sum((ours[name] - theirs[name]).square().mean() for name in ours)
    fake = model.discriminator(painted)
    want = 0.3 * bce(fake, torch.ones_like(fake)) + 0.7 * content
    want = want + 0.2 * (painted - sharp).abs().mean()
    torch.testing.assert_close(model._painter_loss(sharp, painted), want)


def test_the_judges_loss_is_cross_entropy():
    model = small().eval()
    real, fake = (model.discriminator(x) for x in (images(1), images(2)))
    want = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    torch.testing.assert_close(model._judge_loss(images(1), images(2)), want)


def test_a_step_brings_each_player_closer_to_its_goal():
    model = small(lr=1e-3, adversarial=0.1)
    sharp = images()
    few = torch.nn.functional.avg_pool2d(sharp, 2)

    def losses():
        painted = model.generator(few)
        return [
            float(loss.detach())
            for loss in (
                model._judge_loss(sharp, painted.detach()),
                model._content(sharp, painted),
            )
        ]

    before = losses()
    for _ in range(5):
        one_step(model, image=sharp)
    after = losses()
    assert after[0] < before[0]
    assert after[1] < before[1]


def test_the_learning_rate_drops_once():
    model = small(drop_steps=10)
    assert [model.pace(step) for step in (0, 9, 10, 99)] == [1, 1, 0.1, 0.1]


def test_the_published_schedule():
    recipe = RECIPES["source"]
    assert (recipe.steps, recipe.batch, recipe.model.drop_steps) == (200_000, 16, 100_000)
    assert (recipe.model.lr, recipe.model.adversarial) == (1e-4, 1e-3)
    assert recipe.model.content == pytest.approx(1 / 12.75**2, abs=2e-4)


def test_the_laptop_net_is_the_shipped_srresnet():
    """It starts from it, weight for weight, and paints what it paints."""
    shipped, model = runs.load("srresnet-x4"), SRGAN(LAPTOP, Schema(shape=(3, 96, 96))).eval()
    own = model.generator.state_dict()
    given = shipped.generator.state_dict()
    assert {name: w.shape for name, w in own.items()} == {n: w.shape for n, w in given.items()}
    model.generator.load_state_dict(given)
    few = images(side=8)
    torch.testing.assert_close(model.translate(few), shipped.translate(few))
    assert count(model) < 700_000


def test_it_begins_as_the_bicubic_picture():
    model = small().eval()
    torch.testing.assert_close(model.translate(images()), enlarge(images(), 2).clamp(-1, 1))


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"layers": "stage9"}, UnknownName, "embedded has no layer 'stage9'"),
        ({"network": "vgg19", "layers": "stage2"}, UnknownName, "vgg19 has no layer 'stage2'"),
        ({"content": 0, "pixel": 0}, ConfigError, "--model.content 0 and --model.pixel 0 leave"),
    ],
)
def test_impossible_settings(fields, error, words):
    with pytest.raises(error) as caught:
        small(**fields)
    assert words in str(caught.value)


def test_sides_that_do_not_divide():
    with pytest.raises(DataError, match=r"srgan at scale 4 .* not from 26x26; try --data.side 24"):
        small(Schema(shape=(3, 26, 26)), scale=4)


def test_the_shipped_weights_enlarge_what_they_are_given():
    """Sharper than the picture that SRResNet makes, and not far from it."""
    picture = photo("coffee").resize((48, 32))
    soft, sharp = (
        from_bytes(np.asarray(sfumato.upscale(picture, scale=4, method=name))[None])
        for name in ("srresnet", "srgan")
    )
    assert sharp.shape == (1, 3, 128, 192)
    assert float(sharpness(sharp)) > float(sharpness(soft))
    assert float(psnr(sharp, soft)) > 20
