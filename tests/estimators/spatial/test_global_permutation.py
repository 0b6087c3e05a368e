"""Shuffled maps: every order of a small map, a plain loop; rates by R spdep, esda."""

import csv
import itertools
import json

import numpy as np
import pytest

from estimators.errors import InputError, NotEstimableError
from estimators.spatial import SpatialWeights, empirical_bayes_moran, geary, moran

VALUES = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])
# Directed, of unequal weight, and the last area is an island.
WEIGHTS = SpatialWeights.from_pairs(
    [(0, 1), (1, 2), (2, 1), (3, 4), (4, 0)],
    n_areas=6,
    weights=[1, 2, 0.5, 1, 3],
    symmetric=False,
)
CASES = np.array([9.0, 30, 4, 10, 1, 2])
PERSONS = np.array([40.0, 150, 60, 150, 50, 90])


def plain(values, matrix, statistic):
    """Return the statistic by its definition."""
    z = values - values.mean()
    n = len(z)
    if statistic is moran:
        return n / matrix.sum() * (z @ matrix @ z) / (z @ z)
    gaps = (z[:, None] - z[None, :]) ** 2
    return (n - 1) / (2 * matrix.sum()) * (matrix * gaps).sum() / (z @ z)


@pytest.mark.parametrize("statistic", [moran, geary])
@pytest.mark.parametrize("side", ["greater", "less", "two-sided"])
def test_shuffled_p__nears_the_share_of_all_orders(statistic, side):
    """Within four standard errors of a share from 9,999 maps."""
    matrix = WEIGHTS.to_dense()
    drawn = [
        plain(np.array(order), matrix, statistic)
        for order in itertools.permutations(VALUES)
    ]
    observed = plain(VALUES, matrix, statistic)
    above = np.mean(np.array(drawn) >= observed - 1e-9)
    below = np.mean(np.array(drawn) <= observed + 1e-9)
    exact = {
        "greater": above,
        "less": below,
        "two-sided": min(1.0, 2 * min(above, below)),
    }
    found = statistic(
        VALUES,
        WEIGHTS,
        inference="permutation",
        alternative=side,
        n_resamples=9_999,
        rng=3,
    ).diagnostics["p_value"]
    error = np.sqrt(min(above, below) * (1 - min(above, below)) / 9_999)
    sides = 2 if side == "two-sided" else 1
    assert found == pytest.approx(exact[side], abs=4 * sides * error)


@pytest.mark.parametrize("statistic", [moran, geary])
def test_shuffled_p__is_that_of_a_plain_loop(statistic):
    rng, matrix = np.random.default_rng(5), WEIGHTS.to_dense()
    z = VALUES - VALUES.mean()
    drawn = [plain(rng.permuted(z), matrix, statistic) for _ in range(199)]
    reached = sum(one >= plain(VALUES, matrix, statistic) - 1e-9 for one in drawn)
    found = statistic(
        VALUES,
        WEIGHTS,
        inference="permutation",
        alternative="greater",
        n_resamples=199,
        rng=5,
    )
    assert found.diagnostics["p_value"] == (1 + reached) / 200
    assert "none can be below 0.005" in found.notes[-1]


def test_one_side_of_the_normal_p__is_half_of_both():
    both = moran(VALUES, WEIGHTS).diagnostics
    sides = [
        moran(VALUES, WEIGHTS, alternative=side).diagnostics["p_value"]
        for side in ("greater", "less")
    ]
    assert sum(sides) == pytest.approx(1)
    assert 2 * min(sides) == pytest.approx(both["p_value"])


@pytest.mark.parametrize("inference", ["normal", "permutation"])
def test_a_map_that_cannot_change__is_no_evidence(inference):
    """Everybody neighbours everybody: I is -1 / (n - 1) in every order."""
    pairs = list(itertools.combinations(range(6), 2))
    everyone = SpatialWeights.from_pairs(pairs, n_areas=6)
    for side in ("greater", "less", "two-sided"):
        found = moran(VALUES, everyone, inference=inference, alternative=side, rng=1)
        assert found.diagnostics["p_value"] == 1


@pytest.fixture(scope="module")
def carolina(shared_folder):
    survey = shared_folder / "reference" / "gis_surveillance"
    reference = json.loads((survey / "reference.json").read_text(encoding="utf-8"))

    def read(name, *columns):
        with (survey / "data" / name).open(encoding="utf-8") as lines:
            table = list(csv.DictReader(lines))
        return [np.array([float(row[column]) for row in table]) for column in columns]

    pairs = np.column_stack(read("nc_sids_ncCR85_edges.csv", "i", "j")) - 1
    weights = SpatialWeights.from_pairs(pairs, n_areas=100, symmetric=False)
    return *read("nc_sids.csv", "SID74", "BIR74"), weights, reference


