from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from sfumato import data as sources
from sfumato.capabilities import demand, interfaces
from sfumato.data import Source
from sfumato.errors import ConfigError, DataError
from sfumato.losses.adversarial import discriminator_loss, generator_loss
from sfumato.models.aae import AAE, RECIPES, Config
from sfumato.schema import Schema
from sfumato.testing import one_step

MNIST = Schema(shape=(1, 28, 28), classes=tuple("0123456789"))
SMALL = Schema(shape=(1, 4, 4), classes=("a", "b", "c"))
FEW = Config(latent=2, hidden=16, depth=1, judge=16, dropout=0.0, clusters=5)
EVERY = {"lr": 1e-2, "judge_lr": 1e-2, "encoder_lr": 1e-2}


def count(*parts):
    return sum(weight.numel() for part in parts for weight in part.parameters())


def made(task, schema=SMALL, **fields):
    return AAE(replace(FEW, task=task, **fields), schema)


def pictures(count=64):
    return torch.rand(count, 1, 4, 4) * 2 - 1


def test_parameter_count_of_the_sources_layout():
    """784, 392, 392, 10 and its mirror image; a judge of 10, 1500, 1500, 1."""
    model = AAE(RECIPES["source"].model, MNIST)
    encoder = 784 * 392 + 392 + 392 * 392 + 392 + 392 * 10 + 10
    decoder = 10 * 392 + 392 + 392 * 392 + 392 + 392 * 784 + 784
    assert count(model.encoder, model.style) == encoder == 465_706
    assert count(model.decoder) == decoder == 466_480
    assert count(model.style_judge) == 11 * 1500 + 1501 * 1500 + 1501 == 2_269_501
    silenced = [layer.p for layer in model.modules() if type(layer).__name__ == "Dropout"]
    assert silenced == [0.2] * 4


def test_parameter_count_of_the_naming_layout():
    """Two hidden layers of 1000 everywhere, heads for style and label, a judge for each."""
    model = AAE(replace(RECIPES["paper"].model, norm=False), MNIST)
    encoder = 785 * 1000 + 1001 * 1000
    assert count(model.encoder) == encoder
    assert (count(model.style), count(model.kind)) == (1001 * 10, 1001 * 10)
    assert count(model.decoder) == 21 * 1000 + 1001 * 1000 + 1001 * 784
    judge = 11 * 1000 + 1001 * 1000 + 1001
    assert (count(model.style_judge), count(model.kind_judge)) == (judge, judge)


def test_the_losses_by_independent_formulas():
    model, images = made("semi_supervised"), pictures(6)
    codes = model.encode(images)
    hidden = torch.relu(model.encoder[1](images.flatten(1)))
    style, chances = model.style(hidden), model.kind(hidden).softmax(1)
    torch.testing.assert_close(codes, torch.cat([style / 5, chances], 1))
    painted = model.decoder(torch.cat([style, chances], 1))
    missed = binary_cross_entropy_with_logits(painted, (images + 1) / 2)
    torch.testing.assert_close(model._missed(images, images), missed)
    real = model.prior(6)
    want = discriminator_loss(model.style_judge(5 * real[:, :2]), model.style_judge(style))
    want += discriminator_loss(model.kind_judge(real[:, 2:]), model.kind_judge(chances))
    torch.testing.assert_close(model._judge_loss(real, codes), want)
    want = generator_loss(model.style_judge(style)) + generator_loss(model.kind_judge(chances))
    torch.testing.assert_close(model._encoder_loss(codes), want)
    label = torch.tensor([0, 1, 2, 0, 1, 2])
    torch.testing.assert_close(
        model._unnamed(images, label), cross_entropy(model.kind(hidden), label)
    )


def test_the_prior_is_a_normal_of_the_sources_deviation_beside_even_kinds():
    model = made("clusters", deviation=5.0)
    codes = model.prior(20_000, torch.Generator().manual_seed(0))
    assert codes[:, :2].std().item() == pytest.approx(1, abs=0.02)
    assert codes[:, 2:].sum(1).unique().tolist() == [1]
    torch.testing.assert_close(codes[:, 2:].mean(0), torch.full((5,), 0.2), atol=0.02, rtol=0)
    seen = []
    model.style_judge.register_forward_pre_hook(lambda net, given: seen.append(given[0]))
    model._verdicts(codes)
    assert seen[0].std().item() == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("task", ["unsupervised", "supervised", "semi_supervised", "clusters"])
