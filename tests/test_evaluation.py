"""Evaluation: the networks, the protocol, its references and their cache."""

from dataclasses import replace

import pytest
import torch
from replay import Replay

from sfumato import data as sources
from sfumato import evaluation, runs
from sfumato.data.source import Source
from sfumato.errors import ConfigError, UnknownName
from sfumato.evaluation import METRICS, compare, evaluate, feature_net, protocol, references
from sfumato.evaluation.features import default_features
from sfumato.metrics.recognisable import Classes

DIGITS = Source(name="digits")


def pictures(source=DIGITS, count=None):
    found = sources.open(source)
    return found.batch(torch.arange(count or len(found))).image


def scores(model, **settings):
    return evaluate(model, DIGITS, features="lenet5-digits", count=200, **settings)


# ---- networks --------------------------------------------------------------------------------


def test_lenet_reads_digits():
    net, batch = feature_net("lenet5-digits"), sources.open(DIGITS).batch(torch.arange(400))
    assert (net.dim, net.resizer, net.classes) == (
        84,
        "bilinear-antialias 28",
        tuple("0123456789"),
    )
    reading = net.read(batch.image)
    assert reading.features.shape == (400, 84)
    assert reading.maps.shape == (400, 400)
    assert (reading.logits.argmax(1) == batch.label).float().mean() > 0.95
    torch.testing.assert_close(reading.features, net.features(batch.image))
    torch.testing.assert_close(reading.logits, net.logits(batch.image))


def test_what_the_first_dense_layer_sees_is_what_it_answers_from():
    net = feature_net("lenet5-digits")
    reading = net.read(pictures(count=5))
    layers = list(net.model.stages)
    first = next(i for i, layer in enumerate(layers) if isinstance(layer, torch.nn.Linear))
    rest = torch.nn.Sequential(*layers[first:], net.model.answer)
    torch.testing.assert_close(rest(reading.maps), reading.logits)


def test_images_are_rounded_as_a_picture_file_is():
    net, images = feature_net("pixels-8x8"), pictures(count=4)
    assert torch.equal(net.features(images), net.features((images + 0.003).clamp(-1, 1)))
    assert not torch.equal(net.features(images), net.features(images * 0.9))


def test_pixels_are_means_over_squares_in_three_channels():
    image = torch.zeros(1, 1, 16, 16)
    image[0, 0, :2, 2:4] = 1.0
    features = feature_net("pixels-8x8").features(image).reshape(3, 8, 8)
    assert features[0, 0, 1] == 1
    assert features.sum() == pytest.approx(3 + 3 * 63 / 255, abs=1e-4)  # 0 rounds to 128/255


def test_colour_becomes_grey_by_its_weights():
    net = feature_net("lenet5-digits")
    red = torch.full((1, 3, 28, 28), -1.0)
    red[:, 0] = 1.0
    grey = torch.full((1, 1, 28, 28), 2 * 0.299 - 1)
    torch.testing.assert_close(net.features(red), net.features(grey), atol=0.02, rtol=0)


def test_names_and_defaults():
    with pytest.raises(
        UnknownName, match="--features lenet5-minst is unknown; did you mean 'lenet5-mnist'"
    ):
        feature_net("lenet5-minst")
    with pytest.raises(UnknownName, match="inception-100"):
        feature_net("inception-100")
    assert default_features("digits") == "lenet5-digits"
    assert default_features("mnist") == "lenet5-mnist"
    assert default_features("fashion-mnist") == "lenet5-fashion"
    assert default_features("my/folder") == "inception-768"


# ---- the protocol ----------------------------------------------------------------------------


def test_streaming_is_the_batch_and_keeps_no_more_than_it_says(monkeypatch):
    net, images = feature_net("lenet5-digits"), pictures(count=90)
    whole = protocol.observe(net, [images])
    monkeypatch.setattr(protocol, "KEEP", 40)
    parts = protocol.observe(net, iter(images.split(13)))
    assert parts.count == 90
    torch.testing.assert_close(parts.moments.covariance, whole.moments.covariance)
    assert [len(t) for t in (parts.kept.features, parts.kept.logits, parts.kept.maps)] == [40] * 3
    torch.testing.assert_close(parts.kept.features, whole.kept.features[:40])


