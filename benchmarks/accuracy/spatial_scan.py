"""Size and power of every scan, on maps whose clusters were planted or are absent.

Maps of `AREAS` places scattered at random in a square, the same places throughout, of
which those whose Voronoi cells touch are adjacent. `PERSONS` are interviewed in each;
`RATE` of them are cases, `RAISED` inside a planted cluster of `MEMBERS` places: a
``compact`` one (a place and its nearest) or a ``long`` one (places along a diagonal).
``clustered`` interviews are drawn in groups of `GROUP` (trucks) with a correlation that
gives each area's proportion a design effect of `EFFECT`; that effect is handed over as
known where the column `design_effect` says so. Over time there are `ROUNDS` rounds and
the cluster begins with the last but one. Flows join `ENDS` origins and destinations;
cases are raised from a compact set of origins to a compact set of destinations, or
trips are, over what their ends explain.

A scan finds something if its p-value is at most 0.05; with `RESAMPLES` simulated maps
that has probability 0.05 where nothing is planted (at most, ties aside). Given that,
``overlap`` is the mean Jaccard index of the places found and planted. `MAPS` maps per
row, `FEW_MAPS` of the slow scans (ellipses): the standard error of a size of 5 % is 1.1
and 2.2 points. Each row has its own stream.

``python -m benchmarks accuracy spatial_scan`` writes
``benchmarks/accuracy/results/spatial_scan.csv``; ``python docs/coverage_pages.py`` then
redraws the table of the docs from it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.spatial import Delaunay

from estimators.spatial import flow_scan, space_time_scan, spatial_scan

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix, IntVector
    from estimators.spatial import ScanClusters

RESULTS = Path(__file__).parent / "results" / "spatial_scan.csv"
AREAS, PERSONS, RATE, RAISED, MEMBERS = 60, 30, 0.3, 0.5, 6
GROUP, EFFECT, ROUNDS, ENDS, TRIPS = 6, 2.0, 4, 15, 1500
FLOW_RAISED = 1.8  # rate of cases, or trips, over that of the other flows
MAPS, FEW_MAPS, RESAMPLES, ALPHA = 400, 100, 99, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row: what is planted and how it is looked for."""

    scan: str
    model: str
    planted: str
    data: str = "independent"
    design_effect: str = ""


SCENARIOS = (
    *(
        Scenario(scan=shape, model=model, planted=planted)
        for shape in ("circular", "elliptic", "flexible", "restricted")
        for model in ("bernoulli", "poisson")
        for planted in ("nothing", "compact", "long")
    ),
    *(
        Scenario(
            scan="circular",
            model="bernoulli",
            planted=planted,
            data="clustered",
            design_effect=known,
        )
        for known in ("ignored", "given")
        for planted in ("nothing", "compact")
    ),
    *(
        Scenario(scan="space-time", model=model, planted=planted)
        for model in ("bernoulli", "poisson", "permutation", "expectation")
        for planted in ("nothing", "compact")
    ),
    *(
        Scenario(scan="flow", model=model, planted=planted)
        for model in ("bernoulli", "independence", "gravity")
        for planted in ("nothing", "compact")
    ),
)


def places() -> tuple[FloatMatrix, IntMatrix]:
    """Return the places and the pairs of them that touch."""
    found = np.random.default_rng(7).uniform(size=(AREAS, 2))
    corners = Delaunay(found).simplices
    pairs = np.vstack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]])
    return found, pairs.astype(np.int64)


def planted_places(planted: str) -> IntVector:
    """Return the places of the planted cluster."""
    found, _ = places()
    if planted == "nothing":
        return np.zeros(0, dtype=np.int64)
    if planted == "compact":
        distance = np.hypot(*(found - [0.35, 0.6]).T)
    else:  # along a diagonal road: across it counts six times
        along, across = found.sum(axis=1) - 1, found[:, 1] - found[:, 0]
        distance = np.hypot(along, 6 * across)
    return np.sort(np.argsort(distance)[:MEMBERS])


