"""MobileNetV2: what is frozen, what is remembered, what is tuned, and what it begins from."""

import pytest
import torch
from torch.nn.functional import interpolate

from sfumato.errors import ConfigError, DataError
from sfumato.models.mobilenet_v2 import Config, MobileNetV2
from sfumato.runs import load
from sfumato.schema import Schema
from sfumato.testing import one_step
from sfumato.training import train

SCHEMA = Schema(shape=(1, 28, 28), classes=tuple("0123456789"))
SMALL = {"width": 0.1, "seen": 32}


def batch(count=16):
    return {"image": torch.rand(count, 1, 28, 28) * 2 - 1, "label": torch.arange(count) % 10}


def changed(model, **fields):
    """Names of what one step changes."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    one_step(model, **fields)
    return {name for name, value in model.state_dict().items() if not value.equal(before[name])}


def test_counts_by_hand():
    """The published backbone, and 1281 values a class; frozen, only those learn."""
    model = MobileNetV2(Config(), SCHEMA)
    state = {k: v for k, v in model.state_dict().items() if v.is_floating_point()}
    assert sum(v.numel() for k, v in state.items() if k.startswith("backbone")) == 2_257_984
    assert sum(v.numel() for k, v in state.items() if "running" in k) == 34_112
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert learned == 1281 * 10


def test_frozen_only_the_last_layer_changes():
    model = MobileNetV2(Config(**SMALL), SCHEMA)
    assert changed(model, **batch()) == {"answer.weight", "answer.bias"}


def test_upper_stages_are_tuned_and_statistics_stay():
    model = MobileNetV2(Config(**SMALL, frozen=17), SCHEMA)
    names = changed(model, **batch())
    assert {name.split(".")[1] for name in names if name.startswith("backbone")} == {"17", "18"}
    assert not [name for name in names if "running" in name]


def test_statistics_of_learning_stages_follow_the_batches_where_asked():
    model = MobileNetV2(Config(**SMALL, frozen=18, statistics="batch"), SCHEMA)
    names = changed(model, **batch())
    assert {"backbone.18.1.running_mean", "backbone.18.1.running_var"} <= names
    assert not [name for name in names if name.startswith("backbone.17")]


@pytest.mark.parametrize("frozen", [19, 11])
def test_what_frozen_stages_see_is_computed_once(frozen):
    model = MobileNetV2(Config(**SMALL, frozen=frozen, dropout=0.0), SCHEMA).train()
    images, seen = batch()["image"], []
    model.backbone[0].register_forward_hook(lambda *_: seen.append(1))
    first, again = model.features(images), model.features(images.flip(0))
    assert len(seen) == 1
    assert torch.allclose(first, again.flip(0), atol=1e-6)
    assert torch.allclose(first, model.eval().features(images), atol=1e-6)
    assert len(seen) == 2, "what is only measured is not remembered"


def test_nothing_is_kept_where_nothing_is_frozen():
    model = MobileNetV2(Config(**SMALL, frozen=0), SCHEMA).train()
    model.features(batch()["image"])
    assert len(model._memory) == 0


def test_images_are_enlarged_and_grey_is_three_colours():
    model = MobileNetV2(Config(**SMALL), SCHEMA).eval()
    grey = batch()["image"]
    large = interpolate(grey, (32, 32), mode="bilinear").expand(-1, 3, -1, -1)
    twin = MobileNetV2(Config(**SMALL), Schema(shape=(3, 32, 32), classes=SCHEMA.classes)).eval()
    twin.load_state_dict(model.state_dict())
    assert torch.allclose(model.features(grey), twin.features(large), atol=1e-5)


def test_what_is_larger_than_it_sees_is_averaged():
    """Of stripes 1, -1, -1, 1 nothing is left but grey, where the two in the middle are black."""
    model = MobileNetV2(Config(**SMALL), Schema(shape=(1, 128, 128), classes=SCHEMA.classes))
    stripes = torch.tensor([1.0, -1.0, -1.0, 1.0]).repeat(32).expand(1, 1, 128, 128)
    assert model._colours(stripes)[..., 1:-1].abs().max() < 0.1


def test_features_may_be_roots_of_means():
    plain, roots = (MobileNetV2(Config(**SMALL, power=power), SCHEMA).eval() for power in (1, 0.5))
    roots.backbone.load_state_dict(plain.backbone.state_dict())
    images = batch(4)["image"]
    want = plain.features(images).clamp(min=1e-6).sqrt()
    torch.testing.assert_close(roots.features(images), want)


def test_parts_of_the_maps_keep_what_is_where():
    """Their mean is that of the whole, and they differ."""
    whole = MobileNetV2(Config(width=0.1, seen=128), SCHEMA).eval()
    parts = MobileNetV2(Config(width=0.1, seen=128, parts=2), SCHEMA).eval()
    parts.backbone.load_state_dict(whole.backbone.state_dict())
    images = batch(4)["image"]
    corners, mean = parts.features(images).unflatten(1, (-1, 2, 2)), whole.features(images)
    assert parts.answer.weight.shape == (10, 4 * 1280)
    assert (corners.mean((2, 3)) - mean).abs().max() < 1e-5 * mean.max()
    assert (corners[..., 0] - corners[..., 1]).abs().max() > 0.1 * mean.max()


def test_one_step_lowers_the_loss_of_the_batch():
    model = MobileNetV2(Config(**SMALL, dropout=0.0), SCHEMA)
    fields = batch(64)
    before = model.eval()._loss(fields["image"], fields["label"])
    one_step(model.train(), **fields)
    assert model.eval()._loss(fields["image"], fields["label"]) < before


def test_a_run_cut_while_it_remembers_resumes_bit_for_bit(tmp_path):
    small = {"frozen": 19, "statistics": "fixed"}
    words = {"recipe": "smoke", "config": small, "data": {"name": "digits", "count": 20}}
    whole = train("mobilenet_v2", **words, steps=6, out=tmp_path / "whole", progress=False)
    cut = train("mobilenet_v2", **words, steps=4, out=tmp_path / "cut", progress=False)
    train("mobilenet_v2", out=cut.path, resume=True, steps=6, progress=False)
    one, other = (load(run.path).state_dict() for run in (whole, cut))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_it_begins_with_what_imagenet_taught(tmp_path, real_data):
    from sfumato.nn.mobilenet import imagenet

    words = {"config": {"width": 1.0, "frozen": 19}, "start": "imagenet", "steps": 1}
    run = train("mobilenet_v2", recipe="smoke", **words, out=tmp_path / "run", progress=False)
    held = load(run.path).backbone.state_dict()
    assert all(torch.equal(held[name], value) for name, value in imagenet().items())


def test_imagenet_taught_one_width(tmp_path, real_data):
    with pytest.raises(ConfigError, match=r"--start imagenet needs --model.width 1, not 0.1\."):
        train("mobilenet_v2", recipe="smoke", start="imagenet", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_side_at_which_nothing_is_left_is_refused():
    with pytest.raises(ConfigError, match=r"--model.seen 16 leaves nothing to see; try 96\."):
        MobileNetV2(Config(seen=16), SCHEMA)


def test_pictures_that_are_no_squares_are_refused():
    with pytest.raises(ConfigError, match="this model wants squares"):
        MobileNetV2(Config(), Schema(shape=(1, 28, 32), classes=SCHEMA.classes))


def test_data_without_labels_is_refused_by_that_name():
    with pytest.raises(DataError, match="mobilenet_v2 needs labels, and this data has none"):
        MobileNetV2(Config(), Schema(shape=(1, 28, 28)))
