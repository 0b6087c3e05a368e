"""Draw a study's maps: every round on a sheet, all of them in one interactive file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estimators.errors import InputError
from sentinel.disclosure import release_file
from sentinel.disclosure.flows import ALL_ROUNDS
from sentinel.mapping.areas import AreaMap, area_layers
from sentinel.mapping.flow_tests import (
    FlowFinding,
    find_flow_clusters,
    standing_layer,
)
from sentinel.mapping.multiples import small_multiples
from sentinel.mapping.place_tests import judged_layers
from sentinel.mapping.sankey import SECTOR_STAGES, route_bands, sankey, sector_bands
from sentinel.mapping.saving import SHEETS, MapFile, file_stem, save_sheets
from sentinel.mapping.scene import Layer, Scene, build_scene
from sentinel.mapping.static_map import draw_flows, flow_legend, static_flow_map
from sentinel.mapping.style import Words, line_of

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from matplotlib.figure import Figure

    from sentinel.disclosure import ProtectedFlows
    from sentinel.mapping.place_tests import PlaceTest
    from sentinel.study.config import SheetFormat

__all__ = ["draw_maps", "draw_sectors"]

INTERACTIVE = "flow_map.html"
KINDS = ("routes", "sankey", "rounds", "flows", "interactive")


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
    tests: Mapping[str, Sequence[PlaceTest]] | None = None,
    formats: Sequence[SheetFormat] = SHEETS,
    rng: int | None = None,
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
    kinds : collection of {"routes", "sankey", "rounds", "flows", "interactive"}
        A map of each round; bands of all rounds together, or of each that `rounds`
        names; the rounds side by side; of each round the ways that stand out; the
        file.
    estimates : mapping of title to DataFrame, optional
        Protected estimates by place (see `area_layers`), for the interactive file.
    tests : mapping of title to sequence of PlaceTest, optional
        Which places stand out, as `find_hotspots` returns it; for the same file.
    formats : sequence of {"svg", "png", "pdf"}
        Of the printed sheets.
    rng : int, optional
        Of the draws that ways are judged by.

    Returns
    -------
    list of MapFile
        ``flow_map_<round>`` of every round and of all together,
        ``flow_clusters_<round>`` where ways stand out, ``sankey_all_rounds`` and
        ``flow_map_rounds`` in every format; and ``flow_map.html``.

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
    judged = tests or {}
    frames = [
        *(estimates or {}).values(),
        *(one.table for found in judged.values() for one in found),
    ]
    shown = {str(code) for frame in frames for code in frame["place"]}
    scene = _only(draw(), rounds)
    find = partial(
        find_flow_clusters, flows, places, minimum_cell=minimum_cell, rng=rng
    )
    standing = _judge_ways(scene, find) if "flows" in kinds else {}
    written = []
    for overview in scene.layers:
        # Each sheet shows the ground that its own round needs.
        sheet = draw(focus=overview.round_id)
        layer = _noted(
            next(item for item in sheet.layers if item.round_id == overview.round_id),
            standing,
        )
        # Bands need no ground: all rounds together say it, where there are several.
        pooled = scene.layers[-1].round_id != ALL_ROUNDS or layer.round_id == ALL_ROUNDS
        drawn = set(kinds) - (set() if pooled else {"sankey"})
        found = standing.get(layer.round_id, ([], ""))[0]
        for name, figure, told in _sheets(sheet, layer, words, found, drawn, top_flows):
            path = folder / f"{name}_{file_stem(layer.round_id)}"
            written += save_sheets(figure, path, layer.round_id, told, formats)
    panels = [layer for layer in scene.layers if layer.round_id != ALL_ROUNDS]
    if "rounds" in kinds and len(panels) > 1:
        figure = _flow_rounds(scene, panels, words, top_flows)
        titled = ", ".join(layer.title for layer in panels)
        told = (f"{words.title}: the rounds", f"Maps of the rounds {titled}.")
        written += save_sheets(figure, folder / "flow_map_rounds", "", told, formats)
    if "interactive" in kinds:
        # One frame for the places of all choices of the switch.
        scene = _with_ways(_only(draw(also=shown), rounds), standing)
        areas = _all_places(
            estimates or {},
            judged,
            places=places,
            scene=scene,
            titles=titles,
            periods=periods,
            boundaries=boundaries,
        )
        page = folder / INTERACTIVE
        content = interactive_map(scene, words, top_flows=top_flows, areas=areas)
        release_file(page, content, allowed=(words.source, words.title, *words.notes))
        alt = "Interactive map of all rounds; opens offline."
        written.append(
            MapFile(path=page, format="html", round_id="", title=words.title, alt=alt)
        )
    return written


def draw_sectors(
    flows: ProtectedFlows,
    sectors: pd.DataFrame,
    places: pd.DataFrame,
    words: Words,
    folder: Path,
    *,
    minimum_cell: int,
    formats: Sequence[SheetFormat] = SHEETS,
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
    formats : sequence of {"svg", "png", "pdf"}

    Returns
    -------
    list of MapFile
        ``sankey_sectors`` in every format; nothing where no count is shown.
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
    path = folder / "sankey_sectors"
    return save_sheets(figure, path, layer.round_id, told, formats)


def _all_places(
    estimates: Mapping[str, pd.DataFrame],
    judged: Mapping[str, Sequence[PlaceTest]],
    **ground: Any,  # noqa: ANN401 - as `_place_layers` takes it
) -> list[AreaMap]:
    """Return the maps of places of the interactive file, heading by heading."""
    return [
        layer
        for group in dict.fromkeys([*estimates, *judged])
        for layer in _place_layers(
            group, estimates.get(group), judged.get(group, ()), **ground
        )
    ]


def _place_layers(
    group: str,
    frame: pd.DataFrame | None,
    judged: Sequence[PlaceTest],
    *,
    places: pd.DataFrame,
    scene: Scene,
    **ground: Any,  # noqa: ANN401 - titles, periods and boundaries
) -> list[AreaMap]:
    """Return the maps that the interactive file offers under one heading."""
    named = []
    if frame is not None:
        named.append(("Estimates", area_layers(frame, places, scene.plane, **ground)))
    named += [
        (test.title, judged_layers(test, places, scene.plane, **ground))
        for test in judged
    ]
    return [
        replace(layer, group=group, title=", ".join(filter(None, (title, layer.title))))
        for title, layers in named
        for layer in layers
    ]


def _sheets(  # noqa: PLR0917 - of one round
    sheet: Scene,
    layer: Layer,
    words: Words,
    found: Sequence[FlowFinding],
    kinds: Collection[str],
    top_flows: int,
) -> Iterator[tuple[str, Figure, tuple[str, str]]]:
    """Draw the sheets of one round: name, figure, and what it shows."""
    if "routes" in kinds:
        figure = static_flow_map(sheet, layer, words, top_flows=top_flows)
        yield "flow_map", figure, _told(layer, words)
    if found:
        apart = standing_layer(layer, found)
        figure = static_flow_map(sheet, apart, words, top_flows=top_flows)
        told = (f"{words.title}: {apart.title}", " ".join(apart.notes))
        yield "flow_clusters", figure, told
    if "sankey" in kinds and layer.legs:
        yield "sankey", _sankey(layer, words), _told(layer, words)


def _judge_ways(
    scene: Scene, find: Callable[..., tuple[list[FlowFinding], str]]
) -> dict[str, tuple[list[FlowFinding], str]]:
    """Judge every round by itself: rounds at other sites have other ways."""
    rounds = [layer.round_id for layer in scene.layers]
    return {
        round_id: find(round_id=round_id)
        for round_id in rounds
        if round_id != ALL_ROUNDS or len(rounds) == 1
    }


def _noted(
    layer: Layer, standing: Mapping[str, tuple[list[FlowFinding], str]]
) -> Layer:
    """Return the layer with a note of how its ways were judged."""
    note = standing.get(layer.round_id, ([], ""))[1]
    return replace(layer, notes=(*layer.notes, *filter(None, (note,))))


def _with_ways(
    scene: Scene, standing: Mapping[str, tuple[list[FlowFinding], str]]
) -> Scene:
    """Return the scene with one more layer for each round whose ways stand out."""
    layers = [_noted(layer, standing) for layer in scene.layers]
    apart = [
        standing_layer(layer, standing[layer.round_id][0])
        for layer in layers
        if standing.get(layer.round_id, ([], ""))[0]
    ]
    return replace(scene, layers=(*layers, *apart))


def _only(scene: Scene, rounds: Collection[str]) -> Scene:
    known = [layer.round_id for layer in scene.layers]
    strange = sorted(set(rounds) - set(known))
    if strange:
        raise InputError(
            f"There are no flows of {', '.join(strange)}; there are {', '.join(known)}."
        )
    kept = [layer for layer in scene.layers if not rounds or layer.round_id in rounds]
    return replace(scene, layers=tuple(kept))


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
