"""Age at the event: a child is who was one when leaving home, not when asked."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from sentinel.classify.definition_checks import AGE_AT_DEPARTURE
from sentinel.schema.states import CellState

__all__ = ["with_age_at_departure"]

_SOURCES = ("age", "int_date", "leave_date")
_DAYS_PER_YEAR = 365.25


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
    ``age`` is a whole number of years, so half a year is added before the time away is
    taken off: the result, rounded down, is right to within one year.
    """
    has_sources = all(name in frame.columns for name in _SOURCES)
    if AGE_AT_DEPARTURE not in needed or AGE_AT_DEPARTURE in frame or not has_sources:
        return frame, states
    away = pd.to_datetime(frame["int_date"]) - pd.to_datetime(frame["leave_date"])
    years = away.dt.total_seconds().to_numpy() / 86400 / _DAYS_PER_YEAR
    age = frame["age"].to_numpy(dtype=np.float64, na_value=np.nan)
    departure = np.floor(age + 0.5 - years)
    values = states[list(_SOURCES)].to_numpy() == CellState.VALUE
    known = values.all(axis=1) & np.isfinite(departure)
    column = pd.Series(departure, index=frame.index).where(known).astype("Float64")
    state = np.where(known, CellState.VALUE, CellState.MISSING).astype(np.uint8)
    return (
        frame.assign(**{AGE_AT_DEPARTURE: column}),
        states.assign(**{AGE_AT_DEPARTURE: state}),
    )
