"""Global statistics: R spdep 1.2-7, and moments over every order of a small map."""

import csv
import itertools
import json

import numpy as np
import pytest

from estimators.errors import InputError, NotEstimableError
from estimators.spatial import (
    SpatialWeights,
    geary,
    getis_ord_global,
    join_counts,
    moran,
)

VALUES = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])
# Directed, of unequal weight, and the last area is an island.
WEIGHTS = SpatialWeights.from_pairs(
    [(0, 1), (1, 2), (2, 1), (3, 4), (4, 0)],
    n_areas=6,
    weights=[1, 2, 0.5, 1, 3],
    symmetric=False,
)
ORDERS = np.array(list(itertools.permutations(VALUES)))


def every_order(statistic):
    z = VALUES - VALUES.mean()
    matrix = WEIGHTS.to_dense()
    centred = ORDERS - VALUES.mean()
    if statistic is moran:
        sums = np.einsum("pi,ij,pj->p", centred, matrix, centred)
        return 6 / matrix.sum() * sums / (z @ z)
    if statistic is geary:
        gaps = (ORDERS[:, :, None] - ORDERS[:, None, :]) ** 2
        return 5 / (2 * matrix.sum()) * (gaps * matrix).sum(axis=(1, 2)) / (z @ z)
    sums = np.einsum("pi,ij,pj->p", ORDERS, matrix, ORDERS)
    return sums / (VALUES.sum() ** 2 - (VALUES**2).sum())


@pytest.mark.parametrize("statistic", [moran, geary, getis_ord_global])
def test_moments__equal_every_order(statistic):
    exact = every_order(statistic)
    result = statistic(VALUES, WEIGHTS)
    assert result.estimate == pytest.approx(exact[0], rel=1e-12)
    assert result.diagnostics["expected"] == pytest.approx(exact.mean(), rel=1e-10)
    assert result.diagnostics["variance"] == pytest.approx(exact.var(), rel=1e-9)


@pytest.mark.parametrize("ones", [1, 2, 4])
def test_join_counts__equal_every_order(ones):
    marks = (np.arange(6) < ones).astype(float)
    orders = np.array(list(itertools.permutations(marks)))
    check_joins(join_counts(marks, WEIGHTS), orders, np.full(720, 1 / 720))


def test_join_counts__free_sampling_equals_every_map():
    maps = np.array(list(itertools.product([0.0, 1.0], repeat=6)))
    chance = (0.3**maps * 0.7 ** (1 - maps)).prod(axis=1)
    check_joins(join_counts(maps[21], WEIGHTS, share=0.3), maps, chance)


def check_joins(result, maps, chance):
    matrix = WEIGHTS.to_dense()
    for name, one, other in (("BB", maps, maps), ("WW", 1 - maps, 1 - maps)):
        exact = np.einsum("pi,ij,pj->p", one, matrix, other) / 2
        check_moments(result.get(join=name), exact, chance)
    unlike = maps[:, :, None] != maps[:, None, :]
    check_moments(result.get(join="BW"), (unlike * matrix).sum(axis=(1, 2)) / 2, chance)


def check_moments(row, exact, chance):
    mean = exact @ chance
    variance = (exact - mean) ** 2 @ chance
    assert row.diagnostics["expected"] == pytest.approx(mean, rel=1e-10)
    assert row.diagnostics["variance"] == pytest.approx(variance, rel=1e-9, abs=1e-12)


@pytest.fixture(scope="module")
def columbus(shared_folder):
    survey = shared_folder / "reference" / "gis_surveillance"
    reference = json.loads((survey / "reference.json").read_text(encoding="utf-8"))

    def read(name):
        with (survey / "data" / name).open(encoding="utf-8") as lines:
            return list(csv.DictReader(lines))

    crime = np.array([float(row["CRIME"]) for row in read("columbus.csv")])
    links = read("columbus_queen_edges.csv")
    pairs = np.array([(int(row["i"]) - 1, int(row["j"]) - 1) for row in links])
    return crime, pairs, reference["spdep"]


def test_columbus__spdep(columbus):
    """To 1e-8 relative, the digits that all systems share (measured: 1e-13)."""
    crime, pairs, spdep = columbus
    binary = SpatialWeights.from_pairs(pairs, n_areas=49)
    rows = binary.row_standardised()
    known = spdep["columbus"]
    found = moran(crime, rows)
    assert found.estimate == pytest.approx(known["moran"]["I"], rel=1e-8)
    assert found.diagnostics["variance"] == pytest.approx(
        known["moran"]["VI_rand"], rel=1e-8
    )
    assert found.diagnostics["z"] == pytest.approx(known["moran"]["z"], rel=1e-8)
    normal = moran(crime, rows, assumption="normality").diagnostics
    assert normal["variance"] == pytest.approx(known["moran"]["VI_norm"], rel=1e-8)
    contrast = geary(crime, rows)
    assert contrast.estimate == pytest.approx(known["geary"]["C"], rel=1e-8)
    assert contrast.diagnostics["variance"] == pytest.approx(
        known["geary"]["VC"], rel=1e-8
    )
    # spdep turns the sign of Geary's z, so that likeness is above 0.
    assert contrast.diagnostics["z"] == pytest.approx(-known["geary"]["z"], rel=1e-8)
    general = getis_ord_global(crime, binary)
    assert general.estimate == pytest.approx(known["globalG_B"]["G"], rel=1e-8)
    assert general.diagnostics["variance"] == pytest.approx(
        known["globalG_B"]["V"], rel=1e-8
    )


def test_columbus__joins_of_spdep(columbus):
    crime, pairs, spdep = columbus
    binary = SpatialWeights.from_pairs(pairs, n_areas=49)
    marks = (crime > np.median(crime)).astype(float)
    result = join_counts(marks, binary)
    for name, known in zip(("WW", "BB"), spdep["columbus"]["joincount"], strict=True):
        row = result.get(join=name)
        numbers = [
            row.estimate,
            row.diagnostics["expected"],
            row.diagnostics["variance"],
        ]
        assert numbers == pytest.approx(known["est"], rel=1e-8)
        assert row.diagnostics["z"] == pytest.approx(known["z"], rel=1e-8)


def test_an_island__stays_in_n_where_spdep_takes_it_out(columbus):
    crime, pairs, spdep = columbus
    pairs = pairs[(pairs != 4).all(axis=1)]
    weights = SpatialWeights.from_pairs(pairs, n_areas=49).row_standardised()
    found = moran(crime, weights)
    theirs = spdep["columbus_island5"]["moranI"]
    assert found.estimate * 48 / 49 == pytest.approx(theirs, rel=1e-8)
    assert "no neighbour" in found.notes[0]


def test_gaps_and_refusals():
    gap = moran(np.append(VALUES[:5], np.nan), WEIGHTS)
    assert gap.n_obs == 5
    with pytest.raises(NotEstimableError, match="nothing varies"):
        moran(np.ones(6), WEIGHTS)
    with pytest.raises(NotEstimableError, match="one link"):
        geary(VALUES, SpatialWeights.from_pairs([], n_areas=6))
    with pytest.raises(InputError, match="below 0"):
        getis_ord_global(VALUES - 4, WEIGHTS)
    with pytest.raises(InputError, match="0 or 1"):
        join_counts(VALUES, WEIGHTS)
    with pytest.raises(InputError, match="share"):
        join_counts((VALUES > 2).astype(float), WEIGHTS, share=1)
    with pytest.raises(InputError, match="assumption"):
        moran(VALUES, WEIGHTS, assumption="magic")
