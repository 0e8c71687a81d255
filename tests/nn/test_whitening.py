"""Whitening and colouring: moved maps vary as they should; what varies so already stays."""

import torch
from torch import nn

from sfumato.nn.statistics import held
from sfumato.nn.whitening import FLOOR, LEAST, Turned, Whitening, covaried


def maps(high=12, wide=9, many=1, seed=0):
    chance = torch.Generator().manual_seed(seed)
    mix = torch.randn(5, 5, generator=chance)
    found = torch.randn(many, 5, high, wide, generator=chance)
    return torch.einsum("ij,bjhw->bihw", mix, found) + torch.randn(5, 1, 1, generator=chance)


def test_moments_are_those_of_numpy():
    import numpy as np

    found, rows = covaried(maps()), maps()[0].flatten(1).double().numpy()
    np.testing.assert_allclose(found.mean[0, 0].numpy(), rows.mean(1), rtol=1e-5)
    np.testing.assert_allclose(found.covariance[0].numpy(), np.cov(rows, bias=True), rtol=1e-4)
    np.testing.assert_allclose(found.spread()[0].numpy(), rows.std(1), rtol=1e-4)


def test_moved_maps_have_the_mean_and_covariance_asked_for():
    content, style = maps(seed=1), maps(20, 4, seed=2)
    wanted, own = covaried(style), covaried(content)
    found = covaried(content + Whitening()(content, wanted.coloured()))
    assert torch.allclose(found.mean, wanted.mean, atol=1e-4)
    # exactly so with the little that is added in all directions
    added = [
        (FLOOR * m.covariance[0].diagonal().mean() + LEAST) * torch.eye(5) for m in (own, wanted)
    ]
    way = wanted.coloured().root @ own.white().root
    torch.testing.assert_close(
        found.covariance + way @ added[0] @ way.mT,
        wanted.covariance + added[1],
        rtol=1e-3,
        atol=1e-3,
    )


def test_what_varies_as_asked_already_is_nowhere_apart():
    content = maps()
    apart = Whitening()(content, covaried(content).coloured())
    assert apart.abs().max() < 1e-3 * content.abs().max()


def test_one_colour_is_moved_to_the_mean_and_finite():
    flat, wanted = torch.full((1, 5, 7, 7), 3.0), covaried(maps())
    moved = flat + Whitening()(flat, wanted.coloured())
    assert torch.allclose(moved.mean((2, 3)), wanted.mean[:, 0], atol=1e-3)
    assert moved.isfinite().all()


def test_several_pictures_move_towards_one_or_one_each():
    content, wanted = maps(many=3), covaried(maps(many=3, seed=4)).coloured()
    each = Whitening()(content, wanted)
    for k in range(3):
        style = Turned(wanted.mean[k : k + 1], wanted.root[k : k + 1])
        alone = Whitening()(content[k : k + 1], style)
        torch.testing.assert_close(alone, each[k : k + 1], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(
            alone, Whitening()(content, style)[k : k + 1], rtol=1e-4, atol=1e-4
        )


def test_half_the_way_lies_between():
    one, other = covaried(maps(seed=5)), covaried(maps(seed=6))
    half = one.towards(other, 0.5)
    torch.testing.assert_close(half.mean, (one.mean + other.mean) / 2)
    torch.testing.assert_close(half.covariance, (one.covariance + other.covariance) / 2)


def test_held_statistics_move_a_tile_as_they_move_the_whole():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.whiten = Whitening()

        def forward(self, found):
            return self.whiten(found, covaried(maps(seed=8)).coloured())

    network, whole = Network(), maps(16, 16, seed=7)
    moved = network(whole)
    with held(network, lambda: network(whole)):
        torch.testing.assert_close(network(whole[..., :4, 3:9]), moved[..., :4, 3:9])
    assert not torch.allclose(network(whole[..., :4, 3:9]), moved[..., :4, 3:9])


def test_halves_are_moved_as_singles_are_under_autocast_too():
    content, wanted = maps(), covaried(maps(seed=3)).coloured()
    exact = Whitening()(content, wanted)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(Whitening()(content, wanted), exact)
    found = Whitening()(content.bfloat16(), wanted)
    assert found.dtype == torch.bfloat16
    assert (found.float() - exact).abs().max() < 0.03 * exact.abs().max()


def test_a_frame_is_moved_and_does_not_count():
    content, wanted = maps(), covaried(maps(seed=9)).coloured()
    spoilt = content.clone()
    spoilt[..., :2, :], spoilt[..., -2:, :] = 50.0, -70.0
    spoilt[..., :2], spoilt[..., -2:] = 30.0, 20.0
    clean = Whitening()(content[..., 2:-2, 2:-2], wanted)
    found = Whitening()(spoilt, wanted, 2)
    assert found.shape == content.shape
    torch.testing.assert_close(found[..., 2:-2, 2:-2], clean, rtol=1e-4, atol=1e-4)


def test_what_is_not_finite_stays_so():
    maps = torch.full((1, 2, 3, 3), torch.inf)
    assert Whitening()(maps, covaried(torch.rand(1, 2, 3, 3)).coloured()).isnan().all()
