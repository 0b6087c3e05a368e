"""Averages over decomposable graphs, against dga 2.0.2 and a slow twin."""

import json

import numpy as np
import pytest
from scipy.special import gammaln

from estimators.capture_recapture import (
    CaptureHistories,
    decomposable_graphs,
    graph_probabilities,
)
from estimators.capture_recapture.graph_posterior import graph_posterior
from estimators.errors import InputError, NotEstimableError
from tests.twins import capture_recapture_graphs as twin

KOREA = {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
# dga 2.0.2, R 4.2.2: bma.cr on 0:3690 unobserved persons, delta = 1/8.
KOREA_MEAN, KOREA_SD = 200.995717204793, 191.937601315215
# Computed by dga in doubles on the same sums: only rounding differs.
ROUNDING = 1e-11


def korea():
    return CaptureHistories.from_counts(KOREA)


def reference(shared_folder):
    path = shared_folder / "reference" / "capture_recapture" / "reference.json"
    return json.loads(path.read_text())


def histories_of(table):
    return CaptureHistories.from_counts(
        {"".join(map(str, row[:-1])): row[-1] for row in table["rows"]}
    )


def on_grid(histories, grid, *, strength=None, log_prior=None):
    """Run the kernel with equal weights on any grid, as dga does; cliques by graph."""
    from estimators.capture_recapture import _kernels_graphs as kernels
    from estimators.capture_recapture.graph_posterior import (
        graph_catalogue,
        sparse_rows,
        subset_terms,
    )

    grid = np.asarray(grid, dtype=np.float64)
    n = histories.n_observed
    offsets, constants = subset_terms(histories, strength or 2.0**-histories.n_lists)
    rows = graph_catalogue(histories.n_lists)
    prior = -np.log(n + grid) if log_prior is None else log_prior
    table = (offsets, *sparse_rows(rows))
    peaks = kernels.graph_peaks(grid, prior, (*table, rows @ constants))
    centred = (*table, rows @ constants - peaks.max())
    everywhere = np.zeros(len(rows), np.int64), np.full(len(rows), grid.size)
    density, mass = kernels.graph_mixture(
        grid, prior, np.ones_like(grid), centred, everywhere
    )
    return density / density.sum(), mass / mass.sum(), rows


def check(known, grid, n, found):
    """Compare with every figure that dga's script recorded."""
    density, mass, rows = found
    size = n + np.asarray(grid, dtype=float)
    mean = density @ size
    assert mean == pytest.approx(known["mean"], rel=ROUNDING)
    spread = np.sqrt(density @ (size - mean) ** 2)
    assert spread == pytest.approx(known["sd"], rel=1e-10)
    assert density[-1] == pytest.approx(known["tail_prob_last"], rel=1e-7)
    assert size[np.argmax(density)] == pytest.approx(known["mode"], rel=1e-12)
    cumulative = np.cumsum(density)
    for share, expected in known["quantiles_step"].items():
        at = np.searchsorted(cumulative, float(share[:-1]) / 100)
        assert size[at] == pytest.approx(expected, rel=1e-12)
    for share, expected in known["quantiles_interp"].items():
        # R's approx has no value left of the first node.
        part = float(share[:-1]) / 100
        assert (expected is None) == (part < cumulative[0])
        if expected is not None:
            between = np.interp(part, cumulative, size)
            assert between == pytest.approx(expected, rel=1e-8)
    order = np.argsort(-mass, kind="stable")
    np.testing.assert_allclose(mass[order[:5]], known["model_probs"], rtol=1e-9)
    if "rowsum_all" in known:
        # Its catalogue is in an order of its own. Ours leaves out terms below e^-100.
        expected = np.sort(known["rowsum_all"])[::-1]
        np.testing.assert_allclose(mass[order], expected, rtol=1e-6, atol=1e-38)
    for place, graph in zip(order, known.get("top_graphs", []), strict=False):
        assert written(rows[place]) == sets_of(graph)


def written(row):
    """Return cliques, and separators but for the empty one, as sets of lists."""
    found = {1: [], -1: []}
    for mask in range(1, row.size):
        members = tuple(j + 1 for j in range(10) if mask >> j & 1)
        found[int(np.sign(row[mask]) or 1)] += [members] * abs(int(row[mask]))
    return sorted(found[1]), sorted(found[-1])


def sets_of(graph):
    def members(part):
        # A single clique is recorded under its name, several ones a level deeper.
        several = graph.get(part, [])
        several = list(several.values()) if isinstance(several, dict) else several
        return sorted(
            tuple(sorted(one[0] if isinstance(one[0], list) else one))
            for one in several
        )

    return members("C"), members("S")


@pytest.mark.parametrize(
    ("n_lists", "count"), [(1, 1), (2, 2), (3, 8), (4, 61), (5, 822), (6, 18154)]
)
def test_catalogue__has_every_labelled_chordal_graph(n_lists, count):
    # https://oeis.org/A058862
    from estimators.capture_recapture._kernels_graphs import chordal_coefficients

    rows = chordal_coefficients(n_lists)
    assert len(rows) == count
    assert len(np.unique(rows, axis=0)) == count


@pytest.mark.parametrize("n_lists", [3, 4, 5])
def test_catalogue__equals_cliques_and_junction_trees(n_lists):
    from estimators.capture_recapture._kernels_graphs import chordal_coefficients

    expected = set()
    for cliques, separators in twin.decomposable(n_lists):
        row = [-1] + [0] * (2**n_lists - 1)  # an empty set more than trees have
        for sign, subsets in ((1, cliques), (-1, separators)):
            for subset in subsets:
                row[sum(1 << member for member in subset)] += sign
        expected.add(tuple(row))
    assert {tuple(row) for row in chordal_coefficients(n_lists).tolist()} == expected


def test_decomposable_graphs__korea_printed():
    result = decomposable_graphs(korea(), largest=3690)
    assert result.estimate == pytest.approx(KOREA_MEAN, rel=ROUNDING)
    assert result.std_error == pytest.approx(KOREA_SD, rel=ROUNDING)
    assert (result.ci.low, result.ci.high) == (123, 440)
    assert (result.diagnostics["median"], result.diagnostics["mode"]) == (159, 123)
    table = graph_probabilities(korea(), largest=3690)
    expected = {"[12,23]": 0.646451311852143, "[12,3]": 0.162267937371577}
    found = dict(zip(table["graph"], table["probability"], strict=True))
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert table["probability"].sum() == pytest.approx(1)


@pytest.mark.parametrize("strength", [2**-4, 0.5, 1.0])
def test_mixture__equals_slow_twin(strength):
    counts = {"1000": 31, "0100": 20, "0010": 17, "0001": 40, "1100": 6, "0011": 9}
    counts |= {"1010": 3, "0110": 5, "1001": 2, "1111": 1}
    histories = CaptureHistories.from_counts(counts)
    grid = np.unique(np.round(np.geomspace(1, 3000, 300))) - 1
    density, mass, _ = on_grid(histories, grid, strength=strength)
    keys = {tuple(map(int, key)): count for key, count in counts.items()}
    expected = twin.mixture(keys, 4, strength, grid)
    np.testing.assert_allclose(density, expected[0], rtol=1e-9)
    np.testing.assert_allclose(np.sort(mass), np.sort(expected[1]), rtol=1e-9)


def test_open_grid__equals_the_sum_over_all_whole_numbers():
    counts = {"100": 700, "010": 900, "001": 800, "110": 12, "011": 15, "101": 9}
    histories = CaptureHistories.from_counts(counts)
    grid = np.arange(3_000_001.0)
    density, _, _ = on_grid(histories, grid)
    cumulative = np.cumsum(density)
    result = decomposable_graphs(histories)
    limit = result.diagnostics["mean_limit"] - histories.n_observed
    inside = grid <= limit
    mean = density[inside] @ grid[inside] / density[inside].sum()
    # Both leave out < 1e-6 beyond three million.
    assert result.estimate == pytest.approx(histories.n_observed + mean, rel=1e-6)
    for found, share in (
        (result.ci.low, 0.025),
        (result.diagnostics["median"], 0.5),
        (result.ci.high, 0.975),
    ):
        exact = histories.n_observed + grid[np.searchsorted(cumulative, share)]
        assert found == pytest.approx(exact, abs=1)


def test_large_counts__narrow_posterior_is_not_stepped_over():
    # Independent lists of 2e6 and 1e6 among 4e6: two-list theory gives mean and spread.
    cells = {"110": 500_000, "100": 1_500_000, "010": 500_000}
    half = {key[:2] + "1": count // 2 for key, count in cells.items()}
    counts = {key: count - half[key[:2] + "1"] for key, count in cells.items()} | half
    counts["001"] = 750_000
    result = decomposable_graphs(CaptureHistories.from_counts(counts))
    assert result.estimate == pytest.approx(4e6, rel=1e-3)
    assert 500 < result.std_error < 2000


def test_default__covers_the_tail_and_says_that_the_mean_hangs_on_it():
    result = decomposable_graphs(korea())
    # Truncated at 3690, dga's limit 440 leaves out the tail's 0.4 %.
    assert result.ci.high > 440
    assert result.estimate == pytest.approx(KOREA_MEAN, rel=1e-6)
    assert any("mean depends on where its tail is cut" in note for note in result.notes)
    assert 0.003 < result.diagnostics["probability_beyond_mean_limit"] < 0.005


def test_largest__that_matters_is_said():
    result = decomposable_graphs(korea(), largest=60)
    assert result.ci.high <= 123 + 60
    assert any("largest=60" in note for note in result.notes)


def test_relabelled_lists__same_answer():
    turned = CaptureHistories.from_counts({key[::-1]: n for key, n in KOREA.items()})
    assert decomposable_graphs(turned).estimate == pytest.approx(
        decomposable_graphs(korea()).estimate, rel=1e-12
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior_strength": 0}, "prior_strength=0"),
        ({"prior_strength": float("nan")}, "prior_strength=nan"),
        ({"largest": 0}, "largest=0"),
        ({"largest": 2.5}, "largest=2.5"),
        ({"level": 95}, "level=95"),
    ],
)
def test_options__out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        decomposable_graphs(korea(), **options)


def test_prior_strength__too_weak_for_a_proper_tail():
    with pytest.raises(NotEstimableError, match="heavy a tail"):
        decomposable_graphs(korea(), prior_strength=1e-6)
    decomposable_graphs(korea(), prior_strength=1e-6, largest=1000)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"10": 30, "01": 20, "11": 5}, "chapman"),
        ({"1" * 11: 3, **{f"{1 << k:011b}": 9 for k in range(11)}}, "merge"),
    ],
)
def test_lists__too_few_or_too_many(counts, message):
    with pytest.raises(InputError, match=message):
        decomposable_graphs(CaptureHistories.from_counts(counts))


