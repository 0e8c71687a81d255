"""The classifier with one class more: its layers, its losses, what each player comes closer to."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy, softplus

from sfumato import data as sources
from sfumato.data import Source
from sfumato.data.dataset import Batch
from sfumato.errors import DataError
from sfumato.loop import Loop, Rules
from sfumato.models.semi_gan import RECIPES, Config, SemiGAN, _Grain, _WeightNormed
from sfumato.schema import UNKNOWN, Schema
from sfumato.testing import one_step

MNIST = Schema(shape=(1, 28, 28), classes=tuple("0123456789"))
SMALL = Schema(shape=(1, 4, 4), classes=("a", "b", "c"))
FEW = Config(latent=6, hidden=16, width=16, noise=0.0, inner_noise=0.0)


def count(part, *, trained=True):
    return sum(w.numel() for w in part.parameters() if w.requires_grad or not trained)


def pictures(count=48):
    return torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(3)) * 2 - 1


def settled(**fields):
    """A small model whose scales were set, as they are after the first batch."""
    model = SemiGAN(replace(FEW, **fields), SMALL)
    model._set_scales(pictures())
    return model


def test_parameter_counts_of_the_published_layers():
    """100-500-500-784 and 784-1000-500-250-250-250-10; two kinds of layers learn their scales."""
    model = SemiGAN(RECIPES["source"].model, MNIST)
    painter = (100 + 1) * 500 + (500 + 1) * 500 + (500 + 2) * 784
    hidden = 785 * 1000 + 1001 * 500 + 501 * 250 + 2 * 251 * 250
    assert count(model.painter) == painter == 694_568
    assert count(model.judging) == hidden == 1_536_250
    assert count(model.naming) == (250 + 2) * 10
    assert not [n for n, w in model.judging.named_parameters() if n.endswith("scale")]


def test_a_layer_answers_with_weights_of_the_length_it_was_given():
    layer, rows = _WeightNormed(5, 3, trained=True), torch.randn(7, 5)
    with torch.no_grad():
        layer.scale.copy_(torch.tensor([1.0, 2.0, 3.0]))
        layer.bias.copy_(torch.tensor([0.5, 0.0, -0.5]))
    long = layer.weight.norm(dim=1, keepdim=True)
    want = rows @ (layer.weight / long * layer.scale[:, None]).T + layer.bias
    torch.testing.assert_close(layer(rows), want)
    before = layer(rows)
    with torch.no_grad():
        layer.weight.mul_(7)
    torch.testing.assert_close(layer(rows), before)


def test_the_first_batch_sets_the_scales():
    model, images = SemiGAN(FEW, SMALL), pictures()
    one_step(model, image=images, label=torch.arange(48) % 3)
    fresh = settled()
    seen = (images + 1) / 2
    for layer in (*fresh.judging, *fresh.naming):
        seen = layer(seen)
        if isinstance(layer, _WeightNormed):
            torch.testing.assert_close(seen.mean(0), torch.zeros(seen.shape[1]), atol=1e-4, rtol=0)
            alive = seen.std(0, correction=0)
            torch.testing.assert_close(alive, torch.ones_like(alive), atol=1e-2, rtol=0)
    scales = [layer.scale for layer in model.judging if isinstance(layer, _WeightNormed)]
    wanted = [layer.scale for layer in fresh.judging if isinstance(layer, _WeightNormed)]
    assert all(scale.shape == want.shape for scale, want in zip(scales, wanted, strict=True))
    assert all(not torch.equal(scale, torch.ones_like(scale)) for scale in scales)


def test_the_losses_by_independent_formulas():
    """With the painted class as an eleventh logit of 0, by softmax over all of them."""
    model, real, label = settled(unlabelled=0.7), pictures(6), torch.tensor([0, 2])
    painted, named = pictures(12)[6:], pictures(2)
    last = torch.zeros(6, 1)

    def chances(images):
        return torch.cat([model.logits(images), last[: len(images)]], 1).log_softmax(1)

    is_real = -(1 - chances(real)[:, -1].exp()).log().mean()
    is_painted = -chances(painted)[:, -1].mean()
    want = 0.7 * (is_real + is_painted) / 2 + cross_entropy(model.logits(named), label)
    torch.testing.assert_close(model._classifier_loss(real, painted, named, label), want)
    unl, fake = model.judge(real), model.judge(painted)
    program = -0.5 * unl.mean() + 0.5 * softplus(unl).mean() + 0.5 * softplus(fake).mean()
    torch.testing.assert_close((is_real + is_painted) / 2, program)
    model.eval()
    hidden = [model.features(images).mean(0) for images in (real, painted)]
    want = (hidden[0] - hidden[1]).square().mean()
    torch.testing.assert_close(model._feature_matching(real, painted), want)


def test_one_step_moves_each_player_toward_its_own_goal():
    images = pictures()
    label = torch.where(torch.arange(48) < 24, torch.arange(48) % 3, UNKNOWN)
    model = settled(lr=1e-3)
    model.step = 1  # the scales are set
    old = deepcopy(model)
    for _ in range(20):
        one_step(model, image=images, label=label)
    known, z = label != UNKNOWN, old.prior(24, torch.Generator().manual_seed(5))
    painted = old.generate(z).detach()
    rows = (images[~known], painted, images[known], label[known])
    assert model._classifier_loss(*rows) < old._classifier_loss(*rows)
    mixed = deepcopy(model)
    mixed.painter.load_state_dict(old.painter.state_dict())
    for one in (model, mixed):
        one.train()
    missed = [one._feature_matching(images[~known], one.generate(z)) for one in (model, mixed)]
    assert missed[0] < missed[1]


def test_all_images_are_real_ones_where_every_label_is_known():
    model = settled()
    one_step(model, image=pictures(), label=torch.arange(48) % 3)
    assert all(torch.isfinite(weight).all() for weight in model.parameters())


def test_real_ones_are_those_whose_label_is_hidden_and_named_ones_are_no_others():
    """Askew where that is asked for."""
    label = torch.where(torch.arange(48) < 24, torch.arange(48) % 3, UNKNOWN)
    for jolt in (0.0, 0.3):
        model, seen = settled(jolt=jolt), []
        loss = model._classifier_loss
        model._classifier_loss = lambda *rows, seen=seen, loss=loss: (
            seen.append(rows) or loss(*rows)
        )
        model.step = 1
        one_step(model, image=pictures(), label=label)
        real, painted, named, names = seen[0]
        assert torch.equal(names, label[:24])
        assert len(real) == len(painted) == 24
        for found, want in ((real, pictures()[24:]), (named, pictures()[:24])):
            assert torch.equal(found, want) == (jolt == 0)


def test_the_programs_floor_below_the_root():
    """Adam's; with 1e-8 the painter is soon left behind."""
    assert [
        group["eps"] for o in settled().configure_optimizers() for group in o.param_groups
    ] == [
        1e-4,
        1e-4,
    ]


