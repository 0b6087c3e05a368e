"""Null moments of local sums: every order of few values, many orders of more."""

import itertools

import numpy as np
import pytest
from scipy import stats

from estimators.spatial import SpatialWeights
from estimators.spatial.local_inference import drawn_moments, pearson_tails
from estimators.spatial.local_testing import everyone, others

HEAVY = np.array([0.1, 0.4, 0.2, 9.0, 1.3, 0.7, 2.2, 0.05])


def uneven_weights(n, entropy):
    rng = np.random.default_rng(entropy)
    pairs = [(i, j) for i in range(n) for j in range(i) if rng.random() < 0.4]
    pairs.append((0, n - 1))
    weights = SpatialWeights.from_pairs(sorted(set(pairs)), n_areas=n)
    return weights.row_standardised() if entropy % 2 else weights


def sums(weights, area, pool):
    """All sums over one area's neighbours of values drawn from a pool, in order."""
    row = weights.to_dense()[area]
    here = row[row != 0]
    return np.array([here @ drawn for drawn in itertools.permutations(pool, here.size)])


@pytest.mark.parametrize("entropy", range(4))
@pytest.mark.parametrize("star", [True, False])
def test_moments__equal_every_order(entropy, star):
    """Closed forms: 1e-12 of the statistic's own scale is the rounding of the sums."""
    z = HEAVY - HEAVY.mean()
    weights = uneven_weights(8, entropy)
    if star:
        weights = weights.with_self(1.0)
    chance = drawn_moments(everyone(z) if star else others(z), weights)
    for area in range(8):
        pool = z if star else np.delete(z, area)
        exact = sums(weights, area, pool)
        if exact.size == 0 or np.ptp(exact) < 1e-9:
            continue
        scale = np.abs(exact).max()
        assert chance.mean[area] == pytest.approx(exact.mean(), abs=1e-12 * scale)
        assert chance.variance[area] == pytest.approx(exact.var(), rel=1e-12)
        third = ((exact - exact.mean()) ** 3).mean() / exact.std() ** 3
        assert chance.skewness[area] == pytest.approx(third, rel=1e-11, abs=1e-12)


def test_moments_of_more_areas__are_those_of_many_orders():
    """Within five standard errors of 200,000 orders of 40 heavy-tailed values."""
    rng = np.random.default_rng(6)
    z = rng.lognormal(sigma=1.2, size=40)
    z -= z.mean()
    weights = SpatialWeights.k_nearest(rng.random((40, 2)), k=5)
    chance = drawn_moments(others(z), weights)
    pool, n = np.delete(z, 3), 200_000
    picks = rng.permuted(np.broadcast_to(pool, (n // 10, 39)), axis=1)
    rows = [picks[:, start : start + 5].sum(axis=1) for start in range(0, 35, 5)]
    drawn = np.concatenate(rows)
    assert drawn.mean() == pytest.approx(
        chance.mean[3], abs=5 * drawn.std() / np.sqrt(len(picks))
    )
    fourth = stats.kurtosis(drawn, fisher=False)
    relative = 5 * np.sqrt((fourth - 1) / len(picks))
    assert drawn.var() == pytest.approx(chance.variance[3], rel=relative)
    blocks = [stats.skew(row) for row in rows]
    error = np.std(blocks, ddof=1) / np.sqrt(len(blocks))
    assert np.mean(blocks) == pytest.approx(chance.skewness[3], abs=5 * error)


def test_pearson_level__is_missed_though_the_moments_are_exact():
    """Three moments do not make a tail: why formulas are no default.

    All 56 sums of three of eight heavy-tailed values: the exact p-value of each is
    known, and the shifted gamma with the same mean, variance and skewness gives its
    greatest ones a p-value far from it.
    """
    z = HEAVY - HEAVY.mean()
    exact = np.array([sum(three) for three in itertools.combinations(z, 3)])
    deviates = (exact - exact.mean()) / exact.std()
    above, _ = pearson_tails(deviates, np.full(exact.size, stats.skew(exact)))
    share = np.array([(exact >= one - 1e-12).mean() for one in exact])
    assert np.abs(above - share).max() > 0.1
