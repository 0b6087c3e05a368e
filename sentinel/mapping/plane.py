"""The plane of a map: degrees to units of the drawing, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sentinel.mapping.projection import EqualArea

if TYPE_CHECKING:
    import pandas as pd

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["WIDTH", "Plane"]

WIDTH = 1000.0
LEAST_HEIGHT, MOST_HEIGHT = 560.0, 1250.0
PADDING = 0.075


class Plane:
    """An equal-area plane `WIDTH` wide, y down, that holds some points with a margin.

    Parameters
    ----------
    frame : DataFrame
        ``lat, lon``, degrees.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        lat, lon = frame["lat"].to_numpy(float), frame["lon"].to_numpy(float)
        self._projection = EqualArea.about(lat, lon)
        x, y = self._projection.project(lat, lon)
        pad = max(PADDING * max(np.ptp(x), np.ptp(y)), 40.0)
        width, height = np.ptp(x) + 2 * pad, np.ptp(y) + 2 * pad
        # A map much wider or taller than a page is given more ground on both sides.
        grow = width * LEAST_HEIGHT / WIDTH - height
        extra_y = max(grow, 0.0) / 2
        extra_x = max(height * WIDTH / MOST_HEIGHT - width, 0.0) / 2
        self._left = float(x.min() - pad - extra_x)
        self._top = float(y.max() + pad + extra_y)
        self.km_per_unit = float(width + 2 * extra_x) / WIDTH
        self.height = float(height + 2 * extra_y) / self.km_per_unit

    def place(self, lat: Any, lon: Any) -> FloatMatrix:  # noqa: ANN401 - any array
        """Return (x, y) rows."""
        x, y = self._projection.project(
            np.asarray(lat, dtype=float), np.asarray(lon, dtype=float)
        )
        plane: FloatMatrix = np.column_stack(
            [(x - self._left) / self.km_per_unit, (self._top - y) / self.km_per_unit]
        )
        return plane

    def degrees(
        self, x: FloatVector, y: FloatVector
    ) -> tuple[FloatVector, FloatVector]:
        """Return latitudes and longitudes."""
        return self._projection.unproject(
            self._left + np.asarray(x) * self.km_per_unit,
            self._top - np.asarray(y) * self.km_per_unit,
        )
