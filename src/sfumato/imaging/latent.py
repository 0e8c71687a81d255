"""A hole filled with what the nearest picture of a painter has there: a search of its codes.

    z* = argmin |W (G(z) - y)|_1 + prior * -softplus(D(G(z)))
    W  = of a pixel that is known, the share of its neighbourhood that is not; 0 in the hole

by Adam on several codes at once, each kept within what the painter's prior reaches; the best of
them is painted. -softplus(d) is log(1 - sigmoid(d)).

Axes: B tries, Z latent width, C channels, S the painter's side. Paper: Yeh et al. (2017),
https://arxiv.org/abs/1607.07539, equations 2 to 5; blending is left to who asks.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, softplus

from sfumato.conditions import taken
from sfumato.data.dataset import Batch
from sfumato.model import Judge, Sampler
from sfumato.randomness import generator
from sfumato.shapes import Column, Images, Latents, Masks, Others

NEAR = 7
"""Side of a pixel's neighbourhood."""
PRIOR = 0.003
"""Weight of what the judge says."""
REACH = 2000
"""Codes drawn to see how far the prior reaches."""
LR = 0.03
"""Adam learning rate."""


@torch.enable_grad()
def searched(
    model: Sampler,
    images: Images,
    mask: Masks,
    *,
    seed: int = 0,
    tries: int = 8,
    steps: int = 500,
    tell: Callable[[int], Any] | None = None,
    **asked: Any,
) -> Images:
    """What `model`, a `Judge` too, would have painted: 1 C S S for one picture 1 C S S.

    `asked` is what `Sampler.condition` takes; labels that are not asked for go round the tries.
    `tell` is told of each step. Raises ConfigError for what the model cannot be asked.
    """
    assert isinstance(model, Judge)
    rng = generator(seed, "complete", device=model.device)
    given = model.condition(tries, rng, **asked)
    low, high = _reach(model)
    codes = model.prior(tries, rng).detach().requires_grad_()
    optimizer = torch.optim.Adam([codes], lr=LR)
    known, weights = images.to(model.device), _weights(mask).to(model.device)
    best, loss = codes.detach().clone(), torch.full((tries,), torch.inf, device=model.device)
    for _ in range(steps):
        now = _loss(model, codes, given, known, weights)
        better = now.detach() < loss
        best[better], loss[better] = codes.detach()[better], now.detach()[better]
        (codes.grad,) = torch.autograd.grad(now.sum(), codes)
        optimizer.step()
        with torch.no_grad():
            codes.clamp_(low, high)
        if tell is not None:
            tell(1)
    with torch.no_grad():
        return model.generate(best, **given).float()[[int(loss.argmin())]]


def _loss(
    model: Any, codes: Latents, given: dict[str, Tensor], known: Others, weights: Others
) -> Column:
    painted = model.generate(codes, **given).float()
    apart = (weights * (painted - known).abs()).sum((1, 2, 3))
    seen = taken(model.judge, Batch(image=painted, **given))
    return apart - PRIOR * softplus(model.judge(painted, **seen).float())


def _weights(mask: Masks) -> Masks:
    """A picture's edge has no neighbours beyond it, known or not."""
    hidden = avg_pool2d(mask, NEAR, stride=1, padding=NEAR // 2, count_include_pad=False)
    return hidden * (1 - mask)


def _reach(model: Sampler) -> tuple[Tensor, Tensor]:
    """The least and the largest of each column of many codes."""
    codes = model.prior(REACH, generator(0, "reach", device=model.device)).detach()
    return codes.amin(0), codes.amax(0)
