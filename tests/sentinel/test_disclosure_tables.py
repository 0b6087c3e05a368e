from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from estimators.errors import InputError
from sentinel.disclosure import ReleasePolicy, audit, patterns, protect_counts

POLICY = ReleasePolicy()
K = POLICY.minimum_cell


def fitting_tables(frame):
    """Every whole-number table of two rows that a reader cannot rule out.

    Slow twin of the audit, written as a reader would do it by hand: try every first
    row that has its sum, subtract it from the column sums, keep it if the second row
    agrees with what is shown there. Margins are shown.
    """
    values = frame.to_numpy(dtype=object)
    inner, columns = values[:2, :-1], values[2, :-1].astype(int)
    options = [
        range(columns[at] + 1) if pd.isna(value) else (int(value),)
        for at, value in enumerate(inner[0])
    ]
    for first in itertools.product(*options):
        second = columns - np.array(first)
        agrees = all(
            pd.isna(shown) or shown == value
            for shown, value in zip(inner[1], second, strict=True)
        )
        if sum(first) == values[0, -1] and second.min() >= 0 and agrees:
            yield np.array([first, second])


def reached(frame, row, column):
    found = [int(table[row, column]) for table in fitting_tables(frame)]
    return min(found), max(found)


def test_single_small_cell__takes_a_rectangle_with_it():
    table = pd.DataFrame({"a": [4, 60], "b": [30, 45], "c": [40, 80]}, list("xy"))
    released = protect_counts(table, POLICY)
    assert released.n_primary == 1
    # One cell alone is told by its row: a 2 x 2 rectangle is the least that hides it.
    assert released.n_complementary == 3
    assert released.optimal
    assert not released.frame.loc["Total"].isna().any()
    low, high = reached(released.frame, 0, 0)
    assert low <= 1
    assert high >= K - 1


def test_nothing_small__nothing_hidden_and_margins_added():
    table = pd.DataFrame({"a": [0, 60], "b": [30, 45]})
    released = protect_counts(table, POLICY)
    assert released.n_primary == released.n_complementary == 0
    assert released.frame.loc["Total", "Total"] == 135
    assert released.frame.iloc[0, 0] == 0  # zeros are shown


def test_primary_alone__is_solved_by_its_margins():
    """The audit must find the attack that complementary suppression is there for."""
    table = pd.DataFrame({"a": [4, 60], "b": [30, 45]})
    naive = pd.DataFrame([[True, False, False], [False] * 3, [False] * 3])
    found = audit(table, naive)
    assert found[["low", "high"]].to_numpy().tolist() == [[4.0, 4.0]]


def test_audit__printed_bounds_of_a_two_by_two_table():
    # Frechet bounds: max(0, row + column - total) <= cell <= min(row, column).
    table = pd.DataFrame({"a": [4, 60], "b": [30, 45]})
    mask = pd.DataFrame([[True, True, False], [True, True, False], [False] * 3])
    found = audit(table, mask)
    assert found["low"].tolist() == [0, 0, 30, 41]
    assert found["high"].tolist() == [34, 34, 64, 75]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    counts=st.lists(st.integers(0, 20), min_size=6, max_size=6).filter(
        lambda items: sum(items) > 0
    )
)
def test_released_table__small_cells_are_ambiguous_to_a_reader_who_tries_all(counts):
    table = pd.DataFrame(np.array(counts).reshape(2, 3))
    released = protect_counts(table, POLICY)
    shown = released.frame.to_numpy(dtype=object)[~released.frame.isna().to_numpy()]
    assert all(value == 0 or value >= K for value in shown)
    inner = released.frame.iloc[:-1, :-1]
    if released.frame.iloc[-1].isna().any() or released.frame.iloc[:, -1].isna().any():
        return  # hidden margins: the twin would have to try without end
    for row, column in np.argwhere(inner.isna().to_numpy()):
        if table.iloc[row, column] < K and table.iloc[row, column] > 0:
            low, high = reached(released.frame, row, column)
            if released.reasons_safe:
                assert low <= 1
                assert high >= K - 1
            else:
                assert high - low >= K


