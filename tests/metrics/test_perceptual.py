"""Perceptual distances: the formula by hand, agreement with people, when LPIPS is LPIPS."""

import pytest
import torch
from safetensors.torch import load_file

from sfumato.errors import ConfigError
from sfumato.metrics import perceptual
from sfumato.metrics.perceptual import LEARNED, SHIPPED, Distance, _example, distance
from sfumato.nn.perceptual import Perceptual, _known, known

HERE = torch.device("cpu")


def test_equal_pictures_are_at_no_distance_and_others_are():
    images = torch.rand(3, 3, 20, 28) * 2 - 1
    apart = distance()
    assert apart(images, images).tolist() == [0, 0, 0]
    there, back = apart(images, images.flip(0)), apart(images.flip(0), images)
    assert (there[::2] > 0.1).all()
    torch.testing.assert_close(there, back)


def test_by_the_formula():
    """One place after another, in plain loops."""
    network = distance().network(HERE)
    x, y = (torch.rand(1, 3, 8, 6) * 2 - 1 for _ in range(2))
    want = 0.0
    for layer in network.layers:
        ours, theirs = (network(z, [layer])[layer][0] for z in (x, y))
        places = []
        for row in range(ours.shape[1]):
            for column in range(ours.shape[2]):
                u, v = ours[:, row, column], theirs[:, row, column]
                places.append(float((u / u.norm() - v / v.norm()).square().sum()))
        want += sum(places) / len(places)
    assert float(distance()(x, y)) == pytest.approx(want, rel=1e-4)


def test_weights_are_of_maps():
    network = distance().network(HERE)
    x, y = (torch.rand(1, 3, 16, 16) * 2 - 1 for _ in range(2))
    one = Distance(lambda device: network, {"stage2": torch.eye(32)[5]})
    ours, theirs = (network(z, ["stage2"])["stage2"] for z in (x, y))
    ours, theirs = (maps[0, 5] / maps[0].norm(dim=0) for maps in (ours, theirs))
    torch.testing.assert_close(one(x, y)[0], (ours - theirs).square().mean())


def test_it_agrees_with_people_on_the_authors_examples():
    """They find `ex_p1` nearer; PSNR and SSIM say the other one is."""
    near, far, original = (_example(f"ex_{name}") for name in ("p1", "p0", "ref"))
    assert float(distance()(near, original)) < float(distance()(far, original))


def test_gradients_reach_pictures_also_equal_ones():
    _known.cache_clear()
    images = torch.rand(1, 3, 16, 16, requires_grad=True)
    with torch.inference_mode():
        apart = distance()
        apart(images, images)  # as a score may ask for it first
    apart(images, images.detach()).sum().backward()
    assert images.grad.isfinite().all()


def test_all_look_through_one_network_of_each_device():
    apart, images = distance(), torch.rand(1, 3, 16, 16)
    network = apart.network(HERE)
    assert network is distance().network(HERE) is known("embedded", HERE)
    apart(images.to("meta"), images.to("meta"))
    assert network.gain.device == HERE
    assert apart(images, images).tolist() == [0]


@pytest.fixture
def untaught(monkeypatch):
    """VGG-16 of random weights where the published ones are asked for."""
    network = Perceptual("vgg16", LEARNED[-1], "max")
    monkeypatch.setattr(perceptual, "known", lambda *a, **k: network)


def test_other_weights_of_vgg_do_not_make_lpips(untaught):
    assert distance("vgg16").name == "perceptual_vgg16"


def test_where_the_published_distances_come_out_it_is_lpips(untaught, monkeypatch):
    plain, original = distance("vgg16"), _example("ex_ref")
    found = {name: float(plain(_example(name), original)) for name in ("ex_p0", "ex_p1")}
    monkeypatch.setattr(perceptual, "PUBLISHED", found)
    assert distance("vgg16").name == "lpips"


def test_the_learned_weights_are_the_published_ones(real_data):
    state = torch.load(
        real_data / "weights" / "lpips_heads" / "v0.1" / "vgg.pth",
        weights_only=True,
        map_location="cpu",
    )
    heads = load_file(SHIPPED / "vgg16.safetensors")
    for number in range(5):
        want = state[f"lin{number}.model.1.weight"].flatten()
        assert torch.equal(heads[f"head{number + 1}"], want)
        assert (want >= 0).all()


def test_bad_input():
    with pytest.raises(ConfigError, match="shape"):
        distance()(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9))
    with pytest.raises(ConfigError, match="embedded or vgg16"):
        distance("alex")
