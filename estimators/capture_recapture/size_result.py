"""The result of every estimator that offers a total and its variance."""

from __future__ import annotations

import math

from estimators.intervals import unseen_log_interval
from estimators.results import Estimate

__all__ = ["size_estimate"]

BOUNDARY = (
    "the estimate is at its boundary, the persons seen: standard error and interval of "
    "length 0 say nothing of persons whom no list names"
)


def size_estimate(
    method: str,
    total: float,
    variance: float,
    n_observed: int,
    *,
    level: float,
    notes: tuple[str, ...] = (),
) -> Estimate:
    """Return a population size with its log-normal interval for the unseen.

    Parameters
    ----------
    method : str
        Key in the catalogue, and what else names the method.
    total, variance : float
        Persons seen and unseen, and the variance of this figure.
    n_observed : int
        Distinct persons seen.
    level : float
    notes : tuple of str
        One is added where the estimate is at its boundary.
    """
    if variance == 0 and total <= n_observed:
        notes = (*notes, BOUNDARY)
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=total,
        std_error=math.sqrt(variance),
        ci=unseen_log_interval(total, n_observed, variance, level=level),
        method=method,
        n_obs=n_observed,
        notes=notes,
    )
