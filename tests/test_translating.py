"""Pictures in, pictures out: seams, sizes, opacity, and the words for what cannot be done."""

from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

import sfumato
from sfumato import load, preset, runs, translating
from sfumato.data.photos import photo
from sfumato.errors import SfumatoError
from sfumato.io.images import from_bytes
from sfumato.metrics.distortion import ms_ssim, psnr
from sfumato.models.dcgan import DCGAN
from sfumato.models.dcgan import Config as GANConfig
from sfumato.models.srresnet import Config, SRResNet
from sfumato.schema import Schema
from sfumato.translating import enlarged, restore, translated, upscale


def network(channels=3, **fields):
    torch.manual_seed(0)
    plain = {"scale": 2, "width": 6, "blocks": 2, "kernel": 5, "norm": "none"}
    return SRResNet(Config(**{**plain, **fields}), Schema(shape=(channels, 24, 24))).eval()


@pytest.fixture
def doubler(tmp_path):
    runs.save_bundle(network(base="bicubic"), tmp_path / "doubler")
    return str(tmp_path / "doubler")


def noise(width, height, mode="RGB"):
    shape = (height, width, len(mode)) if len(mode) > 1 else (height, width)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), mode)


@pytest.mark.parametrize(
    "fields",
    [
        {"shuffles": "once", "base": "bicubic"},
        {"scale": 4, "kernel": 9},
        {"scale": 4, "base": "bicubic", "kernel": 3, "norm": "batch"},
        {"scale": 1, "worst": 10},
        {"scale": 1, "worst": 10, "fold": 2, "blocks": 1, "kernel": 3},  # reaches 16 pixels
    ],
)
@pytest.mark.parametrize("turns", [False, True])
def test_pieces_fit_without_a_seam(fields, turns, monkeypatch):
    """A level of 256 at most: sums in another order round differently."""
    model, image = network(**fields), noise(61, 45)
    for weights in model.parameters():  # the first picture of `base` would hide the network
        torch.nn.init.normal_(weights, std=0.15)
    monkeypatch.setattr(preset, "quick_in_half", lambda: False)  # which rounds more coarsely
    whole = np.asarray(translated(model, image, turns=turns)).astype(int)
    monkeypatch.setattr(translating, "PIECE", 16)
    done = []
    pieces = np.asarray(translated(model, image, done.append, turns=turns)).astype(int)
    assert np.abs(whole - pieces).max() <= 1
    assert whole.std() > 10
    assert sum(done) == 61 * 45
    assert len(done) == 4 * 3


def test_turns_make_the_same_of_a_picture_however_it_lies():
    image, model = noise(20, 14), network()
    alone, eight = (partial(translated, model, turns=turns) for turns in (False, True))
    for way in (Image.Transpose.ROTATE_90, Image.Transpose.FLIP_TOP_BOTTOM):
        apart = [
            np.abs(np.asarray(f(image.transpose(way))) - np.asarray(f(image).transpose(way), int))
            for f in (alone, eight)
        ]
        assert apart[0].max() > 10
        assert apart[1].max() <= 1


def test_turns_come_closer_to_a_sharp_photograph():
    sharp = photo("astronaut").crop((100, 0, 292, 192))
    small = sharp.resize((48, 48), Image.Resampling.BICUBIC)
    alone, eight = (
        psnr(*(from_bytes(np.asarray(p)[None]) for p in (upscale(small, turns=t), sharp)))
        for t in (False, True)
    )
    assert eight > alone + 0.05


def test_twice_as_large_is_nearer_by_the_network_for_it_than_by_that_for_four_times():
    sharp = photo("astronaut").crop((100, 0, 292, 192))
    small = sharp.resize((96, 96), Image.Resampling.BICUBIC)
    found = {}
    for method in ("srresnet", load("srresnet-x4"), "bicubic"):
        made = upscale(small, scale=2, method=method)
        images = (from_bytes(np.asarray(p)[None]) for p in (made, sharp))
        found[method if isinstance(method, str) else "x4"] = float(ms_ssim(*images))
    assert found["srresnet"] > found["x4"] > found["bicubic"]


