"""Studies without a probability sample: described, and nothing inferred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from sentinel.ingest.readers import read_table
from sentinel.monitoring.hotline import ANSWERS
from sentinel.monitoring.parts import few
from sentinel.schema.problems import Problem, Problems

__all__ = ["NO_INFERENCE", "describe_items", "read_items"]

NO_INFERENCE = (
    "{recruitment} recruitment: the numbers describe these respondents and nobody "
    "else; no interval and no test is given, because no chance selected them"
)


def read_items(
    path: str | Path,
    items: Sequence[str],
    *,
    sheet: str | None = None,
    file_label: str | None = None,
) -> pd.DataFrame:
    """Read columns of yes and no; unknown and empty cells are missing.

    Raises
    ------
    IngestError
        With every absent column and every answer that is not yes, no or unknown.
    """
    raw = read_table(path, sheet=sheet, file_label=file_label)
    problems = Problems()
    read = {}
    for name in items:
        if name not in raw.frame:
            hint = f"The file has: {', '.join(map(str, raw.frame.columns))[:200]}."
            problems.add(
                Problem(
                    file=raw.origin.file, column=name, expected="a column", hint=hint
                )
            )
            continue
        answers = raw.frame[name].fillna("").astype(str).str.casefold().map(ANSWERS)
        strange = answers.isna()
        if strange.any():
            row = int(raw.rows[int(strange.to_numpy().argmax())])
            problems.add(
                Problem(
                    file=raw.origin.file, row=row, column=name,
                    expected="yes, no or unknown",
                    hint=f"{int(strange.sum())} cells hold something else.",
                )
            )  # fmt: skip
        read[name] = answers.map({"yes": 1, "no": 0}).astype("Int8")
    problems.raise_errors()
    return pd.DataFrame(read)


def describe_items(
    answers: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    minimum_cell: int | None = None,
) -> pd.DataFrame:
    """Return "n of N" for every item; no interval, by design.

    Parameters
    ----------
    answers : DataFrame
        1, 0 or missing.
    labels : mapping, optional
    minimum_cell : int, optional
        An item is withheld if the yes or the no are fewer than this but not 0.

    Returns
    -------
    DataFrame
        ``item, yes, answered, percent, withheld``. `percent` is missing where fewer
        than 30 answered: a percentage of few is read as more than it is.

    Examples
    --------
    >>> answers = pd.DataFrame({"deducted": [1] * 68 + [0] * 9})
    >>> describe_items(answers)[["yes", "answered", "percent"]]
       yes  answered  percent
    0   68        77     88.3
    """
    rows = []
    for name in answers.columns:
        known = answers[name].dropna()
        yes, answered = int(known.sum()), len(known)
        hide = minimum_cell is not None and (
            few(yes, minimum_cell) or few(answered - yes, minimum_cell)
        )
        shown = answered >= LEAST_FOR_PERCENT and not hide
        rows.append(
            {
                "item": (labels or {}).get(name, name),
                "yes": None if hide else yes,
                "answered": answered,
                "percent": round(100 * yes / answered, 1) if shown else None,
                "withheld": hide,
            }
        )
    frame = pd.DataFrame(rows)
    return frame.astype({"yes": "Int64", "answered": "Int64", "percent": "Float64"})


LEAST_FOR_PERCENT = 30
