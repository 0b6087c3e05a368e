"""The bundled ground of every map: country outlines in the public domain."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sentinel import datasets

if TYPE_CHECKING:
    from sentinel.mapping.plane import Plane

__all__ = ["BASEMAP_NOTE", "Land", "clip_land"]

BASEMAP_NOTE = "Country outlines: Natural Earth 1:50m (public domain), simplified."
# Drawn beyond the frame, so that no outline runs along its edge.
OVERHANG = 12.0
SMALLEST = 4.0


class Land(NamedTuple):
    """The part of a country inside the frame, in the plane of the map."""

    code: str
    name: str
    shape: Any


@cache
def _countries() -> tuple[tuple[str, str, Any], ...]:
    import geopandas as gpd

    frame = gpd.read_file(datasets.path("countries") / "countries.geojson")
    return tuple(
        (str(code or ""), str(name), geometry)
        for code, name, geometry in zip(
            frame["code"], frame["name"], frame.geometry, strict=True
        )
    )


def clip_land(plane: Plane, *, width: float) -> list[Land]:
    """Return the countries inside a frame, in its plane.

    Parameters
    ----------
    plane : Plane
    width : float
        Of the frame; its height is the plane's.
    """
    import shapely

    west, south, east, north = _window(plane, width)
    middle = (west + east) / 2
    frame = shapely.box(-OVERHANG, -OVERHANG, width + OVERHANG, plane.height + OVERHANG)
    found = []
    for code, name, geometry in _countries():
        parts = []
        for part in shapely.get_parts(geometry):
            low, _, high, _ = part.bounds
            # A part beyond the antimeridian is drawn next to its neighbours.
            turn = 360.0 * round((middle - (low + high) / 2) / 360.0)
            moved = shapely.transform(
                part, lambda at, by=turn: at + np.array([by, 0.0])
            )
            near = shapely.clip_by_rect(moved, west, south, east, north)
            if not near.is_empty:
                parts.append(near)
        if not parts:
            continue
        shape = shapely.transform(
            shapely.union_all(shapely.make_valid(parts)),
            lambda at: plane.place(at[:, 1], at[:, 0]),
        )
        shape = shapely.intersection(shapely.make_valid(shape), frame)
        if shape.area >= SMALLEST:
            found.append(Land(code, name, shape))
    return found


def _window(plane: Plane, width: float) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a frame, longitudes without a jump."""
    x, y = np.meshgrid(
        np.linspace(-OVERHANG, width + OVERHANG, 25),
        np.linspace(-OVERHANG, plane.height + OVERHANG, 25),
    )
    lat, lon = plane.degrees(x.ravel(), y.ravel())
    seen = np.isfinite(lat)
    lat, lon = lat[seen], lon[seen]
    lon = np.degrees(np.unwrap(np.radians(lon.reshape(-1)))) if seen.all() else lon
    pad = 0.5
    return (
        float(lon.min() - pad),
        float(max(lat.min() - pad, -90.0)),
        float(lon.max() + pad),
        float(min(lat.max() + pad, 90.0)),
    )
