"""Everything wrong with the files that `[maps]` names, before a map is drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from estimators.errors import InputError
from sentinel.mapping.boundaries import (
    CODE_COLUMNS,
    SHOWN,
    as_boundaries,
    code_column,
    match_boundaries,
    open_boundaries,
)
from sentinel.mapping.gazetteer import load_places
from sentinel.schema.problems import IngestError, Problem, Problems

if TYPE_CHECKING:
    import geopandas as gpd

    from sentinel.study.config import StudyConfig

__all__ = ["check_maps"]

POLYGONS = ("Polygon", "MultiPolygon")


def check_maps(config: StudyConfig, *, codes: Collection[str] = ()) -> Problems:
    """Return every problem of the places and boundaries that a study names.

    Parameters
    ----------
    config : StudyConfig
        Files that are absent are left to the check of the study file.
    codes : collection of str
        Places of the interviews: those without a polygon are listed.

    Returns
    -------
    Problems
        Errors stop a map from being drawn; places without a polygon and polygons
        without a place are warnings.
    """
    problems = Problems()
    maps = config.maps
    if maps is None:
        return problems
    places = _places(config, problems)
    if not maps.boundaries or not config.path(maps.boundaries).is_file():
        return problems
    path, label = config.path(maps.boundaries), maps.boundaries
    problems.extend(_layers(path, label))
    try:
        frame = open_boundaries(path, label)
    except InputError as error:
        problems.add(Problem(file=label, expected="boundaries", hint=str(error)))
        return problems
    found = [*_contents(frame, maps.boundary_key, label)]
    problems.extend(found)
    if places is None or any(problem.severity == "error" for problem in found):
        return problems
    column = code_column(frame, maps.boundary_key, label)
    matched, unmatched = match_boundaries(
        as_boundaries(frame, column), places, {str(code) for code in codes}
    )
    for problem in unmatched:
        problems.add(
            Problem(
                severity="warning", file=label, column=column, value=problem.value,
                expected="a polygon for every place of the interviews",
                hint=problem.hint,
            )
        )  # fmt: skip
    problems.extend(_strange(matched, places, column, label))
    return problems


def _places(config: StudyConfig, problems: Problems) -> pd.DataFrame | None:
    own = config.maps.places if config.maps is not None else None
    if own and not config.path(own).is_file():
        return None
    try:
        return load_places(config.path(own) if own else None, name=own or "")
    except IngestError as error:
        problems.extend(error.problems)
    except InputError as error:
        problems.add(
            Problem(file=own or "", expected="a file of places", hint=str(error))
        )
    return None


def _layers(path: Path, label: str) -> Iterator[Problem]:
    """Yield what is said of a file that holds no layer of shapes, or several."""
    if path.suffix == ".parquet":
        return
    import geopandas as gpd

    try:
        layers = gpd.list_layers(path)
    except Exception:  # what cannot be opened is said when it is read
        return
    shapes = layers[layers["geometry_type"].notna()]
    if len(shapes) > 1:
        names = ", ".join(map(str, shapes["name"][:SHOWN]))
        yield Problem(
            severity="warning",
            file=label,
            value=names,
            expected="one layer",
            hint="The first is read: put the one that is meant into a file of its own.",
        )


def _contents(
    frame: gpd.GeoDataFrame, key: str | None, label: str
) -> Iterator[Problem]:
    if frame.crs is None:
        yield Problem(
            file=label,
            column=str(frame.geometry.name),
            expected="a coordinate reference system",
            hint="Write it into the file: a .prj beside a shapefile; GeoPackage and "
            "GeoJSON carry it.",
        )
    polygons = frame.geometry.geom_type.isin(POLYGONS)
    if not polygons.any():
        kinds = ", ".join(sorted(set(frame.geometry.geom_type.dropna()))) or "nothing"
        yield Problem(
            file=label,
            column=str(frame.geometry.name),
            value=kinds,
            expected="polygons",
        )
    columns = [str(name) for name in frame.columns if name != frame.geometry.name]
    try:
        column = code_column(frame, key, label)
    except InputError:
        yield Problem(
            file=label,
            column=key or "",
            expected=(
                "a column of this name ([maps] boundary_key)"
                if key
                else f"a column of codes: one of {', '.join(CODE_COLUMNS)}, or the one "
                "that [maps] boundary_key names"
            ),
            hint=f"The file has: {', '.join(columns)[:200] or 'no column'}.",
        )
        return
    yield from _codes(frame.loc[polygons, column], column, label)


def _codes(codes: pd.Series, column: str, label: str) -> Iterator[Problem]:
    texts = codes.astype("object").where(codes.notna(), "").astype("str").str.strip()
    empty = int((texts == "").sum())
    if empty:
        yield Problem(
            file=label,
            column=column,
            value=f"{empty} polygons without",
            expected="a code for every polygon",
        )
    twice = sorted(set(texts[texts.duplicated() & (texts != "")]))
    if twice:
        yield Problem(
            file=label,
            column=column,
            value=_listed(twice),
            expected="every code once",
            hint=f"Dissolve the polygons by {column} first.",
        )


def _strange(
    matched: gpd.GeoDataFrame, places: pd.DataFrame, column: str, label: str
) -> Iterator[Problem]:
    known = set(places["code"].astype("str"))
    strange = matched.loc[~matched["code"].isin(known)]
    if strange.empty:
        return
    named: Any = strange["code"].where(
        strange["name"] == "", strange["code"] + " (" + strange["name"] + ")"
    )
    yield Problem(
        severity="warning",
        file=label,
        column=column,
        value=_listed(named),
        expected="codes or names of places that are known",
        hint="They are drawn by nobody: give ISO 3166-2 codes, or the places in the "
        "file of [maps] places.",
    )


def _listed(texts: Collection[str]) -> str:
    shown = ", ".join(list(map(str, texts))[:SHOWN])
    more = len(texts) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
