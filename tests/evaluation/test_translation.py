"""Translators beside trivial answers, and without any where nothing is wanted."""

import numpy as np
import pytest
import torch

from sfumato.data.dataset import Dataset
from sfumato.data.source import Source
from sfumato.evaluation import evaluate
from sfumato.evaluation.references import Split
from sfumato.evaluation.translation import _pair, translation
from sfumato.io.images import to_bytes
from sfumato.metrics.distortion import psnr_y
from sfumato.models.pix2pix import Config, Pix2Pix
from sfumato.models.srresnet import Config as Sharp
from sfumato.models.srresnet import SRResNet
from sfumato.randomness import generator
from sfumato.schema import Schema

PHOTOS = Source(name="photos", side=16, count=40, pair="edges")


def painter():
    return Pix2Pix(Config(width=4, depth=3, patch=16), Schema(shape=(3, 16, 16))).eval()


def test_a_translator_stands_beside_trivial_answers():
    found = evaluate(painter(), PHOTOS, count=20)
    assert set(found) == {"psnr", "ssim", "psnr_y", "ssim_y", "perceptual"}
    for score in found.values():
        assert score.n == 20
        assert score.seed == 0
        said = dict(part.split() for part in score.note.split(", "))
        best = max if score.better == "higher" else min
        assert score.floor == pytest.approx(best(map(float, said.values())), rel=1e-3)
    assert found["ssim"].ceiling == 1
    assert found["perceptual"].ceiling == 0
    assert "embedded" in str(found["perceptual"])


def test_it_repeats():
    model = painter()
    assert evaluate(model, PHOTOS, count=20) == evaluate(model, PHOTOS, count=20)


def test_no_two_pictures_are_harmed_alike_however_many_are_seen_at_once():
    """Each batch once began with the same qualities."""
    config = Sharp(scale=1, worst=5, best=90, width=4, blocks=1, kernel=3, norm="none")
    model = SRResNet(config, Schema(shape=(3, 16, 16))).eval()
    image = (torch.rand(1, 3, 16, 16) * 2 - 1).expand(12, -1, -1, -1)
    data = Dataset(name="one", schema=model.schema, columns={"image": to_bytes(image)})
    split = Split(data, torch.arange(12))
    parts = []
    for size in (4, 12):
        rng = generator(0, "harmed")
        rows = torch.arange(12).split(size)
        parts.append(torch.cat([_pair(model, split, chosen, rng)[0] for chosen in rows]))
    assert torch.equal(*parts)
    assert len({one.numpy().tobytes() for one in parts[0]}) > 8


def test_what_is_harmed_by_the_model_itself_is_wanted_whole():
    plain = {"scale": 2, "width": 4, "blocks": 1, "kernel": 3, "norm": "none", "base": "bicubic"}
    model = SRResNet(Sharp(**plain), Schema(shape=(3, 16, 16))).eval()
    found = evaluate(model, Source(name="photos", side=16, count=40), count=20)
    copy = float(found["psnr"].note.split()[1].rstrip(","))
    assert found["psnr"].value == pytest.approx(copy, rel=1e-3)  # it begins as the bicubic picture


def held(columns):
    data = Dataset(name="few", schema=Schema(shape=(3, 16, 16)), columns=columns)
    return Split(data, torch.arange(4))


def test_trivial_answers_learn_from_the_reference_alone():
    """White was wanted there and black is here: their mean could not be further off."""
    image = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    white, black = ({"image": image, "target": np.full_like(image, n)} for n in (255, 0))
    found = translation(painter(), PHOTOS, held(white), held(black), 4)
    said = dict(part.split() for part in found["psnr"].note.split(", "))
    assert float(said["mean"]) == pytest.approx(0, abs=1e-3)


def test_luma_of_what_is_enlarged_is_compared_without_a_border_of_its_scale():
    plain = {"scale": 2, "width": 4, "blocks": 1, "kernel": 3, "norm": "none", "base": "bicubic"}
    model = SRResNet(Sharp(**plain), Schema(shape=(3, 16, 16))).eval()
    split = held({"image": np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)})
    given, wanted = _pair(model, split, split.rows, generator(0, "harmed"))
    want = psnr_y(model.translate(given).detach(), wanted, border=2).mean()
    found = translation(model, PHOTOS, split, split, 4)["psnr_y"].value
    assert found == pytest.approx(float(want), rel=1e-5)
