"""Series watched for aberrations: the estimator chosen in the study file, applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from estimators import surveillance
from estimators.errors import InputError
from estimators.registry import find_estimator
from sentinel.monitoring.parts import MonitoredPart
from sentinel.monitoring.series import ReleasedSeries

__all__ = ["watch_series"]

PER_YEAR = {"month": 12, "quarter": 4, "year": 1}
FEWEST_YEARS = 5
COLUMNS = ("period", "observed", "expected", "upper_bound", "alarm", "reason")


def watch_series(
    series: ReleasedSeries,
    count: str,
    *,
    name: str,
    title: str,
    method: str = "ears",
    options: Mapping[str, Any] | None = None,
    source: str = "",
) -> MonitoredPart:
    """Compare every period of a released series with what was to be expected.

    Parameters
    ----------
    series : ReleasedSeries
    count : str
        Column of ``series.frame``.
    name, title, source : str
    method : {"ears", "farrington_flexible", "cusum", "none"}
        Key of the catalogue. Farrington's baselines are counted in periods of the
        series unless `options` say otherwise.
    options : mapping, optional

    Returns
    -------
    MonitoredPart
        Kind "series": ``period, observed, expected, upper_bound, alarm, reason``.

    Raises
    ------
    NotEstimableError
        If no period has enough before it.
    InputError
        Unknown options.

    Examples
    --------
    >>> months = pd.period_range("2010-01", periods=10, freq="M")
    >>> calls = [22, 23, 22, 24, 23, 22, 23, 22, 95, 23]
    >>> frame = pd.DataFrame({"calls": calls}, index=months)
    >>> part = watch_series(ReleasedSeries(frame=frame, unit="month"), "calls",
    ...     name="calls", title="Calls")
    >>> part.frame.loc[part.frame["alarm"], "period"].tolist()
    ['2010-09']
    """
    counts = pd.Series(
        series.frame[count].to_numpy(), index=period_texts(series.frame.index)
    )
    if method == "none":
        frame = pd.DataFrame({"period": counts.index, "observed": counts.to_numpy()})
        frame = frame.reindex(columns=list(COLUMNS)).assign(alarm=False, reason="")
        return MonitoredPart(
            name=name, kind="series", title=title, frame=frame, notes=series.notes,
            source=source, unit=series.unit,
        )  # fmt: skip
    chosen = {**_defaults(method, series.unit), **(options or {})}
    try:
        found = find_estimator(method).function(counts, **chosen)
    except TypeError as error:
        raise InputError(f"options of {method}: {error}.") from error
    if not isinstance(found, surveillance.MonitoredSeries):
        raise InputError(f"{method} watches no series.")
    table = found.table().reindex(columns=list(COLUMNS))
    table["observed"] = counts.reindex(table["period"]).to_numpy()
    table["alarm"] = table["alarm"].astype(bool)
    table["reason"] = table["reason"].fillna("").astype(str)
    order = {period: place for place, period in enumerate(counts.index)}
    table = table.sort_values(
        "period", key=lambda keys: keys.map(order), ignore_index=True
    )
    return MonitoredPart(
        name=name,
        kind="series",
        title=title,
        frame=table,
        notes=(*series.notes, f"method: {found.rows[0].method}", *found.notes),
        source=source,
        unit=series.unit,
    )


def period_texts(index: pd.Index) -> list[str]:
    """Return periods as they are printed: 2009-09, 2009-Q3, 2009."""
    return [
        text if "Q" not in (text := str(period)) else text.replace("Q", "-Q")
        for period in index
    ]


def _defaults(method: str, unit: str) -> dict[str, Any]:
    if method != "farrington_flexible":
        return {}
    per_year = PER_YEAR[unit]
    # The method's own settings are for weeks: half a year left out, ten seasons.
    return {
        "frequency": per_year,
        "years_back": 3,
        "half_window": 1 if per_year == PER_YEAR["month"] else 0,
        "n_seasons": min(per_year, 4),
        "weeks_excluded": per_year // 4,
    }
