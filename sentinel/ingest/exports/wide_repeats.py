"""SurveyCTO writes the rounds of a repeat side by side: ``job_1``, ``job_2``, ...

A question of a repeat within a repeat has a number for each: ``pay_2_1`` is that of the
first round inside the second. ``jobs_count`` says how many rounds there were, and
``pays_count_2`` how many inside the second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.findings import add_rows
from sentinel.ingest.forms.definition import FormDefinition, Question
from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.submissions import RepeatTable, Submissions
from sentinel.schema.problems import Problem, Problems

__all__ = ["gather_wide_repeats"]

BoolVector = npt.NDArray[np.bool_]
Numbers = tuple[int, ...]
Path = tuple[str, ...]
_NUMBER = re.compile(r"[0-9]{1,4}")
_SEPARATOR = re.compile(r"[/.:-]")
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a column may hold: the question, or the count, of a round of a repeat.

    `numbers` are those of the round, outermost first; `name` is the question, with the
    code of a choice where the column is one of a multiple question.
    """

    path: Path
    name: str
    numbers: Numbers
    is_count: bool = False


@dataclass(slots=True)
class _Repeat:
    """Columns of one repeat by round, and where each round was held, shape (n,)."""

    path: Path
    parent: Path
    columns: dict[Numbers, dict[str, str]] = field(default_factory=dict)
    counts: dict[Numbers, str] = field(default_factory=dict)
    held: dict[Numbers, BoolVector] = field(default_factory=dict)


def gather_wide_repeats(raw: RawTable, form: FormDefinition) -> RawTable:
    """Return a table with its numbered columns of repeats as tables of their own.

    Only the form tells a repeat's ``job_1`` from the column of a choice: without one
    such columns stay as they are. A column that fits two questions is an error and
    read as neither. A round exists if the count says so or if anything was answered in
    it, or in a repeat inside it.
    """
    problems = Problems(raw.problems)
    repeats = {path: _Repeat(path, _around(path, form)) for path in form.repeats}
    names = _Names(form)
    used: list[str] = []
    unclear: list[str] = []
    for column in map(str, raw.frame.columns):
        meanings = set(names.meanings(column))
        if len(meanings) > 1:
            unclear.append(column)
        elif meanings and next(iter(meanings)).path:
            meaning = next(iter(meanings))
            taken = _take(repeats[meaning.path], meaning, column)
            (used if taken else unclear).append(column)
    if unclear:
        problems.add(_unclear(raw, unclear))
    tables = dict(raw.submissions.repeats) if raw.submissions else {}
    tables |= _tables(raw, repeats, problems)
    facts = raw.submissions or Submissions(tool="surveycto")
    return replace(
        raw,
        frame=raw.frame.drop(columns=[*used, *unclear]),
        problems=problems,
        submissions=replace(facts, repeats=tables),
    )


def _take(repeat: _Repeat, meaning: _Meaning, column: str) -> bool:
    """Note a column under what it means; False if another one means the same."""
    if meaning.is_count:
        return repeat.counts.setdefault(meaning.numbers, column) == column
    parts = repeat.columns.setdefault(meaning.numbers, {})
    return parts.setdefault(meaning.name, column) == column


def _around(path: Path, form: FormDefinition) -> Path:
    """Return the path of the repeat around another, empty for the interview."""
    outer = [
        item for item in form.repeats if item == path[: len(item)] and item != path
    ]
    return max(outer, key=len, default=())


class _Names:
    """What every name of a form may be called in a wide export."""

    def __init__(self, form: FormDefinition) -> None:
        # By name and by how many numbers follow it.
        self._known: dict[tuple[str, int], list[_Meaning]] = {}
        self._deepest = self._longest = 0
        depth = {path: _depth(path, form) for path in form.repeats}
        for question in form.questions:
            if question.is_answered:
                levels = depth.get(question.repeat, 0)
                for name in _spellings(question):
                    self._add(name, levels, _Meaning(question.repeat, name, ()))
        asked = {question.name for question in form.questions}
        for path, levels in depth.items():
            name = f"{path[-1]}_count"
            if name not in asked:
                meaning = _Meaning(path, name, (), is_count=True)
                self._add(name, levels - 1, meaning)

    def _add(self, name: str, levels: int, meaning: _Meaning) -> None:
        self._known.setdefault((name, levels), []).append(meaning)
        self._deepest = max(self._deepest, levels)
        self._longest = max(self._longest, len(name))

    def meanings(self, column: str) -> Iterator[_Meaning]:
        """Yield everything that a column may be."""
        yield from self._with(column, ())
        name = column
        numbers: Numbers = ()
        for _ in range(self._deepest):
            name, _, last = name.rpartition("_")
            if not _NUMBER.fullmatch(last):
                return
            numbers = (int(last), *numbers)
            yield from self._with(name, numbers)

    def _with(self, name: str, numbers: Numbers) -> Iterator[_Meaning]:
        # Names of groups may stand before it.
        starts = [0, *(match.end() for match in _SEPARATOR.finditer(name))]
        for start in starts:
            if len(name) - start > self._longest:
                continue
            for meaning in self._known.get((name[start:], len(numbers)), []):
                yield replace(meaning, numbers=numbers)


