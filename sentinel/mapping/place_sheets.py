"""Printed maps of places: estimates, and what stands out among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel.mapping.area_map import area_legend, draw_areas, static_area_map
from sentinel.mapping.areas import AreaMap, Cluster, area_layers, area_scene
from sentinel.mapping.multiples import small_multiples
from sentinel.mapping.place_tests import PlaceTest, judged_layers
from sentinel.mapping.saving import SHEETS, MapFile, file_stem, save_sheets
from sentinel.mapping.scene import Scene
from sentinel.mapping.style import Words, stands_out

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from sentinel.study.config import SheetFormat

__all__ = ["draw_area_maps", "draw_place_test"]


def draw_area_maps(  # noqa: PLR0913 - options of one picture, all by keyword
    frame: pd.DataFrame,
    places: pd.DataFrame,
    words: Words,
    folder: Path,
    *,
    name: str,
    minimum_cell: int,
    titles: Mapping[str, str] | None = None,
    periods: Mapping[str, str] | None = None,
    boundaries: gpd.GeoDataFrame | None = None,
    clusters: Mapping[str, Sequence[Cluster]] | None = None,
    quantity: str = "Prevalence",
    formats: Sequence[SheetFormat] = SHEETS,
) -> list[MapFile]:
    """Write the printed maps of a table of places, and its rounds side by side.

    Parameters
    ----------
    frame : DataFrame
        Protected estimates or categories (see `area_layers`).
    places : DataFrame
        As `load_places` returns it.
    words : Words
    folder : Path
        Created if need be.
    name : str
        Of the files.
    minimum_cell : int
    titles, periods : mapping of round label to text, optional
    boundaries : GeoDataFrame, optional
        As `match_boundaries` returns it. Places without a polygon are symbols whose
        area is the number of respondents.
    clusters : mapping of round label to sequence of Cluster, optional
        Encircled; the label is ``""`` where the table has no rounds.
    quantity : str
        What the values are, for the key.
    formats : sequence of {"svg", "png", "pdf"}

    Returns
    -------
    list of MapFile

    Raises
    ------
    InputError
        See `area_layers`; or no place has coordinates.
    """
    scene = area_scene(
        [frame], places, minimum_cell=minimum_cell, boundaries=boundaries
    )
    layers = [
        replace(layer, clusters=tuple((clusters or {}).get(layer.round_id, ())))
        for layer in area_layers(
            frame,
            places,
            scene.plane,
            titles=titles,
            periods=periods,
            boundaries=boundaries,
        )
    ]
    return _write(scene, layers, words, folder / name, quantity, formats)


def draw_place_test(  # noqa: PLR0913 - options of one picture, all by keyword
    test: PlaceTest,
    places: pd.DataFrame,
    words: Words,
    folder: Path,
    *,
    name: str,
    minimum_cell: int,
    titles: Mapping[str, str] | None = None,
    periods: Mapping[str, str] | None = None,
    boundaries: gpd.GeoDataFrame | None = None,
    formats: Sequence[SheetFormat] = SHEETS,
) -> list[MapFile]:
    """Write the printed maps of what one method found, and its rounds side by side.

    Parameters
    ----------
    test : PlaceTest
        As `find_hotspots` returns it.
    places, words, folder, name, minimum_cell, titles, periods, boundaries, formats
        As `draw_area_maps` takes them.

    Returns
    -------
    list of MapFile

    Raises
    ------
    InputError
        If no place has coordinates.
    """
    scene = area_scene(
        [test.table], places, minimum_cell=minimum_cell, boundaries=boundaries
    )
    layers = judged_layers(
        test,
        places,
        scene.plane,
        titles=titles,
        periods=periods,
        boundaries=boundaries,
    )
    return _write(scene, layers, words, folder / name, test.title, formats)


def _write(  # noqa: PLR0917 - one picture
    scene: Scene,
    layers: Sequence[AreaMap],
    words: Words,
    stem: Path,
    quantity: str,
    formats: Sequence[SheetFormat],
) -> list[MapFile]:
    written = []
    for layer in layers:
        figure = static_area_map(scene, layer, words, quantity=quantity)
        ending = f"_{file_stem(layer.round_id)}" if layer.round_id else ""
        what = quantity if layer.is_categorical else ""
        parts = (words.title, what, layer.title)
        told = (": ".join(filter(None, parts)), _alt(layer, quantity))
        path = stem.with_name(f"{stem.name}{ending}")
        written += save_sheets(figure, path, layer.round_id, told, formats)
    if len(layers) > 1:
        every = tuple(area for layer in layers for area in layer.areas)
        together = replace(layers[0], areas=every)
        figure = small_multiples(
            scene,
            [layer.title for layer in layers],
            words,
            draw=lambda pen, at: draw_areas(pen, scene, layers[at]),
            key=lambda pen: area_legend(
                pen, scene, together, quantity=quantity, several=True
            ),
            subtitle=f"{quantity}: the rounds on one scale",
            notes=list(dict.fromkeys(note for layer in layers for note in layer.notes)),
        )
        what = f": {quantity}" if layers[0].is_categorical else ""
        told = (f"{words.title}{what}: the rounds", _alt(layers[-1], quantity))
        path = stem.with_name(f"{stem.name}_rounds")
        written += save_sheets(figure, path, "", told, formats)
    return written


def _alt(layer: AreaMap, quantity: str) -> str:
    head = f"Map of {len(layer.areas)} places: {quantity}"
    head += f", {layer.title}." if layer.title else "."
    if layer.is_categorical:
        return " ".join([head, *_found(layer)])
    told = [area for area in layer.areas if area.value is not None]
    told.sort(key=lambda area: -(area.value or 0.0))
    largest = "; ".join(
        f"{area.name}, {100 * (area.value or 0):.0f} %" for area in told[:5]
    )
    return head + (f" Highest: {largest}." if largest else "")


def _found(layer: AreaMap) -> list[str]:
    """Return sentences that name the places which stand out, and the clusters."""
    kinds: dict[str, list[str]] = {}
    for area in layer.areas:
        if stands_out(area.category):
            kinds.setdefault(area.category, []).append(area.name)
    told = [
        f"{kind.capitalize()}: {', '.join(names)}." for kind, names in kinds.items()
    ]
    told += [
        f"Cluster {number}: {cluster.told}."
        for number, cluster in enumerate(layer.clusters, start=1)
    ]
    return told or ["No place stands out."]
