"""Perceptual networks: published names, preprocessing and weights; the shipped one; bad words."""

import hashlib

import pytest
import torch
from safetensors.torch import save_file

from sfumato.errors import ConfigError, DataError, UnknownName
from sfumato.nn import perceptual
from sfumato.nn.perceptual import PLANS, SHIPPED, Perceptual, layers, load

COUNTS = {"vgg16": 14_714_688, "vgg19": 20_024_384}
"""Parameters before the dense layers, as published."""


@pytest.mark.parametrize("name", COUNTS)
def test_vgg_has_the_published_number_of_parameters(name):
    with torch.device("meta"):
        network = Perceptual(name)
    assert sum(p.numel() for p in network.parameters()) == COUNTS[name]


def test_layers_answer_to_every_published_spelling():
    with torch.device("meta"):
        network = Perceptual("vgg19")
    assert layers("vgg19")[8] == "block4_conv1"
    for spelling in ("block4_conv2", "conv4_2", "relu4_2"):
        assert network.place(spelling) == 9
        assert network.stride(spelling) == 8


def test_the_tower_ends_at_the_deepest_layer():
    with torch.device("meta"):
        assert len(Perceptual("vgg16", "conv3_1").convolutions) == 5
    assert len(load("embedded", ["stage2", "stage1"]).convolutions) == 3


@pytest.mark.parametrize(
    ("name", "layer", "said"),
    [
        (
            "vgg16",
            "block4_conv4",
            "vgg16 has no layer 'block4_conv4'; did you mean 'block4_conv3'",
        ),
        ("vgg19", "conv6_1", "did you mean 'conv"),
        ("embedded", "stage9", "embedded has no layer 'stage9'; did you mean 'stage"),
        ("embedded", "conv1_1", "choose from stage1, stage2"),
    ],
)
def test_an_unknown_layer_gives_the_nearest_name(name, layer, said):
    with torch.device("meta"), pytest.raises(UnknownName) as caught:
        Perceptual(name).place(layer)
    assert said in str(caught.value)


def test_unknown_networks_and_pools_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'vgg19'"):
        Perceptual("vgg18x9")
    with pytest.raises(ConfigError, match="average or max"):
        Perceptual("embedded", pooling="median")


def test_the_shipped_network_is_small_and_known():
    assert SHIPPED.stat().st_size < 6 * 2**20
    images = torch.rand(2, 3, 64, 48) * 2 - 1
    maps = load()(images, layers("embedded"))
    widths = PLANS["embedded"].widths
    assert [tuple(m.shape) for m in maps.values()] == [
        (2, wide, 64 >> n, 48 >> n) for n, wide in enumerate(widths)
    ]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (17, 3)])
def test_any_size_and_grey_pass(size):
    maps = load()(torch.zeros(1, 1, *size), layers("embedded"))
    assert all(m.isfinite().all() and min(m.shape[-2:]) >= 1 for m in maps.values())


def test_in_half_precision_it_sees_the_same():
    images = torch.rand(1, 3, 64, 64) * 2 - 1
    whole, half = (load(fast=f)(images, ["stage4"])["stage4"].float() for f in (False, True))
    assert (whole - half).norm() < 0.05 * whole.norm()


def test_pools_are_means_or_maxima():
    images = torch.rand(1, 3, 2, 2) * 2 - 1
    first = load("embedded", ["stage1"])
    for pooling, halve in (("average", torch.mean), ("max", torch.amax)):
        network = load("embedded", ["stage2"], pooling=pooling)
        before = network.after(images, 1)
        small = halve(before, (2, 3), keepdim=True)
        want = network.convolutions[2](small).relu()
        assert torch.allclose(network.after(images, 2), want, atol=1e-5)
    assert len(first.convolutions) == 1


# ------------------------------------------------------------------ published weights


def tiny_vgg(spelling, wanted="block1_conv2"):
    """Weights of the first layers under somebody's names, and what they are."""
    shapes = [(64, 3), (64, 64)]
    numbers = {"torch": (0, 2), "keras": ("1_conv1", "1_conv2"), "caffe": ("1_1", "1_2")}[spelling]
    stem = {"torch": "features.{}", "keras": "block{}", "caffe": "conv{}"}[spelling]
    state = {}
    for number, shape in zip(numbers, shapes, strict=True):
        state[f"{stem.format(number)}.weight"] = torch.randn(*shape, 3, 3) / 10
        state[f"{stem.format(number)}.bias"] = torch.randn(shape[0])
    return state


