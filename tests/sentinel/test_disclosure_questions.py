"""Tables of several questions over the same persons, protected together."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from estimators.errors import InputError
from sentinel.disclosure import (
    ReleasePolicy,
    protect_alike,
    protect_estimates,
    protect_tables,
)

POLICY = ReleasePolicy()
K = POLICY.minimum_cell


@dataclass(frozen=True)
class Table:
    by: tuple[str, ...]
    frame: pd.DataFrame
    answers: pd.DataFrame | None
    quantity: str = "event"


def table_of(people, question, by=("round_id",), quantity="event"):
    """Count one question as an estimate table; the shares are unweighted."""
    answers = people[list(by)].assign(answer=people[question])
    known = answers.dropna()
    counted = known.groupby(list(by))["answer"].agg(["size", "sum"]).reset_index()
    share = counted["sum"] / counted["size"]
    frame = counted[list(by)].assign(
        estimand=f"proportion of {question}",
        unit="proportion",
        estimate=share,
        std_error=0.01,
        ci_low=share,
        ci_high=share,
        n_obs=counted["size"],
        n_cases=counted["sum"].astype(int),
        n_unknown=0,
    )
    return Table(by, frame, answers, quantity)


def people_of(*groups, round_id="2009"):
    """Return persons: (number, answers by question) ..."""
    rows = [answers for number, answers in groups for _ in range(number)]
    return pd.DataFrame(rows).assign(round_id=round_id)


NESTED = people_of(
    (200, {"strict": 0, "base": 0}),
    (8, {"strict": 0, "base": 1}),
    (60, {"strict": 1, "base": 1}),
)


def test_settings__eight_persons_between_them_hide_the_minor_one():
    base, strict = table_of(NESTED, "base"), table_of(NESTED, "strict")
    released = protect_tables([base], POLICY, minor=[strict])
    assert [frame["status"].item() for frame in released] == ["shown", "withheld"]
    # With more than the minimum between them both are shown.
    wide = pd.concat([NESTED, NESTED.query("base == 1 and strict == 0")])
    released = protect_tables(
        [table_of(wide, "base")], POLICY, minor=[table_of(wide, "strict")]
    )
    assert [frame["status"].item() for frame in released] == ["shown", "shown"]


def test_settings__the_same_cases_tell_nothing_of_each_other():
    same = NESTED.assign(strict=NESTED["base"])
    released = protect_tables(
        [table_of(same, "base"), table_of(same, "strict")], POLICY
    )
    assert [frame["status"].item() for frame in released] == ["shown", "shown"]


def test_tables_without_answers__are_tied_to_their_own_question_only():
    tables = [table_of(NESTED, "base"), table_of(NESTED, "strict")]
    bare = [Table(table.by, table.frame, None) for table in tables]
    released = protect_tables(bare, POLICY)
    assert [frame["status"].item() for frame in released] == ["shown", "shown"]


def test_rows_whose_counts_are_not_those_of_the_persons__are_withheld():
    base, strict = table_of(NESTED, "base"), table_of(NESTED, "strict")
    wrong = Table(strict.by, strict.frame, strict.answers.iloc[:-1])
    released = protect_tables([base, wrong], POLICY)
    assert released[1]["status"].item() == "withheld"


def test_a_group_in_which_everybody_is_a_case__is_withheld_as_all_but_a_few_is():
    rows = pd.DataFrame(
        {
            "round_id": ["a"],
            "unit": "proportion",
            "estimate": 1.0,
            "n_obs": 40,
            "n_cases": 40,
        }
    )
    everybody = protect_estimates(rows, ["round_id"], POLICY)
    all_but_four = protect_estimates(rows.assign(n_cases=36), ["round_id"], POLICY)
    pd.testing.assert_frame_equal(everybody, all_but_four)
    assert everybody["statement"].item().startswith("all but fewer than 11 of 40")
    nobody = protect_estimates(rows.assign(n_cases=0), ["round_id"], POLICY)
    assert nobody["status"].item() == "shown"


def test_reason__is_said_only_where_events_and_persons_may_say_the_same():
    many = people_of((60, {"case": 0}), (12, {"case": 1}))
    few = people_of((60, {"case": 0}), (9, {"case": 1}))
    released = protect_tables(
        [table_of(many, "case"), table_of(few, "case", quantity="person")], POLICY
    )
    assert [frame["reason"].item() for frame in released] == ["withheld", "withheld"]


def test_unknown_as_yes__says_no_more_than_withheld():
    few = people_of((118, {"case": 0}), (4, {"case": 1}), (3, {"case": np.nan}))
    observed = table_of(few, "case")
    (like,) = protect_tables([observed], POLICY)
    assert like["reason"].item() == "few cases"
    lower = table_of(few.fillna({"case": 0}), "case").frame
    upper = table_of(few.fillna({"case": 1}), "case").frame
    by = ["round_id"]
    kept = protect_alike(lower, like, by, POLICY, same="cases")
    assert kept["statement"].item() == "fewer than 11 of 125; at most 14.3 %"
    # "fewer than 11 of 125" would say that the cases are fewer than 8.
    silent = protect_alike(upper, like, by, POLICY, same="non-cases")
    assert silent["reason"].item() == "withheld"
    with pytest.raises(InputError, match="not in the table"):
        protect_alike(lower.assign(round_id="x"), like, by, POLICY, same="cases")


QUESTIONS = ("strict", "base", "broad", "other")


def random_people(entropy, n):
    """Return two rounds of persons: three nested questions and one of its own."""
    rng = np.random.default_rng(entropy)
    level = rng.choice(4, n, p=rng.dirichlet([8, 1, 0.6, 2]))
    frame = pd.DataFrame(
        {
            "round_id": rng.choice(["a", "b"], n),
            "sex": rng.choice(["1", "2"], n),
            "strict": (level >= 3).astype(float),
            "base": (level >= 2).astype(float),
            "broad": (level >= 1).astype(float),
            "other": (rng.random(n) < 0.1 + 0.5 * (level >= 2)).astype(float),
        }
    )
    for name in QUESTIONS:
        frame.loc[rng.random(n) < 0.04, name] = np.nan
    return frame


def attacked(released, tables, here, round_id, cells):
    """Return what is printed of a round: rows over cells, least and most."""
    found = [(np.ones(len(cells)), len(here), len(here))]
    for table, frame in zip(tables, released, strict=True):
        question = str(table.frame["estimand"].iloc[0]).split()[-1]
        for row in frame[frame["round_id"] == round_id].to_dict("records"):
            sex = row.get("sex")
            member, theirs = (
                (part["sex"] == sex).to_numpy() | (sex is None)
                for part in (cells, here)
            )
            yes = member & (cells[question] == 1).to_numpy()
            no = member & (cells[question] == 0).to_numpy()
            if not pd.isna(row["n_obs"]):
                found.append((yes | no, row["n_obs"], row["n_obs"]))
            if row["status"] == "shown":
                count = int((theirs & (here[question] == 1)).sum())
                found.append((yes, count, count))
            if row["reason"] == "few cases":
                found.append((yes, 1, K - 1))
            if row["reason"] == "few non-cases":
                found.append((no, 0, K - 1))
            if row["reason"] == "few respondents":
                found.append((yes | no, 1, K - 1))
    return found


def solved(found, target, most):
    """Return the least and the most of a sum of whole numbers."""
    rows, low, high = zip(*found, strict=True)
    limits = LinearConstraint(np.array(rows, dtype=float), low, high)
    return [
        round(sign * milp(
            sign * target.astype(float),
            integrality=np.ones(target.size),
            bounds=Bounds(0, most),
            constraints=limits,
        ).fun)
        for sign in (1, -1)
    ]  # fmt: skip


@settings(max_examples=6, deadline=None, derandomize=True)
@given(entropy=st.integers(0, 10_000), n=st.integers(150, 700))
def test_no_few_persons_are_solved_for_over_whole_numbers(entropy, n):
    people = random_people(entropy, n)
    tables = [
        table_of(people, "base"),
        table_of(people, "base", ("round_id", "sex")),
        table_of(people, "other"),
    ]
    minor = [table_of(people, "strict"), table_of(people, "broad")]
    released = protect_tables(tables, POLICY, minor=minor)
    cells = pd.DataFrame(
        list(itertools.product("12", *[[0, 1, 2]] * len(QUESTIONS))),
        columns=["sex", *QUESTIONS],
    )
    # What a reader knows: who meets the stricter does not fail the broader.
    for narrow, wide in (("strict", "base"), ("base", "broad"), ("strict", "broad")):
        cells = cells[~((cells[narrow] == 1) & (cells[wide] == 0))]
    answers = people.fillna(2)
    here = answers[answers["round_id"] == "a"]
    found = attacked(released, [*tables, *minor], here, "a", cells)
    for one, other in itertools.permutations(QUESTIONS, 2):
        target = ((cells[one] == 1) & (cells[other] != 1)).to_numpy()
        truth = int(((here[one] == 1) & (here[other] != 1)).sum())
        possible = ((cells[one] == 1) & (cells[other] == 0)).any()
        if possible and 0 < truth < K:
            least, most = solved(found, target, n)
            assert least <= truth <= most
            safe = (least <= 1 and most >= K - 1) or most - least >= K - 2
            assert safe, (one, other, least, most)