@pytest.mark.parametrize(
    "name", ["srresnet-x2", "srresnet-x4", "srgan-x4", "srresnet-jpeg", "srresnet-blur"]
)
def test_quick_numbers_are_no_visible_step_from_exact_ones(name, monkeypatch):
    image, model = photo("coffee").crop((200, 100, 296, 196)), load(name)
    pictures = []
    for quick in (True, False):
        monkeypatch.setattr(preset, "quick_in_half", lambda quick=quick: quick)
        pictures.append(np.asarray(translated(model, image)).astype(int))
    away = np.abs(pictures[0] - pictures[1])
    assert 0 < away.max() <= 2
    assert away.mean() < 0.1


def test_a_picture_grows_and_keeps_its_mode_and_opacity(doubler):
    for mode in ("RGB", "L", "RGBA", "LA"):
        found = upscale(noise(7, 5, mode), scale=2, method=doubler)
        assert (found.size, found.mode) == ((14, 10), mode)
    clear = Image.new("RGBA", (6, 6), (255, 255, 255, 0))
    assert upscale(clear, scale=2, method=doubler).getchannel("A").getextrema() == (0, 0)


def test_colours_are_kept_under_any_opacity_and_none_comes_from_where_nothing_is_seen():
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (6, 6, 4), np.uint8)
    pixels[..., 3] = rng.integers(1, 256, (6, 6))
    same = np.asarray(upscale(Image.fromarray(pixels), scale=1, method="bicubic"))
    assert (same == pixels).all()
    pixels[:, :3] = (255, 255, 255, 0)
    pixels[:, 3:] = (20, 40, 60, 255)
    found = np.asarray(upscale(Image.fromarray(pixels), scale=4, method="bicubic"))
    assert (found[..., :3] == (20, 40, 60)).all(), "no halo of what was hidden"


def test_a_picture_is_translated_from_python_on_white():
    drawing = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    found = sfumato.translate(drawing, method=network(scale=1, worst=50))
    white = sfumato.translate(Image.new("RGB", (8, 8), "white"), method=network(scale=1, worst=50))
    assert (found.mode, found.size) == ("RGB", (8, 8))
    assert found.tobytes() == white.tobytes()


@pytest.mark.parametrize("scale", [1, 2, 3, 7])
def test_bicubic_takes_any_scale(scale):
    found = sfumato.upscale(noise(9, 4, "L"), scale=scale, method="bicubic")
    assert (found.size, found.mode) == ((9 * scale, 4 * scale), "L")


def test_shipped_weights_enlarge_sharper_than_bicubic():
    """A photograph the network has not seen, shrunk and enlarged again, in decibels."""
    large = photo("motorcycle").resize((360, 240))
    small = large.resize((90, 60), Image.Resampling.BICUBIC)
    near = [
        float(psnr(*(from_bytes(np.asarray(x)[None]) for x in (upscale(small, method=m), large))))
        for m in ("bicubic", "srresnet")
    ]
    assert near[1] > near[0] + 0.5


def test_a_scale_between_is_made_of_the_next_larger():
    image = noise(10, 6)
    assert upscale(image, scale=3).size == (30, 18)
    assert upscale(image, scale=2).size == (20, 12)


def test_one_pixel_is_enough(doubler):
    assert upscale(Image.new("RGB", (1, 1), "red"), scale=2, method=doubler).size == (2, 2)


def test_a_grey_model_takes_colour_as_grey():
    model = network(channels=1)
    assert translated(model, noise(8, 8)).mode == "L"
    assert upscale(noise(8, 8), scale=2, method=model).mode == "RGB"


