"""Kernels against scans written from their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.spatial.cluster_search import find_clusters, maxima_of
from estimators.spatial.flexible_windows import (
    FlexibleWindows,
    RestrictedWindows,
    least_raised,
)
from estimators.spatial.neighbour_order import areas_within, neighbour_order
from estimators.spatial.scan_models import bernoulli_model, poisson_model
from estimators.spatial.windows import nested_windows
from tests.twins import spatial_scan as twin

MAPS = given(
    entropy=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["poisson", "bernoulli"]),
    side=st.sampled_from([1, -1]),
    on_grid=st.booleans(),
    cap=st.sampled_from([0.25, 0.5, 1.0]),
)
FEW = settings(max_examples=25, deadline=None, derandomize=True)


def made_map(entropy, kind, *, on_grid):
    rng = np.random.default_rng(entropy)
    n = 12
    places = rng.integers(0, 4, size=(n, 2)).astype(float)
    if not on_grid:
        places = rng.uniform(size=(n, 2))
    size = rng.integers(1, 30, size=n).astype(float)
    cases = rng.binomial(size.astype(int), rng.choice([0.1, 0.4], size=n)).astype(float)
    cases[0] = max(cases[0], 1)
    cases[1] = min(cases[1], size[1] - 1)
    make = poisson_model if kind == "poisson" else bernoulli_model
    return places, size, make(cases, size, min_cases=2), rng


def compare(zones, windows, model, side, rng, *, allowed=None, least=None):
    """Compare the best zone of the data and the maxima of drawn maps."""
    options = {"kind": model.kind, "side": side}
    best, which = twin.greatest(
        zones, model.cases, model.size, allowed=allowed, **options
    )
    found = find_clusters(model, windows, (side,), np.zeros(3), max_clusters=1)
    if best <= 1e-9:
        assert not found
    else:
        assert found[0].found.ratio == pytest.approx(best, rel=1e-9)
        assert tuple(sorted(found[0].found.members)) in which
    drawn = model.draw(5, rng)
    maxima = maxima_of(model, windows, (side,), drawn, most=int(drawn.sum(1).max()))
    for counts, maximum in zip(drawn, maxima, strict=True):
        open_ = None if least is None else counts >= least
        expected, _ = twin.greatest(
            zones, counts.astype(float), model.drawn_size, allowed=open_, **options
        )
        assert maximum == pytest.approx(expected, rel=1e-9, abs=1e-9)


@FEW
@MAPS
def test_circles__equal_the_twin(entropy, kind, side, on_grid, cap):
    places, size, model, rng = made_map(entropy, kind, on_grid=on_grid)
    share = size / size.sum()
    windows = nested_windows(places, share, cap=cap, metric="euclidean")
    compare(twin.circles(places, share, cap), windows, model, side, rng)


@FEW
@MAPS
def test_bounded_circles_and_sets__equal_the_twin(entropy, kind, side, on_grid, cap):
    places, size, model, rng = made_map(entropy, kind, on_grid=on_grid)
    share = size / size.sum()
    reach = float(rng.choice([1.0, 2.0]) if on_grid else rng.uniform(0.1, 0.6))
    bounded = nested_windows(
        places, share, cap=cap, metric="euclidean", max_distance=reach
    )
    zones = twin.circles(places, share, cap, reach=reach)
    compare(zones, bounded, model, side, rng)
    touching = np.ones((12, 12), dtype=bool)
    near = np.ascontiguousarray(neighbour_order(places, metric="euclidean")[:, :5])
    within = areas_within(places, metric="euclidean", max_distance=reach)
    near[np.arange(5) >= within[:, None]] = -1
    windows = FlexibleWindows(near=near, touching=touching, share=share, cap=cap)
    zones = twin.connected_sets(places, touching, 5, share, cap + 1e-12, reach=reach)
    compare(zones, windows, model, side, rng)


@FEW
@MAPS
def test_flexible__equals_the_twin(entropy, kind, side, on_grid, cap):
    places, size, model, rng = made_map(entropy, kind, on_grid=on_grid)
    touching = np.triu(rng.random((12, 12)) < 0.25, 1)
    touching |= touching.T
    share = size / size.sum()
    near = np.ascontiguousarray(neighbour_order(places, metric="euclidean")[:, :6])
    zones = twin.connected_sets(places, touching, 6, share, cap + 1e-12)
    windows = FlexibleWindows(near=near, touching=touching, share=share, cap=cap)
    compare(zones, windows, model, side, rng)
    if side > 0:
        least = least_raised(model, 0.3)
        raised = RestrictedWindows(
            near=near, touching=touching, share=share, cap=cap, least=least
        )
        open_ = model.cases >= least
        compare(zones, raised, model, side, rng, allowed=open_, least=least)


@FEW
@given(
    entropy=st.integers(0, 2**32 - 1), kind=st.sampled_from(["poisson", "bernoulli"])
)
def test_least_raised__is_where_the_mid_p_passes(entropy, kind):
    from scipy import stats

    _, _, model, _ = made_map(entropy, kind, on_grid=True)
    rate = model.drawn_total / model.drawn_size.sum()
    for size, least in zip(model.drawn_size, least_raised(model, 0.2), strict=True):
        law = stats.poisson(size) if kind == "poisson" else stats.binom(size, rate)
        counts = np.arange(0, 80)
        mid_p = law.sf(counts) + law.pmf(counts) / 2
        assert counts[mid_p < 0.2][0] == least


def test_many_cases__thresholds_prune_nothing_that_counts():
    rng = np.random.default_rng(4)
    places = rng.uniform(size=(60, 2))
    size = rng.gamma(2, 5000, size=60)
    cases = rng.poisson(size).astype(float)
    share = size / size.sum()
    zones = twin.circles(places, share, 0.5)
    windows = nested_windows(places, share, cap=0.5, metric="euclidean")
    model = poisson_model(cases, size, min_cases=2)
    for side in (1, -1):
        compare(zones, windows, model, side, rng)
