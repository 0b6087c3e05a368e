"""Records past their date stop a run, unless somebody answers for keeping them."""

from __future__ import annotations

from datetime import date

import pytest

from sentinel.cli import run
from sentinel.safekeeping import check_retention
from sentinel.study import load_study

LAST = date(2026, 6, 30)


def _config(study, table, *, item="", privacy=""):
    path = study.write(table, more=privacy and f"[privacy]\n{privacy}")
    text = path.read_text().replace("fieldwork_end", f"{item}\nfieldwork_end", 1)
    path.write_text(text)
    return load_study(path)


@pytest.mark.parametrize(
    ("today", "severities"),
    [
        (date(2026, 3, 31), []),
        (date(2026, 4, 1), ["warning"]),
        (LAST, ["warning"]),
        (date(2026, 7, 1), ["error"]),
        (date(2036, 1, 1), ["error"]),
    ],
)
def test_retention__warns_before_and_refuses_after(study, table, today, severities):
    config = _config(study, table, item="retain_until = 2026-06-30")
    found = check_retention(config, today=today)
    assert [item.severity for item in found] == severities
    assert all("rounds[1].retain_until" in str(item) for item in found)


def test_retention__the_studys_date_is_for_rounds_without_their_own(study, table):
    privacy = "retain_until = 2020-01-01\nretention_notice_days = 5"
    config = _config(study, table, privacy=privacy)
    assert check_retention(config, today=LAST).errors
    item = "retain_until = 2026-07-10"
    config = _config(study, table, item=item, privacy=privacy)
    assert not list(check_retention(config, today=LAST))
    assert check_retention(config, today=date(2026, 7, 5)).warnings


def test_retention__a_documented_decision_or_deidentified_records_go_on(study, table):
    item = 'retain_until = 2020-01-01\nretention_extended = "board, minutes 7"'
    found = check_retention(_config(study, table, item=item), today=LAST)
    assert (len(found.errors), len(found.warnings)) == (0, 1)
    assert "minutes 7" in str(found.warnings[0])
    item = "retain_until = 2020-01-01\ndeidentified = true"
    assert not list(check_retention(_config(study, table, item=item), today=LAST))


def test_commands__check_lists_and_run_refuses(study, table, tmp_path, capsys):
    _config(study, table, item="retain_until = 2020-04-30")
    path = str(study.folder / "study.toml")
    assert run(["check", path]) == 1
    assert "no records after their retention date" in capsys.readouterr().out
    out = tmp_path / "result"
    for words in (
        ["run", path, "--out", str(out)],
        ["classify", path],
        ["refer", path, "--out", str(tmp_path / "refer.csv")],
    ):
        assert run(words) == 2
        assert "sentinel deidentify" in capsys.readouterr().err
    assert not out.exists()
