"""Printed maps of places: prevalence with its uncertainty, hotspots and clusters."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sentinel.mapping.area_shapes import cluster_outline, outline_corner
from sentinel.mapping.areas import Area, AreaMap, class_of
from sentinel.mapping.curves import nice_steps, symbol_radius
from sentinel.mapping.lettering import Box, place_labels, short_name
from sentinel.mapping.plane import WIDTH
from sentinel.mapping.scene import Scene
from sentinel.mapping.sheet import (
    LEGEND,
    LETTERS,
    Pen,
    draw_background_names,
    draw_ground,
    draw_rings,
    draw_scale_bar,
    new_sheet,
)
from sentinel.mapping.style import (
    CATEGORIES,
    CLUSTER_LINE,
    FEW_HATCH,
    GROUND,
    INK,
    MUTED,
    NO_DATA,
    SEQUENTIAL,
    WIDE_HATCH,
    Words,
    class_colours,
    line_of,
    stands_out,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sentinel.mapping.areas import Cluster

__all__ = ["area_legend", "draw_areas", "static_area_map"]

MOST_LABELS = 30
FEW_RADIUS = 7.0
CATEGORY_RADIUS = 13.0
EDGE = "#5b6670"


def static_area_map(
    scene: Scene,
    layer: AreaMap,
    words: Words,
    *,
    quantity: str = "Prevalence",
) -> Figure:
    """Draw one round.

    Parameters
    ----------
    scene : Scene
        As `area_scene` returns it.
    layer : AreaMap
        As `area_layers` returns it: of estimates or of categories.
    words : Words
    quantity : str
        What the values are, for the key.

    Returns
    -------
    Figure
        Write it with `save_figure`.
    """
    figure, pen = new_sheet(
        (WIDTH + LEGEND, scene.height),
        words,
        line_of(layer.title or quantity, layer.period),
        layer.notes,
    )
    draw_areas(pen, scene, layer)
    area_legend(pen, scene, layer, quantity=quantity)
    return figure


def draw_areas(pen: Pen, scene: Scene, layer: AreaMap) -> None:
    """Draw the map of one round without its key."""
    frame = draw_ground(pen, scene)
    for area in sorted(layer.areas, key=lambda area: -_radius(area, layer)):
        style = _style(area, layer)
        if area.rings:
            draw_rings(pen, area.rings, frame, linewidth=1.2, **style, zorder=4)
        else:
            _circle(pen, (area.x, area.y), _radius(area, layer), style)
    badges = _encircle(pen, scene, layer)
    _names(pen, scene, layer, badges)
    draw_scale_bar(pen, scene)


def _style(area: Area, layer: AreaMap) -> dict[str, Any]:
    style: dict[str, Any] = {"edgecolor": EDGE, "facecolor": "white"}
    if area.state == "few":
        return {**style, "hatch": FEW_HATCH}
    if area.value is not None:
        colours = class_colours(len(layer.breaks) - 1)
        at = class_of(area.value, layer.breaks)
        style["facecolor"] = colours[at]
        if area.state == "wide":
            # The hatch takes the colour of the edge, and must show on dark classes.
            style["hatch"] = WIDE_HATCH
            style["edgecolor"] = "white" if colours[at] in SEQUENTIAL[3:] else EDGE
        return style
    category = CATEGORIES.get(area.category)
    if category is None:
        return style
    edge = "white" if category.hatch and category.is_dark else EDGE
    return {
        **style,
        "facecolor": category.colour,
        "hatch": category.hatch,
        "edgecolor": edge,
    }


def _radius(area: Area, layer: AreaMap) -> float:
    if area.state == "few":
        return FEW_RADIUS
    if area.value is None or area.n is None:
        return CATEGORY_RADIUS if stands_out(area.category) else FEW_RADIUS + 1
    return max(symbol_radius(area.n, layer.largest), FEW_RADIUS - 1)


def _circle(
    pen: Pen, at: tuple[float, float], radius: float, style: dict[str, Any]
) -> None:
    from matplotlib.patches import Circle

    options = {"linewidth": pen.points(1.4), "zorder": 6, **style}
    pen.axes.add_patch(Circle(at, radius, **options))


def _encircle(pen: Pen, scene: Scene, layer: AreaMap) -> list[Box]:
    """Draw a line round the members of each cluster; return where their numbers are."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    badges = []
    for number, cluster in enumerate(layer.clusters, start=1):
        rings = cluster_outline(layer, cluster, scene.height).rings
        if not rings:
            continue
        pen.axes.add_patch(
            PathPatch(
                Path.make_compound_path(*(Path(ring, closed=True) for ring in rings)),
                facecolor="none",
                edgecolor=CLUSTER_LINE,
                linewidth=pen.points(3.0),
                linestyle="-" if number == 1 else (0, (4, 2)),
                zorder=9,
            )
        )
        x, y = outline_corner(rings)
        size = pen.letters
        x, y = max(x, size), max(y, size)
        _circle(pen, (x, y), 0.8 * size, {"facecolor": CLUSTER_LINE, "zorder": 13})
        label = {"ha": "center", "color": "white", "weight": "bold", "zorder": 14}
        pen.text(x, y, str(number), size, **label)
        badges.append(Box.about(x, y, 0.8 * size))
    return badges