def test_one_step_moves_each_player_toward_its_own_goal(task):
    model = made(task, **EVERY)
    images, label = pictures(), torch.arange(64) % 3
    label = torch.where(torch.arange(64) < 32, label, -1) if task == "semi_supervised" else label
    old = deepcopy(model)
    one_step(model, image=images, label=label)
    told = (label,) if task == "supervised" else ()
    assert model._missed(images, images, *told) < old._missed(images, images, *told)
    real, codes = old.prior(64, torch.Generator().manual_seed(1)), old.encode(images).detach()
    if told:
        mark = one_hot(label, 3).float()
        real, codes = torch.cat([real, mark], 1), torch.cat([codes, mark], 1)
    judged = deepcopy(old)
    for part in ("style_judge", "kind_judge"):
        if hasattr(model, part):
            getattr(judged, part).load_state_dict(getattr(model, part).state_dict())
    assert judged._judge_loss(real, codes) < old._judge_loss(real, codes)
    if task == "semi_supervised":
        known = label >= 0
        new, before = (m._unnamed(images[known], label[known]) for m in (model, old))
        assert new < before


def test_the_encoder_comes_closer_to_fooling_the_judge():
    """With the other players at rest, its step makes the judge think better of its codes."""
    model = made("clusters", encoder_lr=1e-2, lr=1e-9, judge_lr=1e-9)
    images = pictures()
    old = deepcopy(model)
    one_step(model, image=images)
    assert model._encoder_loss(model.encode(images)) < old._encoder_loss(old.encode(images))


def test_the_score_of_a_drawn_cluster_comes_to_stand_out_of_normal_noise():
    model = made("clusters", height=6.0, growth=100)
    for step, height in ((49, 3), (99, 6), (5000, 6)):
        model.step = step
        real = model._real(5000, torch.Generator().manual_seed(0))[:, 2:]
        kind = model.prior(5000, torch.Generator().manual_seed(0))[:, 2:]
        noise = real - height * kind
        assert (noise.mean().abs() < 0.02, noise.std().item()) == (
            True,
            pytest.approx(1, abs=0.02),
        )
    assert torch.equal(
        made("semi_supervised")._real(4, torch.Generator().manual_seed(0)),
        made("semi_supervised").prior(4, torch.Generator().manual_seed(0)),
    )


def test_judges_of_clusters_are_shown_scores():
    model, images = made("clusters"), pictures(6)
    shown, codes = model._judged(images), model.encode(images)
    torch.testing.assert_close(shown[:, :2], codes[:, :2])
    torch.testing.assert_close(shown[:, 2:].softmax(1), codes[:, 2:])
    assert (shown[:, 2:].sum(1) - 1).abs().min() > 1e-3


def test_what_the_encoder_sees_is_askew_and_what_is_painted_is_not():
    model, images = made("unsupervised", jolt=0.3), pictures(8)
    model.begin(seed=0, step=0)
    seen = []
    model.encoder.register_forward_pre_hook(lambda net, given: seen.append(given[0]))
    one_step(model, image=images)
    assert not torch.allclose(seen[0], images, atol=0.05)
    plain = made("unsupervised", jolt=0.0, noise=0.0)
    plain.begin(seed=0, step=0)
    assert torch.equal(plain._blurred(images), images)


def test_what_the_encoder_sees_is_grainy_as_asked_for():
    model = made("unsupervised", noise=0.3)
    model.begin(seed=0, step=0)
    grain = model._blurred(torch.zeros(500, 1, 4, 4))
    assert grain.std().item() == pytest.approx(0.3, rel=0.05)


