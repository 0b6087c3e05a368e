"""The flow scan: a twin, margins, planted flows, messages."""

import itertools
import math

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.spatial import flow_scan
from estimators.spatial.cluster_search import maxima_of
from estimators.spatial.example import surveyed_flows
from estimators.spatial.flow_model import distance_decay, draw_flows, fit_margins
from estimators.spatial.flow_windows import FlowWindows
from estimators.spatial.neighbour_order import neighbour_order
from estimators.spatial.scan_models import bernoulli_model
from tests.twins import spatial_scan as twin


def pairs_of_circles(origins, destinations, most, size, cap):
    circles = [
        {
            tuple(sorted(twin.by_distance(places, centre)[: k + 1]))
            for centre in range(len(places))
            for k in range(min(most, len(places)))
        }
        for places in (origins, destinations)
    ]
    n = len(destinations)
    for start, stop in itertools.product(*circles):
        cells = tuple(i * n + j for i in start for j in stop)
        if size.ravel()[list(cells)].sum() <= cap * size.sum() + 1e-9:
            yield cells


@settings(max_examples=20, deadline=None, derandomize=True)
@given(entropy=st.integers(0, 2**32 - 1), direction=st.sampled_from(["high", "low"]))
def test_bernoulli_flows__equal_the_twin(entropy, direction):
    rng = np.random.default_rng(entropy)
    origins, destinations = rng.uniform(size=(5, 2)), rng.uniform(size=(6, 2))
    trips = rng.integers(0, 9, size=(5, 6)).astype(float)
    trips[0, 0] += 2
    cases = rng.binomial(trips.astype(int), 0.3).astype(float)
    cases[0, 0] = 1
    found = flow_scan(
        cases, trips, origins, destinations, max_places=4, direction=direction,
        max_trip_share=0.6, n_resamples=9, rng=1,
    )  # fmt: skip
    zones = list(pairs_of_circles(origins, destinations, 4, trips, 0.6))
    side = 1 if direction == "high" else -1
    options = {"kind": "bernoulli", "side": side}
    best, which = twin.greatest(zones, cases.ravel(), trips.ravel(), **options)
    if best <= 1e-9:
        assert not found.clusters
    else:
        cluster = found.clusters[0]
        assert cluster.log_likelihood_ratio == pytest.approx(best, rel=1e-9)
        pairs = itertools.product(cluster.members, cluster.destinations)
        cells = sorted(i * 6 + j for i, j in pairs)
        assert cells in [sorted(zone) for zone in which]
        assert cluster.observed == cases.ravel()[cells].sum()
    pair = np.flatnonzero(trips.ravel() > 0)
    model = bernoulli_model(cases.ravel()[pair], trips.ravel()[pair], min_cases=2)
    windows = FlowWindows(
        from_near=neighbour_order(origins, metric="euclidean")[:, :4].copy(),
        to_near=neighbour_order(destinations, metric="euclidean")[:, :4].copy(),
        pair=pair,
        cap=0.6,
    )
    drawn = model.draw(4, rng)
    maxima = maxima_of(model, windows, (side,), drawn, most=int(drawn.sum(1).max()))
    for counts, maximum in zip(drawn, maxima, strict=True):
        dense = np.zeros(30)
        dense[pair] = counts
        expected, _ = twin.greatest(zones, dense, trips.ravel(), **options)
        assert maximum == pytest.approx(expected, rel=1e-9, abs=1e-9)


def network(rng, n=12, trips=1500):
    places = rng.uniform(size=(n, 2))
    distance = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    pull = rng.gamma(2, size=n)
    weight = np.outer(rng.gamma(2, size=n), pull)
    np.fill_diagonal(weight, 0)
    return places, distance, weight, trips


@pytest.mark.parametrize("model", ["independence", "gravity"])
def test_planted_flow__stands_out_of_the_null(model):
    rng = np.random.default_rng(3)
    places, distance, weight, trips = network(rng)
    if model == "gravity":
        np.fill_diagonal(distance, 1)
        weight = weight * distance**-1.5
    start = twin.by_distance(places, 0)[:2]
    stop = twin.by_distance(places, 5)[:2]
    weight[np.ix_(start, stop)] *= 6
    np.fill_diagonal(weight, 0)
    flows = rng.multinomial(trips, (weight / weight.sum()).ravel()).reshape(12, 12)
    found = flow_scan(flows, None, places, places, model=model, n_resamples=99, rng=1)
    best = found.clusters[0]
    assert set(best.members) & set(start)
    assert set(best.destinations) & set(stop)
    assert best.p_value == 0.01
    assert found.pair_clusters()[best.members[0], best.destinations[0]] == 1
    if model == "gravity":
        assert any("to the power -1" in note for note in found.notes)


def test_fitted_margins__are_the_data_s_and_power_is_recovered():
    rng = np.random.default_rng(4)
    _, distance, weight, _ = network(rng)
    possible = 1 - np.eye(12)
    flows = weight * np.where(distance > 0, distance, 1) ** -1.2
    power, fitted = distance_decay(distance, possible, flows)
    assert power == pytest.approx(1.2, abs=1e-5)
    np.testing.assert_allclose(fitted, flows, rtol=1e-4, atol=1e-6)
    even = fit_margins(possible, flows)
    np.testing.assert_allclose(even.sum(axis=0), flows.sum(axis=0))
    np.testing.assert_allclose(even.sum(axis=1), flows.sum(axis=1))
    assert (np.diag(even) == 0).all()


