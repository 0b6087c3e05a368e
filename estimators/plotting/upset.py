"""UpSet plots: how many persons stand on exactly which lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.errors import InputError
from estimators.plotting.canvas import INK, MUTED, SERIES, check_frame, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatVector, IntMatrix

__all__ = ["upset_plot"]

# More columns than this cannot be told apart on a page.
_MOST_COLUMNS = 40
_BAR_INCHES, _ROW_INCHES = 2.4, 0.27
_ABSENT = "#d9d9d9"


def upset_plot(frame: pd.DataFrame, *, count: str, ax: Axes | None = None) -> Axes:
    """Draw a bar per combination of lists above a matrix of dots that names it.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (combinations, lists + 1)
        One row per combination: a 0/1 column per list and the column `count`. Beyond
        40 combinations the rarest are left out and the figure says how many.
    count : str
        Column of persons per combination.
    ax : matplotlib.axes.Axes, optional
        Where the bars go, the dots below them; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the bars; the axes of the dots are its only child axes.

    Raises
    ------
    InputError
        If a column is missing, nothing is there to draw, or a list is not 0/1.

    References
    ----------
    Lex, A., Gehlenborg, N., Strobelt, H., Vuillemot, R. & Pfister, H. (2014). UpSet:
    visualization of intersecting sets. IEEE Transactions on Visualization and Computer
    Graphics 20, 1983-1992. https://doi.org/10.1109/TVCG.2014.2346248

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"police": [1, 0, 1], "NGO": [0, 1, 1], "count": [9, 4, 2]}
    ... )
    >>> [text.get_text() for text in upset_plot(table, count="count").texts]
    ['9', '4', '2']
    """
    check_frame(frame, (count,))
    lists = [str(name) for name in frame.columns if name != count]
    if not lists:
        raise InputError("The frame has no 0/1 column beside the counts.")
    member = frame.drop(columns=count).to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isin(member, (0.0, 1.0)).all():
        raise InputError("Every column but the counts must hold 0 and 1 only.")
    persons = frame[count].to_numpy(dtype=np.float64, na_value=np.nan)
    if not (persons >= 0).all():
        raise InputError(f"{count} must hold numbers >= 0.")
    sizes = persons @ member
    # Stable on purpose: ties keep the order of the frame, so figures can be compared.
    order = np.argsort(-persons, kind="stable")
    shown = order[:_MOST_COLUMNS]
    bars = _new_axes(shown.size, len(lists)) if ax is None else ax
    _draw_bars(bars, persons[shown])
    labels = [f"{name} ({size:,.0f})" for name, size in zip(lists, sizes, strict=True)]
    _draw_dots(bars, member[shown].astype(np.int64), labels, np.argsort(-sizes))
    if order.size > shown.size:
        rest = order[_MOST_COLUMNS:]
        bars.set_title(
            f"{rest.size} rarer combinations with {persons[rest].sum():,.0f} persons "
            "are not drawn",
            fontsize="small",
            color=MUTED,
            loc="right",
        )
    return bars


def _new_axes(columns: int, lists: int) -> Axes:
    from matplotlib.figure import Figure

    size = (max(4.6, 0.3 * columns + 2.2), _BAR_INCHES + _ROW_INCHES * lists + 1.0)
    return Figure(figsize=size, layout="constrained").add_subplot()


def _draw_bars(ax: Axes, persons: FloatVector) -> None:
    places = np.arange(persons.size)
    ax.bar(places, persons, width=0.62, color=SERIES[0])
    tall = float(persons.max()) or 1.0
    slanted = persons.size > 12 and tall >= 1000
    for place, value in zip(places, persons, strict=True):
        ax.text(
            float(place),
            float(value) + 0.02 * tall,
            f"{value:,.0f}",
            ha="center",
            va="bottom",
            rotation=90 if slanted else 0,
            fontsize="small",
            color=INK,
        )
    ax.set_ylim(0, tall * (1.22 if slanted else 1.12))
    ax.set_xlim(-0.6, persons.size - 0.4)
    ax.set_ylabel("persons", color=INK)
    dress(ax, grid="y")
    ax.tick_params(axis="x", bottom=False, labelbottom=False)


def _draw_dots(
    bars: Axes, member: IntMatrix, labels: list[str], largest_first: IntMatrix
) -> None:
    share = _ROW_INCHES / _BAR_INCHES * len(labels)
    dots = bars.inset_axes((0.0, -share - 0.03, 1.0, share), sharex=bars)
    member = member[:, largest_first]
    for column, row in enumerate(member):
        on, off = np.flatnonzero(row), np.flatnonzero(row == 0)
        dots.plot([column] * off.size, off, "o", color=_ABSENT, markersize=6)
        dots.plot([column] * on.size, on, "o-", color=INK, markersize=6, linewidth=1.6)
    dots.set_yticks(range(len(labels)), [labels[place] for place in largest_first])
    dots.set_ylim(len(labels) - 0.4, -0.6)
    for side in ("top", "right", "left", "bottom"):
        dots.spines[side].set_visible(False)
    dots.tick_params(axis="both", length=0, colors=INK, bottom=False, labelbottom=False)
