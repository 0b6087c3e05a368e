"""Which places are near: on a plane, or on the globe by great circles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from estimators.checks import check_choice, check_counts
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = ["EARTH_RADIUS", "Metric", "check_coordinates", "near_links", "nearest_links"]

Metric = Literal["euclidean", "great_circle"]
# Mean of the earth (IUGG), in kilometres.
EARTH_RADIUS = 6371.0088


def check_coordinates(coordinates: Any, metric: str) -> FloatMatrix:  # noqa: ANN401
    """Return places whose straight distances order them: points of a plane or sphere.

    Longitude and latitude become points of the unit sphere, whose chords grow with the
    great circles.
    """
    check_choice("metric", metric, ("euclidean", "great_circle"))
    try:
        points = np.array(coordinates, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"coordinates must be numbers: {error}.") from error
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
        raise InputError(
            f"coordinates have shape {points.shape}; two columns and two or more "
            "areas were expected."
        )
    wrong = ~np.isfinite(points).all(axis=1)
    if metric == "great_circle":
        wrong |= (np.abs(points[:, 0]) > 360) | (np.abs(points[:, 1]) > 90)
    if wrong.any():
        rows = np.flatnonzero(wrong)
        raise InputError(
            f"{rows.size} coordinates are missing or impossible (rows "
            f"{rows[:5].tolist()}, counted from 0). Great circles need longitude "
            "first, then latitude within 90 degrees."
        )
    if metric == "euclidean":
        return points
    longitude, latitude = np.radians(points).T
    return np.column_stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ]
    )


def nearest_links(
    points: FloatMatrix, k: int, metric: str
) -> tuple[IntVector, IntVector]:
    """Return the links of every place to its `k` nearest others.

    Of equally near places the first in order is taken, so that a grid gives one answer
    whatever the tree's order. `metric` changes no order and is not looked at.
    """
    del metric
    from scipy.spatial import cKDTree

    n = len(points)
    count = check_counts(k=k)["k"]
    if not 1 <= count < n:
        raise InputError(f"k={k}: from 1 to {n - 1} neighbours are possible here.")
    tree = cKDTree(points)
    # Distances that differ by rounding alone are ties: search a hair further.
    reach = np.asarray(tree.query(points, k=count + 1)[0])[:, -1]
    scale = np.abs(points).max() + reach
    found = tree.query_ball_point(points, reach + 1e-12 * scale)
    sizes = np.array([len(near) for near in found])
    here = np.repeat(np.arange(n), sizes)
    there = np.concatenate([np.asarray(near, dtype=np.int64) for near in found])
    other = here != there
    here, there = here[other], there[other]
    distance = _lengths(points, here, there)
    # Everything within a hair of the k-th distance ties with it.
    tied = distance >= (reach - 1e-12 * scale)[here]
    order = np.lexsort((there, np.where(tied, reach[here], distance), here))
    here, there = here[order], there[order]
    start = np.concatenate([[0], np.cumsum(np.bincount(here, minlength=n))])
    chosen = np.arange(len(here)) - start[here] < count
    return here[chosen], there[chosen]


def near_links(
    points: FloatMatrix, threshold: float, metric: str
) -> tuple[IntVector, IntVector, FloatVector]:
    """Return all links no longer than `threshold`, with their lengths."""
    from scipy.spatial import cKDTree

    if not 0 < threshold < np.inf:
        raise InputError(f"threshold={threshold!r}: a distance above 0 was expected.")
    reach = float(threshold)
    if metric == "great_circle":
        reach = 2 * np.sin(min(reach / EARTH_RADIUS, np.pi) / 2)
    # A place at the threshold itself belongs, whatever the last bit of its distance.
    pairs = cKDTree(points).query_pairs(reach * (1 + 1e-12), output_type="ndarray")
    here = np.concatenate([pairs[:, 0], pairs[:, 1]]).astype(np.int64)
    there = np.concatenate([pairs[:, 1], pairs[:, 0]]).astype(np.int64)
    length = _lengths(points, here, there)
    if metric == "great_circle":
        length = 2 * EARTH_RADIUS * np.arcsin(np.minimum(length / 2, 1))
    return here, there, length


def _lengths(points: FloatMatrix, here: IntVector, there: IntVector) -> FloatVector:
    lengths: FloatVector = np.sqrt(((points[here] - points[there]) ** 2).sum(axis=1))
    return lengths
