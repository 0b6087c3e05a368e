"""Persons in blocks, answers in any layout: the same as one cell at a time."""

from dataclasses import replace
from types import SimpleNamespace

import numba
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.errors import InputError
from sentinel.classify import blocks, classify, load_definition
from sentinel.classify.answers import Answers
from sentinel.classify.blocks import BlockRunner
from sentinel.classify.definitions import Indicator
from sentinel.classify.expressions import parse_expression
from sentinel.classify.listing import listed
from sentinel.classify.three_valued import evaluate
from sentinel.schema.states import CellState
from tests.twins import classify as twin

UNIAP = load_definition("uniap")
CONDITIONS = {
    "EQUAL": ("=", "a", 1),
    "OTHER": ("!=", "a", 1),
    "LISTED": ("in", "b", (0, 2)),
    "MORE": (">", "c", 1),
    "SUM": (">=", ("+", "b", "c"), 3),
    "TWO": ("at_least", 2, ("=", "a", 0), ("=", "b", 0), ("<", "c", 2)),
    "NOT": ("not", ("and", ("=", "a", 1), ("=", "b", 1))),
}
CODED = ("EQUAL", "OTHER", "LISTED")  # what may be asked of codes as well
NUMBER_LAYOUTS = ["float64", "Int8", "Int64", "Float64", "int64[pyarrow]"]
TEXT_LAYOUTS = ["object", "str", "string", "category", "blank"]


def _definition(names, *, not_asked_is_no):
    indicators = tuple(
        Indicator(
            code=name,
            label=name,
            phase="work",
            text="",
            condition=parse_expression(twin.as_text(CONDITIONS[name])),
            not_asked_is_no=not_asked_is_no,
        )
        for name in names
    )
    return replace(
        UNIAP, indicators=indicators, dimensions=(), outcomes=(), tiers={}, settings={
            "base": {}
        }
    )  # fmt: skip


def _people(rng, n):
    values = rng.integers(0, 3, (n, 3))
    states = rng.choice(
        [s.value for s in CellState], (n, 3), p=[0.7, 0.1, 0.1, 0.05, 0.05]
    )
    empty = (states == CellState.VALUE) & (rng.random((n, 3)) < 0.05)
    return values, states.astype(np.uint8), empty


def _column(values, empty, layout):
    if layout == "float64":
        return np.where(empty, np.nan, values)
    if layout in NUMBER_LAYOUTS:
        return pd.array(values, dtype=layout) if not empty.any() else pd.array(
            [None if gone else int(v) for v, gone in zip(values, empty, strict=True)],
            dtype=layout,
        )  # fmt: skip
    texts = [None if gone else str(v) for v, gone in zip(values, empty, strict=True)]
    if layout == "blank":  # a form in which nothing was typed
        return np.array([" " if text is None else text for text in texts], dtype=object)
    if layout == "category":
        return pd.Categorical(texts, categories=["never used", "2", "0", "1"])
    return pd.array(texts, dtype=layout)


def _interviews(people, layout):
    values, states, empty = people
    columns = {
        name: _column(values[:, place], empty[:, place], layout)
        for place, name in enumerate("abc")
    }
    return SimpleNamespace(
        frame=pd.DataFrame(columns), states=pd.DataFrame(states, columns=list("abc"))
    )


def _plainly(people, name, *, not_asked_is_no):
    """Return the truth of one indicator by the twin, person by person."""
    found = []
    for values, states, empty in zip(*people, strict=True):
        known = (states == CellState.VALUE) & ~empty
        person = {
            key: int(value) if is_known else None
            for key, value, is_known in zip("abc", values, known, strict=True)
        }
        skipped = not_asked_is_no and any(
            state == CellState.NOT_ASKED
            for key, state in zip("abc", states, strict=True)
            if key in repr(CONDITIONS[name][1:])
        )
        found.append(False if skipped else twin.truth(CONDITIONS[name], person))
    return found


@pytest.mark.parametrize("not_asked_is_no", [False, True])
@pytest.mark.parametrize(
    "layout",
    [
        "float64",
        "Int8",
        "Int64",
        "Float64",
        "int64[pyarrow]",
        "object",
        "str",
        "string",
        "category",
        "blank",
    ],
)
def test_classify__equals_the_twin_in_every_layout(layout, not_asked_is_no):
    people = _people(np.random.default_rng(3), 400)
    names = list(CONDITIONS)
    if layout in TEXT_LAYOUTS:
        names = list(CODED)
    if not_asked_is_no:  # the twin does not say which part of a condition was skipped
        names = [name for name in names if name not in {"TWO", "NOT"}]
    definition = _definition(names, not_asked_is_no=not_asked_is_no)
    found = classify(_interviews(people, layout), definition)
    truths = {n: _plainly(people, n, not_asked_is_no=not_asked_is_no) for n in names}
    for name in names:
        came = [None if pd.isna(x) else bool(x) for x in found.indicators[name]]
        assert came == truths[name]
    for column, sought in {"fired": True, "unknown": None}.items():
        texts = [
            ";".join(name for name in names if truths[name][row] is sought)
            for row in range(len(people[0]))
        ]
        assert found.frame[column].tolist() == texts
        assert found.frame[column].dtype == "str"


