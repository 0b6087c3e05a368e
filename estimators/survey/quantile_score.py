"""Limits of a quantile from a test of every value's share."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from estimators.designs import Domains
from estimators.survey.linear import domain_means

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import FloatVector
    from estimators.survey.groups import DomainSample

__all__ = ["score_limits"]


def score_limits(
    sample: DomainSample,
    values: FloatVector,
    place: int,
    *,
    share: float,
    critical: float,
) -> tuple[float, float]:
    """Return the least and the largest value whose share may be `share`.

    A value v is kept while ``|F(v) - share| <= critical * SE(F(v))``. F stays the same
    up to the next sampled value, so the upper limit is the first one that is not kept.
    Kept values are taken to be neighbours; bisection then needs some 20 variances for a
    million values.
    """
    one = _only(sample, place)
    steps = np.unique(values[one.inside])

    def pull(step: int) -> float:
        """Return (F - share) / SE; infinite where F has no variance."""
        below = (values <= steps[step]).astype(np.float64)
        found = domain_means(one, below)
        away = float(found.estimate[0]) - share
        std_error = math.sqrt(float(found.variance[0]))
        if std_error <= 0:
            return math.copysign(math.inf, away) if away else 0.0
        return away / std_error

    last = steps.size - 1
    low = _first(lambda step: pull(step) >= -critical, last)
    high = _first(lambda step: pull(step) > critical, last)
    return float(steps[low]), float(steps[high])


def _first(holds: Callable[[int], bool], last: int) -> int:
    """Return the first step at which `holds` becomes true; the last if none."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _only(sample: DomainSample, place: int) -> DomainSample:
    """Return the sample of a single domain."""
    code = np.where(sample.domains.code == place, 0, -1).astype(np.int64)
    return replace(
        sample,
        domains=Domains(code=code, groups=(sample.domains.groups[place],)),
        n_known=sample.n_known[[place]],
        n_unknown=sample.n_unknown[[place]],
    )
