"""The places of the interactive map: fills, hatches as lines, key and table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentinel.disclosure.escaping import escape_text
from sentinel.mapping.area_shapes import (
    cluster_outline,
    filled_shape,
    outline_corner,
)
from sentinel.mapping.areas import Area, AreaMap, class_of
from sentinel.mapping.curves import nice_steps, symbol_radius
from sentinel.mapping.hatching import SPACING, hatch_lines
from sentinel.mapping.lettering import short_name
from sentinel.mapping.marks import mark_path
from sentinel.mapping.plane import WIDTH
from sentinel.mapping.style import CATEGORIES, SEQUENTIAL, class_colours, stands_out

__all__ = ["area_group", "area_key", "area_table", "category_rules", "path_of"]

FEW_RADIUS = 7.0
CATEGORY_RADIUS = 11.0
CATEGORY_SPACING = 9.0
# Areas are seen at a quarter of their size on a telephone: fewer lines, as wide.
WIDE_SPACING = 13.0
WIDE = 300


def path_of(rings: Sequence[Any]) -> str:
    """Return the SVG path of some rings."""
    return "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z" for ring in rings
    )


def category_rules() -> str:
    """Return the style of every category of places."""
    return "".join(
        f".c{at} {{ fill: {category.colour}; }}\n"
        for at, category in enumerate(CATEGORIES.values())
    )


def area_group(at: int, layer: AreaMap, height: float) -> str:
    """Return the drawing of one round of places in a frame of a height."""
    areas = sorted(layer.areas, key=lambda area: -_radius(area, layer))
    grain = _grain(layer)
    filled = [_polygon(area, layer, grain) for area in areas if area.rings]
    marks = [_mark(area, layer) for area in areas if not area.rings]
    names = [
        f'<text data-layer="places" data-p="{area.x} {area.y}" '
        f'data-r="{_radius(area, layer):.1f}" '
        f'transform="translate({area.x} {area.y})">{escape_text(short_name(area.name))}'
        "</text>"
        for area in sorted(
            areas, key=lambda area: (not stands_out(area.category), -(area.n or 0))
        )
        if area.state != "few"
    ]
    around = _outlines(layer, height)
    return (
        f'<g class="round" data-round="{at}"{" hidden" if at else ""}>'
        f"{''.join(filled)}{''.join(marks)}{around}"
        f'<g class="names">{"".join(names)}</g></g>'
    )


def area_key(layer: AreaMap, minimum: int, quantity: str) -> str:
    """Return the key of one round of places."""
    if layer.is_categorical:
        return _category_key(layer, minimum)
    y, body = 0.0, []
    colours = class_colours(len(layer.breaks) - 1)
    limits = zip(layer.breaks[:-1], layer.breaks[1:], strict=True)
    for colour, (low, high) in zip(colours, limits, strict=False):
        y += 25
        kind = f"q{SEQUENTIAL.index(colour)}"
        body.append(f'<rect class="area {kind}" x="1" y="{y - 9:.0f}" {_SWATCH}/>')
        body.append(_text(y, f"{100 * low:.4g} to {100 * high:.4g} %"))
    for kind, text in (
        ("wide", "hatched: uncertain, CV over 30 %"),
        ("few", f"fewer than {minimum}, or withheld"),
    ):
        y += 26
        fill = "q1" if kind == "wide" else "few"
        body.append(f'<rect class="area {fill}" x="1" y="{y - 9:.0f}" {_SWATCH}/>')
        lines = hatch_lines(_box(1, y - 9, 40, 18), kind)
        body.append(f'<path class="pattern {kind}" d="{lines}"/>')
        body.append(_text(y, text))
    y += 26
    body.append(f'<circle class="dot" cx="21" cy="{y:.0f}" r="2"/>')
    body.append(_text(y, "no data"))
    key = f"<p>{escape_text(quantity)}</p>{_svg(y + 16, body)}"
    if all(area.rings for area in layer.areas):
        return key
    return f"{key}<p>Respondents at a place</p>{_sizes(layer)}"


def area_table(at: int, layer: AreaMap, minimum: int) -> str:
    """Return the numbers, or categories, of one round of places."""
    if layer.is_categorical:
        return _category_table(at, layer, minimum)
    rows = []
    for area in sorted(layer.areas, key=lambda area: area.name):
        value = "withheld" if area.value is None else f"{100 * area.value:.1f} %"
        count = "" if area.n is None or area.value is None else f"{area.n:,}"
        rows.append(
            f'<tr><td>{escape_text(area.name)}</td><td class="n">{value}</td>'
            f'<td class="n">{_interval(area)}</td><td class="n">{count}</td></tr>'
        )
    return _details(
        at,
        layer,
        minimum,
        "<table><caption>Places</caption><thead><tr><th>Place</th>"
        '<th class="n">Estimate</th><th class="n">Interval</th>'
        '<th class="n">Respondents</th></tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table>",
    )


def _details(at: int, layer: AreaMap, minimum: int, tables: str) -> str:
    return (
        f'<details data-round="{at}"{" hidden" if at else ""}><summary>The numbers of '
        f"this map, {escape_text(layer.title)}</summary>"
        f'<div class="scroll">{tables}</div>'
        f"<p>Withheld: fewer than {minimum}, or to protect such a number.</p></details>"
    )


def _category_table(at: int, layer: AreaMap, minimum: int) -> str:
    rows = []
    for area in sorted(layer.areas, key=lambda area: area.name):
        detail = area.detail.replace("\n", ", ")
        rows.append(
            f"<tr><td>{escape_text(area.name)}</td>"
            f"<td>{escape_text(_category_words(area))}</td>"
            f"<td>{escape_text(detail)}</td></tr>"
        )
    groups = [
        f"<tr><td>{number}</td><td>{escape_text(cluster.told)}</td></tr>"
        for number, cluster in enumerate(layer.clusters, start=1)
    ]
    clusters = (
        "<table><caption>Clusters</caption><thead><tr><th>Number</th><th>What it is"
        f"</th></tr></thead><tbody>{''.join(groups)}</tbody></table>"
        if groups
        else ""
    )
    return _details(
        at,
        layer,
        minimum,
        "<table><caption>Places</caption><thead><tr><th>Place</th><th>Category</th>"
        f"<th>Numbers</th></tr></thead><tbody>{''.join(rows)}</tbody></table>{clusters}",
    )


def _category_key(layer: AreaMap, minimum: int) -> str:
    y, body = 0.0, []
    counts = layer.category_counts()
    for at, (name, category) in enumerate(CATEGORIES.items()):
        if not counts.get(name):
            continue
        y += 25
        body.append(f'<rect class="area c{at}" x="1" y="{y - 9:.0f}" {_SWATCH}/>')
        lines = hatch_lines(_box(1, y - 9, 40, 18), category.hatch, CATEGORY_SPACING)
        if lines:
            dark = " dark" if category.is_dark else ""
            body.append(f'<path class="pattern{dark}" d="{lines}"/>')
        body.append(_text(y, f"{category.label} ({counts[name]})"))
    y += 26
    body.append(f'<rect class="area few" x="1" y="{y - 9:.0f}" {_SWATCH}/>')
    dots = hatch_lines(_box(1, y - 9, 40, 18), "few")
    body.append(f'<path class="pattern few" d="{dots}"/>')
    body.append(_text(y, f"fewer than {minimum}, or withheld"))
    y += 26
    body.append(f'<circle class="dot" cx="21" cy="{y:.0f}" r="2"/>')
    body.append(_text(y, "no data"))
    key = f"<p>{escape_text(layer.heading)}</p>{_svg(y + 16, body)}"
    if not layer.clusters:
        return key
    listed = "".join(
        f"<li>{escape_text(cluster.told)}</li>" for cluster in layer.clusters
    )
    return f"{key}<p>Clusters (encircled)</p><ol>{listed}</ol>"


def _category_words(area: Area) -> str:
    if area.state == "few":
        return "withheld"
    known = CATEGORIES.get(area.category)
    return area.category if known is None else known.label


def _outlines(layer: AreaMap, height: float) -> str:
    """Return the lines round clusters, each with its number."""
    drawn = []
    for number, cluster in enumerate(layer.clusters, start=1):
        outline = cluster_outline(layer, cluster, height)
        if not outline.rings:
            continue
        x, y = outline_corner(outline.rings)
        points = ";".join(f"{px} {py}" for px, py in outline.loose)
        told = escape_text(f"Cluster {number}\n{cluster.told}")
        drawn.append(
            f'<g class="cluster{"" if number == 1 else " further"}" '
            f'data-layer="clusters" data-points="{points}">'
            f'<path d="{path_of(outline.tight)}"/><path class="loose"/></g>'
            f'<g class="node badge" data-layer="clusters" tabindex="0" role="img" '
            f'aria-label="{told}" data-tip="{told}" data-p="{x} {y}" data-r="10" '
            f'transform="translate({x} {y})"><circle class="mark" r="10"/>'
            f'<text class="number">{number}</text></g>'
        )
    return "".join(drawn)


_SWATCH = 'width="40" height="18"'


def _radius(area: Area, layer: AreaMap) -> float:
    if area.rings:
        return 0.0
    if stands_out(area.category):
        return CATEGORY_RADIUS
    if area.state == "few" or area.n is None:
        return FEW_RADIUS
    return max(symbol_radius(area.n, layer.largest), FEW_RADIUS - 1)


def _kind(area: Area, layer: AreaMap) -> str:
    if area.category in CATEGORIES:
        return f"c{list(CATEGORIES).index(area.category)}"
    if area.value is None:
        return "few"
    colours = class_colours(len(layer.breaks) - 1)
    return f"q{SEQUENTIAL.index(colours[class_of(area.value, layer.breaks)])}"


def _told(area: Area) -> str:
    if area.category:
        parts = (area.name, _category_words(area), area.detail)
        return "\n".join(part for part in parts if part)
    if area.value is None:
        return f"{area.name}\nwithheld"
    told = f"{area.name}\n{100 * area.value:.1f} %"
    if area.low is not None:
        told += f" (interval {_interval(area)})"
    if area.n is not None:
        told += f"\n{area.n:,} respondents"
    return told + ("\nuncertain: CV over 30 %" if area.state == "wide" else "")


def _interval(area: Area) -> str:
    if area.value is None or area.low is None or area.high is None:
        return ""
    return f"{100 * area.low:.1f} to {100 * area.high:.1f}"


def _spoken(area: Area) -> str:
    told = escape_text(_told(area))
    return (
        f'data-layer="places" tabindex="0" role="img" aria-label="{told}" '
        f'data-tip="{told}" data-p="{area.x} {area.y}"'
    )


def _grain(layer: AreaMap) -> float:
    """Return the spacing of hatches in areas, which are seen when they fill the frame.

    The frame holds the places of all choices; areas may fill little of it.
    """
    points = np.array(
        [ring_point for area in layer.areas for ring_point in _ends(area)]
    )
    if not points.size:
        return WIDE_SPACING
    return WIDE_SPACING * min(1.0, 1.2 * float(np.ptp(points, axis=0).max()) / WIDTH)


def _ends(area: Area) -> list[tuple[float, float]]:
    return [
        (float(x), float(y))
        for ring in area.rings
        for x, y in (ring.min(axis=0), ring.max(axis=0))
    ]


def _polygon(area: Area, layer: AreaMap, spacing: float) -> str:
    path = path_of(area.rings)
    pattern = ""
    if _hatch(area):
        pattern = _pattern(filled_shape(area.rings), area, layer, spacing)
    return (
        f'<g class="place" {_spoken(area)}><path class="area {_kind(area, layer)}" '
        f'fill-rule="evenodd" d="{path}"/>{pattern}</g>'
    )


def _mark(area: Area, layer: AreaMap) -> str:
    import shapely

    radius = _radius(area, layer)
    pattern = ""
    if area.state != "few" and _hatch(area):
        spacing = SPACING if area.value is not None else CATEGORY_SPACING
        pattern = _pattern(shapely.Point(0, 0).buffer(radius), area, layer, spacing)
    drawn = mark_path("origin", radius)
    return (
        f'<g class="node place" {_spoken(area)} data-r="{radius:.1f}" '
        f'transform="translate({area.x} {area.y})">'
        f'<path class="mark area {_kind(area, layer)}" d="{drawn}"/>'
        f"{pattern}</g>"
    )


def _hatch(area: Area) -> str:
    """Return what tells a place apart in grey: few, wide or a category's hatch."""
    if area.state != "shown":
        return area.state
    category = CATEGORIES.get(area.category)
    return "" if category is None else category.hatch


