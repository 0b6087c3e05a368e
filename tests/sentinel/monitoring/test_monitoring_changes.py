"""Changes, trends that meet, rounds and late reports, from a study file to a page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimators import regression, surveillance
from sentinel.cli import run
from sentinel.monitoring import monitor
from sentinel.monitoring.delay_parts import reporting_triangle
from sentinel.report import write_monitoring
from sentinel.study import StudyError, load_study

HEAD = """
[study]
title = "t"
population = "p"
reference_period = "r"
simulated = true

[[rounds]]
label = "A"
files = ["a.csv"]
fieldwork_start = 2010-01-01
fieldwork_end = 2010-01-02

[monitoring]
time_unit = "month"
"""
SERIES = """
[[monitoring.series]]
name = "calls"
file = "calls.csv"
count = "calls"
changepoints = true
joinpoints = 1
"""
ROUNDS = """
[[monitoring.rounds]]
name = "share"
label = "Share of the rounds"
file = "rounds.csv"
round = "label"
positives = "yes"
trials = "asked"
"""
DELAYS = """
[[monitoring.delays]]
name = "late"
label = "Reports"
file = "reports.csv"
longest = 2
"""
# A step by hand: 30 and a few until June 2011, 60 and a few from July on.
STEP = [31, 29, 30, 32, 28, 30, 31, 29, 30, 30, 32, 28, 31, 30, 29, 31, 30, 28]
STEP += [61, 59, 60, 62, 58, 60]


@pytest.fixture
def write(tmp_path):
    (tmp_path / "a.csv").write_text("rec_id\n")

    def put(sections, **tables):
        for name, frame in tables.items():
            frame.to_csv(tmp_path / f"{name}.csv", index=False)
        path = tmp_path / "study.toml"
        path.write_text(HEAD + sections)
        return load_study(path)

    return put


def calls(counts=STEP):
    months = pd.period_range("2010-01", periods=len(counts), freq="M").astype(str)
    return pd.DataFrame({"period": months, "calls": counts})


def parts(result):
    return {part.name: part for part in result.parts}


def test_changes__the_step_is_found_where_it_was_put(write):
    found = parts(monitor(write(SERIES, calls=calls())))
    frame = found["calls_changes"].frame
    assert frame[["first", "last"]].to_numpy().tolist() == [
        ["2010-01", "2011-06"],
        ["2011-07", "2011-12"],
    ]
    assert frame["estimate"].tolist() == pytest.approx(
        [np.mean(STEP[:18]), np.mean(STEP[18:])]
    )
    trends = found["calls_joinpoints"].frame
    alone = surveillance.joinpoint_trend(STEP, max_joinpoints=1, rng=1)
    assert trends["estimate"].tolist() == pytest.approx([r.estimate for r in alone])
    assert trends["first"].iloc[0] == "2010-01"
    assert trends["last"].iloc[-1] == "2011-12"


def test_changes__a_small_month_makes_all_of_them_run_on_quarters(write):
    counts = [5, *STEP[1:]]
    found = parts(monitor(write(SERIES, calls=calls(counts))))
    changes = found["calls_changes"]
    assert changes.unit == "count a quarter"
    assert changes.frame["first"].iloc[0] == "2010-Q1"
    assert set(changes.series) == {"series calls", "file calls.csv: calls"}


def test_changes__what_cannot_be_estimated_is_said(write):
    result = monitor(write(SERIES, calls=calls([40, 41, 42])))
    assert any("joinpoints" in reason for reason in result.skipped)
    assert any("changepoints" in reason for reason in result.skipped)


def rounds(positives=(30, 42, 35, 75)):
    return pd.DataFrame(
        {"label": list("ABCD"), "yes": positives, "asked": [120, 150, 130, 140]}
    )


def test_rounds__each_against_those_before_it(write):
    frame = parts(monitor(write(ROUNDS, rounds=rounds())))["share"].frame
    assert frame["unusual"].tolist() == [False, False, False, True]
    # The docstring's own example, from the estimator.
    assert frame["expected"].iloc[-1] == pytest.approx(0.268, abs=5e-4)
    assert pd.isna(frame["expected"].iloc[0])


def test_rounds__one_small_count_withholds_all(write):
    for positives in ((30, 42, 4, 75), (30, 42, 125, 75)):
        result = monitor(write(ROUNDS, rounds=rounds(positives)))
        assert not result.parts
        assert "fewer than 11" in result.skipped[0]


def reports(n=2400):
    rng = np.random.default_rng(2)
    event = pd.Timestamp("2010-01-01") + pd.to_timedelta(rng.integers(0, 365, n), "D")
    late = event + pd.to_timedelta(rng.integers(0, 75, n), "D")
    frame = pd.DataFrame({"event": event, "reported": late})
    return frame[frame["reported"] < "2011-01-01"]


def test_delays__the_triangle_counts_every_report_once(write):
    table = reports()
    triangle = reporting_triangle(table, unit="month", longest=2)
    assert np.nansum(triangle.to_numpy()) == len(table)
    assert np.isnan(triangle.to_numpy()).sum() == 3
    march = table[table["event"].dt.month == 3]
    delay = march["reported"].dt.month - 3
    assert triangle.loc["2010-03"].tolist() == [
        (delay == 0).sum(),
        (delay == 1).sum(),
        (delay >= 2).sum(),
    ]


def test_delays__what_is_foretold_is_the_estimators_and_above_what_came(write):
    table = reports().astype(str)
    part = parts(monitor(write(DELAYS, reports=table)))["late"]
    alone = surveillance.reporting_delay_nowcast(
        reporting_triangle(reports(), unit="month", longest=2)
    )
    assert part.frame["estimate"].tolist() == [row.estimate for row in alone]
    assert part.frame["period"].tolist() == ["2010-11", "2010-12"]
    assert (part.frame["estimate"] >= part.frame["reported"]).all()
    assert list(part.series) == ["reports so far late"]


def test_delays__few_reports_so_far_are_withheld(write):
    few = reports(130).astype(str)
    result = monitor(write(DELAYS, reports=few))
    assert not result.parts
    assert "shorten longest" in result.skipped[0]


def test_delays__every_bad_cell_is_listed(write, capsys):
    table = pd.DataFrame(
        {
            "event": ["2010-01-05", "05/01/2010"],
            "reported": ["2010-01-04", "2010-02-01"],
        }
    )
    config = write(DELAYS, reports=table)
    assert run(["check", str(config.folder / "study.toml")]) == 1
    said = capsys.readouterr().out
    assert "reports.csv:3:event: expected a day as YYYY-MM-DD" in said


def test_page__tables_and_figures_of_all_of_them(write, tmp_path):
    config = write(
        SERIES + ROUNDS + DELAYS,
        calls=calls(), rounds=rounds(), reports=reports().astype(str),
    )  # fmt: skip
    page = write_monitoring(monitor(config), config, tmp_path / "out")
    figures = {path.stem for path in (page.parent / "figures").glob("*.svg")}
    assert {"calls_changes", "calls_joinpoints", "share", "late"} <= figures
    table = pd.read_csv(page.parent / "tables" / "share.csv", dtype=str)
    assert table["Outside"].fillna("").tolist() == ["", "", "", "outside"]
    text = page.read_text(encoding="utf-8")
    assert "stretches of one rate, count a month" in text


NEGATIVE = """
[[monitoring.series]]
name = "calls"
file = "calls.csv"
count = "calls"
intervention = "2011-07"
covariates = ["aired"]
family = "negative_binomial"
"""


def test_family__covariates_and_intervention_by_negative_binomial_models(write):
    rng = np.random.default_rng(4)
    table = calls(rng.poisson(rng.gamma(5, 12, 24)) + 11)
    table["aired"] = rng.integers(0, 2, 24)
    found = parts(monitor(write(NEGATIVE, calls=table)))
    frame = table.assign(years=np.arange(24) / 12)
    alone = regression.negative_binomial("calls ~ years + aired", frame)
    shown = found["calls_covariates"]
    ratio = shown.frame.set_index("label").loc["aired"]
    assert ratio["estimate"] == pytest.approx(np.exp(alone.estimate[2]))
    assert ratio["ci_high"] == pytest.approx(np.exp(alone.ci_high[2]))
    alpha = alone.fit_statistics["alpha"]
    assert any(f"alpha = {alpha:.3g}" in note for note in shown.notes)
    before = surveillance.interrupted_time_series(
        table["calls"], intervention=18, harmonics=2, frequency=12,
        family="negative_binomial",
    )  # fmt: skip
    level = found["calls_intervention"].frame["estimate"].iloc[0]
    told = np.exp(before.estimate[before.term.index("level")])
    assert level == pytest.approx(told)


HOTLINE = """
[[monitoring.hotlines]]
name = "hotline"
file = "log.csv"
date = "day"
kind = "about"
covariates_file = "months.csv"
covariates = ["aired"]
family = "negative_binomial"
"""


def log_and_months(aired):
    """Twelve calls a month and more, some about rarer things, and what was aired."""
    days, kinds = [], []
    for month, on in enumerate(aired, start=1):
        for call in range(20 + 15 * on + month % 3):
            days.append(f"2010-{month:02}-{1 + call % 28:02}")
            kinds.append("labour" if call % 3 else "advice")
    months = pd.DataFrame(
        {"period": [f"2010-{m:02}" for m in range(1, 13)], "aired": aired}
    )
    return pd.DataFrame({"day": days, "about": kinds}), months


def test_hotline__calls_are_regressed_on_what_was_aired_meanwhile(write):
    aired = [0, 1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0]
    log, months = log_and_months(aired)
    found = parts(monitor(write(HOTLINE, log=log, months=months)))
    counts = found["hotline_calls"].frame["observed"].to_numpy()
    assert counts.tolist() == [20 + 15 * on + m % 3 for m, on in enumerate(aired, 1)]
    frame = pd.DataFrame({"calls": counts, "aired": aired})
    frame["years"] = np.arange(12) / 12
    alone = regression.negative_binomial("calls ~ years + aired", frame)
    ratio = found["hotline_calls_covariates"].frame.set_index("label").loc["aired"]
    assert ratio["estimate"] == pytest.approx(np.exp(alone.estimate[2]))
    told = found["hotline_kinds"].counts
    assert sum(told.values()) == len(log)


def test_hotline__a_month_without_its_covariate_is_named(write):
    log, months = log_and_months([0, 1] * 6)
    result = monitor(write(HOTLINE, log=log, months=months.iloc[:-1]))
    assert any("without a row: 2010-12" in reason for reason in result.skipped)


def test_hotline__covariates_and_their_file_belong_together(write):
    with pytest.raises(StudyError, match="belong together"):
        write(HOTLINE.replace('covariates = ["aired"]\n', ""))


def test_hotline__months_at_the_ends_that_no_quarter_holds_are_in_no_total(write):
    """Else the kinds' totals less the quarters would tell the calls of a month."""
    log, _ = log_and_months([1] * 12)
    log = log[(log["day"] >= "2010-03") & (log["day"] < "2010-11-08")]
    sections = HOTLINE[: HOTLINE.index("covariates_file")] + 'method = "none"\n'
    path = write(sections, log=log).folder / "study.toml"
    path.write_text(path.read_text().replace('"month"', '"quarter"'))
    found = parts(monitor(load_study(path)))
    quarters = found["hotline_calls"].frame
    assert quarters["period"].tolist() == ["2010-Q2", "2010-Q3"]
    told = found["hotline_kinds"].counts
    assert sum(told.values()) == quarters["observed"].sum() < len(log)
