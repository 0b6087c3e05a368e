"""Places and times no finer than a release may show."""

from __future__ import annotations

import re

import pandas as pd

from estimators.checks import check_choice
from estimators.errors import InputError
from sentinel.disclosure.policy import PLACE_LEVELS, TIME_UNITS

__all__ = ["INFORMAL_CROSSING", "coarsen_places", "coarsen_time"]

INFORMAL_CROSSING = "XB-INFORMAL"
SHOWN_VALUES = 5
# Country; first-level unit (ISO 3166-2); official crossing or "informal".
_RELEASABLE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?|XB-[A-Z0-9]+")
_CROSSING = "XB-"


def coarsen_places(series: pd.Series, level: str = "province") -> pd.Series:
    """Return place codes no finer than `level`.

    Parameters
    ----------
    series : Series of str
        ISO 3166-1 or 3166-2 codes; official crossings ``XB-...``; ``XB-INFORMAL`` for
        any crossing that is not an official checkpoint. Missing stays missing, and an
        empty string (place unknown) stays empty.
    level : {"province", "country"}
        "country" cuts ISO 3166-2 codes to their country; crossings are public
        checkpoints and stay.

    Raises
    ------
    InputError
        If a value is anything else: a site, a hub, a district, a coordinate, a name.
        What cannot be proven coarse is not released.

    Examples
    --------
    >>> coarsen_places(pd.Series(["KH-1", "TH"]), "country").tolist()
    ['KH', 'TH']
    """
    check_choice("level", level, PLACE_LEVELS)
    values = series.dropna().astype("str").unique()
    finer = [item for item in values if item and not _RELEASABLE.fullmatch(item)]
    if finer:
        listed = ", ".join(repr(item[:20]) for item in sorted(finer)[:SHOWN_VALUES])
        more = ", ..." if len(finer) > SHOWN_VALUES else ""
        raise InputError(
            f"{len(finer)} place values in {series.name!r} are not country, ISO 3166-2 "
            f"or crossing codes: {listed}{more}. "
            "Sites, districts and names are finer than a release may be: recode them "
            "to first-level units."
        )
    if level == "province":
        return pd.Series(series)
    mapping = {
        item: item if item.startswith(_CROSSING) else item.partition("-")[0]
        for item in values
    }
    coarse = [mapping.get(item, item) for item in series]
    return pd.Series(coarse, index=series.index, name=series.name)


def coarsen_time(series: pd.Series, unit: str = "quarter") -> pd.Series:
    """Return dates as "2009", "2009-Q3" or "2009-08"; missing stays missing.

    Parameters
    ----------
    series : Series of datetime64
    unit : {"month", "quarter", "year"}

    Raises
    ------
    InputError
        If the values are not dates.

    Examples
    --------
    >>> coarsen_time(pd.Series(pd.to_datetime(["2009-08-17"]))).tolist()
    ['2009-Q3']
    """
    check_choice("unit", unit, TIME_UNITS)
    if not pd.api.types.is_datetime64_any_dtype(series):
        raise InputError(
            f"{series.name!r} holds {series.dtype}, dates (datetime64) were expected; "
            "convert with pandas.to_datetime first."
        )
    if unit == "quarter":
        year, quarter = series.dt.year, series.dt.quarter
        text = year.astype("Int64").astype("str") + "-Q"
        text = text + quarter.astype("Int64").astype("str")
    else:
        text = series.dt.strftime("%Y-%m" if unit == "month" else "%Y").astype("str")
    coarse: pd.Series = text.where(series.notna())
    return coarse
