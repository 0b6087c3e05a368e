"""Local statistics: exact moments, invariances, islands, gaps and refusals."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators import spatial
from estimators.errors import InputError, NotEstimableError
from estimators.spatial import SpatialWeights, getis_ord, local_moran
from estimators.spatial.local_inference import benjamini_hochberg, pearson_tails

VALUES = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6, 5.0])
PAIRS = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (0, 6), (1, 5), (2, 5)]
WEIGHTS = SpatialWeights.from_pairs(
    PAIRS, n_areas=7, weights=[1, 2, 1, 3, 1, 1, 2, 1, 1]
)


def local_geary(*args, inference="permutation", **options):
    """Local Geary has one way of inference; few draws do where none is judged."""
    del inference
    return spatial.local_geary(*args, **{"n_resamples": 999, "rng": 1, **options})


STATISTICS = (
    local_moran,
    local_geary,
    getis_ord,
    lambda *a, **k: getis_ord(*a, star=False, **k),
)
every_statistic = pytest.mark.parametrize("statistic", STATISTICS)


def sums_of_orders(weights, area, pool, transform=lambda value: value):
    """Weighted sums of an area's neighbours under every order of the pool."""
    links = weights.scaled[weights.first[area] : weights.first[area + 1]]
    orders = np.array(list(itertools.permutations(pool, len(links))))
    return transform(orders) @ links


@pytest.mark.parametrize("style", ["raw", "row"])
@pytest.mark.parametrize("area", [0, 1, 4])
def test_moran_moments__equal_every_order_of_the_other_values(style, area):
    weights = WEIGHTS if style == "raw" else WEIGHTS.row_standardised()
    z = VALUES - VALUES.mean()
    sums = sums_of_orders(weights, area, np.delete(z, area))
    exact = z[area] * sums / (z @ z / 7)
    row = local_moran(VALUES, weights, inference="normal").table.loc[area]
    assert row["expected"] == pytest.approx(exact.mean(), rel=1e-12)
    assert row["variance"] == pytest.approx(exact.var(), rel=1e-12)


