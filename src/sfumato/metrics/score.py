"""One measured number, and what it needs to be read honestly."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

UNBIASED = {"fid": 2_000}
"""Samples below which a score is biased, so that another speaks for the system."""


@dataclass(frozen=True)
class Score:
    """A value with its two references on the same protocol; str() is one line.

    `floor` and `ceiling` are the ends of the scale, not bounds: for a distance the ceiling is the
    smaller of the two.
    """

    value: float
    """The number itself."""
    floor: float | None = None
    """What a trivial baseline scores."""
    ceiling: float | None = None
    """What a perfect system scores: real against real."""
    n: int = 0
    """Number of samples measured."""
    better: Literal["higher", "lower"] = "higher"
    """Which way is good."""
    features: str = ""
    """Network whose features were compared; empty for pixels."""
    resizer: str = ""
    """How images reached the network's side."""
    seed: int | None = None
    """Seed of the samples; None where nothing is drawn."""
    error: float | None = None
    """Standard error of `value`, where the metric estimates one."""
    note: str = ""
    """A warning that must travel with the number."""

    @property
    def position(self) -> float | None:
        """Where the value lies from floor (0) to ceiling (1); None without two distinct ends."""
        if self.floor is None or self.ceiling is None or self.floor == self.ceiling:
            return None
        return (self.value - self.floor) / (self.ceiling - self.floor)

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return "↑" if self.better == "higher" else "↓"

    def to_json(self) -> dict[str, Any]:
        """Every field that was set, numbers that JSON cannot carry (nan, inf) as None."""
        return {
            name: None if isinstance(part, float) and not math.isfinite(part) else part
            for name, part in asdict(self).items()
            if name == "value" or part not in (None, "")
        }

    def __str__(self) -> str:
        text = f"{self.value:.4g}"
        if self.error is not None:
            text += f" ± {self.error:.2g}"
        text += f" {self.arrow}"
        for name in ("floor", "ceiling"):
            if (part := getattr(self, name)) is not None:
                text += f" · {name} {part:.4g}"
        if self.n:
            text += f" · n {self.n:,}"
        for name in ("features", "resizer", "seed"):
            if (part := getattr(self, name)) not in (None, ""):
                text += f" · {name} {part}"
        return f"{text} · {self.note}" if self.note else text


def of_share(share: float, n: int) -> float:
    """The standard error of a share of `n` samples, each counted or not: a binomial's over n."""
    return math.sqrt(share * (1 - share) / n)
