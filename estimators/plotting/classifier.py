"""Figures of a classifier: its ROC curve, and whether its probabilities are true."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["calibration_plot", "roc_plot"]


def roc_plot(
    frame: pd.DataFrame,
    *,
    thresholds: Sequence[float] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw sensitivity against the false positive rate, with a band and marks.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (thresholds, ...)
        Columns ``threshold, sensitivity, false_positive_rate``, as `roc_curve` of
        ``estimators.diagnostics`` gives; with ``sensitivity_low`` and
        ``sensitivity_high`` a band is drawn.
    thresholds : sequence of float, optional
        Those to mark: each must be in the frame.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If a column is missing, the frame is empty, or a threshold is not in it.

    Examples
    --------
    >>> import pandas as pd
    >>> curve = pd.DataFrame({"threshold": [np.inf, 2, 1], "sensitivity": [0, 0.8, 1],
    ...                       "false_positive_rate": [0, 0.1, 1]})
    >>> [text.get_text() for text in roc_plot(curve, thresholds=[2]).texts]
    ['≥ 2']
    """
    check_frame(frame, ("threshold", "sensitivity", "false_positive_rate"))
    known = frame["threshold"].to_numpy(dtype=np.float64)
    absent = [f"{value:g}" for value in thresholds if value not in known]
    if absent:
        raise InputError(
            f"Not among the {known.size} thresholds of the curve: {', '.join(absent)}."
        )
    ax = _square_axes() if ax is None else ax
    alarms = frame["false_positive_rate"].to_numpy(dtype=np.float64)
    hits = frame["sensitivity"].to_numpy(dtype=np.float64)
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle=(0, (4, 3)), linewidth=0.9)
    if {"sensitivity_low", "sensitivity_high"} <= set(frame.columns):
        ax.fill_between(
            alarms,
            frame["sensitivity_low"].to_numpy(dtype=np.float64),
            frame["sensitivity_high"].to_numpy(dtype=np.float64),
            color=SERIES[0],
            alpha=0.15,
            linewidth=0,
        )
    ax.plot(alarms, hits, color=SERIES[0], linewidth=1.6, zorder=3)
    for value in thresholds:
        place = int(np.flatnonzero(known == value)[0])
        ax.plot(alarms[place], hits[place], "o", color=SERIES[1], zorder=4)
        right = alarms[place] > 0.75
        ax.annotate(
            f"≥ {value:g}",
            (alarms[place], hits[place]),
            xytext=(-8 if right else 8, -12),
            textcoords="offset points",
            ha="right" if right else "left",
            color=INK,
        )
    _dress_square(ax, 0.0, 1.0)
    ax.set_xlabel("false positive rate (1 - specificity)", color=INK)
    ax.set_ylabel("sensitivity", color=INK)
    return ax


def calibration_plot(
    frame: pd.DataFrame, *, caption: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw observed shares with their intervals against predicted probabilities.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (groups, ...)
        Columns ``predicted, estimate, ci_low, ci_high``, proportions.
    caption : str, optional
        Written above: slope and intercept in numbers.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        Both axes have one scale; on the dashed line, predictions are true.

    Raises
    ------
    InputError
        If a column is missing or the frame is empty.

    Examples
    --------
    >>> import pandas as pd
    >>> groups = pd.DataFrame({"predicted": [0.02, 0.1], "estimate": [0.03, 0.08],
    ...                        "ci_low": [0.01, 0.04], "ci_high": [0.08, 0.15]})
    >>> calibration_plot(groups).get_xlabel()
    'predicted probability'
    """
    check_frame(frame, ("predicted", *INTERVAL_COLUMNS))
    ax = _square_axes() if ax is None else ax
    predicted = frame["predicted"].to_numpy(dtype=np.float64)
    centre, low, high = interval_columns(frame)
    top = min(1.0, 1.06 * float(np.nanmax(np.concatenate([predicted, high]))))
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle=(0, (4, 3)), linewidth=0.9)
    ax.vlines(predicted, low, high, color=SERIES[0], linewidth=1.6, zorder=2)
    ax.plot(predicted, centre, "o", color=SERIES[0], markersize=6, zorder=3)
    _dress_square(ax, 0.0, top)
    ax.set_xlabel("predicted probability", color=INK)
    ax.set_ylabel("observed share", color=INK)
    if caption:
        ax.set_title(caption, loc="left", fontsize="medium", color=INK)
    return ax


def _square_axes() -> Axes:
    from matplotlib.figure import Figure

    return Figure(figsize=(5.0, 5.0), layout="constrained").add_subplot()


def _dress_square(ax: Axes, low: float, high: float) -> None:
    dress(ax, grid="y")
    margin = 0.02 * (high - low)
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(low - margin, high + margin)
    ax.set_aspect("equal")