def test_moran_moments__total_equal_every_order_of_all_values():
    z = VALUES - VALUES.mean()
    orders = np.array(list(itertools.permutations(z)))
    matrix = WEIGHTS.to_dense()
    exact = orders * (orders @ matrix.T) / (z @ z / 7)
    table = local_moran(VALUES, WEIGHTS, moments="total", inference="normal").table
    np.testing.assert_allclose(table["expected"], exact.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(table["variance"], exact.var(axis=0), rtol=1e-10)


def test_moran_divisor__scales_statistic_and_moments_and_no_z():
    for moments in ("conditional", "total"):
        n, less = (
            local_moran(
                VALUES, WEIGHTS, divisor=d, moments=moments, inference="normal"
            ).table
            for d in ("n", "n-1")
        )
        for column, power in (("statistic", 1), ("expected", 1), ("variance", 2)):
            np.testing.assert_allclose(
                less[column], n[column] * (6 / 7) ** power, rtol=1e-12
            )
        np.testing.assert_allclose(less["z"], n["z"], rtol=1e-12)


@pytest.mark.parametrize("area", [0, 2, 4])
def test_geary_moments__equal_every_order(area):
    y = (VALUES - VALUES.mean()) / VALUES.std(ddof=1)
    exact = sums_of_orders(
        WEIGHTS, area, np.delete(y, area), lambda drawn: (drawn - y[area]) ** 2
    )
    row = local_geary(VALUES, WEIGHTS, inference="normal").table.loc[area]
    assert row["expected"] == pytest.approx(exact.mean(), rel=1e-10)
    assert row["variance"] == pytest.approx(exact.var(), rel=1e-10)


@pytest.mark.parametrize("star", [True, False])
def test_getis_ord__standardises_by_every_order(star):
    result = getis_ord(VALUES, WEIGHTS, star=star, inference="pearson")
    weights = WEIGHTS.with_self(1.0) if star else WEIGHTS
    for area in (0, 3, 5):
        pool = VALUES if star else np.delete(VALUES, area)
        exact = sums_of_orders(weights, area, pool)
        observed = weights.to_dense()[area] @ VALUES
        z = (observed - exact.mean()) / exact.std()
        assert result[area].estimate == pytest.approx(z, rel=1e-12)
        tails = pearson_tails(np.array([z]), np.array([stats.skew(exact)]))
        two_sided = min(1, 2 * min(tails)[0])
        assert result[area].diagnostics["p_value"] == pytest.approx(two_sided, rel=1e-8)


@every_statistic
@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_permutation__agrees_with_every_order(statistic, alternative):
    """Within five standard errors of 20,000 draws of the exact p-value."""
    drawn = statistic(
        VALUES, WEIGHTS, alternative=alternative, n_resamples=20_000, rng=5
    ).table["p_value"]
    exact = np.array([exact_p(statistic, area, alternative) for area in range(7)])
    sides = 2 if alternative == "two-sided" else 1
    tail = exact / sides
    error = np.sqrt(tail * (1 - tail) / 20_000) + 1e-4
    assert (np.abs(drawn - exact) < 5 * sides * error).all()


def exact_p(statistic, area, alternative):
    z = VALUES - VALUES.mean()
    others = np.delete(z, area)
    dense = WEIGHTS.to_dense()[area]
    if statistic is local_geary:
        sums = sums_of_orders(WEIGHTS, area, others, lambda d: (d - z[area]) ** 2)
        seen = dense @ (z - z[area]) ** 2
    elif statistic is getis_ord:
        sums = sums_of_orders(WEIGHTS.with_self(1.0), area, z)
        seen = dense @ z + z[area]
    else:
        sign = np.sign(z[area]) if statistic is local_moran else 1
        sums = sign * sums_of_orders(WEIGHTS, area, others)
        seen = sign * (dense @ z)
    above, below = (sums >= seen - 1e-9).mean(), (sums <= seen + 1e-9).mean()
    two = min(1, 2 * min(above, below))
    return {"two-sided": two, "greater": above, "less": below}[alternative]


@every_statistic
@settings(derandomize=True, deadline=None, max_examples=20)
@given(entropy=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-6, 0.5, 1e6]))
def test_relabelling_and_units__change_no_area(statistic, entropy, scale):
    rng = np.random.default_rng(entropy)
    values = rng.gamma(2.0, size=12)
    places = rng.random((12, 2))
    order = rng.permutation(12)
    before, after = (
        statistic(v, SpatialWeights.k_nearest(p, k=3), inference="pearson").table
        for v, p in ((values, places), (values[order] * scale + scale, places[order]))
    )
    columns = ["statistic", "z"]
    if statistic is not local_geary:  # whose draws follow the order of the areas
        columns += ["p_value", "p_adjusted"]
    np.testing.assert_allclose(
        before[columns].to_numpy()[order], after[columns], rtol=1e-6, atol=1e-9
    )


def test_getis_ord__row_scaling_changes_nothing_since_self_is_set_first():
    raw, rows = (
        getis_ord(VALUES, w.binary() if w is WEIGHTS else w, inference="normal").table
        for w in (WEIGHTS, WEIGHTS.binary().row_standardised())
    )
    np.testing.assert_allclose(raw["statistic"], rows["statistic"], rtol=1e-12)


def test_getis_ord__says_when_the_self_weight_dwarfs_the_others():
    scaled = SpatialWeights.from_pairs(
        PAIRS, n_areas=7, weights=np.full(len(PAIRS), 1 / 3)
    )
    assert any("row_standardised" in n for n in getis_ord(VALUES, scaled, rng=1).notes)
    plain = getis_ord(VALUES, WEIGHTS.binary(), rng=1, alternative="greater")
    assert not any("row_standardised" in note for note in plain.notes)


