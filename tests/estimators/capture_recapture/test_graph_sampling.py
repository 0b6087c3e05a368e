"""Sampled graphs, against a slow twin, exact sums over all graphs, and known truth."""

from itertools import combinations

import numpy as np
import pytest

from benchmarks.speed import capture_recapture_graphs as tables
from estimators.capture_recapture import (
    CaptureHistories,
    decomposable_graphs,
    dependent_cells,
    draw_tables,
    edge_probabilities,
    graph_probabilities,
    independent_cells,
)
from estimators.capture_recapture.graph_posterior import graph_posterior
from estimators.capture_recapture.graph_sampling import GraphSchedule, sampled_posterior
from estimators.errors import InputError
from tests.twins import capture_recapture_graphs as twin

# Kosovo 1999, EXH, ABA, OSCE, HRW (data of MultipleSystemsEstimation and LCMCR).
KOSOVO = {
    "1000": 1131, "0100": 845, "0010": 936, "0001": 306, "1100": 177, "1010": 228,
    "1001": 106, "0110": 217, "0101": 31, "0011": 123, "1110": 181, "1101": 18,
    "1011": 42, "0111": 32, "1111": 27,
}  # fmt: skip
SMALL = {
    "1000": 31, "0100": 20, "0010": 17, "0001": 40, "1100": 6, "0011": 9,
    "1010": 3, "0110": 5, "1001": 2, "1111": 1,
}  # fmt: skip
SHARES = (0.025, 0.5, 0.975)
QUICK = {"n_samples": 300, "burn_in": 1000, "thinning": 10}
SEVEN = (0.35, 0.3, 0.25, 0.2, 0.2, 0.15, 0.1)


def drawn(cells, population, rng, n_tables=1):
    tables = draw_tables(cells, population=population, n_tables=n_tables, rng=rng)
    n_lists = int(np.log2(cells.size))
    named = {f"{mask:0{n_lists}b}"[::-1]: 1 for mask in range(1, cells.size)}
    shape = CaptureHistories.from_counts(named)
    return [shape.with_counts(table) for table in tables]


@pytest.fixture(scope="module")
def seven():
    return drawn(independent_cells(SEVEN), 1000, rng=3)[0]


def edges_of(graph, n_lists):
    pairs = combinations(range(n_lists), 2)
    return frozenset(pair for bit, pair in enumerate(pairs) if graph >> bit & 1)


def exact_edges(posterior, n_lists):
    """Return the exact probability of each pair's edge."""
    starts, subsets, signs = posterior.graphs
    found = []
    for one, other in combinations(range(n_lists), 2):
        both = 1 << one | 1 << other
        inside = (subsets & both == both) & (signs > 0) & (subsets < 1 << n_lists)
        held = np.logical_or.reduceat(inside, starts[:-1])
        found.append(posterior.probability @ held)
    return np.array(found)


def test_chain__takes_the_twin_s_steps():
    from estimators.capture_recapture import _kernels_graph_chain as kernels
    from estimators.capture_recapture.graph_posterior import subset_terms

    histories = CaptureHistories.from_counts(SMALL)
    grid = np.arange(400.0)
    offsets, constants = subset_terms(histories, 0.5)
    prior = -np.log(histories.n_observed + grid)
    ratios = kernels.log_gamma_ratios(grid, offsets)
    target = ratios, prior, np.append(constants, 0.0)
    schedule = 20, 60, 5
    graphs, nodes = kernels.graph_chain(
        np.random.default_rng(8), 0, 4, schedule, target
    )
    keys = {tuple(map(int, key)): count for key, count in SMALL.items()}
    rng = np.random.default_rng(8)
    expected = twin.chain(rng, keys, 4, 0.5, grid, schedule=schedule)
    assert [edges_of(graph, 4) for graph in graphs] == expected
    assert len(set(expected)) > 10
    assert ((nodes >= 0) & (nodes < 400)).all()


def test_random_chordal__all_graphs_are_equally_likely():
    from estimators.capture_recapture._kernels_graph_chain import random_chordal

    rng = np.random.default_rng(2)
    found = [random_chordal(rng, 4, 40) for _ in range(61 * 200)]
    _, count = np.unique(found, return_counts=True)
    assert count.size == 61
    # Chi-square of 60 degrees of freedom: 99.9 % lies below 99.6.
    assert ((count - 200) ** 2 / 200).sum() < 99.6


