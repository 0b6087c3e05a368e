"""Interview rounds beside each other: whether a share is an unusual one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from estimators import surveillance
from sentinel.ingest.readers import read_table
from sentinel.monitoring.parts import MonitoredPart, few
from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    from sentinel.disclosure import ReleasePolicy
    from sentinel.study.monitoring_section import RoundsEntry

__all__ = ["read_rounds", "round_parts"]

FORETOLD = (
    "each round is compared with what the rounds before it foretell for one of its "
    "size; weights and clusters are left out, so limits are the narrowest possible"
)
COUNTS = ("positives", "trials")


def read_rounds(
    path: str | Path,
    *,
    label: str,
    positives: str,
    trials: str,
    time: str | None = None,
    sheet: str | None = None,
    file_label: str | None = None,
) -> pd.DataFrame:
    """Read one row per round, in order of time.

    Parameters
    ----------
    path : path
    label, positives, trials : str
        Columns: the round's name; whole numbers, positives at most trials.
    time : str, optional
        Column of times, rising (a year, say): a longer gap lets rounds differ more.
    sheet, file_label : str, optional

    Returns
    -------
    DataFrame
        ``round, positives, trials`` and, if named, ``time``.

    Raises
    ------
    IngestError
        With every absent column and unreadable cell.
    """
    raw = read_table(path, sheet=sheet, file_label=file_label)
    problems = Problems()
    named = {"round": label, "positives": positives, "trials": trials}
    named |= {"time": time} if time else {}
    for name in named.values():
        if name not in raw.frame:
            hint = f"The file has: {', '.join(map(str, raw.frame.columns))[:200]}."
            problems.add(
                Problem(
                    file=raw.origin.file, column=name, expected="a column", hint=hint
                )
            )
    problems.raise_errors()
    frame = pd.DataFrame({"round": raw.frame[label].astype(str)})
    for name in [*COUNTS, *(["time"] if time else [])]:
        numbers = pd.to_numeric(raw.frame[named[name]], errors="coerce")
        whole = name in COUNTS
        wrong = numbers.isna() | (
            (numbers < 0) | (numbers % 1 != 0) if whole else False
        )
        for place in frame.index[wrong]:
            problems.add(
                Problem(
                    file=raw.origin.file, row=int(raw.rows[place]), column=named[name],
                    expected="a whole number >= 0" if whole else "a number",
                )
            )  # fmt: skip
        frame[name] = numbers
    problems.raise_errors()
    return frame.astype(dict.fromkeys(COUNTS, "int64"))


def round_parts(
    entry: RoundsEntry,
    read: Callable[..., Any],
    policy: ReleasePolicy,
    skipped: list[str],
) -> Iterator[MonitoredPart]:
    """Yield the table of rounds, each with what the former ones foretell.

    Parameters
    ----------
    entry : RoundsEntry
    read : callable
        Reads the entry's file; None where it is wrong.
    policy : ReleasePolicy
    skipped : list of str
        Grows by what cannot be shown: what is foretold is a function of every round, so
        one small count withholds all.
    """
    rounds: pd.DataFrame | None = read(
        read_rounds, entry, label=entry.round, positives=entry.positives,
        trials=entry.trials, time=entry.time,
    )  # fmt: skip
    if rounds is None:
        return
    others = rounds["trials"] - rounds["positives"]
    counts = pd.concat([rounds["positives"], rounds["trials"], others])
    if any(few(count, policy.minimum_cell) for count in counts):
        skipped.append(
            f"{entry.title}: a round has fewer than {policy.minimum_cell} positives, "
            "others or interviews, and every limit would tell of it"
        )
        return
    frame = rounds[["round", *COUNTS]].assign(
        share=rounds["positives"] / rounds["trials"].where(rounds["trials"] > 0)
    )
    rows = [_compared(rounds, upto) for upto in range(len(rounds))]
    yield MonitoredPart(
        name=entry.name,
        kind="rounds",
        title=entry.title,
        frame=pd.concat([frame, pd.DataFrame(rows)], axis=1),
        notes=(FORETOLD,),
        source=entry.source,
    )


def _compared(rounds: pd.DataFrame, last: int) -> dict[str, object]:
    """Return what the rounds before foretell; nothing of the first one."""
    if last == 0:
        return {"expected": None, "ci_low": None, "ci_high": None, "unusual": False}
    upto = rounds.iloc[: last + 1]
    found = surveillance.unusual_round(
        upto["positives"].to_numpy(dtype=float),
        upto["trials"].to_numpy(dtype=float),
        times=upto["time"].to_numpy(dtype=float) if "time" in upto else None,
    )
    return {
        "expected": found.estimate,
        "ci_low": found.ci.low,
        "ci_high": found.ci.high,
        "unusual": bool(found.diagnostics["unusual"]),
    }
