"""Item-response profiles: the probability of each answer, one line per class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.plotting.canvas import (
    INK,
    LINES,
    MARKERS,
    SERIES,
    check_frame,
    dress,
    interval_columns,
    new_axes,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["profile_plot"]


def profile_plot(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the probability of answers by class, with interval bars.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (rows, ...)
        Columns ``item, answer, class, estimate, ci_low, ci_high``; with a column
        ``share`` the legend names the classes' shares. Of each item the first answer
        is left out: it is what the others leave.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If a column is missing or the frame is empty.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"item": ["paid", "paid"], "answer": ["no", "yes"],
    ...     "class": [1, 1], "estimate": [0.2, 0.8], "ci_low": [0.1, 0.7],
    ...     "ci_high": [0.3, 0.9]})
    >>> profile_plot(rows).get_ylabel()
    'probability of the answer'
    """
    columns = ("item", "answer", "class", "estimate", "ci_low", "ci_high")
    check_frame(frame, columns)
    rest = frame[frame.duplicated(["class", "item"])]
    classes = list(rest["class"].unique())
    binary = rest.groupby("item", sort=False)["answer"].nunique().max() == 1
    if ax is None:
        ax = new_axes(10)
    labels: list[str] = []
    for index, name in enumerate(classes):
        rows = rest[rest["class"] == name]
        labels = [
            str(item) if binary else f"{item} = {answer}"
            for item, answer in zip(rows["item"], rows["answer"], strict=True)
        ]
        centre, low, high = interval_columns(rows)
        shift = 0.07 * (index - (len(classes) - 1) / 2)
        x = np.arange(len(rows)) + shift
        colour = SERIES[index % len(SERIES)]
        # An interval of [0, 1] says that there is none: a bar would hide the others.
        known = (low > 0) | (high < 1)
        ax.vlines(x[known], low[known], high[known], color=colour, linewidth=1.4)
        ax.plot(
            x,
            centre,
            color=colour,
            marker=MARKERS[index % len(MARKERS)],
            linestyle=LINES[index % len(LINES)],
            linewidth=1.0,
            markersize=5,
            label=_label(name, rows),
        )
    long = max(map(len, labels)) * len(labels) > 80
    ax.set_xticks(
        range(len(labels)),
        labels,
        rotation=45 if long else 0,
        ha="right" if long else "center",
    )
    dress(ax, grid="y")
    ax.set_ylim(-0.02, 1.02)
    ax.set_ylabel("probability of the answer", color=INK)
    ax.legend(
        frameon=False,
        labelcolor=INK,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0,
        ncols=min(len(classes), 4),
    )
    return ax


def _label(name: object, rows: pd.DataFrame) -> str:
    if "share" not in rows:
        return f"class {name}"
    return f"class {name} ({rows['share'].iloc[0]:.0%})"
