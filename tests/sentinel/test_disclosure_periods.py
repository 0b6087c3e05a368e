"""Counts by period of several releases, against all sums that they imply."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.disclosure.period_sums import period_problems

K = 11
MONTHS = 12
# Every set of months of a year, as rows of 0 and 1.
SETS = np.array(
    [[bit >> month & 1 for month in range(MONTHS)] for bit in range(2**MONTHS)], float
)
QUARTER, YEAR = 3, 12


def _key(start, size):
    if size == YEAR:
        return "2010"
    return f"2010-Q{start // 3 + 1}" if size == QUARTER else f"2010-{start + 1:02}"


def _shown(months, size, first, last):
    """Return whole periods within first to last up to the first that is small."""
    counts = {}
    for at in range(0, MONTHS, size):
        count = int(months[at : at + size].sum())
        if at < first or at + size > last:
            continue
        if 0 < count < K:
            break
        counts[_key(at, size)] = count
    return counts


def _told(months, releases):
    """Say whether sums and differences of all releases tell 1 to K - 1, by algebra."""
    rows = []
    for counts in releases:
        for key in counts:
            start, size = 0, YEAR
            if "Q" in key:
                start, size = 3 * (int(key[-1]) - 1), QUARTER
            elif "-" in key:
                start, size = int(key[-2:]) - 1, 1
            rows.append([start <= month < start + size for month in range(MONTHS)])
    if not rows:
        return False
    _, singular, basis = np.linalg.svd(np.array(rows, float), full_matrices=False)
    basis = basis[singular > 1e-9]
    off = SETS - SETS @ basis.T @ basis
    implied = np.abs(off).max(axis=1) < 1e-9
    sums = SETS[implied] @ months
    return bool(((sums > 0) & (sums < K)).any())


RELEASE = st.tuples(
    st.sampled_from([1, QUARTER, YEAR]), st.integers(0, 11), st.integers(1, 12)
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    months=st.lists(
        st.sampled_from([0, 3, 8, 12, 14, 20, 31]), min_size=12, max_size=12
    ),
    plans=st.lists(RELEASE, min_size=2, max_size=4),
)
def test_a_release_is_refused_exactly_where_the_sums_tell_a_small_count(months, plans):
    counts = np.array(months)
    earlier = []
    for size, first, last in plans:
        later = _shown(counts, size, first, last)
        if not later:
            continue
        found = period_problems(list(enumerate(earlier)), later, K)
        assert bool(found) == _told(counts, [*earlier, later])
        if found:
            break
        earlier.append(later)


def test_the_attack_by_algebra_wins_and_loses():
    """The comparison is one of both kinds: releases that tell, and that do not."""
    rng = np.random.default_rng(0)
    told = []
    for _ in range(300):
        counts = rng.choice([3, 8, 12, 20, 31], MONTHS, p=[0.1, 0.1, 0.3, 0.3, 0.2])
        first = _shown(counts, int(rng.choice([QUARTER, YEAR])), 0, MONTHS)
        second = _shown(counts, 1, int(rng.integers(0, 12)), MONTHS)
        told.append(_told(counts, [first, second]))
        assert bool(period_problems([(0, first)], second, K)) == told[-1]
    assert 30 <= sum(told) <= 270


def test_the_rest_of_a_year_in_two_gaps_is_found():
    year = (0, {"2010": 100})
    inside = {"2010-Q2": 50, "2010-Q3": 44}
    found = period_problems([year], inside, K)
    assert found == [
        (0, "counts by quarter: with those by year they tell fewer than 11")
    ]
    assert not period_problems([(0, {"2010": 105})], inside, K)


def test_three_releases_tell_what_no_two_do():
    first, second = {"2010-Q1": 70}, {"2010-01": 30}
    assert not period_problems([(0, first)], second, K)
    assert not period_problems([(0, first)], {"2010-02": 35}, K)
    assert period_problems([(0, first), (1, second)], {"2010-02": 35}, K)
