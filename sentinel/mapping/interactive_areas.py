"""The places of the interactive map: fills, hatches as lines, key and table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentinel.disclosure.escaping import escape_text
from sentinel.mapping.areas import Area, AreaMap, class_of
from sentinel.mapping.curves import nice_steps, symbol_radius
from sentinel.mapping.lettering import short_name
from sentinel.mapping.marks import mark_path
from sentinel.mapping.style import SEQUENTIAL, class_colours

__all__ = ["area_group", "area_key", "area_table", "path_of"]

FEW_RADIUS = 7.0
SPACING = 6.0
# Areas are seen at a quarter of their size on a telephone: fewer lines, as wide.
WIDE_SPACING = 13.0
WIDE = 300


def path_of(rings: Sequence[Any]) -> str:
    """Return the SVG path of some rings."""
    return "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z" for ring in rings
    )


def area_group(at: int, layer: AreaMap) -> str:
    """Return the drawing of one round of places."""
    areas = sorted(layer.areas, key=lambda area: -_radius(area, layer))
    filled = [_polygon(area, layer) for area in areas if area.rings]
    marks = [_mark(area, layer) for area in areas if not area.rings]
    names = [
        f'<text data-layer="places" data-p="{area.x} {area.y}" '
        f'data-r="{_radius(area, layer):.1f}" '
        f'transform="translate({area.x} {area.y})">{escape_text(short_name(area.name))}'
        "</text>"
        for area in sorted(areas, key=lambda area: -(area.n or 0))
        if area.state != "few"
    ]
    return (
        f'<g class="round" data-round="{at}"{" hidden" if at else ""}>'
        f'{"".join(filled)}{"".join(marks)}<g class="names">{"".join(names)}</g></g>'
    )


def area_key(layer: AreaMap, minimum: int, quantity: str) -> str:
    """Return the key of one round of places."""
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
        lines = _lines(_box(1, y - 9, 40, 18), kind)
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
    """Return the numbers of one round of places."""
    rows = []
    for area in sorted(layer.areas, key=lambda area: area.name):
        value = "withheld" if area.value is None else f"{100 * area.value:.1f} %"
        count = "" if area.n is None or area.value is None else f"{area.n:,}"
        rows.append(
            f'<tr><td>{escape_text(area.name)}</td><td class="n">{value}</td>'
            f'<td class="n">{_interval(area)}</td><td class="n">{count}</td></tr>'
        )
    return (
        f'<details data-round="{at}"{" hidden" if at else ""}><summary>The numbers of '
        f"this map, {escape_text(layer.title)}</summary>"
        '<div class="scroll"><table><caption>Places</caption><thead><tr><th>Place</th>'
        '<th class="n">Estimate</th><th class="n">Interval</th>'
        '<th class="n">Respondents</th></tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table></div>"
        f"<p>Withheld: fewer than {minimum}, or to protect such a number.</p></details>"
    )


_SWATCH = 'width="40" height="18"'


def _radius(area: Area, layer: AreaMap) -> float:
    if area.rings:
        return 0.0
    if area.state == "few" or area.n is None:
        return FEW_RADIUS
    return max(symbol_radius(area.n, layer.largest), FEW_RADIUS - 1)


def _kind(area: Area, layer: AreaMap) -> str:
    if area.value is None:
        return "few"
    colours = class_colours(len(layer.breaks) - 1)
    return f"q{SEQUENTIAL.index(colours[class_of(area.value, layer.breaks)])}"


def _told(area: Area) -> str:
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


def _polygon(area: Area, layer: AreaMap) -> str:
    import shapely

    path = path_of(area.rings)
    pattern = ""
    if area.state != "shown":
        # Even-odd: a hole is a ring inside another.
        shape = shapely.Polygon()
        for ring in area.rings:
            part = shapely.make_valid(shapely.Polygon(ring))
            shape = shapely.symmetric_difference(shape, part)
        pattern = _pattern(shape, area, layer, WIDE_SPACING)
    return (
        f'<g class="place" {_spoken(area)}><path class="area {_kind(area, layer)}" '
        f'fill-rule="evenodd" d="{path}"/>{pattern}</g>'
    )


def _mark(area: Area, layer: AreaMap) -> str:
    import shapely

    radius = _radius(area, layer)
    pattern = ""
    if area.state == "wide":
        pattern = _pattern(shapely.Point(0, 0).buffer(radius), area, layer)
    drawn = mark_path("origin", radius)
    return (
        f'<g class="node place" {_spoken(area)} data-r="{radius:.1f}" '
        f'transform="translate({area.x} {area.y})">'
        f'<path class="mark area {_kind(area, layer)}" d="{drawn}"/>'
        f"{pattern}</g>"
    )


def _pattern(
    shape: Any,  # noqa: ANN401 - shapely
    area: Area,
    layer: AreaMap,
    spacing: float = SPACING,
) -> str:
    dark = " dark" if _kind(area, layer) in ("q3", "q4") else ""
    kind = "few" if area.state == "few" else "wide"
    return f'<path class="pattern {kind}{dark}" d="{_lines(shape, kind, spacing)}"/>'


def _lines(
    shape: Any,  # noqa: ANN401 - shapely
    kind: str,
    spacing: float = SPACING,
) -> str:
    """Return the part of a grid of diagonals, or of dots, inside a shape.

    Lines and not a pattern fill: the page refers to nothing by address.
    """
    import shapely

    left, top, right, bottom = shape.bounds
    if kind == "few":
        x, y = np.meshgrid(
            np.arange(left + 3, right, spacing), np.arange(top + 3, bottom, spacing)
        )
        inside = shapely.contains_xy(shape, x.ravel(), y.ravel())
        return "".join(
            f"M{a:.1f} {b:.1f}h0"
            for a, b in zip(x.ravel()[inside], y.ravel()[inside], strict=True)
        )
    high = bottom - top
    starts = np.arange(left - high, right, spacing)
    lines = shapely.linestrings(
        np.array([[(x, bottom), (x + high, top)] for x in starts])
    )
    parts = shapely.get_parts(shapely.intersection(lines, shape))
    return "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in part.coords)
        for part in parts
        if part.geom_type == "LineString" and not part.is_empty
    )


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