def test_classify__blocks_and_threads_change_nothing(monkeypatch):
    frame = pd.DataFrame(
        {
            name: np.random.default_rng(5).integers(0, 3, 1000)
            for name in UNIAP.variables
        }
    )
    states = frame.apply(lambda column: (column + frame["locked"]) % 5).astype("uint8")
    interviews = SimpleNamespace(frame=frame.astype("Int8"), states=states)
    whole = classify(interviews, UNIAP)
    monkeypatch.setattr(blocks, "BLOCK", 7)
    for n_threads in (1, numba.config.NUMBA_NUM_THREADS):
        monkeypatch.setattr(numba, "get_num_threads", lambda n=n_threads: n)
        again = classify(interviews, UNIAP)
        pd.testing.assert_frame_equal(whole.frame, again.frame)
        pd.testing.assert_frame_equal(whole.indicators, again.indicators)
    assert whole.frame["d_tier"].dropna().unique().tolist() != []


def test_classify__states_in_any_layout():
    people = _people(np.random.default_rng(8), 300)
    definition = _definition(list(CONDITIONS), not_asked_is_no=True)
    interviews = _interviews(people, "Int8")
    expected = classify(interviews, definition).indicators
    for dtype in ("int64", "float64", "object"):
        interviews.states = interviews.states.astype(dtype)
        pd.testing.assert_frame_equal(
            classify(interviews, definition).indicators, expected
        )


def test_classify__codes_are_refused_in_every_block(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 10)
    people = _people(np.random.default_rng(8), 50)
    definition = _definition(["MORE"], not_asked_is_no=False)
    interviews = _interviews(people, "category")
    with pytest.raises(InputError, match="c holds codes"):
        classify(interviews, definition)


def test_classify__a_column_without_any_answer_is_unknown_whatever_its_layout():
    people = _people(np.random.default_rng(8), 50)
    people[2][:] = True
    definition = _definition(["MORE", "SUM", "EQUAL"], not_asked_is_no=False)
    for layout in ("category", "object", "Int8"):
        found = classify(_interviews(people, layout), definition)
        assert found.indicators.isna().all(axis=None)


def test_evaluate__one_choice_stored_as_a_number_counts_like_its_code():
    frame = pd.DataFrame({"how": pd.array([1, 2, None, 7], dtype="Int8")})
    answers = Answers(frame, frame.isna() * CellState.REFUSED)
    for text, expected in {
        "selected(how, '1', 'other')": [2, 0, 1, 0],
        "selected_count(how, '1', '2', 'other') >= 1": [2, 2, 1, 0],
        "how in {'other', 7}": [0, 0, 1, 2],
    }.items():
        assert evaluate(parse_expression(text), answers).tolist() == expected


@given(
    codes=st.lists(st.text(min_size=1, max_size=12), max_size=20, unique=True),
    n=st.integers(0, 30),
    entropy=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, derandomize=True, max_examples=60)
def test_listed__is_the_join_of_the_codes(codes, n, entropy):
    codes = [code.encode("utf-8", "replace").decode() for code in codes]
    rng = np.random.default_rng(entropy)
    hits = (rng.random((len(codes), n)) < rng.random()).astype(np.uint8)
    expected = [
        ";".join(code for code, hit in zip(codes, person, strict=True) if hit)
        for person in hits.T
    ]
    assert list(listed(hits, codes, BlockRunner(n))) == expected


def test_listed__more_codes_than_a_byte_has_bits(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 50)
    codes = [f"C{'x' * (i % 5)}{i}" for i in range(67)]
    hits = (np.random.default_rng(1).random((67, 333)) < 0.3).astype(np.uint8)
    hits[:, 5], hits[:, 6] = 0, 1
    found = listed(hits, codes, BlockRunner(333))
    assert list(found) == [
        ";".join(np.array(codes)[person.astype(bool)]) for person in hits.T
    ]
    assert (found[5], found[6]) == ("", ";".join(codes))
