"""An export together with its form: columns by question, answers as codes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from sentinel.ingest.exports.answers import Place, coded_answers
from sentinel.ingest.exports.columns import MatchedColumns, match_columns
from sentinel.ingest.exports.tools import is_system_column, recognise_export
from sentinel.ingest.exports.wide_repeats import gather_wide_repeats
from sentinel.ingest.forms.definition import FormDefinition, Question
from sentinel.ingest.raw_table import RawTable, refuse
from sentinel.ingest.submissions import RepeatTable, Submissions
from sentinel.schema.problems import Problem, Problems

__all__ = ["understand_export"]

_LEAST_SHARE = 0.5
_MOST_NAMED = 8
# Not asked of a person, or no column of one's own.
_UNASKED = frozenset({"meta", "calculate", "hidden", "media", "geo", "barcode"})
_GEO_PART = re.compile(
    r"^_?(.*?)[-_](?:latitude|longitude|altitude|precision|accuracy)$", re.IGNORECASE
)


def understand_export(raw: RawTable, form: FormDefinition | None) -> RawTable:
    """Return a table as an export: facts of its tool and, with a form, its questions.

    Raises
    ------
    IngestError
        If the file holds less than half of the form's questions.
    """
    raw = recognise_export(raw)
    if form is None:
        return raw
    if raw.submissions is not None and raw.submissions.tool == "surveycto":
        raw = gather_wide_repeats(raw, form)
    tool = raw.submissions.tool if raw.submissions else None
    questions = form.answered()
    matched = match_columns(list(raw.frame.columns), form, questions)
    _check_match(raw, form, matched)
    problems = Problems(raw.problems)
    _list_differences(raw, form, matched, problems)
    place = Place(label=raw.origin.file, rows=raw.rows, problems=problems, tool=tool)
    frame = _in_form_names(raw.frame, form, matched, place)
    names = form.short_names()
    return replace(
        raw,
        frame=frame,
        problems=problems,
        column_labels={
            names[path]: match.question.label(form.default_language)
            for path, match in matched.matches.items()
        },
        submissions=_with_repeats(_with_day(raw.submissions, matched), form, problems),
    )


def _check_match(raw: RawTable, form: FormDefinition, matched: MatchedColumns) -> None:
    asked = [item for item in form.answered() if item.kind not in _UNASKED]
    there = sum(item.path in matched.matches for item in asked)
    if asked and there < _LEAST_SHARE * len(asked):
        raise refuse(
            raw.origin.file,
            f"an export of the form {form.file}",
            f"It has {there} of the form's {len(asked)} questions "
            f"(absent: {_listed([item.name for item in matched.absent])}). Name the "
            "form that the data were collected with, or export with its XML values.",
            row=1,
        )


def _list_differences(
    raw: RawTable, form: FormDefinition, matched: MatchedColumns, problems: Problems
) -> None:
    absent = [item.name for item in matched.absent if item.kind not in _UNASKED]
    if absent:
        problems.add(
            Problem(
                severity="warning",
                file=raw.origin.file,
                row=1,
                expected=f"a column for every question of {form.file}",
                hint=f"{len(absent)} have none: {_listed(absent)}. Another version of "
                "the form, or questions left out of the export.",
            )
        )
    geo = {item.name for item in form.questions if item.kind == "geo"}
    strange = [
        column
        for column in matched.strange
        if not is_system_column(column) and not _is_part_of(column, geo)
    ]
    if strange:
        problems.add(
            Problem(
                severity="warning",
                file=raw.origin.file,
                row=1,
                expected=f"questions of {form.file} in all columns",
                hint=f"{len(strange)} are none: {_listed(strange)}. They stay under "
                "their own names and are not checked.",
            )
        )


def _is_part_of(column: str, geo: set[str]) -> bool:
    part = _GEO_PART.match(column)
    return part is not None and any(part[1].endswith(name) for name in geo)


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _in_form_names(
    frame: pd.DataFrame, form: FormDefinition, matched: MatchedColumns, place: Place
) -> pd.DataFrame:
    names = form.short_names()
    columns: dict[str, pd.Series] = {}
    for path, match in matched.matches.items():
        answers = coded_answers(frame, match, place)
        if answers is not None:
            columns[names[path]] = answers
    for column in matched.strange:
        if column not in columns:
            columns[column] = frame[column]
            continue
        place.problems.add(
            Problem(
                severity="warning",
                file=place.label,
                row=1,
                column=column,
                expected="one column for every question",
                hint="Another column holds this question too; this one was not read.",
            )
        )
    return pd.DataFrame(columns, index=frame.index)


def _with_day(given: Submissions | None, matched: MatchedColumns) -> Submissions | None:
    """Return the facts with the day as the form names it: any name will do there."""
    named = {
        match.question.meta: match.question.name for match in matched.matches.values()
    }
    day = next((named[meta] for meta in ("today", "end", "start") if meta in named), "")
    return given if given is None or not day else replace(given, day=day)


def _with_repeats(
    given: Submissions | None, form: FormDefinition, problems: Problems
) -> Submissions | None:
    if given is None or not given.repeats:
        return given
    found: dict[str, RepeatTable] = {}
    new_names: dict[str, str] = {}
    for name, table in given.repeats.items():
        repeat, matched = _best_repeat(table, form)
        if repeat is None or matched is None:
            found[name] = table
            continue
        new_names[table.name] = repeat[-1]
        place = Place(
            label=table.label, rows=table.rows, problems=problems, tool=given.tool
        )
        frame = _in_form_names(table.frame, form, matched, place)
        found[repeat[-1]] = replace(table, name=repeat[-1], frame=frame)
    renamed = {
        name: replace(table, parent=new_names.get(table.parent, table.parent))
        for name, table in found.items()
    }
    return replace(given, repeats=renamed)


def _best_repeat(
    table: RepeatTable, form: FormDefinition
) -> tuple[tuple[str, ...] | None, MatchedColumns | None]:
    best: tuple[int, tuple[str, ...] | None, MatchedColumns | None] = (0, None, None)
    for repeat in form.repeats:
        questions: tuple[Question, ...] = form.answered(repeat)
        matched = match_columns(list(table.frame.columns), form, questions)
        # The name of the sheet or file decides between repeats of equal questions.
        score = 2 * len(matched.matches) + table.name.endswith(repeat[-1])
        if matched.matches and score > best[0]:
            best = (score, repeat, matched)
    return best[1], best[2]
