"""Scans at the sizes that the project promises, 999 simulated maps each.

Circles over 281, 2 000 and 5 000 areas with up to half of the population; elliptic and
flexible zones on the 281; flows between 200 and 200 places with 20 000 trips. Memory is
the peak of the process. That pruned scans equal plain ones is for the tests
(`tests/estimators/spatial/test_scan_kernels.py`).
"""

from __future__ import annotations

import resource
from functools import partial
from typing import Any

import numpy as np
from scipy.spatial import Delaunay

from benchmarks.speed._timing import report, time_calls
from estimators.spatial import flow_scan, spatial_scan

RESAMPLES = 999


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


def made_flows() -> dict[str, Any]:
    """Draw 20 000 trips between 200 places, three in ten of them cases."""
    rng = np.random.default_rng(1)
    places = rng.uniform(size=(200, 2))
    weight = np.outer(rng.gamma(1, size=200), rng.gamma(1, size=200))
    trips = rng.multinomial(20_000, (weight / weight.sum()).ravel()).reshape(200, 200)
    cases = rng.binomial(trips, 0.3)
    return {
        "cases": cases.astype(float),
        "trips": trips.astype(float),
        "origins": places,
        "destinations": places,
    }


def main() -> None:
    """Print seconds and the peak memory."""
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
    calls = {
        "circular Poisson, 281 areas": lambda: scan(**small),
        "circular Bernoulli, 281 areas": lambda: scan(**small, model="bernoulli"),
        "elliptic, 281 areas": lambda: scan(**small, shape="elliptic"),
        "flexible of 10, 281 areas": lambda: scan(**small, **flexible),
        "circular Poisson, 2 000 areas": lambda: scan(**middle),
        "circular Poisson, 5 000 areas": lambda: scan(**large),
        "flows, 200 x 200 places, 20 000 trips": lambda: flow_scan(
            **made_flows(), n_resamples=RESAMPLES, rng=1
        ),
    }
    report(time_calls(calls, runs=3))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MB")


if __name__ == "__main__":
    main()
