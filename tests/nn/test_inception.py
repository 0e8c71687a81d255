"""Inception-v3 of 2015: its shape, its input, its weights and where they come from."""

import io
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn.functional import batch_norm, conv2d, interpolate

from sfumato.errors import ConfigError, DataError
from sfumato.nn import inception
from sfumato.nn.inception import Inception, read_weights


@pytest.fixture(scope="module")
def port():
    """Random weights in pytorch-fid's layout, variances and gains included."""
    rng = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        stages = torch.nn.Sequential(*inception._stages())
    layers = [m for m in stages.modules() if isinstance(m, torch.nn.Conv2d)]
    weights = {}
    for name, layer in zip(inception._port_names(), layers, strict=True):
        shape, outs = layer.weight.shape, layer.out_channels
        fan = shape[1] * shape[2] * shape[3]
        weights[f"{name}.conv.weight"] = torch.randn(shape, generator=rng) * (2 / fan) ** 0.5
        for part, low in (("weight", 0.5), ("bias", 0), ("running_mean", 0), ("running_var", 0.5)):
            weights[f"{name}.bn.{part}"] = torch.rand(outs, generator=rng) + low
    return weights


@pytest.fixture(scope="module")
def weights(port):
    return inception._folded(port)


def test_the_port_and_the_graph_have_the_94_convolutions_of_the_network():
    ours, theirs = inception._tensorflow_names(), inception._port_names()
    assert len(ours) == len(theirs) == len(set(ours)) == len(set(theirs)) == 94
    pairs = dict(zip(theirs, ours, strict=True))
    assert pairs["Conv2d_4a_3x3"] == "conv_4"
    assert pairs["Mixed_5b.branch_pool"] == "mixed_tower_2_conv"
    assert pairs["Mixed_6e.branch7x7dbl_5"] == "mixed_7_tower_1_conv_4"
    assert pairs["Mixed_7a.branch7x7x3_4"] == "mixed_8_tower_1_conv_3"


def test_it_has_the_published_number_of_weights():
    with torch.device("meta"):
        network = torch.nn.Sequential(*inception._stages())
    # torchvision's count less its head (2048 x 1000 + 1000), batch norm folded to one bias
    kernels = sum(m.weight.numel() for m in network.modules() if isinstance(m, torch.nn.Conv2d))
    biases = sum(m.bias.numel() for m in network.modules() if isinstance(m, torch.nn.Conv2d))
    assert kernels + 2 * biases == 21_785_568


@pytest.mark.parametrize("level", [64, 192, 768, 2048])
def test_every_level_gives_its_width_from_any_image(level, weights):
    images = torch.rand(2, 1, 20, 33) * 2 - 1
    features = Inception(level, weights)(images)
    assert features.shape == (2, level)
    assert features.isfinite().all()
    assert features.std() > 0


def test_grey_is_the_colour_with_equal_channels(weights):
    network, grey = Inception(64, weights), torch.rand(1, 1, 16, 16) * 2 - 1
    torch.testing.assert_close(network(grey), network(grey.repeat(1, 3, 1, 1)))


def test_a_byte_p_enters_as_p_minus_128_over_128(weights):
    network, entered = Inception(64, weights), []
    network.stages.register_forward_pre_hook(lambda module, given: entered.append(given[0]))
    for byte in (0, 128, 255):
        network(torch.full((1, 3, 4, 4), byte / 127.5 - 1))
    for byte, pixels in zip((0, 128, 255), entered, strict=True):
        assert pixels.shape == (1, 3, 299, 299)
        torch.testing.assert_close(pixels, torch.full_like(pixels, (byte - 128) / 128))


def test_folding_is_the_convolution_and_its_batch_norm(port, weights):
    maps = torch.randn(2, 80, 9, 9)
    bn = [port[f"Conv2d_4a_3x3.bn.{p}"] for p in ("running_mean", "running_var", "weight", "bias")]
    theirs = batch_norm(conv2d(maps, port["Conv2d_4a_3x3.conv.weight"]), *bn, eps=0.001)
    ours = conv2d(maps, weights["conv_4.weight"], weights["conv_4.bias"])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_mean_pools_leave_the_border_out():
    ones = torch.ones(1, 1, 5, 5)
    assert torch.equal(inception._Pool("mean")(ones), ones)


