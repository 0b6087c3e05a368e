"""Beta and gamma variables: distribution functions and exact Gaussian quadrature.

Nodes are those of the Gaussian rule whose weight function is the density itself, so a
polynomial of degree 2 m - 1 is averaged exactly with m nodes (Golub and Welsch 1969,
Mathematics of Computation 23, 221-230).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.special import betainc, betaincinv, betaln, gammainc

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatVector

__all__ = ["BetaPrior", "GammaVariable", "PointMass", "Variable"]


class Variable(Protocol):
    """A random variable that quadrature can average over."""

    @property
    def mean(self) -> float:
        """Expected value."""

    @property
    def std(self) -> float:
        """Standard deviation, 0 for a constant."""

    def cdf(self, value: FloatArray) -> FloatArray:
        """Return the probability of at most `value`."""

    def nodes(self, n_nodes: int) -> tuple[FloatVector, FloatVector]:
        """Return nodes and weights (which sum to 1) of the Gaussian rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointMass:
    """A constant, as a random variable."""

    value: float

    @property
    def mean(self) -> float:
        """The constant."""
        return self.value

    @property
    def std(self) -> float:
        """Zero."""
        return 0.0

    def cdf(self, value: FloatArray) -> FloatArray:
        """Return 1 from the constant on, 0 before."""
        return (np.asarray(value) >= self.value).astype(np.float64)

    def nodes(self, n_nodes: int) -> tuple[FloatVector, FloatVector]:  # noqa: ARG002 - one node holds all
        """Return the constant with weight 1."""
        return np.array([self.value]), np.array([1.0])


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """A beta distribution for a proportion, between `low` and `high`.

    Attributes
    ----------
    alpha, beta : float
        Shapes, above 0. With the whole range, alpha and beta are like alpha correct and
        beta wrong answers seen before; ``BetaPrior(1, 1)`` is uniform.
    low, high : float
        Least and greatest possible value, 0 <= low < high <= 1.

    Raises
    ------
    InputError
        If a shape is not above 0 or the range is not inside [0, 1].

    Examples
    --------
    >>> prior = BetaPrior(80, 10)
    >>> round(prior.mean, 4), round(prior.std, 4)
    (0.8889, 0.0329)
    >>> BetaPrior(1, 1, 0.7, 0.95).mean  # uniform from 0.7 to 0.95
    0.825
    """

    alpha: float
    beta: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        shapes = (self.alpha, self.beta)
        if not all(math.isfinite(shape) and shape > 0 for shape in shapes):
            raise InputError(
                f"BetaPrior({self.alpha!r}, {self.beta!r}): both shapes must be finite "
                "numbers above 0, for example BetaPrior(1, 1)."
            )
        if not 0 <= self.low < self.high <= 1:
            raise InputError(
                f"BetaPrior from low={self.low!r} to high={self.high!r}: a proportion "
                "needs 0 <= low < high <= 1."
            )

    @property
    def mean(self) -> float:
        """Expected value."""
        return self.low + self._width * self.alpha / (self.alpha + self.beta)

    @property
    def std(self) -> float:
        """Standard deviation."""
        total = self.alpha + self.beta
        spread = math.sqrt(self.alpha * self.beta / (total + 1)) / total
        return self._width * spread

    def cdf(self, value: FloatArray) -> FloatArray:
        """Return the probability of at most `value`."""
        share = np.clip((np.asarray(value) - self.low) / self._width, 0.0, 1.0)
        return np.asarray(betainc(self.alpha, self.beta, share))

    def quantile(self, probability: float) -> float:
        """Return the value below which `probability` lies."""
        share = float(betaincinv(self.alpha, self.beta, probability))
        return self.low + self._width * share

    def upper_quantile(self, probability: float) -> float:
        """Return the value above which `probability` lies, exact for tiny ones."""
        share = float(betaincinv(self.beta, self.alpha, probability))
        return self.high - self._width * share

    def log_density(self, value: FloatArray) -> FloatArray:
        """Return the log density, minus infinity outside the range."""
        share = (np.asarray(value) - self.low) / self._width
        constant = -float(betaln(self.alpha, self.beta)) - math.log(self._width)
        density = np.full(share.shape, constant)
        # A shape of 1 needs no logarithm: it would be infinite times zero at the edge.
        if self.alpha != 1:
            density += (self.alpha - 1) * np.log(np.maximum(share, 1e-300))
        if self.beta != 1:
            density += (self.beta - 1) * np.log(np.maximum(1 - share, 1e-300))
        outside = (share < 0) | (share > 1)
        if outside.any():
            density[outside] = -np.inf
        return density

    def mirrored(self) -> BetaPrior:
        """Return the distribution of 1 - value."""
        return BetaPrior(self.beta, self.alpha, 1 - self.high, 1 - self.low)

    def nodes(self, n_nodes: int) -> tuple[FloatVector, FloatVector]:
        """Return nodes and weights of the Gauss-Jacobi rule."""
        points, weights = _jacobi(self.alpha, self.beta, n_nodes)
        return self.low + self._width * points, weights

    @property
    def _width(self) -> float:
        return self.high - self.low


@lru_cache(maxsize=256)
def _jacobi(a: float, b: float, n_nodes: int) -> tuple[FloatVector, FloatVector]:
    """Return nodes in [0, 1] and weights for the density of Beta(a, b)."""
    k = np.arange(n_nodes, dtype=np.float64)
    total = 2 * k + a + b
    with np.errstate(divide="ignore", invalid="ignore"):
        diagonal = (a - b) * (a + b - 2) / (total * (total - 2))
    diagonal[0] = (a - b) / (a + b)
    j = k[1:]
    total = 2 * j + a + b - 2
    with np.errstate(divide="ignore", invalid="ignore"):
        square = (
            4 * j * (j + a - 1) * (j + b - 1) * (j + a + b - 2)
            / (total**2 * (total + 1) * (total - 1))
        )  # fmt: skip
    if n_nodes > 1:  # the general formula is 0 / 0 here when a + b = 1
        square[0] = 4 * a * b / ((a + b) ** 2 * (a + b + 1))
    points, weights = _gauss(diagonal, np.sqrt(square))
    points = np.clip((1 + points) / 2, 0, 1)
    points.setflags(write=False)
    weights.setflags(write=False)
    return points, weights


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaVariable:
    """A gamma distribution, for sums of weighted Poisson counts."""

    shape: float
    scale: float

    @property
    def mean(self) -> float:
        """Expected value."""
        return self.shape * self.scale

    @property
    def std(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.shape) * self.scale

    def cdf(self, value: FloatArray) -> FloatArray:
        """Return the probability of at most `value`."""
        return np.asarray(gammainc(self.shape, np.maximum(value, 0) / self.scale))

    def nodes(self, n_nodes: int) -> tuple[FloatVector, FloatVector]:
        """Return nodes and weights of the generalised Gauss-Laguerre rule."""
        k = np.arange(n_nodes, dtype=np.float64)
        j = k[1:]
        points, weights = _gauss(2 * k + self.shape, np.sqrt(j * (j + self.shape - 1)))
        return self.scale * points, weights


def _gauss(
    diagonal: FloatVector, beside: FloatVector
) -> tuple[FloatVector, FloatVector]:
    if diagonal.size == 1:
        return diagonal.copy(), np.array([1.0])
    points, vectors = eigh_tridiagonal(diagonal, beside)
    nodes: FloatVector = np.asarray(points, dtype=np.float64)
    weights: FloatVector = np.asarray(vectors, dtype=np.float64)[0] ** 2
    return nodes, weights
