"""Origin -> crossing -> destination counts for the maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sentinel.analysis.design import EVENT_WEIGHT

if TYPE_CHECKING:
    from sentinel.study.config import StudyConfig

__all__ = ["FLOW_COLUMNS", "count_flows", "count_sectors"]

FLOW_COLUMNS = (
    "round_id",
    "origin",
    "crossing",
    "destination",
    "n",
    "n_cases",
    "weight",
)
UNKNOWN_PLACE = ""


def count_flows(frame: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Count respondents by round and route; an unknown place is an empty string.

    Returns
    -------
    DataFrame
        Columns `FLOW_COLUMNS`; `n` respondents, `n_cases` those with the outcome,
        `weight` the deportations they stand for. Unprotected.
    """
    maps = config.maps
    if maps is None:
        return pd.DataFrame(columns=list(FLOW_COLUMNS))
    outcome = config.classify.outcome
    table = pd.DataFrame(
        {
            "round_id": frame["round_id"],
            "origin": _place(frame, maps.origin),
            "crossing": _place(frame, maps.crossing),
            "destination": _place(frame, maps.destination),
            "case": (frame[outcome] == 1).fillna(value=False).astype(int),
            "weight": frame[EVENT_WEIGHT],
        }
    )
    groups = table.groupby(list(FLOW_COLUMNS[:4]), sort=True, dropna=False)
    counted = groups.agg(
        n=("case", "size"), n_cases=("case", "sum"), weight=("weight", "sum")
    )
    return counted.reset_index()[list(FLOW_COLUMNS)]


def count_sectors(frame: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Count respondents by destination and sector of work; unknown is an empty string.

    Returns
    -------
    DataFrame
        ``destination, sector, n`` over all rounds. Unprotected.
    """
    names = ["destination", "sector"]
    maps = config.maps
    if maps is None or maps.sector is None or maps.sector not in frame:
        return pd.DataFrame(columns=[*names, "n"])
    table = pd.DataFrame(
        {
            "destination": _place(frame, maps.destination),
            "sector": _place(frame, maps.sector),
        }
    )
    return table.groupby(names, sort=True).size().rename("n").reset_index()


def _place(frame: pd.DataFrame, name: str | None) -> pd.Series:
    if name is None or name not in frame:
        return pd.Series(UNKNOWN_PLACE, index=frame.index)
    return frame[name].astype("str").where(frame[name].notna(), UNKNOWN_PLACE)
