"""Planes, scatters and styles show what the codes are."""

from statistics import NormalDist

import pytest
import torch

from sfumato import data as sources
from sfumato.atlas import fitted, manifold, relabel, scatter
from sfumato.data import Source
from sfumato.errors import ConfigError
from sfumato.io.images import grid, save
from sfumato.models.aae import AAE
from sfumato.models.aae import Config as AAEConfig
from sfumato.models.dcgan import DCGAN
from sfumato.models.dcgan import Config as DCGANConfig
from sfumato.models.vae import VAE, Config
from sfumato.schema import Schema

DIGITS = Source(name="digits")
SCHEMA = Schema(shape=(1, 8, 8), classes=tuple("0123456789"))


class Plain(VAE):
    """Codes that can be read off the picture: each coordinate is one pixel."""

    def __init__(self, latent=2):
        super().__init__(Config(latent=latent, width=4), SCHEMA)

    def generate(self, latents):
        wide = torch.nn.functional.pad(latents / 10, (0, 64 - latents.shape[1]))
        return wide.unflatten(1, (1, 8, 8))

    def encode(self, images):
        return images.flatten(1)[:, : self.config.latent]


class Told(AAE):
    """A style of two pixels; the label is a third."""

    def __init__(self):
        super().__init__(AAEConfig(task="supervised", latent=2, hidden=4, judge=4), SCHEMA)

    def generate(self, latents, label=None):
        rows = torch.cat([latents / 10, label[:, None] / 10], 1)
        return torch.nn.functional.pad(rows, (0, 61)).unflatten(1, (1, 8, 8))

    def encode(self, images):
        return 10 * images.flatten(1)[:, :2]


def codes(images, wide=2):
    return 10 * images.flatten(1)[:, :wide]


def test_the_plane_steps_evenly_through_the_priors_quantiles():
    found = codes(manifold(Plain(), 15)).view(15, 15, 2)
    quantiles = [NormalDist().inv_cdf(0.05 + 0.9 * step / 14) for step in range(15)]
    for line in range(15):
        torch.testing.assert_close(found[line, :, 0], torch.tensor(quantiles))
        torch.testing.assert_close(found[:, line, 1], torch.tensor(quantiles).flip(0))


def test_a_told_label_holds_for_the_whole_plane():
    for label in (0, 7):
        found = codes(manifold(Told(), 3, label=label), 3)
        torch.testing.assert_close(found[:, 2], torch.full((9,), float(label)))
        assert len(found[:, :2].unique(dim=0)) == 9


def test_a_plane_needs_two_coordinates():
    with pytest.raises(ConfigError) as caught:
        manifold(Plain(latent=3))
    assert str(caught.value) == (
        "manifold needs a code of two normal coordinates, and that of Plain has 3; train one with "
        "--model.latent 2."
    )


def test_codes_of_two_are_points_as_they_are():
    found = scatter(Plain(), DIGITS, count=50, seed=3)
    held_out = sources.open(Source(name="digits", split="test"))
    whole = held_out.batch(torch.arange(len(held_out)))
    every = whole.image.flatten(1)[:, :2]
    assert torch.equal(found.where, found.codes)
    assert found.where.shape == (50, 2)
    assert all((row == every).all(1).any() for row in found.where)
    assert set(found.labels.tolist()) <= set(range(10))
    assert (found.classes, found.axes) == (SCHEMA.classes, ("z0", "z1"))


def test_a_single_coordinate_lies_on_a_line_and_many_are_embedded():
    assert (scatter(Plain(latent=1), DIGITS, count=9).where[:, 1] == 0).all()
    found = scatter(Plain(latent=5), DIGITS, count=60)
    assert (found.codes.shape, found.where.shape) == ((60, 5), (60, 2))
    assert found.axes == ("t-SNE", "")
    again = scatter(Plain(latent=5), DIGITS, count=60)
    assert torch.equal(found.where, again.where)


def test_a_kind_beside_the_style_is_left_out_of_a_scatter():
    model = AAE(AAEConfig(task="clusters", latent=2, hidden=4, judge=4), SCHEMA).eval()
    assert scatter(model, DIGITS, count=20).codes.shape == (20, 2)


def test_each_style_is_painted_under_every_label():
    images = torch.rand(4, 1, 8, 8) * 2 - 1
    found = relabel(Told(), images)
    assert found.painted.shape == (4, 10, 1, 8, 8)
    read = codes(found.painted.flatten(0, 1), 3).view(4, 10, 3)
    for row in range(4):
        torch.testing.assert_close(read[row, :, :2], codes(images)[[row]].expand(10, 2))
        torch.testing.assert_close(read[row, :, 2], torch.arange(10.0))


def test_held_out_images_of_each_class_are_taken_in_turn():
    found = relabel(Told(), data=DIGITS, count=20, seed=1)
    held_out = sources.open(Source(name="digits", split="test"))
    whole = held_out.batch(torch.arange(len(held_out)))
    labels = []
    for image in found.images:
        rows = (whole.image == image).flatten(1).all(1).nonzero().flatten()
        labels.append(int(whole.label[rows[0]]))
    assert labels == [*range(10), *range(10)]


def test_pictures_are_cut_to_what_the_model_takes(tmp_path):
    save(grid(torch.zeros(1, 1, 20, 30), gap=0), tmp_path / "wide.png")
    images = fitted(Plain(), [tmp_path / "wide.png"])
    assert images.shape == (1, 1, 8, 8)
    assert relabel(Told(), [tmp_path / "wide.png"]).painted.shape == (1, 10, 1, 8, 8)


def test_who_cannot_is_told_so_in_one_line():
    with pytest.raises(ConfigError, match="relabel needs a decoder that is told the label, and"):
        relabel(Plain(), torch.zeros(1, 1, 8, 8))
    gan = DCGAN(DCGANConfig(width=2, latent=2), SCHEMA)
    with pytest.raises(ConfigError, match="scatter needs an Autoencoder, and DCGAN holds a DCGAN"):
        scatter(gan, DIGITS)
    assert manifold(gan.eval(), 2).shape == (4, 1, 8, 8)
