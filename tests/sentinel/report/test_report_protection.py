"""What the report may show of a study: the door out, piece by piece."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from estimators.results import TERM_COLUMNS
from sentinel.analysis.results import EstimateTable
from sentinel.report.outgoing.manifest import plan_of, shown_name
from sentinel.report.protected.protection import protect_study
from sentinel.report.protected.small_counts import without_small_counts
from sentinel.report.tables import estimates_table


@pytest.mark.parametrize(
    ("note", "safe"),
    [
        ("4 cases in 3 clusters", "fewer than 11 cases in 3 clusters"),
        ("n = 7, df = 12", "n = fewer than 11, df = 12"),
        ("10 weighted respondents", "fewer than 11 weighted respondents"),
        ("128 respondents, 9.2 events", "128 respondents, 9.2 events"),
        ("0 cases, 11 persons", "0 cases, 11 persons"),
        ("9 of 399 rows are unknown", "fewer than 11 of 399 rows are unknown"),
    ],
)
def test_small_counts_leave_the_notes(note, safe):
    assert without_small_counts(note, 11) == safe


def _by(table: EstimateTable, name: str) -> EstimateTable:
    frame = table.frame.rename(columns={"sex": name})
    return dataclasses.replace(table, name=name, by=("round_id", name), frame=frame)


@pytest.mark.parametrize("name", ["origin_adm2", "int_date", "interviewer_id"])
def test_a_table_by_a_variable_that_is_not_for_release_is_refused(study, name):
    by_sex = next(table for table in study.estimates if "sex" in table.by)
    finer = dataclasses.replace(study, estimates=(by_sex, _by(by_sex, name)))
    release = protect_study(finer)
    assert [table.name for table in release.estimates] == [by_sex.name]
    assert any(name in reason for reason in release.skipped)


def test_provinces_are_refused_where_the_study_allows_countries(study):
    by_sex = next(table for table in study.estimates if "sex" in table.by)
    privacy = study.config.privacy.model_copy(update={"place_level": "country"})
    coarse = dataclasses.replace(
        study,
        config=study.config.model_copy(update={"privacy": privacy}),
        estimates=(by_sex, _by(by_sex, "origin_adm1")),
    )
    assert len(protect_study(coarse).estimates) == 1


def test_a_slope_across_a_hidden_round_is_hidden(study):
    rounds = tuple(
        study.config.rounds[0].model_copy(update={"label": label, "name": ""})
        for label in ("A", "B", "C")
    )
    config = study.config.model_copy(update={"rounds": rounds})
    by_round = next(table for table in study.estimates if table.by == ("round_id",))
    row = by_round.frame.iloc[[0]]
    frame = pd.concat(
        [row.assign(round_id=label, n_cases=cases)
         for label, cases in (("A", 60), ("B", 4), ("C", 70))],
        ignore_index=True,
    )  # fmt: skip
    trend = pd.concat([study.trend.iloc[[0]]] * 2, ignore_index=True).assign(
        contrast=["slope per year over A, B, C", "C - A"]
    )
    changed = dataclasses.replace(
        study,
        config=config,
        estimates=(dataclasses.replace(by_round, frame=frame),),
        trend=trend,
        sensitivity=pd.DataFrame(),
    )
    release = protect_study(changed)
    assert release.estimates[0].frame["suppressed"].tolist() == [False, True, False]
    assert release.trend["suppressed"].tolist() == [True, False]


def test_an_unbounded_profile_limit_is_said_and_not_drawn(study):
    fit = study.models[0].fit
    high = fit.ci_high.copy()
    high[1] = np.inf
    changed = dataclasses.replace(
        study,
        models=(
            dataclasses.replace(
                study.models[0], fit=dataclasses.replace(fit, ci_high=high)
            ),
        ),
    )
    from sentinel.report.gallery import model_drawing
    from sentinel.report.tables import model_table

    release = protect_study(changed)
    model = release.models[0]
    assert set(TERM_COLUMNS) <= set(model.terms.columns)
    assert "no limit" in model_table(model).rows[0][2]
    assert "sea fishing" not in model_drawing(model, release)[0].svg


def test_odds_ratios_are_the_exponentials_of_the_terms_in_three_digits(release, study):
    terms = release.models[0].terms
    exact = np.exp(study.models[0].fit.estimate)
    assert terms["odds_ratio"].tolist() == [float(f"{ratio:.3g}") for ratio in exact]


def test_the_plan_in_the_manifest_holds_no_path_and_no_day(study):
    plan = plan_of(study.config)
    assert plan["rounds"][1]["files"] == ["r2.xlsx"]
    assert plan["rounds"][0]["fieldwork"] == "2009, 3rd quarter"
    assert "withdrawn" not in plan["privacy"]
    assert shown_name("C:\\Users\\x\\data.csv") == "data.csv"


def test_what_is_said_of_many_rows_is_said_once(study):
    tables = []
    for table in study.estimates:
        notes = [
            f"{20 + place} of {100 + place} rows are unknown and left out; no trouble"
            for place in range(len(table.frame))
        ]
        tables.append(dataclasses.replace(table, frame=table.frame.assign(notes=notes)))
    release = protect_study(dataclasses.replace(study, estimates=tuple(tables)))
    pair = next(group for group in release.pairs if group[0].by == ("round_id", "sex"))
    printed = estimates_table(pair, release, name="x", caption="x")
    assert len(printed.notes) == 2
    assert printed.notes[0].startswith("In 4 lines of this table: ")
    assert not re.search(r"\d", printed.notes[0].removeprefix("In 4 lines"))


def test_rounds_come_in_the_order_of_the_study_file(study):
    config = study.config.model_copy(update={"rounds": study.config.rounds[::-1]})
    release = protect_study(dataclasses.replace(study, config=config))
    assert release.headline[0].frame["round_id"].tolist() == ["R2012", "R2009"]


def test_contrasts_are_read_with_the_rounds_names(release):
    first, second = release.labels.rounds["R2009"], release.labels.rounds["R2012"]
    assert release.contrast("R2012 - R2009") == f"{second} against {first}"
    slope = release.contrast("slope per year over R2009, R2012")
    assert slope == f"Slope per year, {first} to {second}"