def _depth(path: Path, form: FormDefinition) -> int:
    return sum(item == path[: len(item)] for item in form.repeats)


def _spellings(question: Question) -> Iterator[str]:
    yield question.name
    if question.is_multiple:
        for choice in question.choices:
            yield f"{question.name}_{choice.name}"


def _unclear(raw: RawTable, columns: list[str]) -> Problem:
    more = ", ..." if len(columns) > _MOST_NAMED else ""
    return Problem(
        file=raw.origin.file,
        row=1,
        column=", ".join(columns[:_MOST_NAMED]) + more,
        expected="columns that fit one question each, and no question twice",
        hint="A number at the end is a round of a repeat, the code of a choice or part "
        "of a name: here it can be more than one thing. They were not read. Export the "
        "repeats in long format, or rename the columns.",
    )


def _tables(
    raw: RawTable, repeats: Mapping[Path, _Repeat], problems: Problems
) -> dict[str, RepeatTable]:
    there = {
        path: repeat
        for path, repeat in repeats.items()
        if repeat.columns or any(path == item.parent for item in repeats.values())
    }
    # The innermost first: an answered round is one of a round that was held too.
    for path in sorted(there, key=len, reverse=True):
        _find_rounds(raw, there[path], problems)
        for numbers, held in there[path].held.items():
            outer = there.get(there[path].parent)
            if outer is not None:
                before = outer.held.get(numbers[:-1], np.zeros(len(held), np.bool_))
                outer.held[numbers[:-1]] = before | held
    tables: dict[str, RepeatTable] = {}
    places: dict[Path, dict[Numbers, npt.NDArray[np.intp]]] = {}
    for path in sorted(there, key=len):
        if there[path].held:
            table, places[path] = _long(raw, there[path], places)
            tables[table.name] = table
    return tables


def _find_rounds(raw: RawTable, repeat: _Repeat, problems: Problems) -> None:
    for numbers, names in repeat.columns.items():
        part = raw.frame[list(names.values())]
        answered = (part != "").any(axis=1).to_numpy(np.bool_)
        before = repeat.held.get(numbers, np.zeros(len(raw.frame), np.bool_))
        repeat.held[numbers] = before | answered
    for outer, column in repeat.counts.items():
        counts = pd.to_numeric(raw.frame[column], errors="coerce").to_numpy(np.float64)
        rounds = {
            numbers[-1]: numbers for numbers in repeat.held if numbers[:-1] == outer
        }
        beyond = counts > max(rounds, default=0)
        for number, numbers in rounds.items():
            beyond |= repeat.held[numbers] & (counts < number)
            repeat.held[numbers] = repeat.held[numbers] | (counts >= number)
        add_rows(
            problems,
            [
                (int(raw.rows[place]), raw.frame[column].iloc[place])
                for place in np.flatnonzero(beyond)
            ],
            file=raw.origin.file,
            column=column,
            expected=f"as many rounds of {repeat.path[-1]} as there are columns with "
            "answers",
            hint="Rounds that were answered are kept; export again.",
            severity="warning",
        )


def _long(
    raw: RawTable,
    repeat: _Repeat,
    places: Mapping[Path, Mapping[Numbers, npt.NDArray[np.intp]]],
) -> tuple[RepeatTable, dict[Numbers, npt.NDArray[np.intp]]]:
    """Return one row for each round that was held, and where each round's rows are."""
    rounds = sorted(repeat.held)
    questions = list(
        dict.fromkeys(name for names in repeat.columns.values() for name in names)
    )
    empty = pd.Series([""] * len(raw.frame), index=raw.frame.index, dtype="str")
    parts, roots, outer = [], [], []
    for numbers in rounds:
        held, names = repeat.held[numbers], repeat.columns.get(numbers, {})
        part = pd.DataFrame(
            {
                key: raw.frame[names[key]] if key in names else empty
                for key in questions
            },
            index=raw.frame.index,
        )
        parts.append(part[held].assign(_round=str(numbers[-1])))
        roots.append(np.flatnonzero(held))
        if repeat.parent in places:
            outer.append(places[repeat.parent][numbers[:-1]][held])
    root = np.concatenate(roots).astype(np.intp)
    order = np.argsort(root, kind="stable")
    frame = pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)
    table = RepeatTable(
        name=repeat.path[-1],
        label=f"{raw.origin.file} [{repeat.path[-1]}]",
        frame=frame.astype("str"),
        rows=raw.rows[root[order]],
        roots=root[order],
        parent=repeat.parent[-1] if outer else "",
        parents=np.concatenate(outer).astype(np.intp)[order] if outer else None,
    )
    return table, _where(rounds, roots, order, len(raw.frame))


def _where(
    rounds: list[Numbers],
    roots: list[npt.NDArray[np.intp]],
    order: npt.NDArray[np.intp],
    n: int,
) -> dict[Numbers, npt.NDArray[np.intp]]:
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    found, start = {}, 0
    for numbers, interviews in zip(rounds, roots, strict=True):
        found[numbers] = np.full(n, -1, np.intp)
        found[numbers][interviews] = place[start : start + len(interviews)]
        start += len(interviews)
    return found
