"""Variables that are plain arithmetic of others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sentinel.schema.states import CellState

__all__ = ["AGE_BANDS", "add_age_band", "age_band"]

# Lower ends of the age bands of the Counter-Trafficking Data Collaborative (CTDC),
# codebook v2 of February 2024.
AGE_BANDS: dict[str, int] = {
    "0-8": 0, "9-17": 9, "18-20": 18, "21-23": 21, "24-26": 24, "27-29": 27,
    "30-38": 30, "39-47": 39, "48+": 48,
}  # fmt: skip


def age_band(age: pd.Series) -> pd.Series:
    """Return the CTDC age band of each age in years, shape (n,); NA stays NA.

    Examples
    --------
    >>> age_band(pd.Series([17, 18, 48, None], dtype="Float64")).tolist()
    ['9-17', '18-20', '48+', nan]
    """
    years = age.to_numpy(dtype=np.float64, na_value=np.nan)
    places = np.searchsorted(list(AGE_BANDS.values()), years, side="right") - 1
    names = np.array(list(AGE_BANDS), dtype=object)
    known = ~np.isnan(years)
    bands = [
        names[place] if ok else None for place, ok in zip(places, known, strict=True)
    ]
    return pd.Series(bands, index=age.index, dtype="str")


def add_age_band(frame: pd.DataFrame, states: pd.DataFrame) -> None:
    """Fill ``age_grp`` where age is known; a band that was given stays elsewhere."""
    if "age" not in frame or "age_grp" not in frame:
        return
    known = states["age"].to_numpy() == CellState.VALUE
    given = states["age_grp"].to_numpy() == CellState.VALUE
    frame["age_grp"] = frame["age_grp"].where(~known, age_band(frame["age"]))
    states["age_grp"] = np.where(
        known,
        CellState.VALUE,
        np.where(given, CellState.VALUE, states["age"].to_numpy()),
    ).astype(np.uint8)
