"""Which areas come next: neighbours in order of distance, by circle or ellipse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.errors import InputError
from estimators.spatial.distances import EARTH_RADIUS, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estimators.array_types import FloatMatrix, IntVector
    from estimators.spatial._kernels import Int32Array

__all__ = [
    "CIRCLE",
    "ELLIPSES",
    "Ellipse",
    "Metric",
    "areas_within",
    "neighbour_order",
    "read_distance",
    "read_places",
]

_ROWS_AT_ONCE = 256
_TIE_DIGITS = 12  # distances equal to this many decimals of the greatest are tied


@dataclass(frozen=True, slots=True)
class Ellipse:
    """An ellipse by the ratio of its axes and the angle of the long one (radians)."""

    ratio: float
    angle: float

    def penalty(self, strength: float) -> float:
        """Return the non-compactness penalty ``(4 s / (s + 1)^2)^a``, 1 for a circle.

        Parameters
        ----------
        strength : float
            ``a``: 0 none, 0.5 medium, 1 strong.
        """
        return float((4 * self.ratio / (self.ratio + 1) ** 2) ** strength)


CIRCLE = Ellipse(1.0, 0.0)
# Axis ratios and numbers of angles of SaTScan (Kulldorff et al. 2006).
ELLIPSES = tuple(
    Ellipse(ratio, math.pi * turn / turns)
    for ratio, turns in ((1.0, 1), (1.5, 4), (2.0, 6), (3.0, 9), (4.0, 12), (5.0, 15))
    for turn in range(turns)
)


def read_places(coordinates: Any, metric: Metric, name: str) -> FloatMatrix:  # noqa: ANN401
    """Return coordinates as float64 of shape (n, 2), or say what is wrong."""
    try:
        places = np.asarray(coordinates, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers: {error}.") from error
    if places.ndim != 2 or places.shape[1] != 2 or not len(places):
        raise InputError(
            f"{name} has shape {places.shape}; one row per area and two columns were "
            "expected (x, y or, for great circles, longitude, latitude)."
        )
    wrong = np.flatnonzero(~np.isfinite(places).all(axis=1))
    if wrong.size:
        raise InputError(
            f"{name} is missing or infinite in rows {wrong[:5].tolist()} (counted from "
            "0): give every area a place or leave it out."
        )
    if metric == "great_circle":
        outside = np.flatnonzero(
            (np.abs(places[:, 0]) > 360) | (np.abs(places[:, 1]) > 90)
        )
        if outside.size:
            raise InputError(
                f"{name}: rows {outside[:5].tolist()} (counted from 0) are no "
                "longitude, latitude in degrees; longitude comes first."
            )
    return places


def neighbour_order(
    places: FloatMatrix, *, metric: Metric, ellipse: Ellipse = CIRCLE
) -> Int32Array:
    """Return all areas by distance from each area, itself first; ties by number.

    Parameters
    ----------
    places : ndarray of shape (n, 2)
    metric : {"euclidean", "great_circle"}
    ellipse : Ellipse
        Distance is the half short axis of the ellipse that just reaches an area.

    Returns
    -------
    ndarray of int32, shape (n, n)
    """
    order = np.empty((len(places), len(places)), dtype=np.int32)
    for first, rows in _distances(places, metric, ellipse):
        greatest = rows.max(axis=1, keepdims=True)
        scaled = np.round(rows / np.where(greatest > 0, greatest, 1.0), _TIE_DIGITS)
        own = np.arange(len(rows))
        scaled[own, first + own] = -1.0  # first, though others share its place
        order[first : first + len(rows)] = np.argsort(scaled, axis=1, kind="stable")
    return order


def read_distance(max_distance: float | None) -> float:
    """Return the greatest distance, infinity without one."""
    if max_distance is None:
        return math.inf
    if not (isinstance(max_distance, int | float | np.floating) and max_distance > 0):
        raise InputError(
            f"max_distance={max_distance!r} must be a number above 0: in the unit of "
            "the coordinates or, for great circles, in kilometres."
        )
    return float(max_distance)


def areas_within(
    places: FloatMatrix, *, metric: Metric, max_distance: float
) -> IntVector:
    """Count the areas within a distance of each area, itself among them.

    They are the first of its row in `neighbour_order`. The distance is in the unit of
    the coordinates, for great circles in kilometres on a sphere of mean radius.
    """
    counts = np.full(len(places), len(places), dtype=np.int64)
    if math.isinf(max_distance):
        return counts
    reach = max_distance * (1 + 10.0**-_TIE_DIGITS)
    if metric == "great_circle":
        reach = math.sin(min(reach / (2 * EARTH_RADIUS), math.pi / 2))
    for first, rows in _distances(places, metric, CIRCLE):
        counts[first : first + len(rows)] = (rows <= reach).sum(axis=1)
    return counts


def _distances(
    places: FloatMatrix, metric: Metric, ellipse: Ellipse
) -> Iterator[tuple[int, FloatMatrix]]:
    if metric == "great_circle":
        radians = np.radians(places)
        for first in range(0, len(places), _ROWS_AT_ONCE):
            here = radians[first : first + _ROWS_AT_ONCE, None]
            half = np.sin((radians[None] - here) / 2) ** 2
            chord = half[..., 1] + half[..., 0] * (
                np.cos(here[..., 1]) * np.cos(radians[None, :, 1])
            )
            # The half chord grows with the distance on the sphere.
            yield first, np.sqrt(chord)
        return
    cosine, sine = math.cos(ellipse.angle), math.sin(ellipse.angle)
    along = (places[:, 0] * cosine + places[:, 1] * sine) / ellipse.ratio
    across = places[:, 1] * cosine - places[:, 0] * sine
    for first in range(0, len(places), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        yield (
            first,
            np.hypot(
                along[rows, None] - along[None], across[rows, None] - across[None]
            ),
        )
