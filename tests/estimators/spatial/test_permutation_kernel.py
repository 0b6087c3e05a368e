"""The drawing kernel against its twin and against equal chances."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.spatial import SpatialWeights, local_moran
from estimators.spatial._kernels_permutation import count_extremes, draw_below
from tests.twins import spatial_autocorrelation as twin


@settings(derandomize=True, deadline=None, max_examples=25)
@given(entropy=st.integers(0, 2**32 - 1), hold=st.booleans(), squares=st.booleans())
def test_count_extremes__equals_its_twin(entropy, hold, squares):
    rng = np.random.default_rng(entropy)
    weights = SpatialWeights.k_nearest(rng.random((12, 2)), k=int(rng.integers(1, 11)))
    values = rng.integers(-3, 4, 12).astype(np.float64)
    arguments = (
        values,
        (weights.first, weights.weight),
        (weights.lag(values), np.full(12, 1e-9), rng.random(12) < 0.8),
        rng.integers(0, 2**64, 12, dtype=np.uint64),
        (40, hold, squares and hold),
    )
    np.testing.assert_array_equal(
        count_extremes(*arguments), twin.count_extremes(*arguments)
    )


def test_draw_below__redraws_what_would_be_unfair():
    # Just above half of 2^32 nearly half of all products favour some number.
    bound = 2**31 + 1
    words = twin.stream(7)
    state = np.uint64(7)
    for _ in range(200):
        # A number that comes back is a plain int: as such it would be taken as signed.
        state, drawn = draw_below(np.uint64(state), np.uint64(bound))
        assert drawn == twin.below(words, bound)


def test_draws__every_set_of_neighbours_has_the_same_chance():
    # Powers of two: each sum names its set of three out of five others.
    values = np.array([0.0, 1, 2, 4, 8, 16])
    weights = SpatialWeights.from_pairs([(0, 1), (0, 2), (0, 3)], n_areas=6)
    tested = np.arange(6) == 0
    n_draws, counts = 40_000, []
    sums = sorted({a + b + c for a in values for b in values for c in values
                   if 0 < a < b < c})  # fmt: skip
    for total in sums:
        found = count_extremes(
            values,
            (weights.first, weights.weight),
            (np.full(6, float(total)), np.full(6, 0.25), tested),
            np.full(6, 5, dtype=np.uint64),
            (n_draws, True, False),
        )
        counts.append(found[0].sum() - n_draws)  # equal to the total
    assert len(counts) == 10
    assert sum(counts) == n_draws
    expected = n_draws / 10
    # 99.9 % point of chi squared with 9 degrees of freedom.
    assert sum((count - expected) ** 2 / expected for count in counts) < 27.88


def test_threads__change_nothing():
    rng = np.random.default_rng(3)
    weights = SpatialWeights.k_nearest(rng.random((200, 2)), k=5)
    values = rng.random(200)
    before = numba.get_num_threads()
    try:
        tables = []
        for threads in (1, before):
            numba.set_num_threads(threads)
            result = local_moran(values, weights, n_resamples=99, rng=1)
            tables.append(result.table["p_value"].to_numpy())
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(*tables)
    other = local_moran(values, weights, n_resamples=99, rng=2).table["p_value"]
    assert not np.array_equal(tables[0], other)


def test_ties__count_as_extreme_however_they_are_summed():
    # Every neighbourhood of a map of equal parts ties with every draw but for rounding.
    values = np.array([0.1, 0.3] * 6)
    weights = SpatialWeights.from_pairs(
        [(i, j) for i in range(12) for j in range(i)], n_areas=12
    )
    table = local_moran(values, weights, n_resamples=99, rng=1).table
    assert table["p_value"].to_numpy() == pytest.approx(1)
