"""sfumato.blend: pictures in, a picture out, and the words for what cannot be blended."""

import numpy as np
import pytest
import torch
from PIL import Image

import sfumato
from sfumato import runs
from sfumato.blending import METHODS
from sfumato.cli.blend import METHODS as NAMED
from sfumato.data.photos import photo
from sfumato.errors import SfumatoError
from sfumato.imaging.degradation import relit
from sfumato.io.images import from_bytes, to_bytes
from sfumato.metrics.distortion import psnr
from sfumato.models.context_encoder import Config as Filler
from sfumato.models.context_encoder import ContextEncoder
from sfumato.models.gp_gan import GPGAN, Config
from sfumato.schema import Schema


def picture(width, height, colour=(200, 40, 40), mode="RGB"):
    return Image.new(mode, (width, height), colour)


def round_mask(width, height):
    y, x = np.mgrid[:height, :width]
    near = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 3) ** 2
    return Image.fromarray((near * 255).astype(np.uint8))


def test_the_command_line_names_every_method():
    assert tuple(METHODS) == NAMED


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("at", [(0, 0), (11, 5), (-6, -4), (30, 20)])
def test_every_method_blends_wherever_the_source_lies(method, at):
    ground = picture(40, 30, (10, 90, 160))
    found = sfumato.blend(picture(20, 16), ground, round_mask(20, 16), at=at, method=method)
    assert (found.size, found.mode) == ((40, 30), "RGB")
    # two flat pictures: the cloned one takes the destination's colour whole
    if method in ("poisson", "mixed"):
        assert found.tobytes() == ground.tobytes()


def test_the_source_is_moved_not_stretched():
    """A dot of the source lands `at` plus its own place."""
    source = Image.new("L", (9, 9), 100)
    source.putpixel((4, 5), 255)
    found = np.asarray(
        sfumato.blend(source, Image.new("L", (50, 40), 100), round_mask(9, 9), at=(20, 10))
    )
    assert np.unravel_index(found.argmax(), found.shape) == (15, 24)


def test_opacity_serves_as_the_mask(tmp_path):
    source = picture(12, 12).convert("RGBA")
    source.putalpha(round_mask(12, 12))
    source.save(tmp_path / "cut.png")
    ground = np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    one = sfumato.blend(tmp_path / "cut.png", Image.fromarray(ground), at=(4, 4))
    two = sfumato.blend(source, Image.fromarray(ground), at=(4, 4))
    assert one.tobytes() == two.tobytes()
    changed = (np.asarray(one) != ground).any(2)
    mask = np.asarray(round_mask(12, 12)) > 127
    assert changed.any()
    assert not changed[4:16, 4:16][~mask].any()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_stored_where_a_cutout_is_clear_does_not_matter(method):
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (24, 24, 3), np.uint8)
    ground = Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8))
    mask, found = round_mask(24, 24), []
    for hidden in (0, 255):
        cut = np.where(np.asarray(mask)[..., None] > 0, pixels, hidden).astype(np.uint8)
        cut = Image.fromarray(cut)
        cut.putalpha(mask)
        found.append(sfumato.blend(cut, ground, at=(8, 8), method=method).tobytes())
    assert found[0] == found[1]


def test_a_cutout_blends_like_the_picture_it_was_cut_out_of():
    """Of a face darker than its new ground, both forms take the light of that ground."""
    source = photo("astronaut").crop((150, 0, 310, 160)).resize((64, 64))
    ground = Image.new("RGB", (96, 96), (220, 210, 200))
    cut = source.copy()
    cut.putalpha(round_mask(64, 64))
    whole = np.asarray(sfumato.blend(source, ground, round_mask(64, 64), at=(16, 16)), float)
    alone = np.asarray(sfumato.blend(cut, ground, at=(16, 16)), float)
    inside = np.asarray(round_mask(64, 64)) > 0
    assert np.abs(whole - alone)[16:80, 16:80][inside].mean() < 12