def test_it_is_frozen_and_deterministic(weights):
    network, images = Inception(64, weights), torch.rand(1, 3, 8, 8)
    assert not any(weight.requires_grad for weight in network.parameters())
    assert torch.equal(network(images), network(images))


def test_unknown_levels_and_wrong_weights_are_told(weights):
    with pytest.raises(ConfigError, match="no level 100; choose from 64, 192, 768, 2048"):
        Inception(100, weights)
    with pytest.raises(DataError, match=r"conv_1\.weight is absent, not \(32, 32, 3, 3\)"):
        Inception(64, {k: v for k, v in weights.items() if k != "conv_1.weight"})
    with pytest.raises(DataError, match=r"conv\.bias is \(7,\), not \(32,\)"):
        Inception(64, {**weights, "conv.bias": torch.zeros(7)})


@pytest.fixture
def no_hub(monkeypatch):
    """A machine without a network, and without the file in its cache."""

    def refuse(*args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", refuse)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *args: None)


def test_no_network_is_one_line_that_says_what_would_work(no_hub, no_data):
    with pytest.raises(DataError, match=r"inception-768 .*ConnectionError.*pixels-8x8") as caught:
        read_weights(768)
    assert "\n" not in str(caught.value)


def test_the_upper_level_is_never_read_from_the_partial_file(no_hub, tmp_path, monkeypatch):
    path = tmp_path / inception.PARTIAL
    path.parent.mkdir(parents=True)
    np.savez(path, conv=np.zeros(1))
    monkeypatch.setenv("SFUMATO_DATA", str(tmp_path))
    assert list(read_weights(192)) == ["conv"]
    with pytest.raises(DataError, match="inception-2048 need weights"):
        read_weights(2048)


def test_a_pickle_in_place_of_the_weights_is_refused(no_hub, tmp_path, monkeypatch):
    path = tmp_path / inception.PARTIAL
    path.parent.mkdir(parents=True)
    np.savez(path, conv=np.array([{"runs": "code"}], dtype=object))
    monkeypatch.setenv("SFUMATO_DATA", str(tmp_path))
    with pytest.raises(DataError, match="cannot be read: Object arrays cannot be loaded"):
        read_weights(64)


def test_weights_of_another_digest_are_not_fetched(port, tmp_path, monkeypatch, no_data):
    path = tmp_path / "fid_inception.safetensors"
    save_file(port, path)
    facts = SimpleNamespace(etag="0" * 64)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *args: None)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *a, **k: facts)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *args: pytest.fail("fetched"))
    said = rf"has SHA-256 0+ today, not {inception.DIGEST}; put .* or use --features pixels-8x8"
    with pytest.raises(DataError, match=said):
        read_weights(2048)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *args: str(path))
    assert len(read_weights(2048)) == 2 * 94


def test_the_real_features_know_more_the_deeper_they_lie(real_data):
    """Nearest class centroid on CIFAR-10; its source says 0.22 at 64 and 0.59 at 768."""
    if not (real_data / inception.PARTIAL).is_file():
        pytest.skip("no Inception weights here")
    chosen, labels = [], []
    with tarfile.open(real_data / "cifar10" / "cifar10_test10000_jpg.tar.gz") as archive:
        for member in archive:
            name = member.name.split("/")[-2] if member.isfile() else ""
            if name and labels.count(name) < 12:
                labels.append(name)
                file = io.BytesIO(archive.extractfile(member).read())
                chosen.append(np.asarray(Image.open(file).convert("RGB")))
    images = torch.from_numpy(np.stack(chosen)).permute(0, 3, 1, 2) / 127.5 - 1
    accuracy = {}
    for level in (64, 768):
        network = Inception(level, read_weights(level))
        # 139 pixels, as the source did: five times faster than 299
        small = interpolate(images, (139, 139), mode="bilinear") * 127.5 / 128 - 0.5 / 128
        features = torch.cat([network.stages(part).mean((2, 3)) for part in small.split(20)])
        by_class = features.reshape(10, 12, level)
        centroids, rest = by_class[:, :6].mean(1), by_class[:, 6:].reshape(60, level)
        named = torch.cdist(rest, centroids).argmin(1)
        accuracy[level] = float((named == torch.arange(10).repeat_interleave(6)).float().mean())
    assert 0.1 < accuracy[64] < accuracy[768] - 0.15, accuracy
