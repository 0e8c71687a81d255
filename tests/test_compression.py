"""Pictures to files and back: modes, limits, and one line for what cannot be."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato import compression
from sfumato.compression import compress, decompress, to_image
from sfumato.data.photos import photo
from sfumato.errors import ConfigError, DataError
from sfumato.io.images import PIXELS, read
from sfumato.models.codec import Config, ImageCodec
from sfumato.models.vae import VAE
from sfumato.models.vae import Config as OfVAE
from sfumato.nn.prior import Prior
from sfumato.schema import Schema


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    config = Config(latent=4, width=4, qualities=2)
    return ImageCodec(config, Schema(shape=(3, 16, 16))).eval()


def scene(mode="RGB", size=(30, 20)):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("L", "L"), ("RGB", "RGB"), ("RGBA", "RGB"), ("P", "RGB"), ("CMYK", "RGB"), ("1", "L")],
)
def test_grey_stays_grey_and_all_else_is_colour(codec, mode, wanted):
    data = compress(scene(mode), model=codec)
    image = decompress(data, model=codec)
    assert (image.mode, image.size) == (wanted, (30, 20))


def test_a_path_and_a_picture_give_the_same_file(codec, tmp_path):
    for mode in ("RGB", "L", "RGBA"):
        scene(mode).save(tmp_path / "scene.png")
        assert compress(tmp_path / "scene.png", 1, model=codec) == compress(
            scene(mode), 1, model=codec
        )


def test_transparency_is_laid_on_white(codec):
    clear = Image.new("RGBA", (9, 9), (200, 0, 0, 0))
    assert compress(clear, model=codec) == compress(Image.new("RGB", (9, 9), "white"), model=codec)


def test_a_file_and_its_bytes_give_the_same_picture(codec, tmp_path):
    data = compress(scene(), model=codec)
    (tmp_path / "scene.sfu").write_bytes(data)
    read = decompress(tmp_path / "scene.sfu", model=codec)
    assert read.tobytes() == decompress(data, model=codec).tobytes()


def test_the_work_is_told_in_pixels(codec):
    told = []
    data = compress(scene(), model=codec, tell=told.append)
    decompress(data, model=codec, tell=told.append)
    assert sum(told) == 2 * 30 * 20


def test_bands_put_together_are_the_picture(monkeypatch):
    picture = torch.rand(3, 50, 7) * 2 - 1
    whole = to_image(picture)
    monkeypatch.setattr(compression, "BAND", 8)
    assert to_image(picture).tobytes() == whole.tobytes()


def test_the_weights_that_come_along_need_no_name(monkeypatch):
    """And bring their own tables: floats of this machine make none."""
    monkeypatch.setattr(Prior, "tables", None)
    image, sizes = photo("cat").crop((100, 60, 228, 156)), []
    for quality, most in ((1, 12), (4, 7), (8, 4)):
        data = compress(image, quality)
        sizes.append(len(data))
        error = np.asarray(decompress(data), float) - np.asarray(image, float)
        assert np.sqrt(np.square(error).mean()) < most
    assert sizes == sorted(sizes)
    assert sizes[-1] < 3 * 128 * 96 / 4


def test_another_kind_of_model_is_refused():
    vae = VAE(OfVAE(), Schema(shape=(1, 8, 8)))
    with pytest.raises(ConfigError, match="compress needs a Codec, and VAE holds a VAE"):
        compress(scene(), model=vae)


def test_what_is_damaged_or_missing_is_named(codec, tmp_path):
    data = compress(scene(), model=codec)
    path = tmp_path / "cut.sfu"
    path.write_bytes(data[:-1])
    words = r"cut\.sfu cannot be read: it is damaged or cut short"
    with pytest.raises(DataError, match=words):
        decompress(path, model=codec)
    with pytest.raises(DataError, match="the file cannot be read: it is damaged"):
        decompress(data[:-1], model=codec)
    with pytest.raises(DataError, match=r"none\.sfu does not exist"):
        decompress(tmp_path / "none.sfu", model=codec)
    with pytest.raises(DataError, match="is a folder"):
        decompress(tmp_path, model=codec)
    os.mkfifo(tmp_path / "pipe.sfu")
    for endless in (tmp_path / "pipe.sfu", "/dev/zero"):
        with pytest.raises(DataError, match=f"{endless} is no file"):
            decompress(endless, model=codec)


def test_a_picture_or_a_file_too_large_is_refused_before_it_is_read(codec, tmp_path):
    huge = Image.new("1", (20_000, 20_000))
    with pytest.raises(DataError, match=r"the picture has 20000x20000 pixels; at most"):
        compress(huge, model=codec)
    huge.save(tmp_path / "huge.png")
    with pytest.raises(DataError, match=r"huge\.png has .* pixels; at most"):
        compress(tmp_path / "huge.png", model=codec)
    with (tmp_path / "huge.sfu").open("wb") as file:
        file.truncate(3 * PIXELS + 1)  # a hole: it takes no room
    with pytest.raises(DataError, match="it is larger than any picture"):
        decompress(tmp_path / "huge.sfu", model=codec)


def test_sixteen_bits_are_read_as_every_verb_reads_them(codec):
    steps = np.arange(16, dtype=np.uint16).reshape(2, 8) * 4369
    deep = Image.fromarray(steps)
    assert compress(deep, model=codec) == compress(read(deep), model=codec)
    assert len(np.unique(np.asarray(read(deep)))) == 16
