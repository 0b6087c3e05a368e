"""Shapes of places that the printed and the interactive map share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sentinel.mapping.plane import WIDTH

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix
    from sentinel.mapping.areas import AreaMap, Cluster

__all__ = ["Outline", "cluster_outline", "filled_shape", "outline_corner"]

REACH = 21.0
# Closes the gaps between borders that were drawn one by one.
OUTSIDE = 0.4
# A place may reach beyond the frame; its outline and number do not.
INSET = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """A line round the members of a cluster.

    Attributes
    ----------
    rings : tuple of array
        The whole of it, for a print.
    tight : tuple of array
        Round the members that have a polygon.
    loose : tuple of (x, y)
        Members that are symbols: their line keeps off them at any zoom.
    """

    rings: tuple[FloatMatrix, ...]
    tight: tuple[FloatMatrix, ...]
    loose: tuple[tuple[float, float], ...]


def filled_shape(rings: Sequence[FloatMatrix]) -> Any:  # noqa: ANN401 - shapely
    """Return what even-odd filling of some rings covers: a hole is a ring inside."""
    import shapely

    shape = shapely.Polygon()
    for ring in rings:
        part = shapely.make_valid(shapely.Polygon(ring))
        shape = shapely.symmetric_difference(shape, part)
    return shape


def cluster_outline(layer: AreaMap, cluster: Cluster, height: float) -> Outline:
    """Return the lines round the members of a cluster, inside a frame of a height.

    There is no line if no member is drawn.
    """
    import shapely

    frame = shapely.box(INSET, INSET, WIDTH - INSET, height - INSET)
    members = [area for area in layer.areas if area.code in cluster.members]
    polygons = [filled_shape(area.rings) for area in members if area.rings]
    loose = tuple((area.x, area.y) for area in members if not area.rings)
    tight = shapely.buffer(shapely.union_all(polygons), OUTSIDE)
    tight = shapely.intersection(tight, frame)
    around = tight
    if loose:
        hull = shapely.convex_hull(shapely.multipoints(loose))
        around = shapely.union_all([tight, shapely.buffer(hull, REACH)])
        around = shapely.intersection(around, frame)
    return Outline(rings=_outer(around), tight=_outer(tight), loose=loose)


def _outer(shape: Any) -> tuple[FloatMatrix, ...]:  # noqa: ANN401 - shapely
    import shapely

    return tuple(
        np.asarray(part.exterior.coords).round(1)
        for part in shapely.get_parts(shape)
        if not part.is_empty
    )


def outline_corner(rings: Sequence[FloatMatrix]) -> tuple[float, float]:
    """Return the upper left corner of an outline: where its number is written."""
    points = np.concatenate(list(rings))
    x, y = points[np.argmin(points.sum(axis=1))]
    return float(x), float(y)