def test_carolina__rates_of_spdep_and_esda(carolina):
    """To 1e-8 relative, the digits that the systems share (measured: 1e-14)."""
    cases, births, weights, reference = carolina
    theirs = reference["spdep"]["nc_sids"]["EBImoran_B"]
    found = empirical_bayes_moran(cases, births, weights, alternative="greater", rng=1)
    assert found.estimate == pytest.approx(theirs["I"], rel=1e-8)
    # No shuffled map of 999 reached it, there as here.
    assert found.diagnostics["p_value"] == pytest.approx(theirs["p"])
    rows = weights.row_standardised()
    by_rows = empirical_bayes_moran(cases, births, rows, inference="normal")
    esda = reference["pysal_statsmodels_oracle"]["Moran_Rate_EB"]
    assert by_rows.estimate == pytest.approx(esda["I"], rel=1e-8)
    normal = moran_z_under_normality(cases, births, rows)
    assert normal == pytest.approx(esda["z_norm"], rel=1e-8)


def moran_z_under_normality(cases, births, weights):
    b = cases.sum() / births.sum()
    spread = births @ (cases / births - b) ** 2 / births.sum() - b / births.mean()
    deviates = (cases / births - b) / np.sqrt(spread + b / births)
    return moran(deviates, weights, assumption="normality").diagnostics["z"]


def test_rates__places_without_persons_touch_no_other():
    chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(5)], n_areas=6)
    more = SpatialWeights.from_pairs([(i, i + 1) for i in range(7)], n_areas=8)
    alone = empirical_bayes_moran(CASES, PERSONS, chain, rng=1)
    beside = empirical_bayes_moran([*CASES, 0, 2], [*PERSONS, 0, np.nan], more, rng=1)
    assert beside.estimate == pytest.approx(alone.estimate, rel=1e-12)
    assert beside.diagnostics["p_value"] == alone.diagnostics["p_value"]
    assert any("nobody at risk, left out: 6" in note for note in beside.notes)
    assert any("no data, left out: 7" in note for note in beside.notes)


def test_rates__without_variance_take_the_poisson_one():
    chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(5)], n_areas=6)
    found = empirical_bayes_moran(
        [5, 9, 10, 21, 9, 10], [50, 90, 110] * 2, chain, rng=1
    )
    assert found.diagnostics["rate_variance"] > 0
    calm = empirical_bayes_moran([5, 9, 10, 6, 9, 10], [50, 90, 110] * 2, chain, rng=1)
    assert calm.diagnostics["rate_variance"] < 0
    assert "Poisson variance alone" in calm.notes[-1]


def test_under_the_null__p_holds_its_level_though_small_places_lie_together():
    """Neighbours share population sizes, not rates; 300 maps, seed fixed.

    At 0.05 a rejection share of a valid test lies below 0.1 with a chance of 0.9999.
    """
    rng = np.random.default_rng(8)
    persons = np.repeat([30.0, 3000.0], 20)
    chain = SpatialWeights.from_pairs([(i, i + 1) for i in range(39)], n_areas=40)
    small = 0
    for _ in range(300):
        cases = rng.poisson(0.1 * persons)
        test = empirical_bayes_moran(cases, persons, chain, n_resamples=99, rng=rng)
        small += test.diagnostics["p_value"] <= 0.05
    assert small / 300 < 0.1


def test_refusals():
    with pytest.raises(InputError, match='assumption="randomisation"'):
        moran(VALUES, WEIGHTS, assumption="normality", inference="permutation")
    with pytest.raises(InputError, match="inference"):
        geary(VALUES, WEIGHTS, inference="magic")
    with pytest.raises(InputError, match="alternative"):
        geary(VALUES, WEIGHTS, alternative="greater than")
    with pytest.raises(InputError, match="n_resamples"):
        moran(VALUES, WEIGHTS, n_resamples=5)
    with pytest.raises(InputError, match="SpatialWeights were expected"):
        empirical_bayes_moran(CASES, PERSONS, WEIGHTS.to_dense())
    with pytest.raises(NotEstimableError, match="no rate"):
        empirical_bayes_moran(np.zeros(6), PERSONS, WEIGHTS)
