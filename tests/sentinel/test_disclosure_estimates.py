from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from scipy.stats import binom

from estimators.errors import InputError
from sentinel.disclosure import (
    ReleasePolicy,
    protect_estimates,
    protect_tables,
    withhold_contrasts,
)
from sentinel.disclosure.statements import largest_share

POLICY = ReleasePolicy()
K = 11


def estimates(rows, *, by, estimand="proportion of d_traff"):
    frame = pd.DataFrame(rows, columns=[*by, "n_obs", "n_cases"])
    share = frame["n_cases"] / frame["n_obs"]
    error = np.sqrt(share * (1 - share) / frame["n_obs"])
    return frame.assign(
        method="survey_proportion",
        estimand=estimand,
        unit="proportion",
        estimate=share,
        std_error=error,
        ci_low=(share - 2 * error).clip(lower=0),
        ci_high=(share + 2 * error).clip(upper=1),
        ci_level=0.95,
        n_unknown=3,
        notes="2 of 4 cases are in one truck",
    )


@dataclass(frozen=True)
class Table:
    by: tuple[str, ...]
    frame: pd.DataFrame
    quantity: str = "event"
    answers: pd.DataFrame | None = None


def test_lao_round__four_of_128_gives_the_same_words_as_any_small_count():
    released = [
        protect_estimates(
            estimates([("2013", 128, cases)], by=["round_id"]), ["round_id"], POLICY
        )
        for cases in range(1, K)
    ]
    for other in released[1:]:
        pd.testing.assert_frame_equal(other, released[0])
    row = released[0].iloc[0]
    assert row["status"] == "withheld"
    assert row["statement"] == "fewer than 11 of 128; at most 13.9 %"
    assert row["upper_bound"] == pytest.approx(0.139)
    assert row["n_obs"] == 128
    assert row[["estimate", "std_error", "ci_low", "ci_high", "n_cases"]].isna().all()
    assert row["notes"] == ""


def test_largest_share__is_the_exact_limit():
    # Clopper-Pearson by its definition: P(X <= 10 | n, p) = 0.025 at the upper limit.
    assert binom.cdf(10, 128, largest_share(128, 11)) == pytest.approx(0.025, abs=1e-10)
    assert largest_share(128, 11, design_effect=2) > largest_share(128, 11)
    with pytest.raises(InputError):
        largest_share(128, 11, design_effect=0.5)


def test_nearly_all_cases__are_as_withheld_as_few():
    released = protect_estimates(
        estimates([("2009", 128, 124)], by=["round_id"]), ["round_id"], POLICY
    )
    row = released.iloc[0]
    assert row["statement"] == "all but fewer than 11 of 128; at least 86.1 %"
    assert row["lower_bound"] == pytest.approx(0.861)


def test_zero_and_plain_rows__are_shown_rounded():
    released = protect_estimates(
        estimates([("2009", 400, 92), ("2010", 77, 0)], by=["round_id"]),
        ["round_id"],
        POLICY,
    )
    assert released["status"].tolist() == ["shown", "shown"]
    assert released["estimate"].tolist() == [0.23, 0.0]
    assert released["std_error"].iloc[0] == 0.021
    assert released["n_unknown_shown"].tolist() == ["<11", "<11"]
    assert released["n_unknown"].isna().all()


def test_few_respondents__hides_their_number():
    released = protect_estimates(
        estimates(
            [("2009", "boat", 7, 3), ("2009", "farm", 393, 89)],
            by=["round_id", "sector"],
        ),
        ["round_id", "sector"],
        POLICY,
    )
    # 400 respondents are known: showing 393 would show 7.
    assert released["n_obs"].isna().all()
    assert released["estimate"].isna().all()


def test_one_small_sector__takes_a_second_one_with_it():
    rows = [
        ("2009", "sea", 40, 4),
        ("2009", "farm", 160, 30),
        ("2009", "site", 200, 60),
    ]
    released = protect_estimates(
        estimates(rows, by=["round_id", "sector"]), ["round_id", "sector"], POLICY
    ).set_index("sector")
    assert released.loc["sea", "reason"] == "few cases"
    assert (released["status"] == "withheld").sum() == 2
    assert released.loc["site", "status"] == "shown"
    assert released.loc["farm", "statement"] == "withheld to protect a small group"
    # 94 cases in all are known; 60 shown: sea + farm = 34, and all of 1..10 fits.
    hidden = released["n_cases"].isna()
    assert hidden.sum() == 2


