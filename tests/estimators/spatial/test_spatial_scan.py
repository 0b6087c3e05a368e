"""The spatial scan: properties, edges and messages."""

import numpy as np
import pytest
from scipy import stats

from estimators.errors import InputError, NotEstimableError
from estimators.spatial import spatial_scan
from estimators.spatial.cluster_search import gumbel_tail
from estimators.spatial.example import surveyed_places

SIDE = np.arange(6)
GRID = np.array([(x, y) for y in SIDE for x in SIDE], dtype=float)
CROSS = [8, 13, 14, 15, 20]  # a place and the four next to it: a circle
TOUCHING = np.abs(GRID[:, None] - GRID[None]).sum(axis=2) == 1


def planted(rng, n=40, rate=0.2, inside=0.6):
    population = np.full(36, float(n))
    rates = np.full(36, rate)
    rates[CROSS] = inside
    return rng.binomial(n, rates).astype(float), population


def test_planted_cluster__is_found_by_every_shape():
    cases, population = planted(np.random.default_rng(3))
    for shape in ("circular", "elliptic", "flexible", "restricted"):
        for model in ("poisson", "bernoulli"):
            found = spatial_scan(
                cases,
                population,
                GRID,
                model=model,
                shape=shape,
                adjacency=TOUCHING,
                max_areas=9,
                n_resamples=99,
                rng=1,
            )
            best = found.clusters[0]
            assert set(CROSS) <= set(best.members), (shape, model)
            assert best.p_value == 0.01
            assert best.relative_risk > 1.5


def test_relabelling_areas__changes_nothing():
    rng = np.random.default_rng(5)
    places = rng.uniform(size=(36, 2))  # no ties
    cases, _ = planted(rng)
    population = rng.uniform(40, 80, size=36)
    order = rng.permutation(36)
    plain = spatial_scan(cases, population, places, n_resamples=9, rng=1)
    mixed = spatial_scan(
        cases[order], population[order], places[order], n_resamples=9, rng=1
    )
    for one, other in zip(plain.clusters, mixed.clusters, strict=True):
        assert set(one.members) == {int(order[i]) for i in other.members}
        assert one.log_likelihood_ratio == pytest.approx(other.log_likelihood_ratio)


def test_moving_turning_and_scaling_the_map__changes_nothing():
    cases, population = planted(np.random.default_rng(6))
    places = np.random.default_rng(7).uniform(size=(36, 2))
    turn = np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    plain = spatial_scan(cases, population, places, n_resamples=19, rng=1)
    moved = spatial_scan(
        cases, population, 1000 * places @ turn + 5, n_resamples=19, rng=1
    )
    assert [c.members for c in plain.clusters] == [c.members for c in moved.clusters]
    np.testing.assert_allclose(plain.null_maxima, moved.null_maxima)


def test_population_scale__does_not_matter_to_poisson():
    cases, population = planted(np.random.default_rng(8))
    plain = spatial_scan(cases, population, GRID, n_resamples=19, rng=1)
    scaled = spatial_scan(cases, population * 1000, GRID, n_resamples=19, rng=1)
    np.testing.assert_allclose(plain.null_maxima, scaled.null_maxima)


def test_low_clusters__are_high_clusters_of_the_others():
    cases, population = planted(np.random.default_rng(9))
    low = spatial_scan(
        cases, population, GRID, model="bernoulli", direction="low", rng=1,
        n_resamples=9, max_population_share=0.3,
    )  # fmt: skip
    high = spatial_scan(
        population - cases, population, GRID, model="bernoulli", rng=1, n_resamples=9,
        max_population_share=0.3,
    )  # fmt: skip
    assert [c.members for c in low.clusters] == [c.members for c in high.clusters]
    for one, other in zip(low.clusters, high.clusters, strict=True):
        assert one.log_likelihood_ratio == pytest.approx(other.log_likelihood_ratio)
        assert one.direction == "low"
        assert one.relative_risk < 1
    both = spatial_scan(
        cases, population, GRID, model="bernoulli", direction="both", rng=1,
        n_resamples=9,
    )  # fmt: skip
    assert {c.direction for c in both.clusters} == {"high", "low"}


