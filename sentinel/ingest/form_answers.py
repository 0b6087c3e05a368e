"""The answers of one file as its form sees them, judged after the consent gate.

Nothing is looked at before: `FormAnswers.judge` gets the rows of consenting persons.
Columns that the mapping drops, and those that announce a direct identifier, are never
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.forms.checks import OPEN, AnswerTable, check_answers
from sentinel.ingest.forms.versions import RoundForms
from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.submissions import RepeatTable
from sentinel.schema.identifiers import identifier_in_name
from sentinel.schema.problems import Problems

__all__ = ["FormAnswers", "keep_answers"]

BoolVector = npt.NDArray[np.bool_]
IndexVector = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FormAnswers:
    """Forms of the round and the columns that they judge."""

    forms: RoundForms
    raw: RawTable

    def judge(self, chosen: IndexVector, problems: Problems) -> dict[str, BoolVector]:
        """List what the forms would not have let pass in the chosen rows.

        Returns
        -------
        mapping of str to ndarray of bool, shape (len(chosen),)
            Column to where its question was not asked.
        """
        facts = self.raw.submissions
        table = self._table(chosen)
        versions = pd.Series([""] * len(chosen), dtype="str")
        if facts is not None and facts.version in self.raw.frame:
            column = self.raw.frame[facts.version]
            versions = pd.Series(column.array.take(chosen))
            problems.extend(
                self.forms.check_versions(
                    versions, file=self.raw.origin.file, column=facts.version
                )
            )
        not_asked: dict[str, BoolVector] = {}
        for form, mine in self.forms.judges(versions):
            places = np.flatnonzero(mine)
            found = check_answers(form, _part(table, places), problems)
            for name, where in found.items():
                whole = not_asked.setdefault(name, np.zeros(len(chosen), np.bool_))
                whole[places] = where
        repeats = facts.repeats if facts is not None else {}
        for repeat in repeats.values():
            self._judge_repeat(repeat, repeats, chosen, table, problems)
        return not_asked

    def _table(self, chosen: IndexVector) -> AnswerTable:
        frame = self.raw.frame.iloc[chosen].reset_index(drop=True)
        day = self.raw.submissions.day if self.raw.submissions else ""
        return AnswerTable(
            label=self.raw.origin.file,
            frame=frame,
            rows=self.raw.rows[chosen],
            day=frame.get(day),
        )

    def _judge_repeat(
        self,
        repeat: RepeatTable,
        repeats: Mapping[str, RepeatTable],
        chosen: IndexVector,
        outer: AnswerTable,
        problems: Problems,
    ) -> None:
        path = [item for item in self.forms.reading.repeats if item[-1] == repeat.name]
        if len(path) != 1:
            return
        position = np.full(len(self.raw.frame), -1, dtype=np.intp)
        position[chosen] = np.arange(len(chosen))
        inside = repeat.roots >= 0
        inside[inside] = position[repeat.roots[inside]] >= 0
        to_outer = position[repeat.roots[inside]]
        around = outer.frame.iloc[to_outer].reset_index(drop=True)
        answers = {str(name): around[name] for name in around}
        answers |= _answers_around(repeat, repeats, np.flatnonzero(inside))
        table = AnswerTable(
            label=repeat.label,
            frame=repeat.frame[inside].reset_index(drop=True),
            rows=repeat.rows[inside],
            repeat=path[0],
            outer=answers,
            day=None if outer.day is None else outer.day.iloc[to_outer],
        )
        # A row of a repeat carries no version of its own.
        check_answers(self.forms.agreed, table, problems)


def _answers_around(
    repeat: RepeatTable, repeats: Mapping[str, RepeatTable], rows: IndexVector
) -> dict[str, pd.Series]:
    """Return the answers of the repeats around some rows of a repeat, by question."""
    found: dict[str, pd.Series] = {}
    seen = {repeat.name}
    while repeat.parents is not None and repeat.parent in repeats:
        rows = repeat.parents[rows]
        repeat = repeats[repeat.parent]
        if repeat.name in seen or (rows < 0).any():
            break
        seen.add(repeat.name)
        for name in repeat.frame:
            if not str(name).startswith("_"):
                found.setdefault(
                    str(name), pd.Series(repeat.frame[name].array.take(rows))
                )
    return found


def _part(table: AnswerTable, places: IndexVector) -> AnswerTable:
    if len(places) == len(table.frame):
        return table
    return replace(
        table,
        frame=table.frame.iloc[places].reset_index(drop=True),
        rows=table.rows[places],
        day=None if table.day is None else table.day.iloc[places],
    )


def keep_answers(
    raw: RawTable,
    forms: RoundForms,
    *,
    drop: Sequence[str],
    fold: Callable[[str], str],
) -> FormAnswers:
    """Return what the forms may judge of a table."""
    patterns = [fold(pattern) for pattern in drop]
    short = forms.reading.short_names()
    names = set(short.values())
    # Closed questions and numbers cannot hold an identifier, whatever they are called.
    closed = {
        short[item.path] for item in forms.reading.questions if item.kind not in OPEN
    }

    def allowed(name: str) -> bool:
        dropped = any(fnmatchcase(fold(name), pattern) for pattern in patterns)
        return not dropped and (name in closed or not identifier_in_name(name))

    facts = raw.submissions
    if facts is not None:
        names |= {facts.version, facts.day}
        repeats = {
            name: replace(
                table,
                frame=table.frame[[item for item in table.frame if allowed(str(item))]],
            )
            for name, table in facts.repeats.items()
        }
        facts = replace(facts, repeats=repeats)
    kept = [name for name in raw.frame.columns if name in names and allowed(name)]
    return FormAnswers(
        forms=forms, raw=replace(raw, frame=raw.frame[kept], submissions=facts)
    )
