"""Hotline logs: one row per call in, calls and cases kept apart.

Several calls may be about one case, and many calls are about none. A status given over
the telephone is often not verified: callers are "potential victims" (HTCDS guidance).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.readers import read_table
from sentinel.monitoring.places import PlaceCounts, count_places
from sentinel.schema.identifiers import identifier_in_values
from sentinel.schema.problems import Problem, Problems

__all__ = ["ANSWERS", "HotlineColumns", "HotlineLog", "read_hotline_log"]

ANSWERS: Mapping[str, str] = {
    **dict.fromkeys(("1", "yes", "y", "true"), "yes"),
    **dict.fromkeys(("0", "no", "n", "false"), "no"),
    **dict.fromkeys(("", "9", "unknown", "don't know", "dk", "?", "n/a"), "unknown"),
}
NO_CASE = -1
MOST_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HotlineColumns:
    """Which columns of the log are read; all others never leave the file.

    Attributes
    ----------
    date : str
        Day of the call.
    case : str, optional
        What calls about the same case share. Replaced by a running number at once.
    kind, place : str, optional
        What the call was about; where the caller said to be.
    referred, action : str, optional
        Whether the case was referred, and whether the referral led to action: yes, no,
        unknown (`ANSWERS`).
    date_format : str
        As for `datetime.strptime`; ISO days are the default.
    """

    date: str = "date"
    case: str | None = None
    kind: str | None = None
    place: str | None = None
    referred: str | None = None
    action: str | None = None
    date_format: str = "%Y-%m-%d"

    def named(self) -> dict[str, str]:
        """Return role to column of the file, for the columns that are read."""
        roles = ("date", "case", "kind", "place", "referred", "action")
        return {role: name for role in roles if (name := getattr(self, role))}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HotlineLog:
    """A hotline's calls and the cases they are about.

    Attributes
    ----------
    calls : DataFrame
        One row per call: ``day`` (datetime), ``case`` (Int64 running number, missing
        where the call is about no case), ``kind``.
    cases : DataFrame
        One row per case: ``case, day`` (of its first call), ``n_calls, kind, referred,
        action``. What later calls say of a case replaces what earlier ones said.
    places : PlaceCounts
        Caller places with their spellings joined; empty if the log has none.
    notes : tuple of str
        What a reader must know: calls without a case, cases told in two ways.
    problems : Problems
    """

    calls: pd.DataFrame
    cases: pd.DataFrame
    places: PlaceCounts
    notes: tuple[str, ...] = ()
    problems: Problems = field(default_factory=Problems)


def read_hotline_log(
    path: str | Path,
    *,
    columns: HotlineColumns | None = None,
    sheet: str | None = None,
    file_label: str | None = None,
) -> HotlineLog:
    r"""Read a log of calls; direct identifiers in other columns are not read.

    Parameters
    ----------
    path : path
        Any table that `sentinel.ingest.read_table` reads: one row per call.
    columns : HotlineColumns, optional
        Names of the columns; by default only ``date``.
    sheet, file_label : str, optional
        Sheet of a workbook; name for messages.

    Returns
    -------
    HotlineLog

    Raises
    ------
    IngestError
        With every column that is absent, every day that cannot be read, every answer
        that is none of `ANSWERS`, and every column whose values look like direct
        identifiers (never with the values).

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "calls.csv"
    >>> _ = path.write_text("date,case\n2009-09-02,A\n2009-10-01,A\n2009-10-05,\n")
    >>> log = read_hotline_log(path, columns=HotlineColumns(case="case"))
    >>> len(log.calls), len(log.cases), log.notes
    (3, 1, ('1 of 3 calls are about no recorded case',))
    """
    columns = columns or HotlineColumns()
    raw = read_table(path, sheet=sheet, file_label=file_label)
    problems = Problems(raw.problems)
    texts = _texts(raw, columns, problems)
    problems.raise_errors()
    days = _days(texts["date"], columns, raw, problems)
    for role in ("referred", "action"):
        if role in texts:
            texts[role] = _answers(texts[role], columns.named()[role], raw, problems)
    problems.raise_errors()
    calls = pd.DataFrame({"day": days, "case": _running_numbers(texts.get("case"))})
    for role in ("kind", "referred", "action"):
        calls[role] = texts.get(role, "")
    notes: list[str] = []
    cases = _cases(calls, notes)
    return HotlineLog(
        calls=calls[["day", "case", "kind"]],
        cases=cases,
        places=count_places(texts.get("place", [])),
        notes=tuple(notes),
        problems=problems,
    )


def _texts(
    raw: RawTable, columns: HotlineColumns, problems: Problems
) -> dict[str, pd.Series]:
    found: dict[str, pd.Series] = {}
    for role, name in columns.named().items():
        if name not in raw.frame:
            known = ", ".join(map(str, raw.frame.columns[:MOST_LISTED]))
            problems.add(
                Problem(
                    file=raw.origin.file, column=name, expected=f"a column for {role}",
                    hint=f"The file has: {known}.",
                )
            )  # fmt: skip
            continue
        texts = raw.frame[name].fillna("").astype("str")
        looks = identifier_in_values(texts) if role in {"kind", "place"} else ""
        if looks:
            problems.add(
                Problem(
                    file=raw.origin.file, column=name,
                    expected=f"codes or places, not {looks}",
                    hint="Recode it outside, or do not name it here.",
                )
            )  # fmt: skip
        found[role] = texts
    return found


def _days(
    texts: pd.Series, columns: HotlineColumns, raw: RawTable, problems: Problems
) -> pd.Series:
    days = pd.to_datetime(texts, format=columns.date_format, errors="coerce")
    wrong = [int(place) for place in days.index[days.isna()]]
    for place in wrong[:MOST_LISTED]:
        problems.add(
            Problem(
                file=raw.origin.file, row=int(raw.rows[place]), column=columns.date,
                expected=f"a day written {columns.date_format}",
                hint="Name another format as date_format if the whole column has it.",
            )
        )  # fmt: skip
    if len(wrong) > MOST_LISTED:
        hint = f"And {len(wrong) - MOST_LISTED} more rows; {len(wrong)} in all."
        problems.add(
            Problem(
                file=raw.origin.file, column=columns.date, expected="days", hint=hint
            )
        )
    return days


def _answers(
    texts: pd.Series, column: str, raw: RawTable, problems: Problems
) -> pd.Series:
    answers = texts.str.casefold().map(ANSWERS)
    strange = sorted(set(texts[answers.isna()]))
    if strange:
        rows = [int(raw.rows[place]) for place in texts.index[answers.isna()]]
        problems.add(
            Problem(
                file=raw.origin.file, row=rows[0], column=column,
                expected="yes, no or unknown",
                hint=f"{len(rows)} cells hold {len(strange)} other answers.",
            )
        )  # fmt: skip
    return answers.fillna("unknown")


def _running_numbers(texts: pd.Series | None) -> pd.Series:
    """Return 0, 1, ... in the order of first mention, missing where nothing stands."""
    if texts is None:
        return pd.Series(dtype="Int64")
    codes, _ = pd.factorize(texts.where(texts != ""))
    return pd.Series(codes, dtype="Int64").replace(NO_CASE, pd.NA)


def _cases(calls: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    without = int(calls["case"].isna().sum())
    if without == len(calls):
        notes.append("the log names no cases: only calls can be counted")
    elif without:
        notes.append(f"{without} of {len(calls)} calls are about no recorded case")
    known = calls.dropna(subset=["case"]).sort_values("day", kind="stable")
    by = known.groupby("case", sort=True)
    cases = by.agg(day=("day", "first"), n_calls=("day", "size")).reset_index()
    for role in ("kind", "referred", "action"):
        cases[role] = by[role].agg(_last_said).to_numpy() if len(cases) else ""
        told = by[role].agg(lambda said: len(set(said) - {"", "unknown"}) > 1)
        if len(cases) and int(told.sum()):
            notes.append(
                f"{int(told.sum())} cases have calls that differ in {role}: the last "
                "counts"
            )
    return cases


def _last_said(said: pd.Series) -> str:
    told = said[~said.isin(["", "unknown"])]
    return str(told.iloc[-1] if len(told) else said.iloc[-1])
