"""Aalen-Johansen: probability of an event by a time, with censoring and rivals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.intervals import logit_interval
from estimators.results import Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntVector

__all__ = ["Incidence", "cumulative_incidence", "incidence_interval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidence:
    """Probability of the event by `horizon` and its variance."""

    probability: float
    variance: float
    horizon: float
    entered: int
    events: int
    rivals: int
    open_cases: int
    at_risk: int


def cumulative_incidence(
    duration: FloatVector, outcome: IntVector, horizon: float
) -> Incidence:
    """Estimate the probability of outcome 1 by `horizon`, outcome 2 being its rival.

    Parameters
    ----------
    duration : ndarray of shape (n,)
        Time to the outcome or to the end of watching, at least 0.
    outcome : ndarray of shape (n,)
        0 still open when watching ended, 1 event, 2 rival (closed). A case that is
        censored at the time of an event counts as at risk of it.
    horizon : float

    Notes
    -----
    The variance is the delta method's, which is the binomial one without censoring and
    Greenwood's without rivals.
    """
    times, place = np.unique(duration, return_inverse=True)
    first = np.bincount(place, weights=outcome == 1, minlength=times.size)
    rival = np.bincount(place, weights=outcome == 2, minlength=times.size)
    leaving = np.bincount(place, minlength=times.size)
    at_risk = duration.size - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    early = times <= horizon
    d1, d = first[early], (first + rival)[early]
    n = at_risk[early].astype(np.float64)
    survival = np.cumprod(1 - d / n)
    before = np.concatenate([[1.0], survival[:-1]])
    curve = np.cumsum(before * d1 / n)
    probability = float(curve[-1]) if curve.size else 0.0
    left = probability - curve
    greenwood = np.divide(d, n * (n - d), out=np.zeros_like(n), where=n > d)
    variance = (
        (left**2 * greenwood).sum()
        + (before**2 * d1 * (n - d1) / n**3).sum()
        - 2 * (left * before * d1 / n**2).sum()
    )
    return Incidence(
        probability=min(probability, 1.0),
        variance=max(float(variance), 0.0),
        horizon=horizon,
        entered=duration.size,
        events=int(first.sum()),
        rivals=int(rival.sum()),
        open_cases=int((outcome == 0).sum()),
        at_risk=int((duration >= horizon).sum()),
    )


def incidence_interval(found: Incidence, level: float) -> Interval:
    """Return a logit interval; at 0 and 1 the exact one of the cases that entered."""
    p, n = found.probability, found.entered
    if 0 < p < 1 and found.variance > 0:
        return logit_interval(p, float(np.sqrt(found.variance)), level=level)
    tail = ((1 - level) / 2) ** (1 / n)
    low, high = (0.0, 1 - tail) if p < 0.5 else (tail, 1.0)
    return Interval(
        low=min(low, p), high=max(high, p), level=level, method="Clopper-Pearson"
    )