def test_losses_are_told_apart():
    names = {"loss/reconstruction", "loss/judge", "loss/encoder"}
    for task, extra in (("unsupervised", set()), ("semi_supervised", {"loss/labels"})):
        model = made(task)
        model.begin(seed=0, step=0)
        one_step(model, image=pictures(8), label=torch.tensor([0, 1, 2, -1, -1, -1, -1, -1]))
        assert set(model.told) == names | extra


def test_unknown_labels_teach_nothing():
    """Whatever the label of an image is that keeps none, the step is the same."""
    weights = []
    for _ in range(2):
        torch.manual_seed(0)
        model = made("semi_supervised")
        label = torch.tensor([0, 1, 2, 0] + [-1] * 4)
        model.begin(seed=0, step=0)
        one_step(model, image=pictures(8), label=label)
        weights.append(torch.cat([w.detach().flatten() for w in model.parameters()]))
    assert torch.equal(*weights)
    torch.manual_seed(0)
    model = made("semi_supervised")
    model.begin(seed=0, step=0)
    one_step(model, image=pictures(8), label=torch.full((8,), -1))
    assert "loss/labels" not in model.told


def test_a_told_label_joins_the_code_at_the_decoder():
    model = made("supervised").eval()
    codes, label = torch.randn(3, 2), torch.tensor([2, 0, 1])
    want = model.decoder(torch.cat([5 * codes, one_hot(label, 3)], 1))
    torch.testing.assert_close(model.decode(codes, label), 2 * want.sigmoid() - 1)
    torch.testing.assert_close(model.generate(codes, label=label), model.decode(codes, label))
    assert model.encode(pictures(3)).shape == (3, 2), "the code is style alone"


def test_a_label_takes_the_place_of_the_kind_except_where_it_is_unknown():
    model = made("semi_supervised").eval()
    codes = model.prior(3, torch.Generator().manual_seed(0))
    other = torch.cat([codes[:, :2], one_hot(torch.tensor([1, 1, 1]), 3)], 1)
    painted = model.generate(codes, label=torch.tensor([1, 1, -1]))
    torch.testing.assert_close(painted[:2], model.decode(other)[:2])
    torch.testing.assert_close(painted[2], model.decode(codes)[2])


@pytest.mark.parametrize(
    ("task", "held", "takes"),
    [
        ("unsupervised", ("Sampler", "Autoencoder"), ()),
        ("supervised", ("Sampler", "Autoencoder"), ("label",)),
        ("semi_supervised", ("Sampler", "Autoencoder", "Classifier"), ("label",)),
        ("clusters", ("Sampler", "Autoencoder", "Classifier"), ()),
    ],
)
def test_what_it_can_do_depends_on_its_task(task, held, takes):
    model = made(task)
    assert interfaces(model) == held
    assert model.conditions == takes
    names = [axis.name for axis in model.axes]
    kind = {"semi_supervised": ["label"], "clusters": ["cluster"]}.get(task, [])
    assert names == [*kind, "z0", "z1"]


def test_clusters_are_called_by_the_classes_they_met():
    model = made("clusters").eval()
    images = pictures(3)
    groups = model.kind(model.encoder(images)).argmax(1)
    model.naming.look(groups.repeat(50), torch.tensor([2, 2, 2]).repeat(50))
    assert model.logits(images).shape == (3, 3)
    assert model.logits(images).argmax(1).tolist() == [2, 2, 2]


def test_clusters_need_no_labels():
    bare = Schema(shape=(1, 4, 4))
    model = made("clusters", bare)
    one_step(model, image=pictures(8))
    assert model.logits(pictures(2)).shape == (2, 5)
    assert demand(model, "sample", "x") is None


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("unsupervised", ["reconstruction", "nearest", "linear"]),
        ("supervised", ["reconstruction", "nearest", "linear"]),
        ("semi_supervised", ["reconstruction", "error"]),
        ("clusters", ["reconstruction", "error"]),
    ],
)
def test_each_task_is_measured_by_what_it_is_for(task, names):
    data = sources.open(Source(name="digits", split="test"))
    scores = made(task, data.schema).eval().measure(data, torch.Generator())
    assert list(scores) == names
    for name, score in scores.items():
        assert score.n == len(data)
        assert score.floor is not None
        assert score.ceiling is not None
        down = name in ("reconstruction", "error") or task == "supervised"
        assert score.better == ("lower" if down else "higher")
        assert (score.ceiling < score.floor) == down
    label = data.batch(torch.arange(len(data))).label
    if "error" in scores:
        assert scores["error"].floor == pytest.approx(1 - label.bincount().max().item() / 297)