@pytest.mark.parametrize(
    "counts", [KOSOVO, SMALL, tables.UK_FIVE, tables.UK_SIX], ids=["4", "4s", "5", "6"]
)
def test_sample__agrees_with_the_sum_over_all_graphs(counts):
    histories = CaptureHistories.from_counts(counts)
    schedule = GraphSchedule(
        n_samples=2000, burn_in=20_000, thinning=200, n_chains=4, n_jobs=1
    )
    sampled, chains = sampled_posterior(
        histories, None, None, schedule, rng=np.random.default_rng(1), shares=SHARES
    )
    exact = graph_posterior(histories, None, None)
    found = chains.diagnostics()
    assert found["r_hat"] < 1.01
    assert found["r_hat_edges"] < 1.02
    errors = chains.edge_errors()
    truth = exact_edges(exact, histories.n_lists)
    # 4.5 standard errors; a pair never drawn, or always, may still have one draw in
    # a thousand of its probability elsewhere.
    assert (np.abs(chains.edge_shares() - truth) < 4.5 * errors + 1e-3).all()
    for share, error in zip(SHARES, chains.share_errors(), strict=True):
        reached = np.interp(sampled.quantile(share), exact.grid, exact.cumulative)
        assert reached == pytest.approx(share, abs=4.5 * error + 2e-3)
    # Masses on the chains' grid and on the fine one are the same.
    _, drawn_times = np.unique(chains.graphs, return_counts=True)
    np.testing.assert_allclose(
        sampled.probability, drawn_times / drawn_times.sum(), rtol=1e-6
    )


def test_seven_independent_lists__known_truth(seven):
    result = decomposable_graphs(seven, rng=1, **QUICK)
    assert result.ci.low < 1000 < result.ci.high
    edges = edge_probabilities(seven, rng=1)
    assert len(edges) == 21
    assert edges["probability"].mean() < 0.1
    assert edges["monte_carlo_error"].max() < 0.02
    assert (edges["one"] < edges["other"]).all()


def test_eight_dependent_lists__known_truth():
    cells = dependent_cells((*SEVEN, 0.2), odds_ratios={(0, 1): 5.0, (2, 7): 4.0})
    tables = drawn(cells, 2000, rng=4, n_tables=8)
    hits = 0
    for histories in tables:
        result = decomposable_graphs(histories, rng=1, **QUICK)
        hits += result.ci.low < 2000 < result.ci.high
        assert result.diagnostics["median"] == pytest.approx(2000, rel=0.06)
    # Fewer than 5 of 8 intervals of 95 % would hold by a chance of 4 in 10 000.
    assert hits >= 5
    top = graph_probabilities(tables[0], rng=1)
    assert top["probability"].sum() == pytest.approx(1)
    assert "12" in top["graph"][0]
    assert "38" in top["graph"][0]


def test_same_rng__same_answer_on_any_number_of_threads(seven):
    one = decomposable_graphs(seven, rng=5, n_jobs=1, **QUICK)
    assert one == decomposable_graphs(seven, rng=5, n_jobs=2, **QUICK)
    assert one != decomposable_graphs(seven, rng=6, n_jobs=1, **QUICK)


def test_result__says_that_graphs_were_sampled_and_how_well(seven):
    result = decomposable_graphs(seven, rng=1, **QUICK)
    assert any("sampled, not summed: 1,200 draws" in note for note in result.notes)
    assert result.diagnostics["graphs"] < 1200
    for name in ("r_hat", "ess_bulk", "ess_tail", "r_hat_edges", "ess_edges"):
        assert result.diagnostics[name] > 0
    for end in ("low", "median", "high"):
        error = result.diagnostics[f"monte_carlo_error_{end}"]
        assert 0 <= error < result.ci.high - result.ci.low


def test_short_chains__are_said_to_be_short(seven):
    result = decomposable_graphs(seven, rng=1, n_samples=8, burn_in=0, thinning=1)
    assert any("independent ones" in note for note in result.notes)
    assert any("do not agree on which lists" in note for note in result.notes)


def test_strong_tail__is_covered_or_refused(seven):
    bounded = decomposable_graphs(seven, rng=1, largest=1000, **QUICK)
    assert bounded.ci.high <= seven.n_observed + 1000
    open_ended = decomposable_graphs(seven, rng=1, **QUICK)
    assert open_ended.diagnostics["probability_beyond_mean_limit"] < 1e-3


def test_too_many_persons_for_a_fine_grid__is_refused():
    counts = {f"{1 << j:010b}": 10**9 for j in range(10)} | {"1" * 10: 10**6}
    with pytest.raises(InputError, match="merge"):
        decomposable_graphs(CaptureHistories.from_counts(counts), rng=1)
