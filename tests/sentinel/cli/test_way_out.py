"""What leaves the house, and what stays: gate, ledger and audit log of each command."""

from __future__ import annotations

import json
import shutil
import stat

import pandas as pd
import pytest

from sentinel import datasets
from sentinel.cli import run
from sentinel.simulate import simulate_lists

STUDY = """
[study]
title = "A hotline"
population = "callers"
reference_period = "each month"
simulated = true

[[rounds]]
label = "2010"
files = ["interviews.csv"]
fieldwork_start = 2010-01-01
fieldwork_end = 2010-12-31

[privacy]
ledger = "ledger.jsonl"
audit_log = "audit.jsonl"

[monitoring]
time_unit = "month"

[[monitoring.series]]
name = "rescues"
file = "rescues.csv"
count = "rescues"
"""
MONTHS = [25, 30, 5, 40, 41, 42, 43, 44, 45, 46, 47, 48]


class House:
    """A study folder, its ledger and its log."""

    def __init__(self, folder):
        self.folder = folder
        self.study = folder / "study.toml"
        self.write(STUDY)
        (folder / "interviews.csv").write_text("rec_id\n")

    def write(self, text):
        self.study.write_text(text)

    def series(self, counts, first=1):
        months = [f"2010-{first + place:02}" for place in range(len(counts))]
        frame = pd.DataFrame({"period": months, "rescues": counts})
        frame.to_csv(self.folder / "rescues.csv", index=False)

    @property
    def ledger(self):
        path = self.folder / "ledger.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def log(self):
        path = self.folder / "audit.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)["content"] for line in lines]

    def monitor(self, out):
        return run(["monitor", str(self.study), "--out", str(self.folder / out)])


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_monitor__a_month_less_would_tell_another_and_is_refused(house, capsys):
    """By quarter first, for March is small; then two of its months alone."""
    house.series(MONTHS)
    assert house.monitor("first") == 0
    shown = pd.read_csv(house.folder / "first" / "tables" / "rescues.csv")
    assert shown["Period"].tolist() == ["2010-Q1", "2010-Q2", "2010-Q3", "2010-Q4"]
    house.series(MONTHS[:2])
    capsys.readouterr()
    assert house.monitor("second") == 2
    said = capsys.readouterr().err
    assert "release 1 (monitor): series rescues, counts by month" in said
    assert "2010-" not in said  # the class, not the cell
    assert not any(number in said for number in ("25", "30", " 5"))
    assert not (house.folder / "second").exists()
    assert len(house.ledger) == len(house.log) == 1


def test_monitor__a_person_less_is_refused_and_a_month_more_is_not(house, capsys):
    counts = MONTHS[3:9]
    house.series(counts, first=4)
    assert house.monitor("first") == 0
    house.series([counts[0] - 1, *counts[1:]], first=4)
    assert house.monitor("second") == 2
    assert "differ by fewer than 11" in capsys.readouterr().err
    house.series([*counts, 46], first=4)
    assert house.monitor("second") == 0
    assert [entry["number"] for entry in house.ledger] == [1, 2]


def test_monitor__another_name_for_the_same_column_helps_nobody(house):
    house.series(MONTHS)
    assert house.monitor("first") == 0
    house.write(STUDY.replace('name = "rescues"', 'name = "saved"'))
    house.series(MONTHS[:2])
    assert house.monitor("second") == 2


def test_monitor__the_same_again_is_in_the_log_twice_and_in_the_ledger_once(house):
    house.series(MONTHS)
    for _ in range(2):
        assert house.monitor("out") == 0
    assert len(house.ledger) == 1
    first, second = house.log
    assert first["command"] == second["command"] == "monitor"
    assert first["counts"] == {"ledger entry": 1}
    manifest = json.loads((house.folder / "out" / "manifest.json").read_text())
    assert second["report"] == manifest["sha256"]


def test_monitor__a_changed_log_stops_the_release(house):
    house.series(MONTHS)
    assert house.monitor("out") == 0
    log = house.folder / "audit.jsonl"
    log.write_text(log.read_text().replace("monitor", "minotor"))
    assert house.monitor("more") == 2
    assert not (house.folder / "more").exists()


def test_a_ledger_cut_off_at_its_end_is_found_out_by_the_log(house, capsys):
    house.series(MONTHS[3:9], first=4)
    assert house.monitor("first") == 0
    house.series(MONTHS[3:11], first=4)
    assert house.monitor("second") == 0
    ledger = house.folder / "ledger.jsonl"
    ledger.write_text(ledger.read_text().splitlines()[0] + "\n")
    capsys.readouterr()
    assert house.monitor("third") == 2
    assert "holds 1 releases, and the audit log knows of 2" in capsys.readouterr().err
    assert run(["check", str(house.study)]) == 1
    assert "its end was cut off" in capsys.readouterr().out


def test_check__lists_what_is_wrong_with_ledger_and_log(house, capsys):
    house.series(MONTHS)
    assert house.monitor("out") == 0
    for name in ("ledger.jsonl", "audit.jsonl"):
        path = house.folder / name
        path.write_text(path.read_text().replace("monitor", "minotor", 1) + "x\n")
    run(["check", str(house.study)])
    said = capsys.readouterr().out
    assert "ledger.jsonl" in said
    assert "audit.jsonl:1: expected the log as it was written" in said


