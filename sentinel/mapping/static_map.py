"""The printed map: one round on one sheet, by matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sentinel.mapping.curves import Curve, flow_curve, line_width, nice_steps
from sentinel.mapping.lettering import Box, place_labels, short_name
from sentinel.mapping.marks import SQUARE, SUPPRESSED, mark_radius, node_radius
from sentinel.mapping.plane import WIDTH
from sentinel.mapping.scene import Layer, Leg, Node, Scene
from sentinel.mapping.sheet import (
    LEGEND,
    LETTERS,
    Pen,
    draw_background_names,
    draw_ground,
    draw_scale_bar,
    draw_symbol,
    new_sheet,
)
from sentinel.mapping.style import (
    CASING,
    FLOW_IN,
    FLOW_ON,
    FLOW_WORDS,
    INK,
    MUTED,
    NO_DATA,
    QUIET_FLOW,
    ROLE_LABEL,
    Words,
    line_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_flows", "flow_legend", "static_flow_map"]

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
        9.3 inches wide; write it with `save_figure`.
    """
    figure, pen = new_sheet(
        (WIDTH + LEGEND, scene.height),
        words,
        line_of(layer.title, layer.period, f"{layer.n:,} respondents"),
        layer.notes,
    )
    draw_flows(pen, scene, layer, top_flows=top_flows)
    flow_legend(pen, scene, layer, top_flows=top_flows)
    return figure


def draw_flows(pen: Pen, scene: Scene, layer: Layer, *, top_flows: int) -> None:
    """Draw the map of one round without its key."""
    draw_ground(pen, scene)
    _legs(pen, layer, top_flows)
    badges = _group_numbers(pen, layer)
    _nodes(pen, layer)
    _names(pen, scene, layer, badges)
    draw_scale_bar(pen, scene)


def _legs(pen: Pen, layer: Layer, top_flows: int) -> None:
    top = layer.top(top_flows)
    drawn = layer.legs[:top]
    for leg in layer.legs[top:]:
        _leg(pen, _curve(leg, layer, 0.9), 0.9, QUIET_FLOW, zorder=4.0)
    for order, leg in enumerate(drawn):
        # The largest lie lowest.
        colour = FLOW_ON if leg.onward else FLOW_IN
        width = line_width(leg.n, layer.largest_leg)
        curve = _curve(leg, layer, width)
        _leg(pen, curve, width, colour, zorder=5 + order / len(drawn))


def _group_numbers(pen: Pen, layer: Layer) -> list[Box]:
    """Write the number of every group on its largest leg; return where."""
    from matplotlib.patches import Circle

    largest: dict[str, Leg] = {}
    for leg in layer.legs:
        if leg.group:
            largest.setdefault(leg.group, leg)
    size = 0.9 * pen.letters
    badges = []
    for group, leg in largest.items():
        points = list(_curve(leg, layer, 2.0).points(12))
        # Away from the crossing, where names are written.
        x, y = points[7 if leg.onward else 4]
        badge = Circle((x, y), 0.75 * size, facecolor=INK, edgecolor=CASING, zorder=13)
        pen.axes.add_patch(badge)
        style = {"ha": "center", "color": "white", "weight": "bold", "zorder": 14}
        pen.text(x, y, group, size if len(group) < 3 else 0.6 * size, **style)
        badges.append(Box.about(x, y, 0.75 * size))
    return badges


def _curve(leg: Leg, layer: Layer, width: float) -> Curve:
    longest = max((_distance(item.start, item.end) for item in layer.legs), default=1.0)
    return flow_curve(
        (leg.start.x, leg.start.y),
        (leg.end.x, leg.end.y),
        width=width,
        gaps=(_keep_off(leg.start, layer) + 1.0, _keep_off(leg.end, layer) + 2.5),
        longest=longest,
    )


def _leg(pen: Pen, curve: Curve, width: float, colour: str, *, zorder: float) -> None:
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
        pen.axes.add_patch(
            PathPatch(
                path,
                facecolor="none",
                edgecolor=paint,
                alpha=alpha,
                zorder=zorder,
                linewidth=pen.points(thick),
                capstyle="butt",
            )
        )
    pen.axes.add_patch(
        Polygon(
            [curve.left, curve.tip, curve.right],
            closed=True,
            facecolor=colour,
            edgecolor=CASING,
            linewidth=pen.points(1.0),
            zorder=zorder,
            joinstyle="miter",
        )
    )


def _distance(start: Node, end: Node) -> float:
    return float(((start.x - end.x) ** 2 + (start.y - end.y) ** 2) ** 0.5)


def _keep_off(node: Node, layer: Layer) -> float:
    radius = node_radius(node, layer)
    return 1.3 * radius if node.role == "crossing" else radius


def _nodes(pen: Pen, layer: Layer) -> None:
    for node in sorted(layer.nodes, key=lambda item: -(item.n or 0)):
        radius = node_radius(node, layer)
        draw_symbol(pen, (node.x, node.y), node.role, radius, hidden=node.n is None)


