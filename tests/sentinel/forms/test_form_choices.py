"""Choice filters: what a cascade leaves open, the unknown, a slow twin, large lists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.ingest.forms import (
    Choice,
    Question,
    Rows,
    Texts,
    choice_filters,
    read_form,
)
from sentinel.ingest.forms.checks import AnswerTable, check_answers
from sentinel.ingest.forms.choice_filters import left_out
from sentinel.ingest.forms.versions import join_versions
from sentinel.ingest.forms.xpath_syntax import parse_expression
from sentinel.schema.problems import Problems
from tests.sentinel.forms.xlsforms import write_form
from tests.twins import form_expressions as twin

CASCADE = [
    {"type": "select_one province", "name": "province"},
    {
        "type": "select_one district",
        "name": "district",
        "choice_filter": "province = ${province}",
    },
    {
        "type": "select_multiple district",
        "name": "visited",
        "choice_filter": "province = ${province} and name != ${district}",
    },
]
PLACES = [
    {"list_name": "province", "name": "1"},
    {"list_name": "province", "name": "2"},
    {"list_name": "district", "name": "a", "province": "1"},
    {"list_name": "district", "name": "b", "province": "1"},
    {"list_name": "district", "name": "c", "province": "2"},
    # One code in two provinces: open in both.
    {"list_name": "district", "name": "town", "province": "1"},
    {"list_name": "district", "name": "town", "province": "2"},
]


def cascade(tmp_path, questions=None, answers=None):
    return read_form(
        write_form(tmp_path / "f.xlsx", questions or CASCADE, answers or PLACES)
    )


def listed(form, **columns: list[str]) -> list[str]:
    frame = pd.DataFrame(
        {name: pd.Series(cells, dtype="str") for name, cells in columns.items()}
    )
    problems = Problems()
    table = AnswerTable(label="f.csv", frame=frame, rows=np.arange(2, 2 + len(frame)))
    check_answers(form, table, problems)
    return [str(item) for item in problems]


def test_reading__a_filtered_list_keeps_every_line_and_its_columns(tmp_path):
    form = cascade(tmp_path)
    assert not form.problems
    question = form.question("district")
    assert question.codes == ("a", "b", "c", "town")
    assert [item.columns["province"] for item in question.listed] == list("11212")
    assert form.question("province").listed == ()


def test_cascade__an_answer_of_another_province_is_found_with_its_row(tmp_path):
    found = listed(
        cascade(tmp_path),
        province=["1", "1", "2", "", "2"],
        district=["a", "c", "town", "a", ""],
        visited=["b", "b town", "c", "", "a c"],
    )
    assert [text.split(": ")[0] for text in found] == [
        "f.csv:3:district",
        "f.csv:5:district",
        "f.csv:6:visited",
    ]
    assert "'c' came, expected a choice that is open" in found[0]
    assert "province = province" in found[0]


def test_multiple__every_chosen_code_must_be_open(tmp_path):
    found = listed(
        cascade(tmp_path), province=["1"], district=["a"], visited=["b a town"]
    )
    assert len(found) == 1
    assert "f.csv:2:visited" in found[0]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("province = ${gone}", "gone is not there"),
        ("provnce = ${province}", "the choices have no column provnce"),
        ("pulldata('a', 'b', name) = '1'", "pulldata() is not evaluated"),
        ("province = current()/../province", "is a path"),
        ("province = ", "is not expected there"),
        (". = ${province}", "its own answer"),
    ],
)
def test_filter__what_cannot_be_evaluated_judges_nobody_and_is_said(
    tmp_path, rule, reason
):
    questions = [CASCADE[0], {**CASCADE[1], "choice_filter": rule}]
    questions.append({"type": "text", "name": "gone"})
    form = cascade(tmp_path, questions)
    (line,) = listed(form, province=["1", "1"], district=["c", "a"])
    assert "Not checked: choice_filter of district" in line
    assert reason in line


def test_filter__of_choices_in_another_file_is_not_checked(tmp_path):
    questions = [
        CASCADE[0],
        {
            "type": "select_one_from_file places.csv",
            "name": "district",
            "choice_filter": "province = ${province}",
        },
    ]
    form = cascade(tmp_path, questions)
    (line,) = listed(form, province=["1"], district=["x"])
    assert "its choices stand in another file" in line


def test_filter__other_stands_outside_of_it(tmp_path):
    questions = [CASCADE[0], {**CASCADE[1], "type": "select_one district or_other"}]
    form = cascade(tmp_path, questions)
    assert listed(form, province=["1"], district=["other"]) == []


def test_filter__numbers_are_compared_as_numbers(tmp_path):
    questions = [
        {"type": "integer", "name": "age"},
        {"type": "select_one job", "name": "job", "choice_filter": "from <= ${age}"},
        {"type": "select_one job", "name": "now", "choice_filter": "from = ${age}"},
    ]
    answers = [
        {"list_name": "job", "name": "school", "from": "6"},
        {"list_name": "job", "name": "factory", "from": "15"},
    ]
    found = listed(
        cascade(tmp_path, questions, answers),
        age=["15.0", "14", ""],
        job=["factory", "factory", "school"],
        now=["factory", "school", ""],
    )
    places = [text.split(": ")[0] for text in found]
    assert places == ["f.csv:3:job", "f.csv:4:job", "f.csv:3:now"]


CELLS = st.sampled_from(["", "1", "2", "1.0", "a", "a b"])
LEAVES = st.sampled_from(
    ["${t}", "${n_n}", "${gone}", "col", "name", "other_col", "'1'", "1", "''"]
)


def combined(inner):
    sign = st.sampled_from(["=", "=", "!=", "<", "and", "and", "or"])
    return st.one_of(
        st.builds("({} {} {})".format, inner, sign, inner),
        st.builds("not({})".format, inner),
        st.builds("selected({}, {})".format, st.just("${t}"), inner),
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.recursive(LEAVES, combined, max_leaves=6)
    | st.builds("col = ${{t}} and {}".format, st.recursive(LEAVES, combined)),
    st.lists(st.tuples(st.sampled_from("xyz"), CELLS), min_size=1, max_size=5),
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["x", "y", "z", "foreign"]), max_size=3),
            CELLS,
            st.sampled_from(["", "1", "1.0", "2"]),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_left_out__equals_the_twin(rule, lines, table):
    """Row by row and choice by choice, in Kleene's logic over `any` and `all`."""
    choices = tuple(Choice(name=code, columns={"col": cell}) for code, cell in lines)
    question = Question(
        name="q",
        kind="select_multiple",
        choices=choices,
        listed=choices,
        choice_filter=rule,
    )
    chosen, texts, numbers = zip(*table, strict=True)
    columns = {
        "t": Texts.of(pd.Series(texts, dtype="str")),
        "n_n": Texts.of(pd.Series(numbers, dtype="str"), is_number=True),
    }
    own = Texts.of(pd.Series([" ".join(codes) for codes in chosen], dtype="str"))
    found = left_out(question, own, Rows(n=len(table), columns=columns))
    tree = parse_expression(rule)
    for place, (codes, text, number) in enumerate(table):
        answers = {"t": text, "n_n": twin.Number(number)}
        states = [
            code_is_open(tree, answers, [item for item in choices if item.name == code])
            for code in codes
            if code in {item.name for item in choices}
        ]
        shut = False in states
        assert found.true[place] == shut
        assert found.known[place] == (shut or None not in states)


