"""MobileNetV2's layers by number, its padding, and what it knows of ImageNet."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data as photographs

from sfumato.errors import DataError
from sfumato.io.images import from_bytes
from sfumato.io.tflite import constants
from sfumato.nn.mobilenet import FILE, Convolution, backbone, channels, imagenet

CATS = range(282, 287)
"""Tabby, tiger cat, Persian, Siamese and Egyptian cat, where 0 is the background."""


def test_the_backbone_holds_the_published_number_of_values():
    state = backbone(1.0).state_dict()
    floats = {name: value.numel() for name, value in state.items() if value.is_floating_point()}
    assert sum(floats.values()) == 2_257_984
    assert sum(size for name, size in floats.items() if "running" in name) == 34_112


def test_maps_are_multiples_of_eight_that_lose_at_most_a_tenth():
    assert [channels(32, 1.0), channels(32, 0.75), channels(16, 0.35), channels(24, 0.5)] == [
        32, 24, 8, 16,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("side", "stride", "edges"), [(6, 2, (0, 1)), (7, 2, (1, 1)), (6, 1, (1, 1))]
)
def test_padding_is_tensorflows(side, stride, edges):
    layer = Convolution(1, 1, 3, stride, each=False)
    assert layer._edges(side) == edges
    assert layer.eval()(torch.zeros(1, 1, side, side)).shape[2] == -(-side // stride)


def test_only_blocks_that_keep_the_shape_add_what_entered():
    adding = [n for n, stage in enumerate(backbone(1.0)) if getattr(stage, "kept", False)]
    assert adding == [3, 5, 6, 8, 9, 10, 12, 13, 15, 16]


def test_the_network_of_the_8_bit_file_knows_a_cat(real_data):
    net = backbone(1.0).eval()
    net.load_state_dict(imagenet() | {k: v for k, v in net.state_dict().items() if "num" in k})
    held = [arrays for arrays in constants(real_data / FILE) if len(arrays) == 2][-1]
    kernel, bias = torch.from_numpy(held[0][:, 0, 0]), torch.from_numpy(held[1])
    photograph = Image.fromarray(photographs.chelsea()).crop((75, 0, 375, 300)).resize((224, 224))
    with torch.no_grad():
        features = net(from_bytes(np.asarray(photograph)[None])).mean((2, 3))
    assert int((features @ kernel.T + bias).argmax()) in CATS


def test_without_file_and_network_one_line_says_what_to_do(no_data, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"connect once, put weights/mobilenet_v2_quant/.* into"):
        imagenet()