def test_secondary_clusters__do_not_overlap_and_fall():
    cases, population = planted(np.random.default_rng(10))
    found = spatial_scan(cases, population, GRID, rng=1, n_resamples=19)
    members = [m for c in found.clusters for m in c.members]
    assert len(members) == len(set(members))
    ratios = [c.log_likelihood_ratio for c in found.clusters]
    assert ratios == sorted(ratios, reverse=True)
    numbers = found.area_clusters()
    for k, cluster in enumerate(found.clusters, start=1):
        assert set(np.flatnonzero(numbers == k)) == set(cluster.members)
    assert len(found.cluster_table()) == len(found.clusters)


def test_threads__do_not_change_the_answer():
    numba = pytest.importorskip("numba")
    cases, population = planted(np.random.default_rng(11))
    before = numba.get_num_threads()
    maxima = []
    try:
        for threads in (1, before):
            numba.set_num_threads(threads)
            found = spatial_scan(cases, population, GRID, rng=1, n_resamples=200)
            maxima.append(found.null_maxima)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(*maxima)


def test_areas_without_population__belong_to_no_zone():
    cases, population = planted(np.random.default_rng(12))
    population[[0, 17]] = cases[[0, 17]] = 0
    found = spatial_scan(cases, population, GRID, rng=1, n_resamples=19)
    assert not {0, 17} & {m for c in found.clusters for m in c.members}
    assert any("2 of 36 areas have no population" in note for note in found.notes)


def test_expected__replaces_population_in_the_ratio_only():
    cases, population = planted(np.random.default_rng(13))
    same = spatial_scan(
        cases, population, GRID, expected=population * 7, rng=1, n_resamples=19
    )
    plain = spatial_scan(cases, population, GRID, rng=1, n_resamples=19)
    np.testing.assert_allclose(same.null_maxima, plain.null_maxima)
    # Where the expectation explains the map, nothing is left.
    explained = spatial_scan(
        cases, population, GRID, expected=cases, rng=1, n_resamples=19
    )
    assert not explained.clusters
    assert not len(explained.to_frame())
    assert "No zone" in explained.summary()


def test_design_effect__rounded_down_holds_the_level_of_small_areas():
    """Groups of 6, one by area: rounding 3.53 to 4 would find clusters on 12 %."""
    rng = np.random.default_rng(2)
    effect, rate, maps = 1.7, 0.3, 400
    places = rng.uniform(size=(60, 2))
    between = 5 / (effect - 1) - 1
    found = 0
    for _ in range(maps):
        shares = rng.beta(rate * between, (1 - rate) * between, size=60)
        result = spatial_scan(
            rng.binomial(6, shares).astype(float), np.full(60, 6.0), places,
            model="bernoulli", design_effect=effect, n_resamples=19, max_clusters=1,
            rng=rng,
        )  # fmt: skip
        found += bool(result.clusters) and result.clusters[0].p_value <= 0.05 + 1e-12
    assert found <= stats.binom.ppf(0.9995, maps, 0.05)
    assert "360 persons count as 180" in result.notes[0]


def test_areas_worth_less_than_a_person__are_told():
    places = np.column_stack([np.arange(6.0), np.zeros(6)])
    cases = np.array([1.0, 0, 5, 6, 1, 1])
    found = spatial_scan(
        cases, np.array([1.0, 1, 9, 9, 9, 9]), places, model="bernoulli",
        design_effect=2.0, n_resamples=19, rng=1,
    )  # fmt: skip
    assert any("2 areas have fewer persons" in note for note in found.notes)


def test_design_effect__is_fewer_persons():
    cases, population = planted(np.random.default_rng(14))
    plain = spatial_scan(
        cases, population, GRID, model="bernoulli", rng=1, n_resamples=99
    )
    halved = spatial_scan(
        cases, population, GRID, model="bernoulli", design_effect=2.0, rng=1,
        n_resamples=99,
    )  # fmt: skip
    assert halved.clusters[0].members == plain.clusters[0].members
    assert halved.clusters[0].log_likelihood_ratio == pytest.approx(
        plain.clusters[0].log_likelihood_ratio / 2
    )
    assert halved.clusters[0].relative_risk == pytest.approx(
        plain.clusters[0].relative_risk
    )
    one = spatial_scan(
        cases, population, GRID, model="bernoulli", design_effect=np.ones(36), rng=1,
        n_resamples=99,
    )  # fmt: skip
    np.testing.assert_array_equal(one.null_maxima, plain.null_maxima)
    assert any("because of the design" in note for note in halved.notes)


