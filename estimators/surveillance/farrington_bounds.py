"""Upper bounds of Farrington's method from the expected count and its error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import nbinom, poisson

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["delta_bound", "negative_binomial_bound"]


def delta_bound(
    expected: FloatVector,
    dispersion: FloatVector,
    variance: FloatVector,
    observed: FloatVector,
    *,
    level: float,
) -> tuple[FloatVector, FloatVector]:
    """Return the bound on the 2/3 power scale and the observed count's tail.

    Parameters
    ----------
    expected : ndarray of shape (weeks,)
        Above 0.
    dispersion : ndarray of shape (weeks,)
    variance : ndarray of shape (weeks,)
        Of `expected`.
    observed : ndarray of shape (weeks,)
    level : float
        One-sided.
    """
    tau = dispersion + variance / expected
    spread = np.sqrt(4 / 9 * np.cbrt(expected) * tau)
    centre = expected ** (2 / 3)
    bound = np.maximum(centre + ndtri(level) * spread, 0) ** 1.5
    tail = ndtr(-(observed ** (2 / 3) - centre) / spread)
    return bound, tail


def negative_binomial_bound(
    mean: FloatVector, dispersion: FloatVector, observed: FloatVector, *, level: float
) -> tuple[FloatVector, FloatVector]:
    """Return the quantile of counts with variance dispersion * mean, and the tail."""
    over = dispersion > 1
    phi = np.where(over, dispersion, 2.0)
    size = mean / (phi - 1)
    bound = np.where(over, nbinom.ppf(level, size, 1 / phi), poisson.ppf(level, mean))
    tail = np.where(
        over,
        nbinom.sf(observed - 1, size, 1 / phi),
        poisson.sf(observed - 1, mean),
    )
    return bound, tail
