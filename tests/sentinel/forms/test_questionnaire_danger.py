"""The form refuses to be finished while a danger is not handed over."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pyxform.xls2xform import convert

from sentinel.classify import load_referral_flags, referral_list
from sentinel.ingest import ingest_study, new_study
from sentinel.ingest.forms import Rows, Texts, deportee_form, deportee_form_bytes
from sentinel.ingest.forms.evaluate import evaluate, evaluate_value
from sentinel.ingest.forms.questionnaire import DANGERS
from sentinel.study import load_study

ANSWERS = {
    "age": ["5", "17", "18", "40"],
    "held_now": ["0", "1", "2"],
    "self_harm": ["0", "1", "2"],
    "injury": ["0", "1"],
    "assist_home": ["none", "food", "medical", "food medical"],
    "distress": ["0", "1", "2"],
    "threat_family": ["0", "1"],
    "threat_kill": ["0", "1"],
    "sexual_v": ["0", "1"],
    "route_abuse": ["none", "beaten", "beaten sexual"],
    "child_guard": ["0", "1"],
    "travel_with": ["alone", "parents"],
}


@pytest.fixture(scope="module")
def form():
    return deportee_form()


def rows(**columns: list[str]) -> Rows:
    texts = {
        "." if name == "own" else name: Texts.of(
            pd.Series(values, dtype="str"), is_number=name == "age"
        )
        for name, values in columns.items()
    }
    return Rows(n=len(next(iter(columns.values()))), columns=texts)


def test_danger__is_raised_exactly_where_the_shipped_flags_are(form):
    """Two languages, one meaning: 3 000 random interviews with all answers known."""
    rng = np.random.default_rng(7)
    people = pd.DataFrame(
        {name: rng.choice(values, 3_000) for name, values in ANSWERS.items()}
    )
    # Most persons are well, or nobody would be out of danger.
    well = rng.random(people.shape) < 0.85
    calm = pd.Series({name: values[0] for name, values in ANSWERS.items()})
    calm[["age", "travel_with", "child_guard"]] = ["40", "parents", "1"]
    people = people.mask(well, calm, axis=1)
    value, reasons = evaluate_value(
        form.question("danger_now").calculation,
        rows(**{name: people[name].tolist() for name in people}),
    )
    raised = np.array(value.distinct)[value.index] == "1"
    assert not reasons
    flags = load_referral_flags()
    shown = people.astype("object")
    shown["age"] = people["age"].astype(float)
    for name in ("assist_home", "route_abuse"):
        shown[name] = people[name].str.replace(" ", ";")
    shown["rec_id"] = shown.index
    states = pd.DataFrame(0, index=shown.index, columns=shown.columns)
    listed = referral_list(SimpleNamespace(frame=shown, states=states), flags).frame
    urgent = {item.code for item in flags.flags if item.urgency == "now"} | {"MINOR"}
    expected = {
        row.rec_id
        for row in listed.itertuples()
        if urgent & set(str(row.flags).split(";"))
    }
    assert 500 < len(expected) < 2_500
    assert set(np.flatnonzero(raised)) == expected
    assert set(DANGERS) == urgent - {"MINOR_ALONE"}  # a part of MINOR


@pytest.mark.parametrize("age", ["", "-8", "98"])
def test_danger__an_age_that_nobody_knows_is_no_child(form, age):
    given = {name: [""] for name in ANSWERS} | {"age": [age]}
    value, _ = evaluate_value(form.question("danger_now").calculation, rows(**given))
    assert value.distinct[value.index[0]] == "0"


def test_handing_over__is_asked_required_and_only_yes_will_do(form):
    question = form.question("danger_told")
    given = rows(danger_now=["0", "1", "1"], own=["", "0", "1"])
    assert evaluate(question.relevant, given).true.tolist() == [False, True, True]
    assert evaluate(question.required, given).true.all()
    assert evaluate(question.constraint, given).true.tolist() == [False, False, True]


def test_referral__is_required_in_danger_and_may_not_be_no(form):
    question = form.question("referred")
    given = rows(danger_now=["0", "1", "1", "1"], own=["0", "0", "2", "3"])
    assert evaluate(question.required, given).true.tolist() == [False, *[True] * 3]
    allowed = evaluate(question.constraint, given).true.tolist()
    assert allowed == [True, False, True, True]


def test_order__danger_is_known_before_the_questions_that_close_the_form(form):
    names = [item.name for item in form.questions]
    order = ["held_now", "self_harm", "danger_now", "danger_card", "referred"]
    order += ["danger_told", "sel_outcome"]
    assert sorted(order, key=names.index) == order


def test_self_harm__is_recorded_and_never_read_out(form):
    question = form.question("self_harm")
    assert "Do you" not in question.label("English (en)")
    assert question.codes == ("0", "1", "2")
    gate = rows(private=["1", "0", "1"], consent_given=["1", "1", "0"])
    assert evaluate(question.relevant, gate).true.tolist() == [True, False, False]


def test_pyxform__keeps_what_blocks_the_form():
    xform = convert(deportee_form_bytes(), file_type=".xlsx").xform
    bind = {
        found[1]: found[0]
        for found in re.finditer(r'<bind nodeset="[^"]*/(\w+)"[^>]*/>', xform)
    }
    assert "danger_now  = '1'" in bind["danger_told"].split("relevant=")[1]
    assert 'required="true()"' in bind["danger_told"]
    assert re.search(r'required="[^"]*danger_now +=', bind["referred"])
    assert re.search(r'constraint="not\([^"]*danger_now', bind["referred"])
    assert "if((" in bind["danger_now"]
    shown = set(re.findall(r'<select1 [^>]*ref="[^"]*/(\w+)"', xform))
    assert {"held_now", "self_harm", "referred", "danger_told"} <= shown


@pytest.fixture
def returned(tmp_path, form):
    """Three interviews of the shipped form: one well, one watched, one a child."""
    new_study(tmp_path / "study")
    calm = {
        "start": "2026-08-03T08:00:00", "end": "2026-08-03T08:40:00",
        "site_code": "XB-POIPET", "int_date": "2026-08-03", "truck_seq": "1",
        "truck_n": "40", "private": "1", "consent_read": "1", "consent_given": "1",
        "sex": "2", "int_sex": "2", "age": "30", "held_now": "0", "self_harm": "0",
        "distress": "0", "injury": "0", "sel_outcome": "1", "danger_now": "0",
        "travel_with": "friend", "threat_family": "0", "threat_kill": "0",
        "sexual_v": "0", "route_abuse": "none", "referred": "0", "deport_12m": "0",
    }  # fmt: skip
    watched = {"held_now": "2", "danger_now": "1", "referred": "1", "danger_told": "1"}
    child = {
        "age": "15", "child_guard": "1", "danger_now": "0", "sexual_v": "",
        "travel_with": "parents",
    }  # fmt: skip
    names = [item.name for item in form.questions if item.is_answered]
    rows = [
        {**calm, **more, "_uuid": f"u{n}", "_id": f"{n}", "__version__": "2"}
        for n, more in enumerate([{}, watched, child], start=1)
    ]
    table = pd.DataFrame(rows, columns=[*names, "_uuid", "_id", "__version__"])
    table.to_csv(tmp_path / "study/data/round_1.csv", index=False)
    mapping = '[columns]\n"_uuid" = "rec_id"\n'
    (tmp_path / "study/mapping.toml").write_text(mapping, encoding="utf-8")
    path = tmp_path / "study/study.toml"
    text = path.read_text(encoding="utf-8")
    named = 'mapping = "mapping.toml"'
    assert named in text
    text = text.replace(named, f'{named}\nform = "forms/deportee.xlsx"', 1)
    path.write_text(text, encoding="utf-8")
    return ingest_study(load_study(path))


def test_study__the_form_and_the_list_see_the_same_persons(returned):
    found = referral_list(returned, load_referral_flags()).frame.set_index("rec_id")
    assert found.loc["u2", "flags"] == "STILL_HELD"
    assert found.loc["u2", "status"] == "handled"
    assert found.loc["u3", "flags"] == "MINOR"
    assert found.loc["u3", "status"] == "open"
    # The child's form could not have been finished like that: a value was changed.
    told = [str(item) for item in returned.problems if "danger_now" in str(item)]
    (line,) = [text for text in told if "Not checked" not in text]
    assert line.startswith("data/round_1.csv:4:danger_now: '0' came, expected '1'")
