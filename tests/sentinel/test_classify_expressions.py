"""The language of case definitions: what it reads, what it refuses, what is true."""

import itertools

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.classify.answers import Answers
from sentinel.classify.expressions import ExpressionError, parse_expression
from sentinel.classify.three_valued import evaluate
from sentinel.schema.states import CellState
from tests.twins import classify as twin

VARIABLES = ("a", "b", "c")
TRUTH_OF = {0: False, 1: None, 2: True}
PEOPLE = [
    dict(zip(VARIABLES, values, strict=True))
    for values in itertools.product((0, 1, 2, None), repeat=3)
]
FRAME = pd.DataFrame(PEOPLE, columns=list(VARIABLES), dtype="Float64")
STATES = FRAME.isna().astype("uint8") * int(CellState.REFUSED)

OPERANDS = st.recursive(
    st.one_of(st.integers(0, 3), st.sampled_from(VARIABLES)),
    lambda inner: st.tuples(st.sampled_from("+-*"), inner, inner),
    max_leaves=3,
)
LEAVES = st.one_of(
    st.tuples(st.sampled_from(sorted(twin.SIGNS)), OPERANDS, OPERANDS),
    st.tuples(
        st.just("in"),
        st.sampled_from(VARIABLES),
        st.lists(st.integers(0, 2), min_size=1, max_size=2).map(tuple),
    ),
)


def _conditions(*, with_at_least):
    def wider(inner):
        many = st.lists(inner, min_size=2, max_size=3)
        ways = [
            st.tuples(st.just("not"), inner),
            many.map(lambda parts: ("and", *parts)),
            many.map(lambda parts: ("or", *parts)),
        ]
        if with_at_least:
            ways.append(many.map(lambda parts: ("at_least", 2, *parts)))
        return st.one_of(ways)

    return st.recursive(LEAVES, wider, max_leaves=6)


def _truths(text):
    found = evaluate(parse_expression(text), Answers(FRAME, STATES))
    return [TRUTH_OF[int(value)] for value in found]


@settings(deadline=None, derandomize=True, max_examples=150)
@given(condition=_conditions(with_at_least=True))
def test_evaluate__equals_the_twin_that_asks_one_person_at_a_time(condition):
    expected = [twin.truth(condition, person) for person in PEOPLE]
    assert _truths(twin.as_text(condition)) == expected


@settings(deadline=None, derandomize=True, max_examples=60)
@given(condition=_conditions(with_at_least=False))
def test_evaluate__equals_sql_with_null_for_unknown(condition):
    people = pd.DataFrame(PEOPLE, columns=list(VARIABLES), dtype="Float64")
    people["row"] = range(len(people))
    with duckdb.connect() as database:
        database.register("people", people)
        query = f"select {twin.as_text(condition, sql=True)} from people order by row"
        rows = database.execute(query).fetchall()
    assert _truths(twin.as_text(condition)) == [row[0] for row in rows]


def test_evaluate__has_the_tables_of_kleene():
    # Kleene 1952, Introduction to Metamathematics, section 64, strong connectives;
    # rows and columns in the order no, unknown, yes.
    frame = pd.DataFrame(
        list(itertools.product(["0", None, "1"], repeat=2)), columns=["p", "q"]
    )
    states = frame.isna().astype("uint8") * int(CellState.DONT_KNOW)
    answers = Answers(frame, states)

    def table(text):
        found = evaluate(parse_expression(text), answers)
        return found.reshape(3, 3).tolist()

    assert table("p = 1 and q = 1") == [[0, 0, 0], [0, 1, 1], [0, 1, 2]]
    assert table("p = 1 or q = 1") == [[0, 1, 2], [1, 1, 2], [2, 2, 2]]
    assert table("not p = 1") == [[2, 2, 2], [1, 1, 1], [0, 0, 0]]
    assert table("any(p = 1, q = 1)") == table("p = 1 or q = 1")
    assert table("all(p = 1, q = 1)") == table("p = 1 and q = 1")


@pytest.mark.parametrize("state", [s for s in CellState if s != CellState.VALUE])
def test_evaluate__every_state_without_a_value_is_unknown(state):
    frame = pd.DataFrame({"x": ["1"], "pay": pd.array([5.0], dtype="Float64")})
    answers = Answers(frame, pd.DataFrame({"x": [state], "pay": [state]}))
    for text in ("x = 1", "x != 1", "x in {1}", "pay < 3", "selected(x, 1)"):
        assert evaluate(parse_expression(text), answers).tolist() == [1], text


def test_evaluate__a_skip_is_no_only_where_the_indicator_says_so():
    frame = pd.DataFrame({"x": [None, None]}, dtype="str")
    states = pd.DataFrame({"x": [CellState.NOT_ASKED, CellState.REFUSED]})
    tree, answers = parse_expression("x = 1"), Answers(frame, states)
    assert evaluate(tree, answers).tolist() == [1, 1]
    assert evaluate(tree, answers, not_asked_is_no=True).tolist() == [0, 1]


