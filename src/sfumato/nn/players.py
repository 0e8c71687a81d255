"""The optimisers of players who learn against each other or side by side: one Adam for each."""

from collections.abc import Iterable
from itertools import chain

from torch import nn
from torch.optim import Adam

Part = nn.Module | Iterable[nn.Module]
"""A network, or several that learn as one."""


def adams(*players: tuple[Part, float], beta1: float) -> list[Adam]:
    """An Adam for each part and its learning rate, in order; `beta1` is their first moment's.

    Kingma & Ba (2015), https://arxiv.org/abs/1412.6980; the second moment's decay is 0.999.
    """
    return [Adam(_weights(part), lr=lr, betas=(beta1, 0.999), fused=True) for part, lr in players]


def _weights(part: Part) -> list[nn.Parameter]:
    networks = [part] if isinstance(part, nn.Module) else part
    return list(chain.from_iterable(network.parameters() for network in networks))