dga_tables = pytest.mark.parametrize(
    "name", ["Korea", "Kosovo", "UKdat_4", "UKdat_5", "NewOrl_5", "Rcapture_HIV"]
)


@pytest.mark.shared
@dga_tables
def test_dga__on_its_own_grid(shared_folder, name):
    known = reference(shared_folder)
    histories = histories_of(known["data"][name])
    n = histories.n_observed
    grid = np.unique(np.round(np.linspace(0, 30 * n, 20001)))
    if 30 * n < 20001:
        grid = np.arange(30 * n + 1)
    assert known["dga"][name]["n_observed"] == n
    check(known["dga"][name], grid, n, on_grid(histories, grid))


@pytest.mark.shared
@dga_tables
def test_dga__on_a_thousand_fractions(shared_folder, name):
    # The script of Silverman 2020 steps over whole numbers; so does the kernel if told.
    known = reference(shared_folder)
    histories = histories_of(known["data"][name])
    n = histories.n_observed
    grid = np.linspace(0, 10 * n, 1000)
    found = on_grid(histories, grid)
    check(known["dga"][name]["grid1000_max11n"], grid, n, found)


@pytest.mark.shared
@dga_tables
def test_dga__strength_one_half(shared_folder, name):
    known = reference(shared_folder)
    histories = histories_of(known["data"][name])
    row = known["dga"][name]["delta_half_0_3000"]
    grid = np.arange(3001)
    found = on_grid(histories, grid, strength=0.5)
    check(row, grid, histories.n_observed, found)
    result = decomposable_graphs(histories, prior_strength=0.5, largest=3000)
    assert result.estimate == pytest.approx(row["mean"], rel=ROUNDING)
    assert result.std_error == pytest.approx(row["sd"], rel=1e-10)
    assert result.ci.low == row["quantiles_step"]["2.5%"]
    assert result.ci.high == row["quantiles_step"]["97.5%"]
    assert result.diagnostics["median"] == row["quantiles_step"]["50%"]
    assert result.diagnostics["mode"] == row["mode"]


