"""Sums over graphs leave out what cannot matter: against sums of everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from benchmarks.speed import capture_recapture_graphs as tables
from estimators.capture_recapture import (
    CaptureHistories,
    graph_grid,
)
from estimators.capture_recapture.graph_grid import (
    FAR,
    HOPELESS,
    START,
    density_between,
    finest_step,
    unobserved_grid,
    windows_that_matter,
)
from estimators.capture_recapture.graph_posterior import (
    graph_posterior,
    sparse_catalogue,
    subset_terms,
)

THREE = {"100": 700, "010": 900, "001": 800, "110": 12, "011": 15, "101": 9}
FEW = {"1000": 3, "0100": 2, "0011": 1, "1100": 1, "0010": 2, "0001": 4}
DENSE = {
    "1000": 131, "0100": 145, "0010": 136, "0001": 96, "1100": 77, "1010": 68,
    "1001": 46, "0110": 57, "0101": 31, "0011": 23, "1110": 18, "1101": 18,
    "1011": 12, "0111": 12, "1111": 7,
}  # fmt: skip


def table_of(histories):
    """Return all graphs with their constants, as the kernels take them."""
    starts, subsets, signs = sparse_catalogue(histories.n_lists)
    offsets, constants = subset_terms(histories, 2.0**-histories.n_lists)
    terms = signs * np.append(constants, 0)[subsets]
    return offsets, starts, subsets, signs, np.add.reduceat(terms, starts[:-1])


def everything(histories, grid, weight):
    """Sum all graphs at all nodes; their probabilities and the grid's masses."""
    from estimators.capture_recapture import _kernels_graphs as kernels

    n = histories.n_observed
    *shape, constants = table_of(histories)
    prior = -np.log(n + grid)
    peaks = kernels.graph_peaks(grid, prior + np.log(weight), (*shape, constants))
    whole = np.zeros(peaks.size, np.int64), np.full(peaks.size, grid.size)
    centred = (*shape, constants - peaks.max())
    density, mass = kernels.graph_mixture(grid, prior, weight, centred, whole)
    return density * weight / mass.sum(), mass / mass.sum()


@pytest.mark.parametrize(
    ("counts", "largest"),
    [
        (THREE, None),
        (FEW, None),
        (FEW, 4000),
        (DENSE, None),
        (DENSE, 400),
        (DENSE, 2_000_000),
        (tables.UK_FIVE, None),
        (tables.UK_FIVE, 30_000),
    ],
)
def test_posterior__is_that_of_all_graphs_at_all_nodes(counts, largest):
    histories = CaptureHistories.from_counts(counts)
    found = graph_posterior(histories, None, largest)
    opening = finest_step(histories.n_observed) / 10
    grid, weight, _ = unobserved_grid(largest, whole=found.whole - 1, opening=opening)
    np.testing.assert_array_equal(grid, found.grid)
    mass, probability = everything(histories, grid, weight)
    # Less than 1e-10 of the whole is left out; interpolation adds as little.
    np.testing.assert_allclose(found.mass, mass, atol=1e-10 * mass.max(), rtol=0)
    np.testing.assert_allclose(np.cumsum(found.mass), np.cumsum(mass), atol=1e-10)
    assert found.mass.min() >= 0
    expected = np.sort(probability)[::-1][: found.probability.size]
    np.testing.assert_allclose(np.sort(found.probability)[::-1], expected, atol=1e-10)
    # Halving the grid's steps changes nothing: it is fine enough.
    finer, weights, _ = unobserved_grid(
        largest, whole=found.whole - 1, opening=opening / 2
    )
    again = everything(histories, finer, weights)[1]
    np.testing.assert_allclose(np.sort(again), np.sort(probability), atol=1e-10)


