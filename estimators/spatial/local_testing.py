"""How a local statistic is tested: the plan, its p-values, and the table of areas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from estimators.checks import as_generator, check_choice, check_level, check_resamples
from estimators.errors import NotEstimableError
from estimators.spatial.area_values import AreaValues
from estimators.spatial.local_inference import (
    Alternative,
    DrawnMoments,
    PoolSums,
    Tails,
    benjamini_hochberg,
    choose_side,
    normal_tails,
    pearson_tails,
    permutation_tails,
    pool_of_others,
)
from estimators.spatial.local_result import NOT_SIGNIFICANT, category_column
from estimators.spatial.weights import SpatialWeights

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector

__all__ = [
    "Adjustment",
    "Inference",
    "TestPlan",
    "area_table",
    "deviates_of",
    "enough_areas",
    "everyone",
    "floor_notes",
    "others",
    "skewness_notes",
    "squared_differences",
    "tails_of",
    "warm_corner",
]

Inference = Literal["permutation", "pearson", "normal"]
Adjustment = Literal["fdr", "none"]
_LEAST_AREAS = 4
# Skewness of chance sums above which a formula's p-value is rough, and the greatest
# share of null tests that it rejected at 5 % (benchmarks/accuracy).
_ROUGH = {"pearson": (1.0, "6.5 %"), "normal": (0.4, "8 %")}


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPlan:
    """How a local statistic is tested; checked once, at the public door."""

    inference: Inference
    alternative: Alternative
    adjust: Adjustment
    level: float
    n_resamples: int
    rng: int | np.random.Generator | None

    def __post_init__(self) -> None:
        check_choice("inference", self.inference, ("permutation", "pearson", "normal"))
        check_choice("alternative", self.alternative, ("two-sided", "greater", "less"))
        check_choice("adjust", self.adjust, ("fdr", "none"))
        check_level(self.level)
        check_resamples(self.n_resamples, least=19)

    def draws(self) -> tuple[int, np.random.Generator]:
        """Return how many draws, and where they come from."""
        return self.n_resamples, as_generator(self.rng)


def warm_corner() -> dict[str, Any]:
    """Return a six by six grid with a warm corner."""
    side = 6
    at = [(r, c) for r in range(side) for c in range(side)]
    pairs = [
        (one, other)
        for one, (r, c) in enumerate(at)
        for other, (s, d) in enumerate(at)
        if one < other and abs(r - s) + abs(c - d) == 1
    ]
    values = np.array([0.2 + 0.06 * max(0, 3 - r - c) + 0.01 * (r % 2) for r, c in at])
    return {
        "values": values,
        "weights": SpatialWeights.from_pairs(pairs, n_areas=side * side),
    }


def enough_areas(area: AreaValues) -> AreaValues:
    """Refuse maps of too few areas with data."""
    if area.values.size < _LEAST_AREAS:
        raise NotEstimableError(
            f"{area.values.size} areas have data; a local statistic needs at least "
            f"{_LEAST_AREAS} to tell a neighbourhood from the rest."
        )
    return area


def others(z: FloatVector) -> PoolSums:
    """Return the sums of each area's pool: all values but its own."""
    sums = tuple(float((z**p).sum()) - z**p for p in (1, 2, 3))
    return pool_of_others(sums, z.size - 1)


def everyone(z: FloatVector) -> PoolSums:
    """Return the sums of all values, the same pool for each area."""
    sums = tuple(np.full_like(z, (z**p).sum()) for p in (1, 2, 3))
    return pool_of_others(sums, z.size)


def squared_differences(y: FloatVector) -> PoolSums:
    """Return power sums of (y_i - y_j)^2 over all others, by the binomial theorem."""
    power = [float((y**p).sum()) for p in range(7)]
    sums = tuple(
        sum(
            math.comb(2 * r, s) * (-1) ** s * y ** (2 * r - s) * power[s]
            for s in range(2 * r + 1)
        )
        for r in (1, 2, 3)
    )
    return pool_of_others(sums, y.size - 1)


def deviates_of(
    value: FloatVector, expected: FloatVector, variance: FloatVector
) -> FloatVector:
    """Standardise; 0 where chance leaves no room, since the value is then expected."""
    room = variance > 0
    deviates: FloatVector = np.zeros_like(value)
    deviates[room] = (value - expected)[room] / np.sqrt(variance[room])
    return deviates


