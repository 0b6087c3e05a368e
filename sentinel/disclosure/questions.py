"""What the answers of the same persons to several questions tell of each other.

A stricter definition finds some of the cases of a broader one, and the difference of
two printed counts is the number of persons between them. Here the counts of one group
under all questions are written as sums of patterns of answers, which no table shows.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from estimators.array_types import IntMatrix, IntVector
    from sentinel.disclosure.cells import SystemBuilder

__all__ = ["RowCells", "Side", "tie_questions"]

ROUND = "round_id"
YES, NO, OUTSIDE = 1, 0, 2
MOST_PATTERNS = 1_000

Labels = frozenset[tuple[str, str]]


class RowCells(NamedTuple):
    """Numbers of the cells of one row."""

    n: int
    cases: int | None
    non_cases: int | None


class Side(NamedTuple):
    """One question: its cells by grouping and group, and who answered.

    Attributes
    ----------
    lattice : mapping
        Grouping to group to cells, published or not.
    sources : mapping
        Grouping to group to the number of the table that its cells come from.
    answers : sequence of DataFrame or None
        Persons of each table.
    published : set of frozenset of str
        Groupings of which a table is printed.
    """

    lattice: Mapping[frozenset[str], Mapping[Labels, RowCells]]
    sources: Mapping[frozenset[str], Mapping[Labels, int]]
    answers: Sequence[pd.DataFrame | None]
    published: set[frozenset[str]]

    def knows(self, by: frozenset[str]) -> bool:
        """Return whether the persons behind every group of a grouping are given."""
        return all(self.answers[at] is not None for at in self.sources[by].values())


def tie_questions(
    builder: SystemBuilder, minimum: int, sides: Sequence[Side]
) -> set[int]:
    """Add the patterns of answers of every group that several questions count.

    Persons whom one question counts as cases and another does not (or counts as
    non-cases) become cells to protect, where they are few.

    Returns
    -------
    set of int
        Cells of rows whose counts differ from those of the persons given.
    """
    untied: set[int] = set()
    groupings = {by for side in sides for by in side.lattice}
    for by in sorted(groupings, key=lambda item: (len(item), sorted(item))):
        members = [side for side in sides if by in side.lattice and side.knows(by)]
        if len(members) < 2 or not any(by in side.published for side in members):
            continue
        answered = [_answers(side, by) for side in members]
        table = pd.concat(answered, axis=1, keys=range(len(members)))
        groups = _by_group(table)
        possible = _possible_patterns(np.vstack([persons for _, persons in groups]))
        for key, persons in groups:
            rows = [side.lattice[by].get(key) for side in members]
            tie = _Tie(builder, minimum, rows, persons, possible)
            untied |= tie.state(whole=by == {ROUND})
    return untied


def _answers(side: Side, by: frozenset[str]) -> pd.DataFrame:
    """Return group and coded answer of each person whom a question covers."""
    parts = []
    wanted = side.sources[by]
    for source in sorted(set(wanted.values())):
        frame = side.answers[source]
        if frame is None:
            continue
        keys = group_keys(frame, by)
        own = [key in wanted and wanted[key] == source for key in keys]
        codes = _codes(frame["answer"])
        part = pd.DataFrame({"key": keys, "code": codes}, index=frame.index)
        parts.append(part[own])
    return pd.concat(parts)


def group_keys(frame: pd.DataFrame, by: frozenset[str]) -> pd.Series:
    """Return the group of each person as labels; None where a label is missing."""
    names = sorted(by)
    if not names:
        return pd.Series([frozenset()] * len(frame), frame.index, dtype=object)
    texts = frame[names].astype("object").where(frame[names].notna(), None)
    keys = [
        None
        if any(value is None for value in values)
        else frozenset(
            (name, str(value)) for name, value in zip(names, values, strict=True)
        )
        for values in texts.itertuples(index=False, name=None)
    ]
    return pd.Series(keys, frame.index, dtype=object)


def _codes(answer: pd.Series) -> pd.Series:
    value = pd.to_numeric(answer, errors="coerce").astype("float64")
    coded = np.where(value.isna(), OUTSIDE, np.where(value == 1, YES, NO))
    return pd.Series(coded, answer.index, dtype="int64")


def _by_group(table: pd.DataFrame) -> list[tuple[Labels, IntMatrix]]:
    """Return the codes of the persons of each group, one column per question."""
    columns = range(table.shape[1] // 2)
    codes = np.column_stack(
        [table[(at, "code")].fillna(OUTSIDE).to_numpy(dtype=np.int64) for at in columns]
    )
    keys = table[(0, "key")]
    for at in columns[1:]:
        keys = keys.where(keys.notna(), table[(at, "key")])
    rows: dict[Labels, list[int]] = {}
    for at, key in enumerate(keys):
        if isinstance(key, frozenset):
            rows.setdefault(key, []).append(at)
    return [(group, codes[rows[group]]) for group in sorted(rows, key=sorted)]


def _possible_patterns(persons: IntMatrix) -> IntMatrix:
    """Return the patterns in which every pair of answers occurs somewhere.

    A reader knows which answers exclude each other (the definitions are printed), not
    which combinations happen to occur in a group.
    """
    occurring = np.unique(persons, axis=0)
    patterns = np.unique(occurring[:, :1], axis=0)
    for column in range(1, persons.shape[1]):
        answers = np.unique(occurring[:, column])
        grown = np.column_stack(
            [
                np.repeat(patterns, answers.size, axis=0),
                np.tile(answers, len(patterns)),
            ]
        )
        fits = np.ones(len(grown), dtype=bool)
        for before in range(column):
            pairs = np.unique(occurring[:, [before, column]], axis=0)
            fits &= np.isin(_joined(grown[:, [before, column]]), _joined(pairs))
        patterns = grown[fits]
        if len(patterns) > MOST_PATTERNS:
            return occurring
    return patterns


def _joined(pairs: IntMatrix) -> IntVector:
    return pairs[:, 0] * (OUTSIDE + 1) + pairs[:, 1]


class _Tie(NamedTuple):
    """One group under several questions; a row is None where one has no such group."""

    builder: SystemBuilder
    minimum: int
    rows: Sequence[RowCells | None]
    persons: IntMatrix
    possible: IntMatrix

    def state(self, *, whole: bool) -> set[int]:
        """Add the patterns and what they add up to; return cells that do not fit."""
        fitting, untied = self._compared()
        columns = [at for at, _ in fitting]
        if len(columns) < 2:
            return untied
        patterns = np.unique(self.possible[:, columns], axis=0)
        seen, counts = np.unique(self.persons[:, columns], axis=0, return_counts=True)
        count = dict(zip(map(bytes, seen), counts.tolist(), strict=True))
        add, sums = self.builder.add, self.builder.sums
        atoms = [add(count.get(bytes(item), 0), kind="free") for item in patterns]
        if whole:
            # How many were interviewed is printed, and so how many are unknown.
            sums(add(len(self.persons), kind="known"), atoms)
        for column, (_, (n, cases)) in enumerate(fitting):
            answers = patterns[:, column]
            sums(n, [atoms[item] for item in np.flatnonzero(answers != OUTSIDE)])
            sums(cases, [atoms[item] for item in np.flatnonzero(answers == YES)])
        self._protect_between(patterns, atoms)
        return untied

    def _compared(self) -> tuple[list[tuple[int, tuple[int, int]]], set[int]]:
        """Return the rows that count the persons given, and the cells of the others."""
        value = self.builder.value
        fitting, untied = [], set()
        for at, row in enumerate(self.rows):
            if row is None or row.cases is None:
                continue
            answers = self.persons[:, at]
            counted = np.sum(answers != OUTSIDE), np.sum(answers == YES)
            if (value(row.n), value(row.cases)) == counted:
                fitting.append((at, (row.n, row.cases)))
            else:
                untied |= {cell for cell in row if cell is not None}
        return fitting, untied

    def _protect_between(self, patterns: IntMatrix, atoms: Sequence[int]) -> None:
        """Add the few whom one question counts as cases and another does not."""
        builder = self.builder
        for one, other in itertools.permutations(range(patterns.shape[1]), 2):
            cases, answers = patterns[:, one] == YES, patterns[:, other]
            if not np.any(cases & (answers == NO)):
                # Nobody can be: what is left are unknowns, whose number is printed.
                continue
            seen: list[list[int]] = []
            for less in (answers != YES, answers == NO):
                members = [
                    atoms[item] for item in np.flatnonzero(cases & less).tolist()
                ]
                count = sum(builder.value(atom) for atom in members)
                if 0 < count < self.minimum and members not in seen:
                    seen.append(members)
                    builder.sums(builder.add(count, kind="between"), members)