def madigan_and_york(row):
    counts = {
        "".join(map(str, cell[::-1])): count
        for cell, count in zip(np.ndindex(*[2] * row["lists"]), row["Y"], strict=True)
        if any(cell)
    }
    return CaptureHistories.from_counts(counts)


@pytest.mark.shared
def test_dga__madigan_and_york_five_lists(shared_folder):
    row = reference(shared_folder)["dga"]["MadiganYork5"]
    histories = madigan_and_york(row | {"lists": 5})
    grid = np.arange(1, 301)
    found = on_grid(histories, grid, strength=0.5)
    check(row, grid, histories.n_observed, found)


@pytest.mark.shared
def test_dga__madigan_and_york_three_lists_with_a_prior_of_the_size(shared_folder):
    row = reference(shared_folder)["dga"]["MadiganYork3"]
    histories = madigan_and_york(row | {"lists": 3})
    grid = np.arange(1, 301)
    size = histories.n_observed + grid
    # N is Poisson and its mean gamma with shape 13.14 and scale 55.17.
    log_prior = gammaln(size + 13.14) - gammaln(size + 1) - size * np.log1p(1 / 55.17)
    found = on_grid(histories, grid, strength=1.0, log_prior=log_prior)
    check(row, grid, histories.n_observed, found)