def test_iterative__gives_a_masked_second_cluster_a_smaller_p():
    rng = np.random.default_rng(15)
    population = np.full(36, 100.0)
    rates = np.full(36, 0.1)
    rates[[0, 1, 6, 7]] = 0.5
    rates[[28, 29, 34, 35]] = 0.17
    cases = rng.binomial(100, rates).astype(float)
    plain = spatial_scan(cases, population, GRID, model="bernoulli", rng=1)
    anew = spatial_scan(
        cases, population, GRID, model="bernoulli", iterative=True, rng=1
    )
    assert anew.clusters[0].members == plain.clusters[0].members
    assert anew.clusters[1].p_value <= plain.clusters[1].p_value
    assert {28, 29, 34, 35} & set(anew.clusters[1].members)


def test_limits__of_a_fixed_zone_are_those_of_a_ratio_of_proportions():
    found = spatial_scan(**surveyed_places(), model="bernoulli", n_resamples=9, rng=1)
    row, cluster = found.rows[0], found.clusters[0]
    assert (cluster.observed, cluster.size) == (96, 160)
    theirs = stats.contingency.relative_risk(96, 160, 188, 840)
    limits = theirs.confidence_interval(0.95)
    assert row.estimate == pytest.approx(theirs.relative_risk)
    assert (row.ci.low, row.ci.high) == pytest.approx((limits.low, limits.high))


def test_gumbel__recovers_its_own_tail():
    maxima = stats.gumbel_r(3, 1.2).rvs(100_000, random_state=1)
    expected = stats.gumbel_r(3, 1.2).sf(12.0)
    assert gumbel_tail(12.0, maxima) == pytest.approx(expected, rel=0.1)
    assert np.isnan(gumbel_tail(1.0, np.zeros(9)))


def test_all_zones_tie__the_smallest_stands():
    # Two areas far from two others: both pairs have the same counts.
    places = np.array([[0, 0], [0, 1], [9, 0], [9, 1], [50, 0], [50, 1.0]])
    cases = np.array([5.0, 5, 5, 5, 0, 0])
    found = spatial_scan(
        cases, np.full(6, 10.0), places, max_population_share=0.34, rng=1,
        n_resamples=9,
    )  # fmt: skip
    assert [c.members for c in found.clusters] == [(0, 1), (2, 3)]
    assert found.clusters[0].log_likelihood_ratio == pytest.approx(
        found.clusters[1].log_likelihood_ratio
    )


BAD = {
    "coordinates has shape": {"coordinates": np.zeros((36, 3))},
    "coordinates is missing": {"coordinates": np.where(GRID == 3, np.nan, GRID)},
    "cases has shape": {"cases": np.zeros(5)},
    "population must be numbers >= 0": {"population": np.full(36, -1.0)},
    "have cases, but no population": {"population": np.zeros(36)},
    "more cases than population": {"population": np.ones(36), "model": "bernoulli"},
    "is not whole": {"population": np.full(36, 40.5), "model": "bernoulli"},
    "max_population_share=0": {"max_population_share": 0},
    "expected= goes with": {"expected": np.ones(36), "model": "bernoulli"},
    "design_effect= goes with": {"design_effect": 2},
    "design_effect must be above 0": {"design_effect": 0.0, "model": "bernoulli"},
    "ellipses need projected": {"shape": "elliptic", "metric": "great_circle"},
    "adjacency=None": {"shape": "flexible"},
    "max_areas=16": {"shape": "flexible", "adjacency": TOUCHING, "max_areas": 16},
    "looks for direction='high'": {"shape": "restricted", "direction": "low"},
    "longitude comes first": {"coordinates": GRID + 100, "metric": "great_circle"},
    "adjacency has shape": {"shape": "flexible", "adjacency": np.zeros((3, 5))},
    "pairs must be whole": {"shape": "flexible", "adjacency": [[0, 99]]},
    "penalty=-1": {"shape": "elliptic", "penalty": -1},
    "n_resamples=3": {"n_resamples": 3},
    "model='gauss'": {"model": "gauss"},
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input__is_refused_by_name(words):
    cases, population = planted(np.random.default_rng(1))
    arguments = {"cases": cases, "population": population, "coordinates": GRID}
    with pytest.raises(InputError, match=words):
        spatial_scan(**{**arguments, **BAD[words]})


def test_no_cases_or_only_cases__cannot_be_scanned():
    population = np.full(36, 5.0)
    with pytest.raises(NotEstimableError, match="all 0"):
        spatial_scan(np.zeros(36), population, GRID)
    with pytest.raises(NotEstimableError, match="are cases"):
        spatial_scan(population, population, GRID, model="bernoulli")
