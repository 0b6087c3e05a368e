"""The ground under a map: countries, and the provinces that lend it their geography."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sentinel.mapping.basemap import clip_land
from sentinel.mapping.boundaries import rings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatMatrix
    from sentinel.mapping.plane import Plane

__all__ = ["Country", "Dot", "lay_ground"]

PROVINCE = "admin1"
# Half the height that a country's name needs inside its outline.
ROOM = 34.0
EXACT = 0.4


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
    """A country's ground, and its name where that is written; empty if it is not."""

    code: str
    name: str
    x: float
    y: float
    rings: tuple[FloatMatrix, ...]
    shape: Any

    def holds(self, x: float, y: float) -> bool:
        """Return whether a point lies in the country."""
        import shapely

        return bool(shapely.contains_xy(self.shape, x, y))


def lay_ground(
    located: pd.DataFrame, codes: Sequence[str], plane: Plane, *, width: float
) -> tuple[tuple[Dot, ...], tuple[Country, ...]]:
    """Return province dots and the countries within the frame of the map.

    Parameters
    ----------
    located : DataFrame
        Places with coordinates, indexed by code.
    codes : sequence of str
        Places on the map; their countries are named wherever they have any room.
    plane : Plane
    width : float
        Of the frame; its height is the plane's.
    """
    names = located[located["level"].astype("str") == "country"]["name"]
    involved = {str(code).partition("-")[0] for code in codes}
    return _dots(located, plane, width), tuple(
        _country(land.code, str(names.get(land.code, land.name)), land.shape, involved)
        for land in clip_land(plane, width=width)
    )


def _dots(located: pd.DataFrame, plane: Plane, width: float) -> tuple[Dot, ...]:
    provinces = located[located["level"].astype("str") == PROVINCE]
    points = plane.place(provinces["lat"].to_numpy(), provinces["lon"].to_numpy())
    return tuple(
        Dot(code=str(code), name=str(name), country=str(country), x=x, y=y)
        for code, name, country, (x, y) in zip(
            provinces.index,
            provinces["name"],
            provinces["country"],
            points.round(2).tolist(),
            strict=True,
        )
        if 0 <= x <= width and 0 <= y <= plane.height
    )


def _country(code: str, name: str, shape: object, involved: set[str]) -> Country:
    import shapely

    # The middle of the largest circle inside is where a name has most room.
    spoke = shapely.maximum_inscribed_circle(shape, tolerance=2.0)
    (x, y), _ = spoke.coords
    roomy = shapely.length(spoke) >= (ROOM / 2 if code in involved else ROOM)
    simple = shapely.simplify(shape, EXACT)
    return Country(
        code=code,
        name=name if code and roomy else "",
        x=round(x, 1),
        y=round(y, 1),
        rings=tuple(np.round(ring, 1) for ring in rings(simple)),
        shape=simple,
    )
