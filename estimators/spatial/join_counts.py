"""Do marked areas lie together: counts of links between like and unlike ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from estimators.errors import InputError
from estimators.registry import estimator
from estimators.results import Estimates
from estimators.spatial.area_values import read_values
from estimators.spatial.autocorrelation import against_chance, linked_areas
from estimators.spatial.local_testing import warm_corner
from estimators.spatial.weights import SpatialWeights

__all__ = ["join_counts"]


@estimator(
    family="spatial",
    label="Join counts",
    source="Moran 1948; Cliff and Ord 1981",
    example=lambda: {
        "values": (warm_corner()["values"] > 0.22).astype(np.float64),
        "weights": warm_corner()["weights"],
    },
)
def join_counts(
    values: Any,  # noqa: ANN401 - any vector of numbers
    weights: SpatialWeights,
    *,
    share: float | None = None,
    level: float = 0.95,
) -> Estimates:
    """Count links between marked areas (BB), unmarked ones (WW), and of the two (BW).

    Each direction of a link adds half its weight.

    Parameters
    ----------
    values : array_like of shape (n,)
        1 for a marked area, 0 for another; NaN means no data.
    weights : SpatialWeights
        Of the same n areas.
    share : float, optional
        Chance of a mark known from elsewhere: free sampling, every area is marked for
        itself. By default the marks at hand are shuffled (non-free sampling).
    level : float
        Of the limits.

    Returns
    -------
    Estimates
        Rows by ``join``; see `moran` for spread, limits and diagnostics.

    Raises
    ------
    InputError
        If a value is neither 0 nor 1, lengths differ, or `share` is not inside (0, 1).
    NotEstimableError
        If fewer than four areas have data, all or none are marked, or nobody has a
        neighbour.

    References
    ----------
    Cliff, A. D. and Ord, J. K. (1981). Spatial Processes: Models and Applications.
    Pion, London.

    Examples
    --------
    >>> from estimators.spatial import SpatialWeights, join_counts
    >>> chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(5)], n_areas=6)
    >>> [row.estimate for row in join_counts([1, 1, 1, 0, 0, 0], chain)]
    [2.0, 2.0, 1.0]
    """
    area = linked_areas(read_values(values, weights))
    x, n, links = area.values, area.values.size, area.weights
    if not np.isin(x, (0, 1)).all():
        raise InputError("values of join counts are 0 or 1, or NaN where unknown.")
    if share is not None and not 0 < share < 1:
        raise InputError(f"share={share!r}: a chance inside (0, 1) is meant.")
    area.centred()
    ones = int(x.sum())
    kinds = {
        "BB": (float(x @ links.lag(x)) / 2, _like(ones, n, share)),
        "WW": (
            float((1 - x) @ links.lag(1 - x)) / 2,
            _like(n - ones, n, None if share is None else 1 - share),
        ),
        "BW": (
            float(x @ links.lag(1 - x) + (1 - x) @ links.lag(x)) / 2,
            _unlike(ones, n, share),
        ),
    }
    s0, s1, s2 = links.moments()
    rows = []
    for name, (found, (one, two, three, four)) in kinds.items():
        expected = s0 * one / 2
        square = (s1 * two + (s2 - 2 * s1) * three + (s0**2 + s1 - s2) * four) / 4
        names = ("join_counts", f"{name} joins", "links")
        moments = (found, expected, square - expected**2)
        rows.append(against_chance(names, moments, area, level=level))
    return Estimates(rows=tuple(rows), groups=tuple({"join": name} for name in kinds))


Chances = tuple[float, float, float, float]


def _falling(n: int, k: int) -> float:
    return float(math.prod(n - step for step in range(k)))


def _like(ones: int, n: int, share: float | None) -> Chances:
    """Chances that one link joins marks, and two links that share 2, 1, 0 ends do."""
    if share is not None:
        return share**2, share**2, share**3, share**4
    chance = [_falling(ones, k) / _falling(n, k) for k in (2, 3, 4)]
    return chance[0], chance[0], chance[1], chance[2]


def _unlike(ones: int, n: int, share: float | None) -> Chances:
    """Chances that one link joins unlike ends, and two that share 2, 1, 0 ends do."""
    if share is not None:
        both = share * (1 - share)
        return 2 * both, 2 * both, both, 4 * both**2
    others = n - ones
    one = 2 * ones * others / _falling(n, 2)
    four = 4 * _falling(ones, 2) * _falling(others, 2) / _falling(n, 4)
    return one, one, one / 2, four
