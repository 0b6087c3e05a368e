"""Age at the event: a child is who was one when leaving home, not when asked."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from sentinel.classify.codebook_checks import AGE_AT_DEPARTURE
from sentinel.schema.states import CellState

__all__ = ["with_age_at_departure"]

_SOURCES = ("age", "int_date", "leave_date")
_DAYS_PER_YEAR = 365.25
_LONGEST_MONTH = 31
_ADULT = 18.0


def with_age_at_departure(
    frame: pd.DataFrame, states: pd.DataFrame, *, needed: Collection[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return frame and states with ``age_at_departure`` if it is needed and absent.

    Parameters
    ----------
    frame, states : DataFrame
        With ``age`` in completed years, ``int_date`` and ``leave_date`` (a month).
    needed : collection of str
        Variables of the definition.

    Notes
    -----
    Age in completed years and a month of departure leave a range of thirteen months
    for the age at departure. The column holds the middle of the range, and nothing
    (state MISSING) where the range holds both ages under 18 and others: who may have
    been a child is not counted as an adult.
    """
    has_sources = all(name in frame.columns for name in _SOURCES)
    if AGE_AT_DEPARTURE not in needed or AGE_AT_DEPARTURE in frame or not has_sources:
        return frame, states
    away = pd.to_datetime(frame["int_date"]) - pd.to_datetime(frame["leave_date"])
    longest = away.dt.total_seconds().to_numpy(np.float64) / 86400
    shortest = np.maximum(longest - _LONGEST_MONTH, 0.0)
    age = frame["age"].to_numpy(dtype=np.float64, na_value=np.nan)
    youngest = age - longest / _DAYS_PER_YEAR
    oldest = age + 1 - shortest / _DAYS_PER_YEAR
    values = states[list(_SOURCES)].to_numpy() == CellState.VALUE
    with np.errstate(invalid="ignore"):
        settled = (youngest >= _ADULT) | (oldest <= _ADULT)
    known = values.all(axis=1) & settled
    middle = pd.Series((youngest + oldest) / 2, index=frame.index)
    state = np.where(known, CellState.VALUE, CellState.MISSING).astype(np.uint8)
    return (
        frame.assign(**{AGE_AT_DEPARTURE: middle.where(known).astype("Float64")}),
        states.assign(**{AGE_AT_DEPARTURE: state}),
    )
