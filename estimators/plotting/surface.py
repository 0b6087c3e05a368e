"""Maps of a surface given at the middles of square cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import InputError
from estimators.plotting.canvas import INK, MUTED, check_frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from estimators.array_types import FloatMatrix

__all__ = ["cell_grid", "surface_plot"]

# The palest is not white: outside the window nothing is drawn.
_COLOURS = "YlOrRd"


def cell_grid(
    frame: pd.DataFrame, *, value: str, cell: float
) -> tuple[FloatMatrix, tuple[float, float, float, float]]:
    """Lay the cells of a frame on a grid; what the frame leaves out is NaN.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``x, y``: middles of cells; and `value`.
    value : str
        Column of the surface.
    cell : float
        Side of a cell.

    Returns
    -------
    grid : ndarray of shape (rows, columns)
        The first row holds the least y.
    extent : (left, right, bottom, top)

    Raises
    ------
    InputError
        If columns are missing, or the places are no middles of such cells.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": [0.5, 1.5, 0.5], "y": [0.5, 0.5, 1.5], "v": 1.0})
    >>> grid, extent = cell_grid(frame, value="v", cell=1.0)
    >>> grid.shape, [float(edge) for edge in extent]
    ((2, 2), [0.0, 2.0, 0.0, 2.0])
    """
    check_frame(frame, ("x", "y", value))
    if not 0 < cell < np.inf:
        raise InputError(f"cell={cell!r}: the side of a cell, above 0, was expected.")
    x, y = frame["x"].to_numpy(np.float64), frame["y"].to_numpy(np.float64)
    column, row = (x - x.min()) / cell, (y - y.min()) / cell
    off = np.maximum(np.abs(column - np.rint(column)), np.abs(row - np.rint(row)))
    if off.max() > 0.01:
        raise InputError(
            f"The places are no middles of cells {cell:.4g} wide: a surface is drawn "
            "from a grid."
        )
    at = np.rint(row).astype(int), np.rint(column).astype(int)
    grid = np.full((at[0].max() + 1, at[1].max() + 1), np.nan)
    grid[at] = frame[value].to_numpy(np.float64)
    left, bottom = float(x.min() - cell / 2), float(y.min() - cell / 2)
    rows, columns = grid.shape
    return grid, (left, left + columns * cell, bottom, bottom + rows * cell)


def surface_plot(
    frame: pd.DataFrame,
    *,
    value: str,
    cell: float,
    title: str,
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a surface with its scale.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `cell_grid` takes it.
    value : str
        Column of the surface.
    cell : float
        Side of a cell.
    title : str
        What the values are, beside the scale.
    unit : str
        Of the coordinates.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        With equal scales in x and y.

    Raises
    ------
    InputError
        As `cell_grid` says.
    """
    grid, extent = cell_grid(frame, value=value, cell=cell)
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7.0, 5.6), layout="constrained").subplots()
    image = ax.imshow(
        grid, extent=extent, origin="lower", cmap=_COLOURS, interpolation="nearest"
    )
    ax.set_aspect("equal")
    for name in ("top", "right"):
        ax.spines[name].set_visible(False)
    ax.tick_params(colors=MUTED)
    ax.set_xlabel(f"{unit} east" if unit else "x", color=INK)
    ax.set_ylabel(f"{unit} north" if unit else "y", color=INK)
    figure = ax.get_figure()
    if figure is not None:
        figure.colorbar(image, ax=ax, label=title, shrink=0.8)
    return ax
