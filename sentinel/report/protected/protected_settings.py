"""The settings of a definition, protected beside the tables of the same release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import pandas as pd

from sentinel.analysis.results import EstimateTable

if TYPE_CHECKING:
    from sentinel.analysis.results import StudyResult
    from sentinel.disclosure import ReleasePolicy

__all__ = ["protected_settings", "setting_tables"]

BY = ("round_id",)
OBSERVED = "observed"
# With unknowns as no the cases are the observed ones, with unknowns as yes the others.
SAME: dict[str, Literal["cases", "non-cases"]] = {
    "lower": "cases",
    "upper": "non-cases",
}


def setting_tables(result: StudyResult) -> tuple[EstimateTable, ...]:
    """Return one table by round for each setting, unknowns left out.

    The study's own setting is the question of its headline; the others are questions of
    their own, whose cases hold or are held by those of the headline. With every unknown
    counted as no, or as yes, the counts follow: how many are unknown is printed.
    """
    frame = result.sensitivity
    if frame.empty:
        return ()
    config = result.config
    rounds = result.interviews.frame["round_id"]
    tables = []
    observed = frame[frame["unknowns"] == OBSERVED]
    for setting, rows in observed.groupby("setting", sort=False):
        answer = result.settings[str(setting)].frame[config.classify.outcome]
        question = rows["estimand"]
        if setting != config.classify.setting:
            question = rows["estimand"] + f", {setting}"
        tables.append(
            EstimateTable(
                name=f"setting_{setting}",
                label=str(setting),
                quantity="event",
                by=BY,
                frame=rows.assign(estimand=question),
                answers=pd.DataFrame({"round_id": rounds, "answer": answer}),
            )
        )
    return tuple(tables)


def protected_settings(
    frame: pd.DataFrame,
    tables: Sequence[EstimateTable],
    protected: Sequence[pd.DataFrame],
    policy: ReleasePolicy,
) -> pd.DataFrame:
    """Return all treatments of unknowns, withheld as the observed answers are.

    A round whose setting could not be estimated with unknowns left out is left out.
    """
    from sentinel.disclosure import protect_alike

    if frame.empty:
        return frame
    parts = []
    for table, shown in zip(tables, protected, strict=True):
        parts.append(shown.assign(estimand=frame["estimand"].iloc[0]))
        own = frame["setting"] == table.label
        own &= frame["round_id"].isin(shown["round_id"])
        for unknowns, same in SAME.items():
            rows = frame[own & (frame["unknowns"] == unknowns)]
            parts.append(protect_alike(rows, shown, BY, policy, same=same))
    return pd.concat(parts).sort_index()
