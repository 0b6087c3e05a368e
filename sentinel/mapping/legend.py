"""The key of the interactive map, as inline SVG that scales with its symbols."""

from __future__ import annotations

from sentinel.mapping.curves import line_width, nice_steps
from sentinel.mapping.marks import SQUARE, SUPPRESSED, mark_path, mark_radius
from sentinel.mapping.scene import Layer, Scene
from sentinel.mapping.style import FLOW_WORDS, ROLE_LABEL

__all__ = ["html_legend"]

WIDE = 300


def html_legend(scene: Scene, layer: Layer, top_flows: int) -> str:
    """Return headings and drawings for one round."""
    return (
        f"<p>Respondents on the way</p>{_lines(layer, top_flows)}"
        f"<p>Respondents at a place</p>{_sizes(layer)}{_marks(scene, layer)}"
    )


def _svg(height: float, body: list[str]) -> str:
    drawn = "".join(body)
    return f'<svg viewBox="0 0 {WIDE} {height:.0f}" aria-hidden="true">{drawn}</svg>'


def _text(x: float, y: float, text: str, *, quiet: bool = False) -> str:
    name = ' class="quiet-text"' if quiet else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{name}>{text}</text>'


def _lines(layer: Layer, top_flows: int) -> str:
    y, body = 0.0, []
    for value in nice_steps(layer.largest_leg, 4):
        y += 21
        width = line_width(value, layer.largest_leg)
        for x, kind in ((0, "in"), (50, "on")):
            body.append(
                f'<line class="wide {kind}" data-w="{width:.2f}" x1="{x}" y1="{y:.0f}" '
                f'x2="{x + 44}" y2="{y:.0f}" stroke-width="{width:.2f}"/>'
            )
        body.append(_text(104, y, f"{value:,.0f}"))
    y += 22
    for row, line in enumerate(FLOW_WORDS):
        y += 17 * bool(row)
        body.append(_text(0, y, line, quiet=True))
    if rest := layer.rest_words(top_flows):
        y += 19
        body.append(
            f'<line class="quiet" x1="0" y1="{y:.0f}" x2="44" y2="{y:.0f}" '
            'stroke-width="1"/>'
        )
        body.append(_text(52, y, rest, quiet=True))
    return _svg(y + 16, body)


def _sizes(layer: Layer) -> str:
    steps = nice_steps(layer.largest_node, 3)
    if not steps:
        return ""
    y, body = 0.0, []
    for value in steps:
        radius = mark_radius("destination", value, layer.largest_node)
        y += 2 * radius + 5
        middle = y - radius
        for x, role in ((26, "origin"), (84, "destination")):
            size = mark_radius(role, value, layer.largest_node)
            at = f"translate({x} {middle:.1f})"
            body.append(
                f'<g class="sized {role}" data-at="{at}" transform="{at}">'
                f'<path class="mark" d="{mark_path(role, size)}"/></g>'
            )
        body.append(_text(122, middle, f"{value:,.0f}"))
    return _svg(y + 8, body)


def _marks(scene: Scene, layer: Layer) -> str:
    y, body = 0.0, []
    for role in ("origin", "crossing", "destination"):
        if any(node.role == role for node in layer.nodes):
            y += 24
            size = SQUARE if role == "crossing" else 9.0
            body.append(_mark(y, role, size))
            body.append(_text(36, y, ROLE_LABEL[role]))
    y += 24
    body.append(_mark(y, "origin hidden", SUPPRESSED))
    body.append(_text(36, y, f"fewer than {scene.minimum_cell}, or withheld"))
    y += 22
    body.append(f'<circle class="dot" cx="14" cy="{y:.0f}" r="2"/>')
    body.append(_text(36, y, "province that nobody named"))
    return _svg(y + 16, body)


def _mark(y: float, role: str, radius: float) -> str:
    return (
        f'<g class="{role}" transform="translate(14 {y:.0f})"><path class="mark" '
        f'd="{mark_path(role.partition(" ")[0], radius)}"/></g>'
    )
