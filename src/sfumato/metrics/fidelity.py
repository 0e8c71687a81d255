"""How far apart two sets of features are: Fréchet distance, kernel distance, classifier score.

    FID(r, f) = |m_r - m_f|^2 + tr S_r + tr S_f - 2 tr (S_r^1/2 S_f S_r^1/2)^1/2
    KID(r, f) = E k(r, r') + E k(f, f') - 2 E k(r, f),   k(x, y) = (x.y / D + 1)^3
    CS(f)     = exp E KL( p(y | f) || p(y) )

m mean, S covariance of the features, D their width, p(y | f) a classifier's probabilities.
Papers: Heusel et al. (2017), https://arxiv.org/abs/1706.08500; Bińkowski et al. (2018),
https://arxiv.org/abs/1801.01401; Salimans et al. (2016), https://arxiv.org/abs/1606.03498

Ours rather than torchmetrics': its KID keeps every feature of both sides, its FID takes
eigenvalues of the unsymmetric product (slower) of uncentred sums and gives float32, and neither
can store the real side for the next evaluation. The tests hold ours to theirs.
"""

from math import nan

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from sfumato.errors import ConfigError
from sfumato.shapes import Features, Scores

Fakes = Float[Tensor, "M D"]


class Moments:
    """Running mean and covariance of features, in float64 on the CPU: memory D^2, however many."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean = torch.zeros(width, dtype=torch.float64)
        self.scatter = torch.zeros(width, width, dtype=torch.float64)

    @classmethod
    def of(cls, features: Features) -> "Moments":
        """The moments of one batch."""
        moments = cls(features.shape[1])
        moments.update(features)
        return moments

    def update(self, features: Features) -> None:
        """Add a batch; centring each batch first loses no digits when the mean is large."""
        batch = features.detach().to("cpu", torch.float64)
        if not (count := len(batch)):
            return
        mean = batch.mean(0)
        centred, shift = batch - mean, mean - self.mean
        total = self.count + count
        self.scatter += centred.T @ centred
        self.scatter += torch.outer(shift, shift) * (self.count * count / total)
        self.mean += shift * (count / total)
        self.count = total

    @property
    def covariance(self) -> Tensor:
        """Unbiased covariance, D D. Raises ConfigError with fewer than two features."""
        if self.count < 2:
            raise ConfigError(
                f"the covariance of {self.count} images is undefined; give 2 or more."
            )
        return self.scatter / (self.count - 1)

    @property
    def deficient(self) -> bool:
        """True where there are too few images to span the features: FID is then far too large."""
        return self.count <= len(self.mean)


def frechet_distance(real: Moments, fake: Moments) -> float:
    """Fréchet distance of the two Gaussians with these moments; 0 is equal. Biased upwards in 1/n.

    With n at most D the covariances are singular: the formula still holds (no inverse is taken),
    but the bias dwarfs the value, which `Moments.deficient` tells.
    """
    root = _root(real.covariance)
    cross = torch.linalg.eigvalsh(root @ fake.covariance @ root).clamp_min(0).sqrt().sum()
    gap = (real.mean - fake.mean).square().sum()
    return float(gap + real.covariance.trace() + fake.covariance.trace() - 2 * cross)


def frechet_error(real: Moments, fake: Moments, features: Features) -> float:
    """Standard error of `frechet_distance` over draws of the fakes; of these, or some, `features`.

    The infinitesimal jackknife (Efron 1982, section 6.3): how far the distance moves with the
    weight of each image, by its slopes in mean and covariance; nan where the covariances are
    singular. The reals are taken as they are.
    """
    if real.deficient or fake.deficient:
        return nan
    root = _root(real.covariance)
    values, vectors = torch.linalg.eigh(root @ fake.covariance @ root)
    turned = root @ vectors
    inverse = torch.where(values > 1e-12 * values.max(), values.clamp_min(1e-300).rsqrt(), 0.0)
    slope = torch.eye(len(root), dtype=torch.float64) - (turned * inverse) @ turned.T
    apart = features.detach().to("cpu", torch.float64) - fake.mean
    moved = 2 * apart @ (fake.mean - real.mean) + ((apart @ slope) * apart).sum(1)
    return float(moved.std() / fake.count**0.5)


def kernel_distance(
    real: Features, fake: Fakes, rng: Generator, *, subsets: int = 50, size: int = 1000
) -> tuple[float, float]:
    """Mean over random subsets of the unbiased squared MMD, and its standard error.

    Unbiased at any n, so it can be negative and is the one to trust below 2,000 images. A subset
    is at most half of the smaller side: then the spread s of the estimates at m of n images gives
    the error of their mean as s sqrt(m / (n - m)), the delete-(n - m) jackknife. (The plain
    s / sqrt(subsets) would shrink with every subset redrawn from the same images.)
    """
    count = min(len(real), len(fake))
    if count < 4:
        raise ConfigError(f"KID of {count} images is undefined; give at least 4 of each kind.")
    size = min(size, count // 2)
    draws = torch.stack(
        [_squared_mmd(_draw(real, size, rng), _draw(fake, size, rng)) for _ in range(subsets)]
    )
    spread = draws.std(correction=0) * (size / (count - size)) ** 0.5
    return float(draws.mean()), float(spread)


def classifier_score(logits: Scores) -> float:
    """The Inception-Score formula with any classifier, over all samples at once (no splits).

    1 is the worst (every answer alike or unsure), the number of classes the best. It does not see
    the data: noise of which the classifier is sure scores well.
    """
    log_p = logits.detach().to("cpu", torch.float64).log_softmax(1)
    marginal = log_p.exp().mean(0)
    # xlogy: a class that never occurs contributes 0, not 0 * log 0.
    entropy = torch.special.xlogy(marginal, marginal).sum()
    return float(((log_p.exp() * log_p).sum(1).mean() - entropy).exp())


def _root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


def _draw(features: Features, size: int, rng: Generator) -> Tensor:
    """`size` rows, none twice; float64, because KID is a small difference of large means."""
    chosen = torch.randperm(len(features), generator=rng, device=rng.device)[:size].cpu()
    return features[chosen.to(features.device)].to("cpu", torch.float64)


def _squared_mmd(x: Tensor, y: Tensor) -> Tensor:
    """Unbiased squared maximum mean discrepancy (the diagonals k(x, x) left out)."""
    n = len(x)

    def within(a: Tensor) -> Tensor:
        kernel = _kernel(a, a)
        return (kernel.sum() - kernel.trace()) / (n * (n - 1))

    return within(x) + within(y) - 2 * _kernel(x, y).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3
