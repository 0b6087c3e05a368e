"""An attacker who solves protected tables over whole numbers, table after table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from estimators.errors import InputError
from sentinel.disclosure import (
    ReleasePolicy,
    protect_counts,
    protect_marginals,
    round_counts_down,
)

POLICY = ReleasePolicy()
K = POLICY.minimum_cell
MOST = 5_000


def reach(goal, rows, low, high, upper=MOST):
    """Return the least and the most of a sum of unknown whole numbers."""
    found = []
    for sign in (1, -1):
        answer = milp(
            sign * goal,
            integrality=np.ones(goal.size),
            bounds=Bounds(0, upper),
            constraints=LinearConstraint(np.array(rows), low, high),
        )
        assert answer.status == 0, answer.message
        found.append(round(float(goal @ answer.x)))
    return found


def safe(low, high):
    return (low <= 1 and high >= K - 1) or high - low >= K


def attack_table(released):
    """Bound every hidden cell of a printed table, its reasons used where printed."""
    shown = released.frame.to_numpy(dtype=object)
    reasons = released.reasons.to_numpy()
    n_rows, n_columns = shown.shape[0] - 1, shown.shape[1] - 1
    cells = np.arange(n_rows * n_columns).reshape(n_rows, n_columns)
    rows, low, high, hidden = [], [], [], []
    for row, column in np.ndindex(shown.shape):
        goal = np.zeros(cells.size)
        goal[cells[slice(None) if row == n_rows else row,
                   slice(None) if column == n_columns else column]] = 1  # fmt: skip
        value = shown[row, column]
        if not pd.isna(value):
            rows.append(goal)
            low.append(value)
            high.append(value)
            continue
        hidden.append((row, column, goal))
        if released.reasons_safe and reasons[row, column] == "primary":
            rows.append(goal)
            low.append(1)
            high.append(K - 1)
    if not rows:
        rows, low, high = [np.zeros(cells.size)], [0], [0]
    for row, column, goal in hidden:
        yield row, column, *reach(goal, rows, low, high)


TABLES = st.tuples(
    st.integers(2, 4), st.integers(2, 5), st.integers(0, 10_000), st.floats(0.02, 0.2)
)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(TABLES)
def test_no_small_cell_of_a_table_is_solved_over_whole_numbers(drawn):
    n_rows, n_columns, entropy, spread = drawn
    rng = np.random.default_rng(entropy)
    table = pd.DataFrame(rng.negative_binomial(1, spread, (n_rows, n_columns)))
    released = protect_counts(table, POLICY)
    truth = released.frame.to_numpy(dtype=object)
    shown = truth[~released.frame.isna().to_numpy()]
    assert all(value == 0 or value >= K for value in shown)
    full = np.block(
        [[table.to_numpy(), table.sum(axis=1).to_numpy()[:, None]],
         [table.sum().to_numpy()[None, :], np.array([[table.to_numpy().sum()]])]]
    )  # fmt: skip
    for row, column, low, high in attack_table(released):
        value = full[row, column]
        assert low <= value <= high
        if 0 < value < K:
            assert safe(low, high), (row, column, low, high)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(entropy=st.integers(0, 10_000), n=st.integers(60, 400))
def test_no_small_group_of_linked_tables_is_solved_over_whole_numbers(entropy, n):
    rng = np.random.default_rng(entropy)
    sector = rng.choice(["sea", "farm", "other"], n, p=[0.1, 0.4, 0.5])
    exploited = rng.random(n) < np.where(sector == "sea", 0.5, 0.2)
    case = exploited & (rng.random(n) < 0.8)
    frame = pd.DataFrame(
        {
            "sector": sector,
            "exploited": np.where(exploited, "yes", "no"),
            "case": np.where(case, "yes", "no"),
        }
    )
    tables = [["sector"], ["exploited"], ["case"], ["sector", "case"]]
    found = protect_marginals(frame, tables, POLICY)
    joint = frame.value_counts().rename("count").reset_index()
    rows, values = [np.ones(len(joint))], [n]
    for table in found.tables:
        names = [name for name in table if name != "count"]
        for record in table.to_dict("records"):
            goal = (joint[names] == pd.Series(record)[names]).all(axis=1)
            if not pd.isna(record["count"]):
                rows.append(goal.to_numpy(dtype=float))
                values.append(int(record["count"]))
    if len(rows) == 1 or n < 2 * K:
        return  # all is hidden: nothing but the number of persons is told
    for at in np.flatnonzero(joint["count"] < K):
        low, high = reach(np.eye(len(joint))[at], rows, values, values, upper=n)
        assert low <= joint["count"][at] <= high
        assert safe(low, high), (joint.iloc[at].to_dict(), low, high)


def test_attack_wins_where_only_the_small_cell_is_hidden():
    table = pd.DataFrame({"a": [4, 60], "b": [30, 45]})
    released = protect_counts(table, POLICY)
    naive = released.frame.astype("object")
    for row, column in np.ndindex(2, 2):
        if (row, column) != (0, 0):
            naive.iloc[row, column] = table.iloc[row, column]
    attacked = type(released)(
        frame=naive, reasons=released.reasons, reasons_safe=False, n_primary=1,
        n_complementary=0, optimal=True, narrowest=0.0,
    )  # fmt: skip
    assert [found[2:] for found in attack_table(attacked)] == [(4, 4)]


@pytest.mark.parametrize("shape", [(3, 4), (12, 10), (30, 20)])
def test_narrowest__is_wide_enough_and_the_way_is_said(shape):
    rng = np.random.default_rng(2)
    released = protect_counts(
        pd.DataFrame(rng.negative_binomial(1, 0.02, shape)), POLICY
    )
    assert released.narrowest >= K - 2
    assert released.method == (
        "optimal (binary programme)" if released.optimal else "greedy, then audited"
    )
    if shape == (30, 20):
        assert not released.optimal  # more candidates than are tried to the optimum


@settings(max_examples=30, deadline=None, derandomize=True)
@given(TABLES, st.sampled_from([None, 11, 15, 20]))
def test_rounding__is_consistent_and_tells_a_cell_only_within_the_base(drawn, base):
    n_rows, n_columns, entropy, spread = drawn
    rng = np.random.default_rng(entropy)
    table = pd.DataFrame(rng.negative_binomial(1, spread, (n_rows, n_columns)))
    released = round_counts_down(table, ReleasePolicy(round_to=base))
    shown = released.frame.to_numpy(dtype=np.int64)
    assert (shown % released.base == 0).all()
    np.testing.assert_array_equal(shown[:-1].sum(axis=0), shown[-1])
    np.testing.assert_array_equal(shown[:, :-1].sum(axis=1), shown[:, -1])
    gap = table.to_numpy() - shown[:-1, :-1]
    assert gap.min() >= 0
    assert gap.max() < released.base
    # Whatever the counts behind a multiple, the released table is the same.
    other = pd.DataFrame(shown[:-1, :-1] + rng.integers(0, released.base, table.shape))
    again = round_counts_down(other, ReleasePolicy(round_to=base))
    pd.testing.assert_frame_equal(again.frame, released.frame)


def test_rounding__a_base_below_the_minimum_is_refused():
    with pytest.raises(InputError, match="below the minimum"):
        round_counts_down(pd.DataFrame({"a": [4]}), ReleasePolicy(round_to=5))


@pytest.mark.parametrize("solved", [1, 3])
def test_protect_counts__stopped_early_is_as_safe_and_says_so(monkeypatch, solved):
    monkeypatch.setattr("sentinel.disclosure.patterns.MOST_SOLVED", solved)
    table = pd.DataFrame(np.random.default_rng(0).poisson(12, (5, 5)))
    released = protect_counts(table, POLICY)
    assert released.method == "greedy, then audited"
    full = np.pad(table.to_numpy(), (0, 1))
    full[-1], full[:, -1] = full.sum(axis=0), full.sum(axis=1)
    for row, column, low, high in attack_table(released):
        if 0 < full[row, column] < K:
            assert safe(low, high), (row, column, low, high)
    monkeypatch.undo()
    best = protect_counts(table, POLICY)
    assert best.optimal
    assert best.n_complementary <= released.n_complementary


@pytest.mark.parametrize("entropy", range(3))
def test_protect_counts__the_same_table_is_protected_in_the_same_way(entropy):
    table = pd.DataFrame(np.random.default_rng(entropy).poisson(14, (6, 6)))
    first = protect_counts(table, POLICY)
    pd.testing.assert_frame_equal(first.frame, protect_counts(table, POLICY).frame)