def test_how_well_codes_are_read_does_not_hang_on_the_order_of_the_data():
    """Sorted by class the first half would never show the last ones."""
    data = sources.open(Source(name="digits", split="test"))
    order = np.argsort(data.columns["label"], kind="stable")
    sorted_ = replace(data, columns={k: column[order] for k, column in data.columns.items()})
    model = made("unsupervised", data.schema).eval()
    linear = [model.measure(one, torch.Generator())["linear"].value for one in (data, sorted_)]
    assert min(linear) > 0.2
    assert linear[0] == pytest.approx(linear[1], abs=0.1)


@pytest.mark.parametrize("task", ["supervised", "semi_supervised"])
def test_a_task_that_needs_labels_says_so(task):
    with pytest.raises(DataError) as caught:
        made(task, Schema(shape=(1, 4, 4)))
    assert str(caught.value) == (
        f"aae needs labels to be {task}, and this data has none; name sub-folders, or set "
        "--model.task unsupervised."
    )


def test_what_cannot_be_is_answered_in_one_line():
    with pytest.raises(ConfigError) as caught:
        made("supervised").decode(torch.randn(2, 2))
    words = "a supervised aae paints a code under a label, and none was given."
    assert str(caught.value) == words
    with pytest.raises(ConfigError) as caught:
        made("unsupervised").logits(pictures(2))
    words = "an aae of task unsupervised names nothing; train one semi_supervised."
    assert str(caught.value) == words
    with pytest.raises(ConfigError, match="it cannot be asked for label"):
        made("unsupervised").sample(2, label=1)


def test_an_image_and_the_same_askew_are_to_be_named_alike():
    model, images = made("clusters", agree=2.0, jolt=0.3), pictures(6)
    codes, askew = model._judged(images), pictures(6)
    plain = model._encoder_loss(codes)
    chances = codes[:, 2:].softmax(1)
    again = model.kind(model.encoder(askew)).log_softmax(1)
    want = plain - 2 * (chances * again).sum(1).mean()
    torch.testing.assert_close(model._encoder_loss(codes, askew), want)
    model.begin(seed=0, step=0)
    torch.testing.assert_close(model._blurred(images), images)  # painted from upright
    assert not torch.allclose(model._askew(images), images, atol=0.05)


def test_an_image_askew_is_moved_to_where_its_name_is_least_that_of_the_upright():
    plain, moved = (made("clusters", agree=2.0, adversary=far) for far in (0.0, 0.5))
    moved.load_state_dict(plain.state_dict())
    images, askew = pictures(6), pictures(6).flip(3)
    codes = plain._judged(images)
    chances = codes[:, 2:].softmax(1).detach()

    def unlike(x):
        return -(chances * plain.kind(plain.encoder(x)).log_softmax(1)).sum(1).mean()

    there = askew.clone().requires_grad_()
    (slope,) = torch.autograd.grad(unlike(there), there)
    there = askew + 0.5 * slope / slope.flatten(1).norm(dim=1)[:, None, None, None]
    grew = moved._encoder_loss(codes, askew) - plain._encoder_loss(codes, askew)
    torch.testing.assert_close(grew, 2 * (unlike(there) - unlike(askew)), rtol=1e-3, atol=1e-5)
    assert grew > 0


def test_a_head_is_painted_of_its_kind_alone():
    model, images = made("clusters", heads=0.3), pictures(6)
    codes = model.encode(images)
    heads = codes.clone()
    heads[:, :2] = 0
    bits = (images + 1) / 2
    near, plain = (
        binary_cross_entropy_with_logits(model._painted(code, None), bits)
        for code in (codes, heads)
    )
    torch.testing.assert_close(model._missed(images, images), near + 0.3 * plain)
