"""A smooth surface of points per area, with what a reader needs beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from estimators.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["Edge", "KernelIntensity"]

Edge = Literal["diggle", "none"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelIntensity:
    """A smooth surface of points per area.

    Attributes
    ----------
    places : ndarray of shape (places, 2)
        Where the intensity is given: cell centres inside the window, or the places
        asked for.
    intensity : ndarray of shape (places,)
        Points (or their weights) per squared unit.
    cell_area : float
        Area of a cell of the grid; NaN where places were asked for.
    bandwidth : float
        Standard deviation of the Gaussian kernel.
    edge_mass : ndarray of shape (points,)
        Mass of each point's kernel inside the window.
    edge : {"diggle", "none"}
    n_points : int
    total : float
        Points, or the sum of their weights.
    unit : str
        Unit of the coordinates.
    notes : tuple of str
        How the bandwidth was found, and doubts.
    """

    places: FloatMatrix
    intensity: FloatVector
    cell_area: float
    bandwidth: float
    edge_mass: FloatVector
    edge: Edge
    n_points: int
    total: float
    unit: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("places", "intensity", "edge_mass"):
            getattr(self, name).setflags(write=False)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per place: ``x``, ``y`` and ``intensity``."""
        return pd.DataFrame(
            {
                "x": self.places[:, 0],
                "y": self.places[:, 1],
                "intensity": self.intensity,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the surface; returns the axes drawn on.

        Only a surface on a grid can be drawn. It shows where single points were: what
        is released is `sentinel.mapping.draw_intensity`, from aggregated places.
        """
        from estimators.plotting import surface_plot

        if not np.isfinite(self.cell_area):
            raise InputError(
                "The intensity was asked for at given places, which make no surface: "
                "take grid= as a number of cells."
            )
        return surface_plot(
            self.to_frame(),
            value="intensity",
            cell=float(np.sqrt(self.cell_area)),
            title=f"points per {self.unit} squared, bandwidth {self.bandwidth:,.3g}",
            unit=self.unit,
            ax=ax,
        )

    def summary(self) -> str:
        """Return the few lines that a reader needs."""
        head = (
            f"kernel intensity (points per {self.unit} squared), n = "
            f"{self.n_points:,}, bandwidth {self.bandwidth:,.4g} {self.unit}"
        )
        body = (
            f"from {self.intensity.min():,.4g} to {self.intensity.max():,.4g} at "
            f"{len(self.places):,} places; edge correction: {self.edge}"
        )
        return "\n".join([head, body, *(f"note: {note}" for note in self.notes)])