def _names(pen: Pen, scene: Scene, layer: AreaMap, badges: Sequence[Box]) -> None:
    from matplotlib.patheffects import withStroke

    told = [area for area in layer.areas if area.state != "few"]
    told.sort(key=lambda area: (not stands_out(area.category), -(area.n or 0)))
    symbols = [
        Box.about(area.x, area.y, _radius(area, layer))
        for area in layer.areas
        if not area.rings
    ]
    symbols += badges
    labels = place_labels(
        [
            (
                area.code,
                short_name(area.name),
                area.x,
                area.y,
                0.0 if area.rings else _radius(area, layer),
            )
            for area in told[:MOST_LABELS]
        ],
        size=pen.letters,
        frame=Box(4, 4, WIDTH - 4, scene.height - 34),
        symbols=symbols,
    )
    halo = withStroke(linewidth=pen.points(4.5), foreground="white", alpha=0.9)
    sides = {"start": "left", "end": "right", "middle": "center"}
    for label in labels:
        style = {"ha": sides[label.anchor], "path_effects": [halo], "zorder": 12}
        pen.text(label.x, label.y, label.text, pen.letters, **style)
    areas = [Box.about(area.x, area.y, 14.0) for area in layer.areas if area.rings]
    taken = [*symbols, *areas, *(item.box for item in labels)]
    draw_background_names(pen, scene, taken, {area.code for area in layer.areas})


def area_legend(
    pen: Pen,
    scene: Scene,
    layer: AreaMap,
    *,
    quantity: str = "Prevalence",
    several: bool = False,
) -> None:
    """Draw the key beside the map, or beside several of one scale."""
    left, y = WIDTH + 26.0, 12.0
    if layer.breaks:
        y = _class_legend(pen, layer, left, y, quantity, several=several)
    if layer.category_counts():
        y = _category_legend(pen, layer, left, y, several=several)
    swatch = _swatcher(pen, left)
    few = f"fewer than {scene.minimum_cell}, or withheld"
    if several or any(area.state == "few" for area in layer.areas):
        y = swatch(y + 30, {"facecolor": "white", "hatch": FEW_HATCH}, few)
    if scene.outlines:
        swatch(y + 30, {"facecolor": GROUND}, "not filled: no data")
    else:
        dot: dict[str, Any] = {"ms": pen.points(3.4), "mec": "none", "mfc": NO_DATA}
        pen.axes.plot(left + 20, y + 30, "o", **dot)
        pen.text(left + 54, y + 30, "no data", LETTERS)
    y += 62
    if layer.breaks and not all(area.rings for area in layer.areas):
        y = _size_legend(pen, layer, left, y)
    if layer.clusters and not several:
        _cluster_legend(pen, layer.clusters, left, y)


