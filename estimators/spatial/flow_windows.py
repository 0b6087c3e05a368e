"""Zones of flows: near origins times near destinations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.spatial.neighbour_order import CIRCLE
from estimators.spatial.windows import Found

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector
    from estimators.spatial._kernels import Int32Array, Law
    from estimators.spatial._kernels_flows import FlowZones

__all__ = ["FlowWindows"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlowWindows:
    """Circles round an origin times circles round a destination.

    Attributes
    ----------
    from_near, to_near : ndarray of int32
        Nearest places of every origin and of every destination, itself first.
    pair : ndarray of shape (pairs,)
        Origin * destinations + destination of the pairs that the model holds.
    cap : float
        Greatest share of all trips in a zone.
    """

    from_near: Int32Array
    to_near: Int32Array
    pair: IntVector
    cap: float

    def best(
        self, cases: FloatVector, size: FloatVector, taken: BoolVector, law: Law
    ) -> Found | None:
        """Return the best zone that holds no taken pair, None without a cluster."""
        from estimators.spatial._kernels_flows import best_flow_zone

        ratio, o, d, k, m = best_flow_zone(
            self._zones(size),
            self._dense(cases),
            self._dense(size),
            self._dense(taken.astype(np.float64)),
            law,
        )
        if o < 0:
            return None
        origins = tuple(int(i) for i in self.from_near[o, :k])
        destinations = tuple(int(j) for j in self.to_near[d, :m])
        inside = np.isin(self.pair // len(self.to_near), origins)
        inside &= np.isin(self.pair % len(self.to_near), destinations)
        cells = tuple(int(at) for at in np.flatnonzero(inside))
        return Found(ratio, ratio, origins, cells, CIRCLE, None, destinations)

    def raise_maxima(
        self, counts: Int32Array, size: FloatVector, best: FloatMatrix, law: Law
    ) -> None:
        """Raise `best` (batches, LANES) to the replicates' greatest statistics."""
        from estimators.spatial._kernels import threshold_bins
        from estimators.spatial._kernels_flows import flow_maxima

        zones, dense = self._zones(size), self._dense(size)
        bins = threshold_bins(law)
        flow_maxima(zones, self.pair, dense, counts, best, bins, law)

    def _zones(self, size: FloatVector) -> FlowZones:
        from estimators.spatial._kernels_flows import FlowZones

        limit = self.cap * float(size.sum()) * (1 + 1e-12)
        return FlowZones(self.from_near, self.to_near, limit)

    def _dense(self, values: FloatVector) -> FloatMatrix:
        shape = len(self.from_near), len(self.to_near)
        dense = np.zeros(shape[0] * shape[1])
        dense[self.pair] = values
        return dense.reshape(shape)
