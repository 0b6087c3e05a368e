"""Size and power of the statistics of autocorrelation, global and local.

Maps of `SIDE` by `SIDE` areas: values are independent, ``normal``, ``exponential``
(skewness 2) or ``lognormal`` (spread `LOG_SPREAD`, heavy-tailed), each scaled to
variance 1; a planted ``block`` of nine areas has `RAISED` added. Links are ``rook``
(two to four neighbours) or ``wide`` (within 2.3 steps, 7 to 20 neighbours). ``marks``
are 0 or 1, `MARKED` of them 1 or few, and more in the block. ``rates`` are cases of
unequal populations with one rate, doubled in the block; populations lie ``scattered``
or ``gathered`` (small places beside each other).

A global statistic finds something if its p-value is at most `ALPHA`; of a local one the
share of all areas is counted where nothing is planted (the level of one test, without
adjustment) and the share of the nine planted ones otherwise. `std_error` is that of the
share between maps, since areas of one map share neighbours. `MAPS` maps per scenario,
`PLANTED_MAPS` where a block is planted; `RESAMPLES` draws, with which 0.05 is met
exactly on one side and on two.

``python -m benchmarks accuracy spatial_autocorrelation`` writes
``benchmarks/accuracy/results/spatial_autocorrelation.csv``; ``python
docs/coverage_pages.py`` then redraws the tables of the docs from it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.spatial import (
    SpatialWeights,
    empirical_bayes_moran,
    geary,
    getis_ord,
    getis_ord_global,
    join_counts,
    local_geary,
    local_moran,
    moran,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntVector
    from estimators.results import Estimate
    from estimators.spatial import LocalStatistics

RESULTS = Path(__file__).parent / "results" / "spatial_autocorrelation.csv"
SIDE, MAPS, PLANTED_MAPS, RESAMPLES, ALPHA = 8, 1000, 300, 199, 0.05
LOG_SPREAD, RAISED = 1.5, 1.5
MARKED = {"marks": 0.3, "few marks": 0.08}
RATE, PERSONS_SPREAD = 0.1, 1.0
REACH = {"rook": 1.0, "wide": 2.3}
SIDES = ("two-sided", "greater")

Key = tuple[str, str, str]  # statistic, inference, alternative


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What the values are, who neighbours whom, and whether a block is planted."""

    values: str
    links: str
    planted: str

    def stream(self) -> np.random.Generator:
        """Return the scenario's own generator."""
        return np.random.default_rng([1, zlib.crc32(repr(self).encode())])


SCENARIOS = tuple(
    Scenario(values=values, links=links, planted=planted)
    for values in (
        "normal",
        "exponential",
        "lognormal",
        "marks",
        "few marks",
        "rates scattered",
        "rates gathered",
    )
    for links in ("rook", "wide")
    for planted in ("nothing", "block")
)


def grid(links: str) -> SpatialWeights:
    """Return binary links between areas within reach on the grid."""
    row, column = np.divmod(np.arange(SIDE**2), SIDE)
    apart = np.hypot(row[:, None] - row, column[:, None] - column)
    pairs = np.argwhere(np.triu((apart > 0) & (apart <= REACH[links] + 1e-9)))
    return SpatialWeights.from_pairs(pairs.tolist(), n_areas=SIDE**2)


def block(planted: str) -> IntVector:
    """Return the planted areas."""
    if planted == "nothing":
        return np.zeros(0, dtype=np.int64)
    return np.array([SIDE * r + c for r in (2, 3, 4) for c in (3, 4, 5)])


def draw_values(scenario: Scenario, rng: np.random.Generator) -> FloatVector:
    """Draw values of mean 0 and variance 1 (their law's), raised in the block."""
    n = SIDE**2
    if scenario.values == "normal":
        values = rng.normal(size=n)
    elif scenario.values == "exponential":
        values = rng.exponential(size=n) - 1
    else:
        s2 = LOG_SPREAD**2
        values = rng.lognormal(sigma=LOG_SPREAD, size=n) - math.exp(s2 / 2)
        values /= math.sqrt(math.expm1(s2) * math.exp(s2))
    values[block(scenario.planted)] += RAISED
    return values


def draw_marks(scenario: Scenario, rng: np.random.Generator) -> FloatVector:
    """Draw marks: two at least of either kind, as a map that is tested at all has."""
    chance = np.full(SIDE**2, MARKED[scenario.values])
    chance[block(scenario.planted)] = min(2.5 * MARKED[scenario.values], 0.9)
    while True:
        marks: FloatVector = (rng.random(SIDE**2) < chance).astype(float)
        if 2 <= marks.sum() <= SIDE**2 - 2:
            return marks


def draw_rates(
    scenario: Scenario, rng: np.random.Generator
) -> tuple[FloatVector, FloatVector]:
    """Draw cases and persons; persons are the same in every map of the scenario."""
    persons = np.random.default_rng(5).lognormal(5, PERSONS_SPREAD, size=SIDE**2)
    persons = np.sort(
        np.ceil(persons)
    )  # gathered: the small ones lie in the first rows
    if scenario.values.endswith("scattered"):
        persons = np.random.default_rng(6).permutation(persons)
    rates = np.full(SIDE**2, RATE)
    rates[block(scenario.planted)] *= 2
    return rng.binomial(persons.astype(int), rates).astype(float), persons


