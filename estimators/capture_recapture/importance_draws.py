"""Independent draws from the posterior of a Poisson log-linear model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["LogLinearDraws", "draw_log_linear", "weighted_quantiles"]

# Tails of the proposal are heavier than those of any log-concave posterior.
_FREEDOM = 5.0
_ROUNDS, _PILOT = 2, 4000
_STEPS, _TOLERANCE = 200, 1e-9
# A log-linear parameter beyond this has run away: e ** 30 is no count ratio.
_RUNAWAY = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogLinearDraws:
    """Draws (S, p) of the parameters with weights (S,) that sum to 1."""

    values: FloatMatrix
    weight: FloatVector

    @property
    def effective(self) -> float:
        """Kish's effective number of independent draws."""
        return 1.0 / float(self.weight @ self.weight)

    def moments(self) -> tuple[FloatVector, FloatVector]:
        """Return posterior means and standard deviations, both (p,)."""
        mean = self.weight @ self.values
        variance = self.weight @ (self.values - mean) ** 2
        return mean, np.sqrt(variance)


def draw_log_linear(
    design: FloatMatrix,
    counts: FloatVector,
    precision: FloatVector,
    n_samples: int,
    rng: np.random.Generator,
) -> LogLinearDraws:
    """Draw parameters given Poisson counts with log means ``design @ parameters``.

    Priors are independent normals with mean 0 and the given precisions, 0 being flat.
    """
    centre, spread = _mode(design, counts, precision)
    for _ in range(_ROUNDS):
        pilot = _importance(
            (design, counts, precision),
            centre,
            spread,
            max(_PILOT, n_samples // 5),
            rng,
        )
        if pilot.effective < 20 * centre.size:
            break  # too few to learn a covariance from: keep the curvature's
        centre = pilot.weight @ pilot.values
        offset = pilot.values - centre
        spread = (pilot.weight[:, None] * offset).T @ offset
    return _importance((design, counts, precision), centre, spread, n_samples, rng)


def weighted_quantiles(
    values: FloatVector, weight: FloatVector, shares: Sequence[float]
) -> FloatVector:
    """Return quantiles of weighted draws, interpolated between their midpoints."""
    order = np.argsort(values, kind="stable")
    sorted_weight = weight[order]
    middle = np.cumsum(sorted_weight) - sorted_weight / 2
    return np.asarray(np.interp(shares, middle, values[order]), dtype=np.float64)


def _mode(
    design: FloatMatrix, counts: FloatVector, precision: FloatVector
) -> tuple[FloatVector, FloatMatrix]:
    """Maximise the posterior by Newton's method; return mode and inverse curvature."""
    start = np.log(counts + 0.5)
    fitted = np.linalg.lstsq(design, start, rcond=None)[0]
    value = np.asarray(fitted, dtype=np.float64)
    level = _log_posterior(_row(value), design, counts, precision)[0]
    for _ in range(_STEPS):
        mean = np.exp(design @ value)
        gradient = design.T @ (counts - mean) - precision * value
        curvature = (design.T * mean) @ design + np.diag(precision)
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError:
            break
        gain = float(gradient @ step)
        if gain < _TOLERANCE and np.abs(value).max() < _RUNAWAY:
            spread = np.asarray(np.linalg.inv(curvature), dtype=np.float64)
            return value, spread
        length = 1.0
        while length > 1e-6:
            trial = value + length * step
            reached = _log_posterior(_row(trial), design, counts, precision)[0]
            if np.isfinite(reached) and reached >= level:
                break
            length /= 2
        value, level = trial, reached
    raise ConvergenceError(
        "The mode of the posterior was not found: a parameter runs off to infinity. "
        "Take the proper prior with a smaller variance."
    )


def _row(vector: FloatVector) -> FloatMatrix:
    return vector.reshape(1, -1)


def _log_posterior(
    values: FloatMatrix,
    design: FloatMatrix,
    counts: FloatVector,
    precision: FloatVector,
) -> FloatVector:
    """Return log posterior densities (S,) up to a constant."""
    predictor = np.minimum(values @ design.T, 300.0)
    log_density: FloatVector = (
        predictor @ counts
        - np.exp(predictor).sum(axis=1)
        - 0.5 * (values**2 @ precision)
    )
    return log_density


def _importance(
    target: tuple[FloatMatrix, FloatVector, FloatVector],
    centre: FloatVector,
    spread: FloatMatrix,
    n_samples: int,
    rng: np.random.Generator,
) -> LogLinearDraws:
    root = np.linalg.cholesky(spread)
    normal = rng.standard_normal((n_samples, centre.size))
    scale = rng.chisquare(_FREEDOM, n_samples) / _FREEDOM
    values = centre + (normal / np.sqrt(scale)[:, None]) @ root.T
    distance = (normal**2).sum(axis=1) / scale
    log_proposal = -0.5 * (_FREEDOM + centre.size) * np.log1p(distance / _FREEDOM)
    log_weight = _log_posterior(values, *target) - log_proposal
    weight = np.exp(log_weight - log_weight.max())
    return LogLinearDraws(values=values, weight=weight / weight.sum())
