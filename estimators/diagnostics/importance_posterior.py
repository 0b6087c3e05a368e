"""Posteriors by adaptive importance sampling.

Draws come first from the prior and then, in a few rounds, from a mixture of Student
kernels around points of the posterior found so far, always with a share from the prior:
no part of the posterior that the prior allows is out of reach, and every round's
weights are exact. The last round is reported, with its effective sample size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import gammaln, logsumexp

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["WeightedDraws", "importance_posterior"]

LogDensity: TypeAlias = Callable[["FloatMatrix"], "FloatVector"]
_CENTRES, _DF, _FROM_PRIOR, _ROUNDS = 60, 6.0, 0.1, 4
_BANDWIDTH = 0.6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightedDraws:
    """Draws of shape (draws, k) with weights that sum to 1."""

    draws: FloatMatrix
    weights: FloatVector

    @property
    def effective_size(self) -> float:
        """Kish's effective sample size."""
        return 1 / float(self.weights @ self.weights)

    def quantile(self, values: FloatVector, probability: float) -> float:
        """Return a weighted quantile of one value per draw."""
        order = np.argsort(values)
        reached = np.cumsum(self.weights[order]) - self.weights[order] / 2
        return float(np.interp(probability, reached, values[order]))


def importance_posterior(
    sample_prior: Callable[[int, np.random.Generator], FloatMatrix],
    log_prior_draws: LogDensity,
    log_target: LogDensity,
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> WeightedDraws:
    """Return weighted draws from the density proportional to exp(log_target).

    Parameters
    ----------
    sample_prior : callable
        Number of draws and generator to draws of shape (n, k), on an unbounded scale.
    log_prior_draws : callable
        Their log density.
    log_target : callable
        Log posterior up to a constant, minus infinity where it is 0.
    n_draws : int
        Of the last round; the first takes twice as many.
    rng : Generator
    """
    draws = sample_prior(2 * n_draws, rng)
    weights = _normalised(log_target(draws) - log_prior_draws(draws))
    for _ in range(_ROUNDS):
        centre = weights @ draws
        away = draws - centre
        spread = (away * weights[:, None]).T @ away * _BANDWIDTH**2
        spread += np.eye(spread.shape[0]) * 1e-8
        factor = np.asarray(np.linalg.cholesky(spread), dtype=np.float64)
        chosen = rng.choice(draws.shape[0], size=_CENTRES, p=weights)
        centres = draws[chosen]
        n_prior = round(n_draws * _FROM_PRIOR)
        n_kernel = n_draws - n_prior
        noise = rng.standard_normal((n_kernel, centre.size))
        scale = np.sqrt(_DF / rng.chisquare(_DF, n_kernel))
        moved = centres[rng.integers(_CENTRES, size=n_kernel)]
        draws = np.concatenate(
            [sample_prior(n_prior, rng), moved + (noise * scale[:, None]) @ factor.T]
        )
        proposal = np.logaddexp(
            math.log(_FROM_PRIOR) + log_prior_draws(draws),
            math.log(1 - _FROM_PRIOR) + _log_kernels(draws, centres, factor),
        )
        weights = _normalised(log_target(draws) - proposal)
    return WeightedDraws(draws=draws, weights=weights)


def _log_kernels(
    draws: FloatMatrix, centres: FloatMatrix, factor: FloatMatrix
) -> FloatVector:
    size = draws.shape[1]
    white = np.linalg.solve(factor, draws.T).T
    apart = cdist(white, np.linalg.solve(factor, centres.T).T, "sqeuclidean")
    constant = (
        gammaln((_DF + size) / 2)
        - gammaln(_DF / 2)
        - size / 2 * math.log(_DF * math.pi)
        - float(np.log(np.diag(factor)).sum())
    )
    kernel = -(_DF + size) / 2 * np.log1p(apart / _DF)
    return np.asarray(logsumexp(kernel, axis=1) - math.log(len(centres)) + constant)


def _normalised(log_weights: FloatVector) -> FloatVector:
    top = float(log_weights.max())
    if not math.isfinite(top):
        return np.full(log_weights.size, 1 / log_weights.size)
    weights = np.exp(log_weights - top)
    return np.asarray(weights / weights.sum())
