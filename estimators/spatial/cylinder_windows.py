"""Zones of space and time: circles that hold for a run of periods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.spatial.neighbour_order import CIRCLE
from estimators.spatial.windows import Found

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector
    from estimators.spatial._kernels import Int32Array, Law
    from estimators.spatial._kernels_cylinders import Cylinders
    from estimators.spatial.windows import Ordering

__all__ = ["CylinderWindows"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CylinderWindows:
    """Circles times runs of periods; arrays hold area after area, period by period.

    Attributes
    ----------
    ordering : Ordering
    periods : int
    first_end : int
        0 for any run, the last period for runs that are still going on.
    longest : int
        Periods in a run at most.
    """

    ordering: Ordering
    periods: int
    first_end: int
    longest: int

    def best(
        self, cases: FloatVector, size: FloatVector, taken: BoolVector, law: Law
    ) -> Found | None:
        """Return the best cylinder over areas not taken, None without a cluster.

        `taken` holds all cells: an area is taken with any of its periods.
        """
        from estimators.spatial._kernels_cylinders import best_cylinder

        shape = (-1, self.periods)
        used: BoolVector = np.any(taken.reshape(shape), axis=1)
        ratio, first, last, begin, end = best_cylinder(
            self._cylinders(), cases.reshape(shape), size.reshape(shape), used, law
        )
        if first < 0:
            return None
        members = tuple(int(i) for i in self.ordering.order[first : last + 1])
        cells = tuple(
            area * self.periods + t for area in members for t in range(begin, end + 1)
        )
        return Found(ratio, ratio, members, cells, CIRCLE, (int(begin), int(end)))

    def raise_maxima(
        self, counts: Int32Array, size: FloatVector, best: FloatMatrix, law: Law
    ) -> None:
        """Raise `best` (batches, LANES) to the replicates' greatest statistics."""
        from estimators.spatial._kernels import threshold_bins
        from estimators.spatial._kernels_cylinders import cylinder_maxima

        by_area = size.reshape((-1, self.periods))
        bins = threshold_bins(law)
        cylinder_maxima(self._cylinders(), by_area, counts, best, bins, law)

    def _cylinders(self) -> Cylinders:
        from estimators.spatial._kernels_cylinders import Cylinders

        return Cylinders(
            self.ordering.order,
            self.ordering.start,
            self.periods,
            self.first_end,
            self.longest,
        )