def test_drawn_flows__have_the_margins_and_the_expected_mean():
    rng = np.random.default_rng(5)
    _, _, weight, _ = network(rng, n=5)
    flows = rng.multinomial(200, (weight[:5, :5] / weight.sum()).ravel()).reshape(5, 5)
    possible = 1 - np.eye(5)
    drawn = draw_flows(flows.astype(float), possible, 400, np.random.default_rng(1))
    drawn = drawn.reshape(400, 5, 5)
    assert (drawn.sum(axis=1) == flows.sum(axis=0)).all()
    assert (drawn.sum(axis=2) == flows.sum(axis=1)).all()
    assert (np.diagonal(drawn, axis1=1, axis2=2) == 0).all()
    error = drawn.std(axis=0) / 20
    expected = fit_margins(possible, flows.astype(float))
    # The fit is the mean up to terms of order one trip.
    assert (np.abs(drawn.mean(axis=0) - expected) < 5 * error + 0.2).all()


def tables_of(rows, columns):
    """All tables of whole numbers with these margins."""
    if len(rows) == 1:
        return [(tuple(columns),)]
    found = []
    for first in itertools.product(*(range(int(c) + 1) for c in columns)):
        if sum(first) == rows[0]:
            left = [c - f for c, f in zip(columns, first, strict=True)]
            found += [(first, *rest) for rest in tables_of(rows[1:], left)]
    return found


@pytest.mark.parametrize(
    ("flows", "weight"),
    [
        # Only rounds of three lead from one of these tables to another.
        ([[0, 3, 1], [2, 0, 2], [1, 2, 0]], [[0, 1, 1], [2, 0, 1], [1, 2, 0]]),
        (
            [[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1], [0, 1, 1, 0]],
            [[1, 0.5, 1, 2], [1, 0, 1, 1], [2, 1, 0, 1], [1, 1, 0.5, 0]],
        ),
    ],
)
def test_drawn_flows__have_the_law_of_all_tables_with_their_margins(flows, weight):
    counts, pull = np.array(flows, dtype=float), np.array(weight, dtype=float)
    tables = np.array(tables_of(counts.sum(axis=1), counts.sum(axis=0)), dtype=int)
    tables = tables.reshape(len(tables), -1)
    ways = np.vectorize(math.factorial)(tables).prod(axis=1)
    chance = (pull.ravel() ** tables).prod(axis=1) / ways
    n = 1500
    drawn = draw_flows(counts, pull, n, np.random.default_rng(8))
    place = {tuple(table): at for at, table in enumerate(tables.tolist())}
    where = [place[tuple(row)] for row in drawn.tolist()]
    met = np.bincount(where, minlength=len(tables))
    expected = n * chance / chance.sum()
    often = expected >= 5
    assert often.sum() >= 3
    assert (met[expected == 0] == 0).all()
    pooled = [(met[~often].sum(), expected[~often].sum())]
    pairs = [*zip(met[often], expected[often], strict=True), *pooled]
    distance = sum((m - e) ** 2 / e for m, e in pairs if e > 0)
    assert distance < stats.chi2(len(pairs) - 1).isf(1e-3)


@pytest.mark.parametrize("model", ["bernoulli", "gravity"])
def test_threads__do_not_change_the_answer(model):
    rng = np.random.default_rng(9)
    places, _, weight, _ = network(rng)
    trips = rng.multinomial(500, (weight / weight.sum()).ravel()).reshape(12, 12)
    data = (trips, None) if model == "gravity" else (rng.binomial(trips, 0.3), trips)
    before = numba.get_num_threads()
    maxima = []
    try:
        for threads in (1, before):
            numba.set_num_threads(threads)
            found = flow_scan(*data, places, places, model=model, n_resamples=70, rng=1)
            maxima.append(found.null_maxima)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(*maxima)


def test_relabelling_places__changes_nothing():
    rng = np.random.default_rng(6)
    origins, destinations = rng.uniform(size=(7, 2)), rng.uniform(size=(8, 2))
    trips = rng.integers(5, 40, size=(7, 8)).astype(float)
    cases = rng.binomial(trips.astype(int), 0.3).astype(float)
    a, b = rng.permutation(7), rng.permutation(8)
    plain = flow_scan(cases, trips, origins, destinations, n_resamples=9, rng=1)
    mixed = flow_scan(
        cases[np.ix_(a, b)], trips[np.ix_(a, b)], origins[a], destinations[b],
        n_resamples=9, rng=1,
    )  # fmt: skip
    one, other = plain.clusters[0], mixed.clusters[0]
    assert set(one.members) == {int(a[i]) for i in other.members}
    assert set(one.destinations) == {int(b[j]) for j in other.destinations}


BAD = {
    "trips=None": {"trips": None},
    "trips= goes with": {"model": "gravity"},
    "have more than trips": {"trips": np.ones((5, 5))},
    "cases must be whole": {"cases": np.full((5, 5), 1.5)},
    "cases has shape": {"cases": np.ones((4, 5))},
    "max_places=0": {"max_places": 0},
    "same coordinates": {
        "model": "independence",
        "trips": None,
        "destinations": surveyed_flows()["origins"],
    },
    "model='gauss'": {"model": "gauss"},
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input__is_refused_by_name(words):
    with pytest.raises(InputError, match=words):
        flow_scan(**{**surveyed_flows(), **BAD[words]})


def test_no_cases_or_only_cases__cannot_be_scanned():
    data = surveyed_flows()
    with pytest.raises(NotEstimableError, match="all 0"):
        flow_scan(**{**data, "cases": np.zeros((5, 5))})
    with pytest.raises(NotEstimableError, match="are cases"):
        flow_scan(**{**data, "cases": data["trips"]})


def test_totals_that_need_trips_inside_a_place__are_said_to():
    with pytest.raises(ConvergenceError, match="within_place"):
        fit_margins(1 - np.eye(2), np.array([[5.0, 3.0], [3.0, 1.0]]))
