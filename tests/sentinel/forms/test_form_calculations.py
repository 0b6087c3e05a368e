"""Calculations computed again: what agrees, what differs, what cannot be known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.ingest.forms import FormDefinition, Question, Rows, Texts, read_form
from sentinel.ingest.forms.calculations import (
    calculation_circles,
    disagreements,
    holding_text,
)
from sentinel.ingest.forms.checks import OPEN
from tests.sentinel.forms.test_form_choices import listed
from tests.sentinel.forms.xlsforms import write_form

PAY = [
    {"type": "integer", "name": "days"},
    {"type": "decimal", "name": "wage"},
    {"type": "text", "name": "boss"},
    {"type": "calculate", "name": "pay", "calculation": "round(${days} * ${wage}, 2)"},
]


def calculated(formula: str, **more: str) -> list[dict[str, str]]:
    return [*PAY, {"type": "calculate", "name": "c", "calculation": formula, **more}]


def form_of(tmp_path, questions):
    return read_form(write_form(tmp_path / "f.xlsx", questions))


def test_calculation__a_disagreement_shows_row_and_both_values(tmp_path):
    found = listed(
        form_of(tmp_path, PAY),
        days=["3", "3", "", "2"],
        wage=["2.5", "2.5", "4", "1.3375"],
        pay=["7.5", "8", "4", "2.68"],
    )
    assert [text.split(":")[1] for text in found] == ["3", "4"]
    assert "'8' came, expected '7.5', which its calculation gives" in found[0]
    # A missing answer is the empty text: no number, and so an empty result.
    assert "'4' came, expected nothing, which its calculation gives" in found[1]
    assert "round(days * wage, 2)" in found[0]


@pytest.mark.parametrize(
    ("formula", "right", "wrong"),
    [
        ("${days} + ${wage}", "5.5", "5"),
        ("${days} div 7", "0.42857142857142855", "0.43"),
        ("${days} div 7", "0.428571428571429", "0.42857"),
        ("if(${days} > 2, 'many', 'few')", "many", "few"),
        ("${days} > 2", "true", "false"),
        ("${days} > 2", "1", "0"),
        ("${days} > 2", "True", ""),
        ("concat(${days}, ' days')", "3 days", "4 days"),
        ("coalesce(${pay}, 0)", "7.5", "0"),
        ("number(${boss})", "", "0"),
        ("date('2026-03-01') + 1", "2026-03-02", "2026-03-03"),
        ("'007'", "7", "8"),
        ("string-length(${boss})", "6", "5"),
        ("1 div 0", "Infinity", ""),
        ("concat(1 div 10000000, '')", "0.0000001", "1e-07"),
    ],
)
def test_calculation__spellings_that_mean_the_same(tmp_path, formula, right, wrong):
    form = form_of(tmp_path, calculated(formula))
    given = {"days": ["3"], "wage": ["2.5"], "boss": ["mr tan"], "pay": ["7.5"]}
    if formula != "1 div 0":
        assert listed(form, **given, c=[right]) == []
    assert len(listed(form, **given, c=[wrong])) == 1


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("once(${days})", "once() cannot be computed again"),
        ("today()", "today() cannot be computed again"),
        ("now()", "now() cannot be computed again"),
        ("if(${days} > 1, uuid(), 'x')", "uuid() cannot be computed again"),
        ("random()", "random() cannot be computed again"),
        ("pulldata('a', 'b', 'c', ${days})", "pulldata() is not evaluated"),
        ("sum(${wage})", "sum() is not evaluated"),
        ("jr:choice-name(${boss}, 'x')", "jr:choice-name() is not evaluated"),
        ("${c} + 1", "it hangs on itself"),
        ("if(. = '', 1, .)", "its own earlier value"),
        ("../days", "is a path"),
        ("indexed-repeat(${days}, ${wage}, 1)", "is not evaluated"),
    ],
)
def test_calculation__what_cannot_be_computed_again_is_never_true(
    tmp_path, formula, reason
):
    form = form_of(tmp_path, calculated(formula))
    (line,) = listed(form, days=["3"], wage=["2"], boss=["x"], pay=["6"], c=["99"])
    assert "Not checked: calculation of c" in line
    assert reason in line


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"type": "calculate_here"}, "at one moment only"),
        ({"trigger": "${days}"}, "at one moment only"),
        ({"type": "integer"}, "may be typed over"),
    ],
)
def test_calculation__values_of_a_moment_are_not_checked(tmp_path, more, reason):
    form = form_of(tmp_path, calculated("${days} + 1", **more))
    (line,) = listed(form, days=["3"], wage=["2"], boss=["x"], pay=["6"], c=["99"])
    assert reason in line


def test_calculation__not_relevant_is_blank_and_told_once(tmp_path):
    form = form_of(tmp_path, calculated("${days} + 1", relevant="${days} > 2"))
    given = {"wage": ["1"] * 3, "boss": [""] * 3, "pay": ["3", "1", "1"]}
    found = listed(form, days=["3", "1", "1"], **given, c=["4", "", "2"])
    (line,) = found
    assert line.startswith("f.csv:4:c: '2' came, expected no answer")


def test_calculation__one_that_passes_text_on_is_never_shown(tmp_path):
    """Also through a second calculation, and in findings about its skip rule."""
    questions = [
        *calculated("concat('with ', ${boss})"),
        {
            "type": "calculate",
            "name": "d",
            "calculation": "concat(${c}, '!')",
            "relevant": "${days} > 2",
        },
    ]
    form = form_of(tmp_path, questions)
    found = listed(
        form,
        days=["3", "1"],
        wage=["2", "2"],
        boss=["Somchai", "Somchai"],
        pay=["6", "2"],
        c=["with Somsak", "with Somchai"],
        d=["with Somsak?", "with Somsak!"],
    )
    assert len(found) == 3
    assert not any("Som" in text for text in found)
    assert "text that is not shown" in found[0]


def test_calculation__in_a_repeat_reads_the_interview_around_it(tmp_path):
    formula = "${days} * ${price}"
    questions = [
        PAY[0],
        {"type": "begin repeat", "name": "jobs"},
        {"type": "integer", "name": "price"},
        {"type": "calculate", "name": "cost", "calculation": formula},
        {"type": "end repeat"},
    ]
    question = form_of(tmp_path, questions).question("cost")
    columns = {
        "days": Texts.of(pd.Series(["2", "3"]), is_number=True),
        "price": Texts.of(pd.Series(["5", "5"]), is_number=True),
    }
    exported = Texts.of(pd.Series(["10", "10"]))
    found, computed = disagreements(question, exported, Rows(n=2, columns=columns))
    assert found.true.tolist() == [False, True]
    assert computed.objects().tolist() == ["10", "15"]


def test_circles__are_a_warning_of_the_form_and_checked_by_nobody(tmp_path):
    questions = [
        PAY[0],
        {"type": "calculate", "name": "a", "calculation": "${b} + ${days}"},
        {"type": "calculate", "name": "b", "calculation": "${c} + 1"},
        {"type": "calculate", "name": "c", "calculation": "${a} + 1"},
        {"type": "calculate", "name": "d", "calculation": "${a} + 1"},
    ]
    form = form_of(tmp_path, questions)
    (problem,) = form.problems
    assert problem.severity == "warning"
    assert problem.hint.startswith("a, b, c do: their values are not checked")
    lines = listed(form, days=["1"], a=["9"], b=["9"], c=["9"], d=["1"])
    assert "f.csv:2:d: '1' came, expected '10'" in lines[0]
    assert lines[1].count("it hangs on itself") == 3


def test_circles__of_50000_calculations_are_found_without_recursion():
    n = 50_000
    questions = tuple(
        Question(name=f"q{i}", kind="calculate", calculation=f"${{q{(i + 1) % n}}}")
        for i in range(n)
    )
    form = FormDefinition(file="f", questions=questions)
    (circle,) = calculation_circles(form)
    assert len(circle) == n
    assert holding_text(form, OPEN) == frozenset()


NUMBERS = st.sampled_from(["", "0", "1", "2.5", "-3", "17"])
FORMULAS = st.recursive(
    st.sampled_from(["${a}", "${b}", "${t}", "1", "2.5", "'x'", "''"]),
    lambda inner: st.one_of(
        st.builds(
            "({} {} {})".format,
            inner,
            st.sampled_from(["+", "-", "*", "div", "mod", "=", "<", "and", "or"]),
            inner,
        ),
        st.builds("if({}, {}, {})".format, inner, inner, inner),
        st.builds("concat({}, {})".format, inner, inner),
        st.builds("coalesce({}, {})".format, inner, inner),
        st.builds("round({}, 1)".format, inner),
        st.builds("number({})".format, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(FORMULAS, st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=5))
def test_calculation__its_own_result_agrees_and_another_does_not(formula, table):
    a, b, t = (pd.Series(cells, dtype="str") for cells in zip(*table, strict=True))
    columns = {
        "a": Texts.of(a, is_number=True),
        "b": Texts.of(b, is_number=True),
        "t": Texts.of(t),
    }
    rows = Rows(n=len(table), columns=columns)
    question = Question(name="c", kind="calculate", calculation=formula)
    nothing = Texts.constant("", rows.n)
    _, computed = disagreements(question, nothing, rows)
    found, again = disagreements(question, computed, rows)
    assert not found.true.any()
    assert again.objects().tolist() == computed.objects().tolist()
    strange = Texts.constant("something else", rows.n)
    wrong, _ = disagreements(question, strange, rows)
    assert (wrong.true == wrong.known).all()


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("(" * 100_000 + "1" + ")" * 100_000, "characters"),
        ("-" * 100_000 + "1", "characters"),
        ("if(" * 3_000 + "1", "nested deeper"),
        ("not(" * 59 + "1" + "+1" * 150 + ")" * 59, ""),
    ],
)
def test_calculation__nesting_without_end_is_not_evaluated(formula, reason):
    question = Question(name="c", kind="calculate", calculation=formula)
    exported = Texts.of(pd.Series(["1", "0"]))
    found, _ = disagreements(question, exported, Rows(n=2))
    assert reason in " ".join(found.not_checked)
    if reason:
        assert not found.known.any()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(alphabet="${}ab1.' \"()=<>!andor,-+*/|[]#once", max_size=60))
def test_calculation__no_text_breaks_it(text):
    rows = Rows(n=2, columns={"a": Texts.of(pd.Series(["1", ""]))})
    question = Question(name="c", kind="calculate", calculation=text)
    found, _ = disagreements(question, Texts.of(pd.Series(["1", "x"])), rows)
    assert found.true.shape == (2,)
    assert not (found.true & ~found.known).any()


def test_calculation__days_of_surveycto_are_read_and_others_are_not_known(tmp_path):
    """An unreadable day is no empty one: it would disagree with every result."""
    formula = "int((${visit} - ${born}) div 365.25)"
    questions = [
        {"type": "date", "name": "visit", "constraint": ". > ${born}"},
        {"type": "date", "name": "born"},
        {"type": "calculate", "name": "years", "calculation": formula},
    ]
    found = listed(
        form_of(tmp_path, questions),
        visit=["Mar 2, 2026", "2026-03-02", "2 mars 2026", "Mar 2, 2026 9:00:00 AM"],
        born=["Feb 1, 2000", "Feb 1, 2000", "2000-02-01", "2027-01-01"],
        years=["26", "25", "26", "0"],
    )
    assert [line.split(": ")[0] for line in found[:2]] == [
        "f.csv:5:visit",
        "f.csv:3:years",
    ]
    assert "Not checked: constraint of visit" in found[2]
    assert len(found) == 3


@pytest.mark.parametrize("kind", ["start", "end", "datetime", "time"])
def test_calculation__with_a_time_of_day_is_not_checked(tmp_path, kind):
    questions = [
        {"type": kind, "name": "at"},
        {"type": "calculate", "name": "c", "calculation": "${at} * 1440"},
    ]
    (line,) = listed(
        form_of(tmp_path, questions), at=["2026-03-02T09:00:00.000+07:00"], c=["5"]
    )
    assert "Not checked: calculation of c: the time of day in at" in line


def test_calculation__no_rows():
    rows = Rows(n=0, columns={"a": Texts.of(pd.Series([], dtype="str"))})
    none = Texts.of(pd.Series([], dtype="str"))
    for text in ("${a} + 1", "concat(${a}, 'x')", "${a} = 1", "if(${a}, 'x', ${a})"):
        question = Question(name="c", kind="calculate", calculation=text)
        found, _ = disagreements(question, none, rows)
        np.testing.assert_array_equal(found.true, np.zeros(0, bool))