def test_noise_has_the_pixels_own_mean_and_deviation():
    images = pictures()
    mean, deviation = protocol.pixel_moments(iter(images.split(100)))
    torch.testing.assert_close(mean, images.mean(0))
    torch.testing.assert_close(deviation, images.std(0, correction=0), atol=1e-5, rtol=1e-4)
    small = list(protocol.noise(0 * mean, 0.1 + 0 * deviation, 500, 200, seed=1))
    assert [len(part) for part in small] == [200, 50, 200, 50]
    drawn = torch.cat(small)
    whole = protocol.noise(0 * mean, 0.1 + 0 * deviation, 500, 500, seed=1)
    assert torch.equal(torch.cat(list(whole)), drawn), "whatever the batch"
    torch.testing.assert_close(drawn.std(0), torch.full((1, 8, 8), 0.1), atol=0.02, rtol=0)
    assert not torch.equal(small[0], small[1])


def test_held_out_digits_are_recognised_and_noise_is_not():
    found = scores(Replay(pictures(replace(DIGITS, split="test"))))
    assert found["recognisable"].floor < 0.05
    assert found["recognisable"].ceiling > 0.6
    assert found["rarest_class"].floor == 0


def test_what_paints_real_digits_scores_near_the_ceiling_and_noise_at_the_floor():
    real = scores(Replay(pictures(replace(DIGITS, split="test"))))
    mean, deviation = protocol.pixel_moments([pictures()])
    painted = scores(Replay(torch.cat(list(protocol.noise(mean, deviation, 300, 300, seed=9)))))
    assert set(real) == set(METRICS) - {"label_accuracy"}, "nobody asked for labels"
    for name in ("fid", "kid", "precision", "coverage", "recognisable"):
        assert real[name].position > 0.8, name
        assert painted[name].position < 0.2, name
        assert real[name].floor == painted[name].floor
        assert real[name].better == METRICS[name]


def test_every_number_carries_its_protocol():
    score = scores(Replay(pictures()), seed=3)["fid"]
    assert (score.n, score.features, score.seed) == (200, "lenet5-digits", 3)
    assert score.resizer == "bilinear-antialias 28"
    assert "trust kid" in score.note


def test_a_single_digit_painted_over_and_over_leaves_classes_empty():
    found = scores(Replay(pictures(count=1)))
    assert found["recognisable"].value == 1
    assert found["rarest_class"].value == 0
    assert found["classifier_score"].value == pytest.approx(1)
    assert found["recall"].value < found["recall"].ceiling


def test_scores_repeat_with_their_seed_and_batch():
    model = Replay(pictures())
    assert scores(model) == scores(model)
    assert scores(model)["fid"] != scores(model, seed=1)["fid"]


def test_a_network_that_does_not_classify_gives_what_it_can():
    found = evaluate(Replay(pictures()), DIGITS, features="pixels-8x8", count=200)
    assert set(found) == set(METRICS) - set(protocol.NEED_CLASSES)
    assert "200 images" not in found["fid"].note
    assert found["fid"].value < found["fid"].floor


def test_too_few_images_for_the_dimensions_are_told():
    found = evaluate(Replay(pictures()), DIGITS, features="pixels-8x8", count=100)
    assert found["fid"].note == "100 images cannot fill 192 dimensions: far too large, trust kid"
    assert found["kid"].note == "trust this one below 2,000 images"


def test_a_slow_network_looks_at_fewer_unless_told(monkeypatch):
    net = evaluation.feature_net("pixels-8x8")
    monkeypatch.setattr(evaluation, "feature_net", lambda name, device: net)
    for enough, given, seen in ((60, {}, 60), (60, {"count": 90}, 90)):
        net.enough = enough
        found = evaluate(Replay(pictures()), DIGITS, metrics=("kid",), **given)
        assert found["kid"].n == seen
    assert feature_net("lenet5-digits").enough == 10_000


def test_never_more_than_are_held_out():
    found = evaluate(Replay(pictures()), DIGITS, features="pixels-8x8", metrics=("kid",))
    assert list(found) == ["kid"]
    assert found["kid"].n == 297
    assert "only 297 images are held out" in found["kid"].note


def test_halves_share_no_image_and_miss_none():
    first, second = references.splits(replace(DIGITS, split="test"), seed=0)
    assert sorted(torch.cat([first.rows, second.rows]).tolist()) == list(range(297))


