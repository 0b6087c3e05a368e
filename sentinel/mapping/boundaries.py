"""Boundaries that the user brings: any file that geopandas reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.mapping.gazetteer import resolve_places
from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = [
    "as_boundaries",
    "code_column",
    "match_boundaries",
    "open_boundaries",
    "read_boundaries",
    "rings",
]

SHOWN = 8
# Columns of first-level units: ISO 3166-2 as Natural Earth and geoBoundaries have it,
# p-codes of COD-AB, GADM's own; a table of ours.
CODE_COLUMNS = ("iso_3166_2", "shapeISO", "ADM1_PCODE", "adm1_pcode", "GID_1", "code")
NAME_COLUMNS = ("ADM1_EN", "adm1_name", "ADM1_NAME", "shapeName", "NAME_1", "name")


def read_boundaries(
    path: Path | str, key: str | None = None, *, name: str = ""
) -> gpd.GeoDataFrame:
    """Read polygons, their codes and names.

    Parameters
    ----------
    path : path
        GeoJSON, GeoPackage, shapefile, GeoParquet, ...
    key : str, optional
        Column that holds the place codes. By default the first there is of
        ``iso_3166_2`` (Natural Earth), ``shapeISO`` (geoBoundaries), ``ADM1_PCODE``
        (COD-AB), ``GID_1`` (GADM) and ``code``.
    name : str
        What errors call the file; by default its own name.

    Returns
    -------
    GeoDataFrame
        ``code``, ``name`` (empty where the file has no column of names) and
        ``geometry`` in degrees (EPSG:4326), polygons only.

    Raises
    ------
    InputError
        File absent or unreadable, no polygons, no coordinate reference system, no such
        column, codes missing or twice.
    """
    file = Path(path)
    label = name or file.name
    frame = open_boundaries(file, label)
    key = code_column(frame, key, label)
    if frame.crs is None:
        raise InputError(
            f"{label} does not say its coordinate reference system. Write it into the "
            "file (a .prj beside a shapefile; GeoPackage and GeoJSON carry it)."
        )
    polygons = frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])
    if not polygons.any():
        raise InputError(f"{label} holds no polygon.")
    codes = frame.loc[polygons, key]
    if codes.isna().any():
        raise InputError(f"{label}: {int(codes.isna().sum())} polygons have no {key}.")
    frame = as_boundaries(frame, key)
    twice = sorted(set(frame.loc[frame["code"].duplicated(), "code"]))
    if twice:
        raise InputError(
            f"{label}: {len(twice)} codes in {key} come more than once, for example "
            f"{', '.join(twice[:SHOWN])}. Dissolve the polygons by {key} first."
        )
    return frame


def open_boundaries(file: Path, label: str) -> gpd.GeoDataFrame:
    """Return a file's shapes as they are, or say why it is no file of shapes."""
    import geopandas as gpd

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
    return frame


def as_boundaries(frame: gpd.GeoDataFrame, key: str) -> gpd.GeoDataFrame:
    """Return the polygons with ``code`` and ``name``, in degrees."""
    import geopandas as gpd

    frame = frame.to_crs(4326)
    polygons = frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])
    codes = frame.loc[polygons, key]
    named = next((item for item in NAME_COLUMNS if item in frame.columns), None)
    names = "" if named is None else frame.loc[polygons, named].fillna("").astype("str")
    return gpd.GeoDataFrame(
        {"code": codes.astype("str").str.strip(), "name": names},
        geometry=frame.geometry[polygons].make_valid(),
        crs=4326,
    ).reset_index(drop=True)


def match_boundaries(
    boundaries: gpd.GeoDataFrame, places: pd.DataFrame, codes: set[str]
) -> tuple[gpd.GeoDataFrame, Problems]:
    """Give polygons the codes of places: by code first, then by a unique name.

    Parameters
    ----------
    boundaries : GeoDataFrame
        As `read_boundaries` returns it.
    places : DataFrame
        As `load_places` returns it.
    codes : set of str
        Places of the map.

    Returns
    -------
    matched : GeoDataFrame
        All polygons; ``code`` is the place's where there is one, else the file's own.
    problems : Problems
        One warning that lists the places of the map without a polygon.

    Notes
    -----
    A polygon that no code matches is matched by its name if, after `normalise_name`, it
    is the name or an alias of exactly one first-level unit, no other polygon claims
    that unit, and no code does. Nothing is guessed: p-codes are not ISO 3166-2 codes,
    even where they look alike.
    """
    known = set(places["code"].astype("str"))
    by_code = boundaries["code"].isin(known)
    taken = set(boundaries.loc[by_code, "code"])
    units = places[places["level"].astype("str") == "admin1"]
    loose = boundaries.loc[~by_code & (boundaries["name"] != ""), "name"]
    found, _ = resolve_places(loose, units[~units["code"].isin(taken)])
    by_name = loose.map(found).dropna()
    # Two polygons of one name: which of them it is, nobody can say.
    by_name = by_name[~by_name.duplicated(keep=False)]
    matched = boundaries.copy()
    matched.loc[by_name.index, "code"] = by_name
    provinces = codes & set(units["code"].astype("str"))
    missing = sorted(provinces - set(matched["code"]))
    problems = Problems()
    if missing:
        problems.add(
            Problem(
                severity="warning",
                column="boundaries",
                value=", ".join(missing),
                expected="a polygon for every province on the map",
                hint="These places are drawn as symbols: give their codes or names in "
                "the boundaries file, or aliases in the file of [maps] places.",
            )
        )
    return matched, problems


def code_column(frame: gpd.GeoDataFrame, key: str | None, label: str) -> str:
    """Return the column of codes: the one asked for, or the first known one."""
    columns = [str(item) for item in frame.columns if item != frame.geometry.name]
    if key is not None and key in columns:
        return key
    if key is None:
        found = next((item for item in CODE_COLUMNS if item in columns), None)
        if found is not None:
            return found
    wanted = repr(key) if key else f"of codes ({', '.join(CODE_COLUMNS)})"
    raise InputError(
        f"{label} has no column {wanted} ([maps] boundary_key); it has "
        f"{', '.join(columns)}."
    )


def rings(geometry: Any) -> list[np.ndarray[Any, Any]]:  # noqa: ANN401 - shapely
    """Return the rings of a (multi)polygon as arrays of (lon, lat)."""
    parts = getattr(geometry, "geoms", [geometry])
    return [
        np.asarray(ring.coords)[:, :2]
        for part in parts
        if part.geom_type == "Polygon"
        for ring in (part.exterior, *part.interiors)
    ]