def test_tight_table__marks_all_hidden_rows_alike():
    # 19 cases, 4 + 15. Told which one is small, a reader has 4 <= 19 - 11 = 8.
    rows = [("2009", "f", 100, 4), ("2009", "m", 300, 15)]
    released = protect_estimates(
        estimates(rows, by=["round_id", "sex"]), ["round_id", "sex"], POLICY
    )
    assert released["status"].tolist() == ["withheld", "withheld"]
    assert len(set(released["statement"])) == 1
    assert released["upper_bound"].isna().all()


def test_rounds__are_not_tied_unless_their_total_is_published():
    rounds = estimates([("2009", 400, 92), ("2013", 128, 4)], by=["round_id"])
    alone = protect_tables([Table(("round_id",), rounds)], POLICY)[0]
    assert alone["status"].tolist() == ["shown", "withheld"]
    total = estimates([(528, 96)], by=[])
    both = protect_tables([Table(("round_id",), rounds), Table((), total)], POLICY)
    # 96 - 92 = 4: the total or the other round has to go as well.
    hidden = [(frame["status"] == "withheld").sum() for frame in both]
    assert sum(hidden) >= 2


def test_pooled_tables__give_way_before_a_round_does():
    # The two sexes over all rounds sum to the cases of all rounds: less the shown
    # rounds that is the small one. The pooled table goes, not a headline.
    rounds = estimates([("2009", 400, 92), ("2013", 128, 4)], by=["round_id"])
    sexes = estimates([("f", 200, 40), ("m", 328, 56)], by=["sex"])
    released = protect_tables(
        [Table(("round_id",), rounds), Table(("sex",), sexes)], POLICY
    )
    assert released[0]["status"].tolist() == ["shown", "withheld"]
    assert released[0]["statement"].iloc[1] == "fewer than 11 of 128; at most 13.9 %"
    assert (released[1]["status"] == "withheld").sum() == 1


def possible_cases(tables, target, quantity="event"):
    """What a reader can work out about one row of linked tables, by hand.

    Unknowns are the cases of the finest cells (round, sex, sector); every shown row of
    every table gives one equation. Written apart from the package's own linking.
    """
    finest = target["cells"]
    equal, right = [], []
    for by, frame in tables:
        for _, row in frame.iterrows():
            if row["status"] == "shown":
                member = [
                    all(cell[name] == row[name] for name in by) for cell in finest
                ]
                equal.append(np.array(member, dtype=float))
                right.append(row["n_cases"])
    goal = np.array(
        [all(cell[k] == v for k, v in target["row"].items()) for cell in finest], float
    )
    bounds = [(0, cell["n"]) for cell in finest]
    found = []
    for sign in (1, -1):
        result = linprog(
            sign * goal,
            A_eq=np.array(equal) if equal else None,
            b_eq=right or None,
            bounds=bounds,
        )
        found.append(sign * result.fun)
    return found


@pytest.mark.parametrize("draw", range(8))
def test_linked_tables__no_small_row_can_be_worked_out_across_tables(draw):
    rng = np.random.default_rng(draw)
    cells = [
        {"round_id": r, "sex": s, "sector": c, "n": int(rng.integers(15, 90))}
        for r in ("2009", "2010")
        for s in ("f", "m")
        for c in ("sea", "farm", "site")
    ]
    full = pd.DataFrame(cells)
    full["n_cases"] = rng.binomial(full["n"], rng.choice([0.08, 0.3], len(full)))
    bys = [("round_id",), ("round_id", "sex"), ("round_id", "sector"), ("sector",), ()]
    tables = []
    for by in bys:
        if by:
            sums = full.groupby(list(by))[["n", "n_cases"]].sum().reset_index()
        else:
            sums = full[["n", "n_cases"]].sum().to_frame().T
        rows = [tuple(row) for row in sums.to_numpy(dtype=object)]
        tables.append(Table(by, estimates(rows, by=list(by))))
    released = protect_tables(tables, POLICY)
    pairs = list(zip(bys, released, strict=True))
    small = 0
    for (by, frame), table in zip(pairs, tables, strict=True):
        for at, row in table.frame.iterrows():
            if 0 < row["n_cases"] < K:
                small += 1
                assert frame.loc[at, "status"] == "withheld"
                target = {"cells": cells, "row": {name: row[name] for name in by}}
                low, high = possible_cases(pairs, target)
                assert high - low >= min(K, row["n_obs"]) - 2
    if draw == 0:
        assert small


