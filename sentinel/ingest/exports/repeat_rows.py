"""The row of a repeat that speaks for its interview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.mapping import RepeatRule
from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.submissions import RepeatTable
from sentinel.schema.problems import Problem, Problems
from sentinel.schema.skip_logic import parse_condition

__all__ = ["take_repeats"]

BoolVector = npt.NDArray[np.bool_]


def take_repeats(
    raw: RawTable, rules: Mapping[str, RepeatRule], problems: Problems
) -> RawTable:
    """Return a table with the columns of the chosen rows of its repeats.

    Every row of a repeat that is not taken is counted in a warning; ``only`` finds an
    error where an interview has more than one.
    """
    repeats = dict(raw.submissions.repeats) if raw.submissions else {}
    frame = raw.frame
    for name, rule in rules.items():
        if name not in repeats:
            hint = f"It has: {', '.join(repeats) or 'none'}."
            problems.add(
                Problem(
                    file=raw.origin.file,
                    column=f"repeats.{name}",
                    expected=f"a repeat named {name!r}",
                    hint=hint,
                )
            )
            continue
        frame = _with_columns(frame, repeats.pop(name), rule, problems)
    for name, table in repeats.items():
        if len(table.frame):
            problems.add(
                Problem(
                    severity="warning",
                    file=table.label,
                    expected=f"[repeats.{name}] in the mapping: which row counts",
                    hint=f"None of its {len(table.frame)} rows was read.",
                )
            )
    return replace(raw, frame=frame)


def _with_columns(
    frame: pd.DataFrame, table: RepeatTable, rule: RepeatRule, problems: Problems
) -> pd.DataFrame:
    usable = (table.roots >= 0) & _held(table, rule)
    places = np.flatnonzero(usable)
    roots = table.roots[places]
    if rule.take == "last":
        places, roots = places[::-1], roots[::-1]
    first = np.unique(roots, return_index=True)[1]
    chosen = places[first]
    more = len(places) - len(chosen)
    if more:
        problems.add(
            Problem(
                severity="error" if rule.take == "only" else "warning",
                file=table.label,
                expected=f"one row of {table.name} for each interview"
                + (f" where {rule.where}" if rule.where else ""),
                hint=f"{more} more rows were not read. "
                + (
                    'Say which one counts: take = "first" or "last", or where = ....'
                    if rule.take == "only"
                    else f"The {rule.take} one counts, as [repeats.{table.name}] says."
                ),
            )
        )
    found = {
        name if name not in frame else f"{table.name}/{name}": _spread(
            table.frame[name], chosen, table.roots[chosen], len(frame)
        )
        for name in table.frame.columns
        if not str(name).startswith("_")
    }
    counts = np.bincount(table.roots[table.roots >= 0], minlength=len(frame))
    name = f"{table.name}_count"
    # A question of this name is another matter: it may have been asked.
    found[name if name not in frame else f"{table.name}/count"] = pd.Series(
        [str(n) for n in counts], dtype="str"
    )
    return pd.concat([frame, pd.DataFrame(found, index=frame.index)], axis=1)


def _held(table: RepeatTable, rule: RepeatRule) -> BoolVector:
    if not rule.where:
        return np.ones(len(table.frame), np.bool_)
    condition = parse_condition(rule.where)
    names = [part.variable for part in condition.comparisons]
    frame = pd.DataFrame(
        {
            name: table.frame[name]
            if name in table.frame
            else pd.Series([""] * len(table.frame), dtype="str")
            for name in names
        }
    )
    states = pd.DataFrame(0, index=frame.index, columns=frame.columns)
    return condition.evaluate(frame, states)[0]


def _spread(
    values: pd.Series, chosen: np.ndarray, roots: np.ndarray, n: int
) -> pd.Series:
    texts = np.full(n, "", dtype=object)
    texts[roots] = values.to_numpy(dtype=object)[chosen]
    return pd.Series(texts, dtype="str")
