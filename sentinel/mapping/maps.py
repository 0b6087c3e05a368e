"""Draw a study's maps: every round on a sheet, all of them in one interactive file."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel.disclosure import release_file
from sentinel.mapping.scene import Layer, build_scene
from sentinel.mapping.static_map import static_flow_map
from sentinel.mapping.style import Words

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from matplotlib.figure import Figure

    from sentinel.disclosure import ProtectedFlows

__all__ = ["MapFile", "draw_maps", "save_figure"]

FORMATS = ("svg", "png")
PNG_DPI = 180
INTERACTIVE = "flow_map.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFile:
    """A written file.

    Attributes
    ----------
    path : Path
    format : str
        "svg", "png", "pdf" or "html".
    round_id : str
        Empty for the interactive map, which holds all rounds.
    title, alt : str
        Heading, and what the picture shows for those who cannot see it.
    """

    path: Path
    format: str
    round_id: str
    title: str
    alt: str


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
        As `read_boundaries` returns it.
    top_flows : int
        Legs drawn with their width; others are thin and grey.

    Returns
    -------
    list of MapFile
        ``flow_map_<round>.svg`` and ``.png`` of every round, and ``flow_map.html``.

    Raises
    ------
    InputError
        If no place of the flows has coordinates.
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
    scene = draw()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for overview in scene.layers:
        # Each sheet shows the ground that its own round needs.
        sheet = draw(focus=overview.round_id)
        layer = next(
            item for item in sheet.layers if item.round_id == overview.round_id
        )
        figure = static_flow_map(sheet, layer, words, top_flows=top_flows)
        stem = re.sub(r"[^A-Za-z0-9]+", "_", layer.round_id).strip("_") or "round"
        for kind in FORMATS:
            path = folder / f"flow_map_{stem}.{kind}"
            save_figure(figure, path)
            written.append(_file(path, layer, words))
    page = folder / INTERACTIVE
    content = interactive_map(scene, words, top_flows=top_flows)
    release_file(page, content, allowed=(words.source, words.title, *words.notes))
    written.append(
        MapFile(
            path=page,
            format="html",
            round_id="",
            title=words.title,
            alt="Interactive map of all rounds; opens offline.",
        )
    )
    return written


def save_figure(figure: Figure, path: Path) -> None:
    """Release a figure whose bytes depend on nothing but the figure.

    Parameters
    ----------
    figure : Figure
    path : Path
        Ending in .svg, .png or .pdf.
    """
    import matplotlib as mpl

    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    kind = path.suffix.lstrip(".")
    drawn = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "sentinel", "svg.fonttype": "path"}):
        figure.savefig(drawn, format=kind, dpi=PNG_DPI, metadata=dates.get(kind))
    content = drawn.getvalue()
    release_file(path, content.decode("utf-8") if kind == "svg" else content)


def _file(path: Path, layer: Layer, words: Words) -> MapFile:
    largest = "; ".join(
        f"{leg.start.name} to {leg.end.name}, {leg.n:,}" for leg in layer.legs[:5]
    )
    return MapFile(
        path=path,
        format=path.suffix.lstrip("."),
        round_id=layer.round_id,
        title=f"{words.title}: {layer.title}",
        alt=(
            f"Map of the ways of {layer.n:,} respondents from home province by border "
            f"crossing to destination province, {layer.title}. Largest: {largest}."
        ),
    )
