from copy import deepcopy
from itertools import pairwise
from math import log

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Normal
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from sfumato.data import Source
from sfumato.data.dataset import Dataset
from sfumato.errors import ConfigError
from sfumato.models.infogan import LOOK, RECIPES, Config, InfoGAN
from sfumato.schema import Schema
from sfumato.testing import one_step

DIGITS = tuple("0123456789")
MNIST = Schema(shape=(1, 28, 28), classes=DIGITS)
SMALL = Schema(shape=(1, 8, 8), classes=("a", "b", "c"))


def small(schema=SMALL, **fields):
    sizes = {"noise": 4, "categories": 3, "width": 4, "hidden": 16, "reader": 8}
    return InfoGAN(Config(**{**sizes, **fields}), schema)


def count(net):
    return sum(weight.numel() for weight in net.parameters())


def parts(model, latents):
    c = model.config
    return latents.split([c.noise, c.categories, c.codes], 1)


def unread(model, images, latents):
    """-log Q(c | image), by torch's own distributions."""
    scores, mean, deviation = model.read(images)
    _, category, codes = parts(model, latents)
    likely = Categorical(logits=scores).log_prob(category.argmax(1))
    return -(likely + Normal(mean, deviation).log_prob(codes).sum(1)).mean()


def wrong(real, fake):
    bce = binary_cross_entropy_with_logits
    return bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))


# ------------------------------------------------------------------ the networks


def test_parameter_count_of_the_papers_layout():
    """Appendix C.1, table 1; two values per normalised unit or map, no bias before a norm."""
    with torch.device("meta"):
        model = InfoGAN(RECIPES["source"].model, MNIST)
    dense = 74 * 1024 + 1024 * 6272
    kernels = 16 * (128 * 64 + 64 * 1)
    assert count(model.generator) == dense + kernels + 2 * (1024 + 128 + 64) + 1 == 6_632_833
    kernels, dense = 16 * (1 * 64 + 64 * 128), 6272 * 1024
    assert count(model.discriminator) == kernels + 64 + dense + 2 * (128 + 1024) == 6_556_992
    assert count(model.verdict) == 1024 + 1
    assert count(model.reader) == 1024 * 128 + 2 * 128 + 128 * 12 + 12 == 132_876


def test_the_source_recipe_has_the_stated_numbers():
    c, recipe = RECIPES["source"].model, RECIPES["source"]
    assert (c.noise, c.categories, c.codes) == (62, 10, 2)
    assert (c.information, c.codes_weight) == (1, 1)
    assert (c.penalty, c.penalty_weight) == ("wgan_gp", 1)
    assert (c.lr, c.judge_lr, c.beta1) == (1e-3, 2e-4, 0.5)
    assert (recipe.data, recipe.batch) == (Source(name="mnist"), 128)


def test_verdict_and_reader_share_all_but_their_own_layers():
    model, images = small().eval(), torch.rand(5, 1, 8, 8) * 2 - 1
    seen = model.features(images)
    torch.testing.assert_close(model.judge(images), model.verdict(seen)[:, 0])
    scores, mean, _ = model.read(images)
    torch.testing.assert_close(torch.cat([scores, mean], 1), model.reader(seen))


def test_the_deviation_of_a_code_is_one_or_read_from_the_image():
    images = torch.rand(5, 1, 8, 8) * 2 - 1
    fixed, learned = small(), small(deviation="learned")
    assert fixed.read(images)[2].tolist() == [[1, 1]] * 5
    logs = learned.reader(learned.features(images))[:, 5:]
    torch.testing.assert_close(learned.eval().read(images)[2].shape, logs.shape)
    seen = learned.reader(learned.features(images))
    torch.testing.assert_close(learned.read(images)[2], seen[:, 5:].exp())


def test_the_initialisation():
    model = InfoGAN(Config(), MNIST)
    for name, weight in model.named_parameters():
        if weight.numel() > 10_000:
            assert weight.std().item() == pytest.approx(0.02, rel=0.1), name


