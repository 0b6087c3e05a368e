"""Sectors of each destination beside a table by sector, attacked together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from estimators.errors import InputError
from sentinel.disclosure import PlacesElsewhere, ReleasePolicy, protect_breakdown

POLICY = ReleasePolicy()
K = POLICY.minimum_cell


def reach(goal, rows, values, most):
    found = []
    for sign in (1, -1):
        answer = milp(
            sign * goal.astype(float),
            integrality=np.ones(goal.size),
            bounds=Bounds(0, most),
            constraints=LinearConstraint(np.array(rows, dtype=float), values, values),
        )
        found.append(round(float(goal @ answer.x)))
    return found


def drawn(entropy, n=700):
    rng = np.random.default_rng(entropy)
    people = pd.DataFrame(
        {
            "place": rng.choice(["TH-10", "TH-11", "TH-20"], n, p=[0.5, 0.3, 0.2]),
            "part": rng.choice(list("abcdef"), n, p=[0.4, 0.25, 0.2, 0.1, 0.03, 0.02]),
        }
    )
    counts = people.groupby(["place", "part"]).size().rename("n").reset_index()
    by_part = counts.groupby("part")["n"].sum()
    table = pd.DataFrame(
        {
            "round_id": "all",
            "place": by_part.index,
            "row": by_part.index,
            "n": by_part.to_numpy(),
        }
    )
    # The table hides its small parts, or its two smallest: one alone would be told.
    smallest = by_part.sort_values().index[: max(2, int((by_part < K).sum()))]
    shown = {part: part not in smallest for part in by_part.index}
    return counts, PlacesElsewhere(what="sector", counts=table, shown=shown)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(entropy=st.integers(0, 10_000))
def test_no_small_part_is_solved_for_with_the_table_by_part(entropy):
    counts, beside = drawn(entropy)
    released = protect_breakdown(
        counts, POLICY, printed=["TH-10", "TH-11"], elsewhere=[beside]
    )
    assert set(released["place"]) <= {"TH-10", "TH-11"}
    every = [np.ones(len(counts), dtype=bool)]
    values = [counts["n"].sum()]
    for place in ("TH-10", "TH-11"):
        every.append((counts["place"] == place).to_numpy())
        values.append(counts.loc[every[-1], "n"].sum())
    for part, shown in beside.shown.items():
        if shown:
            every.append((counts["part"] == part).to_numpy())
            values.append(counts.loc[every[-1], "n"].sum())
    for row in released[released["n"].notna()].itertuples():
        assert row.n >= K
        same = (counts["place"] == row.place) & (counts["part"] == row.part)
        every.append(same.to_numpy())
        values.append(row.n)
    for at in np.flatnonzero(counts["n"] < K):
        low, high = reach(np.eye(len(counts))[at], every, values, counts["n"].sum())
        assert (low <= 1 and high >= K - 1) or high - low >= K, counts.iloc[at]


def test_a_part_of_one_hidden_place_is_told_by_the_table_unless_it_is_tied():
    """Each place alone hides (sea, shop); the table then tells sea at the other."""
    counts = pd.DataFrame(
        {
            "place": ["TH-10"] * 3 + ["TH-11"] * 2,
            "part": ["farm", "sea", "shop", "farm", "sea"],
            "n": [60, 5, 20, 50, 40],
        }
    )
    by_part = counts.groupby("part")["n"].sum()
    table = pd.DataFrame(
        {"round_id": "all", "place": by_part.index, "row": by_part.index, "n": by_part}
    ).reset_index(drop=True)
    beside = PlacesElsewhere(
        what="sector", counts=table, shown=dict.fromkeys(by_part.index, True)
    )
    both = ["TH-10", "TH-11"]
    alone = protect_breakdown(counts, POLICY, printed=both)
    assert alone["n"].isna().tolist() == [False, True, True, False, False]
    together = protect_breakdown(counts, POLICY, printed=both, elsewhere=[beside])
    # shop is at one place only, so the table tells it: farm and sea go, at both places.
    assert together["n"].isna().tolist() == [True, True, False, True, True]


def test_a_table_that_counts_more_than_the_places_is_refused():
    counts, beside = drawn(1)
    with pytest.raises(InputError, match="more respondents of a part"):
        protect_breakdown(
            counts.assign(n=counts["n"] // 2), POLICY, printed=[], elsewhere=[beside]
        )