@pytest.mark.parametrize("spelling", ["keras", "caffe"])
def test_published_preprocessing_is_blue_first_less_the_mean(spelling, tmp_path):
    state = tiny_vgg(spelling)
    save_file(state, tmp_path / "vgg.safetensors")
    network = load("vgg16", ["conv1_1"], weights=tmp_path / "vgg.safetensors")
    pixels = torch.randint(0, 256, (1, 3, 6, 6)).float()
    maps = network(pixels / 127.5 - 1, ["conv1_1"])["conv1_1"]
    blue_first = (pixels - torch.tensor([123.68, 116.779, 103.939])[:, None, None]).flip(1)
    weight, bias = (
        state.values().__iter__().__next__(),
        next(v for k, v in state.items() if k.endswith("bias")),
    )
    want = torch.nn.functional.conv2d(blue_first, weight, bias, padding=1).relu()
    assert torch.allclose(maps, want, atol=1e-2, rtol=1e-4)


def test_torch_preprocessing_is_red_first_and_standardised(tmp_path):
    state = tiny_vgg("torch")
    save_file(state, tmp_path / "vgg.safetensors")
    network = load("vgg19", ["relu1_1"], weights=tmp_path / "vgg.safetensors")
    images = torch.rand(1, 3, 6, 6)
    mean, spread = (
        torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    want = torch.nn.functional.conv2d(
        (images - mean) / spread, state["features.0.weight"], state["features.0.bias"], padding=1
    ).relu()
    maps = network(images * 2 - 1, ["relu1_1"])["relu1_1"]
    assert torch.allclose(maps, want, atol=1e-4)


def test_weights_that_do_not_fit_are_named(tmp_path):
    save_file({"other": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(DataError, match="holds no weights of vgg16"):
        load("vgg16", weights=tmp_path / "x.safetensors")
    save_file(tiny_vgg("caffe"), tmp_path / "x.safetensors")
    with pytest.raises(DataError, match=r"conv2_1.weight is absent"):
        load("vgg16", ["conv2_1"], weights=tmp_path / "x.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="cannot be read"):
        load("vgg16", weights=tmp_path / "x.safetensors")
    with pytest.raises(DataError, match="can run code"):
        load("vgg16", weights=tmp_path / "x.pth")


class Hub:
    """A hub in a folder: what it serves, and the digest it states."""

    def __init__(self, monkeypatch, folder, stated=None):
        self.file, self.asked = folder / "served.safetensors", 0
        save_file(tiny_vgg("torch"), self.file)
        digest = stated or hashlib.sha256(self.file.read_bytes()).hexdigest()
        facts = type("Facts", (), {"etag": digest})()
        monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a: None)
        monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *a, **k: facts)
        monkeypatch.setattr("huggingface_hub.hf_hub_download", self.serve)

    def serve(self, repository, name):
        self.asked += 1
        assert (repository, name) == ("timm/vgg16.tv_in1k", "model.safetensors")
        self.link = self.file.with_name("model.safetensors")
        self.link.symlink_to(self.file)
        return str(self.link)


def test_weights_are_fetched_and_their_digest_is_checked(monkeypatch, tmp_path, capsys):
    hub = Hub(monkeypatch, tmp_path)
    assert len(load("vgg16", ["conv1_2"]).convolutions) == 2
    assert hub.asked == 1
    assert "fetching the weights of vgg16" in capsys.readouterr().err


def test_a_file_with_another_digest_is_deleted(monkeypatch, tmp_path):
    hub = Hub(monkeypatch, tmp_path, stated="0" * 64)
    with pytest.raises(DataError, match="it was deleted"):
        load("vgg16", ["conv1_2"])
    assert not hub.file.exists()
    assert not hub.link.is_symlink()


def test_without_a_network_one_line_says_what_to_do(monkeypatch):
    def fail(*args, **words):
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a: None)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", fail)
    with pytest.raises(DataError, match="use --network embedded"):
        load("vgg19")
    assert perceptual.FILE == "model.safetensors"