def test_other_sides_are_answered_with_the_nearest_that_work():
    with pytest.raises(ConfigError, match=r"--data.side 30 cannot be halved.*try 28 or 32"):
        InfoGAN(Config(), Schema(shape=(1, 30, 30)))


def test_one_category_tells_nothing_and_is_refused():
    with pytest.raises(ConfigError, match=r"--model.categories must be greater.* 2, not 1"):
        small(categories=1)


# ------------------------------------------------------------------ the latents


def test_latents_are_noise_then_a_category_then_codes():
    model = small(noise=6)
    noise, category, codes = parts(model, model.prior(4000, torch.Generator().manual_seed(1)))
    assert (noise.mean().item(), noise.std().item()) == pytest.approx((0, 1), abs=0.03)
    assert category.sum(1).tolist() == [1] * 4000
    assert category.mean(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.03)
    assert -1 <= codes.min() < -0.99
    assert 0.99 < codes.max() <= 1
    assert codes.var(0).tolist() == pytest.approx([1 / 3] * 2, abs=0.02)
    assert model.normal == slice(0, 6)


def test_the_axes_are_the_codes():
    category, *codes = small(noise=6).axes
    assert (category.name, category.first, category.width) == ("category", 6, 3)
    assert [(axis.name, axis.first, axis.width) for axis in codes] == [
        ("code1", 9, 1),
        ("code2", 10, 1),
    ]


def test_labels_cannot_be_asked_for():
    with pytest.raises(ConfigError, match="label"):
        small().sample(3, seed=0, label=1)


# ------------------------------------------------------------------ learning


@pytest.mark.parametrize("deviation", ["fixed", "learned"])
def test_losses_against_torchs_distributions(deviation):
    fields = {"information": 0.7, "penalty": "wgan_gp", "penalty_weight": 0.3}
    model = small(deviation=deviation, **fields).eval()
    real, latents = torch.rand(6, 1, 8, 8) * 2 - 1, model.prior(6)
    points = torch.rand(6, 65)
    fake = model.generate(latents).detach()
    share = points[:, :1, None, None]
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slopes,) = torch.autograd.grad(model.judge(between).sum(), between)
    steep = ((slopes.flatten(1).square().sum(1) + 1e-10).sqrt() - 1).square().mean()
    told = 0.7 * unread(model, fake, latents)
    want = wrong(model.judge(real), model.judge(fake)) + 0.3 * steep + told
    torch.testing.assert_close(model._judge_loss(real, fake, latents, points), want)
    verdict = model.judge(fake)
    painter = binary_cross_entropy_with_logits(verdict, torch.ones(6)) + told
    torch.testing.assert_close(model._painter_loss(fake, latents), painter)


def test_the_codes_have_a_share_of_their_own():
    model = small(codes_weight=0.25).eval()
    latents = model.prior(6)
    seen = model.features(model.generate(latents))
    whole, none = deepcopy(model), deepcopy(model)
    whole.config, none.config = (small(codes_weight=w).config for w in (1.0, 0.0))
    mixed = 0.25 * whole._unread(seen, latents) + 0.75 * none._unread(seen, latents)
    torch.testing.assert_close(model._unread(seen, latents), mixed)


def test_one_step_moves_each_player_toward_its_own_goal():
    """The judge tells real from painted and reads better; the painter is believed and read."""
    model = small(lr=1e-2, judge_lr=1e-2, penalty="none")
    old = deepcopy(model)
    real = torch.rand(64, 1, 8, 8) * 2 - 1
    one_step(model, image=real)
    latents = old.prior(64, torch.Generator().manual_seed(3))
    with torch.no_grad():
        before, after = old.generate(latents), model.generate(latents)
        judged = wrong(model.judge(real), model.judge(before)) + unread(model, before, latents)
        assert judged < wrong(old.judge(real), old.judge(before)) + unread(old, before, latents)
        ones = torch.ones(64)
        pleased, was = (
            binary_cross_entropy_with_logits(model.judge(fake), ones)
            + unread(model, fake, latents)
            for fake in (after, before)
        )
        assert pleased < was


