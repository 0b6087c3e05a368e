"""Referral flags: who is listed, what is not looked for, and that nothing gets out."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel import datasets
from sentinel.classify import load_referral_flags, referral_list
from sentinel.cli import run
from sentinel.report import write_internal_table
from sentinel.schema.problems import IngestError
from sentinel.schema.states import CellState

GOOD = """
[referral]
name = "mine"
handled = "referred = 1"

[flags.DISTRESS]
label = "interview stopped"
urgency = "now"
when = "distress = 2"
action = "stay"

[flags.MINOR]
label = "under 18"
urgency = "today"
when = "age < 18"
action = "call"
"""
STUDY = datasets.path("mekong_demo") / "study.toml"


def _interviews(people):
    frame = pd.DataFrame(people)
    states = pd.DataFrame(np.uint8(0), index=frame.index, columns=frame.columns)
    return SimpleNamespace(frame=frame, states=states)


def test_list__urgent_and_open_first_with_what_to_do(tmp_path):
    path = tmp_path / "flags.toml"
    path.write_text(GOOD, encoding="utf-8")
    people = [
        {"rec_id": "a", "distress": "0", "age": 30.0, "referred": "0"},
        {"rec_id": "b", "distress": "0", "age": 17.0, "referred": "0"},
        {"rec_id": "c", "distress": "2", "age": 17.0, "referred": "0"},
        {"rec_id": "d", "distress": "2", "age": 40.0, "referred": "1"},
    ]
    interviews = _interviews(people)
    interviews.states.loc[0, "age"] = CellState.REFUSED
    found = referral_list(interviews, load_referral_flags(path))
    assert found.frame["rec_id"].tolist() == ["c", "b", "d"]
    assert found.frame["urgency"].tolist() == ["now", "today", "now"]
    assert found.frame["status"].tolist() == ["open", "open", "handled"]
    assert found.frame["flags"].tolist() == ["DISTRESS;MINOR", "MINOR", "DISTRESS"]
    assert found.frame.loc[0, "actions"] == "stay; call"
    assert found.n_open == 2
    assert found.undecided == {"DISTRESS": 0, "MINOR": 1}
    assert "rec_id" not in repr(found)


@pytest.mark.parametrize(
    ("answers", "flag"),
    [
        ({"age": 15.0, "child_guard": "0"}, "MINOR_ALONE"),
        ({"age": 15.0, "child_guard": "1", "travel_with": "parents"}, "MINOR"),
        ({"injury": "1", "assist_home": "food"}, "INJURED"),
        ({"distress": "2"}, "DISTRESS"),
        ({"docs_held": "1"}, "PAPERS_HELD"),
        ({"threat_kill": "1"}, "THREAT_STANDS"),
        ({"debt_dest": "1", "intend": "2"}, "DEBT_PULLS_BACK"),
        ({"intend": "2", "locked": "1"}, "GOES_BACK_TO_CONFINEMENT"),
        ({"route_abuse": "beaten;sexual"}, "SEXUAL_VIOLENCE"),
        ({"detain_abuse": "1"}, "ABUSED_IN_CUSTODY"),
        ({"self_harm": "1"}, "SUICIDAL"),
        ({"self_harm": "2"}, "SUICIDAL"),
        ({"held_now": "1"}, "STILL_HELD"),
        ({"held_now": "2"}, "STILL_HELD"),
    ],
)
def test_shipped_flags__each_is_raised_by_its_answers(answers, flag):
    well = {
        "rec_id": "x", "age": 30.0, "child_guard": "1", "travel_with": "friend",
        "injury": "0", "assist_home": "medical", "distress": "0", "docs_held": "0",
        "threat_family": "0", "threat_kill": "0", "debt_dest": "0", "intend": "1",
        "locked": "0", "violence": "0", "free_leave_site": "1", "sexual_v": "0",
        "route_abuse": "none", "detain_abuse": "0", "referred": "0",
        "held_now": "0", "self_harm": "0",
    }  # fmt: skip
    flags = load_referral_flags()
    assert referral_list(_interviews([well]), flags).frame.empty
    listed = referral_list(_interviews([well | answers]), flags).frame
    assert flag in listed.loc[0, "flags"].split(";")


def test_list__what_is_not_looked_for_is_said():
    found = referral_list(_interviews([{"distress": "0"}]), load_referral_flags())
    assert found.not_looked_for["SUICIDAL"] == "not asked: self_harm"
    assert found.not_looked_for["STILL_HELD"] == "not asked: held_now"
    assert found.not_looked_for["INJURED"] == "not asked: injury, assist_home"
    assert "not looked for: SUICIDAL" in found.summary()


def test_list__a_round_without_the_question_is_not_a_round_without_danger():
    people = [
        {"round_id": "2010", "rec_id": "a", "held_now": None, "distress": "0"},
        {"round_id": "2010", "rec_id": "b", "held_now": None, "distress": "0"},
        {"round_id": "2026", "rec_id": "c", "held_now": "2", "distress": "0"},
        {"round_id": "2026", "rec_id": "d", "held_now": None, "distress": "0"},
    ]
    interviews = _interviews(people)
    interviews.states.loc[:1, "held_now"] = CellState.NOT_ASKED
    interviews.states.loc[3, "held_now"] = CellState.REFUSED
    found = referral_list(interviews, load_referral_flags())
    assert found.frame["rec_id"].tolist() == ["c"]
    assert found.undecided["STILL_HELD"] == 1
    assert found.not_asked == {"STILL_HELD": "2 persons (round 2010)"}
    said = found.summary()
    assert "not asked, which does not mean safe: STILL_HELD of 2 persons" in said


def test_list__columns_that_no_round_asked_are_told_as_not_asked():
    """A harmonised table has every variable of the codebook, asked or not."""
    interviews = _interviews([{"rec_id": "a", "self_harm": None, "held_now": None}])
    interviews.states[["self_harm", "held_now"]] = CellState.NOT_ASKED
    found = referral_list(interviews, load_referral_flags())
    assert found.not_looked_for["SUICIDAL"] == "not asked: self_harm"
    assert found.not_looked_for["STILL_HELD"] == "not asked: held_now"
    assert found.frame.empty


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("distress = 2", "distres = 2", 6, "it has no distres"),
        ("distress = 2", "distress = ", 6, "readable expression"),
        ('urgency = "today"', 'urgency = "soon"', 12, "'now' or 'today'"),
        ("referred = 1", "referred = 7", 4, "for referred, not '7'"),
        ('when = "age < 18"\n', "", 12, "either a condition"),
        ("[flags.MINOR]", "[flags.DISTRESS]", 12, "line 6 has it"),
    ],
)
def test_load__faults_with_their_lines(tmp_path, old, new, line, words):
    path = tmp_path / "flags.toml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(IngestError) as caught:
        load_referral_flags(path)
    assert any(
        item.row == line and words in str(item) for item in caught.value.problems
    ), list(map(str, caught.value.problems))


def test_load__no_such_file():
    with pytest.raises(InputError, match="shipped referral flags are deportee"):
        load_referral_flags("nowhere")


def test_internal_table__never_into_a_report_nor_over_a_file(tmp_path):
    frame = pd.DataFrame({"rec_id": ["=cmd"]})
    report = tmp_path / "report"
    (report / "tables").mkdir(parents=True)
    (report / "manifest.json").write_text(json.dumps({}))
    with pytest.raises(InputError, match="made to be given away"):
        write_internal_table(frame, report / "tables" / "a.csv")
    path = tmp_path / "a.csv"
    assert "never to be released" in write_internal_table(frame, path)
    assert path.stat().st_mode & 0o077 == 0
    assert "'=cmd" in path.read_text()
    with pytest.raises(InputError, match="is there already"):
        write_internal_table(frame, path)


@pytest.fixture(scope="module", name="commands")
def _commands(tmp_path_factory):
    """Run the demo's report and its referral list once."""
    folder = tmp_path_factory.mktemp("refer")
    assert run(["refer", str(STUDY), "--out", str(folder / "safe.csv")]) == 1
    return folder


