"""Mh and Mth with normally distributed logits: the mixed logit (Rasch) model.

Person i is on list j with probability expit(b_j + sigma z_i), z_i standard normal. The
likelihood needs the integrals G_k = E[exp(k sigma z) prod_j (1 - p_j(z))] alone,
k = 0, ..., t: a history on k lists has probability exp(sum of its b_j) G_k.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.capture_recapture.closed_population_fit import (
    ClosedPopulationFit,
    check_overlap,
    fit_column_model,
    fit_statistics,
)
from estimators.errors import ConvergenceError, NotEstimableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = ["fit_normal"]

# The trapezoidal rule on the whole line errs by exp(-2 pi d / step), d the distance of
# the nearest pole, pi / sigma: 1e-14 at sigma = 6 and step 0.1.
STEP = 0.1
NODES = np.arange(-90, 91) * STEP
WEIGHTS = np.exp(-(NODES**2) / 2) * STEP / math.sqrt(2 * math.pi)
WIDEST_SIGMA = 6.0
LEAST_SIGMA = 1e-4
COMPLEX_STEP = 1e-30
MOST_STEPS = 100
GRADIENT_TOLERANCE = 1e-10


def fit_normal(histories: CaptureHistories, *, by_list: bool) -> ClosedPopulationFit:
    """Fit by maximum likelihood given that a person was seen; size n / (1 - G_0)."""
    check_overlap(histories, by_list=by_list)
    if histories.n_lists < 3:
        raise NotEstimableError(
            "heterogeneity='normal' needs three lists or more: with two, its spread "
            "cannot be told from the persons unseen."
        )
    model = _MixedLogit(histories, by_list=by_list)
    theta = model.maximum()
    homogeneous = abs(theta[-1]) < LEAST_SIGMA
    if homogeneous:
        plain = fit_column_model(histories, by_list=by_list, column=None)
        return ClosedPopulationFit(
            population_size=plain.population_size,
            variance=plain.variance,
            log_likelihood=plain.log_likelihood,
            deviance=plain.deviance,
            n_parameters=plain.n_parameters + 1,
            n_cells=plain.n_cells,
            n_observed=plain.n_observed,
            extra_coefficients=np.zeros(1),
            notes=(
                "the spread of the logits has its estimate at the boundary 0: size and "
                f"standard error are those of {'Mt' if by_list else 'M0'}",
            ),
        )
    return model.fitted(theta)


class _MixedLogit:
    """Score, information and size; the last parameter is sigma, the others the b_j."""

    def __init__(self, histories: CaptureHistories, *, by_list: bool) -> None:
        self.histories = histories
        self.n_lists = histories.n_lists
        self.n = float(histories.n_observed)
        self.frequencies = histories.capture_frequencies().astype(np.float64)
        sizes = histories.list_sizes().astype(np.float64)
        # Without lists of their own, all lists share one b.
        self.lists_of = np.eye(self.n_lists) if by_list else np.ones((self.n_lists, 1))
        self.sums = self.lists_of.T @ sizes

    def integrals(self, theta: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return G_k, and E_k of p_j and of z (k - sum of p_j), k = 0, ..., t."""
        logits = (self.lists_of @ theta[:-1])[:, None] + theta[-1] * NODES
        # log(1 + e^x) without overflow, and analytic in the complex step.
        shift = np.where(logits.real > 0, logits, 0)
        small = np.exp(-np.where(logits.real > 0, logits, -logits))
        chance = np.where(logits.real > 0, 1, small) / (1 + small)
        missed = -(shift + np.log1p(small)).sum(axis=0)
        captures = np.arange(self.n_lists + 1)[:, None]
        terms = WEIGHTS * np.exp(captures * theta[-1] * NODES + missed)
        total = terms.sum(axis=1)
        share = terms / total[:, None]
        listed = share @ chance.T
        tilt = (share * (NODES * (captures - chance.sum(axis=0)))).sum(axis=1)
        return total, listed, tilt

    def log_likelihood(self, theta: FloatVector) -> float:
        """Return the logarithm of the likelihood given that a person was seen."""
        total, _, _ = self.integrals(theta)
        if not (0 < total[0] < 1):
            return -math.inf
        value = self.sums @ theta[:-1] + self.frequencies[1:] @ np.log(total[1:])
        return float(value - self.n * math.log1p(-total[0]))

    def score(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Return the derivative of the log-likelihood."""
        total, listed, tilt = self.integrals(theta)
        weights = self.frequencies.astype(theta.dtype)
        weights[0] = self.n * total[0] / (1 - total[0])
        lists = self.sums - (weights @ listed) @ self.lists_of
        return np.append(lists, weights @ tilt)

    def information(self, theta: FloatVector) -> FloatMatrix:
        """Return minus the second derivatives: the score by complex steps."""
        steps = np.eye(theta.size) * (1j * COMPLEX_STEP)
        rows = [self.score(theta + step).imag / COMPLEX_STEP for step in steps]
        matrix = -np.array(rows)
        return (matrix + matrix.T) / 2

    def maximum(self) -> FloatVector:
        """Return the parameters at the maximum; sigma 0 if it lies at its boundary."""
        start = (self.sums / self.lists_of.sum(axis=0)) / (2 * self.n)
        theta = np.append(np.log(start / (1 - start)), 1.0)
        reached = self.log_likelihood(theta)
        for _ in range(MOST_STEPS):
            gradient = self.score(theta)
            values, vectors = np.linalg.eigh(self.information(theta))
            # A saddle lies at sigma 0: steps of bounded length, always uphill.
            along = vectors.T @ gradient
            step = vectors @ (along / np.maximum(np.abs(values), 1e-6 * self.n))
            step /= max(1.0, float(np.abs(step).max()))
            size = 1.0
            while True:
                tried = theta + size * step
                # Sigma 0 is a stationary point of any data: come near it in halves.
                tried[-1] = max(tried[-1], theta[-1] / 2)
                value = self.log_likelihood(tried)
                if value >= reached - 1e-12 * abs(reached) or size < 1e-10:
                    break
                size /= 2
            theta, reached = tried, value
            if theta[-1] < LEAST_SIGMA:
                return np.asarray(theta)
            if theta[-1] > WIDEST_SIGMA:
                raise NotEstimableError(
                    "heterogeneity='normal': the spread of the logits runs away "
                    f"(beyond {WIDEST_SIGMA:g}) and the size with it. The counts do "
                    "not bound it: use heterogeneity='chao', a lower bound."
                )
            if np.abs(step).max() < GRADIENT_TOLERANCE:
                return np.asarray(theta)
        raise ConvergenceError(
            f"heterogeneity='normal' did not settle in {MOST_STEPS} steps. Use "
            "heterogeneity='chao' or 'darroch'."
        )

    def fitted(self, theta: FloatVector) -> ClosedPopulationFit:
        """Return size and measures at the maximum."""
        total, listed, tilt = self.integrals(theta)
        missed = float(total[0])
        size = self.n / (1 - missed)
        # G_0 changes by -E_0[p_j] in b_j and by E_0[-z sum of p_j] in sigma.
        slope = missed * np.append(-listed[0] @ self.lists_of, tilt[0])
        slope *= size / (1 - missed)
        covariance = np.linalg.inv(self.information(theta))
        variance = size * missed / (1 - missed) + slope @ covariance @ slope
        matrix = self.histories.matrix()
        log_chance = matrix @ (self.lists_of @ theta[:-1])
        mean = size * np.exp(log_chance) * total[matrix.sum(axis=1)]
        log_likelihood, deviance = fit_statistics(self.histories, mean)
        return ClosedPopulationFit(
            population_size=size,
            variance=float(variance),
            log_likelihood=log_likelihood,
            deviance=deviance,
            n_parameters=theta.size + 1,
            n_cells=(1 << self.n_lists) - 1,
            n_observed=self.histories.n_observed,
            extra_coefficients=theta[-1:],
        )
