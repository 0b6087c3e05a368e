"""Scores of the same persons before and after: shelters, trainings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sentinel.ingest.readers import read_table
from sentinel.schema.problems import Problem, Problems

__all__ = ["read_scores"]

MOST_LISTED = 20


def read_scores(
    path: str | Path,
    *,
    before: str,
    after: str,
    group: str | None = None,
    sheet: str | None = None,
    file_label: str | None = None,
) -> pd.DataFrame:
    """Read one row per person with a score before and one after.

    Parameters
    ----------
    path : path
    before, after : str
        Columns of numbers; empty or "N/A" where there is no score.
    group : str, optional
    sheet, file_label : str, optional

    Returns
    -------
    DataFrame
        ``before, after`` (float64, missing kept: who left is not who did not change)
        and ``group``; nothing else of the file.

    Raises
    ------
    IngestError
        With every absent column and every cell that is neither a number nor missing.
    """
    raw = read_table(path, sheet=sheet, file_label=file_label)
    problems = Problems()
    named = [before, after, *([group] if group else [])]
    for name in named:
        if name not in raw.frame:
            hint = f"The file has: {', '.join(map(str, raw.frame.columns))[:200]}."
            problems.add(
                Problem(
                    file=raw.origin.file, column=name, expected="a column", hint=hint
                )
            )
    problems.raise_errors()
    frame = pd.DataFrame(
        {"group": raw.frame[group].astype(str) if group else ""}, index=raw.frame.index
    )
    for role, name in (("before", before), ("after", after)):
        texts = raw.frame[name].fillna("").astype(str).str.strip()
        blank = texts.str.casefold().isin(["", "n/a", "na", "-"])
        numbers = pd.to_numeric(texts.mask(blank), errors="coerce")
        wrong = numbers.isna() & ~blank
        for place in frame.index[wrong][:MOST_LISTED]:
            problems.add(
                Problem(
                    file=raw.origin.file, row=int(raw.rows[place]), column=name,
                    value=str(texts.iloc[place])[:20],
                    expected="a number, or nothing where there is no score",
                )
            )  # fmt: skip
        frame[role] = numbers.astype("float64")
    problems.raise_errors()
    return frame[["before", "after", "group"]]
