"""The consent gate and the flow of rows."""

from __future__ import annotations

import pandas as pd
import pytest

from sentinel.ingest import FLOW_STEPS, check_study, ingest_study
from sentinel.schema.problems import IngestError
from sentinel.schema.states import CellState
from sentinel.study import load_study


def flow_of(interviews):
    row = interviews.flow.iloc[0]
    return {step: int(row[step]) for step in FLOW_STEPS}


def test_flow__adds_up_and_outcomes_are_kept(study, table):
    interviews = ingest_study(load_study(study.write(table)))
    assert flow_of(interviews) == {
        "rows_read": 6, "duplicates_removed": 0, "excluded_by_rule": 0, "withdrawn": 0,
        "selected": 6,
        "ineligible": 0, "unavailable": 1, "refused": 1, "no_consent": 0,
        "consented": 4, "partial": 2, "analysed": 4,
    }  # fmt: skip
    assert interviews.dispositions["outcome"].tolist() == [
        "complete", "complete", "refused", "partial", "unavailable",
        "stopped_for_distress",
    ]  # fmt: skip
    assert list(interviews.dispositions) == [
        "round_id", "site_code", "cluster", "outcome",
    ]  # fmt: skip
    assert interviews.dispositions["cluster"][0] == "2020|XB-POIPET|2020-03-02|1"
    assert interviews.frame["rec_id"].tolist() == ["a1", "a2", "a4", "a6"]
    assert list(interviews.frame.index) == [0, 1, 2, 3]
    assert interviews.states.shape == interviews.frame.shape


def test_states__refused_unknown_missing_and_not_asked_stay_apart(study, table):
    interviews = ingest_study(load_study(study.write(table)))
    named = {
        name: [CellState(state).name for state in interviews.states[name]]
        for name in ("sex", "age", "debt", "debt_usd", "pay")
    }
    assert named == {
        "sex": ["VALUE", "VALUE", "REFUSED", "DONT_KNOW"],
        "age": ["VALUE", "VALUE", "DONT_KNOW", "VALUE"],
        "debt": ["VALUE", "VALUE", "DONT_KNOW", "MISSING"],
        # Asked only if debt=1: with debt lost nobody knows whether it was asked.
        "debt_usd": ["VALUE", "NOT_ASKED", "NOT_ASKED", "MISSING"],
        "pay": ["NOT_ASKED"] * 4,
    }
    assert interviews.state_counts("sex")["REFUSED"] == 1


def test_frame__has_the_promised_types(study, table):
    frame = ingest_study(load_study(study.write(table))).frame
    assert str(frame["age"].dtype) == "Float64"
    assert str(frame["sex"].dtype) == "str"
    assert pd.api.types.is_datetime64_any_dtype(frame["int_date"])
    months = frame["leave_date"].dt.strftime("%Y-%m-%d").fillna("none")
    assert months.tolist() == ["2019-06-01", "2019-07-01", "none", "2018-12-01"]
    assert frame["travel"].tolist()[:2] == ["friend;spouse", "none"]
    assert frame["travel"].iloc[3] == "other;spouse"
    assert frame["age_grp"].tolist()[:2] == ["24-26", "9-17"]
    assert frame["age_grp"].iloc[3] == "48+"


@pytest.mark.parametrize(
    ("column", "value", "outcome"),
    [
        ("consent_given", "", "no_consent"),
        ("consent_given", "0", "no_consent"),
        ("private", "0", "no_consent"),
        ("private", "9", "no_consent"),
        ("private", "", "no_consent"),
    ],
)
def test_gate__lets_nothing_through_without_consent_in_private(
    study, table, column, value, outcome
):
    table.loc[0, column] = value
    table.loc[0, "sex"] = "secret"
    table.loc[0, "age"] = "300"
    path = study.write(table)
    interviews = ingest_study(load_study(path))
    assert interviews.dispositions["outcome"][0] == outcome
    assert "a1" not in set(interviews.frame["rec_id"])
    assert flow_of(interviews)["no_consent"] == 1
    # The content behind the gate is not even looked at, so it raises no finding.
    lines = [str(item) for item in check_study(path)]
    assert len(lines) == 1
    assert "one.csv:2" in lines[0]
    assert "secret" not in lines[0]


def test_gate__a_missing_consent_column_stops_the_run(study, table):
    path = study.write(table.drop(columns="consent_given"))
    with pytest.raises(IngestError, match="without consent nothing is read"):
        ingest_study(load_study(path))


def test_gate__statement_for_secondary_data_replaces_the_question(study, table):
    secondary = table.drop(columns=["consent_given", "private", "sel_outcome"])
    more = '[privacy.consent]\nstatement = "obtained by the owners"'
    interviews = ingest_study(load_study(study.write(secondary, more=more)))
    assert flow_of(interviews)["consented"] == 6
    assert set(interviews.dispositions["outcome"]) == {"complete"}


def test_withdrawn__rows_are_removed_before_anything_is_read(study, table):
    table.loc[1, "age"] = "300"
    more = '[privacy]\nwithdrawn = ["a2", "zz"]'
    path = study.write(table, more=more)
    interviews = ingest_study(load_study(path))
    assert flow_of(interviews)["withdrawn"] == 1
    assert "a2" not in set(interviews.frame["rec_id"])
    assert any("1 of 2 are in no file" in str(item) for item in interviews.problems)


def test_duplicates__identical_are_removed_and_counted(study, table):
    twice = pd.concat([table, table.iloc[[0, 3]]], ignore_index=True)
    interviews = ingest_study(load_study(study.write(twice, table.iloc[[1]])))
    flow = flow_of(interviews)
    assert flow["rows_read"] == 9
    assert flow["duplicates_removed"] == 3
    assert flow["selected"] == 6
    assert interviews.frame["rec_id"].is_unique


def test_duplicates__conflicting_answers_are_an_error_with_both_places(study, table):
    other = table.iloc[[0]].assign(age="25")
    path = study.write(table, other)
    lines = [str(item) for item in check_study(path)]
    assert lines == [
        "two.csv:2:rec_id: 'a1 as one.csv row 2' came, expected every record id once; "
        "the other row has other answers. Correct the id, remove one, or make one out "
        "of several columns with [join]."
    ]


def test_cluster__long_numbers_stay_apart(study, table):
    table["truck_seq"] = ["1000001", "1000001", "1000002", "1000002", "1000003", "12"]
    clusters = ingest_study(load_study(study.write(table))).dispositions["cluster"]
    assert clusters.nunique() == 5
    assert clusters[0].endswith("|1000001")
