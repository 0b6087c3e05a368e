"""Weights: built from lists, pairs and places; scaled, cut and summed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.errors import InputError
from estimators.spatial import SpatialWeights

LINE = SpatialWeights.from_pairs([(0, 1), (1, 2)], n_areas=4)


def test_from_pairs__both_ways_once_and_islands_kept():
    twice = SpatialWeights.from_pairs([(0, 1), (1, 0), (2, 1)], n_areas=4)
    assert twice == LINE
    assert LINE.islands == (3,)
    assert LINE.is_symmetric
    np.testing.assert_array_equal(LINE.to_dense().sum(axis=1), [1, 2, 1, 0])


def test_from_pairs__labels_and_directed_weights():
    weights = SpatialWeights.from_pairs(
        [("b", "a")], areas=["a", "b"], weights=[2.5], symmetric=False
    )
    np.testing.assert_array_equal(weights.to_dense(), [[0, 0], [2.5, 0]])
    assert not weights.is_symmetric
    assert weights.islands == ("a",)


def test_no_links__are_lawful():
    alone = SpatialWeights.from_pairs([], n_areas=3)
    assert alone.islands == (0, 1, 2)
    assert alone.moments() == (0, 0, 0)
    np.testing.assert_array_equal(alone.lag(np.ones(3)), np.zeros(3))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"pairs": [(0, 4)], "n_areas": 4}, "from 0 to 3"),
        ({"pairs": [(0, 1.5)], "n_areas": 4}, "positions"),
        ({"pairs": [(0, 0)], "n_areas": 4}, "own neighbour"),
        ({"pairs": [(0, 1)]}, "how many areas"),
        ({"pairs": [("a", "c")], "areas": ["a", "b"]}, "not among `areas`: c"),
        ({"pairs": [("a", "b")], "areas": ["a", "b", "a"]}, "come twice: a"),
        ({"pairs": [(0, 1, 2)], "n_areas": 4}, "two areas"),
        ({"pairs": [(0, 1)], "n_areas": 4, "weights": [0.0]}, "above 0"),
        ({"pairs": [(0, 1)], "n_areas": 4, "weights": [1, 2]}, "one weight per pair"),
        ({"pairs": [(0, 1), (1, 0)], "n_areas": 4, "weights": [1, 2]}, "two weights"),
    ],
)
def test_from_pairs__refuses(arguments, words):
    with pytest.raises(InputError, match=words):
        SpatialWeights.from_pairs(**arguments)


def test_from_neighbours__refuses_an_unknown_neighbour():
    with pytest.raises(InputError, match="Nowhere"):
        SpatialWeights.from_neighbours({"Oz": ["Nowhere"]})


def test_row_standardised__sums_to_one_except_islands():
    rows = LINE.row_standardised()
    np.testing.assert_array_equal(rows.row_sums(), [1, 1, 1, 0])
    assert rows.binary() == LINE


def test_with_self__is_set_before_scaling():
    rows = LINE.row_standardised().with_self(1.0)
    np.testing.assert_allclose(rows.to_dense()[1], [1 / 3, 1 / 3, 1 / 3, 0])
    assert rows.to_dense()[3, 3] == 1


def test_k_nearest__ties_go_to_the_first_whatever_the_tree():
    grid = np.array([(x, y) for x in range(5) for y in range(5)]) * 0.1
    weights = SpatialWeights.k_nearest(grid, k=4)
    for here in range(25):
        distance = np.round(((grid - grid[here]) ** 2).sum(axis=1), 9)
        distance[here] = np.inf
        expected = np.sort(np.argsort(distance, kind="stable")[:4])
        found = weights.neighbour[weights.first[here] : weights.first[here + 1]]
        np.testing.assert_array_equal(found, expected)


def test_k_nearest__places_that_coincide_are_neighbours():
    weights = SpatialWeights.k_nearest([(0, 0), (0, 0), (9, 9)], k=1)
    np.testing.assert_array_equal(weights.neighbour, [1, 0, 0])


@settings(derandomize=True, deadline=None, max_examples=40)
@given(entropy=st.integers(0, 2**32 - 1), reach=st.floats(0.05, 0.7))
def test_distance_band__equals_the_full_matrix(entropy, reach):
    places = np.random.default_rng(entropy).random((20, 2))
    distance = np.hypot(*(places[:, None] - places[None]).T)
    near = (distance <= reach) & ~np.eye(20, dtype=bool)
    band = SpatialWeights.distance_band(places, threshold=reach)
    np.testing.assert_array_equal(band.to_dense() > 0, near)
    inverse = SpatialWeights.inverse_distance(places, threshold=reach, power=2)
    with np.errstate(divide="ignore"):
        expected = np.where(near, distance**-2.0, 0)
    np.testing.assert_allclose(inverse.to_dense(), expected, rtol=1e-12)


def test_distance_band__knows_the_globe():
    # Antipodes of a degree: one degree of a meridian is 111.195 km, and the date line
    # divides nobody.
    places = [(179.5, 0.0), (-179.5, 0.0), (0.0, 0.0), (179.5, 1.0)]
    band = SpatialWeights.distance_band(places, threshold=111.3, metric="great_circle")
    np.testing.assert_array_equal(band.n_neighbours, [2, 1, 0, 1])
    inverse = SpatialWeights.inverse_distance(
        places, threshold=111.3, metric="great_circle"
    )
    assert inverse.weight[0] == pytest.approx(180 / (np.pi * 6371.0088), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SpatialWeights.k_nearest([(0, 0), (1, np.nan)], k=1), "rows \\[1\\]"),
        (lambda: SpatialWeights.k_nearest([(0, 0), (1, 1)], k=2), "from 1 to 1"),
        (lambda: SpatialWeights.k_nearest([(0, 0)], k=1), "two or more"),
        (lambda: SpatialWeights.k_nearest([("x", 0)], k=1), "must be numbers"),
        (
            lambda: SpatialWeights.distance_band([(0, 0), (1, 1)], threshold=0),
            "above 0",
        ),
        (
            lambda: SpatialWeights.inverse_distance([(0, 0), (0, 0)], threshold=1),
            "share one place",
        ),
        (
            lambda: SpatialWeights.k_nearest(
                [(13, 102), (14, 10)], k=1, metric="great_circle"
            ),
            "longitude",
        ),
    ],
)
def test_builders__refuse(call, words):
    with pytest.raises(InputError, match=words):
        call()


@settings(derandomize=True, deadline=None, max_examples=40)
@given(entropy=st.integers(0, 2**32 - 1))
def test_moments_lag_and_subset__equal_the_matrix(entropy):
    rng = np.random.default_rng(entropy)
    dense = np.where(rng.random((7, 7)) < 0.4, rng.random((7, 7)), 0)
    np.fill_diagonal(dense, 0)
    pairs = np.argwhere(dense > 0)
    weights = SpatialWeights.from_pairs(
        pairs, n_areas=7, weights=dense[dense > 0], symmetric=False
    )
    both = dense + dense.T
    s0, s1, s2 = weights.moments()
    assert s0 == pytest.approx(dense.sum())
    assert s1 == pytest.approx((both**2).sum() / 2)
    assert s2 == pytest.approx((both.sum(axis=1) ** 2).sum())
    values = rng.random(7)
    np.testing.assert_allclose(weights.lag(values), dense @ values, atol=1e-14)
    keep = rng.random(7) < 0.6
    np.testing.assert_array_equal(
        weights.subset(keep).to_dense(), dense[np.ix_(keep, keep)]
    )
    assert weights.is_symmetric == bool((dense == dense.T).all())
