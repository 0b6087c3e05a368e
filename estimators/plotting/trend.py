"""Trends: estimates over time with interval bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError
from estimators.plotting.canvas import (
    INK,
    INTERVAL_COLUMNS,
    LINES,
    MARKERS,
    SERIES,
    check_frame,
    dress,
    interval_columns,
    new_axes,
    quantity,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatVector

__all__ = ["trend_plot"]

_LABELLED_TIMES = 12


def trend_plot(
    frame: pd.DataFrame,
    *,
    time: str,
    series: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw estimates over time, with interval bars, one line per series.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (rows, ...)
        Columns ``estimate, ci_low, ci_high`` and `time`, one row per time and series.
    time : str
        Column on the horizontal axis: numbers and dates keep their distances, anything
        else (labels of rounds) is set at equal distances in the order of the frame.
    series : str, optional
        Column that tells several lines apart.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default, reachable as ``ax.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The vertical axis starts at 0 unless an interval goes below it.

    Raises
    ------
    InputError
        If a column is missing, the frame is empty, or a time comes twice in a series.

    Examples
    --------
    >>> import pandas as pd
    >>> rounds = pd.DataFrame({"round": ["2009", "2010"], "estimate": [0.2, 0.1],
    ...     "ci_low": [0.15, 0.07], "ci_high": [0.26, 0.14], "unit": "proportion"})
    >>> trend_plot(rounds, time="round").get_ylabel()
    'proportion'
    """
    wanted = (*INTERVAL_COLUMNS, time, *(() if series is None else (series,)))
    check_frame(frame, wanted)
    keys = [time] if series is None else [series, time]
    twice = frame[frame.duplicated(keys)]
    if not twice.empty:
        raise InputError(
            f"{', '.join(keys)} = {twice[keys].iloc[0].tolist()} comes more than once: "
            "a trend has one estimate per time; name what tells them apart as series=."
        )
    ax = new_axes(7) if ax is None else ax
    position, labels = _times(frame[time])
    groups = (
        [(None, frame)] if series is None else list(frame.groupby(series, sort=False))
    )
    step = _smallest_gap(position)
    for index, (name, rows) in enumerate(groups):
        shift = 0.06 * step * (index - (len(groups) - 1) / 2)
        _draw_line(ax, position.loc[rows.index].to_numpy() + shift, rows, index, name)
    if labels:
        ax.set_xticks(list(labels), list(labels.values()))
        ax.set_xlim(min(labels) - 0.5 * step, max(labels) + 0.5 * step)
    elif pd.api.types.is_datetime64_any_dtype(frame[time]):
        _date_ticks(ax)
    dress(ax, grid="y")
    if float(np.nanmin(frame["ci_low"].to_numpy(dtype=np.float64))) >= 0:
        ax.set_ylim(bottom=0)
    ax.set_xlabel(time, color=INK)
    ax.set_ylabel(quantity(frame), color=INK)
    if series is not None:
        # Above the axes: inside, it would hide an interval sooner or later.
        ax.legend(
            frameon=False,
            labelcolor=INK,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            borderaxespad=0,
            ncols=min(len(groups), 4),
        )
    return ax


def _draw_line(
    ax: Axes, x: FloatVector, rows: pd.DataFrame, index: int, name: object
) -> None:
    centre, low, high = interval_columns(rows)
    colour = SERIES[index % len(SERIES)]
    ax.vlines(x, low, high, color=colour, linewidth=1.6, zorder=2)
    ax.plot(
        x,
        centre,
        color=colour,
        linestyle=LINES[index % len(LINES)],
        linewidth=1.0,
        marker=MARKERS[index % len(MARKERS)],
        markersize=6,
        zorder=3,
        label=None if name is None else str(name),
    )


def _times(column: pd.Series[Any]) -> tuple[pd.Series[Any], dict[float, str]]:
    """Return positions on the axis and, where every one is labelled, their labels."""
    if pd.api.types.is_datetime64_any_dtype(column):
        from matplotlib.dates import date2num

        days = date2num(column.to_numpy())  # type: ignore[no-untyped-call] # matplotlib leaves its dates untyped
        return pd.Series(days, index=column.index), {}
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.astype(np.float64)
        distinct = np.unique(values)
        if len(distinct) > _LABELLED_TIMES:
            return values, {}
        # Left to itself, matplotlib writes half years between years.
        return values, {float(value): f"{value:g}" for value in distinct}
    codes, distinct_names = pd.factorize(column)
    labels = {float(code): str(name) for code, name in enumerate(distinct_names)}
    return pd.Series(codes.astype(np.float64), index=column.index), labels


def _smallest_gap(position: pd.Series[Any]) -> float:
    gaps = np.diff(np.unique(position.to_numpy(dtype=np.float64)))
    return float(gaps.min()) if gaps.size else 1.0


def _date_ticks(ax: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call] # as above
    ax.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call] # as above
    ax.xaxis.set_major_formatter(formatter)