@pytest.mark.parametrize("method", ["poisson", "gaussian-poisson"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_the_destination_stays_as_clear_as_it_was_where_nothing_is_set_in(method, mode):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (20, 24, len(mode)), np.uint8)
    pixels[:, 12:, -1] = 255
    source, mask = picture(9, 9), round_mask(9, 9)
    ground = Image.fromarray(pixels, mode)
    found = sfumato.blend(source, ground, mask, at=(2, 3), method=method)
    assert found.mode == "RGBA"  # the source has colour
    taken = np.zeros((20, 24), bool)
    taken[3:12, 2:11] = np.asarray(mask) > 127
    clear, left = pixels[..., -1] < 255, np.asarray(found)
    assert (left[taken, 3] == 255).all()
    assert (left[~taken, 3] == pixels[~taken, -1]).all()
    through = clear & ~taken
    assert (left[through, :3] == np.asarray(ground.convert("RGBA"))[through, :3]).all()
    pixels[..., -1] = np.where(taken, pixels[..., -1], 255)
    ground = Image.fromarray(pixels, mode)
    assert sfumato.blend(source, ground, mask, at=(2, 3), method=method).mode == "RGB"


@pytest.mark.parametrize("method", METHODS)
def test_what_is_stored_where_the_destination_is_clear_does_not_matter(method):
    """Nor is the part set in there pulled to white, as which nobody saw it."""
    over, found = picture(20, 16, (30, 60, 200)), []
    for stored in ((0, 0, 0), (255, 255, 255)):
        ground = picture(40, 30, (30, 60, 200)).convert("RGBA")
        ground.paste((*stored, 0), (20, 0, 40, 30))
        found.append(sfumato.blend(over, ground, round_mask(20, 16), at=(12, 6), method=method))
    one, other = (np.asarray(made) for made in found)
    inside = np.zeros((30, 40), bool)
    inside[6:22, 12:32] = np.asarray(round_mask(20, 16)) > 0
    assert (one[inside] == other[inside]).all()
    assert np.abs(one[inside][:, :3].astype(int) - (30, 60, 200)).max() <= 2


def test_grey_and_colour_meet_in_colour():
    grey, colour = Image.new("L", (10, 10), 90), picture(20, 20)
    assert sfumato.blend(grey, colour, round_mask(10, 10), at=(5, 5)).mode == "RGB"
    assert sfumato.blend(colour, Image.new("L", (40, 40)), round_mask(20, 20)).mode == "RGB"
    assert sfumato.blend(grey, Image.new("L", (40, 40)), round_mask(10, 10)).mode == "L"


def test_a_mask_that_hangs_over_every_edge_is_cut():
    found = sfumato.blend(
        picture(60, 60), picture(20, 16, (0, 0, 0)), round_mask(60, 60), at=(-35, -40)
    )
    assert found.size == (20, 16)


@pytest.mark.parametrize(
    ("mask", "at", "words"),
    [
        (None, (0, 0), "--mask is missing, and the source has no transparency"),
        (Image.new("L", (10, 10), 0), (0, 0), "the mask marks nothing; paint white"),
        (Image.new("L", (9, 10), 255), (0, 0), "the mask is 9x10 pixels, and the source 10x10"),
        (Image.new("L", (10, 10), 255), (0, 0), "the mask covers the whole destination"),
        (Image.new("L", (10, 10), 255), (10, 0), "--at 10,0 puts all that the mask marks outside"),
        (Image.new("L", (10, 10), 255), (-(10**30), 0), f"--at -1{0:030},0 puts all that"),
        (Image.new("L", (10, 10), 255), (0, -(10**9)), "--at 0,-1000000000 puts all"),
    ],
)
def test_what_cannot_be_blended_is_refused_in_a_line(mask, at, words):
    with pytest.raises(SfumatoError) as caught:
        sfumato.blend(picture(10, 10), picture(10, 8), mask, at=at)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def pastes(channels=3, latent=0):
    torch.manual_seed(0)
    return GPGAN(Config(width=4, latent=latent), Schema(shape=(channels, 16, 16))).eval()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_paints_the_small_picture(channels, tmp_path):
    """Through a bottleneck that knows nothing all colours are near grey, and so is the blend."""
    runs.save_bundle(pastes(channels, 8), tmp_path / "net")
    words = {"at": (11, 5), "method": str(tmp_path / "net")}
    found = sfumato.blend(
        picture(20, 16), picture(40, 30, (10, 90, 160)), round_mask(20, 16), **words
    )
    assert (found.size, found.mode) == ((40, 30), "RGB")
    assert abs(np.asarray(found).astype(float).mean() - 128) < 30
    grey = sfumato.blend(
        picture(20, 16).convert("L"), picture(40, 30).convert("L"), round_mask(20, 16), **words
    )
    assert grey.mode == "L"


def test_shipped_weights_take_another_light_off_a_part():
    """The part is the picture's own, lit otherwise: what was there before is known."""
    draws = torch.tensor([[0.6, 0.7, 0.2, -0.5, 0.3, 0.0, -0.3]])
    gains = []
    for name in ("motorcycle", "coffee", "cat"):
        whole = photo(name).resize((240, 160))
        images = from_bytes(np.asarray(whole)[None])
        part = Image.fromarray(to_bytes(relit(images, draws, 1.0))[0])
        blends = (
            sfumato.blend(part, whole, round_mask(240, 160), method=method)
            for method in ("gp-gan", "gaussian-poisson")
        )
        network, plain = (
            float(psnr(from_bytes(np.asarray(found)[None]), images)) for found in blends
        )
        gains.append(network - plain)
    assert sum(gains) / len(gains) > 1


def test_a_network_must_be_one_that_paints_what_it_is_given(tmp_path):
    filler = ContextEncoder(Filler(width=4, latent=8), Schema(shape=(3, 16, 16)))
    runs.save_bundle(filler, tmp_path / "filler")
    with pytest.raises(SfumatoError, match=r"holds a ContextEncoder\. Train gp_gan for it"):
        sfumato.blend(
            picture(4, 4), picture(9, 9), round_mask(4, 4), method=str(tmp_path / "filler")
        )


def test_an_unknown_method_gets_the_nearest_name():
    with pytest.raises(SfumatoError, match="--method poison is unknown; did you mean 'poisson'"):
        sfumato.blend(picture(4, 4), picture(9, 9), picture(4, 4), method="poison")


def test_a_network_is_looked_for_wherever_a_place_is(tmp_path, monkeypatch):
    """At home, and on the hub."""
    net = pastes()
    runs.save_bundle(net, tmp_path / "net")
    pictures = picture(20, 16), picture(40, 30), round_mask(20, 16)
    want = sfumato.blend(*pictures, method=net).tobytes()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: tmp_path / "net")
    for place in ("~/net", "someone/net"):
        assert sfumato.blend(*pictures, method=place).tobytes() == want