# ------------------------------------------------------------------ naming the categories


def test_categories_take_the_names_of_the_classes_seen_in_them():
    model, images = small(), torch.zeros(200, 1, 8, 8)
    labels = torch.tensor([2, 0, 1, 1]).repeat(50)
    scores = 20.0 * one_hot(torch.tensor([0, 1, 2, 2]).repeat(50), 3)
    model.read = lambda images: (scores, None, None)
    torch.testing.assert_close(model.logits(images).exp(), torch.full((200, 3), 1 / 3))
    for _ in range(3):
        model._look(images, labels)
    assert model.logits(images).argmax(1).tolist() == labels.tolist()
    torch.testing.assert_close(model.logits(images).exp().sum(1), torch.ones(200))


def test_a_class_of_two_categories_is_named_by_either():
    model = small(categories=3, schema=Schema(shape=(1, 8, 8), classes=("a", "b")))
    codes = torch.tensor([0, 1, 2, 2])
    scores = 20.0 * one_hot(codes, 3)
    model.read, images = lambda images: (scores, None, None), torch.zeros(4, 1, 8, 8)
    model._look(images, torch.tensor([0, 0, 1, 1]))
    assert model.logits(images).argmax(1).tolist() == [0, 0, 1, 1]


def test_without_classes_the_categories_are_the_answer():
    model = small(schema=Schema(shape=(1, 8, 8))).eval()
    images = torch.rand(4, 1, 8, 8) * 2 - 1
    torch.testing.assert_close(model.logits(images), model.read(images)[0].log_softmax(1))


def test_naming_teaches_nothing():
    """Two models that saw the same pictures under different labels have the same weights."""
    real = torch.rand(8, 1, 8, 8) * 2 - 1
    one = small()
    other = deepcopy(one)
    for model, labels in ((one, torch.zeros(8).long()), (other, torch.arange(8) % 3)):
        model.begin = lambda seed=0, step=0, model=model: None
        model.step = LOOK - 1
        torch.manual_seed(0)
        one_step(model, image=real, label=labels)
        assert model.naming.met.sum() == 8
    assert not torch.equal(one.naming.met, other.naming.met)
    for name, weight in one.named_parameters():
        assert torch.equal(weight, other.get_parameter(name)), name


def test_a_look_leaves_mode_and_statistics_alone():
    model = small().train()
    before = {name: kept.clone() for name, kept in model.named_buffers() if "running" in name}
    model._look(torch.rand(8, 1, 8, 8) * 2 - 1, torch.arange(8) % 3)
    assert before
    assert all(torch.equal(model.get_buffer(name), kept) for name, kept in before.items())
    assert model.training


# ------------------------------------------------------------------ what measure says


def labelled(labels):
    pictures = np.zeros((len(labels), 8, 8, 1), dtype=np.uint8)
    columns = {"image": pictures, "label": np.asarray(labels)}
    return Dataset(name="test", schema=SMALL, columns=columns)


def test_the_code_error_does_not_mind_the_order_of_the_categories():
    """Of 80 a's and 20 b's, ten a's are read as b's; always saying a would miss 20."""
    labels = [0] * 80 + [1] * 20
    read = torch.tensor([2] * 70 + [0] * 30)
    model = small()
    model.read = lambda images: (one_hot(read, 3).float(), None, None)
    score = model._matched(labelled(labels))["code_error"]
    assert (score.value, score.floor) == pytest.approx((0.1, 0.2))
    assert (score.ceiling, score.n, score.better) == (0, 100, "lower")


