"""Descent on the pixels of a picture, which stay in [-1, 1] and whose loss never rises.

L-BFGS keeps the last few pairs of steps and changes of the gradient, which stand for the
curvature. A step that does not lower the loss enough is shortened; pixels that would leave the
range stop at its end. Adam keeps two numbers a pixel and asks no questions: less memory, more
evaluations; the lowest picture of an iteration is kept.

Papers: Liu & Nocedal (1989), https://doi.org/10.1007/BF01589116; Kingma & Ba (2015),
https://arxiv.org/abs/1412.6980
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from sfumato.shapes import Images, Scalar

Evaluate = Callable[[Images], tuple[float, Images]]
"""Loss and gradient of a picture."""
Optimizer = Literal["lbfgs", "adam"]
FIRST = 0.03
"""Root mean square of the first step: pixels reach from -1 to 1."""
PAIRS = 12
"""Pairs that L-BFGS keeps."""
ENOUGH = 1e-4
"""Share of what the slope promises that a step must bring (Armijo)."""


def gradient_of(loss: Callable[[Images], Scalar]) -> Evaluate:
    """`loss` with its gradient."""

    def evaluate(images: Images) -> tuple[float, Images]:
        with torch.enable_grad():
            leaf = images.detach().requires_grad_()
            value = loss(leaf)
            (slope,) = torch.autograd.grad(value, leaf)
        # sums add up in the order of the memory: always the same one, or a resume would differ
        return float(value.detach()), slope.contiguous()

    return evaluate


@dataclass
class Descent:
    """A picture on its way down, and what the way has taught so far."""

    images: Images
    """Where it stands, float32 in [-1, 1]."""
    optimizer: Optimizer = "lbfgs"
    rate: float = 0.02
    """Learning rate of Adam."""
    steps: list[Tensor] = field(default_factory=list)
    bends: list[Tensor] = field(default_factory=list)
    count: int = 0
    """Steps of Adam so far."""
    loss: float | None = None
    """Of the picture where it stands; none before the first look."""
    slope: Images | None = None
    """The same of the gradient."""

    def look(self, evaluate: Evaluate) -> tuple[float, Images]:
        """Loss and gradient where it stands, evaluated once: `evaluate` is always of one loss."""
        if self.loss is None or self.slope is None:
            self.loss, self.slope = evaluate(self.images)
        return self.loss, self.slope

    def iterate(self, evaluate: Evaluate, evaluations: int) -> float:
        """Go down with at most so many evaluations, 2 or more; return the loss where it ends.

        The look at where it stands is one of them, also where it is known from the last time.
        """
        if self.optimizer == "adam":
            return self._adam(evaluate, evaluations)
        loss, slope = self.look(evaluate)
        left = evaluations - 1
        while left > 0:
            way = self._direction(slope)
            reach, found = 1.0, None
            while left > 0 and reach > 1e-3 and found is None:
                trial = (self.images + reach * way).clamp_(-1, 1)
                value, after = evaluate(trial)
                left -= 1
                promised = float((slope * (trial - self.images)).sum())
                if value <= loss + ENOUGH * promised and value < loss:
                    found = value
                else:
                    reach *= _shorter(loss, promised, value)
            if found is None:
                if left <= 0 and reach > 1e-3:
                    break  # cut short: what is known of the curvature still holds
                if not self.steps:
                    break  # straight down does not help either: this is the bottom
                self.steps, self.bends = [], []
                continue
            self._remember(trial - self.images, after - slope)
            self.images, loss, slope = trial, found, after
            self.loss, self.slope = loss, slope
        return loss

    def _direction(self, slope: Tensor) -> Tensor:
        """Minus the slope times the inverse curvature, as far as the pairs know it."""
        free = _inside(self.images, slope)
        way = -slope * free
        if not self.steps:
            return way * (FIRST / way.square().mean().sqrt().clamp(min=1e-30))
        shares = []
        for step, bend in zip(reversed(self.steps), reversed(self.bends), strict=True):
            share = _dot(step, way) / _dot(step, bend)
            way = way - share * bend
            shares.append(share)
        way = way * (_dot(self.steps[-1], self.bends[-1]) / _dot(self.bends[-1], self.bends[-1]))
        for step, bend, share in zip(self.steps, self.bends, reversed(shares), strict=True):
            way = way + step * (share - _dot(bend, way) / _dot(step, bend))
        way = way * free
        if _dot(way, slope) >= 0:  # rounding has spoilt the pairs
            self.steps, self.bends = [], []
            return self._direction(slope)
        return way

    def _remember(self, step: Tensor, bend: Tensor) -> None:
        """Keep a pair, unless the way did not bend upwards along it."""
        if _dot(step, bend) <= 1e-10 * _dot(bend, bend):
            return
        self.steps.append(step)
        self.bends.append(bend)
        del self.steps[:-PAIRS], self.bends[:-PAIRS]

    def _adam(self, evaluate: Evaluate, evaluations: int) -> float:
        loss, slope = self.look(evaluate)
        best, lowest, least = self.images, loss, slope
        if not self.steps:
            self.steps, self.bends = [torch.zeros_like(best)], [torch.zeros_like(best)]
        mean, square, images = self.steps[0], self.bends[0], self.images.clone()
        for number in range(evaluations):
            if number:
                loss, slope = evaluate(images)
            if loss < lowest:
                best, lowest, least = images.clone(), loss, slope
            if number == evaluations - 1:
                break
            self.count += 1
            mean.lerp_(slope, 0.1)
            square.lerp_(slope.square(), 0.001)
            even, spread = 1 - 0.9**self.count, 1 - 0.999**self.count
            images.addcdiv_(mean, (square / spread).sqrt_().add_(1e-12), value=-self.rate / even)
            images.clamp_(-1, 1)
        self.images, self.loss, self.slope = best, lowest, least
        return lowest


def _inside(images: Images, slope: Images) -> Tensor:
    """1 where a pixel may follow the slope down, 0 where that would lead it out of the range."""
    return (((images < 1) | (slope > 0)) & ((images > -1) | (slope < 0))).to(images.dtype)


def _shorter(loss: float, promised: float, value: float) -> float:
    """Where the parabola through loss, slope and value is lowest, between a tenth and a half."""
    bent = value - loss - promised
    if not bent > 0:
        return 0.5
    return min(0.5, max(0.1, -promised / (2 * bent)))


def _dot(one: Tensor, other: Tensor) -> float:
    return float((one * other).sum())
