"""Gram matrices and the losses made of them, against loops and against numbers worked by hand."""

import torch

from sfumato.losses.style import gram, region, total_variation, transfer


def test_gram_is_the_mean_of_products_over_elements():
    maps = torch.randn(2, 3, 4, 5)
    found = gram(maps)
    for b in range(2):
        for i in range(3):
            for j in range(3):
                want = sum(
                    maps[b, i, y, x] * maps[b, j, y, x] for y in range(4) for x in range(5)
                ) / (3 * 4 * 5)
                assert abs(found[b, i, j] - want) < 1e-6


def test_gram_by_hand():
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])
    assert torch.equal(gram(maps), torch.tensor([[[5.0, 1.0], [1.0, 10.0]]]) / 4)


def test_a_mask_of_a_half_is_the_gram_of_that_half():
    maps, mask = torch.randn(1, 3, 4, 6), torch.zeros(1, 1, 4, 6)
    mask[..., :2] = 1
    assert torch.allclose(gram(maps, mask), gram(maps[..., :2]), atol=1e-6)
    assert torch.allclose(gram(maps, mask * 0.5), gram(maps[..., :2]), atol=1e-6)


def test_an_empty_region_has_no_style():
    assert gram(torch.randn(1, 3, 4, 6), torch.zeros(1, 1, 4, 6)).abs().max() == 0


def test_a_region_is_the_share_of_each_place_that_lies_inside():
    mask = torch.tensor([[[[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]]])
    assert torch.equal(region(mask, (1, 2)), torch.tensor([[[[0.75, 0.0]]]]))


def test_total_variation_by_hand():
    image = torch.tensor([[[[0.0, 1.0], [0.5, 1.0]]]])
    assert total_variation(image) == (0.25 + 0.0) / 2 + (1.0 + 0.25) / 2
    assert total_variation(torch.zeros(1, 3, 1, 1)) == 0


def test_transfer_by_hand():
    """Content 2 apart in every place; Gram of ones over two maps is 1/2, wanted 0."""
    maps = {"a": torch.ones(1, 2, 3, 3)}
    content, grams = {"a": -torch.ones(1, 2, 3, 3)}, {"a": torch.zeros(1, 2, 2)}
    found = transfer(maps, content, grams, {"a": 0.5}, content_weight=0.1, loudness=2.0)
    assert torch.allclose(found, torch.tensor([0.1 * 4 * 4 + 0.5 * 16 * 0.25]))
