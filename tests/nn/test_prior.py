"""The prior: bits by the book, tables that add up, contexts that the reader finds too."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import logistic

from sfumato.nn import coding
from sfumato.nn.prior import LOWEST, OFFSET_BITS, PARTS, REACH, TOTAL, Prior, contexts
from sfumato.nn.tiles import spans, tiles


def prior(rows=2, channels=4, many=3):
    found = Prior(rows, channels, many)
    with torch.no_grad():
        found.mixtures += torch.randn_like(found.mixtures) / 2
    return found


def chance(mixture, low, high):
    """The mass of one mixture between two numbers, by scipy."""
    logits, mean, log_scale = mixture.detach().double().numpy().reshape(3, PARTS)
    weight = np.exp(logits) / np.exp(logits).sum()
    parts = logistic(loc=mean, scale=np.exp(log_scale))
    return float((weight * (parts.cdf(high) - parts.cdf(low))).sum())


def test_bits_are_minus_the_logarithm_of_the_mass_around_a_number():
    model = prior()
    values = torch.randn(3, 4, 2, 2) * 3
    context, row = torch.randint(3, (3, 4, 2, 2)), torch.tensor([0, 1, 0])
    wanted = [0.0, 0.0, 0.0]
    for image, channel, y, x in np.ndindex(3, 4, 2, 2):
        mixture = model.mixtures[row[image], channel].unflatten(0, (3, 9))
        value = float(values[image, channel, y, x])
        mass = chance(mixture[context[image, channel, y, x]], value - 0.5, value + 0.5)
        wanted[image] -= np.log2(mass)
    found = model.bits(values, context, row)
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-4)


def test_far_numbers_keep_a_slope():
    """Masses near 1 on both sides would have no difference left in float32."""
    model = Prior(1, 1, 1)
    for far in (-15.0, 15.0):
        values = torch.full((1, 1, 1, 1), far, requires_grad=True)
        bits = model.bits(values, torch.zeros(1, 1, 1, 1).long(), torch.zeros(1).long())
        (slope,) = torch.autograd.grad(bits.sum(), values)
        assert slope.item() * far > 1


def test_tables_are_the_masses_in_whole_numbers():
    model = prior()
    tables = model.tables()
    assert tables.dtype == torch.int32
    assert tables.shape == (2, 4, 3, 34)
    assert (tables[..., 0] == 0).all()
    assert (tables[..., -1] == TOTAL).all()
    counts = tables.diff(dim=-1)
    assert counts.min() >= 1
    mixture = model.mixtures[1, 2].unflatten(0, (3, 9))[1]
    ends = [-np.inf, *(LOWEST[1:].double() - 0.5).tolist(), np.inf]
    for count, (low, high) in zip(counts[1, 2, 1].tolist(), pairwise(ends), strict=True):
        assert count / TOTAL == pytest.approx(chance(mixture, low, high), abs=1e-3)


def test_symbols_cover_every_number_once():
    found = [
        number
        for lowest, bits in zip(LOWEST.tolist(), OFFSET_BITS.tolist(), strict=True)
        for number in range(lowest, lowest + 2**bits)
    ]
    assert found == list(range(-REACH, REACH + 1))


def test_tables_of_mixtures_gone_wrong_are_tables():
    model = prior()
    with torch.no_grad():
        model.mixtures *= 1e4
        model.mixtures[0, 0] = torch.nan
    counts = model.tables().diff(dim=-1)
    assert counts.min() >= 1
    assert (counts.sum(-1) == TOTAL).all()


def test_contexts_look_at_earlier_channels_alone():
    values = (torch.randn(1, 5, 6, 6) * 2).round()
    before = contexts(values, 4)
    values[:, 3:] = 30
    assert torch.equal(contexts(values, 4)[:, :4], before[:, :4])
    assert not torch.equal(contexts(values, 4)[:, 4], before[:, 4])


def test_a_context_is_a_mean_size_in_octaves():
    """From the last: 2 and more, 1 and more, a half, a quarter, less."""
    for size, wanted in ((0, 0), (1, 3), (2, 4), (-3, 4), (900, 4)):
        values = torch.full((1, 2, 1, 1), float(size))
        assert contexts(values, 5)[0, 1, 0, 0] == wanted
    values = torch.zeros(1, 20, 1, 1)
    values[0, 0] = -9  # counts as 4, among 1, 2, ... 16 channels, and then no more
    found = contexts(values, 5)[0, :, 0, 0].tolist()
    assert found[1:] == [4, 4, 3, 3, 2, 2, 2, 2] + [1] * 8 + [0] * 3
    assert (contexts(values, 1) == 0).all()


@pytest.mark.parametrize("scale", [0.3, 2, 40, 900])
def test_numbers_come_back_and_cost_what_the_tables_say(scale):
    tables = prior(channels=20).tables()[0].numpy()
    numbers = (torch.randn(20, 9, 11) * scale).round().clamp(-REACH, REACH)
    data = coding.write(numbers, tables)
    assert torch.equal(coding.read(data, tables, 9, 11), numbers)
    context = contexts(numbers[None], 3)[0]
    bits = 0.0
    for at in np.ndindex(20, 9, 11):
        number, table = int(numbers[at]), tables[at[0], context[at]]
        symbol = sum(number >= lowest for lowest in LOWEST.tolist()) - 1
        bits -= np.log2((table[symbol + 1] - table[symbol]) / TOTAL)
        bits += OFFSET_BITS[symbol].item()
    assert bits / 8 - 2 <= len(data) <= bits / 8 * 1.001 + 4
    assert coding.least_bits(tables, 99) < bits


def test_spans_cover_a_length_once_and_stay_inside():
    for length, piece, around in ((1, 4, 2), (10, 4, 2), (12, 4, 9), (8, 8, 3)):
        found = spans(length, piece, around)
        assert [n for span in found for n in range(length)[span.place]] == list(range(length))
        for span in found:
            assert range(length)[span.outer][span.inner] == range(length)[span.place]
            assert span.first == max(0, span.begin - around)
            assert span.last == min(length, span.end + around)
    assert len(list(tiles(9, 17, 8, 1))) == 2 * 3
    assert spans(9, 8, 1)[1].times(8).place == slice(64, 72)
    assert spans(72, 64, 8)[1].over(8).inner == slice(1, 2)
    assert spans(70, 64, 8)[1].over(8).place == slice(8, 9)
