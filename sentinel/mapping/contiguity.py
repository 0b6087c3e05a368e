"""Which areas share a border: weights between polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from estimators.checks import check_choice
from estimators.errors import InputError
from estimators.spatial import SpatialWeights

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from estimators.array_types import BoolVector, IntVector

__all__ = ["contiguity_weights"]

SHOWN = 5
# Two areas that share more of the smaller one than this are no neighbours but one
# place twice, or a district beside its own province.
MOST_OVERLAP = 0.5
# A corner on a corner runs beside the other area for twice the tolerance, or somewhat
# more where its angle is sharp.
CORNER = 4.0


def contiguity_weights(
    geodata: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    kind: Literal["queen", "rook"] = "queen",
    areas: str | None = None,
    tolerance: float = 0.0,
) -> SpatialWeights:
    """Link areas whose polygons meet.

    Parameters
    ----------
    geodata : GeoDataFrame or GeoSeries
        One polygon or multipolygon per area, in the order of the values to be analysed.
    kind : {"queen", "rook"}
        Whether a common point is enough, or a common line is needed.
    areas : str, optional
        Column of labels; by default ``code``, as `read_boundaries` returns it, where
        there is one, or else the index.
    tolerance : float
        Gap that is bridged, in units of the coordinates: borders drawn one by one leave
        slivers. With "rook" the borders must then run together for more than four times
        as far.

    Returns
    -------
    SpatialWeights
        Binary and symmetric. Areas that touch none stay, without neighbours: see
        `islands`. Polygons are not joined across the antimeridian.

    Raises
    ------
    InputError
        If a geometry is missing, empty or no polygon, labels are missing or repeat,
        `tolerance` is below 0, or areas cover more than half of another: one place
        given twice, or areas of two levels in one file.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import box
    >>> squares = gpd.GeoSeries([box(0, 0, 1, 1), box(1, 0, 2, 1), box(2, 1, 3, 2)])
    >>> contiguity_weights(squares).n_neighbours
    array([1, 2, 1])
    >>> contiguity_weights(squares, kind="rook").islands
    (2,)
    """
    check_choice("kind", kind, ("queen", "rook"))
    if not 0 <= tolerance < np.inf:
        raise InputError(f"tolerance={tolerance!r}: a number from 0 on was expected.")
    labels = _labels(geodata, areas)
    polygons = _polygons(geodata, labels)
    one, other = _near(polygons, tolerance)
    _refuse_overlaps(polygons, (one, other), labels)
    if kind == "rook" and one.size:
        along = _along(polygons, (one, other), tolerance)
        one, other = one[along], other[along]
    named = [
        (labels[here], labels[there])
        for here, there in zip(one.tolist(), other.tolist(), strict=True)
    ]
    return SpatialWeights.from_pairs(named, areas=labels)


def _labels(
    geodata: gpd.GeoDataFrame | gpd.GeoSeries, areas: str | None
) -> Sequence[Any]:
    columns = list(getattr(geodata, "columns", []))
    if areas is None and "code" not in columns:
        return list(geodata.index)
    name = "code" if areas is None else areas
    if name not in columns:
        raise InputError(
            f"There is no column {name!r} of labels; there are "
            f"{', '.join(map(str, columns)) or 'none: a GeoSeries has an index only'}."
        )
    frame: Any = geodata
    missing = int(frame[name].isna().sum())
    if missing:
        raise InputError(f"{missing} areas have no label in column {name!r}.")
    return list(frame[name])


def _polygons(
    geodata: gpd.GeoDataFrame | gpd.GeoSeries, labels: Sequence[Any]
) -> np.ndarray[Any, Any]:
    """Return valid polygons; list every geometry that is none."""
    import shapely

    found = np.asarray(geodata.geometry.array, dtype=object)
    kinds = shapely.get_type_id(found)
    wrong = ~np.isin(kinds, (3, 6)) | shapely.is_empty(found)
    if wrong.any():
        names = [str(labels[at]) for at in np.flatnonzero(wrong)[:SHOWN]]
        raise InputError(
            f"{int(wrong.sum())} of {found.size} areas have no polygon (first "
            f"{', '.join(names)}): nobody can say whom they touch. Complete the file, "
            "or leave these areas out of the values too."
        )
    return np.asarray(shapely.make_valid(found))


def _near(
    polygons: np.ndarray[Any, Any], tolerance: float
) -> tuple[IntVector, IntVector]:
    """Return pairs of areas that meet, each once, the earlier area first."""
    import shapely

    tree = shapely.STRtree(polygons)
    if tolerance:
        found = tree.query(polygons, predicate="dwithin", distance=tolerance)
    else:
        found = tree.query(polygons, predicate="intersects")
    ahead = found[0] < found[1]
    return found[0][ahead], found[1][ahead]


def _refuse_overlaps(
    polygons: np.ndarray[Any, Any],
    pairs: tuple[IntVector, IntVector],
    labels: Sequence[Any],
) -> None:
    import shapely

    one, other = polygons[pairs[0]], polygons[pairs[1]]
    inside = np.flatnonzero(~shapely.touches(one, other))
    common = shapely.area(shapely.intersection(one[inside], other[inside]))
    smaller = np.minimum(shapely.area(one[inside]), shapely.area(other[inside]))
    wrong = inside[common > MOST_OVERLAP * smaller]
    if wrong.size:
        shown = ", ".join(
            f"{labels[pairs[0][at]]} and {labels[pairs[1][at]]}" for at in wrong[:SHOWN]
        )
        raise InputError(
            f"{wrong.size} pairs of areas lie on one another by more than half of the "
            f"smaller (first {shown}): keep areas of one level, each once."
        )


def _along(
    polygons: np.ndarray[Any, Any],
    pairs: tuple[IntVector, IntVector],
    tolerance: float,
) -> BoolVector:
    """Tell which pairs share a line, or an overlap, and not points alone."""
    import shapely

    one, other = polygons[pairs[0]], polygons[pairs[1]]
    if not tolerance:
        shared = shapely.length(shapely.intersection(one, other))
        return np.asarray(shared > 0)
    border = shapely.boundary(one)
    beside = shapely.intersection(border, shapely.buffer(other, tolerance))
    return np.asarray(shapely.length(beside) > CORNER * tolerance)
