"""Sampling: parts, ways, walks and conditions give what `Sampler.sample` promises."""

import numpy as np
import pytest
import torch

import sfumato
from sfumato import load
from sfumato.errors import ConfigError
from sfumato.models.lenet5 import Config as LeNetConfig
from sfumato.models.lenet5 import LeNet5
from sfumato.models.vae import VAE, Config
from sfumato.sampling import animate, interpolate, layout, rounds, sample
from sfumato.schema import Schema


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return VAE(Config(latent=4, width=8), Schema(shape=(1, 8, 8))).eval()


@pytest.fixture
def asked(stencil, plugins):
    """A model that takes one of 36 letters, a slant, a weight and a style."""
    return load(stencil)


# ------------------------------------------------------------------ many


def test_drawing_in_parts_is_drawing_at_once(vae, monkeypatch):
    whole, told = vae.sample(10, seed=3), []
    monkeypatch.setattr("sfumato.encoding.PART", 4)
    assert torch.allclose(sample(vae, 10, seed=3, tell=told.append), whole, atol=1e-6)
    assert told == [4, 4, 2]


def test_conditions_are_cut_into_parts_with_the_codes(asked, monkeypatch):
    words = {"label": ["A", "7"], "attributes": {"slant": 5}}
    whole = asked.sample(10, seed=3, **words)
    monkeypatch.setattr("sfumato.encoding.PART", 3)
    assert torch.allclose(sample(asked, 10, seed=3, **words), whole, atol=1e-6)


def test_a_place_is_as_good_as_the_model_in_it(stencil, asked):
    assert torch.equal(sfumato.sample(stencil, 4, label="A"), sample(asked, 4, label="A"))


def test_truncated_samples_are_nearer_to_each_other(vae):
    free, close = sample(vae, 100), sample(vae, 100, truncation=0.3)
    assert close.std(0).mean() < 0.6 * free.std(0).mean()
    assert torch.equal(sample(vae, 100, truncation=0.3), close)
    assert torch.equal(sample(vae, 100, truncation=100.0), free)


def test_who_cannot_draw_says_what_it_can():
    model = LeNet5(LeNetConfig(), Schema(shape=(1, 28, 28), classes=("0", "1")))
    with pytest.raises(ConfigError, match="sample needs a Sampler, and LeNet5 holds a LeNet5,"):
        sample(model, 2)


# ------------------------------------------------------------------ grids


@pytest.mark.parametrize(
    ("about", "words", "count", "columns"),
    [
        (64, {}, 72, None),  # 36 letters, twice; too many for a column each
        (16, {}, 16, None),
        (16, {"label": "A"}, 16, None),
        (16, {"label": ["A", "B", "C"]}, 15, 3),
        (64, {"label": list("ABCDEFGHIJ")}, 60, 10),
        (16, {"label": "A", "attributes": {"style": ["sans", "serif"]}}, 16, 4),
        (16, {"attributes": {"style": ["sans", "serif"]}}, 16, None),
    ],
)
def test_grids_show_what_goes_round_in_whole_rounds_and_columns(
    asked, about, words, count, columns
):
    assert rounds(asked, about, words) == count
    assert layout(asked, count, words) == columns


def test_unless_told_how_many_python_draws_what_the_verbs_draw():
    words = {"label": ["3", "5", "8"]}
    for asked, count in (({}, 20), (words, 15)):
        images = sfumato.sample("cgan-mnist", **asked)
        assert torch.equal(images, sfumato.sample("cgan-mnist", count, **asked))
        frame = next(sfumato.animate("cgan-mnist", stops=2, frames=1, **asked))
        want = next(sfumato.animate("cgan-mnist", count, stops=2, frames=1, **asked))
        assert frame.tobytes() == want.tobytes()
    assert len(sfumato.sample("dcgan-digits")) == 16


def test_what_is_asked_of_no_attribute_is_refused_whether_or_not_it_is_said_how_many(asked):
    for count in (None, 2):
        with pytest.raises(ConfigError, match="attributes 'bold=yes' must map names to values"):
            sample(asked, count, attributes="bold=yes")