def draw_cases(
    rates: FloatVector, rng: np.random.Generator, *, clustered: bool
) -> FloatVector:
    """Draw cases among PERSONS per area, in correlated groups if they are clustered."""
    if not clustered:
        return rng.binomial(PERSONS, rates).astype(float)
    correlation = (EFFECT - 1) / (GROUP - 1)
    scale = (1 - correlation) / correlation
    shape = (PERSONS // GROUP, rates.size)
    shares = rng.beta(rates * scale, (1 - rates) * scale, size=shape)
    cases: FloatVector = rng.binomial(GROUP, shares).sum(axis=0).astype(float)
    return cases


def over_places(scenario: Scenario, rng: np.random.Generator) -> ScanClusters:
    """Draw a map and scan it."""
    where, pairs = places()
    rates = np.full(AREAS, RATE)
    rates[planted_places(scenario.planted)] = RAISED
    options: dict[str, Any] = {}
    if scenario.design_effect == "given":
        options["design_effect"] = EFFECT
    if scenario.scan in ("flexible", "restricted"):
        most = 8 if scenario.scan == "flexible" else 30
        options |= {"adjacency": pairs, "max_areas": most}
    return spatial_scan(
        draw_cases(rates, rng, clustered=scenario.data == "clustered"),
        np.full(AREAS, float(PERSONS)),
        where,
        model=scenario.model,  # type: ignore[arg-type]
        shape=scenario.scan,  # type: ignore[arg-type]
        n_resamples=RESAMPLES,
        max_clusters=1,
        rng=rng,
        **options,
    )


def over_time(scenario: Scenario, rng: np.random.Generator) -> ScanClusters:
    """Draw rounds and scan them for clusters that are still going on.

    Under the models without interviewed persons cases are Poisson with the same mean.
    """
    where, _ = places()
    rates = np.full((AREAS, ROUNDS), RATE)
    rates[planted_places(scenario.planted), -2:] = RAISED
    persons = np.full((AREAS, ROUNDS), float(PERSONS))
    counts = scenario.model != "bernoulli"
    cases = rng.poisson(rates * PERSONS) if counts else rng.binomial(PERSONS, rates)
    expected = persons * RATE if scenario.model == "expectation" else None
    return space_time_scan(
        cases.astype(float),
        None if scenario.model == "permutation" else persons,
        where,
        model=scenario.model,  # type: ignore[arg-type]
        expected=expected,
        analysis="prospective",
        n_resamples=RESAMPLES,
        max_clusters=1,
        rng=rng,
    )


def over_flows(scenario: Scenario, rng: np.random.Generator) -> ScanClusters:
    """Draw trips and cases among them, or trips alone, and scan them."""
    where = places()[0][:ENDS]
    distance = np.hypot(*(where[:, None] - where[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, 1.0)
    pull = np.random.default_rng(8).gamma(2, size=(2, ENDS))
    weight = np.outer(pull[0], pull[1])
    if scenario.model == "gravity":
        weight = weight / distance
    start, stop = flow_ends()
    raised = np.ones((ENDS, ENDS))
    if scenario.planted != "nothing":
        raised[np.ix_(start, stop)] = FLOW_RAISED
    np.fill_diagonal(weight, 0.0)
    counted = scenario.model != "bernoulli"
    share = weight * raised if counted else weight
    trips = rng.multinomial(TRIPS, (share / share.sum()).ravel()).reshape(ENDS, ENDS)
    cases = trips if counted else rng.binomial(trips, RATE * raised)
    return flow_scan(
        cases.astype(float),
        None if counted else trips.astype(float),
        where,
        where,
        model=scenario.model,  # type: ignore[arg-type]
        max_places=6,
        n_resamples=RESAMPLES,
        max_clusters=1,
        rng=rng,
    )


def flow_ends() -> tuple[IntVector, IntVector]:
    """Return the far ends between which flows are raised."""
    where = places()[0][:ENDS]
    from_first = np.hypot(*(where - where[0]).T)
    far = where[int(np.argmax(from_first))]
    return np.argsort(from_first)[:3], np.argsort(np.hypot(*(where - far).T))[:3]


def overlap(scenario: Scenario, found: ScanClusters) -> float:
    """Return the Jaccard index of what was found and what was planted."""
    best = found.clusters[0]
    if best.destinations is None:
        truth = set(planted_places(scenario.planted).tolist())
        guess = set(best.members)
    else:
        start, stop = flow_ends()
        truth = {int(i) * ENDS + int(j) for i in start for j in stop}
        guess = {i * ENDS + j for i in best.members for j in best.destinations}
    return len(truth & guess) / len(truth | guess)


def run_scenario(scenario: Scenario, maps: int = MAPS) -> Mapping[str, Any]:
    """Scan all maps of one row."""
    kinds: dict[str, Callable[[Scenario, np.random.Generator], ScanClusters]] = {
        "space-time": over_time,
        "flow": over_flows,
    }
    draw = kinds.get(scenario.scan, over_places)
    rng = np.random.default_rng([1, zlib.crc32(repr(scenario).encode())])
    found = 0
    shared: list[float] = []
    for _ in range(maps):
        result = draw(scenario, rng)
        if result.clusters and result.clusters[0].p_value <= ALPHA + 1e-12:
            found += 1
            if scenario.planted != "nothing":
                shared.append(overlap(scenario, result))
    share = found / maps
    return {
        "scan": scenario.scan,
        "model": scenario.model,
        "data": scenario.data,
        "design_effect": scenario.design_effect or "none",
        "planted": scenario.planted,
        "maps": maps,
        "found": found,
        "share_found": round(share, 4),
        "std_error": round(math.sqrt(share * (1 - share) / maps), 4),
        "overlap": round(float(np.mean(shared)), 3) if shared else math.nan,
    }


def main() -> None:
    """Run every scenario and write the table."""
    rows = []
    for scenario in SCENARIOS:
        slow = scenario.scan == "elliptic"
        rows.append(run_scenario(scenario, FEW_MAPS if slow else MAPS))
        print(*rows[-1].values())
    pd.DataFrame(rows).to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main()
