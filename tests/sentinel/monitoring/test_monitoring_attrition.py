"""Case attrition, scores and descriptive studies: read, protected, handed on."""

from __future__ import annotations

import pandas as pd
import pytest

from estimators import transitions
from sentinel import datasets
from sentinel.monitoring import (
    count_stages,
    describe_items,
    monitor,
    period_rates,
    read_cases,
    read_items,
    read_periods,
    read_scores,
)
from sentinel.schema.problems import IngestError
from sentinel.study import load_study

STAGES = ["identified", "investigated", "filed"]


@pytest.fixture(scope="module")
def result():
    return monitor(load_study(datasets.path("mekong_demo")))


def _part(result, name):
    return next(part for part in result.parts if part.name == name)


def _write(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_read_cases__a_stage_without_the_one_before_is_named(tmp_path):
    path = _write(
        tmp_path,
        "identified,investigated,filed,closed\n2012-01-05,,2012-03-01,\n"
        "2012-01-06,no,,yes\n2012-01-07,2012-02-01,,\n",
    )
    with pytest.raises(IngestError, match=r"table\.csv:2:filed.*before 'filed'"):
        read_cases(path, stages=STAGES, closed="closed")
    cases = read_cases(path, stages=STAGES[:2], closed="closed")
    assert cases["stage"].tolist() == [1, 1, 2]
    assert cases["closed"].tolist() == [False, True, False]


def test_count_stages__open_cases_are_no_ended_ones():
    cases = pd.DataFrame(
        {
            "stage": [1] * 30 + [2] * 40,
            "group": "",
            "closed": [True] * 12 + [False] * 58,
        }
    )
    found = count_stages(cases, STAGES).iloc[0]
    assert found[["entered", "went_on", "still_open", "ended"]].tolist() == [
        70, 40, 18, 12,
    ]  # fmt: skip


def test_count_stages__a_small_stage_takes_the_later_ones_along():
    cases = pd.DataFrame(
        {"stage": [1] * 30 + [2] * 20 + [3] * 5, "group": "", "closed": True}
    )
    found = count_stages(cases, STAGES, minimum_cell=11)
    # 5 went on from the second stage: it would follow from its other counts.
    assert found["entered"].isna().tolist() == [False, True, True]


def test_count_stages__a_small_split_hides_both_of_its_sides_only():
    cases = pd.DataFrame(
        {"stage": [1] * 30 + [2] * 40, "group": "", "closed": [False] * 4 + [True] * 66}
    )
    row = count_stages(cases, STAGES[:2], minimum_cell=11).iloc[0]
    assert row[["entered", "went_on"]].tolist() == [70, 40]
    assert row[["still_open", "ended"]].isna().all()


def test_period_rates__a_longer_first_period_is_no_decline(tmp_path):
    # The shape of the printed figure: a first period longer than the others. Counts
    # are ours, the printed ones were not retrieved.
    path = _write(
        tmp_path, "period,months,arrests\nto Sep 2011,12,24\nOct 2011 - Mar 2012,6,18\n"
    )
    table = read_periods(path, stages=["arrests"])
    found = period_rates(table, ["arrests"])
    assert found["cases"].is_monotonic_decreasing
    assert found["per_month"].tolist() == [2.0, 3.0]
    own = transitions.stage_rates(table, stages=["arrests"], length="months")
    assert [row.estimate for row in own] == found["per_month"].tolist()
    hidden = period_rates(table, ["arrests"], minimum_cell=20)
    assert hidden["per_month"].isna().tolist() == [False, True]
    with pytest.raises(IngestError, match="months above 0"):
        read_periods(
            _write(tmp_path, "period,months,arrests\nA,0,3\n"), stages=["arrests"]
        )


def test_passages__are_the_estimator_on_the_file_and_withheld_with_their_counts(
    result,
):
    cases = pd.read_csv(
        datasets.path("mekong_demo") / "monitoring" / "cases.csv",
        keep_default_na=False,
    )
    stages = ["identified", "investigated", "rescued", "arrested", "filed"]
    for name in (*stages, "closed"):
        cases[name] = pd.to_datetime(cases[name].replace("", None))
    cases["watched"] = pd.Timestamp("2013-03-31")
    here = cases[cases["legal_aid"] == "yes"]
    own = transitions.attrition_funnel(
        here, stages=stages, follow_up="watched", closed="closed"
    )
    shown = _part(result, "attrition_passages").frame
    shown = shown[shown["label"].str.startswith("legal aid: yes")]
    for _, row in shown.iterrows():
        wanted = own.get(**{"from": row["from"], "to": row["to"]})
        assert row["estimate"] == pytest.approx(wanted.estimate, abs=0.0005)
    counts = _part(result, "attrition").frame
    for part in ("attrition_passages", "attrition_comparison"):
        for _, row in _part(result, part).frame.iterrows():
            behind = counts[counts["stage"] == row["from"]]
            if part == "attrition_passages":
                behind = behind[behind["group"] == row["label"].rsplit(": ", 1)[0]]
            assert behind.notna().all(axis=None), row["label"]


def test_comparison__with_time_held_the_simulated_difference_shrinks(result):
    frame = _part(result, "attrition_comparison").frame
    crude = frame[~frame["label"].str.startswith("within")].set_index("from")
    within = frame[frame["label"].str.startswith("within")].set_index("from")
    assert set(crude.index) == set(within.index)
    assert (within["n_obs"] > 0).all()
    notes = " ".join(_part(result, "attrition_comparison").notes)
    assert "the difference is no effect" in notes


def test_scores__those_who_left_are_missing_and_bound_the_change(result, tmp_path):
    row = _part(result, "training").frame.iloc[0]
    assert row["n_before"] == row["n_both"] + row["n_lost"]
    assert row["bound_low"] < row["ci_low"] < row["change"] < row["bound_high"]
    # As simulated, the weaker leave: the pairs began higher than all who came.
    assert row["before_lost"] < row["before"]
    path = _write(tmp_path, "a,b\n5,7\n6,N/A\n7,\nx,9\n")
    with pytest.raises(IngestError, match=r"table\.csv:5:a"):
        read_scores(path, before="a", after="b")
    path = _write(tmp_path, "a,b\n5,7\n6,N/A\n7,\n")
    assert read_scores(path, before="a", after="b")["after"].isna().sum() == 2


def test_descriptive__offers_no_interval_and_no_percentage_of_few(tmp_path):
    # UNIAP recruitment-agency study: 68 of 77 had deductions, 6 of 77 an inspection.
    answers = pd.DataFrame({"deducted": [1] * 68 + [0] * 9, "seen": [1] * 6 + [0] * 71})
    found = describe_items(answers).set_index("item")
    assert found.loc["deducted", "percent"] == 88.3
    assert found.loc["seen", "percent"] == 7.8  # 7.7 is printed
    assert not {"ci_low", "std_error", "p_value"} & set(found.columns)
    hidden = describe_items(answers, minimum_cell=11)
    assert hidden["withheld"].tolist() == [True, True]
    assert hidden["percent"].isna().all()
    few = describe_items(answers.head(20)).set_index("item")
    assert few["percent"].isna().all()
    path = _write(tmp_path, "deducted\nyes\n0\nperhaps\n")
    with pytest.raises(IngestError, match="1 cells hold something else"):
        read_items(path, ["deducted"])


def test_models__find_what_was_simulated(result):
    drawn = _part(result, "calls_covariates").frame.set_index("label")
    # In the simulator promotion multiplies calls by 2.2, registration by 1.5.
    for name, truth in (("promotion", 2.2), ("registration", 1.5)):
        assert drawn.loc[name, "ci_low"] < truth < drawn.loc[name, "ci_high"]
    level = _part(result, "returns_intervention").frame.iloc[0]
    assert level["ci_low"] < 0.7 < level["ci_high"]
