"""Tables of the same respondents written as one system of cells.

A table by sector and a table by sex of one round both sum to that round, so what one
hides the other may tell. `link_tables` writes down every sum that ties the tables of
one question, and what the answers of the same group to several questions tell of each
other (`sentinel.disclosure.questions`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from sentinel.disclosure.cells import CellSystem, SystemBuilder
from sentinel.disclosure.questions import RowCells, Side, tie_questions

__all__ = ["CountedTable", "Counts", "LinkedTables", "group_rows", "link_tables"]

ROUND = "round_id"
MARGIN_COST = 5.0
HEADLINE_COST = 100.0

Labels = frozenset[tuple[str, str]]


class Counts(NamedTuple):
    """Respondents and cases of one row; cases are None where nothing is counted."""

    n: int
    cases: int | None


class CountedTable(NamedTuple):
    """One table of a release.

    Attributes
    ----------
    by : sequence of str
        Group columns.
    rows : sequence of (labels, counts)
    question : str
        What is counted; tables of one question share their sums.
    answers : DataFrame, optional
        The persons behind the table: `by` and ``answer`` (1, 0, missing). Without it a
        table is tied to others of its question only.
    minor : bool
        Hidden before others, and nothing is said of its small cells.
    """

    by: Sequence[str]
    rows: Sequence[tuple[Mapping[str, Any], Counts]]
    question: str = ""
    answers: pd.DataFrame | None = None
    minor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkedTables:
    """The system, and where each row of each table is in it.

    `untied` holds the cells of rows whose counts are not those of the persons given:
    what they tell of other questions is not known, so they must be hidden.
    """

    system: CellSystem
    rows: tuple[tuple[RowCells, ...], ...]
    untied: frozenset[int]


@dataclass(slots=True)
class _Linker:
    """Adds rows, unpublished sums and differences to a builder."""

    minimum: int
    builder: SystemBuilder = field(default_factory=SystemBuilder)

    def published(
        self, counts: Counts, by: frozenset[str], *, sums: bool, minor: bool
    ) -> RowCells:
        # Rounds and the total are what the study was made for: they go last.
        if by <= {ROUND} and not minor:
            return self._row(counts, "margin", HEADLINE_COST)
        return self._row(counts, "cell", MARGIN_COST if sums else 1.0)

    def unpublished(self, counts: Counts, *, known: bool) -> RowCells:
        """Add a sum that no table shows.

        Respondents are printed by round: their sums are known unless small. Cases are
        known where `known`, else to nobody; a small known sum is a cell to protect.
        """
        if known:
            return self._row(counts, "known", 0.0)
        free = self._row(counts, "free", 0.0)
        total = self.builder.add(counts.n, kind=self._kind(counts.n, "known"))
        self.builder.sums(total, [free.n])
        return free

    def sums(self, total: RowCells, parts: Sequence[RowCells]) -> None:
        """State that a row is the sum of others, with what is left over as a cell."""
        for which in range(2):
            cells = [row[which] for row in parts]
            whole = total[which]
            if whole is None or any(cell is None for cell in cells):
                continue
            self._sum(whole, [cell for cell in cells if cell is not None])

    def _sum(self, whole: int, cells: list[int]) -> None:
        value = self.builder.value
        rest = value(whole) - sum(value(cell) for cell in cells)
        if rest < 0:
            return  # groups overlap (several answers per person): no sum ties them
        if rest > 0:
            cells = [*cells, self.builder.add(rest, kind=self._kind(rest, "known"))]
        self.builder.sums(whole, cells)

    def _row(self, counts: Counts, kind: str, cost: float) -> RowCells:
        add = self.builder.add
        n = add(counts.n, kind=self._kind(counts.n, kind), cost=cost)
        if counts.cases is None:
            return RowCells(n, None, None)
        rest = counts.n - counts.cases
        # One decision for cases and non-cases: respondents minus one is the other. That
        # everybody is a case tells of each as much as "all but a few" does.
        small = 0 < counts.cases < self.minimum or rest < self.minimum
        both = "private" if kind == "known" and small else kind
        few = counts.n < self.minimum
        cases = add(counts.cases, kind=both, cost=cost, untold=few)
        others = add(rest, kind=both, cost=0.0, group=cases, least=0, untold=few)
        self.builder.sums(n, [cases, others])
        return RowCells(n, cases, others)

    def _kind(self, value: int, kind: str) -> str:
        return "private" if kind == "known" and 0 < value < self.minimum else kind


def link_tables(
    tables: Sequence[CountedTable], minimum: int, *, known: bool
) -> LinkedTables:
    """Write tables of the same respondents as one system.

    Parameters
    ----------
    tables : sequence of CountedTable
    minimum : int
    known : bool
        Readers know the cases of the rounds (of the total, where no table is by round)
        although none of these tables shows them: another document does.
    """
    link = _Linker(minimum)
    groupings = {frozenset(table.by) for table in tables}
    rows: dict[int, tuple[RowCells, ...]] = {}
    sides: list[Side] = []
    for question in dict.fromkeys(table.question for table in tables):
        members = [at for at, table in enumerate(tables) if table.question == question]
        found, lattice = _link_question(
            link, [tables[at] for at in members], groupings, known=known
        )
        rows |= dict(zip(members, found, strict=True))
        sides.append(lattice)
    untied = tie_questions(link.builder, minimum, sides)
    return LinkedTables(
        system=link.builder.build(),
        rows=tuple(rows[at] for at in range(len(tables))),
        untied=frozenset(untied),
    )


def _link_question(
    link: _Linker,
    tables: Sequence[CountedTable],
    elsewhere: set[frozenset[str]],
    *,
    known: bool,
) -> tuple[list[tuple[RowCells, ...]], Side]:
    """Link the tables of one question; sums that other questions print are added."""
    groupings = [frozenset(table.by) for table in tables]
    labelled = [
        {_labels(labels): counts for labels, counts in table.rows} for table in tables
    ]
    cells: list[dict[Labels, RowCells]] = []
    for by, counts, table in zip(groupings, labelled, tables, strict=True):
        sums = any(by < other for other in groupings)
        cells.append(
            {
                key: link.published(item, by, sums=sums, minor=table.minor)
                for key, item in counts.items()
            }
        )
    assumed = {frozenset({ROUND}) & by for by in groupings}
    lattice: dict[frozenset[str], dict[Labels, RowCells]] = {}
    sources: dict[frozenset[str], dict[Labels, int]] = {}
    for by in sorted(set(groupings), key=lambda item: (-len(item), sorted(item))):
        same = [at for at, other in enumerate(groupings) if other == by]
        # Of tables alike, one whose persons are given.
        same.sort(key=lambda at: tables[at].answers is None)
        lattice[by], sources[by] = _same_grouping(link, cells, same)
    beside = {by & other for by in groupings for other in elsewhere}
    for by in _closure(set(groupings) | assumed | beside) - set(groupings):
        counted, source = _unpublished(by, groupings, labelled)
        if counted:
            told = known and by in assumed
            lattice[by] = {
                key: link.unpublished(item, known=told) for key, item in counted.items()
            }
            sources[by] = dict.fromkeys(counted, source)
    _tie(link, lattice)
    rows = [
        tuple(cells[at][_labels(labels)] for labels, _ in table.rows)
        for at, table in enumerate(tables)
    ]
    published = {frozenset(table.by) for table in tables}
    return rows, Side(lattice, sources, [table.answers for table in tables], published)


def _labels(labels: Mapping[str, Any]) -> Labels:
    return frozenset((name, str(value)) for name, value in labels.items())


def _same_grouping(
    link: _Linker, tables: list[dict[Labels, RowCells]], members: Sequence[int]
) -> tuple[dict[Labels, RowCells], dict[Labels, int]]:
    """Tie tables of one grouping to the largest; differences are sub-populations.

    Returns the cells of every group, and the table that they come from.
    """
    value = link.builder.value
    largest = max(
        members, key=lambda at: sum(value(row.n) for row in tables[at].values())
    )
    main = dict(tables[largest])
    sources = dict.fromkeys(main, largest)
    for at in members:
        if at == largest:
            continue
        for key, row in tables[at].items():
            if key in main:
                link.sums(main[key], [row])
            else:
                main[key] = row
                sources[key] = at
    return main, sources


def _closure(groupings: set[frozenset[str]]) -> set[frozenset[str]]:
    closed = set(groupings)
    while True:
        more = {a & b for a, b in itertools.combinations(closed, 2)} - closed
        if not more:
            return closed
        closed |= more


def _unpublished(
    by: frozenset[str],
    groupings: Sequence[frozenset[str]],
    labelled: Sequence[dict[Labels, Counts]],
) -> tuple[dict[Labels, Counts], int]:
    """Return the sums over `by` of the finer table that covers most, and that table."""
    best: dict[Labels, Counts] = {}
    source = -1
    for at, (finer, table) in enumerate(zip(groupings, labelled, strict=True)):
        if not by < finer:
            continue
        found: dict[Labels, Counts] = {}
        for key, counts in table.items():
            coarse = frozenset(item for item in key if item[0] in by)
            before = found.get(coarse, Counts(0, None if counts.cases is None else 0))
            found[coarse] = Counts(
                before.n + counts.n,
                None
                if before.cases is None or counts.cases is None
                else before.cases + counts.cases,
            )
        if sum(item.n for item in found.values()) > sum(
            item.n for item in best.values()
        ):
            best, source = found, at
    return best, source


def _tie(link: _Linker, lattice: dict[frozenset[str], dict[Labels, RowCells]]) -> None:
    """State every sum between a grouping and the next coarser ones."""
    for finer, table in lattice.items():
        coarser = [by for by in lattice if by < finer]
        nearest = [by for by in coarser if not any(by < other for other in coarser)]
        for by in nearest:
            parts: dict[Labels, list[RowCells]] = {}
            for key, row in table.items():
                coarse = frozenset(item for item in key if item[0] in by)
                parts.setdefault(coarse, []).append(row)
            for coarse, rows in parts.items():
                if coarse in lattice[by]:
                    link.sums(lattice[by][coarse], rows)


def group_rows(
    frame: pd.DataFrame, by: Sequence[str]
) -> list[tuple[dict[str, Any], Counts]]:
    """Return the labels and counts of the rows of an estimate table."""
    rows: list[tuple[dict[str, Any], Counts]] = []
    has_cases = "n_cases" in frame
    for record in frame.to_dict("records"):
        cases = record["n_cases"] if has_cases else float("nan")
        rows.append(
            (
                {name: record[name] for name in by},
                Counts(int(record["n_obs"]), None if pd.isna(cases) else int(cases)),
            )
        )
    return rows