def test_getis_ord__shares_need_values_of_nature():
    table = getis_ord(VALUES - 5, WEIGHTS, inference="normal").table
    assert table["share"].isna().all()
    assert table["statistic"].notna().all()


@every_statistic
@pytest.mark.parametrize("inference", ["permutation", "pearson", "normal"])
def test_islands_and_gaps__are_nan_with_a_category(statistic, inference):
    """What esda calls a hotspot at p = 0.001 is no hotspot; nor is a missing value."""
    values = np.concatenate([VALUES, [99.0, np.nan, 98.0]])
    # Area 7 is an island; the only neighbour of area 9 has no data.
    weights = SpatialWeights.from_pairs([*PAIRS, (8, 9), (0, 8)], n_areas=10)
    result = statistic(values, weights, inference=inference, rng=1)
    table = result.table
    assert list(table["category"][7:]) == ["no neighbours", "no data", "no neighbours"]
    numbers = table.drop(columns=["area", "category", "tested"])
    assert numbers[7:].isna().all(axis=None)
    assert numbers[:7].notna().all(axis=None)
    assert [row.n_obs for row in result] == [9] * 10
    assert "8" in result.notes[0]
    assert "7, 9" in result.notes[1]
    # The adjustment counts tested areas alone.
    np.testing.assert_allclose(
        table["p_adjusted"][:7], stats.false_discovery_control(table["p_value"][:7])
    )
    assert len(result.significant()) + result.counts().get("ns", 0) == 7
    assert "no neighbours 2" in result.summary()
    assert result.plot().texts is not None


@every_statistic
def test_a_gap__gives_what_the_map_without_the_area_gives(statistic):
    values = np.append(VALUES, np.nan)
    weights = SpatialWeights.from_pairs([*PAIRS, (3, 7)], n_areas=8)
    with_gap = statistic(values, weights, inference="pearson").table[:7]
    plain = SpatialWeights.from_pairs(PAIRS, n_areas=7)
    without = statistic(VALUES, plain, inference="pearson").table
    np.testing.assert_array_equal(with_gap["p_value"], without["p_value"])


def test_quadrants__name_value_and_neighbours():
    # Two blocks of ten, and one area in each that belongs to the other.
    pairs = [(i, j) for i in range(10) for j in range(i)]
    pairs += [(i + 10, j + 10) for i, j in pairs]
    values = np.array([9.0] * 9 + [1.0] + [1.5] * 9 + [9.5])
    weights = SpatialWeights.from_pairs(pairs, n_areas=20)
    table = local_moran(values, weights, inference="pearson").table
    assert list(table["category"]) == ["HH"] * 9 + ["LH"] + ["LL"] * 9 + ["HL"]
    geary = local_geary(values, weights, inference="normal", adjust="none").table
    assert geary["category"][0] == "HH"
    assert geary["category"][19] == "unlike"
    hot = getis_ord(values, weights, inference="pearson").table
    assert list(hot["category"]) == ["hot"] * 10 + ["cold"] * 10


def test_an_area_on_the_mean__is_never_found():
    values = np.array([0.0, 1, 1, 1, -1, -1, -1])
    table = local_moran(values, WEIGHTS, rng=1, n_resamples=99).table
    assert table.loc[0, "p_value"] == 1
    assert table.loc[0, "z"] == 0


def test_everyones_neighbour__cannot_be_told_from_chance():
    star = SpatialWeights.from_pairs([(0, i) for i in range(1, 7)], n_areas=7)
    for statistic in STATISTICS:
        for inference in ("permutation", "pearson", "normal"):
            table = statistic(VALUES, star, inference=inference, rng=1).table
            assert table.loc[0, "p_value"] == 1, (statistic, inference)
            assert table.loc[0, "variance"] in (0, 1)


