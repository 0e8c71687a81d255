"""FastStyle: the published network repaints its published picture; a step; bad inputs."""

import numpy as np
import pytest
import torch

from sfumato.data.dataset import Dataset
from sfumato.errors import ConfigError, DataError
from sfumato.io.images import from_bytes, read
from sfumato.models.fast_style import RECIPES, Config, FastStyle, published
from sfumato.schema import Schema
from sfumato.testing import one_step

SCHEMA = Schema(shape=(3, 32, 32))


def small(**changes):
    return FastStyle(Config(**{"width": 4, "blocks": 1, "style_side": 48, **changes}), SCHEMA)


def test_it_has_the_published_number_of_weights():
    """Kernels, and a gain and a shift for each map."""
    model = FastStyle(Config(width=32, up="transposed"), SCHEMA)
    kernels = 9 * 9 * 3 * 32 * 2 + 9 * (32 * 64 * 2 + 64 * 128 * 2) + 10 * 9 * 128 * 128
    beside = 2 * (32 + 64 + 128 + 10 * 128 + 64 + 32 + 3)
    assert sum(w.numel() for w in model.parameters()) == kernels + beside


def test_the_published_network_repaints_the_published_picture(real_data):
    """Of 474 rows: an odd number at the second halving, where padding would move the picture."""
    folder = real_data / "style_images" / "fast-style-transfer"
    model = published(real_data / "weights" / "fast_style" / "wave_f32.npz")
    content, result = (
        from_bytes(np.asarray(read(folder / name, channels=3))[None])
        for name in ("content/chicago.jpg", "result/chicago_wave.jpg")
    )
    painted = model.translate(content)
    assert np.corrcoef(painted.flatten(), result.flatten())[0, 1] > 0.99


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (8, 6), (33, 50)])
@pytest.mark.parametrize("up", ["nearest", "transposed"])
def test_any_size_comes_back(size, up):
    images = torch.rand(2, 3, *size) * 2 - 1
    painted = small(up=up).translate(images)
    assert painted.shape == images.shape
    assert painted.isfinite().all()


def test_a_step_brings_it_closer_to_the_style():
    model, images = small(), torch.rand(4, 3, 32, 32) * 2 - 1
    before = model._loss(images)
    one_step(model, image=images)
    assert model._loss(images) < before


def test_the_loss_is_over_that_of_the_content_and_weighs_roughness():
    model, images = small(smooth=2.0), torch.rand(3, 3, 32, 32) * 2 - 1
    apart, own, painted = model._apart(images)
    rough = painted.diff(dim=2).square().mean() + painted.diff(dim=3).square().mean()
    torch.testing.assert_close(model._loss(images), (apart / (own + 1)).mean() + 0.02 * rough)


def test_black_is_what_convolutions_pad_with():
    model, seen = small(), []
    model.network.register_forward_pre_hook(lambda net, given: seen.append(given[0]))
    model.translate(torch.full((1, 3, 8, 8), -1.0))
    assert not seen[0].any()


def test_the_perceptual_network_is_no_part_of_it():
    model = small()
    model._loss(torch.zeros(2, 3, 32, 32))
    assert all(name.startswith("network.") for name in model.state_dict())


def test_grey_data_are_refused():
    with pytest.raises(ConfigError, match=r"add --data.channels 3"):
        FastStyle(Config(), Schema(shape=(1, 32, 32)))


def test_a_style_that_is_not_there_is_named():
    with pytest.raises(DataError, match=r"nowhere.jpg does not exist"):
        small(style="nowhere.jpg")._loss(torch.zeros(1, 3, 32, 32))


def test_a_file_that_is_no_style_network_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="cannot be read as a style network"):
        published(tmp_path / "other.npz")


def test_the_source_recipe_is_the_published_network():
    assert RECIPES["source"].model.width == 32


def test_what_is_clipped_is_learned_from_too():
    model, images = small(), torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        [*model.network][-1].shift.fill_(8.0)
    assert model.translate(images).max() == 1
    model._loss(images).backward()
    assert [*model.network][-1].shift.grad.abs().max() > 0


def test_its_number_is_the_loss_over_that_of_the_content():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    model, data = small(), Dataset(name="test", schema=SCHEMA, columns={"image": pixels})
    score = model.measure(data, torch.Generator().manual_seed(0))["style_loss"]
    apart, own, _ = model._apart(data.batch(torch.arange(20)).image)
    whole = float(apart.detach().sum() / own.sum())
    assert score.value == pytest.approx(whole, rel=1e-4)
    assert (score.floor, score.n, score.better) == (1, 20, "lower")


def test_the_style_is_looked_at_anew_where_the_network_goes():
    model = small()
    seen = model._style(torch.zeros(1, 3, 16, 16))
    model._wanted = {name: maps.to("meta") for name, maps in seen.items()}  # where it was before
    again = model._style(torch.zeros(1, 3, 16, 16))
    assert all(torch.equal(again[name], maps) for name, maps in seen.items())
