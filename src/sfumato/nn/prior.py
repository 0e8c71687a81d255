"""How likely each whole number is in each channel of a code: learned as floats, used as integers.

    p(n) = F(n + 1/2) - F(n - 1/2)      F(t) = sum_k w_k sigmoid((t - m_k) / s_k)

One mixture of three logistic distributions for each row (a setting of the codec), channel and
context. The context of a number is how large the numbers of the sixteen channels before it are at
its place: whole numbers alone, so that whoever decodes finds the same.

A table has a symbol for each number from -8 to 8, and one for each octave beyond, within which
all numbers are taken as equally likely: 9 to 16, 17 to 32, and so on to 2048.

Learned density and noise: Balle, Laparra & Simoncelli (2017), https://arxiv.org/abs/1611.01704,
section 4; Balle et al. (2018), https://arxiv.org/abs/1802.01436, appendix 6.1. Departures: a
mixture of logistics where they have a small monotone network, and the contexts; with one context
the density is factorised as theirs is.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad

from sfumato.shapes import Column, Labels

Values = Float[Tensor, "B C H W"]
Contexts = Int[Tensor, "B C H W"]
PARTS = 3
"""Logistic distributions in a mixture."""
TOTAL = 2**16
"""What the frequencies of one table add up to."""
BEFORE = 16
"""Channels that a context looks at."""
MOST = 4
"""Numbers beyond count as this large in a context."""
LEAST = 1e-9
"""Least chance that a number in training is given; 30 bits."""

OCTAVES = range(3, 11)
"""Of the symbols beyond 8: as many bits tell their numbers apart."""
OFFSET_BITS = torch.tensor([*OCTAVES[::-1], *[0] * 17, *OCTAVES])
"""How many bits tell the numbers of each symbol apart."""
LOWEST = torch.tensor(
    [*(-2 * 2**k for k in OCTAVES[::-1]), *range(-8, 9), *(2**k + 1 for k in OCTAVES)]
)
"""The lowest number of each symbol."""
REACH = 2**11
"""The largest number there is."""


class Prior(nn.Module):
    """Mixtures for `rows` x `channels` x `contexts`, and the tables they turn into."""

    def __init__(self, rows: int, channels: int, contexts: int) -> None:
        super().__init__()
        self.contexts = contexts
        # logits of the weights, means, logarithms of the scales
        begin = torch.tensor([[0.0, 0.0, 0.0], [-1.0, 0.0, 1.0], [0.5, 0.0, 0.5]])
        # three axes, because `channels_last` lays parameters of four or five anew
        self.mixtures = nn.Parameter(begin.flatten().repeat(rows, channels, contexts))

    def bits(self, values: Values, context: Contexts, row: Labels) -> Column:
        """What the numbers of each image cost, in bits, by the mixtures of its row."""
        channel = torch.arange(values.shape[1], device=values.device)[:, None, None]
        mixtures = self._of_contexts()[row[:, None, None, None], channel, context]
        chance = _between(values[..., None] - 0.5, values[..., None] + 0.5, mixtures)
        return -chance.clamp_min(LEAST).log2().sum((1, 2, 3))

    @torch.no_grad()
    def tables(self) -> Int[Tensor, "R C K N"]:
        """Cumulative frequencies of the symbols, from 0 to `TOTAL`, as int32.

        Every symbol keeps a frequency of at least 1; the ends take what lies beyond.
        """
        mixtures = self._of_contexts().cpu().double().nan_to_num()
        between = LOWEST[1:].double() - 0.5
        below = _cumulative(between[:, None], mixtures[..., None, :])
        ends = (*below.shape[:-1], 1)
        share = torch.cat([below.new_zeros(ends), below, below.new_ones(ends)], -1).diff(dim=-1)
        counts = 1 + (share.clamp(0, 1) * (TOTAL - len(LOWEST))).floor().long()
        rest = TOTAL - counts.sum(-1, keepdim=True)
        counts.scatter_add_(-1, counts.argmax(-1, keepdim=True), rest)
        return pad(counts.cumsum(-1), (1, 0)).int()

    def _of_contexts(self) -> Float[Tensor, "R C K M"]:
        return self.mixtures.unflatten(-1, (self.contexts, 3 * PARTS))


def contexts(values: Values, count: int) -> Contexts:
    """Which of `count` contexts each of these whole numbers is met in."""
    size = values.abs().clamp(max=MOST).long()
    until = pad(size.cumsum(1), (0, 0, 0, 0, 1, 0))[:, :-1]
    before = until - pad(until, (0, 0, 0, 0, BEFORE, 0))[:, : until.shape[1]]
    channel = torch.arange(values.shape[1], device=values.device)[:, None, None]
    return level(before, channel.clamp(max=BEFORE), count)


def level(total: Int[Tensor, "*B"], of: int | Int[Tensor, "..."], count: int) -> Int[Tensor, "*B"]:
    """The context where `of` channels together have this size.

    The last begins at a mean size of 2, the one before at 1, then at a half, and so on down.
    """
    found = torch.zeros_like(total)
    for step in range(count - 1):
        found += (total << step) >= 2 * of
    return found


def _between(low: Tensor, high: Tensor, mixtures: Tensor) -> Tensor:
    """The mixture's chance between two numbers."""
    weight, mean, scale = _parts(mixtures)
    low, high = (low - mean) / scale, (high - mean) / scale
    # two numbers near 1 would lose their difference: look at both from the other side
    side = torch.where(low + high > 0, -1.0, 1.0)
    return (weight * ((side * high).sigmoid() - (side * low).sigmoid()).abs()).sum(-1)


def _cumulative(at: Tensor, mixtures: Tensor) -> Tensor:
    weight, mean, scale = _parts(mixtures)
    return (weight * ((at - mean) / scale).sigmoid()).sum(-1)


def _parts(mixtures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, means and scales, each with the parts as last axis."""
    logits, mean, log_scale = mixtures.unflatten(-1, (3, PARTS)).unbind(-2)
    return logits.softmax(-1), mean, log_scale.clamp(-6, 6).exp()
