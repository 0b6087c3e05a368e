"""What all figures share: colours, axes, and which columns a frame must have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatVector

__all__ = [
    "INK",
    "INTERVAL_COLUMNS",
    "LINES",
    "MARKERS",
    "MUTED",
    "SERIES",
    "check_frame",
    "dress",
    "interval_columns",
    "new_axes",
    "quantity",
]

INK = "#222222"
MUTED = "#767676"
_GRID = "#e3e3e3"
# Okabe and Ito's colours, ordered so that neighbours differ in lightness as well: a
# grey print and a colour-blind reader keep the series apart; markers help further.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")
INTERVAL_COLUMNS = ("estimate", "ci_low", "ci_high")


def check_frame(frame: pd.DataFrame, columns: tuple[str, ...]) -> None:
    """Raise unless `frame` has the columns and at least one row."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputError(
            f"The figure needs the columns {', '.join(missing)}; the frame has "
            f"{', '.join(map(str, frame.columns))}."
        )
    if frame.empty:
        raise InputError("The frame has no row: there is nothing to draw.")


def interval_columns(
    frame: pd.DataFrame,
) -> tuple[FloatVector, FloatVector, FloatVector]:
    """Return estimates and limits as floats; missing ones are NaN."""
    centre, low, high = (
        frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in INTERVAL_COLUMNS
    )
    return centre, low, high


def new_axes(rows: int) -> Axes:
    """Return the axes of a new figure whose height suits `rows` rows."""
    from matplotlib.figure import Figure

    height = max(1.6, 0.34 * rows + 1.1)
    figure = Figure(figsize=(7.2, height), layout="constrained")
    return figure.add_subplot()


def dress(ax: Axes, *, grid: str) -> None:
    """Strip the frame and draw the grid lines of one axis, "x" or "y"."""
    for side in ("top", "right", "left" if grid == "x" else "bottom"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    ax.tick_params(colors=INK, which="both")
    ax.set_axisbelow(True)
    if grid == "x":
        ax.xaxis.grid(visible=True, which="major", color=_GRID, linewidth=0.8)
    else:
        ax.yaxis.grid(visible=True, which="major", color=_GRID, linewidth=0.8)


def quantity(frame: pd.DataFrame) -> str:
    """Return the name of what the frame estimates, with its unit."""
    unit = str(frame["unit"].iloc[0]) if "unit" in frame else "estimate"
    names = list(frame["estimand"].unique()) if "estimand" in frame else []
    if len(names) == 1 and str(names[0]) != unit:
        return f"{names[0]} ({unit})" if unit not in str(names[0]) else str(names[0])
    return unit
