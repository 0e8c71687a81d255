"""Pictures become codes, and codes pictures, with any autoencoder."""

import pytest
import torch
from PIL import Image

from sfumato import data as sources
from sfumato.atlas import reconstruct
from sfumato.data import Source
from sfumato.encoding import encoded, fitted, painted_under
from sfumato.errors import ConfigError
from sfumato.exploring import traverse
from sfumato.model import Autoencoder
from sfumato.models.aae import AAE
from sfumato.models.aae import Config as AAEConfig
from sfumato.models.dcgan import DCGAN
from sfumato.models.dcgan import Config as DCGANConfig
from sfumato.models.vae import VAE, Config
from sfumato.sampling import interpolate
from sfumato.schema import Schema

DIGITS = Source(name="digits")
SCHEMA = Schema(shape=(1, 8, 8), classes=tuple("0123456789"))


class Copier(Autoencoder):
    """No sampler: a code is the first pixels, as far as they are painted."""

    def __init__(self, wide=3):
        super().__init__(Config(), SCHEMA)
        self.wide = wide

    def encode(self, images):
        return images.flatten(1)[:, : self.wide]

    def decode(self, codes):
        return torch.nn.functional.pad(codes, (0, 64 - self.wide)).unflatten(1, (1, 8, 8))

    def training_step(self, batch, index):
        raise NotImplementedError

    def configure_optimizers(self):
        """Never asked: this model does not learn."""


class Read(VAE):
    """A sampler whose codes can be read off the picture."""

    def __init__(self):
        super().__init__(Config(latent=2, width=4), SCHEMA)

    def generate(self, latents):
        return torch.nn.functional.pad(latents, (0, 62)).unflatten(1, (1, 8, 8))

    def encode(self, images):
        return images.flatten(1)[:, :2]


def pictures(count=4):
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def told(task):
    return AAE(AAEConfig(task=task, latent=2, hidden=8, judge=4), SCHEMA).eval()


def test_a_reconstruction_is_the_picture_of_the_code():
    found = reconstruct(Copier(), pictures())
    want = torch.zeros(4, 64)
    want[:, :3] = pictures().flatten(1)[:, :3]
    assert torch.equal(found.painted.flatten(1), want)
    error = (found.painted - pictures()).square().mean((1, 2, 3))
    torch.testing.assert_close(found.psnr, 10 * torch.log10(4 / error))


def test_files_are_cut_to_what_the_model_takes(tmp_path):
    Image.new("L", (30, 20), 200).save(tmp_path / "wide.png")
    found = reconstruct(Copier(), [tmp_path / "wide.png"])
    assert found.images.shape == (1, 1, 8, 8)
    assert torch.equal(fitted(Copier(), pictures()), pictures())


def test_unless_named_pictures_are_held_out_ones():
    found = reconstruct(Copier(), data=DIGITS, count=5)
    held = sources.open(Source(name="digits", split="test"))
    every = held.batch(torch.arange(len(held))).image
    assert all((every == image).flatten(1).all(1).any() for image in found.images)


def test_a_decoder_is_told_what_it_cannot_do_without():
    model, images = told("supervised"), pictures()
    with pytest.raises(ConfigError, match=r"paints a code under its label; ask for it: --label"):
        reconstruct(model, images)
    found = reconstruct(model, images, label=7)
    want = model.decode(model.encode(images), torch.full((4,), 7))
    torch.testing.assert_close(found.painted, want)
    found = reconstruct(model, data=DIGITS, count=6)  # the labels of held-out images are known
    with torch.no_grad():
        codes = encoded(model, found.images)
        each = torch.stack([model.decode(codes, torch.full((6,), k)) for k in range(10)])
    nearest = (each - found.painted).square().mean((2, 3, 4)).argmin(0)
    assert len(nearest.unique()) > 1


def test_a_decoder_that_knows_the_class_from_the_code_is_told_nothing():
    model, images = told("semi_supervised"), pictures()
    assert painted_under(model, 4, {}) == {}
    found = reconstruct(model, images)
    torch.testing.assert_close(found.painted, model.decode(model.encode(images)))