def test_persons__are_withheld_wherever_events_are():
    events = estimates([("2009", 400, 92), ("2013", 128, 9)], by=["round_id"])
    persons = estimates([("2009", 380, 85), ("2013", 127, 12)], by=["round_id"])
    released = protect_tables(
        [Table(("round_id",), events), Table(("round_id",), persons, "person")], POLICY
    )
    assert released[0]["status"].tolist() == ["shown", "withheld"]
    assert released[1]["status"].tolist() == ["shown", "withheld"]


def test_settings__within_are_tables_of_their_own_with_common_marks():
    strict = estimates([("2009", 400, 60), ("2013", 128, 4)], by=["round_id"])
    broad = estimates([("2009", 400, 99), ("2013", 128, 20)], by=["round_id"])
    frame = pd.concat(
        [strict.assign(setting="strict"), broad.assign(setting="broad")],
        ignore_index=True,
    )
    released = protect_estimates(frame, ["round_id"], POLICY, within=["setting"])
    assert released.index.tolist() == frame.index.tolist()
    assert released["status"].tolist() == ["shown", "withheld"] * 2


def test_rest_of_a_total__is_a_cell_too():
    # 400 in all, 395 with a stated sector: 5 not stated, 2 of them cases.
    total = estimates([("2009", 400, 92)], by=["round_id"])
    sector = estimates(
        [("2009", "sea", 195, 40), ("2009", "farm", 200, 50)], by=["round_id", "sector"]
    )
    released = protect_tables(
        [Table(("round_id",), total), Table(("round_id", "sector"), sector)], POLICY
    )
    assert released[0]["status"].tolist() == ["shown"]
    assert (released[1]["status"] == "withheld").any()


def test_overlapping_groups__are_not_taken_for_a_partition():
    # Several answers per person: rows add up to more than the total.
    total = estimates([("2009", 400, 92)], by=["round_id"])
    items = estimates(
        [("2009", "beaten", 300, 80), ("2009", "locked", 250, 70)],
        by=["round_id", "item"],
    )
    released = protect_tables(
        [Table(("round_id",), total), Table(("round_id", "item"), items)], POLICY
    )
    assert (released[1]["status"] == "shown").all()


def test_other_estimands__without_cases_need_respondents_only():
    frame = estimates([("2009", 400, 0), ("2013", 8, 0)], by=["round_id"])
    frame = frame.assign(unit="USD", estimate=[1234.56, 99.0], n_cases=np.nan)
    released = protect_estimates(frame, ["round_id"], POLICY)
    assert released["status"].tolist() == ["shown", "withheld"]
    assert released["estimate"].iloc[0] == 1230
    assert released["statement"].iloc[1] == "fewer than 11 respondents"


def test_empty_table__comes_back_empty_with_the_columns():
    released = protect_estimates(estimates([], by=["round_id"]), ["round_id"], POLICY)
    assert released.empty
    assert {"status", "statement", "upper_bound", "reason"} <= set(released.columns)


def test_contrasts__with_withheld_rounds_go():
    trend = pd.DataFrame(
        {
            "contrast": ["2010 - 2009", "2013 - 2009", "slope per year"],
            "unit": "proportion",
            "estimate": [-0.02, -0.1987, -0.05],
            "p_value": [0.4, 0.001, 0.01],
        }
    )
    rounds = ["2009", "2010", "2013"]
    released = withhold_contrasts(trend, ["2013"], rounds)
    assert released["status"].tolist() == ["shown", "withheld", "withheld"]
    assert released["estimate"].isna().tolist() == [False, True, True]
    assert released["p_value"].isna().tolist() == [False, True, True]
    assert (withhold_contrasts(trend, [], rounds)["status"] == "shown").all()


def test_missing_columns__are_named():
    with pytest.raises(InputError, match="n_obs"):
        protect_estimates(pd.DataFrame({"a": [1]}), ["round_id"], POLICY)
