"""The printed map: one round on one sheet, by matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sentinel.mapping.curves import (
    Curve,
    flow_curve,
    line_width,
    nice_steps,
)
from sentinel.mapping.lettering import Box, country_names, place_labels, short_name
from sentinel.mapping.marks import SQUARE, SUPPRESSED, mark_radius, node_radius
from sentinel.mapping.scene import WIDTH, Layer, Leg, Node, Scene
from sentinel.mapping.style import (
    CASING,
    FAINT,
    FLOW_IN,
    FLOW_ON,
    GROUND,
    INK,
    MUTED,
    NO_DATA,
    OUTLINE,
    QUIET_FLOW,
    ROLE_COLOUR,
    ROLE_LABEL,
    SEA,
    Words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["static_flow_map"]

UNITS_PER_INCH = 145.0
LEGEND = 330.0
SIDE = 14.0
LETTERS = 15.5
COUNTRY_LETTERS = 16.0
MOST_LABELS = 26
FLOW_ALPHA = 0.78


def static_flow_map(
    scene: Scene, layer: Layer, words: Words, *, top_flows: int = 25
) -> Figure:
    """Draw one round.

    Parameters
    ----------
    scene : Scene
    layer : Layer
        One of ``scene.layers``.
    words : Words
    top_flows : int
        Legs drawn with their width; others are thin and grey.

    Returns
    -------
    Figure
        9.3 inches wide; save it with the settings of `deterministic`.
    """
    from matplotlib.figure import Figure

    notes = _wrapped((*layer.notes, *words.below()), WIDTH + LEGEND, LETTERS)
    head = 92.0 + (26.0 if words.simulated else 0.0)
    foot = 22.0 + 19.0 * len(notes)
    width, height = WIDTH + LEGEND + 2 * SIDE, scene.height + head + foot
    figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH))
    figure.set_facecolor("white")
    sheet = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    sheet.set_axis_off()
    sheet.set_xlim(-SIDE, width - SIDE)
    sheet.set_ylim(scene.height + foot, -head)
    _heading(sheet, layer, words, head)
    _ground(sheet, scene, layer)
    _legs(sheet, layer, top_flows)
    _nodes(sheet, layer)
    _names(sheet, scene, layer)
    _scale_bar(sheet, scene)
    _legend(sheet, scene, layer, top_flows)
    for row, line in enumerate(notes):
        _text(sheet, 0, scene.height + 24 + 19 * row, line, LETTERS - 2.5, color=MUTED)
    return figure


def _points(units: float) -> float:
    return units * 72.0 / UNITS_PER_INCH


def _text(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    size: float,
    **options: Any,  # noqa: ANN401 - what Axes.text takes
) -> None:
    # parse_math off: a "$" in a title is a dollar.
    style = {"color": INK, "va": "center", "ha": "left", "zorder": 20, **options}
    axes.text(x, y, text, fontsize=_points(size), parse_math=False, **style)


def _heading(axes: Axes, layer: Layer, words: Words, head: float) -> None:
    top = -head + 24.0
    if words.simulated:
        _text(
            axes,
            0,
            top,
            "SIMULATED DATA - NOT A FINDING",
            15,
            weight="bold",
            color="#8a4b00",
        )
        top += 26.0
    _text(axes, 0, top, words.title, 24, weight="bold")
    parts = [layer.title, layer.period, f"{layer.n:,} respondents"]
    _text(
        axes, 0, top + 30, " · ".join(part for part in parts if part), 17, color=MUTED
    )


def _ground(axes: Axes, scene: Scene, layer: Layer) -> None:
    from matplotlib.patches import PathPatch, Rectangle
    from matplotlib.path import Path

    frame = Rectangle((0, 0), WIDTH, scene.height, facecolor=SEA, edgecolor="none")
    axes.add_patch(frame)
    shapes = [(country.rings, GROUND, 0.7) for country in scene.countries]
    if scene.outlines:
        shapes.append((scene.outlines, "none", 0.4))
    for rings, fill, edge in shapes:
        path = Path.make_compound_path(*(Path(ring, closed=True) for ring in rings))
        patch = PathPatch(
            path, facecolor=fill, edgecolor=OUTLINE, linewidth=edge, zorder=1
        )
        axes.add_patch(patch)
        patch.set_clip_path(frame)
    words = country_names(scene, layer)
    for dot in scene.dots:
        if not any(box.covers(dot.x, dot.y) for _, _, _, box in words):
            axes.plot(
                dot.x, dot.y, "o", ms=_points(3.4), mec="none", mfc=NO_DATA, zorder=2
            )
    for name, x, y, _ in words:
        _text(axes, x, y, name, COUNTRY_LETTERS, ha="center", color=FAINT, zorder=3)


def _legs(axes: Axes, layer: Layer, top_flows: int) -> None:
    drawn = layer.legs[:top_flows]
    for leg in layer.legs[top_flows:]:
        _leg(axes, _curve(leg, layer, 0.9), 0.9, QUIET_FLOW, zorder=4.0)
    for order, leg in enumerate(drawn):
        # The largest lie lowest.
        colour = FLOW_ON if leg.onward else FLOW_IN
        width = line_width(leg.n, layer.largest_leg)
        curve = _curve(leg, layer, width)
        _leg(axes, curve, width, colour, zorder=5 + order / len(drawn))


def _curve(leg: Leg, layer: Layer, width: float) -> Curve:
    longest = max((_distance(item.start, item.end) for item in layer.legs), default=1.0)
    return flow_curve(
        (leg.start.x, leg.start.y),
        (leg.end.x, leg.end.y),
        width=width,
        gaps=(_keep_off(leg.start, layer) + 1.0, _keep_off(leg.end, layer) + 2.5),
        longest=longest,
    )


def _leg(axes: Axes, curve: Curve, width: float, colour: str, *, zorder: float) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    path = Path(
        [curve.start, curve.control, curve.end],
        [Path.MOVETO, Path.CURVE3, Path.CURVE3],
    )
    for thick, paint, alpha in (
        (width + 2.4, CASING, 0.7),
        (width, colour, FLOW_ALPHA),
    ):
        axes.add_patch(
            PathPatch(
                path,
                facecolor="none",
                edgecolor=paint,
                alpha=alpha,
                zorder=zorder,
                linewidth=_points(thick),
                capstyle="butt",
            )
        )
    axes.add_patch(
        Polygon(
            [curve.left, curve.tip, curve.right],
            closed=True,
            facecolor=colour,
            edgecolor=CASING,
            linewidth=_points(1.0),
            zorder=zorder,
            joinstyle="miter",
        )
    )


def _distance(start: Node, end: Node) -> float:
    return float(((start.x - end.x) ** 2 + (start.y - end.y) ** 2) ** 0.5)


def _keep_off(node: Node, layer: Layer) -> float:
    radius = node_radius(node, layer)
    return 1.3 * radius if node.role == "crossing" else radius


def _nodes(axes: Axes, layer: Layer) -> None:
    for node in sorted(layer.nodes, key=lambda item: -(item.n or 0)):
        radius = node_radius(node, layer)
        _symbol(axes, node.x, node.y, node.role, radius, hidden=node.n is None)


def _symbol(
    axes: Axes, x: float, y: float, role: str, radius: float, *, hidden: bool
) -> None:
    from matplotlib.patches import Circle, Polygon, Rectangle

    colour = ROLE_COLOUR[role]
    style: dict[str, Any] = {
        "facecolor": colour,
        "edgecolor": "white",
        "linewidth": _points(1.6),
        "zorder": 8,
    }
    if role == "crossing":
        style |= {"edgecolor": INK, "linewidth": _points(2.6), "zorder": 9}
    if hidden:
        # Hollow and dotted: something is there, and its size is not told.
        style |= {
            "facecolor": "white",
            "linestyle": (0, (1.2, 1.1)),
            "edgecolor": INK if role == "crossing" else colour,
            "linewidth": _points(2.4),
        }
    if role == "crossing":
        axes.add_patch(
            Rectangle((x - radius, y - radius), 2 * radius, 2 * radius, **style)
        )
    elif role == "destination":
        corners = [(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)]
        axes.add_patch(Polygon(corners, closed=True, **style))
    else:
        axes.add_patch(Circle((x, y), radius, **style))


def _names(axes: Axes, scene: Scene, layer: Layer) -> None:
    from matplotlib.patheffects import withStroke

    rank = {"crossing": 0, "origin": 1, "destination": 1}
    nodes = sorted(
        (node for node in layer.nodes if node.n is not None or node.role == "crossing"),
        key=lambda node: (rank[node.role], -(node.n or 0), node.code),
    )[:MOST_LABELS]
    labels = place_labels(
        [
            (node.role, short_name(node.name), node.x, node.y, node_radius(node, layer))
            for node in nodes
        ],
        size=LETTERS,
        frame=Box(4, 4, WIDTH - 4, scene.height - 34),
        symbols=[
            Box.about(node.x, node.y, node_radius(node, layer)) for node in layer.nodes
        ],
        lines=[
            *(
                Box.about(x, y, 5.0)
                for leg in layer.legs
                for x, y in _curve(leg, layer, 2.0).points(12)
            ),
            *(box for _, _, _, box in country_names(scene, layer)),
        ],
        always=("crossing",),
    )
    halo = withStroke(linewidth=_points(4.5), foreground="white", alpha=0.9)
    sides = {"start": "left", "end": "right", "middle": "center"}
    for label in labels:
        bold = "bold" if label.key == "crossing" else "normal"
        _text(
            axes,
            label.x,
            label.y,
            label.text,
            LETTERS,
            ha=sides[label.anchor],
            weight=bold,
            path_effects=[halo],
            zorder=12,
        )


def _scale_bar(axes: Axes, scene: Scene) -> None:
    km = nice_steps(0.28 * WIDTH * scene.km_per_unit, 1)[0]
    length, y = km / scene.km_per_unit, scene.height - 18
    axes.plot([16, 16 + length], [y, y], color=INK, lw=_points(2.2), zorder=15)
    for x in (16, 16 + length):
        axes.plot([x, x], [y - 5, y + 5], color=INK, lw=_points(2.2), zorder=15)
    _text(axes, 24 + length, y, f"{km:,.0f} km", LETTERS - 2, zorder=15)


def _legend(axes: Axes, scene: Scene, layer: Layer, top_flows: int) -> None:
    left, y = WIDTH + 26.0, 12.0
    _text(axes, left, y, "Respondents on the way", LETTERS, weight="bold")
    for value in nice_steps(layer.largest_leg, 4):
        y += 26
        width = line_width(value, layer.largest_leg)
        for x, colour in ((left, FLOW_IN), (left + 52, FLOW_ON)):
            axes.plot(
                [x, x + 46],
                [y, y],
                color=colour,
                lw=_points(width),
                solid_capstyle="butt",
                alpha=FLOW_ALPHA,
            )
        _text(axes, left + 110, y, f"{value:,.0f}", LETTERS)
    y += 26
    _text(
        axes, left, y, "blue: to the crossing, orange: onward", LETTERS - 2, color=MUTED
    )
    if len(layer.legs) > top_flows:
        y += 22
        axes.plot([left, left + 46], [y, y], color=QUIET_FLOW, lw=_points(0.9))
        text = f"beyond the {top_flows} largest, not to scale"
        _text(axes, left + 56, y, text, LETTERS - 2, color=MUTED)
    y += 44
    _text(axes, left, y, "Respondents at a place", LETTERS, weight="bold")
    y = _size_legend(axes, layer, left, y + 14)
    for role in ("origin", "crossing", "destination"):
        if any(node.role == role for node in layer.nodes):
            y += 32
            radius = SQUARE if role == "crossing" else 10.0
            _symbol(axes, left + 16, y, role, radius, hidden=False)
            lines = textwrap.wrap(ROLE_LABEL[role], 28)
            for row, line in enumerate(lines):
                _text(axes, left + 42, y + 18 * row, line, LETTERS)
            y += 18 * (len(lines) - 1)
    y += 32
    _symbol(axes, left + 16, y, "origin", SUPPRESSED, hidden=True)
    _text(axes, left + 42, y, f"fewer than {scene.minimum_cell}, or withheld", LETTERS)
    y += 30
    axes.plot(left + 16, y, "o", ms=_points(3.4), mec="none", mfc=NO_DATA)
    _text(axes, left + 42, y, "province that nobody named", LETTERS)


def _size_legend(axes: Axes, layer: Layer, left: float, top: float) -> float:
    """Draw nested circles and diamonds; return where they end."""
    steps = nice_steps(layer.largest_node, 3)
    if not steps:
        return top
    tallest = 2 * mark_radius("destination", steps[0], layer.largest_node)
    bottom = top + tallest
    for order, value in enumerate(steps):
        for x, role in ((left + 26, "origin"), (left + 86, "destination")):
            size = mark_radius(role, value, layer.largest_node)
            _symbol(axes, x, bottom - size, role, size, hidden=False)
        y = top + 8 + 21 * order
        edge = bottom - 2 * size
        axes.plot(
            [left + 86, left + 122], [edge, y], color=MUTED, lw=_points(0.9), zorder=7
        )
        _text(axes, left + 127, y, f"{value:,.0f}", LETTERS)
    return max(bottom, top + 8 + 21 * (len(steps) - 1))


def _wrapped(texts: Sequence[str], width: float, size: float) -> list[str]:
    letters = int(width / (0.47 * size))
    return [line for text in texts for line in textwrap.wrap(text, letters)]