def test_floor__is_told_and_how_many_areas_must_reach_it():
    rng = np.random.default_rng(1)
    weights = SpatialWeights.k_nearest(rng.random((500, 2)), k=4)
    result = local_moran(rng.random(500), weights, n_resamples=99, rng=1)
    assert "none can be below 0.02" in result.notes[0]
    # 500 tests * 0.02 / 0.05 = 200 areas.
    assert "200 or more" in result.notes[1]
    one = local_moran(
        rng.random(500), weights, n_resamples=99, rng=1, alternative="greater"
    )
    assert "100 or more" in one.notes[1]
    assert not local_moran(rng.random(500), weights, inference="pearson").notes


@every_statistic
def test_null_maps__hold_the_level(statistic):
    """Two-sided p-values of shuffled skew values reject one in twenty."""
    rng = np.random.default_rng(8)
    weights = SpatialWeights.k_nearest(rng.random((1500, 2)), k=6)
    values = rng.exponential(size=1500)
    table = statistic(values, weights, n_resamples=999, rng=2).table
    # Areas share neighbours: four binomial standard errors allow for it.
    share = (table["p_value"] <= 0.05).mean()
    assert abs(share - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 1500)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"values": VALUES[:6]}, InputError, "one value per area"),
        ({"values": np.where(VALUES > 8, np.inf, VALUES)}, InputError, "infinite"),
        ({"values": ["a"] * 7}, InputError, "numbers"),
        ({"values": np.ones(7)}, NotEstimableError, "nothing varies"),
        ({"values": [1, 2, 3, *[np.nan] * 4]}, NotEstimableError, "3 areas have data"),
        ({"weights": WEIGHTS.to_dense()}, InputError, "SpatialWeights"),
        ({"alternative": "both"}, InputError, "alternative"),
        ({"adjust": "holm"}, InputError, "adjust"),
        ({"n_resamples": 10}, InputError, "at least 19"),
        ({"level": 95}, InputError, "level"),
    ],
)
@every_statistic
def test_refusals(statistic, arguments, error, words):
    given_all = {"values": VALUES, "weights": WEIGHTS, **arguments}
    data = [given_all.pop("values"), given_all.pop("weights")]
    with pytest.raises(error, match=words):
        statistic(*data, **given_all)


def test_formulas__say_where_values_are_too_skew_for_them():
    values = np.append(VALUES, 900.0)
    weights = SpatialWeights.from_pairs([*PAIRS, (3, 7)], n_areas=8)
    for statistic in (local_moran, getis_ord):
        assert "rough" in statistic(values, weights, inference="pearson").notes[-1]
        with pytest.raises(InputError, match="inference"):
            statistic(values, weights, inference="magic")


def test_getis_ord__refuses_a_self_weight_of_nothing():
    with pytest.raises(InputError, match="self_weight"):
        getis_ord(VALUES, WEIGHTS, self_weight=0)


def test_pearson_tails__are_the_gammas_of_both_signs():
    z = np.array([-2.0, -0.3, 0.0, 1.4, 3.0])
    for skewness in (0.9, -0.9, 1e-3):
        above, below = pearson_tails(z, np.full(5, skewness))
        np.testing.assert_allclose(above, stats.pearson3.sf(z, skewness), rtol=1e-6)
        np.testing.assert_allclose(below, stats.pearson3.cdf(z, skewness), rtol=1e-6)
    np.testing.assert_allclose(pearson_tails(z, np.zeros(5))[0], stats.norm.sf(z))


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg__equals_scipy_and_passes_over_nan(p_values):
    plain = np.array(p_values)
    expected = stats.false_discovery_control(plain)
    np.testing.assert_allclose(benjamini_hochberg(plain), expected, rtol=1e-12)
    gaps = np.insert(plain, 0, np.nan)
    np.testing.assert_allclose(benjamini_hochberg(gaps)[1:], expected, rtol=1e-12)
    assert np.isnan(benjamini_hochberg(gaps)[0])
