"""SurveyCTO writes the rounds of a repeat side by side: ``job_1``, ``job_2``, ..."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from sentinel.ingest.forms.definition import FormDefinition
from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.submissions import RepeatTable, Submissions

__all__ = ["gather_wide_repeats"]


def gather_wide_repeats(raw: RawTable, form: FormDefinition) -> RawTable:
    """Return a table with its numbered columns of repeats as tables of their own.

    Only the form tells a repeat's ``job_1`` from the column of a choice: without one
    such columns stay as they are. A round in which nothing was answered makes no row.
    """
    repeats = dict(raw.submissions.repeats) if raw.submissions else {}
    used: set[str] = set()
    for repeat in form.repeats:
        columns = _numbered(raw.frame, [item.name for item in form.answered(repeat)])
        if not columns:
            continue
        table = _long(raw, repeat[-1], columns)
        repeats[table.name] = table
        used |= {name for names in columns.values() for name in names.values()}
    facts = raw.submissions or Submissions(tool="surveycto")
    return replace(
        raw,
        frame=raw.frame.drop(columns=list(used)),
        submissions=replace(facts, repeats=repeats),
    )


def _numbered(frame: pd.DataFrame, names: list[str]) -> dict[int, dict[str, str]]:
    """Return number of the round to question to column."""
    found: dict[int, dict[str, str]] = {}
    for name in names:
        pattern = re.compile(rf"(?:.*[/.:-])?{re.escape(name)}_(\d{{1,4}})")
        for column in frame.columns:
            match = pattern.fullmatch(column)
            if match is not None:
                found.setdefault(int(match[1]), {})[name] = column
    return dict(sorted(found.items()))


def _long(raw: RawTable, name: str, columns: dict[int, dict[str, str]]) -> RepeatTable:
    questions = list(dict.fromkeys(key for part in columns.values() for key in part))
    parts, roots = [], []
    empty = pd.Series([""] * len(raw.frame), dtype="str")
    for number, names in columns.items():
        part = pd.DataFrame(
            {key: raw.frame[names[key]] if key in names else empty for key in questions}
        )
        held = (part != "").any(axis=1).to_numpy(np.bool_)
        parts.append(part[held].assign(_round=str(number)))
        roots.append(np.flatnonzero(held))
    places = np.concatenate(roots).astype(np.intp)
    order = np.argsort(places, kind="stable")
    frame = pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)
    return RepeatTable(
        name=name,
        label=f"{raw.origin.file} [{name}]",
        frame=frame.astype("str"),
        rows=raw.rows[places[order]],
        roots=places[order],
    )
