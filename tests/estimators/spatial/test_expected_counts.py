"""Indirect standardisation against sums by hand."""

import numpy as np
import pytest

from estimators.errors import InputError
from estimators.spatial import indirect_expected


def test_expected__sums_to_the_cases_and_ignores_empty_strata():
    rng = np.random.default_rng(1)
    population = rng.integers(0, 50, size=(12, 4))
    population[:, 3] = 0
    cases = rng.binomial(population, 0.2)
    expected = indirect_expected(cases, population)
    assert expected.sum() == pytest.approx(cases.sum())
    by_hand = [
        sum(
            population[i, s] * cases[:, s].sum() / population[:, s].sum()
            for s in range(3)
        )
        for i in range(12)
    ]
    np.testing.assert_allclose(expected, by_hand)
    np.testing.assert_allclose(
        indirect_expected(cases.sum(axis=0), population), by_hand
    )


@pytest.mark.parametrize(
    ("cases", "population", "words"),
    [
        ([[1, 2]], [[1, 2, 3]], "do not fit"),
        ([[1.0, np.nan]], [[1, 2]], "missing, infinite"),
        ([[1, 2]], [[1, 0]], "nobody at risk"),
        ([[1, 2]], [[1, -1]], "below 0"),
        ([["a", 2]], [[1, 1]], "must be numbers"),
        ([[1, 2]], [1, 1], "one row per area"),
    ],
)
def test_expected__says_what_is_wrong(cases, population, words):
    with pytest.raises(InputError, match=words):
        indirect_expected(cases, population)
