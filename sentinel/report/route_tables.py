"""The protected legs of the study's routes as tables: for a file, and for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sentinel.report.formats import count, is_missing
from sentinel.report.tables import Column, PrintedTable

if TYPE_CHECKING:
    from sentinel.report.protected.release import Release

__all__ = ["largest_legs", "routes_frame"]

SHOWN_LEGS = 15
PLACES = ("origin", "crossing", "destination")


def routes_frame(release: Release) -> pd.DataFrame:
    """Return the protected legs with their places' names; withheld n are empty."""
    if release.routes is None:
        return pd.DataFrame()
    frame = release.routes.flows.copy()
    names = {
        f"{place}_name": [_place(code, release) for code in frame[place]]
        for place in PLACES
    }
    return frame.assign(**names, reference_period=release.reference_period)


def largest_legs(release: Release) -> PrintedTable | None:
    """Return the legs with most respondents: what the maps show, to be read."""
    frame = routes_frame(release)
    if frame.empty:
        return None
    shown = frame[~frame["suppressed"].astype(bool) & frame["n"].notna()]
    if (shown["round_id"] == "all rounds").any():
        shown = shown[shown["round_id"] == "all rounds"]
    shown = shown.sort_values("n", ascending=False, kind="stable").head(SHOWN_LEGS)
    rows = []
    for _, row in shown.iterrows():
        start, end = str(row["leg"]).split("-", 1)
        rows.append(
            (
                row[f"{start}_name"],
                row[f"{end}_name"],
                release.labels.value("round_id", row["round_id"]),
                count(row["n"]),
            )
        )
    if not rows:
        return None
    return PrintedTable(
        name="largest_legs",
        caption="The legs that most respondents took (unweighted)",
        columns=(
            Column(label="From", numeric=False),
            Column(label="To", numeric=False),
            Column(label="Round", numeric=False),
            Column(label="n"),
        ),
        rows=tuple(rows),
        n_headers=2,
    )


def _place(code: object, release: Release) -> str:
    if is_missing(code) or code == "":
        return "not stated"
    words = {"*": "any", "OTHER": "other places together"}
    text = str(code)
    return words.get(text) or release.labels.value("", text)