def test_a_grey_picture_may_get_colours_and_is_enlarged_without():
    """Else a model that learned to colour would show nothing of it."""
    model, grey = network(), noise(8, 8).convert("L")
    assert translated(model, grey).mode == "RGB"
    assert upscale(grey, scale=2, method=model).mode == "L"


def test_bicubic_is_close_to_pillows():
    """The same kernel; Pillow rounds to 8 bits between columns and rows."""
    y, x = np.mgrid[:16, :20]
    image = Image.fromarray((128 + 60 * np.sin(x / 3) * np.cos(y / 4)).astype(np.uint8))
    ours = np.asarray(enlarged(image, 3)).astype(int)
    theirs = np.asarray(image.resize((60, 48), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(ours - theirs).max() <= 1


def test_what_cannot_be_done_is_said_in_a_line(doubler, tmp_path):
    image = noise(8, 8)
    gan = DCGAN(GANConfig(width=4), Schema(shape=(3, 16, 16)))
    runs.save_bundle(gan, tmp_path / "gan")
    for act, words in (
        (
            lambda: upscale(image, scale=4, method=doubler),
            "enlarges 2 times, not 4; ask for less.",
        ),
        (
            lambda: upscale(image, scale=100_000, method="bicubic"),
            "pixels is too large to make: at most 1,073,741,824 are.",
        ),
        (lambda: upscale(image, scale=0), "--scale must be at least 1; got 0."),
        (lambda: restore(image, method=doubler), "enlarges 2 times; upscale is its verb."),
        (
            lambda: upscale(image, method="bicubic", turns=True),
            "--turns is for networks: bicubic makes the same of every turn.",
        ),
        (lambda: restore(image, harm="rain"), "--from rain is unknown; choose from jpeg, blur."),
        (
            lambda: upscale(image, method=str(tmp_path / "gan")),
            f"upscale needs a Translator, and {tmp_path / 'gan'} holds a DCGAN",
        ),
        (lambda: upscale(tmp_path / "no.png", method="bicubic"), "no.png does not exist."),
    ):
        with pytest.raises(SfumatoError) as caught:
            act()
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_method_that_will_not_do_is_answered_with_those_that_will():
    image = noise(8, 8)
    for act, words in (
        (lambda: upscale(image, scale=9), "srresnet does not upscale 9 times; take bicubic."),
        (
            lambda: restore(image, method="srgan"),
            "srgan does not restore; take srresnet-jpeg.",
        ),
        (
            lambda: restore(image, method="pix2pix", harm="blur"),
            "pix2pix is not shipped with weights for blur; take srresnet-blur, or train some",
        ),
        (
            lambda: upscale(image, method="dcgan"),
            "dcgan does not upscale 4 times; take bicubic, srgan-x4, srresnet-x4.",
        ),
        (
            lambda: upscale(image, method="srresnet-jpeg"),
            "srresnet-jpeg keeps the size; restore or translate is its verb.",
        ),
        (
            lambda: sfumato.translate(image, method="wct"),
            "wct takes a reference beside the picture; stylize is its verb.",
        ),
        (
            lambda: sfumato.translate(image, method="pix2pix"),
            "pix2pix is the name of a system, not of weights; train some (docs/models/pix2pix.md)",
        ),
        (
            lambda: restore(image, method="bicubic"),
            "--method bicubic is unknown; choose from srresnet, or name a run or a bundle.",
        ),
        (
            lambda: upscale(image, method="nothing"),
            "--method nothing is unknown; choose from bicubic, srgan, srresnet, or name a run",
        ),
        (lambda: upscale(image, method="./no.zip"), "./no.zip is no run folder"),
    ):
        with pytest.raises(SfumatoError) as caught:
            act()
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_translator_that_looks_at_each_pixel_alone_is_cut_like_any_other(monkeypatch):
    model = network(blocks=1, scale=1, worst=10)
    model.reach = 0
    monkeypatch.setattr(translating, "PIECE", 16)
    assert translated(model, noise(40, 20)).size == (40, 20)
