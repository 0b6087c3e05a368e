"""Rival models: what each estimates against how much it weighs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.plotting.canvas import INK, MUTED, SERIES, check_frame, dress, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["model_weight_plot"]

_NAMED = 6
_LEAST_NAMED = 0.02


def model_weight_plot(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each model's estimate against its weight and how often it was selected.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (models, ...)
        Columns ``model, estimate, weight``, best first; ``selection_frequency`` adds
        the share of bootstrap replicates that selected the model.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default, reachable as ``ax.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        Both shares are on the vertical axis; the models of most weight are named, with
        their estimate.

    Raises
    ------
    InputError
        If a column is missing or the frame is empty.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"model": ["[12,3]", "[1,2,3]"],
    ...     "estimate": [268.8, 142.0], "weight": [0.7, 0.3]})
    >>> model_weight_plot(table).get_ylabel()
    'share'
    """
    check_frame(frame, ("model", "estimate", "weight"))
    axes = new_axes(11) if ax is None else ax
    size = frame["estimate"].to_numpy(dtype=np.float64)
    weight = frame["weight"].to_numpy(dtype=np.float64)
    top = weight
    axes.vlines(size, 0, weight, color=SERIES[0], linewidth=1.2, alpha=0.6)
    axes.plot(size, weight, "o", color=SERIES[0], markersize=5, label="weight")
    if "selection_frequency" in frame:
        share = frame["selection_frequency"].to_numpy(dtype=np.float64)
        axes.plot(
            size,
            share,
            "D",
            color=SERIES[1],
            markerfacecolor="none",
            markersize=6,
            label="selected in bootstrap replicates",
        )
        top = np.maximum(weight, share)
        axes.legend(frameon=False, loc="upper right", fontsize=8, labelcolor=INK)
    _name(axes, frame, top)
    axes.set_ylim(0, 1.3 * max(float(top.max()), 1e-9))
    axes.set_xlabel("estimate under the model (persons)", color=INK)
    axes.set_ylabel("share", color=INK)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    dress(axes, grid="y")
    return axes


def _name(axes: Axes, frame: pd.DataFrame, top: np.ndarray) -> None:
    """Name the heaviest models above their marks, neighbours at different heights."""
    heavy = [
        place
        for place in np.argsort(-top, kind="stable")[:_NAMED].tolist()
        if top[place] >= _LEAST_NAMED
    ]
    sizes = frame["estimate"].to_numpy(dtype=np.float64)
    reach = 0.16 * max(float(np.ptp(sizes)), 1e-9)
    heights: list[tuple[float, float]] = []
    step = 0.11 * float(top.max())
    for place in heavy:
        height = float(top[place]) + 0.35 * step
        while any(
            abs(sizes[place] - at) < reach and abs(height - taken) < step
            for at, taken in heights
        ):
            height += 0.25 * step
        heights.append((float(sizes[place]), height))
        axes.annotate(
            f"{frame['model'].iloc[place]}\n{sizes[place]:,.0f}",
            (sizes[place], top[place]),
            xytext=(sizes[place], height),
            ha="center",
            va="bottom",
            fontsize=7,
            color=INK,
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.5},
        )
