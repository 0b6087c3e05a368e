"""Answers that a choice filter did not leave open, given the other answers of the row.

A filter such as ``province = ${province}`` is evaluated on pairs of a row and a choice.
Only the choices that were answered are looked at, and where the filter demands that a
column of the choices equals an answer, the pairs are joined on it: a list of 50 000
villages costs no more than the answers do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.forms.definition import Choice, Question
from sentinel.ingest.forms.evaluate import Truth, evaluate
from sentinel.ingest.forms.xpath_functions import NotEvaluable, Rows
from sentinel.ingest.forms.xpath_syntax import (
    Binary,
    Column,
    Node,
    Reference,
    conjuncts,
    parse_expression,
    references,
    walk,
)
from sentinel.ingest.forms.xpath_values import IndexVector, Texts

__all__ = ["left_out"]

_CHUNK = 500_000
_MOST_PAIRS = 50_000_000


def left_out(question: Question, answers: Texts, rows: Rows) -> Truth:
    """Return where an answer holds a choice that the filter does not leave open.

    Parameters
    ----------
    question : Question
        A closed one with a choice filter.
    answers : Texts, shape (n,)
        Codes, several in a cell of a multiple question; codes that the list lacks are
        judged elsewhere.
    rows : Rows
        All answers of the same rows.

    Notes
    -----
    A code that stands in the list more than once is open if any of its lines is. A
    reference without an answer is the empty text, as form servers have it, and so is
    an empty cell of the sheet of choices.
    """
    none = np.zeros(rows.n, np.bool_)
    if not question.listed:
        return Truth(none, none, ["its choices stand in another file"])
    try:
        tree = parse_expression(question.choice_filter)
    except (ValueError, RecursionError) as error:
        return Truth(none, none, [str(error)])
    # "." is the choice there, and no answer.
    columns = {name: texts for name, texts in rows.columns.items() if name != "."}
    rows = replace(rows, columns=columns)
    names = [name for name in references(question.choice_filter) if name in columns]
    units, row_of = _units([answers, *(columns[name] for name in names), rows.today])
    some = rows.take(units, names)
    try:
        found = _judge(question, tree, answers.take(units), some)
    except NotEvaluable as reason:
        return Truth(none, none, [str(reason)])
    return Truth(found.true[row_of], found.known[row_of], found.not_checked)


def _units(columns: Sequence[Texts | None]) -> tuple[IndexVector, IndexVector]:
    """Return one row for each combination of texts, and which each row has."""
    key = np.zeros(0, np.int64)
    for texts in columns:
        if texts is None:
            continue
        known = 2 * texts.index.astype(np.int64) + texts.known
        key = known if not len(key) else key * (2 * len(texts.distinct) + 2) + known
        key = np.unique(key, return_inverse=True)[1].astype(np.int64)
    _, first, row_of = np.unique(key, return_index=True, return_inverse=True)
    return first.astype(np.intp), row_of.astype(np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class _Options:
    """Lines of the list of choices that differ in what the filter reads."""

    codes: dict[str, int]
    code: IndexVector
    columns: dict[str, Texts]


def _options(question: Question, tree: Node) -> _Options:
    wanted = {node.name for node in walk(tree) if isinstance(node, Column)}
    there = {name for choice in question.listed for name in choice.columns}
    names = sorted(wanted & (there | {"name"}))
    lines = list(dict.fromkeys(_cells(choice, names) for choice in question.listed))
    parts = list(zip(*lines, strict=True))
    code, distinct = pd.factorize(np.array(parts[0], dtype=object))
    columns = {
        name: Texts.of(np.array(cells, dtype=object))
        for name, cells in zip(names, parts[1:], strict=True)
    }
    places = {str(text): place for place, text in enumerate(distinct)}
    if question.or_other:
        places.pop("other", None)  # the form adds it, outside of the filter
    return _Options(places, code.astype(np.intp), columns)


def _cells(choice: Choice, names: Sequence[str]) -> tuple[str, ...]:
    cells = {**choice.columns, "name": choice.name}
    return (choice.name, *(cells.get(name, "") for name in names))


def _judge(question: Question, tree: Node, answers: Texts, rows: Rows) -> Truth:
    options = _options(question, tree)
    owner, code = _chosen(question, answers, options.codes)
    keys, wanted = _joined(tree, options, rows, owner, code)
    order = np.argsort(keys, kind="stable")
    start = np.searchsorted(keys[order], wanted, side="left")
    count = np.searchsorted(keys[order], wanted, side="right") - start
    _refuse_many(count)
    is_open = np.zeros(len(owner), np.bool_)
    unsure = np.zeros(len(owner), np.bool_)
    reasons: list[str] = []
    for here in _chunks(count):
        unit = np.repeat(here, count[here])
        step = np.arange(len(unit)) - np.repeat(
            np.cumsum(count[here]) - count[here], count[here]
        )
        line = order[start[unit] + step]
        pairs = rows.take(owner[unit], list(rows.columns))
        beside = {name: texts.take(line) for name, texts in options.columns.items()}
        found = evaluate(question.choice_filter, replace(pairs, choice=beside))
        is_open[unit[found.true]] = True
        unsure[unit[~found.known]] = True
        reasons += found.not_checked
    shut = np.zeros(rows.n, np.bool_)
    shut[owner[~is_open & ~unsure]] = True
    unknown = np.zeros(rows.n, np.bool_)
    unknown[owner[~is_open & unsure]] = True
    return Truth(shut, shut | ~unknown, reasons)


def _chosen(
    question: Question, answers: Texts, codes: dict[str, int]
) -> tuple[IndexVector, IndexVector]:
    """Return pairs of a row and a code of the list that was answered in it."""
    found = [
        [
            codes[word]
            for word in dict.fromkeys(text.split() if question.is_multiple else [text])
            if word in codes
        ]
        for text in answers.distinct
    ]
    sizes = np.array([len(item) for item in found], np.intp)
    flat = np.array([code for item in found for code in item], np.intp)
    begin = np.cumsum(sizes) - sizes
    if not len(sizes):
        return np.zeros(0, np.intp), flat
    each = sizes[answers.index]
    _refuse_many(each)
    owner = np.repeat(np.arange(len(answers.index)), each)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(each) - each, each)
    return owner, flat[begin[answers.index[owner]] + step]


def _refuse_many(counts: IndexVector) -> None:
    if counts.sum() > _MOST_PAIRS:
        raise NotEvaluable(f"{counts.sum()} pairs of answers and choices")


def _joined(
    tree: Node, options: _Options, rows: Rows, owner: IndexVector, code: IndexVector
) -> tuple[IndexVector, IndexVector]:
    """Return a key of every line and the key wanted by every answer, -1 for none.

    The key is the code and every column that the filter sets equal to an answer: in
    all other pairs the filter is known to be false.
    """
    keys = options.code.astype(np.int64)
    wanted = code.astype(np.int64)
    for column, reference in _equalities(tree):
        texts, answer = options.columns.get(column), rows.columns.get(reference)
        if texts is None or answer is None or not answer.known.all():
            continue
        if np.any(answer.is_number):
            continue  # 18 equals "18.0": compared pair by pair
        places = {text: place for place, text in enumerate(texts.distinct)}
        to_column = np.array(
            [places.get(text, -1) for text in answer.distinct], np.int64
        )
        theirs = to_column[answer.index[owner]]
        wide = len(texts.distinct)
        both = keys * wide + texts.index
        asked = np.where((wanted < 0) | (theirs < 0), -1, wanted * wide + theirs)
        known, keys = np.unique(both, return_inverse=True)
        at = np.searchsorted(known, asked).clip(max=len(known) - 1)
        wanted = np.where(known[at] == asked, at, -1)
    return keys.astype(np.intp), wanted.astype(np.intp)


def _equalities(tree: Node) -> Iterator[tuple[str, str]]:
    """Yield (column, question) of every equality that a filter demands."""
    for node in conjuncts(tree):
        if isinstance(node, Binary) and node.sign == "=":
            sides = {type(side): side for side in (node.left, node.right)}
            column, reference = sides.get(Column), sides.get(Reference)
            if isinstance(column, Column) and isinstance(reference, Reference):
                yield column.name, reference.name


def _chunks(counts: npt.NDArray[np.intp]) -> Iterator[IndexVector]:
    """Yield places with about `_CHUNK` pairs at a time."""
    if not len(counts):
        return
    chunk = (np.cumsum(counts) - counts) // _CHUNK
    edges = np.flatnonzero(np.diff(chunk)) + 1
    yield from np.split(np.arange(len(counts)), edges)