def _names(pen: Pen, scene: Scene, layer: Layer, badges: Sequence[Box]) -> None:
    from matplotlib.patheffects import withStroke

    rank = {"crossing": 0, "origin": 1, "destination": 1}
    nodes = sorted(
        (node for node in layer.nodes if node.n is not None or node.role == "crossing"),
        key=lambda node: (rank[node.role], -(node.n or 0), node.code),
    )[:MOST_LABELS]
    symbols = [
        Box.about(node.x, node.y, node_radius(node, layer)) for node in layer.nodes
    ]
    symbols += badges
    labels = place_labels(
        [
            (node.role, short_name(node.name), node.x, node.y, node_radius(node, layer))
            for node in nodes
        ],
        size=pen.letters,
        frame=Box(4, 4, WIDTH - 4, scene.height - 34),
        symbols=symbols,
        lines=[
            Box.about(x, y, 5.0)
            for leg in layer.legs
            for x, y in _curve(leg, layer, 2.0).points(12)
        ],
        always=("crossing",),
    )
    halo = withStroke(linewidth=pen.points(4.5), foreground="white", alpha=0.9)
    sides = {"start": "left", "end": "right", "middle": "center"}
    for label in labels:
        bold = "bold" if label.key == "crossing" else "normal"
        pen.text(
            label.x,
            label.y,
            label.text,
            pen.letters,
            ha=sides[label.anchor],
            weight=bold,
            path_effects=[halo],
            zorder=12,
        )
    draw_background_names(pen, scene, [*symbols, *(item.box for item in labels)])


def flow_legend(pen: Pen, scene: Scene, layer: Layer, *, top_flows: int) -> None:
    """Draw the key beside the map."""
    left, y = WIDTH + 26.0, 12.0
    pen.text(left, y, "Respondents on the way", LETTERS, weight="bold")
    for value in nice_steps(layer.largest_leg, 4):
        y += 26
        width = line_width(value, layer.largest_leg)
        for x, colour in ((left, FLOW_IN), (left + 52, FLOW_ON)):
            pen.axes.plot(
                [x, x + 46],
                [y, y],
                color=colour,
                lw=pen.points(width),
                solid_capstyle="butt",
                alpha=FLOW_ALPHA,
            )
        pen.text(left + 110, y, f"{value:,.0f}", LETTERS)
    y += 26
    for row, line in enumerate(FLOW_WORDS):
        y += 20 * bool(row)
        pen.text(left, y, line, LETTERS - 2, color=MUTED)
    if rest := layer.rest_words(top_flows):
        y += 22
        pen.axes.plot([left, left + 46], [y, y], color=QUIET_FLOW, lw=pen.points(0.9))
        pen.text(left + 56, y, rest, LETTERS - 2, color=MUTED)
    y += 44
    pen.text(left, y, "Respondents at a place", LETTERS, weight="bold")
    y = _size_legend(pen, layer, left, y + 14)
    for role in ("origin", "crossing", "destination"):
        if any(node.role == role for node in layer.nodes):
            y += 32
            radius = SQUARE if role == "crossing" else 10.0
            draw_symbol(pen, (left + 16, y), role, radius, hidden=False)
            lines = textwrap.wrap(ROLE_LABEL[role], 28)
            for row, line in enumerate(lines):
                pen.text(left + 42, y + 18 * row, line, LETTERS)
            y += 18 * (len(lines) - 1)
    y += 32
    draw_symbol(pen, (left + 16, y), "origin", SUPPRESSED, hidden=True)
    pen.text(left + 42, y, f"fewer than {scene.minimum_cell}, or withheld", LETTERS)
    y += 30
    pen.axes.plot(left + 16, y, "o", ms=pen.points(3.4), mec="none", mfc=NO_DATA)
    pen.text(left + 42, y, "province that nobody named", LETTERS)


def _size_legend(pen: Pen, layer: Layer, left: float, top: float) -> float:
    """Draw nested circles and diamonds; return where they end."""
    steps = nice_steps(layer.largest_node, 3)
    if not steps:
        return top
    tallest = 2 * mark_radius("destination", steps[0], layer.largest_node)
    bottom = top + tallest
    for order, value in enumerate(steps):
        for x, role in ((left + 26, "origin"), (left + 86, "destination")):
            size = mark_radius(role, value, layer.largest_node)
            draw_symbol(pen, (x, bottom - size), role, size, hidden=False)
        y = top + 8 + 21 * order
        edge = bottom - 2 * size
        pen.axes.plot(
            [left + 86, left + 122],
            [edge, y],
            color=MUTED,
            lw=pen.points(0.9),
            zorder=7,
        )
        pen.text(left + 127, y, f"{value:,.0f}", LETTERS)
    return max(bottom, top + 8 + 21 * (len(steps) - 1))