def code_is_open(tree, answers, lines):
    values = []
    for line in lines:
        given = {**answers, "choice name": line.name}
        given["choice col"] = line.columns["col"]
        value = twin.evaluate(tree, given)
        values.append(None if value is None else twin.truth(value))
    if True in values:
        return True
    return None if None in values else False


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(alphabet="${}tcol1.' \"()=<>!andor,-+*/|[]#name", max_size=60))
def test_left_out__no_text_breaks_it(rule):
    lines = (Choice(name="x", columns={"col": "1"}), Choice(name="y"))
    question = Question(
        name="q", kind="select_one", choices=lines, listed=lines, choice_filter=rule
    )
    rows = Rows(n=3, columns={"t": Texts.of(pd.Series(["1", "", "x"], dtype="str"))})
    own = Texts.of(pd.Series(["x", "y", "z"], dtype="str"))
    found = left_out(question, own, rows)
    assert found.true.shape == (3,)
    assert not (found.true & ~found.known).any()
    assert not found.true[2]  # a code that the list lacks is judged elsewhere


def test_left_out__no_rows_and_no_answers():
    lines = (Choice(name="x", columns={"g": "1"}),)
    question = Question(
        name="q",
        kind="select_one",
        choices=lines,
        listed=lines,
        choice_filter="g = ${t}",
    )
    for cells in ([], ["", ""]):
        texts = Texts.of(pd.Series(cells, dtype="str"))
        found = left_out(question, texts, Rows(n=len(cells), columns={"t": texts}))
        assert (found.true.sum(), found.known.all()) == (0, True)


