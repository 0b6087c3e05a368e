"""Draw a study's maps: every round on a sheet, all of them in one interactive file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.disclosure import release_file
from sentinel.disclosure.flows import ALL_ROUNDS
from sentinel.mapping.area_map import area_legend, draw_areas, static_area_map
from sentinel.mapping.areas import AreaMap, Cluster, area_layers, area_scene
from sentinel.mapping.multiples import small_multiples
from sentinel.mapping.sankey import SECTOR_STAGES, route_bands, sankey, sector_bands
from sentinel.mapping.saving import MapFile, save_sheets
from sentinel.mapping.scene import Layer, Scene, build_scene
from sentinel.mapping.static_map import draw_flows, flow_legend, static_flow_map
from sentinel.mapping.style import Words, line_of

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from matplotlib.figure import Figure

    from sentinel.disclosure import ProtectedFlows

__all__ = ["draw_area_maps", "draw_maps", "draw_sectors"]

INTERACTIVE = "flow_map.html"
KINDS = ("routes", "sankey", "rounds", "interactive")


def draw_maps(  # noqa: PLR0913 - options of one picture, all by keyword
    flows: ProtectedFlows,
    places: pd.DataFrame,
    words: Words,
    folder: Path,
    *,
    minimum_cell: int,
    titles: Mapping[str, str] | None = None,
    periods: Mapping[str, str] | None = None,
    boundaries: gpd.GeoDataFrame | None = None,
    top_flows: int = 25,
    rounds: Collection[str] = (),
    kinds: Collection[str] = KINDS,
    estimates: Mapping[str, pd.DataFrame] | None = None,
) -> list[MapFile]:
    """Write the printed maps of every round and the interactive map of all.

    Parameters
    ----------
    flows : ProtectedFlows
        As `sentinel.disclosure.protect_flows` returns them: nothing else is drawn.
    places : DataFrame
        As `load_places` returns it.
    words : Words
    folder : Path
        Created if need be.
    minimum_cell : int
        The policy's, for legend and notes.
    titles, periods : mapping of round label to text, optional
        Titles also set the order of rounds.
    boundaries : GeoDataFrame, optional
        As `match_boundaries` returns it.
    top_flows : int
        Legs drawn with their width; others are thin and grey.
    rounds : collection of str
        Rounds to draw; all, and all together, by default.
    kinds : collection of {"routes", "sankey", "rounds", "interactive"}
        A map of each round; bands of all rounds together, or of each that `rounds`
        names; the rounds side by side; the file.
    estimates : mapping of title to DataFrame, optional
        Protected estimates by place (see `area_layers`), for the interactive file.

    Returns
    -------
    list of MapFile
        ``flow_map_<round>`` of every round and of all together, ``sankey_all_rounds``
        and ``flow_map_rounds``, as SVG and PNG; and ``flow_map.html``.

    Raises
    ------
    InputError
        If no place of the flows has coordinates, or there is no such round.
    """
    from sentinel.mapping.interactive_map import interactive_map

    draw = partial(
        build_scene,
        flows,
        places,
        minimum_cell=minimum_cell,
        titles=titles,
        periods=periods,
        boundaries=boundaries,
    )
    shown = {
        str(code) for frame in (estimates or {}).values() for code in frame["place"]
    }
    scene = _only(draw(), rounds)
    written = []
    for overview in scene.layers:
        # Each sheet shows the ground that its own round needs.
        sheet = draw(focus=overview.round_id)
        layer = next(
            item for item in sheet.layers if item.round_id == overview.round_id
        )
        stem = _stem(layer.round_id)
        if "routes" in kinds:
            figure = static_flow_map(sheet, layer, words, top_flows=top_flows)
            told = _told(layer, words)
            written += save_sheets(
                figure, folder / f"flow_map_{stem}", layer.round_id, told
            )
        # Bands need no ground: all rounds together say it, where there are several.
        pooled = scene.layers[-1].round_id != ALL_ROUNDS or layer.round_id == ALL_ROUNDS
        if "sankey" in kinds and layer.legs and pooled:
            figure = _sankey(layer, words)
            told = _told(layer, words)
            written += save_sheets(
                figure, folder / f"sankey_{stem}", layer.round_id, told
            )
    panels = [layer for layer in scene.layers if layer.round_id != ALL_ROUNDS]
    if "rounds" in kinds and len(panels) > 1:
        figure = _flow_rounds(scene, panels, words, top_flows)
        titled = ", ".join(layer.title for layer in panels)
        told = (f"{words.title}: the rounds", f"Maps of the rounds {titled}.")
        written += save_sheets(figure, folder / "flow_map_rounds", "", told)
    if "interactive" in kinds:
        # One frame for the places of all choices of the switch.
        scene = _only(draw(also=shown), rounds)
        areas = [
            replace(
                layer, title=title if not layer.title else f"{title}, {layer.title}"
            )
            for title, frame in (estimates or {}).items()
            for layer in area_layers(
                frame, places, scene.plane, titles=titles, boundaries=boundaries
            )
        ]
        page = folder / INTERACTIVE
        content = interactive_map(scene, words, top_flows=top_flows, areas=areas)
        release_file(page, content, allowed=(words.source, words.title, *words.notes))
        alt = "Interactive map of all rounds; opens offline."
        written.append(
            MapFile(path=page, format="html", round_id="", title=words.title, alt=alt)
        )
    return written


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
    layers = area_layers(
        frame,
        places,
        scene.plane,
        titles=titles,
        periods=periods,
        boundaries=boundaries,
    )
    found = {
        layer.round_id: (clusters or {}).get(layer.round_id, ()) for layer in layers
    }
    written = []
    for layer in layers:
        groups = found[layer.round_id]
        figure = static_area_map(
            scene, layer, words, clusters=groups, quantity=quantity
        )
        stem = name if not layer.round_id else f"{name}_{_stem(layer.round_id)}"
        title = ": ".join(part for part in (words.title, layer.title) if part)
        told = (title, _area_alt(layer, quantity))
        written += save_sheets(figure, folder / stem, layer.round_id, told)
    if len(layers) > 1:
        figure = small_multiples(
            scene,
            [layer.title for layer in layers],
            words,
            draw=lambda pen, at: draw_areas(
                pen, scene, layers[at], clusters=found[layers[at].round_id]
            ),
            key=lambda pen: area_legend(
                pen, scene, layers[0], quantity=quantity, several=True
            ),
            subtitle=f"{quantity}: the rounds on one scale",
            notes=list(dict.fromkeys(note for layer in layers for note in layer.notes)),
        )
        told = (f"{words.title}: the rounds", _area_alt(layers[-1], quantity))
        written += save_sheets(figure, folder / f"{name}_rounds", "", told)
    return written


def draw_sectors(
    flows: ProtectedFlows,
    sectors: pd.DataFrame,
    places: pd.DataFrame,
    words: Words,
    folder: Path,
    *,
    minimum_cell: int,
) -> list[MapFile]:
    """Write the Sankey of crossings, destinations and sectors over all rounds.

    Parameters
    ----------
    flows : ProtectedFlows
    sectors : DataFrame
        ``destination, sector, n, label``: protected counts, shown ones only, of
        destinations whose number the flows show.
    places : DataFrame
        As `load_places` returns it.
    words : Words
    folder : Path
        Created if need be.
    minimum_cell : int

    Returns
    -------
    list of MapFile
        ``sankey_sectors.svg`` and ``.png``; nothing where no count is shown.
    """
    if sectors.empty:
        return []
    layer = build_scene(flows, places, minimum_cell=minimum_cell).layers[-1]
    stops, bands = sector_bands(layer, sectors)
    if not any(band.end[0] == "sector" for band in bands):
        return []
    figure = sankey(
        stops,
        bands,
        words,
        subtitle=f"{layer.title} \u00b7 {layer.n:,} respondents",
        notes=("Bars without bands: what is withheld, not stated or leads elsewhere.",),
        stages=SECTOR_STAGES,
    )
    most = sorted(bands, key=lambda band: -band.n)
    names = {(stop.stage, stop.key): stop.label for stop in stops}
    largest = "; ".join(
        f"{names[band.start]} to {names[band.end]}, {band.n:,}"
        for band in most
        if band.end[0] == "sector"
    )
    told = (words.title, f"Bands from crossing to destination to sector: {largest}.")
    return save_sheets(figure, folder / "sankey_sectors", layer.round_id, told)


def _only(scene: Scene, rounds: Collection[str]) -> Scene:
    known = [layer.round_id for layer in scene.layers]
    strange = sorted(set(rounds) - set(known))
    if strange:
        raise InputError(
            f"There are no flows of {', '.join(strange)}; there are {', '.join(known)}."
        )
    kept = [layer for layer in scene.layers if not rounds or layer.round_id in rounds]
    return replace(scene, layers=tuple(kept))


def _stem(round_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", round_id).strip("_") or "round"


def _sankey(layer: Layer, words: Words) -> Figure:
    stops, bands = route_bands(layer)
    return sankey(
        stops,
        bands,
        words,
        subtitle=line_of(layer.title, layer.period, f"{layer.n:,} respondents"),
        notes=(
            *layer.notes[:1],
            "Bars without bands: what is withheld, not stated or leads elsewhere.",
        ),
    )


def _flow_rounds(
    scene: Scene, panels: Sequence[Layer], words: Words, top_flows: int
) -> Figure:
    return small_multiples(
        scene,
        [f"{layer.title} ({layer.n:,} respondents)" for layer in panels],
        words,
        draw=lambda pen, at: draw_flows(pen, scene, panels[at], top_flows=top_flows),
        key=lambda pen: flow_legend(pen, scene, panels[0], top_flows=top_flows),
        subtitle="The rounds on one scale",
    )


def _told(layer: Layer, words: Words) -> tuple[str, str]:
    """Return the heading, and what the picture shows."""
    largest = "; ".join(
        f"{leg.start.name} to {leg.end.name}, {leg.n:,}" for leg in layer.legs[:5]
    )
    return (
        f"{words.title}: {layer.title}",
        f"Map of the ways of {layer.n:,} respondents from home province by border "
        f"crossing to destination province, {layer.title}. Largest: {largest}.",
    )


def _area_alt(layer: AreaMap, quantity: str) -> str:
    told = [area for area in layer.areas if area.value is not None]
    told.sort(key=lambda area: -(area.value or 0.0))
    largest = "; ".join(
        f"{area.name}, {100 * (area.value or 0):.0f} %" for area in told[:5]
    )
    end = f" Highest: {largest}." if largest else ""
    return f"Map of {len(layer.areas)} places: {quantity}, {layer.title}.{end}"