def tails_of(
    plan: TestPlan,
    values: FloatVector,
    area: AreaValues,
    observed: FloatVector,
    chance: DrawnMoments,
    *,
    pool: Literal["others", "all", "squared differences"],
    links: SpatialWeights | None = None,
) -> Tails:
    """Return the p-values above and below, by the plan; 1 where nothing can vary."""
    if plan.inference == "permutation":
        return permutation_tails(
            values,
            links or area.weights,
            observed,
            tested=area.weights.n_neighbours > 0,
            draws=plan.draws(),
            pool=pool,
        )
    deviates = deviates_of(observed, chance.mean, chance.variance)
    if plan.inference == "normal":
        tails = normal_tails(deviates)
    else:
        tails = pearson_tails(deviates, chance.skewness)
    return tuple(np.where(chance.variance > 0, tail, 1.0) for tail in tails)  # type: ignore[return-value]


def area_table(
    area: AreaValues,
    plan: TestPlan,
    moments: tuple[FloatVector, FloatVector, FloatVector],
    tails: Tails,
    found: Any,  # noqa: ANN401 - an array of words
) -> pd.DataFrame:
    """Return one row per area of the weights: areas without data are put back."""
    tested_here: BoolVector = area.weights.n_neighbours > 0
    blank = np.where(tested_here, 1.0, np.nan)
    p_value = choose_side(tails, plan.alternative) * blank
    adjusted = benjamini_hochberg(p_value)
    judged = adjusted if plan.adjust == "fdr" else p_value
    # 1 - 0.95 is a hair above 0.05: a p of exactly 0.05 must not depend on it.
    stands_out = judged <= round(1 - plan.level, 12)
    words = np.where(stands_out, found, NOT_SIGNIFICANT)
    statistic, expected, variance = moments
    columns = {
        "statistic": statistic,
        "expected": expected,
        "variance": variance,
        "z": deviates_of(statistic, expected, variance),
        "p_value": p_value,
        "p_adjusted": adjusted,
    }
    tested = np.zeros(area.has_data.size, dtype=bool)
    tested[area.has_data] = tested_here
    spread = np.full(area.has_data.size, "", dtype=object)
    spread[area.has_data] = words
    return pd.DataFrame(
        {
            "area": list(area.areas),
            "category": category_column(tested, area.has_data, spread),
            **{name: area.spread_out(c * blank) for name, c in columns.items()},
            "tested": tested,
        }
    )


def floor_notes(plan: TestPlan, table: pd.DataFrame) -> tuple[str, ...]:
    """Say how small a permutation's p-value can be, and what that does to FDR."""
    if plan.inference != "permutation":
        return ()
    sides = 2 if plan.alternative == "two-sided" else 1
    floor = sides / (plan.n_resamples + 1)
    tested = int(table["tested"].sum())
    notes = [
        f"p-values from {plan.n_resamples:,} draws per area, each area with draws of "
        f"its own; none can be below {floor:.2g}"
    ]
    needed = math.ceil(tested * floor / round(1 - plan.level, 12))
    if plan.adjust == "fdr" and needed > 1:
        notes.append(
            f"with {tested:,} areas tested, the adjustment can find none unless "
            f"{needed:,} or more are at that floor: take more draws, or "
            "inference='pearson', which has none"
        )
    return tuple(notes)


def skewness_notes(
    plan: TestPlan, chance: DrawnMoments, weights: SpatialWeights
) -> tuple[str, ...]:
    """Say where too few neighbours and too skew values make a formula's p rough."""
    if plan.inference == "permutation":
        return ()
    most, rejected = _ROUGH[plan.inference]
    rough = (np.abs(chance.skewness) > most) & (weights.n_neighbours > 0)
    if not rough.any():
        return ()
    return (
        f"in {int(rough.sum())} areas chance sums are skewed by more than {most:g}: "
        "p-values of formulas are rough there (for heavy-tailed values and few "
        f"neighbours this one rejected up to {rejected} of null tests at 5 % in "
        "simulations), take inference='permutation'",
    )
