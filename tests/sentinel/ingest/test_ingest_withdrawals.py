"""Persons who withdrew: out of every run, and out of sight of whoever lacks the key."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from sentinel.cli import run
from sentinel.ingest import check_study, count_record, ingest_study
from sentinel.report import stale_reports
from sentinel.safekeeping import load_key, pseudonym, read_chain, write_new_key
from sentinel.schema.problems import IngestError
from sentinel.study import load_study

MORE = '[privacy]\nwithdrawals = "withdrawals.jsonl"\naudit_log = "audit.jsonl"'


@pytest.fixture
def key(tmp_path, monkeypatch):
    path = tmp_path / "outside.key"
    write_new_key(path)
    monkeypatch.setenv("SENTINEL_KEY_FILE", str(path))
    return load_key()


def _withdraw(path, record, *more):
    return run(["withdraw", str(path), "--record", record, "--who", "M. K.", *more])


def test_withdraw__the_record_is_out_counted_and_nowhere_named(
    study, table, key, capsys
):
    path = study.write(pd.concat([table, table.iloc[[1]]]), more=MORE)
    assert _withdraw(path, " a2 ") == 0
    assert "2 rows" in capsys.readouterr().out
    interviews = ingest_study(load_study(path))
    flow = interviews.flow.iloc[0]
    assert (flow["rows_read"], flow["withdrawn"], flow["selected"]) == (7, 2, 5)
    assert interviews.frame["rec_id"].tolist() == ["a1", "a4", "a6"]
    written = [study.folder / name for name in ("withdrawals.jsonl", "audit.jsonl")]
    for place in (*written, *(item.with_name(item.name + ".head") for item in written)):
        assert b'"a2"' not in place.read_bytes()
        assert key.to_text().encode()[15:] not in place.read_bytes()
    said = read_chain(written[0], key=key).entries[0].content
    assert set(said) == {"date", "key", "tombstone", "who"}
    assert len(said["date"]) == len("2026-11-26")
    assert said["tombstone"] == pseudonym(key, "a2", purpose="withdrawal", length=52)
    assert read_chain(written[1]).entries[0].content["counts"] == {"rows": 2}


def test_withdraw__twice_adds_nothing(study, table, key, capsys):
    path = study.write(table, more=MORE)
    assert _withdraw(path, "a2") == _withdraw(path, "a2") == 0
    assert "before" in capsys.readouterr().out
    assert len(read_chain(study.folder / "withdrawals.jsonl").entries) == 1


def test_withdraw__a_mistyped_id_is_refused_and_not_repeated(study, table, key, capsys):
    path = study.write(table, more=MORE)
    assert _withdraw(path, "zz9") == 2
    shown = capsys.readouterr()
    assert "none has this one" in shown.err
    assert "zz9" not in shown.err + shown.out
    assert not (study.folder / "withdrawals.jsonl").exists()
    assert _withdraw(path, "zz9", "--absent-too") == 0
    assert count_record(load_study(path), "a1") == 1


def test_ingest__a_tombstone_that_matches_no_row_is_told_with_file_and_line(
    study, table, key, capsys
):
    """A mistyped id leaves a person in the data: nobody may believe it was done."""
    mapping = '[[exclude]]\nwhen = "sex = 1"\nreason = "test rows"\n'
    path = study.write(table, more=MORE, mapping=mapping)
    excluded = table.loc[table["sex"] == "1", "rec_id"].iloc[0]
    assert _withdraw(path, "zz9", "--absent-too") == 0
    assert _withdraw(path, "a2", "--absent-too") == 0
    assert _withdraw(path, excluded, "--absent-too") == 0
    assert _withdraw(path, "zz8", "--absent-too") == 0
    found = [
        item
        for item in ingest_study(load_study(path)).problems
        if item.file == "withdrawals.jsonl"
    ]
    (problem,) = found
    assert problem.severity == "warning"
    assert "2 of 4 tombstones match no row (lines 1, 4) of " in problem.hint
    assert "zz" not in str(problem)
    capsys.readouterr()
    run(["check", str(path)])
    assert "2 of 4 tombstones match no row" in capsys.readouterr().out


def test_withdraw__a_study_that_names_no_file_is_told_the_line(
    study, table, key, capsys
):
    assert _withdraw(study.write(table), "a2") == 2
    assert 'withdrawals = "withdrawals.jsonl"' in capsys.readouterr().err


def test_ingest__refuses_while_nobody_can_say_who_withdrew(
    study, table, key, tmp_path, monkeypatch
):
    path = study.write(table, more=MORE)
    _withdraw(path, "a2")
    _withdraw(path, "a4")
    place = study.folder / "withdrawals.jsonl"
    whole = place.read_bytes()

    def refused(words):
        with pytest.raises(IngestError, match=words):
            ingest_study(load_study(path))
        assert any(words in str(item) for item in check_study(path).errors)

    place.write_bytes(whole[: whole.index(b"\n") + 1])
    refused("cut off")
    place.write_bytes(whole.replace(b'"who":"M. K."', b'"who":"N. K."', 1))
    refused("line 1")
    place.unlink()
    refused("the end was cut off")
    (study.folder / "withdrawals.jsonl.head").unlink()
    refused("they would come back")
    place.write_bytes(whole)
    refused("the head is missing")
    _withdraw(study.write(table, more=MORE), "a2")
    monkeypatch.delenv("SENTINEL_KEY_FILE")
    for item in study.folder.glob("withdrawals*"):
        item.unlink()
    monkeypatch.setenv("SENTINEL_KEY_FILE", str(tmp_path / "outside.key"))
    _withdraw(path, "a2")
    monkeypatch.delenv("SENTINEL_KEY_FILE")
    refused("project key was expected")
    write_new_key(tmp_path / "another.key")
    monkeypatch.setenv("SENTINEL_KEY_FILE", str(tmp_path / "another.key"))
    refused("not sealed with this project key")


def test_check__a_report_made_before_must_be_rebuilt(study, table, key, capsys):
    path = study.write(table, more=MORE)
    _withdraw(path, "a2")
    config = load_study(path)
    report = study.folder / "report"
    report.mkdir()
    manifest = {"made_by": "sentinel", "study": "A test"}

    def found(**more):
        (report / "manifest.json").write_text(json.dumps(manifest | more))
        return [str(item) for item in stale_reports(config, ())]

    head = read_chain(study.folder / "withdrawals.jsonl").head
    assert ingest_study(config).withdrawals == head
    assert found(withdrawals=head) == []
    assert "1 withdrew after it was made" in found(withdrawals="")[0]
    assert len(found()) == 1
    _withdraw(path, "a4")
    assert "must be rebuilt" in found(withdrawals=head)[0]
    assert "noted elsewhere" in found(withdrawals=f"1:{'0' * 64}")[0]
    assert found(study="Another study") == []
    capsys.readouterr()
    found(withdrawals=head)
    assert run(["check", str(path)]) == 1
    assert "must be rebuilt" in capsys.readouterr().out
    assert run(["check", str(path), "--report", str(study.folder / "no")]) == 1
    assert "cannot be told" in capsys.readouterr().out


def test_recontact__ids_of_the_two_files_cannot_be_joined_without_the_key(key):
    ids = [f"KK1-{number:04d}" for number in range(50)]
    record = {pseudonym(key, item, purpose="record") for item in ids}
    recontact = {pseudonym(key, item, purpose="recontact") for item in ids}
    tombstones = {pseudonym(key, item, purpose="withdrawal") for item in ids}
    assert not record & recontact
    assert not (record | recontact) & tombstones


def test_lines__blank_ids_are_nobody(study, table, key):
    from sentinel.safekeeping import read_withdrawals

    path = study.write(table, more=MORE)
    _withdraw(path, "a2")
    known = read_withdrawals(load_study(path))
    given = ["a1", "a2", "", None, float("nan"), " a2"]
    assert known.lines(given).tolist() == [0, 1, 0, 0, 0, 1]
