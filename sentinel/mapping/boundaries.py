"""Boundaries that the user brings: any file that geopandas reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.errors import InputError
from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["match_boundaries", "read_boundaries", "rings"]

SHOWN = 8


def read_boundaries(path: Path | str, key: str, *, name: str = "") -> gpd.GeoDataFrame:
    """Read polygons and their codes.

    Parameters
    ----------
    path : path
        GeoJSON, GeoPackage, shapefile, GeoParquet, ...
    key : str
        Column that holds the place codes, such as ``ADM1_PCODE`` or ``iso_3166_2``.
    name : str
        What errors call the file; by default its own name.

    Returns
    -------
    GeoDataFrame
        ``code`` and ``geometry`` in degrees (EPSG:4326), polygons only.

    Raises
    ------
    InputError
        File absent or unreadable, no polygons, no coordinate reference system, no such
        column, codes missing or twice.
    """
    import geopandas as gpd

    file = Path(path)
    label = name or file.name
    if not file.exists():
        raise InputError(f"The boundaries file {label} does not exist.")
    try:
        read: Any = gpd.read_parquet if file.suffix == ".parquet" else gpd.read_file
        frame = read(file)
    except Exception as error:  # readers of many formats raise many kinds
        raise InputError(
            f"{label} could not be read as boundaries ({type(error).__name__}). "
            "GeoJSON, GeoPackage, a shapefile with its .shx and .dbf, or GeoParquet "
            "are expected."
        ) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise InputError(f"{label} holds a table without geometry.")
    if key not in frame.columns:
        columns = [str(item) for item in frame.columns if item != frame.geometry.name]
        raise InputError(
            f"{label} has no column {key!r} ([maps] boundary_key); it has "
            f"{', '.join(columns)}."
        )
    if frame.crs is None:
        raise InputError(
            f"{label} does not say its coordinate reference system. Write it into the "
            "file (a .prj beside a shapefile; GeoPackage and GeoJSON carry it)."
        )
    frame = frame.to_crs(4326)
    polygons = frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])
    if not polygons.any():
        raise InputError(f"{label} holds no polygon.")
    codes = frame.loc[polygons, key]
    if codes.isna().any():
        raise InputError(f"{label}: {int(codes.isna().sum())} polygons have no {key}.")
    frame = gpd.GeoDataFrame(
        {"code": codes.astype("str").str.strip()},
        geometry=frame.geometry[polygons].make_valid(),
        crs=4326,
    )
    twice = sorted(set(frame.loc[frame["code"].duplicated(), "code"]))
    if twice:
        raise InputError(
            f"{label}: {len(twice)} codes in {key} come more than once, for example "
            f"{', '.join(twice[:SHOWN])}. Dissolve the polygons by {key} first."
        )
    return frame.reset_index(drop=True)


def match_boundaries(boundaries: gpd.GeoDataFrame, codes: set[str]) -> Problems:
    """Return one warning that lists the codes without a polygon."""
    missing = sorted(codes - set(boundaries["code"]))
    problems = Problems()
    if missing:
        problems.add(
            Problem(
                severity="warning",
                column="boundary_key",
                value=", ".join(missing),
                expected="a polygon for every place on the map",
                hint="These places are drawn as symbols without an outline.",
            )
        )
    return problems


def rings(geometry: Any) -> list[np.ndarray[Any, Any]]:  # noqa: ANN401 - shapely
    """Return the rings of a (multi)polygon as arrays of (lon, lat)."""
    parts = getattr(geometry, "geoms", [geometry])
    return [
        np.asarray(ring.coords)[:, :2]
        for part in parts
        if part.geom_type == "Polygon"
        for ring in (part.exterior, *part.interiors)
    ]
