"""The plan, its groups, its refusals and its counts."""

from __future__ import annotations

import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.analysis import build_design
from sentinel.analysis.estimates import estimate_plan, estimate_table
from sentinel.analysis.flows import count_flows
from sentinel.analysis.selection import select_rows
from sentinel.analysis.trend import comparable_rounds, round_trend
from sentinel.study.config import EstimateSection


def _table(interviews, config, quantity, **section):
    design = build_design(interviews, config)
    return estimate_table(
        design, EstimateSection(**section), config, quantity=quantity
    ).frame


def test_event_prevalence__is_the_weighted_share(interviews, config):
    rows = _table(interviews, config, "event", by=("round_id",))
    # Rounds in the order of the study file, not of the alphabet.
    assert rows["round_id"].tolist() == ["B2009", "A2010"]
    assert rows["estimate"].tolist() == pytest.approx(
        [(25 + 100) / 250, 45 / 180], rel=1e-12
    )
    assert rows["n_cases"].tolist() == [2, 1]


def test_person_prevalence__leaves_out_who_did_not_say(interviews, config):
    rows = _table(interviews, config, "person", by=("round_id",))
    assert rows["estimate"][0] == pytest.approx((25 + 25) / (25 + 12.5 + 25), rel=1e-12)
    assert rows["n_obs"].tolist() == [3, 3]


def test_unknown_outcomes__are_counted_and_not_taken_for_no(interviews, config):
    interviews.frame.loc[0, "d_traff"] = pd.NA
    rows = _table(interviews, config, "event", by=("round_id",))
    assert rows["n_unknown"].tolist() == [1, 0]
    assert rows["estimate"][0] == pytest.approx(100 / 225, rel=1e-12)


def test_where__selects_by_the_language_of_definitions(interviews, config):
    assert select_rows(interviews.frame, "truck_n > 20").tolist() == [
        *[False] * 2,
        *[True] * 5,
    ]
    unknown_is_not_selected = select_rows(interviews.frame, "deport_12m >= 0")
    assert unknown_is_not_selected.sum() == 6


def test_where__cannot_run_code(interviews):
    with pytest.raises(InputError):
        select_rows(interviews.frame, "__import__('os').system('true')")
    with pytest.raises(InputError, match="no column weight_of_moon"):
        select_rows(interviews.frame, "weight_of_moon > 1")


def test_plan__what_cannot_be_estimated_is_named_with_its_reason(interviews, config):
    plan = (
        EstimateSection(by=("round_id",)),
        EstimateSection(by=("no_such_column",), label="by nothing"),
        EstimateSection(key="proportion_ci", label="not on a design"),
    )
    config = config.model_copy(update={"estimates": plan})
    tables, skipped = estimate_plan(build_design(interviews, config), config)
    assert [table.quantity for table in tables] == ["event", "person"]
    assert len({table.name for table in tables}) == len(tables)
    assert sum("no_such_column" in reason for reason in skipped) == 2
    assert any("does not work on a sampling design" in reason for reason in skipped)


def test_trend__compares_rounds_of_one_site_only(interviews, config):
    frame = interviews.frame
    assert comparable_rounds(frame) == [["A2010", "B2009"]]
    apart = frame.assign(site_code=frame["round_id"])
    assert comparable_rounds(apart) == []
    chained = pd.DataFrame(
        {"round_id": ["a", "b", "b", "c"], "site_code": ["x", "x", "y", "y"]}
    )
    assert comparable_rounds(chained) == [["a", "b", "c"]]
    assert comparable_rounds(chained, (("a", "c"), ("b", "z"))) == [["a", "c"]]
    assert comparable_rounds(chained, ()) == []


def test_trend__difference_is_that_of_the_prevalences(interviews, config):
    design = build_design(interviews, config)
    trend, skipped = round_trend(design, config)
    event = trend[trend["quantity"] == "event"].set_index("contrast")
    assert not skipped
    assert event.loc["A2010 - B2009", "estimate"] == pytest.approx(
        45 / 180 - 125 / 250, rel=1e-12
    )
    # One year lies between the middles of the two rounds.
    assert event.loc["slope per year over B2009, A2010", "estimate"] == pytest.approx(
        45 / 180 - 125 / 250, rel=1e-3
    )


def test_flows__every_respondent_is_on_one_route(interviews, config):
    interviews.frame["origin_adm1"] = ["KH-1", None, "KH-1", "KH-2", "KH-1", "KH-1", ""]
    design = build_design(interviews, config)
    flows = count_flows(design.frame, config)
    assert flows["n"].sum() == 7
    assert flows["n_cases"].sum() == 3
    assert flows["weight"].sum() == pytest.approx(design.frame["w_event"].sum())
