"""Linked pairs become persons, each at most once on a duplicate-free list."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.errors import InputError
from sentinel.linkage import cluster_pairs
from tests.twins.linkage import greedy_clusters


@st.composite
def linked(draw):
    n_sources = draw(st.integers(1, 4))
    source = draw(st.lists(st.integers(0, n_sources - 1), min_size=2, max_size=12))
    free = draw(st.lists(st.booleans(), min_size=n_sources, max_size=n_sources))
    record = st.integers(0, len(source) - 1)
    # Few distinct weights: ties must be broken the same way by both versions.
    weight = st.sampled_from([-1.0, 0.0, 2.0, 2.0000001, 7.5])
    pair = st.tuples(record, record, weight).filter(lambda pair: pair[0] != pair[1])
    return source, free, draw(st.lists(pair, max_size=25))


def clusters(source, free, pairs):
    left, right, weight = (np.array(part) for part in zip(*pairs, strict=True))
    return cluster_pairs(
        left,
        right,
        weight.astype(float),
        source=np.array(source),
        duplicate_free=np.array(free),
    )


@settings(deadline=None, derandomize=True, max_examples=150)
@given(linked())
def test_clusters_are_those_of_the_plain_version(case):
    source, free, pairs = case
    if not pairs:
        return
    found = clusters(source, free, pairs)
    wanted, refused = greedy_clusters(pairs, source, free)
    members = [np.flatnonzero(found.person == k).tolist() for k in range(len(wanted))]
    assert members == wanted
    assert found.n_persons == len(wanted)
    assert found.n_refused == refused
    assert found.n_merged == len(source) - len(wanted)
    assert found.n_merged + found.n_within + found.n_refused == len(pairs)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(linked(), st.randoms(use_true_random=False))
def test_order_and_direction_of_pairs_do_not_matter(case, random):
    source, free, pairs = case
    if not pairs:
        return
    turned = [(right, left, weight) for left, right, weight in pairs]
    random.shuffle(turned)
    assert np.array_equal(
        clusters(source, free, pairs).person, clusters(source, free, turned).person
    )


@settings(deadline=None, derandomize=True, max_examples=80)
@given(linked())
def test_no_duplicate_free_list_names_a_person_twice(case):
    source, free, pairs = case
    if not pairs:
        return
    person = clusters(source, free, pairs).person
    for number, is_free in enumerate(free):
        held = person[np.array(source) == number]
        assert not is_free or np.unique(held).size == held.size


def test_duplicates_within_a_list_are_joined_before_links_between_lists():
    # Records 0 and 1 are one person of list 0, which is not vouched for.
    found = clusters([0, 0, 1], [False, True], [(1, 2, 9.0), (0, 1, 3.0)])
    assert found.person.tolist() == [0, 0, 0]
    assert found.n_duplicates == 1


def test_the_stronger_of_two_links_to_one_record_is_kept():
    found = clusters([0, 0, 1], [True, True], [(0, 2, 3.0), (1, 2, 5.0)])
    assert found.person.tolist() == [0, 1, 1]
    assert (found.n_merged, found.n_refused) == (1, 1)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(0, 5, 1.0)], r"0\.\.2 were expected"),
        ([(1, 1, 1.0)], "with itself"),
        ([(0, 1, float("nan"))], "NaN"),
    ],
)
def test_pairs_that_cannot_be_are_refused(pairs, message):
    with pytest.raises(InputError, match=message):
        clusters([0, 1, 1], [True, True], pairs)


def test_no_pairs_leave_every_record_a_person():
    nothing = np.zeros(0, dtype=np.int64)
    found = cluster_pairs(
        nothing,
        nothing,
        np.zeros(0),
        source=np.array([0, 1]),
        duplicate_free=np.array([True, True]),
    )
    assert found.person.tolist() == [0, 1]
