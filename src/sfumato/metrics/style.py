"""How much of the way to a style a painting goes."""

from collections.abc import Iterable

from sfumato.metrics.score import Score
from sfumato.shapes import Column


def style_loss(losses: Iterable[tuple[Column, Column]]) -> dict[str, Score]:
    """`style_loss`: the losses of paintings over those of their contents as they are.

    Both are sums over all pictures, so the floor, which is to paint nothing, is 1.
    """
    painted, plain, count = 0.0, 0.0, 0
    for apart, own in losses:
        painted, plain = painted + float(apart.sum()), plain + float(own.sum())
        count += len(apart)
    value = painted / max(plain, 1e-9)
    return {"style_loss": Score(value=value, floor=1.0, ceiling=0.0, n=count, better="lower")}
