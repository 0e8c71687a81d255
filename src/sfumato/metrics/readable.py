"""How well the class of an image can be read from its code, without and with learning.

nearest   the class that most of its k nearest codes have, itself left out
linear    logistic regression on half of the codes, asked about the other half
"""

import warnings
from typing import cast

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor

from sfumato.errors import ConfigError
from sfumato.shapes import Features

STEPS = 200
"""Steps of the linear classifier's optimiser at most."""


def nearest_accuracy(codes: Features, labels: Tensor, *, k: int = 5) -> float:
    """Share of codes whose class most of the `k` nearest others have; the nearer decides a tie.

    Distances are Euclidean. Raises ConfigError where there are no `k` others.
    """
    if len(codes) <= k:
        raise ConfigError(f"{len(codes)} codes have no {k} neighbours each; give more.")
    rows, said = codes.detach().cpu().numpy(), labels.cpu().numpy()
    _, near = NearestNeighbors(n_neighbors=k).fit(rows).kneighbors()
    votes = np.zeros((len(rows), int(said.max()) + 1))
    for rank in range(k):
        # less than a vote for being nearer: one rank counts more than all behind it together
        votes[np.arange(len(rows)), said[near[:, rank]]] += 1 + 0.5 ** (rank + 2)
    return float((votes.argmax(1) == said).mean())


def linear_accuracy(codes: Features, labels: Tensor) -> float:
    """Share of the second half that a linear classifier names right; it learned from the first.

    Coordinates are scaled to mean 0 and variance 1. Raises ConfigError where the first half shows
    a single class.
    """
    rows, said = codes.detach().cpu().numpy(), labels.cpu().numpy()
    half = len(rows) // 2
    if len(np.unique(said[:half])) < 2:
        raise ConfigError("a linear classifier needs two classes or more to learn from.")
    return float(linear(rows[:half], said[:half]).score(rows[half:], said[half:]))


def linear(rows: np.ndarray, said: np.ndarray, strength: float = 1.0) -> Pipeline:
    """A linear classifier that learned from these; `strength` is one over its penalty's weight."""
    classifier = LogisticRegression(C=strength, max_iter=STEPS)
    pipeline = make_pipeline(StandardScaler(), classifier)
    # small products: BLAS threads beside torch's wait for one another, a hundred times as long
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        # stopping early is one more regulariser, the same for all
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cast(Pipeline, pipeline.fit(rows, said))