@pytest.mark.shared
def test_dga__published_thousands_up_to_forty_thousand_persons(shared_folder):
    known = reference(shared_folder)
    histories = histories_of(known["data"]["UKdat_5"])
    n = histories.n_observed
    grid = np.linspace(0, 40_000 - n, 1000)
    cumulative = np.cumsum(on_grid(histories, grid)[0])
    for share, printed in known["dga"]["published_style"]["UKdat_5_max40K"].items():
        at = n + grid[np.searchsorted(cumulative, float(share[:-1]) / 100)]
        # Printed in thousands with one decimal.
        assert at / 1000 == pytest.approx(printed, abs=0.05)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["UKdat_4", "NewOrl_5", "Kosovo"])
def test_dga__published_thousands(shared_folder, name):
    known = reference(shared_folder)
    posterior = graph_posterior(histories_of(known["data"][name]), None, None)
    n = known["dga"][name]["n_observed"]
    for share, printed in known["dga"]["published_style"][name].items():
        at = n + posterior.quantile(float(share[:-1]) / 100)
        # Half of the last digit, and as much for the thousand-point grid of these runs,
        # whose end is not recorded: its steps are up to 50 persons.
        assert at / 1000 == pytest.approx(printed, abs=0.1)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("Kosovo", 5e-6), ("UKdat_4", 5e-6), ("UKdat_5", 5e-6), ("Rcapture_HIV", 1e-6)],
)
def test_default__equals_dga_up_to_the_latters_uneven_grid(
    shared_folder, name, tolerance
):
    known = reference(shared_folder)
    result = decomposable_graphs(histories_of(known["data"][name]))
    row = known["dga"][name]
    assert result.estimate == pytest.approx(row["mean"], rel=tolerance)
    # Its grid moves in steps of 3 to 7 persons.
    assert result.ci.low == pytest.approx(row["quantiles_step"]["2.5%"], abs=7)
    assert result.ci.high == pytest.approx(row["quantiles_step"]["97.5%"], abs=7)
