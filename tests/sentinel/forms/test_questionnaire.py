"""The shipped questionnaire: it works on every form server, and it protects people."""

from __future__ import annotations

import pandas as pd
import pytest
from pyxform.xls2xform import convert

from sentinel.ingest.forms import Rows, Texts, deportee_form, deportee_form_bytes
from sentinel.ingest.forms.evaluate import evaluate
from sentinel.schema.codebook import load_codebook
from sentinel.schema.identifiers import identifier_in_name

GATE = "${private} = '1' and ${consent_given} = '1'"
BEFORE_CONSENT = {"selection", "consent", "closing"}


@pytest.fixture(scope="module")
def form():
    return deportee_form()


def test_questionnaire__pyxform_makes_a_form_of_it():
    warnings: list[str] = []
    found = convert(deportee_form_bytes(), warnings=warnings, file_type=".xlsx")
    assert "<h:title>Interview at return</h:title>" in found.xform
    assert warnings == []


def test_questionnaire__the_same_bytes_every_time():
    assert deportee_form_bytes() == deportee_form_bytes()


def test_questionnaire__every_asked_variable_of_the_codebook_and_nothing_else(form):
    codebook = load_codebook("deportee")
    asked = {
        item.name
        for item in codebook
        if item.record == "interview" and not item.derived and item.kind != "id"
    }
    unasked = {"note", "meta", "calculate"}
    questions = {item.name for item in form.questions if item.kind not in unasked}
    # Interviewers have codes; the round comes from the study file; districts are free
    # text; coupons belong to another sampling.
    assert questions - asked == {"interviewer_id"}
    assert asked - questions == {"round_id", "origin_adm2", "coupon_out"}


def test_questionnaire__no_field_for_a_name_a_telephone_or_a_place_on_earth(form):
    assert {item.kind for item in form.questions} <= {
        "meta", "select_one", "select_multiple", "integer", "decimal", "date", "note",
        "text", "calculate",
    }  # fmt: skip
    open_text = [item.name for item in form.questions if item.kind == "text"]
    assert open_text == ["interviewer_id"]
    assert {item.meta for item in form.questions if item.kind == "meta"} == {
        "start",
        "end",
    }
    assert not any(
        identifier_in_name(item.name)
        for item in form.questions
        if not item.choices and item.name != "phone"
    )


def test_questionnaire__nothing_of_the_person_before_privacy_and_consent(form):
    names = [item.name for item in form.questions]
    assert names.index("private") < names.index("consent_given") < names.index("sex")
    for item in form.questions:
        if item.kind != "meta" and item.groups[0] not in BEFORE_CONSENT:
            assert GATE in item.relevant


def test_questionnaire__skip_rules_are_those_of_the_codebook(form):
    """Every rule judges every lawful answer of the question before it alike."""
    codebook = load_codebook("deportee")
    for variable in codebook:
        condition = variable.asked_if
        if condition is None or variable.name == "child_guard":
            continue
        (gate,) = condition.variables
        before = codebook[gate]
        answers = [*before.codes, *before.missing, *(["3", "17"] if before.low else [])]
        frame = pd.DataFrame({gate: pd.Series(answers, dtype="str")})
        states = pd.DataFrame(
            {gate: [before.missing.get(answer, 0) for answer in answers]}
        )
        values = frame.mask(states != 0)
        expected = condition.evaluate(values, states)[0]
        question = form.question(variable.name)
        own = question.relevant.rpartition(" and (")[2].removesuffix(")")
        texts = Texts.of(frame[gate], is_number=before.is_numeric)
        rows = Rows(n=len(frame), columns={gate: texts})
        found = evaluate(own if own.count("(") == own.count(")") else f"({own}", rows)
        assert not found.not_checked
        assert found.true.tolist() == expected.tolist(), variable.name


@pytest.mark.parametrize(
    ("age", "int_sex", "sex", "asked"),
    [
        ("17", "2", "2", False),
        ("18", "2", "2", True),
        ("30", "1", "2", False),
        ("98", "2", "2", False),
        ("-8", "2", "2", False),
        ("", "2", "2", False),
    ],
)
def test_questionnaire__sexual_violence_adults_and_same_sex_only(
    form, age, int_sex, sex, asked
):
    given = {
        "age": age, "int_sex": int_sex, "sex": sex, "private": "1",
        "consent_given": "1", "child_guard": "",
    }  # fmt: skip
    columns = {
        name: Texts.of(pd.Series([text], dtype="str"), is_number=name == "age")
        for name, text in given.items()
    }
    found = evaluate(form.question("sexual_v").relevant, Rows(n=1, columns=columns))
    assert found.known.all()
    assert found.true.tolist() == [asked]


def test_questionnaire__seven_languages_ready_to_fill(form):
    assert len(form.languages) == 7
    assert {"Khmer (km)", "Lao (lo)", "Myanmar (my)", "Thai (th)"} <= set(
        form.languages
    )
    silent = {"meta", "calculate"}
    assert all(item.labels for item in form.questions if item.kind not in silent)
