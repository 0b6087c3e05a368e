"""What chance alone does to a neighbourhood's weighted sum: moments, draws, p-values.

The sum ``sum_j w_j y_j`` over a neighbourhood is compared with the same weights put on
values drawn without replacement from a pool: for local Moran, local Geary and Gi all
other areas (the area's own value stays), for Gi* all areas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import gammainc, gammaincc, ndtr

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector
    from estimators.spatial.weights import SpatialWeights

__all__ = [
    "Alternative",
    "DrawnMoments",
    "PoolSums",
    "Tails",
    "benjamini_hochberg",
    "choose_side",
    "drawn_moments",
    "normal_tails",
    "pearson_tails",
    "permutation_tails",
    "pool_of_others",
]

Alternative = Literal["two-sided", "greater", "less"]
Tails = tuple["FloatVector", "FloatVector"]
# Below this share of the pool's squared scale a variance is rounding, hence 0.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class PoolSums:
    """Size, mean and central power sums of the pool that each area draws from."""

    size: FloatVector
    mean: FloatVector
    squares: FloatVector
    cubes: FloatVector


@dataclass(frozen=True, slots=True)
class DrawnMoments:
    """Mean, variance and skewness of a weighted sum of values drawn at random."""

    mean: FloatVector
    variance: FloatVector
    skewness: FloatVector


def pool_of_others(sums: tuple[FloatVector, ...], size: int) -> PoolSums:
    """Centre raw power sums of orders 1 to 3 of pools of `size` values each."""
    first, second, third = sums
    mean = first / size
    squares = second - size * mean**2
    squares = np.where(squares > _ROUNDING * np.maximum(second, 0), squares, 0.0)
    cubes = third - 3 * mean * second + 2 * size * mean**3
    return PoolSums(
        size=np.full_like(mean, size), mean=mean, squares=squares, cubes=cubes
    )


def drawn_moments(pool: PoolSums, weights: SpatialWeights) -> DrawnMoments:
    """Return the exact moments of each area's weighted sum under random drawing.

    With population sums ``p2, p3`` about the mean of a pool of N values and weight sums
    ``s1, s2, s3``: variance ``p2 / N (s2 - (s1^2 - s2) / (N - 1))`` and third moment
    ``p3 / N (s3 - 3 (s1 s2 - s3) / (N - 1) + 2 (s1^3 - 3 s1 s2 + 2 s3) / ((N - 1)
    (N - 2)))``.
    """
    s1, s2, s3 = (weights.row_sums(power) for power in (1, 2, 3))
    n = pool.size
    spread = s2 - (s1**2 - s2) / (n - 1)
    spread = np.where(spread > _ROUNDING * s2, spread, 0.0)
    variance = pool.squares / n * spread
    pairs = 3 * (s1 * s2 - s3) / (n - 1)
    triples = 2 * (s1**3 - 3 * s1 * s2 + 2 * s3) / ((n - 1) * np.maximum(n - 2, 1))
    third = pool.cubes / n * (s3 - pairs + triples)
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = np.where(variance > 0, third / variance**1.5, 0.0)
    return DrawnMoments(mean=s1 * pool.mean, variance=variance, skewness=skewness)


def normal_tails(z: FloatVector) -> Tails:
    """Return the chances of at least, and at most, each standardised value."""
    return ndtr(-z), ndtr(z)


def pearson_tails(z: FloatVector, skewness: FloatVector) -> Tails:
    """Return the same of a shifted gamma distribution with the given skewness.

    Pearson's type III matches mean, variance and skewness; at skewness 0 it is normal.
    """
    flat = np.abs(skewness) < 1e-5  # the gamma's shape would pass 4e10: normal
    lean = np.where(flat, 1.0, skewness)
    shape = 4 / lean**2
    # Reflected where the tail is on the left, so that the gamma always leans right.
    place = np.maximum(shape + np.sign(lean) * z * np.sqrt(shape), 0.0)
    outer, inner = gammaincc(shape, place), gammainc(shape, place)
    above = np.where(lean > 0, outer, inner)
    below = np.where(lean > 0, inner, outer)
    plain = normal_tails(z)
    return np.where(flat, plain[0], above), np.where(flat, plain[1], below)


def permutation_tails(
    values: FloatVector,
    weights: SpatialWeights,
    observed: FloatVector,
    *,
    tested: BoolVector,
    draws: tuple[int, np.random.Generator],
    pool: Literal["others", "all", "squared differences"],
) -> Tails:
    """Return the shares (1 + draws as extreme) / (1 + draws) above and below.

    Every area has a stream of its own, seeded from `rng` in the order of the areas.
    """
    # Loaded when it is used: importing numba takes half a second.
    from estimators.spatial._kernels_permutation import count_extremes

    n_draws, rng = draws
    # Sums of the same values in another order differ in their last bits.
    scale = np.abs(values).max() * (1.0 if pool != "squared differences" else 4.0)
    if pool == "squared differences":
        scale *= np.abs(values).max()
    counts = count_extremes(
        np.ascontiguousarray(values, dtype=np.float64),
        (weights.first, weights.scaled),
        (observed, _ROUNDING * scale * weights.row_sums(), tested),
        rng.integers(0, 2**64, size=values.size, dtype=np.uint64),
        (n_draws, pool != "all", pool == "squared differences"),
    )
    shares = (1 + counts) / (1 + n_draws)
    return shares[:, 0], shares[:, 1]


def choose_side(tails: Tails, alternative: Alternative) -> FloatVector:
    """Return the p-value: one tail, or twice the smaller one and at most 1."""
    above, below = tails
    if alternative == "greater":
        return above
    if alternative == "less":
        return below
    doubled: FloatVector = np.minimum(2 * np.minimum(above, below), 1.0)
    return doubled


def benjamini_hochberg(p_values: FloatVector) -> FloatVector:
    """Return p-values adjusted for the false discovery rate; NaN stay NaN, uncounted.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. Journal
    of the Royal Statistical Society B 57, 289-300.
    https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
    """
    adjusted: FloatVector = np.full(p_values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    ranked = p_values[order] * known.size / np.arange(1, known.size + 1)
    smallest = np.minimum.accumulate(ranked[::-1])[::-1]
    adjusted[order] = np.minimum(smallest, 1.0)
    return adjusted