def safe_by_hand(table, mask):
    """The informed reader, written anew: margins shown, cells of `mask` hidden."""
    values = table.to_numpy()
    n_rows, n_columns = values.shape
    equal = [np.kron(np.eye(n_rows)[row], np.ones(n_columns)) for row in range(n_rows)]
    equal += [
        np.kron(np.ones(n_rows), np.eye(n_columns)[at]) for at in range(n_columns)
    ]
    right = [*values.sum(axis=1), *values.sum(axis=0)]
    flat = values.ravel()
    bounds = []
    for value, hidden in zip(flat, mask, strict=True):
        if not hidden:
            bounds.append((value, value))
        else:
            bounds.append((1, K - 1) if value < K else (K, None))
    for cell in np.flatnonzero((flat > 0) & (flat < K)):
        for sign, wanted in ((1, 1), (-1, K - 1)):
            goal = np.zeros(flat.size)
            goal[cell] = sign
            found = linprog(goal, A_eq=np.array(equal), b_eq=right, bounds=bounds)
            if sign * (found.x[cell] - wanted) > 1e-6:
                return False
    return True


@pytest.mark.parametrize("draw", range(4))
def test_optimal__hides_no_more_than_the_best_of_all_masks(draw):
    rng = np.random.default_rng(draw)
    table = pd.DataFrame(rng.integers(12, 60, (3, 3)))
    table.iloc[rng.integers(3), rng.integers(3)] = rng.integers(1, K)
    table.iloc[rng.integers(3), rng.integers(3)] = rng.integers(1, K)
    released = protect_counts(table, POLICY)
    assert released.optimal
    primary = ((table > 0) & (table < K)).to_numpy().ravel()
    sizes = [
        sum(mask)
        for mask in itertools.product([False, True], repeat=9)
        if not (primary & ~np.array(mask)).any() and safe_by_hand(table, mask)
    ]
    assert released.n_primary + released.n_complementary == min(sizes)


def test_greedy__is_as_safe_and_says_that_it_may_hide_more(monkeypatch):
    monkeypatch.setattr(patterns, "MOST_CHOICES", 0)
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.negative_binomial(1, 0.03, (9, 8)))
    released = protect_counts(table, POLICY)
    assert not released.optimal
    limits = audit(table, released.frame.isna()).set_index(["row", "column"])
    small = [
        released.reasons.loc[row, column] == "primary" for row, column in limits.index
    ]
    assert sum(small) == released.n_primary
    assert (limits["high"] - limits["low"])[small].min() >= K


def test_same_table_same_answer():
    table = pd.DataFrame(np.random.default_rng(1).integers(0, 40, (4, 3)))
    first, second = (protect_counts(table, POLICY).frame for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_all_small__hides_margins_too_rather_than_telling():
    table = pd.DataFrame({"a": [1, 0], "b": [0, 2]})
    released = protect_counts(table, POLICY)
    shown = released.frame.to_numpy(dtype=object)[~released.frame.isna().to_numpy()]
    assert all(value == 0 for value in shown)


def test_round_to__rounds_down_what_is_shown():
    table = pd.DataFrame({"a": [47, 60], "b": [38, 45]})
    policy = ReleasePolicy(round_to=11)
    assert protect_counts(table, policy).frame.iloc[0, 0] == 44


def test_given_margins__are_checked():
    table = pd.DataFrame(
        {"a": [20, 30, 50], "Total": [20, 30, 50]}, ["x", "y", "Total"]
    )
    assert protect_counts(table, POLICY).frame.shape == (3, 2)
    table.loc["Total", "a"] = 51
    with pytest.raises(InputError, match="not the sums"):
        protect_counts(table, POLICY)
    with pytest.raises(InputError, match="neither"):
        protect_counts(table.drop(columns="Total"), POLICY)


@pytest.mark.parametrize("bad", [-1, 2.5, np.nan, np.inf, "many"])
def test_not_counts__are_refused(bad):
    with pytest.raises(InputError):
        protect_counts(pd.DataFrame({"a": [bad, 3]}), POLICY)


def test_policy__rules_are_not_weakened():
    with pytest.raises(InputError, match="never released"):
        ReleasePolicy(minimum_cell=4)
    with pytest.raises(InputError, match="district"):
        ReleasePolicy(place_level="district")
    with pytest.raises(InputError, match="day"):
        ReleasePolicy(time_unit="day")
    with pytest.raises(InputError):
        ReleasePolicy(round_to=0)