@pytest.fixture
def lists(tmp_path):
    """Two lists large enough that nothing is hidden."""
    simulated = simulate_lists(400, rng=3, capture={"police": 0.5, "ngo": 0.4})
    text = '[link]\ntitle = "Two lists"\nn_resamples = 2\n[privacy]\n'
    text += 'ledger = "ledger.jsonl"\naudit_log = "audit.jsonl"\n'
    for name, frame in simulated.lists.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        text += f'[[lists]]\nsource = "{name}"\nfile = "{name}.csv"\n'
        text += 'record_id = "record_id"\nduplicate_free = true\ncolumns = { '
        text += 'name = "name", birth_year = "birth_year", sex = "sex", '
        text += 'origin = "origin" }\n'
    (tmp_path / "link.toml").write_text(text)
    return tmp_path


def test_link__a_record_less_is_refused_and_records_stay_inside(lists, capsys):
    words = ["link", str(lists / "link.toml"), "--out"]
    internal = lists / "safe"
    assert run([*words, str(lists / "out"), "--internal", str(internal)]) == 0
    assert "never to be released" in capsys.readouterr().out
    assert {stat.S_IMODE(p.stat().st_mode) for p in internal.iterdir()} == {0o600}
    log = (lists / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["content"]["command"] for line in log] == [
        "link internal",
        "link",
    ]
    police = pd.read_csv(lists / "police.csv", dtype=str)
    police.iloc[1:].to_csv(lists / "police.csv", index=False)
    assert run([*words, str(lists / "again")]) == 2
    said = capsys.readouterr().err
    assert "release 1 (link): linked lists, persons by lists: differs" in said
    assert not (lists / "again").exists()


def test_estimate__unprotected_numbers_are_the_owners_alone(tmp_path, capsys):
    out = tmp_path / "rows.csv"
    words = ["estimate", "proportion_ci", "--successes", "9", "--n", "40", "--out"]
    for _ in range(2):
        assert run([*words, str(out)]) == 0
    assert "never to be released" in capsys.readouterr().out
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert pd.read_csv(out)["n_obs"].tolist() == [40]


def test_redact__in_the_ledger_and_log_of_a_study_and_under_its_rules(house, capsys):
    house.series(MONTHS)
    table = house.folder / "by_sector.csv"
    table.write_text("sector,male,female\nsea,4,60\nother,30,45\n")
    words = ["redact", str(table), "--study", str(house.study), "--out"]
    out = house.folder / "public.csv"
    assert run([*words, str(out), "--minimum-cell", "5"]) == 2
    assert "no count under 11" in capsys.readouterr().err
    assert run([*words, str(out), "--ledger", str(house.folder / "other.jsonl")]) == 2
    assert "is entered in one" in capsys.readouterr().err
    assert run([*words, str(out)]) == 0
    assert house.ledger[0]["command"] == house.log[0]["command"] == "redact"
    assert house.log[0]["tables"] == {"table": {"cells": 9, "hidden": 4}}
    table.write_text("sector,male,female\nsea,4,60\nother,30,46\n")
    assert run([*words, str(house.folder / "again.csv")]) == 2
    assert "release 1 (redact)" in capsys.readouterr().err


def test_classify__one_withdrawal_later_the_counts_are_refused(tmp_path, capsys):
    folder = tmp_path / "study"
    shutil.copytree(datasets.path("mekong_demo"), folder)
    study = folder / "study.toml"
    text = study.read_text(encoding="utf-8")
    keep = '[privacy]\nledger = "ledger.jsonl"\naudit_log = "audit.jsonl"\n'
    study.write_text(text.replace("[privacy]\n", keep), encoding="utf-8")
    words = ["classify", str(study), "--out"]
    records = tmp_path / "records.csv"
    first = [*words, str(tmp_path / "a.csv"), "--internal-table", str(records)]
    assert run(first) == 0
    shown = pd.read_csv(tmp_path / "a.csv")
    counts = pd.to_numeric(shown["count"], errors="coerce").dropna()
    assert ((counts == 0) | (counts >= 11)).all()
    assert stat.S_IMODE(records.stat().st_mode) == 0o600
    gone = pd.read_csv(records, dtype=str)["rec_id"][0]
    gone_too = f'{keep}withdrawn = ["{gone}"]\n'
    study.write_text(text.replace("[privacy]\n", gone_too), encoding="utf-8")
    capsys.readouterr()
    assert run([*words, str(tmp_path / "b.csv")]) == 2
    said = capsys.readouterr().err
    assert "release 1 (classify): class d_" in said
    assert "differs by fewer than 11 persons" in said
    assert not (tmp_path / "b.csv").exists()
    log = (folder / "audit.jsonl").read_text().splitlines()
    # The release, then the records that stay in the house.
    counts = [json.loads(line)["content"]["counts"] for line in log]
    assert [list(entry) for entry in counts] == [["ledger entry"], ["records"]]
