"""Windows on a plane: rings, what lies inside, and how much of a kernel does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["PlaneWindow", "read_window"]

_BATCH = 2_000_000  # pairs of point and edge at a time: 16 MB
# Gauss-Legendre on pieces of at most two bandwidths: error below 1e-12.
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(8)
_PIECE = 2.0
_ON_BORDER = 1e-9  # of the window's diagonal


@dataclass(frozen=True, slots=True)
class PlaneWindow:
    """A part of the plane, its inside to the left of every edge.

    Attributes
    ----------
    start, end : ndarray of shape (edges, 2)
        Ends of the edges of all rings; outer rings run against the clock, holes with
        it.
    """

    start: FloatMatrix
    end: FloatMatrix

    @property
    def low(self) -> FloatVector:
        """Lower left corner of the box around the window."""
        return np.asarray(self.start.min(axis=0))

    @property
    def high(self) -> FloatVector:
        """Upper right corner of the box around the window."""
        return np.asarray(self.start.max(axis=0))

    @property
    def diagonal(self) -> float:
        """Length of the diagonal of that box."""
        return float(np.hypot(*(self.high - self.low)))

    @property
    def area(self) -> float:
        """Area, holes taken off."""
        return _signed_area(self.start, self.end)

    def contains(self, places: FloatMatrix) -> BoolVector:
        """Tell which places lie inside; on the border either answer is lawful."""
        crossed = _crossings(places, self.start, self.end)[1]
        return np.asarray(crossed % 2 == 1)

    def touches(self, places: FloatMatrix) -> BoolVector:
        """Tell which places lie on the border, to rounding."""
        near = np.full(len(places), np.inf)
        along = self.end - self.start
        length = np.maximum((along**2).sum(axis=1), 1e-300)
        for part in _parts(len(places), len(along)):
            off = places[part, None, :] - self.start
            share = np.clip((off * along).sum(axis=2) / length, 0, 1)
            gap = off - share[:, :, None] * along
            near[part] = np.sqrt((gap**2).sum(axis=2).min(axis=1))
        return np.asarray(near <= _ON_BORDER * self.diagonal)

    def is_simple_at(self, places: FloatMatrix) -> bool:
        """Tell whether turning round and crossing count the same: no ring crosses."""
        turns, crossed = _crossings(places, self.start, self.end)
        return np.array_equal(turns, crossed % 2)

    def kernel_mass(self, centres: FloatMatrix, bandwidth: float) -> FloatVector:
        """Return the mass inside the window of a round Gaussian about each centre.

        By Green's theorem it is the integral of ``density(y) * distribution(x) dy``
        along the border, here by Gauss-Legendre on short pieces.
        """
        y, x, step = self._border_nodes(bandwidth)
        mass = np.empty(len(centres))
        for part in _parts(len(centres), y.size):
            up = (y - centres[part, 1:]) / bandwidth
            across = (x - centres[part, :1]) / bandwidth
            density = np.exp(-0.5 * up**2) / np.sqrt(2 * np.pi)
            mass[part] = (density * ndtr(across)) @ step / bandwidth
        return mass

    def _border_nodes(
        self, bandwidth: float
    ) -> tuple[FloatVector, FloatVector, FloatVector]:
        """Return y, x and dy of the nodes on all edges that rise or fall."""
        along = self.end - self.start
        slanted = along[:, 1] != 0
        start, along = self.start[slanted], along[slanted]
        pieces = np.ceil(np.hypot(*along.T) / (_PIECE * bandwidth)).astype(np.int64)
        pieces = np.maximum(pieces, 1)
        edge = np.repeat(np.arange(len(along)), pieces)
        piece = np.arange(edge.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        share = (piece[:, None] + (1 + _NODES) / 2) / pieces[edge, None]
        x = start[edge, :1] + share * along[edge, :1]
        y = start[edge, 1:] + share * along[edge, 1:]
        step = along[edge, 1:] / pieces[edge, None] * _NODE_WEIGHTS / 2
        return y.ravel(), x.ravel(), step.ravel()


def read_window(window: Any) -> PlaneWindow:  # noqa: ANN401 - checks anything
    """Check rings and turn them, so that the inside lies to the left of each."""
    rings = [_ring(one, at) for at, one in enumerate(_listed(window))]
    starts, ends = [], []
    for at, ring in enumerate(rings):
        inside = sum(
            _crossings(ring, other, np.roll(other, -1, axis=0))[1] % 2
            for place, other in enumerate(rings)
            if place != at
        )
        is_hole = np.median(inside) % 2 == 1 if len(rings) > 1 else False
        left = _signed_area(ring, np.roll(ring, -1, axis=0)) > 0
        turned = ring[::-1] if left == is_hole else ring
        starts.append(turned)
        ends.append(np.roll(turned, -1, axis=0))
    return PlaneWindow(np.concatenate(starts), np.concatenate(ends))


def _listed(window: Any) -> list[Any]:  # noqa: ANN401
    """Return the rings: one array of corners is one ring."""
    try:
        parts = list(window)
        one = len(parts) > 0 and np.ndim(parts[0]) == 1
    except (TypeError, ValueError) as error:
        raise InputError(
            "window is a ring of corners of shape (k, 2), or a list of such rings."
        ) from error
    if not parts:
        raise InputError("window has no ring: give the corners of one at least.")
    return [parts] if one else parts


def _ring(corners: Any, at: int) -> FloatMatrix:  # noqa: ANN401
    try:
        ring = np.asarray(corners, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"Ring {at} of window holds no numbers: {error}.") from error
    if ring.ndim != 2 or ring.shape[1] != 2 or not np.isfinite(ring).all():
        raise InputError(
            f"Ring {at} of window has shape {ring.shape}: finite corners of shape "
            "(k, 2) were expected."
        )
    if (ring[0] == ring[-1]).all():
        ring = ring[:-1]
    if len(ring) < 3 or not _signed_area(ring, np.roll(ring, -1, axis=0)):
        raise InputError(f"Ring {at} of window has {len(ring)} corners and no area.")
    return ring


def _signed_area(start: FloatMatrix, end: FloatMatrix) -> float:
    middle = start.mean(axis=0)  # far from 0 the products would lose digits
    one, other = start - middle, end - middle
    return float((one[:, 0] * other[:, 1] - other[:, 0] * one[:, 1]).sum() / 2)


def _crossings(
    places: FloatMatrix, start: FloatMatrix, end: FloatMatrix
) -> tuple[IntVector, IntVector]:
    """Count, on a ray to the right of each place, edges up less down, and all edges."""
    turns = np.zeros(len(places), dtype=np.int64)
    crossed = np.zeros(len(places), dtype=np.int64)
    for part in _parts(len(places), len(start)):
        x, y = places[part, :1], places[part, 1:]
        side = (end[:, 0] - start[:, 0]) * (y - start[:, 1])
        side = side - (x - start[:, 0]) * (end[:, 1] - start[:, 1])
        up = (start[:, 1] <= y) & (end[:, 1] > y) & (side > 0)
        down = (start[:, 1] > y) & (end[:, 1] <= y) & (side < 0)
        turns[part] = up.sum(axis=1) - down.sum(axis=1)
        crossed[part] = up.sum(axis=1) + down.sum(axis=1)
    return turns, crossed


def _parts(rows: int, width: int) -> list[slice]:
    size = max(1, _BATCH // max(width, 1))
    return [slice(at, at + size) for at in range(0, rows, size)]