def log_densities(histories, x):
    """Return each graph's log density, (graphs, x)."""
    offsets, starts, subsets, signs, constants = table_of(histories)
    ratios = gammaln(x + offsets[:, None]) - gammaln(x + 1)
    terms = np.add.reduceat(signs[:, None] * ratios[subsets], starts[:-1])
    return constants[:, None] + terms - np.log(histories.n_observed + x)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    counts=st.lists(st.integers(1, 400), min_size=15, max_size=15),
    power=st.integers(0, 3),
    start=st.floats(1, 1e5),
    ratio=st.floats(1.01, 5),
)
def test_rise__no_graph_exceeds_it_between_two_nodes(counts, power, start, ratio):
    shape = CaptureHistories.from_counts({f"{mask:04b}": 1 for mask in range(1, 16)})
    histories = shape.with_counts(np.array(counts) * 10**power)
    between = np.linspace(start, start * ratio, 101)
    ends = between[[0, -1]]
    most = log_densities(histories, between).max(axis=1)
    found = most - log_densities(histories, ends).max(axis=1)
    bound = graph_grid.rise_between(histories.n_observed, ends)[0]
    # Log-gammas of up to 1e7 carry 1e-8 of rounding.
    assert found.max() <= bound + 1e-6


def test_rise__is_nearly_reached():
    histories = CaptureHistories.from_counts(DENSE)
    between = np.linspace(300, 360, 101)
    value = log_densities(histories, between)
    chord = np.linspace(0, 1, 101) * (value[:, -1:] - value[:, :1]) + value[:, :1]
    sag = (value - chord).max()
    bound = graph_grid.rise_between(histories.n_observed, between[[0, -1]])[0]
    assert 0.3 * bound < sag <= bound


def test_windows__hold_what_rises_between_nodes_only():
    from estimators.capture_recapture._kernels_graphs import graph_windows

    histories = CaptureHistories.from_counts(DENSE)
    x = np.arange(50.0, 3000.0)
    value = log_densities(histories, x)
    nodes = np.array([50.0, 100.0, 200.0, 400.0, 800.0, 2999.0])
    n = histories.n_observed
    rise = graph_grid.rise_between(n, nodes)
    table = table_of(histories)
    for graph, row in enumerate(value):
        least = row.max() - 1e-3
        opens, closes = graph_windows(nodes, -np.log(n + nodes), rise, least, table)
        inside = nodes[opens[graph]] <= x[row.argmax()] <= nodes[closes[graph]]
        assert opens[graph] >= 0
        assert inside


def test_windows__a_graph_that_matters_nowhere_has_none():
    # Graphs without the edge of the first two lists are hopeless.
    histories = CaptureHistories.from_counts(DENSE | {"1100": 400})
    peak, first, last = windows_that_matter(
        histories.n_observed, table_of(histories), None
    )
    x = np.concatenate([np.arange(2000.0), np.geomspace(2000, 1e6, 3001)])
    most = log_densities(histories, x).max(axis=1)
    assert (np.isnan(first) == np.isnan(last)).all()
    assert np.isnan(first).any()
    assert (most[np.isnan(first)] <= peak - HOPELESS).all()
    assert (first <= last)[~np.isnan(first)].all()


def test_interpolated__polynomials_of_degree_15_and_the_nodes_themselves():
    from estimators.capture_recapture._kernels_graphs import interpolated

    rng = np.random.default_rng(4)
    curve = np.polynomial.Chebyshev(rng.normal(size=16), domain=[0, 39])
    places = np.concatenate([rng.uniform(0, 39, 500), [0.0, 7.0, 39.0]])
    found = interpolated(curve(np.arange(40.0)), places)
    np.testing.assert_allclose(found, curve(places), atol=1e-9)
    assert found[-3:].tolist() == curve(np.array([0.0, 7.0, 39.0])).tolist()


def test_density_between__a_smooth_density_keeps_its_digits():
    opening = 0.002
    nodes, _, _ = unobserved_grid(None, whole=START, opening=opening)
    grid, _, _ = unobserved_grid(None, whole=20_000, opening=opening)

    def density(x):
        # As narrow as a posterior gets, and a power law beyond.
        return np.exp(-(((x - 900) / 30) ** 2) / 2) + 1e-3 / (1 + x / 500) ** 2

    found = density_between(density(nodes), grid, None, opening=opening)
    np.testing.assert_allclose(found, density(grid), rtol=1e-9)
    assert grid[-1] == FAR