def test_evaluate__a_cell_that_claims_a_value_but_holds_none_is_unknown():
    frame = pd.DataFrame({"x": [None, "1"], "n": pd.array([None, 2], dtype="Float64")})
    answers = Answers(frame, pd.DataFrame(0, index=frame.index, columns=frame.columns))
    assert evaluate(parse_expression("x = 1"), answers).tolist() == [1, 2]
    assert evaluate(parse_expression("n > 1"), answers).tolist() == [1, 2]


def test_evaluate__multiple_answers_and_parameters():
    frame = pd.DataFrame({"living": ["ok", "no_food;no_water", "locked", "no_foodx"]})
    answers = Answers(frame, pd.DataFrame(0, index=frame.index, columns=["living"]))
    some = parse_expression("selected(living, 'no_food', 'locked')")
    assert evaluate(some, answers).tolist() == [0, 2, 2, 0]
    count = parse_expression(
        "selected_count(living, no_food, 'no_water') >= $k".replace(
            "no_food,", "'no_food',"
        )
    )
    assert evaluate(count, answers, parameters={"k": 2.0}).tolist() == [0, 2, 0, 0]


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("a = 1 and", 10, "it ends where"),
        ("a = @", 5, "'@' is not understood"),
        ("1 < a < 3", 7, "not expected here"),
        ("5", 1, "neither yes nor no"),
        ("a + 1", 1, "neither yes nor no"),
        ("any(a, b", 9, "')' was expected"),
        ("sum(a)", 1, "no function 'sum'"),
        ("(a = 1) + 2 > 3", 1, "a condition came"),
        ("at_least(0, a)", 10, "whole number >= 1"),
        ("a in {b}", 7, "is no code"),
        ("a = 1 b = 2", 7, "joined by 'and', 'or'"),
        ("selected(1, 2)", 10, "name of a variable"),
        ("", 1, "it ends where"),
        ("1abc = 2", 1, "not understood"),
        ("(" * 5000, 61, "more than 60"),
    ],
)
def test_parse__says_what_is_wrong_and_where(text, position, words):
    with pytest.raises(ExpressionError, match=r"\(character \d+\)") as caught:
        parse_expression(text)
    assert caught.value.position == position
    assert words in str(caught.value)


def test_parse__nothing_in_it_can_run():
    for text in ("__import__('os').system('id')", "a.b = 1", "a[0] = 1", "lambda: 1"):
        with pytest.raises(ExpressionError):
            parse_expression(text)


def test_evaluate__refuses_an_order_of_codes():
    frame = pd.DataFrame({"x": ["1", "2"]})
    answers = Answers(frame, pd.DataFrame({"x": [0, 0]}))
    for text in ("x < 2", "x + 1 = 2"):
        with pytest.raises(ValueError, match="holds codes"):
            evaluate(parse_expression(text), answers)


def test_evaluate__no_rows():
    frame = pd.DataFrame({"x": pd.Series([], dtype="str")})
    answers = Answers(frame, pd.DataFrame({"x": pd.Series([], dtype=np.uint8)}))
    assert evaluate(parse_expression("x = 1"), answers).size == 0


T, U, F = "1", None, "0"
TABLES = {
    "{a} and {b}": [(T, T, 2), (T, U, 1), (T, F, 0), (U, T, 1), (U, U, 1), (U, F, 0),
                    (F, T, 0), (F, U, 0), (F, F, 0)],
    "{a} or {b}": [(T, T, 2), (T, U, 2), (T, F, 2), (U, T, 2), (U, U, 1), (U, F, 1),
                   (F, T, 2), (F, U, 1), (F, F, 0)],
    "not ({a})": [(T, F, 0), (U, F, 1), (F, F, 2)],
    "at_least(1, {a}, {b})": [(T, U, 2), (U, U, 1), (U, F, 1), (F, F, 0)],
    "at_least(2, {a}, {b})": [(T, T, 2), (T, U, 1), (U, U, 1), (U, F, 0), (T, F, 0)],
}  # fmt: skip


@pytest.mark.parametrize("text", TABLES)
def test_evaluate__kleenes_tables_as_printed(text):
    condition = parse_expression(text.format(a="locked = 1", b="guarded = 1"))
    rows = TABLES[text]
    frame = pd.DataFrame(
        {"locked": [a for a, _, _ in rows], "guarded": [b for _, b, _ in rows]},
        dtype="str",
    )
    states = (frame.isna() * 3).astype(np.uint8)
    found = evaluate(condition, Answers(frame, states))
    assert found.tolist() == [result for *_, result in rows]