def test_without_its_weight_unnamed_images_teach_the_classifier_nothing():
    model, label = settled(unlabelled=0.0), torch.tensor([0, 1])
    one, other = pictures(12)[:6], pictures(12)[6:]
    losses = [model._classifier_loss(real, real, pictures(2), label) for real in (one, other)]
    torch.testing.assert_close(*losses)


def test_its_verdict_is_how_much_any_class_is_likelier_than_the_painted_one():
    model, images = settled().eval(), pictures(5)
    share = torch.cat([model.logits(images), torch.zeros(5, 1)], 1).softmax(1)[:, :3].sum(1)
    torch.testing.assert_close(model.judge(images).sigmoid(), share)


def test_noise_is_for_training_alone():
    model, images = settled(noise=0.3, inner_noise=0.5), pictures(4)
    assert not torch.equal(model.train().logits(images), model.logits(images))
    assert torch.equal(model.eval().logits(images), model.logits(images))
    grains = [layer for layer in (*model.judging, *model.naming) if isinstance(layer, _Grain)]
    found = [float(layer.train()(torch.zeros(100, 100)).std()) for layer in grains]
    assert found == pytest.approx([0.3] + [0.5] * 5, rel=0.05)


def test_error_counts_wrong_names():
    data = sources.open(Source(name="digits"))
    model = SemiGAN(replace(FEW, latent=4), data.schema).eval()
    score = model.measure(data, torch.Generator())["error"]
    answers = model.logits(data.batch(torch.arange(len(data))).image).argmax(1)
    wrong = (answers != torch.from_numpy(data.columns["label"])).float().mean()
    assert score.value == pytest.approx(float(wrong))
    assert (score.n, score.better, score.ceiling) == (len(data), "lower", 0)


def test_data_without_labels_are_refused():
    with pytest.raises(DataError, match="semi_gan needs labels, and this data has none"):
        SemiGAN(FEW, Schema(shape=(1, 4, 4)))


def test_scales_are_set_once_and_the_bundle_knows():
    model = settled()
    other = SemiGAN(FEW, SMALL)
    other.load_state_dict(model.state_dict())
    before = deepcopy([*other.judging.buffers()])
    one_step(other, image=pictures(), label=torch.arange(48) % 3)
    assert all(torch.equal(a, b) for a, b in zip(before, other.judging.buffers(), strict=True))


@pytest.mark.parametrize("unnamed", [0, 1, 4, 7])
def test_a_batch_may_be_cut_whoever_is_named(unnamed):
    model, label = SemiGAN(FEW, SMALL), torch.arange(48) % 3
    label[:unnamed] = UNKNOWN
    model.rules = Rules(accumulate=3)
    one_step(model, image=pictures(), label=label)
    assert all(loss.isfinite() for loss in model.told.values())


def test_scales_are_those_of_the_first_process():
    model, images = SemiGAN(FEW, SMALL), pictures()
    model.loop = type("Told", (Loop,), {"of_the_first": lambda self, value: value + 1})()
    alone = deepcopy(model)
    alone.loop = Loop()
    for one in (alone, model):
        one._set_scales(images)
    ours, theirs = (next(one.judging.buffers()) for one in (model, alone))
    torch.testing.assert_close(ours, theirs + 1)


def test_scales_are_of_the_whole_batch_whatever_the_share():
    """So that they do not depend on how many processes share it."""
    images, label = pictures(), torch.arange(48) % 3
    model = SemiGAN(FEW, SMALL)
    whole = deepcopy(model)
    whole._set_scales(images)
    kind = type("Half", (Loop,), {"gather": lambda self, rows: images})
    model.loop = kind(model.configure_optimizers())
    model.begin(seed=0, step=0)
    model.training_step(Batch(image=images[::2], label=label[::2]), 0)
    assert model.settled
    torch.testing.assert_close(*(next(one.judging.buffers()) for one in (model, whole)))