def test_refer__no_released_file_has_a_flag_or_a_record(commands, request):
    small_study = request.getfixturevalue("released_demo")
    listed = pd.read_csv(commands / "safe.csv", dtype="str")
    flags = load_referral_flags()
    words = {flag.code for flag in flags.flags} | {flag.label for flag in flags.flags}
    words |= {flag.action for flag in flags.flags} | set(listed["rec_id"].head(200))
    files = [path for path in small_study.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        content = path.read_bytes().decode("utf-8", errors="ignore")
        found = [
            word
            for word in words
            if word in content and re.search(rf"\b{re.escape(word)}\b", content)
        ]
        assert not found, (path.name, found[:3])


@pytest.fixture(scope="module", name="released_demo")
def _released_demo(commands):
    from sentinel.analysis import analyse
    from sentinel.ingest import ingest_study
    from sentinel.report import write_report
    from sentinel.study import load_study

    config = load_study(STUDY)
    # Every kind of file that a report has, without the time of models and maps.
    short = {
        "models": (),
        "maps": None,
        "estimates": config.estimates[:1],
        "rounds": config.rounds[:1],
        "design": config.design.model_copy(update={"comparable": ()}),
    }
    config = config.model_copy(update=short)
    write_report(analyse(ingest_study(config), config), commands / "report", rng=1)
    return commands / "report"


def test_classify_command__prints_protected_counts_and_compares(tmp_path, capsys):
    table = tmp_path / "records.csv"
    words = ["classify", str(STUDY), "--internal-table", str(table)]
    assert run(words) == 0
    shown = capsys.readouterr().out
    assert "reference period of the study: last completed trip" in shown
    assert "INTERNAL, never to be released" in shown
    records = pd.read_csv(table, dtype="str")
    assert {"rec_id", "uniap.d_traff", "uniap.fired"} <= set(records)
    assert not any(record in shown for record in records["rec_id"])
    words = ["classify", str(STUDY), "--compare"]
    words += ["--definition", "uniap", "--definition", "palermo"]
    assert run([*words, "--definition", "icls20"]) == 0
    shown = capsys.readouterr().out
    assert "who moves" in shown
    assert "15 indicators switched off (recalled" in shown
    assert "neither the short (week, month) nor the long (year)" in shown
    assert not any(record in shown for record in records["rec_id"])


def test_classify_command__prints_a_template(capsys):
    assert run(["classify", str(STUDY), "--template"]) == 0
    assert "[dimensions.movement]" in capsys.readouterr().out
