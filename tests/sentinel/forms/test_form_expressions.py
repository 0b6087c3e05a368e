"""Form expressions: the rules of XPath and ODK, the unknown, and a slow twin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.ingest.forms import Rows, Texts, evaluate
from sentinel.ingest.forms.xpath_syntax import (
    DEEPEST,
    parse_expression,
    references,
)
from tests.twins import form_expressions as twin


def rows(**columns: list[str]) -> Rows:
    """Return rows; names that begin with n_ are stored as numbers."""
    texts = {
        "." if name == "own" else name: Texts.of(
            pd.Series(values, dtype="str"), is_number=name.startswith("n_")
        )
        for name, values in columns.items()
    }
    return Rows(n=len(next(iter(columns.values()))), columns=texts)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # Missing is the empty text: no number is smaller or larger, and "" differs.
        ("${n_age} < 18", [True, False, False]),
        ("${n_age} >= 18", [False, True, False]),
        ("${n_age} != 17", [False, True, True]),
        ("${n_age} = ''", [False, False, True]),
        ("not(${n_age} < 18)", [False, True, True]),
        ("${why} = 'debt'", [False, False, False]),
        ("selected(${why}, 'debt')", [True, False, False]),
        # A part of a code is not the code.
        ("selected(${why}, 'deb')", [False, False, False]),
        ("count-selected(${why})", [True, True, False]),
        ("count-selected(${why}) > 1", [True, False, False]),
        ("string-length(${why}) = 9", [True, False, False]),
        ("regex(${why}, '[a-z ]+')", [True, True, False]),
        ("regex(${why}, 'debt')", [False, False, False]),  # the whole text
        ("if(${n_age} < 18, 'child', 'adult') = 'child'", [True, False, False]),
        ("coalesce(${n_age}, 5) = 5", [False, False, True]),
        ("int(${n_age} div 2) = 8", [True, False, False]),
        ("${n_age} mod 5 = 2", [True, False, False]),
        ("${n_age} * 2 + 1 > 40", [False, True, False]),
        ("-${n_age} < -20", [False, True, False]),
        ("number(${n_age}) + 1 = 18", [True, False, False]),
        ("${n_age} > 1 and ${why} != '' or false()", [True, True, False]),
        ("date('2020-03-01') > date('2020-02-28')", [True, True, True]),
        ("contains(${why}, 'bt')", [True, False, False]),
        ("round(2.5) = 3", [True, True, True]),
        ("min(${n_age}, 20) = 17", [True, False, False]),
    ],
)
def test_evaluate__rules(expression, expected):
    found = evaluate(
        expression, rows(n_age=["17", "30.0", ""], why=["debt docs", "docs", ""])
    )
    assert found.true.tolist() == expected
    assert found.known.all()
    assert not found.not_checked


def test_evaluate__an_answer_stored_as_number_equals_its_other_spelling():
    found = evaluate("${n_a} = ${n_b}", rows(n_a=["18", "", "1"], n_b=["18.0", "", ""]))
    assert found.true.tolist() == [True, True, False]
    text = evaluate("${a} = '01'", rows(a=["1", "01", ""]))
    assert text.true.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("pulldata('list', 'a', 'b', ${n_age}) = 1", "pulldata() is not evaluated"),
        ("${gone} = 1", "gone is not there"),
        ("today() > 5", "does not say the day"),
        ("../age = 1", "is a path"),
        ("n_age > 18", "no question; those are written ${n_age}"),
        ("${n_age} = ", "is not expected there"),
        ("selected(${n_age})", "with 1 arguments"),
        ("regex(${n_age}, '(?<=a)b')", "pattern that our matcher does not know"),
        ("${last-saved#n_age} = 1", "cannot be known from an export"),
        ("“a” = 1", "cannot be read"),
        ("(" * (DEEPEST + 5) + "1" + ")" * (DEEPEST + 5), "nested deeper"),
        ("1" + " + 1" * 6000, "characters"),
        ("(" * 30 + "1" + ("+1" * 150 + ")") * 30, "nested too deeply"),
    ],
)
def test_evaluate__what_is_not_ours_is_never_true(expression, reason):
    found = evaluate(expression, rows(n_age=["17", "30"]))
    assert not found.true.any()
    assert not found.known.any()
    assert reason in " ".join(found.not_checked)
    negated = evaluate(f"not({expression})", rows(n_age=["17", "30"]))
    assert not negated.true.any()


def test_evaluate__one_decisive_side_is_enough():
    table = rows(n_age=["17", "30"])
    either = evaluate("${n_age} < 18 or pulldata('x')", table)
    assert (either.true.tolist(), either.known.tolist()) == ([True, False],) * 2
    both = evaluate("${n_age} < 18 and pulldata('x')", table)
    assert (both.false.tolist(), both.known.tolist()) == ([False, True],) * 2


def test_evaluate__today_is_the_day_of_the_interview():
    table = rows(n_day=["2026-03-01", "2026-03-05", ""])
    day = Texts.of(pd.Series(["2026-03-02T09:00:00+07:00"] * 3, dtype="str"))
    dated = Rows(n=3, columns=table.columns, today=day)
    assert evaluate("${n_day} <= today()", dated).true.tolist() == [True, False, False]


def test_evaluate__no_rows():
    for text in ("${n_a} = 1", "selected(${n_a}, 'x')", "regex(${n_a}, 'x')"):
        assert evaluate(text, rows(n_a=[])).true.tolist() == []


def test_references__each_once_with_spaces_and_last_saved():
    assert references("${a} + ${ b } + ${a} + ${last-saved#c}") == ("a", "b", "c")


@pytest.mark.parametrize(
    "text",
    ["${" + " " * 30_000, "${" + " " * 15_000 + "a" + " " * 15_000, "${ " * 9_000],
)
def test_references__blanks_without_end_take_no_time(text):
    """Such a cell once took time with the third power of its length."""
    assert references(text) == ()
    assert not evaluate(text[:9_000], rows(a=["1"])).known.any()


CODES = st.sampled_from(["", "a", "b", "a b", "1", "2.0", "17", "x1"])
NUMBERS = st.sampled_from(["", "0", "1", "2.0", "17", "-3", "2026-03-01"])
LEAVES = st.sampled_from(
    ["${n_a}", "${n_b}", "${t_a}", "${t_b}", "${gone}", "'a'", "''", "1", "17", "2.5"]
)


def combined(inner):
    sign = st.sampled_from(
        ["=", "!=", "<", "<=", ">", ">=", "and", "or", "+", "-", "*"]
    )
    return st.one_of(
        st.builds("({} {} {})".format, inner, sign, inner),
        st.builds("not({})".format, inner),
        st.builds("if({}, {}, {})".format, inner, inner, inner),
        st.builds("selected({}, {})".format, inner, st.sampled_from(["'a'", "'1'"])),
        st.builds("coalesce({}, {})".format, inner, inner),
        st.builds("count-selected({})".format, st.sampled_from(["${t_a}", "${n_a}"])),
        st.builds("string-length({})".format, st.sampled_from(["${t_a}", "${n_b}"])),
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.recursive(LEAVES, combined, max_leaves=8),
    st.lists(st.tuples(NUMBERS, NUMBERS, CODES, CODES), min_size=1, max_size=6),
)
def test_evaluate__equals_the_twin(expression, table):
    columns = list(zip(*table, strict=True))
    names = ("n_a", "n_b", "t_a", "t_b")
    found = evaluate(
        expression, rows(**{n: list(c) for n, c in zip(names, columns, strict=True)})
    )
    if "truth value and something else" in " ".join(found.not_checked):
        return  # said to be not checked
    tree = parse_expression(expression)
    for place, row in enumerate(table):
        kinds = (twin.Number, twin.Number, str, str)
        answers = {n: k(v) for n, k, v in zip(names, kinds, row, strict=True)}
        expected = twin.evaluate(tree, answers)
        assert found.known[place] == (expected is not None)
        if expected is not None:
            assert found.true[place] == twin.truth(expected)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="${}ab1.' \"()=<>!andor,-+*/|[]#selected", max_size=60))
def test_evaluate__no_text_breaks_it(text):
    found = evaluate(text, rows(a=["1", ""], own=["x", ""]))
    assert found.true.shape == (2,)
    assert not (found.true & ~found.known).any()


def test_evaluate__large_tables_are_worked_on_by_distinct_text():
    """200 000 rows, five conditions: the figure is measured in benchmarks/speed."""
    rng = np.random.default_rng(1)
    ages = rng.integers(5, 99, 200_000).astype(str).tolist()
    found = evaluate("${n_age} < 18 and ${n_age} >= 12", rows(n_age=ages))
    whole = np.array(ages, dtype=float)
    assert found.true.sum() == ((whole < 18) & (whole >= 12)).sum()
