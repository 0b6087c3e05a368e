"""The [monitoring] section: from the study file to protected tables and a page."""

from __future__ import annotations

import re
import shutil

import pandas as pd
import pytest

from sentinel import datasets
from sentinel.cli import run as run_command
from sentinel.monitoring import check_monitoring, monitor
from sentinel.report import write_monitoring
from sentinel.schema.problems import IngestError
from sentinel.study import StudyError, load_study


@pytest.fixture(scope="module")
def demo():
    return load_study(datasets.path("mekong_demo"))


@pytest.fixture(scope="module")
def result(demo):
    return monitor(demo)


@pytest.fixture(scope="module")
def written(demo, result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "monitoring"
    return write_monitoring(result, demo, folder).parent


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(datasets.path("mekong_demo"), folder)
    return folder


def _part(result, name):
    return next(part for part in result.parts if part.name == name)


def test_monitor__the_rush_that_was_simulated_raises_the_alarm(result):
    series = _part(result, "returns").frame
    assert series.loc[series["alarm"], "period"].tolist() == ["2013-06"]


def test_monitor__no_count_of_persons_under_the_minimum_is_shown(demo, result):
    k = demo.privacy.minimum_cell
    columns = {
        "series": ["observed"],
        "shares": ["calls"],
        "places": ["entries"],
        "funnel": ["entered", "went_on", "still_open", "ended"],
        "scores": ["n_before", "n_both", "n_lost"],
        "referrals": ["n_referred", "n_unknown"],
    }
    for part in result.parts:
        for name in columns.get(part.kind, []):
            counts = part.frame[name].dropna()
            assert not ((counts > 0) & (counts < k)).any(), (part.name, name)


def test_monitor__stages_add_up_where_they_are_shown(result):
    funnel = _part(result, "attrition").frame.dropna()
    parts = funnel[["went_on", "still_open", "ended"]].sum(axis=1)
    assert (parts == funnel["entered"]).all()
    assert "cannot be told apart" in " ".join(_part(result, "attrition").notes)


def test_monitor__a_small_count_withholds_its_whole_indicator(result):
    part = _part(result, "indicators")
    row = part.frame.set_index("indicator").loc["3.1"]
    assert row[["KH", "LA", "TH", "VN"]].tolist() == ["withheld"] * 4
    assert row["status"] == ""
    other = part.frame.set_index("indicator").loc["1.1"]
    assert other["LA"] == "8"  # trainings are no persons


def test_monitor__every_wrong_file_is_listed_at_once(study):
    (study / "monitoring" / "returns_months.csv").write_text("period,n\n2009-01,5\n")
    log = study / "monitoring" / "hotline_log.csv"
    log.write_text(log.read_text().replace("2009-09-", "09/09-", 1))
    with pytest.raises(IngestError) as caught:
        monitor(load_study(study))
    text = str(caught.value)
    assert "monitoring/returns_months.csv:returns" in text
    assert "monitoring/hotline_log.csv:2:day" in text
    assert len(check_monitoring(load_study(study)).errors) == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('method = "ears"', 'method = "eers"', r"study\.toml:\d+:monitoring\.series"),
        ('count = "calls"', 'cuont = "calls"', "Did you mean 'count'"),
        ("monitoring/cases.csv", "monitoring/case.csv", "Did you mean 'cases.csv'"),
        ('name = "returns"', 'name = "calls"', "twice: calls"),
        ('name = "returns"', 'name = "hotline_calls"', "may continue another's"),
        ('name = "returns"', 'name = "trend"', "tables called trend already"),
        ('name = "returns"', 'name = "Re turns"', r"monitoring\.series\[2\]\.name"),
        ('time_unit = "month"', 'time_unit = "day"', r"monitoring\.time_unit"),
    ],
)
def test_section__messages_name_line_and_key(study, old, new, words):
    path = study / "study.toml"
    text = path.read_text(encoding="utf-8")
    head, tail = text.split("[monitoring]", 1)
    path.write_text(f"{head}[monitoring]{tail.replace(old, new, 1)}", encoding="utf-8")
    with pytest.raises(StudyError, match=words):
        load_study(study)


def test_write_monitoring__page_is_one_file_and_says_simulated(written):
    page = (written / "monitoring.html").read_text(encoding="utf-8")
    assert "SIMULATED DATA" in page
    assert not re.findall(r'(?:src|href)="https?:', page)
    assert "<script" not in page
    for name in ("returns", "hotline_cases", "attrition", "training"):
        assert f'id="figure-{name}"' in page
        assert (written / "figures" / f"{name}.png").stat().st_size > 5000


def test_write_monitoring__tables_hold_what_is_printed(written):
    table = pd.read_csv(written / "tables" / "hotline_kinds.csv")
    assert list(table.columns[:2]) == ["About", "Calls"]
    assert (written / "manifest.json").is_file()
    names = sorted(path.stem for path in (written / "tables").iterdir())
    assert "indicators" in names


def test_write_monitoring__is_the_same_every_time(written, demo, result, tmp_path):
    again = write_monitoring(result, demo, tmp_path / "again").parent
    for path in sorted(written.rglob("*.*")):
        other = again / path.relative_to(written)
        assert other.read_bytes() == path.read_bytes(), path.name


def test_command__writes_its_folder_and_replaces_its_own_only(study, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["monitor", str(study / "study.toml"), "--out", str(out)]
    assert run_command(arguments) == 0
    assert capsys.readouterr().out.strip().endswith("monitoring.html")
    (out / "mine.txt").write_text("mine")
    assert run_command(arguments) == 2
    assert "no report wrote" in capsys.readouterr().err


def test_command__without_a_section_says_so(study, tmp_path):
    path = study / "study.toml"
    text = path.read_text(encoding="utf-8")
    start, end = text.index("[monitoring]"), text.index("[report]")
    path.write_text(text[:start] + text[end:], encoding="utf-8")
    out = tmp_path / "out"
    assert run_command(["monitor", str(path), "--out", str(out)]) == 0
    page = (out / "monitoring.html").read_text(encoding="utf-8")
    assert "has no [monitoring]" in page
