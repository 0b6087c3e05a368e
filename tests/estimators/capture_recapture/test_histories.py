"""The table of capture histories: what it takes, refuses and keeps when changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.capture_recapture import CaptureHistories
from estimators.errors import InputError

THREE = {"100": 7, "010": 5, "001": 9, "110": 2, "101": 3, "011": 1, "111": 4}


def test_from_counts__first_character_is_the_first_list():
    histories = CaptureHistories.from_counts(THREE, lists=["a", "b", "c"])
    assert histories.n_observed == 31
    assert histories.list_sizes().tolist() == [16, 12, 17]
    assert histories.dense().tolist() == [0, 7, 5, 2, 9, 3, 1, 4]
    assert histories.overlaps().loc["a", "c"] == 7
    assert histories.capture_frequencies().tolist() == [0, 21, 6, 4]


def test_from_frame__with_counts_and_by_person_agree():
    histories = CaptureHistories.from_counts(THREE)
    table = histories.to_frame()
    again = CaptureHistories.from_frame(table, count="count")
    persons = table.loc[table.index.repeat(table["count"])].drop(columns="count")
    single = CaptureHistories.from_frame(persons.sample(frac=1, random_state=1))
    for other in (again, single):
        assert other.lists == histories.lists
        np.testing.assert_array_equal(other.dense(), histories.dense())


def test_from_individuals__repeats_within_a_list_count_once_and_are_noted():
    records = pd.DataFrame(
        {
            "person": [1, 1, 1, 2, 3, 3],
            "source": ["NGO", "NGO", "police", "NGO", "police", "hotline"],
        }
    )
    histories = CaptureHistories.from_individuals(
        records, person="person", list_name="source"
    )
    assert histories.lists == ("NGO", "hotline", "police")
    assert histories.n_observed == 3
    assert "1 records repeat" in histories.notes[0]


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({}, "No history"),
        ({"10": 3, "011": 2}, "one character per list"),
        ({"1x": 3}, "words of 0 and 1"),
        ({"00": 4, "10": 3, "01": 1}, "all zeros"),
        ({"10": 2.5, "01": 1}, "whole numbers"),
        ({"10": -2, "01": 1}, "whole numbers"),
        ({"10": float("nan"), "01": 1}, "whole numbers"),
        ({"1": 5}, "two lists"),
        ({"10": 0, "01": 0}, "nobody was observed"),
        ({"10": 5, "11": 0}, "Nobody is on B"),
    ],
)
def test_from_counts__refuses(counts, says):
    with pytest.raises(InputError, match=says):
        CaptureHistories.from_counts(counts)


def test_from_frame__refuses_a_history_that_stands_twice():
    frame = pd.DataFrame({"a": [1, 1, 0], "b": [0, 0, 1], "n": [3, 4, 5]})
    with pytest.raises(InputError, match="more than once: 10"):
        CaptureHistories.from_frame(frame, count="n")


def test_from_frame__names_every_list_that_is_not_zero_or_one():
    frame = pd.DataFrame({"a": [1, 2], "b": [0, None], "c": [1, 0]})
    with pytest.raises(InputError, match=r"a is 2 in row 1; b is nan in row 1"):
        CaptureHistories.from_frame(frame)


def test_counts_near_two_to_the_thirty_first_are_exact():
    big = 2**31 + 7
    histories = CaptureHistories.from_counts({"10": big, "01": big, "11": 3})
    assert histories.n_observed == 2 * big + 3
    assert histories.dense()[1] == big


def test_merge__is_membership_of_any_part():
    histories = CaptureHistories.from_counts(THREE)
    merged = histories.merge({"AB": ["A", "B"]})
    assert merged.lists == ("AB", "C")
    assert merged.n_observed == histories.n_observed
    assert merged.dense().tolist() == [0, 14, 9, 8]


def test_omit__persons_of_that_list_alone_are_no_longer_observed():
    histories = CaptureHistories.from_counts(THREE)
    left = histories.omit("C")
    assert left.n_observed == 31 - 9
    assert "9 persons were on none" in left.notes[0]


def test_lists_that_are_not_there_are_named():
    histories = CaptureHistories.from_counts(THREE)
    for change in (
        lambda: histories.omit("Z"),
        lambda: histories.restrict("A", "Z"),
        lambda: histories.merge({"x": ["A", "Z"]}),
    ):
        with pytest.raises(InputError, match="No list is called 'Z'"):
            change()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    counts=st.lists(st.integers(0, 50), min_size=7, max_size=7),
    order=st.permutations(["A", "B", "C"]),
)
def test_relabelling_lists_changes_no_count(counts, order):
    if sum(counts) == 0:
        return
    table = dict(zip(sorted(THREE), counts, strict=True))
    try:
        histories = CaptureHistories.from_counts(table)
    except InputError:
        return
    turned = histories.restrict(*order)
    assert turned.n_observed == histories.n_observed
    pd.testing.assert_frame_equal(
        turned.overlaps().loc[["A", "B", "C"], ["A", "B", "C"]], histories.overlaps()
    )


def test_plot__draws_every_history():
    axes = CaptureHistories.from_counts(THREE).plot()
    assert len(axes.patches) >= len(THREE)


def test_problems__are_all_named_at_once():
    frame = pd.DataFrame(
        {
            "a": [1, 2, 0, 1, 1],
            "b": [0, 1, 0, 1, 1],
            "n": [3, 1, 4, 2.5, -1],
            "sex": ["f", "m", "f", None, "f"],
        }
    )
    with pytest.raises(InputError) as raised:
        CaptureHistories.from_frame(frame, lists=["a", "b"], count="n", strata="sex")
    words = str(raised.value)
    assert words.startswith("4 problems: ")
    for part in (
        "a is 2 in row 1",
        "n: whole numbers >= 0 were expected, 2 are not: 2.5 (row 3), -1",
        "stratum sex is missing (rows 3",
        "all zeros was given as observed (rows 2",
    ):
        assert part in words


def test_too_many_lists_and_too_many_persons__are_refused():
    wide = pd.DataFrame(np.eye(21, dtype=int), columns=[f"l{k}" for k in range(21)])
    with pytest.raises(InputError, match="21 lists came; at most 20"):
        CaptureHistories.from_frame(wide)
    with pytest.raises(InputError, match="add to more than"):
        CaptureHistories.from_counts({"10": 2**53, "01": 2**53})