def test_grids_of_a_model_without_conditions_are_square(vae):
    assert (rounds(vae, 64), layout(vae, 64)) == (64, None)


# ------------------------------------------------------------------ ways


def test_a_strip_runs_through_the_images_of_its_seeds(vae):
    ends = [vae.sample(1, seed=seed) for seed in (0, 1, 2)]
    images = interpolate(vae, [0, 1, 2], 5)
    assert len(images) == 10
    for index, end in ((0, 0), (4, 1), (5, 1), (9, 2)):
        assert torch.allclose(images[index], ends[end][0], atol=1e-5)


def test_a_strip_goes_from_what_is_asked_of_one_seed_to_what_is_asked_of_the_next(asked):
    words = {"label": ["A", "B"], "attributes": {"slant": [-10, 10], "bold": "no"}}
    images = interpolate(asked, (4, 5), 6, **words)
    first = {"label": "A", "attributes": {"slant": -10, "bold": "no"}}
    last = {"label": "B", "attributes": {"slant": 10, "bold": "no"}}
    assert torch.allclose(images[0], asked.sample(1, seed=4, **first)[0], atol=1e-5)
    assert torch.allclose(images[-1], asked.sample(1, seed=5, **last)[0], atol=1e-5)


def test_a_strip_of_one_label_is_of_that_label(asked):
    images = interpolate(asked, (4, 5), 3, label="Q")
    assert torch.allclose(images[0], asked.sample(1, seed=4, label="Q")[0], atol=1e-5)
    with pytest.raises(ConfigError, match="3 labels were asked for, and 2 to be drawn; ask for 2"):
        interpolate(asked, (4, 5), 3, label=["A", "B", "C"])


def test_the_ends_of_a_truncated_strip_are_truncated_samples(vae):
    images = interpolate(vae, (0, 1), 4, truncation=0.5)
    assert torch.allclose(images[0], sample(vae, 1, seed=0, truncation=0.5)[0], atol=1e-6)


# ------------------------------------------------------------------ films


def test_a_walk_goes_round(vae):
    frames = list(animate(vae, 4, stops=3, frames=6, seed=1))
    assert len(frames) == 18
    assert frames[0].size == (2 * 8 + 3, 2 * 8 + 3)

    def apart(one, other):
        return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())

    # the last frame is one step from the first, as every frame is from its neighbour
    assert apart(frames[-1], frames[0]) < apart(frames[9], frames[0])


def test_a_film_shows_no_frame_twice():
    """Frames are even steps: the end of a leg is the beginning of the next, and of that alone."""
    frames = list(animate("dcgan-digits", 1, stops=3, frames=3))
    assert len({frame.tobytes() for frame in frames}) == 9


def test_each_picture_of_a_film_keeps_its_label(asked, monkeypatch):
    seen = []
    paint = type(asked).generate

    def watched(self, latents, label, attributes):
        seen.append(label.tolist())
        return paint(self, latents, label, attributes)

    monkeypatch.setattr(type(asked), "generate", watched)
    frames = list(animate(asked, 6, stops=2, frames=2, label=["A", "C"]))
    assert seen == [[0, 2] * 3] * 4
    assert frames[0].size == (2 * 9 + 1, 3 * 9 + 1), "two letters, a column each"


def test_more_than_memory_holds_is_refused_at_once(vae):
    with pytest.raises(ConfigError, match=r"^10,000,000,000 images of .* are too many at once; a"):
        sample(vae, 10**10)
    with pytest.raises(ConfigError, match=r"4,000 frames; at most 2,000 are filmed\.$"):
        animate(vae, stops=4, frames=1000)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda vae: sample(vae, 0), "count must be at least 1; got 0."),
        (lambda vae: vae.sample(-1), "count must be at least 1; got -1."),
        (lambda vae: interpolate(vae, [3]), "interpolate needs two seeds or more; got 1."),
        (lambda vae: interpolate(vae, [0, 1], 0), "count must be at least 1; got 0."),
    ],
)
def test_nothing_to_draw_is_refused(vae, act, said):
    with pytest.raises(ConfigError) as caught:
        act(vae)
    assert str(caught.value) == said