def test_classes_are_matched_by_name():
    few = Source(name="digits", classes=("7", "3"))
    found, net = sources.open(few), feature_net("lenet5-digits")
    _, labels = protocol.gallery(net, found, torch.arange(50), 20, lambda size: None)
    given = found.batch(torch.arange(50)).label
    assert labels.tolist() == [(7, 3)[label] for label in given]


# ---- the cache -------------------------------------------------------------------------------


def test_references_are_measured_once(monkeypatch, tmp_path):
    monkeypatch.setenv("SFUMATO_CACHE", str(tmp_path))
    model = Replay(pictures())
    before = scores(model)

    def again(*args):
        raise AssertionError("measured again")

    monkeypatch.setattr(references, "_measure", again)
    assert scores(model) == before
    for changed in ({"count": 100}, {"seed": 5}, {"features": "lenet5-mnist"}):
        with pytest.raises(AssertionError, match="measured again"):
            evaluate(model, DIGITS, **{"features": "lenet5-digits", "count": 200} | changed)


def test_a_damaged_cache_is_measured_again(monkeypatch, tmp_path):
    monkeypatch.setenv("SFUMATO_CACHE", str(tmp_path))
    model = Replay(pictures())
    before = scores(model)
    (file,) = (tmp_path / "references").iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    assert scores(model) == before
    assert file.stat().st_size > 1000


# ---- places ----------------------------------------------------------------------------------


def test_a_classifier_is_measured_by_its_own_numbers():
    found = evaluate("lenet5-digits", DIGITS)
    assert set(found) == {"accuracy"}
    assert found["accuracy"].value > 0.9
    assert found["accuracy"].n == 297
    assert found["accuracy"].floor < 0.2


def test_a_place_that_does_not_say_what_it_learned_from():
    with pytest.raises(ConfigError, match="what lenet5-digits learned from is not written there"):
        evaluate("lenet5-digits")


def test_places_side_by_side():
    rows = compare(["lenet5-digits", "lenet5-mnist"], "digits")
    assert [row["place"] for row in rows] == ["lenet5-digits", "lenet5-mnist"]
    assert {row["model"] for row in rows} == {"lenet5"}
    assert rows[0]["scores"]["accuracy"].value > rows[1]["scores"]["accuracy"].value


@pytest.mark.parametrize(
    ("settings", "said"), [({"count": 19}, "-n 19 is too"), ({"batch": 0}, "batch 0")]
)
def test_senseless_counts(settings, said):
    with pytest.raises(ConfigError, match=said):
        evaluate(Replay(pictures(count=3)), DIGITS, **settings)


def test_unknown_metrics_get_the_nearest():
    with pytest.raises(UnknownName, match="metric 'fidd' is unknown; did you mean 'fid'"):
        evaluate(Replay(pictures(count=3)), DIGITS, features="pixels-8x8", metrics=("fidd",))


@pytest.mark.parametrize("name", ["lenet5-mnist", "lenet5-fashion", "lenet5-digits"])
def test_shipped_networks_are_small_and_have_a_card(name):
    with runs.bundle_folder(name) as folder:
        assert sum(part.stat().st_size for part in folder.iterdir()) < 1_000_000
        card = (folder / "card.md").read_text("utf-8")
    for word in ("accuracy", "floor", "licence", "seed", f"benchmarks/zoo.py {name}"):
        assert word in card


def test_real_mnist_is_recognisable_and_noise_is_not(real_data):
    """A tenth of the reals; the numbers of all of them are in metrics/recognisable.py."""
    net, (train, test) = feature_net("lenet5-mnist"), references.splits(Source(name="mnist"), 0)
    maps, labels = protocol.gallery(net, train.data, train.rows[:6000], 500, lambda size: None)
    classes = Classes(maps, labels, 10)
    mean, deviation = protocol.pixel_moments(train.images(2000, 500))

    def share(batches):
        kept = protocol.observe(net, batches).kept
        return classes.recognise(kept.logits, kept.maps)

    held_out = share(test.images(500, 500))
    painted = share(protocol.noise(mean, deviation, 500, 500, 0))
    assert held_out.fraction > 0.85
    assert painted.fraction < 0.2
    # the classifier alone is as sure of the noise as of the digits
    assert painted.sure.double().mean() > 0.9
