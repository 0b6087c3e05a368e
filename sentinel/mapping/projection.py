"""Lambert azimuthal equal-area: areas are true, and a region keeps its shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["EARTH_RADIUS_KM", "EqualArea"]

# Radius of the sphere with the area of the WGS 84 ellipsoid.
EARTH_RADIUS_KM = 6371.0072


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualArea:
    """The projection about a centre, on the sphere of equal area (Snyder 1987, 24-2).

    Attributes
    ----------
    lat, lon : float
        Centre, degrees.

    Examples
    --------
    >>> x, y = EqualArea(lat=13.0, lon=103.0).project([13.0, 14.0], [103.0, 103.0])
    >>> [round(float(v), 3) for v in y]
    [0.0, 111.194]
    """

    lat: float
    lon: float

    @classmethod
    def about(cls, lat: FloatVector, lon: FloatVector) -> EqualArea:
        """Return the projection about the middle of some points.

        The middle is the direction of their mean vector, so that points on both sides
        of the antimeridian have a middle between them.
        """
        phi, lam = np.radians(lat), np.radians(lon)
        x = float(np.mean(np.cos(phi) * np.cos(lam)))
        y = float(np.mean(np.cos(phi) * np.sin(lam)))
        z = float(np.mean(np.sin(phi)))
        return cls(
            lat=float(np.degrees(np.arctan2(z, np.hypot(x, y)))),
            lon=float(np.degrees(np.arctan2(y, x))),
        )

    def project(
        self, lat: FloatVector, lon: FloatVector
    ) -> tuple[FloatVector, FloatVector]:
        """Return kilometres east and north of the centre."""
        phi, lam = np.radians(lat), np.radians(lon) - np.radians(self.lon)
        phi0 = np.radians(self.lat)
        cosine = np.sin(phi0) * np.sin(phi) + np.cos(phi0) * np.cos(phi) * np.cos(lam)
        # The antipode has no image; it is far outside any map of ours.
        scale = EARTH_RADIUS_KM * np.sqrt(2.0 / np.maximum(1.0 + cosine, 1e-12))
        x = scale * np.cos(phi) * np.sin(lam)
        y = scale * (
            np.cos(phi0) * np.sin(phi) - np.sin(phi0) * np.cos(phi) * np.cos(lam)
        )
        return x, y

    def unproject(
        self, x: FloatVector, y: FloatVector
    ) -> tuple[FloatVector, FloatVector]:
        """Return latitude and longitude, degrees (Snyder 1987, 20-14, 20-15, 24-16).

        Longitudes lie within 180 degrees of the centre's. Points off the sphere's image
        are NaN.

        Examples
        --------
        >>> here = EqualArea(lat=13.0, lon=103.0)
        >>> lat, lon = here.unproject(*here.project([14.2], [99.5]))
        >>> round(float(lat[0]), 6), round(float(lon[0]), 6)
        (14.2, 99.5)
        """
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        rho = np.hypot(x, y)
        half = rho / (2 * EARTH_RADIUS_KM)
        c = 2 * np.arcsin(np.where(half <= 1, half, np.nan))
        phi0 = np.radians(self.lat)
        safe = np.where(rho > 0, rho, 1.0)
        sine = np.cos(c) * np.sin(phi0) + y * np.sin(c) * np.cos(phi0) / safe
        lat = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
        east = np.arctan2(
            x * np.sin(c),
            safe * np.cos(phi0) * np.cos(c) - y * np.sin(phi0) * np.sin(c),
        )
        return lat, self.lon + np.degrees(east)