def _swatcher(pen: Pen, left: float) -> Callable[[float, dict[str, Any], str], float]:
    from matplotlib.patches import Rectangle

    def swatch(y: float, style: dict[str, Any], text: str) -> float:
        options = {"edgecolor": EDGE, "linewidth": pen.points(1.2), **style}
        pen.axes.add_patch(Rectangle((left, y - 10), 40, 20, **options))
        for row, line in enumerate(textwrap.wrap(text, 28)):
            pen.text(left + 54, y + 18 * row, line, LETTERS)
        return y + 18 * row

    return swatch


def _class_legend(
    pen: Pen, layer: AreaMap, left: float, y: float, quantity: str, *, several: bool
) -> float:
    words = quantity if several else f"{quantity} (number of places)"
    for row, line in enumerate(textwrap.wrap(words, 32)):
        y += 20 * bool(row)
        pen.text(left, y, line, LETTERS, weight="bold")
    swatch = _swatcher(pen, left)
    counts = [0] * (len(layer.breaks) - 1)
    for area in layer.areas:
        if area.value is not None:
            counts[class_of(area.value, layer.breaks)] += 1
    colours = class_colours(len(counts))
    for at, (low, high) in enumerate(
        zip(layer.breaks[:-1], layer.breaks[1:], strict=True)
    ):
        number = "" if several else f"   ({counts[at]})"
        text = f"{100 * low:.4g} to {100 * high:.4g} %{number}"
        y = swatch(y + 26, {"facecolor": colours[at]}, text)
    if several or any(area.state == "wide" for area in layer.areas):
        style = {"facecolor": SEQUENTIAL[1], "hatch": WIDE_HATCH}
        y = swatch(y + 32, style, "hatched: uncertain, CV over 30 %")
    return y


def _category_legend(
    pen: Pen, layer: AreaMap, left: float, y: float, *, several: bool
) -> float:
    for row, line in enumerate(textwrap.wrap(layer.heading, 32)):
        y += 20 * bool(row)
        pen.text(left, y, line, LETTERS, weight="bold")
    swatch = _swatcher(pen, left)
    counts = layer.category_counts()
    for name, category in CATEGORIES.items():
        if counts.get(name):
            style: dict[str, Any] = {"facecolor": category.colour}
            if category.hatch:
                edge = "white" if category.is_dark else EDGE
                style |= {"hatch": category.hatch, "edgecolor": edge}
            number = "" if several else f"   ({counts[name]})"
            y = swatch(y + 27, style, f"{category.label}{number}")
    return y


def _size_legend(pen: Pen, layer: AreaMap, left: float, y: float) -> float:
    pen.text(left, y, "Respondents at a place", LETTERS, weight="bold")
    for value in nice_steps(layer.largest, 3):
        radius = max(symbol_radius(value, layer.largest), FEW_RADIUS - 1)
        y += radius + 10
        style = {"facecolor": "white", "edgecolor": EDGE}
        _circle(pen, (left + 21, y), radius, style)
        pen.text(left + 54, y, f"{value:,.0f}", LETTERS)
        y += radius
    return y + 32


def _cluster_legend(
    pen: Pen, clusters: Sequence[Cluster], left: float, y: float
) -> None:
    pen.text(left, y, "Clusters (encircled members)", LETTERS, weight="bold")
    for number, cluster in enumerate(clusters, start=1):
        y += 26
        for row, line in enumerate(textwrap.wrap(f"{number}  {cluster.told}", 34)):
            y += 18 * bool(row)
            color = INK if row == 0 else MUTED
            pen.text(left, y, line, LETTERS, color=color)
