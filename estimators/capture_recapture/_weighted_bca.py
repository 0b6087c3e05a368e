"""The BCa interval of a statistic of cell counts, persons of a cell left out alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from estimators.checks import check_level
from estimators.results import Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntVector

__all__ = ["weighted_bca"]


def weighted_bca(
    estimate: float,
    replicates: FloatVector,
    left_out: FloatVector,
    persons: IntVector,
    *,
    level: float,
) -> Interval:
    """Return the BCa interval as Chan, Silverman and Vincent (2021) compute it.

    z0 = ndtri(share of replicates below the estimate, ties not below); with r the
    weighted mean of the leave-one-out values less each, and c the persons of the cell,
    a = sum(c r^3) / (6 sum(c r^2)^1.5). Quantiles are median-unbiased (type 8).

    Parameters
    ----------
    estimate : float
    replicates : ndarray of shape (replicates,)
    left_out : ndarray of shape (cells,)
        The statistic with one person of the cell left out.
    persons : ndarray of shape (cells,)
    level : float

    Returns
    -------
    Interval
        The percentile interval where all replicates are on one side, and it says so.
    """
    tail = (1 - check_level(level)) / 2
    bias = float(ndtri(np.mean(replicates < estimate)))
    if math.isinf(bias):
        shares = np.array([tail, 1 - tail])
        method = "percentile bootstrap (BCa undefined: all replicates on one side)"
    else:
        shifted = bias + ndtri(np.array([tail, 1 - tail]))
        # Beyond this pole the corrected tail turns back: the outermost is meant.
        room = 1 - _acceleration(left_out, persons) * shifted
        inside = np.where(room > 0, room, 1.0)
        shares = np.where(room > 0, ndtr(bias + shifted / inside), shifted > 0)
        method = "BCa bootstrap"
    limits = np.quantile(replicates, shares, method="median_unbiased")
    return Interval(
        low=float(limits.min()), high=float(limits.max()), level=level, method=method
    )


def _acceleration(left_out: FloatVector, persons: IntVector) -> float:
    influence = np.average(left_out, weights=persons) - left_out
    scatter = float((persons * influence**2).sum())
    if scatter == 0:
        return 0.0
    return float((persons * influence**3).sum() / (6 * scatter**1.5))
