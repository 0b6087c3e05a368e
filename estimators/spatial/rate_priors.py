"""How far true rates vary round a common one: moments and likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from estimators.spatial.area_counts import AreaCounts
    from estimators.spatial.weights import SpatialWeights

__all__ = ["Prior", "map_moments", "neighbourhood_moments"]

# Mean and variance of the true rates, cases and persons behind them, one per area.
Prior = tuple["FloatVector", "FloatVector", "FloatVector", "FloatVector"]


def map_moments(counts: AreaCounts) -> tuple[float, float, float, float]:
    """Return Marshall's mean and variance, cases and persons of the whole map.

    The variance may come out below 0: rates then vary less than Poisson counts would.
    """
    x, c = counts.persons[counts.known], counts.cases[counts.known]
    b = c.sum() / x.sum()
    variance = float((x * (c / x - b) ** 2).sum() / x.sum() - b / x.mean())
    return float(b), variance, float(c.sum()), float(x.sum())


def neighbourhood_moments(counts: AreaCounts, weights: SpatialWeights) -> Prior:
    """Return the same of each area's neighbourhood, no variance below 0.

    Areas without persons count in no neighbourhood.
    """
    known = counts.known
    near = weights.binary().with_self(1.0)
    here = known.astype(np.float64)
    x = np.where(known, counts.persons, 0.0)
    c = np.where(known, counts.cases, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(known, c / x, 0.0)
        total, count, areas = near.lag(x), near.lag(c), near.lag(here)
        b = count / total
        gaps = x[near.neighbour] * (own[near.neighbour] - b[near.owner]) ** 2
        variance = np.maximum(near.sum_links(gaps) / total - b * areas / total, 0.0)
    return b, variance, count, total
