"""The ground under a map that has no boundaries: tints drawn from province centres.

Each province's centre is given the points nearer to it than to any other centre, within
a fixed distance; those of one country are one tint. It lets a reader see where
countries lie and shows no boundary: it says so on the map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatMatrix

__all__ = ["Country", "Dot", "Plane", "lay_ground"]

PROVINCE = "admin1"
REACH = 1.25
SMOOTH = 0.35


class Plane(Protocol):
    """What turns degrees into the plane of the map."""

    height: float
    km_per_unit: float

    def place(self, lat: Any, lon: Any) -> FloatMatrix:  # noqa: ANN401 - any array
        """Return (x, y) rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A province that lends the map its geography."""

    code: str
    name: str
    country: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Country:
    """Name of a country where it is written, and its tinted ground."""

    code: str
    name: str
    x: float
    y: float
    rings: tuple[FloatMatrix, ...]


def lay_ground(
    located: pd.DataFrame, codes: Sequence[str], plane: Plane, *, width: float
) -> tuple[tuple[Dot, ...], tuple[Country, ...]]:
    """Return province dots and tinted countries within the frame of the map.

    Parameters
    ----------
    located : DataFrame
        Places with coordinates, indexed by code.
    codes : sequence of str
        Places on the map; provinces of their countries, and of neighbours that reach
        into the frame, make the ground.
    plane : Plane
    width : float
        Of the frame; its height is the plane's.
    """
    provinces = located[located["level"].astype("str") == PROVINCE]
    if provinces.empty:
        return (), ()
    points = plane.place(provinces["lat"].to_numpy(), provinces["lon"].to_numpy())
    margin = 0.25 * width
    near = (
        (points[:, 0] > -margin)
        & (points[:, 0] < width + margin)
        & (points[:, 1] > -margin)
        & (points[:, 1] < plane.height + margin)
    )
    provinces, points = provinces[near], points[near]
    countries = provinces["country"].astype("str").to_numpy()
    dots = tuple(
        Dot(code=str(code), name=str(name), country=str(country), x=x, y=y)
        for code, name, country, (x, y) in zip(
            provinces.index, provinces["name"], countries, points.round(2), strict=True
        )
        if 0 <= x <= width and 0 <= y <= plane.height
    )
    involved = {str(code).partition("-")[0] for code in codes}
    tinted = []
    names = located[located["level"].astype("str") == "country"]["name"]
    for country, rings in _tints(points, countries, width, plane.height).items():
        inside = [dot for dot in dots if dot.country == country]
        if not inside or not rings:
            continue
        if country not in involved and len(inside) < 2:
            continue
        x, y = _label_place(inside)
        name = str(names.get(country, country))
        tinted.append(Country(code=country, name=name, x=x, y=y, rings=tuple(rings)))
    return dots, tuple(tinted)


def _label_place(dots: Sequence[Dot]) -> tuple[float, float]:
    """Return the dot nearest to the middle of a country: always inside it."""
    points = np.array([(dot.x, dot.y) for dot in dots])
    middle = np.median(points, axis=0)
    nearest = points[np.argmin(np.hypot(*(points - middle).T))]
    return float(nearest[0]), float(nearest[1])


def _tints(
    points: FloatMatrix, countries: np.ndarray, width: float, height: float
) -> dict[str, list[FloatMatrix]]:
    import shapely

    if len(points) < 3:
        return {}
    gaps = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(gaps, np.inf)
    reach = REACH * np.quantile(gaps.min(axis=1), 0.9)
    sites = shapely.points(points)
    cells = shapely.voronoi_polygons(
        shapely.multipoints(sites), extend_to=shapely.box(0, 0, width, height)
    )
    tree = shapely.STRtree(sites)
    parts: dict[str, list[object]] = {}
    for cell in cells.geoms:
        owner = int(tree.query(cell, predicate="contains")[0])
        ground = shapely.intersection(cell, shapely.buffer(sites[owner], reach))
        parts.setdefault(str(countries[owner]), []).append(ground)
    frame = shapely.box(0, 0, width, height)
    found = {}
    for country in sorted(parts):
        shape = shapely.union_all(parts[country])
        # Opened and closed: round corners say "not a boundary" better than sharp ones.
        shape = shape.buffer(-SMOOTH * reach / 2).buffer(SMOOTH * reach)
        shape = shape.buffer(-SMOOTH * reach / 2 - 1.5)
        shape = shapely.simplify(shapely.intersection(shape, frame), 0.6)
        rings = []
        for part in getattr(shape, "geoms", [shape]):
            if part.geom_type == "Polygon" and not part.is_empty:
                rings.append(np.asarray(part.exterior.coords).round(1))
                rings += [np.asarray(hole.coords).round(1) for hole in part.interiors]
        found[country] = rings
    return found