@pytest.mark.parametrize("dense", [True, False])
def test_left_out__too_many_pairs_are_said_and_not_tried(monkeypatch, dense):
    """Many codes in every cell, or many lines of every code."""
    monkeypatch.setattr(choice_filters, "_MOST_PAIRS", 1_000)
    codes = [f"c{n}" for n in range(100)] if dense else ["c"]
    lines = tuple(
        Choice(name=code, columns={"g": str(n)})
        for code in codes
        for n in range(1 if dense else 100)
    )
    question = Question(
        name="q",
        kind="select_multiple",
        choices=lines,
        listed=lines,
        choice_filter="g < ${t}",
    )
    t = Texts.of(pd.Series([str(n) for n in range(20)], dtype="str"), is_number=True)
    own = Texts.constant(" ".join(codes), 20)
    found = left_out(question, own, Rows(n=20, columns={"t": t}))
    assert not found.known.any()
    assert found.not_checked == ("2000 pairs of answers and choices",)


def test_versions__a_filter_that_changed_judges_only_rows_of_its_version(tmp_path):
    """Rows of no known version are judged by what all versions agree on."""
    moved = [
        line | {"province": "2"} if line["name"] == "a" else line for line in PLACES
    ]
    old = read_form(write_form(tmp_path / "a.xlsx", CASCADE, PLACES, version="1"))
    new = read_form(write_form(tmp_path / "b.xlsx", CASCADE, moved, version="2"))
    joined = join_versions([old, new])
    answers = {"province": ["1"], "district": ["a"], "visited": ["b"]}
    assert listed(old, **answers) == []
    assert len(listed(new, **answers)) == 1
    assert listed(joined.agreed, **answers) == []
    same = join_versions([old, replace(old, version="3")])
    assert len(listed(same.agreed, **answers | {"district": ["c"]})) == 1


def test_left_out__a_list_of_50000_villages_costs_what_the_answers_do():
    """Pairs are joined on the province: 200 000 answers, not 10^10 pairs."""
    rng = np.random.default_rng(3)
    n, provinces = 200_000, 500
    lines = tuple(
        Choice(name=str(village), columns={"province": f"p{province}"})
        for province in range(provinces)
        for village in range(100)
    )
    question = Question(
        name="village",
        kind="select_one",
        choices=lines[:100],
        listed=lines,
        choice_filter="province = ${province}",
    )
    # A tenth names a province that is not in the list: nothing is open there.
    homes = rng.integers(0, provinces + 55, n)
    villages = rng.integers(0, 100, n)
    columns = {"province": Texts.of(pd.Series([f"p{home}" for home in homes]))}
    own = Texts.of(pd.Series(villages.astype(str)))
    found = left_out(question, own, Rows(n=n, columns=columns))
    assert found.known.all()
    np.testing.assert_array_equal(found.true, homes >= provinces)


def test_left_out__one_code_in_every_line_is_still_bounded():
    """Without an equality to join on, alike lines and alike rows are judged once."""
    lines = tuple(Choice(name="x", columns={"g": str(g % 7)}) for g in range(50_000))
    question = Question(
        name="q",
        kind="select_one",
        choices=lines[:1],
        listed=lines,
        choice_filter="g < ${limit}",
    )
    limits = pd.Series(np.arange(100_000) % 3).astype(str)
    rows = Rows(n=100_000, columns={"limit": Texts.of(limits, is_number=True)})
    own = Texts.constant("x", 100_000)
    found = left_out(question, own, rows)
    np.testing.assert_array_equal(found.true, (limits == "0").to_numpy())
