"""Scans at the sizes that the project promises, and against scans written plainly.

Large: circles over 281, 2 000 and 5 000 areas with up to half of the population,
elliptic and flexible zones on the 281, flows between 200 and 200 places with 20 000
trips, 999 simulated maps each. Small: the same maps scanned by the kernels and by the
twin that lists every zone; their greatest ratios are compared in the same run. Memory
is the peak of the process.
"""

from __future__ import annotations

import itertools
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.spatial import Delaunay

from benchmarks.speed._timing import report, time_calls
from estimators.spatial import flow_scan, spatial_scan
from estimators.spatial.cluster_search import maxima_of
from estimators.spatial.flow_windows import FlowWindows
from estimators.spatial.neighbour_order import neighbour_order
from estimators.spatial.scan_models import ScanModel, bernoulli_model, poisson_model
from estimators.spatial.windows import Windows, nested_windows
from tests.twins import spatial_scan as twin

RESAMPLES, RUNS, TWIN_MAPS = 999, 3, 5


def made_map(n: int, cases_each: float) -> dict[str, Any]:
    """Draw areas of unequal population in a square, with one raised corner."""
    rng = np.random.default_rng(n)
    places = rng.uniform(size=(n, 2))
    population = rng.gamma(2, 2000, size=n).round() + 50
    rate = cases_each / population.mean() * np.where(places.sum(axis=1) < 0.2, 2, 1)
    return {
        "cases": rng.poisson(population * rate).astype(float),
        "population": population,
        "coordinates": places,
    }


def made_flows(n: int = 200, trips_in_all: int = 20_000) -> dict[str, Any]:
    """Draw trips between different ones of n places, three in ten of them cases."""
    rng = np.random.default_rng(1)
    places = rng.uniform(size=(n, 2))
    weight = np.outer(rng.gamma(1, size=n), rng.gamma(1, size=n))
    np.fill_diagonal(weight, 0)
    trips = rng.multinomial(trips_in_all, (weight / weight.sum()).ravel())
    trips = trips.reshape(n, n)
    cases = rng.binomial(trips, 0.3)
    return {
        "cases": cases.astype(float),
        "trips": trips.astype(float),
        "origins": places,
        "destinations": places,
    }


def map_calls() -> dict[str, Callable[[], Any]]:
    """Return the scans of maps at the promised sizes."""
    small, middle, large = (
        made_map(n, cases) for n, cases in ((281, 2.0), (2000, 4.0), (5000, 4.0))
    )
    corners = Delaunay(small["coordinates"]).simplices
    touching = np.vstack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]])
    scan = partial(spatial_scan, n_resamples=RESAMPLES, rng=1)
    flexible: dict[str, Any] = {
        "adjacency": touching,
        "shape": "flexible",
        "max_areas": 10,
    }
    return {
        "circular Poisson, 281 areas": lambda: scan(**small),
        "circular Bernoulli, 281 areas": lambda: scan(**small, model="bernoulli"),
        "elliptic, 281 areas": lambda: scan(**small, shape="elliptic"),
        "flexible of 10, 281 areas": lambda: scan(**small, **flexible),
        "circular Poisson, 2 000 areas": lambda: scan(**middle),
        "circular Poisson, 5 000 areas": lambda: scan(**large),
    }


def flow_calls() -> dict[str, Callable[[], Any]]:
    """Return the scans of 20 000 trips between 200 places."""
    flows = made_flows()
    only_trips = {**flows, "cases": flows["trips"], "trips": None}
    follow = partial(flow_scan, n_resamples=RESAMPLES, rng=1)
    return {
        "flows 200 x 200, 20 000 trips, Bernoulli": lambda: follow(**flows),
        "the same, independence": lambda: follow(**only_trips, model="independence"),
        "the same, gravity": lambda: follow(**only_trips, model="gravity"),
    }


def circles_case(kind: str) -> tuple[ScanModel, Windows, list[Any]]:
    """Return circles over 100 areas: model, kernel windows and listed zones."""
    data = made_map(100, 4.0)
    share = data["population"] / data["population"].sum()
    make = poisson_model if kind == "poisson" else bernoulli_model
    model = make(data["cases"], data["population"], min_cases=2)
    windows = nested_windows(data["coordinates"], share, cap=0.5, metric="euclidean")
    return model, windows, list(twin.circles(data["coordinates"], share, 0.5))


def flows_case() -> tuple[ScanModel, Windows, list[Any]]:
    """Return circles of up to 5 of 20 places times the same, 2 000 trips."""
    n, near = 20, 5
    data = made_flows(n, 2000)
    pair = np.flatnonzero(data["trips"].ravel() > 0)
    cases, trips = data["cases"].ravel()[pair], data["trips"].ravel()[pair]
    order = neighbour_order(data["origins"], metric="euclidean")[:, :near].copy()
    windows = FlowWindows(from_near=order, to_near=order, pair=pair, cap=0.5)
    at = np.full(n * n, -1)
    at[pair] = np.arange(pair.size)
    circles = [order[i, :k] for i in range(n) for k in range(1, near + 1)]
    zones = (at[np.add.outer(i * n, j)] for i, j in itertools.product(circles, circles))
    held = [tuple(zone[zone >= 0].tolist()) for zone in zones]
    limit = 0.5 * trips.sum()
    listed = [zone for zone in held if zone and trips[list(zone)].sum() <= limit]
    return bernoulli_model(cases, trips, min_cases=2), windows, listed


def against_twin(name: str, case: tuple[ScanModel, Windows, list[Any]]) -> None:
    """Scan a few maps both ways, compare, and print milliseconds by map."""
    model, windows, zones = case
    drawn = model.draw(RESAMPLES, np.random.default_rng(2))
    most = int(drawn.sum(axis=1).max())
    fast = partial(maxima_of, model, windows, (1,), drawn, most=most)
    timing = time_calls({name: fast}, runs=RUNS)[0]
    started = time.perf_counter()
    plain = [
        twin.greatest(zones, row.astype(float), model.drawn_size, kind=model.kind)[0]
        for row in drawn[:TWIN_MAPS]
    ]
    each = (time.perf_counter() - started) / TWIN_MAPS
    np.testing.assert_allclose(timing.value[:TWIN_MAPS], plain, rtol=1e-9, atol=1e-9)
    kernel = timing.median / RESAMPLES
    print(
        f"{name:<44} kernel {kernel * 1e3:9.4f} ms a map  twin {each * 1e3:9.1f} ms  "
        f"ratio {each / kernel:9,.0f}  ({len(zones):,} zones, equal)"
    )


def main() -> None:
    """Print seconds, ratios to the twin and the peak memory."""
    against_twin("circular Poisson, 100 areas", circles_case("poisson"))
    against_twin("circular Bernoulli, 100 areas", circles_case("bernoulli"))
    against_twin("flows 20 x 20, 2 000 trips, Bernoulli", flows_case())
    report(time_calls(map_calls(), runs=RUNS))
    for name, call in flow_calls().items():
        clock, processor = time.perf_counter(), time.process_time()
        call()
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        print(f"{name:<44} {clock:6.1f} s, processor {processor:6.1f} s, one run")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MB")


if __name__ == "__main__":
    main()
