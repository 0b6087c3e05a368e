"""The form refuses to be finished while a danger is not handed over."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pyxform.xls2xform import convert

from sentinel.classify import load_referral_flags, referral_list
from sentinel.ingest.forms import Rows, Texts, deportee_form, deportee_form_bytes
from sentinel.ingest.forms.evaluate import evaluate, evaluate_value
from sentinel.ingest.forms.questionnaire import DANGERS

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