def test_the_way_between_pictures_passes_all_of_them():
    images = interpolate(Copier(), count=3, pictures=pictures(3))
    codes = images.flatten(1)[:, :3]
    ends = pictures(3).flatten(1)[:, :3]
    want = [ends[0], (ends[0] + ends[1]) / 2, ends[1], ends[1], (ends[1] + ends[2]) / 2, ends[2]]
    torch.testing.assert_close(codes, torch.stack(want))


def test_between_pictures_of_a_sampler_the_way_follows_the_circle():
    codes = interpolate(Read(), count=3, pictures=pictures(2)).flatten(1)[:, :2]
    ends = pictures(2).flatten(1)[:, :2]
    torch.testing.assert_close(codes[[0, 2]], ends)
    assert not torch.allclose(codes[1], ends.mean(0))


def test_a_picture_is_changed_as_far_as_real_codes_go():
    rows = traverse(Copier(), steps=3, picture=pictures(1), data=DIGITS)
    held = sources.open(Source(name="digits", split="test"))
    codes = held.batch(torch.arange(len(held))).image.flatten(1)[:, :3]
    assert [row.name for row in rows] == ["z0", "z1", "z2"]
    start = pictures(1).flatten(1)[0, :3]
    for column, row in enumerate(rows):
        found = row.images.flatten(1)[:, :3]
        ends = [float(codes[:, column].mean() + s * 2 * codes[:, column].std()) for s in (-1, 1)]
        assert found[[0, 2], column].tolist() == pytest.approx(ends, abs=1e-4)
        rest = [c for c in range(3) if c != column]
        torch.testing.assert_close(found[:, rest], start[rest].expand(3, -1))


def test_a_picture_of_a_sampler_has_the_samplers_axes():
    rows = traverse(Read(), ["z1"], steps=3, picture=pictures(1))
    assert rows[0].values == ("-2", "0", "2")
    torch.testing.assert_close(
        rows[0].images.flatten(1)[:, 0], pictures(1).flatten(1)[0, 0].expand(3)
    )
    rows = traverse(told("semi_supervised"), picture=pictures(1), steps=3)
    assert [row.name for row in rows] == ["label", "z0", "z1"]


def test_who_lacks_an_encoder_or_a_prior_is_told_so():
    gan = DCGAN(DCGANConfig(width=2, latent=2), SCHEMA).eval()
    with pytest.raises(ConfigError, match=r"^interpolate of pictures needs an Autoencoder, and"):
        interpolate(gan, pictures=pictures(2))
    with pytest.raises(ConfigError, match=r"^traverse without pictures needs a Sampler, and Cop"):
        traverse(Copier())
    with pytest.raises(ConfigError, match=r"^reconstruct needs an Autoencoder, and DCGAN holds"):
        reconstruct(gan, pictures())
    with pytest.raises(ConfigError, match=r"^interpolate needs two pictures or more; got 1\.$"):
        interpolate(Copier(), pictures=pictures(1))
    with pytest.raises(ConfigError, match=r"^traverse changes one picture, and 2 were named\.$"):
        traverse(Copier(), picture=pictures(2), data=DIGITS)


def test_one_picture_may_be_named_without_a_list(tmp_path):
    picture = Image.effect_noise((20, 14), 60)
    picture.save(tmp_path / "a.png")
    model = VAE(Config(latent=2, width=8, hidden=8), Schema(shape=(1, 8, 8)))
    path = tmp_path / "a.png"
    listed = fitted(model, [path])
    for shown in (path, str(path), picture, path.read_bytes(), (path,)):
        assert torch.equal(fitted(model, shown), listed)
    with pytest.raises(ConfigError, match=r"^there is no picture to look at: name at least one"):
        fitted(model, [])


def test_images_of_another_shape_or_range_are_refused():
    model = Read()
    for images, said in (
        (torch.zeros(1, 1, 4, 4), "VAE takes images of (1, 8, 8), not of (1, 4, 4);"),
        (
            torch.full((2, 1, 8, 8), 255.0),
            "images hold numbers from -1 to 1, and these 255 to 255;",
        ),
        (torch.full((2, 1, 8, 8), torch.nan), "and these nan to nan;"),
    ):
        with pytest.raises(ConfigError) as caught:
            fitted(model, images)
        assert said.replace("VAE", "Read") in str(caught.value)
    assert fitted(model, pictures().double()).dtype == torch.float32
