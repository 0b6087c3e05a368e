"""What became of every row, and what each round holds of every variable."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from estimators.errors import PrevalenceError
from sentinel.ingest.consent import RESPONDED, GatedFile
from sentinel.ingest.file_table import FileTable
from sentinel.ingest.interviews import FLOW_STEPS
from sentinel.schema.states import CellState
from sentinel.study.config import StudyConfig

__all__ = ["HARMONISATION_COLUMNS", "count_flow", "harmonisation_table"]

HARMONISATION_COLUMNS = (
    "variable", "round_id", "present", "answered", "fate", "source", "how", "recoded",
    "lost",
)  # fmt: skip

_STEP_OF = {
    "ineligible": "ineligible",
    "unavailable": "unavailable",
    "language": "unavailable",
    "refused": "refused",
    "no_consent": "no_consent",
    **dict.fromkeys(RESPONDED, "consented"),
}


def count_flow(config: StudyConfig, gated: Sequence[GatedFile]) -> pd.DataFrame:
    """Return one row per round with the counts of `FLOW_STEPS`.

    A person who spoke none of the languages counts as unavailable; one who stopped for
    distress counts as partial.

    Raises
    ------
    PrevalenceError
        If the counts do not add up: a defect of this package, never of the data.
    """
    rows = []
    for item in config.rounds:
        counts = dict.fromkeys(FLOW_STEPS, 0)
        for each in gated:
            if each.file.round_label == item.label:
                _add_file(counts, each)
        counts["analysed"] = counts["consented"]
        _check_sum(item.label, counts)
        rows.append({"round_id": item.label, **counts})
    flow = pd.DataFrame(rows, columns=["round_id", *FLOW_STEPS])
    return flow.astype({"round_id": "str", **dict.fromkeys(FLOW_STEPS, "int64")})


def _add_file(counts: dict[str, int], each: GatedFile) -> None:
    counts["rows_read"] += len(each.file.raw.frame)
    counts["duplicates_removed"] += each.file.duplicates
    counts["excluded_by_rule"] += sum(each.file.excluded.values())
    counts["withdrawn"] += each.file.withdrawn
    counts["selected"] += len(each.file.kept)
    for outcome, count in each.outcomes.value_counts().items():
        counts[_STEP_OF[str(outcome)]] += int(count)
        if outcome in {"partial", "stopped_for_distress"}:
            counts["partial"] += int(count)


def _check_sum(label: str, counts: dict[str, int]) -> None:
    read = ("duplicates_removed", "excluded_by_rule", "withdrawn", "selected")
    chosen = ("ineligible", "unavailable", "refused", "no_consent", "consented")
    if counts["rows_read"] != sum(counts[step] for step in read) or counts[
        "selected"
    ] != sum(counts[step] for step in chosen):
        raise PrevalenceError(
            f"Round {label}: the rows do not add up ({counts}). This is a defect of "
            "this package; please report it with these counts."
        )


def harmonisation_table(
    config: StudyConfig,
    files: Sequence[FileTable],
    frame: pd.DataFrame,
    states: pd.DataFrame,
) -> pd.DataFrame:
    """Return one row per variable and round: what it is made of, and what was lost.

    Columns: ``variable, round_id, present, answered, fate, source, how, recoded,
    lost``. `fate` says how it came: read, derived, absent; and for columns of the files
    that make no variable: unmapped, or dropped unread. `source` names columns and `how`
    the sections of the mapping; `recoded` counts cells whose code changed, `lost` those
    that held something and have no counterpart.
    """
    rows: list[dict[str, object]] = []
    for item in config.rounds:
        mine = [file for file in files if file.round_label == item.label]
        inside = (frame["round_id"] == item.label).to_numpy()
        for name in frame.columns.drop("round_id"):
            read = any(name in file.recipes for file in mine)
            answered = int((states.loc[inside, name] == CellState.VALUE).sum())
            fate = "read" if read else ("derived" if answered else "absent")
            row = _row(name, item.label, fate, answered)
            rows.append(row | _making(name, mine))
        others = {
            (column, fate)
            for file in mine
            for column, fate in file.fates.items()
            if fate in {"unmapped", "dropped"}
        }
        rows += [_row(column, item.label, fate, 0) for column, fate in sorted(others)]
    return pd.DataFrame(rows, columns=list(HARMONISATION_COLUMNS))


def _making(name: str, files: Sequence[FileTable]) -> dict[str, object]:
    """Return how the files of one round make a variable."""
    recipes = [file.recipes[name] for file in files if name in file.recipes]
    changes = [file.changes[name] for file in files if name in file.changes]
    columns = dict.fromkeys(part for recipe in recipes for part in recipe.sources)
    hows = dict.fromkeys(part for change in changes for part in change.how)
    return {
        "source": ", ".join(columns),
        "how": "; ".join(hows),
        "recoded": sum(change.recoded for change in changes),
        "lost": sum(change.lost for change in changes),
    }


def _row(
    variable: str, round_label: str, fate: str, answered: int
) -> dict[str, object]:
    return {
        "variable": variable,
        "round_id": round_label,
        "present": fate in {"read", "derived"},
        "answered": answered,
        "fate": fate,
        "source": "",
        "how": "",
        "recoded": 0,
        "lost": 0,
    }