def test_information_is_that_of_a_channel_whose_rate_is_known():
    """A category read right 9 times in 10; codes read with Gaussian misses of 0.1 and of 0.5."""
    model = small()
    latents = model.prior(4000, torch.Generator().manual_seed(0))
    _, category, codes = parts(model, latents)
    noise = torch.randn(4000, 2, generator=torch.Generator().manual_seed(1))
    sure = torch.tensor([0.9, 0.05, 0.05]).log()
    scores = torch.stack([sure.roll(int(k)) for k in category.argmax(1)])
    scores[::10] = scores[::10].roll(1, 1)
    reading = (scores, codes + noise * torch.tensor([0.1, 0.5]), None)
    rows = iter(range(0, 4000, 500))

    def read(images):
        start = next(rows)
        return tuple(part if part is None else part[start : start + 500] for part in reading)

    model.read = read
    found = model._told(latents, torch.zeros(4000, 1, 8, 8))
    right = log(3) + 0.9 * log(0.9) + 0.1 * log(0.05)
    assert found["category_information"].value == pytest.approx(right, abs=1e-4)
    assert found["category_information"].ceiling == pytest.approx(log(3))
    widths = torch.tensor([0.1, 0.5])
    codes_told = (log(2) - Normal(0, widths).entropy()).tolist()
    assert found["information"].value == pytest.approx(right + sum(codes_told), abs=0.05)
    assert found["information"].note.startswith(f"category {right:.2f}, code1 1.")


def test_what_a_code_moves_is_measured():
    """A painter of bars: code1 makes them thick, hence broad, code2 leans them.

    The category moves them to the side and makes them longer, which must not count.
    """
    model = small(schema=Schema(shape=(1, 20, 20)))
    latents = model.prior(600, torch.Generator().manual_seed(0))
    _, category, codes = parts(model, latents)
    y, x = (torch.arange(20.0) - 9.5)[:, None], (torch.arange(20.0) - 9.5)[None]
    centre = category.argmax(1)[:, None, None] - 1.0
    off = x - centre + (0.4 * codes[:, 1, None, None]) * y
    ink = (2 + codes[:, 0, None, None] - off.abs() + 0.5).clamp(0, 1) * (y.abs() < 6 + centre)
    found = model._moved(latents, 2 * ink[:, None] - 1)
    assert set(found) == {"code1", "code2"}
    for name, slant, thickness in (("code1", 0, 1), ("code2", 1, 0)):
        told = dict(part.split(" ") for part in found[name].note.split(", "))
        assert [float(told["slant"]), float(told["thickness"])] == pytest.approx(
            [slant, thickness], abs=0.1
        )
        assert found[name].value > 0.95
    assert max(score.floor for score in found.values()) < 0.1
    assert {score.ceiling for score in found.values()} == {1.0}


def test_measure_of_an_untrained_model_is_near_its_floor():
    data = labelled([0, 1, 2] * 20)
    found = small().eval().measure(data, torch.Generator().manual_seed(0))
    assert set(found) == {
        "information",
        "category_information",
        "code1",
        "code2",
        "code_error",
    }
    assert found["category_information"].value == pytest.approx(0, abs=0.1)
    assert found["code_error"].value == pytest.approx(2 / 3, abs=0.01)
    nameless = small(schema=Schema(shape=(3, 8, 8))).eval()
    colour = Dataset(
        name="colour", schema=nameless.schema, columns={"image": np.zeros((9, 8, 8, 3), np.uint8)}
    )
    told = nameless.measure(colour, torch.Generator().manual_seed(0))
    assert set(told) == {"information", "category_information"}


def test_kernels_are_divisible_by_strides_so_that_no_checkerboard_follows():
    with torch.device("meta"):
        model = InfoGAN(Config(), MNIST)
    ladder = [layer for layer in model.generator if hasattr(layer, "stride")]
    assert [layer.kernel_size[0] % layer.stride[0] for layer in ladder] == [0, 0]
    widths = [layer.in_channels for layer in ladder] + [ladder[-1].out_channels]
    assert list(pairwise(widths)) == [(128, 64), (64, 1)]
