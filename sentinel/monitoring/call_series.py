"""From calls to counts by period, with what was promoted and registered meanwhile."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from estimators.checks import check_choice, check_columns
from estimators.errors import InputError
from sentinel.monitoring.hotline import HotlineLog

__all__ = ["call_series", "join_covariates", "shares_two_ways"]

Unit = Literal["month", "quarter", "year"]
FREQUENCY = {"month": "M", "quarter": "Q", "year": "Y"}


def call_series(
    log: HotlineLog,
    *,
    unit: Unit = "month",
    first: str | None = None,
    last: str | None = None,
) -> pd.DataFrame:
    """Count calls and newly opened cases of every period.

    Parameters
    ----------
    log : HotlineLog
    unit : {"month", "quarter", "year"}
    first, last : str, optional
        Periods in which the line was open ("2009-09", "2013-Q2"); by default those of
        the first and last call. A period between them without a call counts 0.

    Returns
    -------
    DataFrame
        Indexed by period: ``calls, cases``; ``calls: <kind>`` for every kind, and
        ``cases: <kind>``. A case counts in the period of its first call.

    Raises
    ------
    InputError
        If the log is empty or has calls outside `first` to `last`.
    """
    check_choice("unit", unit, tuple(FREQUENCY))
    frequency = FREQUENCY[unit]
    if log.calls.empty:
        raise InputError("The log holds no call: there is nothing to count.")
    calls = log.calls.assign(period=log.calls["day"].dt.to_period(frequency))
    cases = log.cases.assign(
        period=pd.to_datetime(log.cases["day"]).dt.to_period(frequency)
    )
    start = pd.Period(first, frequency) if first else calls["period"].min()
    end = pd.Period(last, frequency) if last else calls["period"].max()
    outside = (calls["period"] < start) | (calls["period"] > end)
    if outside.any():
        raise InputError(
            f"{int(outside.sum())} calls lie outside first={start} to last={end}; the "
            f"log runs from {calls['period'].min()} to {calls['period'].max()}."
        )
    periods = pd.period_range(start, end, freq=frequency, name="period")
    series = pd.DataFrame(index=periods)
    for what, rows in (("calls", calls), ("cases", cases)):
        series[what] = _counted(rows["period"], periods)
        for kind in sorted(set(rows["kind"]) - {""}):
            here = rows.loc[rows["kind"] == kind, "period"]
            series[f"{what}: {kind}"] = _counted(here, periods)
    return series


def join_covariates(
    series: pd.DataFrame, covariates: pd.DataFrame, *, period: str = "period"
) -> pd.DataFrame:
    """Add what happened in each period: promotion, rounds of registration.

    Parameters
    ----------
    series : DataFrame
        Indexed by period.
    covariates : DataFrame
        One row per period, column `period` ("2011-06"); the other columns numeric.
    period : str

    Raises
    ------
    InputError
        With every period of the series that has no row, or two: a month without a
        row is not a month without promotion.
    """
    check_columns(covariates, {"period": period})
    frequency = pd.PeriodIndex(series.index).freqstr
    keys = pd.PeriodIndex(covariates[period].astype(str), freq=frequency)
    twice = sorted({str(key) for key in keys[keys.duplicated()]})
    table = covariates.drop(columns=period).set_index(keys)
    gone = [str(key) for key in series.index if key not in set(keys)]
    words = [
        *([f"twice: {', '.join(twice)}"] if twice else []),
        *([f"without a row: {', '.join(gone)}"] if gone else []),
    ]
    if words:
        raise InputError(
            "The table of covariates needs one row for every period of the series; "
            f"{'; '.join(words)}. Write 0 where nothing happened."
        )
    clash = sorted(set(table.columns) & set(series.columns))
    if clash:
        raise InputError(f"Covariates are called like counts: {', '.join(clash)}.")
    return series.join(table.loc[series.index].apply(pd.to_numeric))


def shares_two_ways(series: pd.DataFrame, part: str, whole: str) -> pd.DataFrame:
    """Return a share as mean of the periods' ratios and as ratio of the sums.

    They differ wherever the share changes with the volume, and only the second is the
    share of all calls. Both are printed because reports mix them.

    Parameters
    ----------
    series : DataFrame
        One row per period.
    part, whole : str
        Columns of counts, part <= whole.

    Returns
    -------
    DataFrame
        Rows ``mean of ratios``, ``ratio of sums`` and columns ``share, n_periods,
        n_left_out`` (periods with nothing to divide by), ``part, whole``.

    Examples
    --------
    >>> months = pd.DataFrame({"labour": [9, 20], "calls": [10, 100]})
    >>> shares_two_ways(months, "labour", "calls")["share"].round(3).tolist()
    [0.55, 0.264]
    """
    check_columns(series, {"part": part, "whole": whole})
    parts = series[part].astype("float64")
    wholes = series[whole].astype("float64")
    wrong = series.index[(parts < 0) | (parts > wholes) | parts.isna() | wholes.isna()]
    if len(wrong):
        raise InputError(
            f"{part!r} must be a part of {whole!r} in every period; it is not in "
            f"{', '.join(map(str, wrong[:5]))}."
        )
    open_periods = wholes > 0
    if not open_periods.any():
        raise InputError(f"{whole!r} is 0 in every period: there is no share.")
    ratios = parts[open_periods] / wholes[open_periods]
    common = {
        "n_periods": int(open_periods.sum()),
        "n_left_out": int((~open_periods).sum()),
        "part": part,
        "whole": whole,
    }
    shares = {
        "mean of ratios": float(ratios.mean()),
        "ratio of sums": float(parts.sum() / wholes.sum()),
    }
    rows = {name: {"share": share, **common} for name, share in shares.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def _counted(periods: pd.Series, index: pd.PeriodIndex) -> pd.Series:
    return periods.value_counts().reindex(index, fill_value=0).astype("int64")