def _pattern(
    shape: Any,  # noqa: ANN401 - shapely
    area: Area,
    layer: AreaMap,
    spacing: float = SPACING,
) -> str:
    category = CATEGORIES.get(area.category)
    is_dark = (
        _kind(area, layer) in ("q3", "q4") if category is None else (category.is_dark)
    )
    kind = "few" if area.state == "few" else "wide"
    # Dots are denser, so that small areas hold some.
    lines = hatch_lines(shape, _hatch(area), spacing * (0.6 if kind == "few" else 1))
    return f'<path class="pattern {kind}{" dark" if is_dark else ""}" d="{lines}"/>'


def _box(x: float, y: float, width: float, height: float) -> Any:  # noqa: ANN401
    import shapely

    return shapely.box(x, y, x + width, y + height)


def _svg(height: float, body: list[str]) -> str:
    drawn = "".join(body)
    return f'<svg viewBox="0 0 {WIDE} {height:.0f}" aria-hidden="true">{drawn}</svg>'


def _text(y: float, text: str) -> str:
    return f'<text x="52" y="{y:.0f}">{escape_text(text)}</text>'


def _sizes(layer: AreaMap) -> str:
    y, body = 0.0, []
    for value in nice_steps(layer.largest, 3):
        radius = max(symbol_radius(value, layer.largest), FEW_RADIUS - 1)
        y += radius + 6
        at = f"translate(22 {y:.1f})"
        body.append(
            f'<g class="sized" data-at="{at}" transform="{at}"><path class="mark area" '
            f'd="{mark_path("origin", radius)}"/></g>'
        )
        body.append(_text(y, f"{value:,.0f}"))
        y += radius
    return _svg(y + 8, body)
