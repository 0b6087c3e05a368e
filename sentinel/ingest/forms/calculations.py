"""Calculated answers computed again from the answers of their row.

What a calculation gave on the tablet stands in the export; it is compared with what its
formula gives for the answers that stand there too. What cannot be computed again is not
compared: the time, chance, a value kept from an earlier moment, and answers that the
interviewer may type over.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sentinel.ingest.forms.definition import FormDefinition, Question
from sentinel.ingest.forms.evaluate import Truth, evaluate_value
from sentinel.ingest.forms.xpath_functions import Rows, pairwise
from sentinel.ingest.forms.xpath_syntax import (
    Call,
    OwnAnswer,
    parse_expression,
    references,
    walk,
)
from sentinel.ingest.forms.xpath_values import (
    BoolVector,
    Flags,
    FloatVector,
    Numbers,
    Texts,
    Value,
    number_of_text,
    to_numbers,
    to_texts,
)

__all__ = ["calculation_circles", "disagreements", "holding_text"]

# Their value is that of a moment or of chance.
_ONLY_THEN = frozenset(
    ["once", "today", "now", "uuid", "random", "randomize", "decimal-date-time"]
)
# Spreadsheets keep 15 digits of a number.
_CLOSE = 1e-9
_YES = frozenset({"true", "1", "1.0", "yes"})
_NO = frozenset({"false", "0", "0.0", "no"})


def disagreements(
    question: Question,
    exported: Texts,
    rows: Rows,
    *,
    in_circle: bool = False,
    timed: frozenset[str] = frozenset(),
) -> tuple[Truth, Texts]:
    """Return where an exported value is not what the calculation gives, and that value.

    Parameters
    ----------
    question : Question
        One with a calculation.
    exported : Texts, shape (n,)
        Its answers in the export.
    rows : Rows
        All answers of the same rows.
    in_circle : bool
        Whether the calculation hangs on itself.
    timed : frozenset of str
        Questions whose answers have a time of day: form servers count parts of days in
        different ways.
    """
    reason = _not_repeatable(question, in_circle=in_circle)
    for name in references(question.calculation):
        if not reason and name in timed:
            reason = f"the time of day in {name}"
    if reason:
        nothing = np.zeros(rows.n, np.bool_)
        return Truth(nothing, nothing, [reason]), exported
    value, reasons = evaluate_value(question.calculation, rows)
    differs = ~_agrees(value, exported)
    return Truth(differs, value.known, reasons), _as_exported(value)


def _not_repeatable(question: Question, *, in_circle: bool) -> str:
    if question.kind != "calculate":
        return "the answer may be typed over"
    if not question.is_recomputed:
        return "it is computed at one moment only"
    if in_circle:
        return "it hangs on itself"
    try:
        nodes = list(walk(parse_expression(question.calculation)))
    except (ValueError, RecursionError):
        return ""  # the evaluation says why
    for node in nodes:
        if isinstance(node, Call) and node.name in _ONLY_THEN:
            return f"{node.name}() cannot be computed again"
        if isinstance(node, OwnAnswer):
            return "its own earlier value"
    return ""


def _agrees(value: Value, exported: Texts) -> BoolVector:
    if isinstance(value, Flags):
        yes = exported.flags(lambda text: text.casefold() in _YES)
        no = exported.flags(lambda text: text.casefold() in _NO)
        return np.where(value.values, yes, no).astype(np.bool_)
    if isinstance(value, Numbers):
        blank = exported.flags(lambda text: text in {"", "NaN"})
        found = to_numbers(exported).values
        given = np.isnan(value.values)
        return np.where(given, blank, _is_close(value.values, found)).astype(np.bool_)
    return pairwise(value, exported, _is_same_text)


def _is_close(first: FloatVector, second: FloatVector) -> BoolVector:
    with np.errstate(invalid="ignore"):
        near = np.abs(first - second) <= _CLOSE * np.maximum(np.abs(first), 1.0)
    return np.asarray(near | (first == second), np.bool_)


def _is_same_text(computed: str, exported: str) -> bool:
    first, second = (" ".join(text.split()) for text in (computed, exported))
    if first == second:
        return True
    # A spreadsheet makes 7 or 7.0 of the text 007.
    numbers = np.array([number_of_text(first)]), np.array([number_of_text(second)])
    return bool(_is_close(*numbers)[0])


def _as_exported(value: Value) -> Texts:
    texts = to_texts(value)
    if isinstance(value, Numbers):  # what is no number is left blank
        return texts.map(lambda text: "" if text == "NaN" else text)
    return texts


def calculation_circles(form: FormDefinition) -> tuple[tuple[str, ...], ...]:
    """Return the names of calculations that hang on themselves, circle by circle.

    Examples
    --------
    >>> from sentinel.ingest.forms import FormDefinition, Question
    >>> a = Question(name="a", kind="calculate", calculation="${b} + 1")
    >>> b = Question(name="b", kind="calculate", calculation="${a} + 1")
    >>> calculation_circles(FormDefinition(file="f", questions=(a, b)))
    (('a', 'b'),)
    """
    edges, names = _edges(form)
    if not len(edges):
        return ()
    graph = coo_array(
        (np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])),
        shape=(len(names), len(names)),
    )
    circle = connected_components(graph, directed=True, connection="strong")[1]
    large = np.bincount(circle) > 1
    own = edges[edges[:, 0] == edges[:, 1], 0]
    large[circle[own]] = True
    found: dict[int, list[str]] = {}
    for name, number in zip(names, circle.tolist(), strict=True):
        if large[number]:
            found.setdefault(number, []).append(name)
    return tuple(tuple(members) for members in found.values())


def holding_text(form: FormDefinition, open_kinds: frozenset[str]) -> frozenset[str]:
    """Return the names of calculations that may hold what somebody wrote.

    A calculation passes on what it refers to, through other calculations as well; so a
    name given in free text may stand in it.
    """
    edges, names = _edges(form)
    open_names = {item.name for item in form.questions if item.kind in open_kinds}
    users: dict[int, list[int]] = {}
    for user, used in edges.tolist():
        users.setdefault(used, []).append(user)
    waiting = [place for place, name in enumerate(names) if name in open_names]
    reached = set(waiting)
    while waiting:
        for user in users.get(waiting.pop(), []):
            if user not in reached:
                reached.add(user)
                waiting.append(user)
    return frozenset(names[place] for place in reached)


def _edges(form: FormDefinition) -> tuple[np.ndarray, list[str]]:
    """Return pairs (calculation, what it refers to), as places in the names."""
    names = list(dict.fromkeys(item.name for item in form.questions))
    places = {name: place for place, name in enumerate(names)}
    pairs = [
        (places[item.name], places[name])
        for item in form.questions
        if item.calculation
        for name in references(item.calculation)
        if name in places
    ]
    return np.array(pairs, np.intp).reshape(-1, 2), names