def of_values(
    scenario: Scenario, links: SpatialWeights, rng: np.random.Generator
) -> Iterator[tuple[Key, FloatVector]]:
    """Yield the p-values of one map of numbers."""
    values = draw_values(scenario, rng)
    draws: dict[str, Any] = {"n_resamples": RESAMPLES, "rng": rng}
    for name, statistic in (("moran", moran), ("geary", geary)):
        for inference in ("normal", "permutation"):
            yield from _global(name, statistic, (values, links), inference, draws)
    lifted = values - values.min()
    found = getis_ord_global(lifted, links)
    yield ("getis_ord_global", "normal", "two-sided"), _p(found)
    local: tuple[tuple[str, Callable[..., LocalStatistics], tuple[str, ...]], ...] = (
        ("local_moran", local_moran, ("two-sided",)),
        ("getis_ord", getis_ord, SIDES),
    )
    for name, statistic, sides in local:
        for inference in ("permutation", "pearson", "normal"):
            for side in sides:
                chosen = {"inference": inference, "alternative": side, "adjust": "none"}
                table = statistic(values, links, **chosen, **draws).table
                yield (name, inference, side), table["p_value"].to_numpy()
    total = local_moran(
        values, links, inference="normal", moments="total", adjust="none"
    )
    key = ("local_moran, total moments", "normal", "two-sided")
    yield key, total.table["p_value"].to_numpy()
    unlike = local_geary(values, links, adjust="none", **draws)
    key = ("local_geary", "permutation", "two-sided")
    yield key, unlike.table["p_value"].to_numpy()


def of_marks(
    scenario: Scenario, links: SpatialWeights, rng: np.random.Generator
) -> Iterator[tuple[Key, FloatVector]]:
    """Yield the p-values of one map of marks."""
    marks = draw_marks(scenario, rng)
    for row, group in zip(*_joined(marks, links), strict=True):
        yield (f"join_counts {group['join']}", "normal", "two-sided"), _p(row)
    draws: dict[str, Any] = {"n_resamples": RESAMPLES, "rng": rng}
    yield from _global("moran", moran, (marks, links), "permutation", draws)


def _joined(marks: FloatVector, links: SpatialWeights) -> tuple[Any, Any]:
    found = join_counts(marks, links)
    return found.rows, found.groups


def of_rates(
    scenario: Scenario, links: SpatialWeights, rng: np.random.Generator
) -> Iterator[tuple[Key, FloatVector]]:
    """Yield the p-values of one map of cases among persons."""
    cases, persons = draw_rates(scenario, rng)
    draws: dict[str, Any] = {"n_resamples": RESAMPLES, "rng": rng}
    for inference in ("normal", "permutation"):
        plain = (cases / persons, links)
        yield from _global("moran of rates", moran, plain, inference, draws)
        both = (cases, persons, links)
        yield from _global(
            "empirical_bayes_moran", empirical_bayes_moran, both, inference, draws
        )


def _global(
    name: str,
    statistic: Callable[..., Estimate],
    data: tuple[Any, ...],
    inference: str,
    draws: Mapping[str, Any],
) -> Iterator[tuple[Key, FloatVector]]:
    for side in ("two-sided", "less" if name == "geary" else "greater"):
        found = statistic(*data, inference=inference, alternative=side, **draws)
        yield (name, inference, side), _p(found)


def _p(found: Estimate) -> FloatVector:
    return np.array([found.diagnostics["p_value"]])


def run_scenario(scenario: Scenario, maps: int = MAPS) -> list[Mapping[str, Any]]:
    """Test all maps of one scenario; return one row per statistic and inference."""
    rng, links = scenario.stream(), grid(scenario.links)
    draw = of_values
    if scenario.values in MARKED:
        draw = of_marks
    elif scenario.values.startswith("rates"):
        draw = of_rates
    shares: dict[Key, list[float]] = {}
    where = block(scenario.planted)
    for _ in range(maps):
        for key, p_values in draw(scenario, links, rng):
            local = p_values.size > 1 and where.size
            judged = p_values[where] if local else p_values
            found = float((judged <= ALPHA + 1e-12).mean())
            shares.setdefault(key, []).append(found)
    return [
        {
            "statistic": statistic,
            "inference": inference,
            "alternative": side,
            "values": scenario.values,
            "links": scenario.links,
            "planted": scenario.planted,
            "maps": maps,
            "share_found": round(float(np.mean(found)), 4),
            "std_error": round(float(np.std(found, ddof=1) / math.sqrt(maps)), 4),
        }
        for (statistic, inference, side), found in shares.items()
    ]


def main() -> None:
    """Run every scenario and write the table."""
    rows: list[Mapping[str, Any]] = []
    for scenario in SCENARIOS:
        maps = MAPS if scenario.planted == "nothing" else PLANTED_MAPS
        rows.extend(run_scenario(scenario, maps))
        print(scenario, flush=True)
    pd.DataFrame(rows).to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main()
