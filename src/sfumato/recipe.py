"""A recipe: everything needed to repeat a run, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge

from sfumato.data.source import Source
from sfumato.settings import Count, Decay, Positive


@dataclass(frozen=True)
class Published:
    """What a publication says that its system reaches."""

    value: float
    """The number, as one of our scores counts."""
    protocol: str
    """Where it is said, on what and how it was measured: not always as ours is."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One named run of one model."""

    model: Any
    """The model's `Config`."""
    data: Source
    """What it learns from."""
    steps: Count
    """Batches to visit."""
    batch: Count
    """Images per batch, over all processes."""
    seed: int = 0
    """Seed of weights, data order and noise."""
    start: str | None = None
    """What training begins from: "model:recipe", a run, a bundle, or a name that the model's file
    knows; weights are copied by name.
    """
    expects: Mapping[str, float] = field(default_factory=dict)
    """Scores this recipe is known to reach, by name."""
    published: Mapping[str, Published] = field(default_factory=dict)
    """What was published of the same system, by the name of our score that compares with it."""
    every: Count = 400
    """Batches between sample grids, gradient norms and rows of `metrics.csv`."""
    validate: Annotated[int, Ge(0)] = 0
    """Such rows from one to the next that also holds the model's own scores on held-out images, as
    `measure` finds them; 0 for none.
    """
    ema: Decay = 0.0
    """Decay of the averaged weights that samples and scores use; 0 uses the weights as they
    are.
    """
    clip: Positive | None = None
    """Largest gradient norm of a player; none leaves gradients alone."""
    accumulate: Count = 1
    """Equal parts a batch is cut into, to fit memory; gradients add up to the whole batch's, but
    for what compares its images with one another, such as batch norm, which sees the parts.
    """
