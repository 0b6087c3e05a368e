"""Forests: one row per estimate or per term, its interval and its value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError
from estimators.plotting.canvas import (
    INK,
    INTERVAL_COLUMNS,
    MUTED,
    SERIES,
    check_frame,
    dress,
    interval_columns,
    new_axes,
    quantity,
)
from estimators.plotting.value_text import (
    NOT_SHOWN,
    decimals_for,
    heading,
    ratio_text,
    value_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatVector

__all__ = ["forest_plot", "ratio_plot"]

# Odds ratios beyond a thousandfold are drawn as arrows: the text keeps their value.
_RATIO_WINDOW = (1e-3, 1e3)


def forest_plot(frame: pd.DataFrame, *, label: str, ax: Axes | None = None) -> Axes:
    """Draw one row per estimate: a mark, its interval and, at the right, its value.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (rows, ...)
        Columns ``estimate, ci_low, ci_high`` and `label`; ``estimand``, ``unit`` and
        ``ci_level`` name the axis where they are there. Rows are drawn from top to
        bottom in the order of the frame. A row without an estimate (a suppressed cell)
        keeps its place and says "not shown".
    label : str
        Column whose values name the rows.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default, reachable as ``ax.figure``.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If a column is missing, the frame is empty, or the rows have several units and
        so no common axis.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"site": ["Poipet", "Aranyaprathet"],
    ...     "estimate": [0.12, 0.20], "ci_low": [0.08, 0.13], "ci_high": [0.17, 0.29]})
    >>> [text.get_text() for text in forest_plot(rows, label="site").texts]
    ['0.120  [0.080, 0.170]', '0.200  [0.130, 0.290]', 'estimate  [interval]']
    """
    check_frame(frame, (*INTERVAL_COLUMNS, label))
    units = list(frame["unit"].unique()) if "unit" in frame else []
    if len(units) > 1:
        raise InputError(
            f"The rows are in several units ({', '.join(map(str, units))}) "
            "and cannot share an axis: draw one figure per unit."
        )
    centre, low, high = interval_columns(frame)
    ax = new_axes(len(frame)) if ax is None else ax
    decimals = decimals_for(np.concatenate([high - low, np.abs(centre)]))
    texts = [
        value_text(c, lo, hi, decimals)
        for c, lo, hi in zip(centre, low, high, strict=True)
    ]
    window = _window(centre, low, high)
    _draw_rows(ax, (centre, low, high), window)
    _name_rows(ax, list(frame[label].astype(str)), texts, heading(frame, "estimate"))
    ax.set_xlim(window)
    _readable_ticks(ax, window)
    ax.set_xlabel(quantity(frame), color=INK)
    return ax


def ratio_plot(terms: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw exp(estimate) of every term but the intercept, with limits, on a log axis.

    Parameters
    ----------
    terms : pandas.DataFrame of shape (terms, ...)
        What `ModelFit.terms` returns: ``term, estimate, ci_low, ci_high`` on the log
        scale. The term called ``Intercept`` is left out: it is no ratio.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default, reachable as ``ax.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        The dashed line marks a ratio of 1. Limits beyond a thousandfold end in arrows.

    Raises
    ------
    InputError
        If a column is missing or only an intercept came.

    Examples
    --------
    >>> import pandas as pd
    >>> terms = pd.DataFrame({"term": ["Intercept", "debt"], "estimate": [-2.0, 0.7],
    ...     "ci_low": [-3.0, 0.1], "ci_high": [-1.0, 1.4]})
    >>> ratio_plot(terms).texts[0].get_text()
    '2.01  [1.11, 4.06]'
    """
    check_frame(terms, ("term", *INTERVAL_COLUMNS))
    slopes = terms[terms["term"] != "Intercept"]
    if slopes.empty:
        raise InputError("The model has no term but its intercept: no ratio to draw.")
    with np.errstate(over="ignore"):
        centre, low, high = (np.exp(column) for column in interval_columns(slopes))
    ax = new_axes(len(slopes)) if ax is None else ax
    texts = [ratio_text(c, lo, hi) for c, lo, hi in zip(centre, low, high, strict=True)]
    window = _ratio_window(centre, low, high)
    ax.set_xscale("log")
    ax.axvline(1.0, color=MUTED, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
    _draw_rows(ax, (centre, low, high), window)
    _name_rows(ax, list(slopes["term"].astype(str)), texts, heading(terms, "ratio"))
    ax.set_xlim(window)
    _plain_log_ticks(ax, window)
    ax.set_xlabel("ratio, log scale", color=INK)
    return ax


def _draw_rows(
    ax: Axes,
    rows: tuple[FloatVector, FloatVector, FloatVector],
    window: tuple[float, float],
) -> None:
    centre, low, high = rows
    for row in np.flatnonzero(~np.isnan(centre)):
        start, stop = np.clip([low[row], high[row]], *window)
        colour = SERIES[0]
        ax.plot([start, stop], [row, row], color=colour, linewidth=1.8, zorder=2)
        for limit, edge, arrow in (
            (low[row], window[0], "<"),
            (high[row], window[1], ">"),
        ):
            if limit < window[0] or limit > window[1]:
                ax.plot(
                    edge, row, marker=arrow, color=colour, markersize=7, clip_on=False
                )
        if window[0] <= centre[row] <= window[1]:
            mark: dict[str, Any] = {
                "marker": "s",
                "markersize": 6.5,
                "zorder": 3,
                "clip_on": False,
            }
            ax.plot(centre[row], row, color=colour, **mark)
    # One row would otherwise fill the height of the figure.
    ax.set_ylim(len(centre) - 0.4, -0.6)
    dress(ax, grid="x")


def _name_rows(ax: Axes, labels: list[str], texts: list[str], title: str) -> None:
    ax.set_yticks(range(len(labels)), labels)
    ax.tick_params(axis="y", length=0, pad=9)
    beside: dict[str, Any] = {
        "transform": ax.get_yaxis_transform(),
        "va": "center",
        "clip_on": False,
    }
    for row, text in enumerate(texts):
        colour = MUTED if text == NOT_SHOWN else INK
        ax.text(1.03, row, text, color=colour, **beside)
    beside["va"] = "bottom"
    ax.text(1.03, -0.6, title, color=MUTED, fontsize="small", **beside)


def _window(
    centre: FloatVector, low: FloatVector, high: FloatVector
) -> tuple[float, float]:
    values = np.concatenate([centre, low, high])
    values = values[np.isfinite(values)]
    if not values.size:
        return (0.0, 1.0)
    least, most = float(values.min()), float(values.max())
    room = 0.04 * (most - least) or 0.5 * abs(most) or 1.0
    # Proportions, counts and sizes are read against 0 when it is near.
    left = 0.0 if 0 <= least < most - least else least - room
    return (left, most + room)


def _ratio_window(
    centre: FloatVector, low: FloatVector, high: FloatVector
) -> tuple[float, float]:
    values = np.concatenate([centre, low, high, [1.0]])
    values = values[np.isfinite(values) & (values > 0)]
    values = np.clip(values, *_RATIO_WINDOW)
    return (
        max(float(values.min()) / 1.2, _RATIO_WINDOW[0]),
        min(float(values.max()) * 1.2, _RATIO_WINDOW[1]),
    )


def _readable_ticks(ax: Axes, window: tuple[float, float]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    if max(map(abs, window)) >= 1000:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _plain_log_ticks(ax: Axes, window: tuple[float, float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    decades = range(math.floor(math.log10(window[0])), math.ceil(math.log10(window[1])))
    span = math.log10(window[1] / window[0])
    mantissas = (1.0, 2.0, 5.0) if span < 2.5 else (1.0,)
    ticks = [m * 10.0**d for d in (*decades, decades.stop) for m in mantissas]
    ax.xaxis.set_major_locator(
        FixedLocator([tick for tick in ticks if window[0] <= tick <= window[1]])
    )
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
