"""The interactive map: one HTML file that needs nothing else and asks for nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from sentinel.disclosure.escaping import escape_text
from sentinel.mapping.curves import line_width
from sentinel.mapping.interactive_areas import (
    area_group,
    area_key,
    area_table,
    category_rules,
    path_of,
)
from sentinel.mapping.legend import html_legend
from sentinel.mapping.lettering import name_spots, short_name
from sentinel.mapping.marks import SQUARE, mark_path, node_radius
from sentinel.mapping.plane import WIDTH
from sentinel.mapping.scene import Layer, Leg, Node, Scene
from sentinel.mapping.style import ROLE_LABEL, line_of

if TYPE_CHECKING:
    from sentinel.mapping.areas import AreaMap
    from sentinel.mapping.ground import Country
    from sentinel.mapping.style import Words

__all__ = ["interactive_map"]

TEMPLATES = Path(__file__).resolve().parent / "templates"
SWITCHES = {
    "in": "Ways to the crossing",
    "on": "Ways onward",
    "origin": "Home provinces",
    "crossing": "Crossings",
    "destination": "Destinations",
    "places": "Places and their estimates",
    "clusters": "Outlines of clusters",
    "names": "Names",
    "dots": "Other provinces",
}
QUIET_WIDTH = 0.9


def interactive_map(
    scene: Scene,
    words: Words,
    *,
    top_flows: int = 25,
    areas: Sequence[AreaMap] = (),
    quantity: str = "Prevalence",
) -> str:
    """Return the page.

    Parameters
    ----------
    scene : Scene
        Made of protected flows; its rounds become a switch.
    words : Words
    top_flows : int
        Legs drawn with their width; others are thin and grey.
    areas : sequence of AreaMap
        Maps of places in the plane of the scene, each one more choice of the switch.
    quantity : str
        What their values are.

    Returns
    -------
    str
        HTML with its own style and script, named by their hashes in a
        Content-Security-Policy that allows nothing else. Text is escaped. Pan and zoom
        by mouse, touch and keyboard; every symbol and line can be focused and says what
        it stands for; a table of the same numbers lies below; it prints.
    """
    style = (TEMPLATES / "map.css").read_text(encoding="utf-8") + category_rules()
    script = (TEMPLATES / "map.js").read_text(encoding="utf-8")
    layers = list(enumerate(scene.layers))
    maps = list(enumerate(areas, start=len(layers)))
    choices = [
        ("Ways" if layer.standing is None else "Ways that stand out", layer.title)
        for _, layer in layers
    ]
    choices += [(layer.group or "Places", layer.title) for _, layer in maps]
    page = Template((TEMPLATES / "map.html").read_text(encoding="utf-8"))
    return page.substitute(
        style=style,
        script=script,
        style_hash=_digest(style),
        script_hash=_digest(script),
        title=escape_text(words.title),
        banner=_banner(words),
        subtitles=_join(
            [_subtitle(at, layer) for at, layer in layers]
            + [_area_subtitle(at, layer) for at, layer in maps]
        ),
        width=f"{WIDTH:.0f}",
        height=f"{scene.height:.0f}",
        alt=escape_text(f"{words.title}. Arrow keys move, plus and minus zoom."),
        longest=f"{_longest(scene):.1f}",
        km=f"{scene.km_per_unit:.5f}",
        ground=_ground(scene),
        dots=_join(
            f'<circle cx="{dot.x:.1f}" cy="{dot.y:.1f}" r="1.7"/>' for dot in scene.dots
        ),
        countries=_join(_country(country, scene) for country in scene.countries),
        rounds=_join(
            [_round(at, layer, words, top_flows) for at, layer in layers]
            + [area_group(at, layer, scene.height) for at, layer in maps]
        ),
        round_choices=_round_choices(choices),
        layer_choices=_layer_choices(scene, areas),
        legends=_join(
            f'<div class="legend" data-round="{at}"{_hidden(at)}>{key}</div>'
            for at, key in [
                *((at, html_legend(scene, layer, top_flows)) for at, layer in layers),
                *(
                    (at, area_key(layer, scene.minimum_cell, quantity))
                    for at, layer in maps
                ),
            ]
        ),
        notes=_notes((*scene.layers, *areas), words),
        tables=_join(
            [_tables(at, layer, scene.minimum_cell) for at, layer in layers]
            + [area_table(at, layer, scene.minimum_cell) for at, layer in maps]
        ),
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _join(parts: Iterable[str]) -> str:
    return "\n".join(parts)


def _hidden(at: int) -> str:
    return " hidden" if at else ""


def _banner(words: Words) -> str:
    if not words.simulated:
        return ""
    return '<p class="banner" role="note">Simulated data, not a finding</p>'


def _subtitle(at: int, layer: Layer) -> str:
    text = escape_text(line_of(layer.title, layer.period, f"{layer.n:,} respondents"))
    return f'<p class="subtitle" data-round="{at}"{_hidden(at)}>{text}</p>'


def _area_subtitle(at: int, layer: AreaMap) -> str:
    text = escape_text(line_of(layer.group, layer.title, layer.period))
    return f'<p class="subtitle" data-round="{at}"{_hidden(at)}>{text}</p>'


def _longest(scene: Scene) -> float:
    lengths = [
        ((leg.start.x - leg.end.x) ** 2 + (leg.start.y - leg.end.y) ** 2) ** 0.5
        for layer in scene.layers
        for leg in layer.legs
    ]
    return max(lengths, default=1.0)


def _country(country: Country, scene: Scene) -> str:
    """Return a country's name and the places where the script may put it."""
    spots = [f"{x:.0f} {y:.0f}" for x, y in name_spots(country, scene)]
    if not country.name or not spots:
        return ""
    return (
        f'<text data-p="{";".join(spots)}" transform="translate({spots[0]})">'
        f"{escape_text(country.name.upper())}</text>"
    )


def _ground(scene: Scene) -> str:
    shapes = [("land", country.rings) for country in scene.countries]
    if scene.outlines:
        shapes.append(("outline", scene.outlines))
    return _join(
        f'<path class="{name}" fill-rule="evenodd" d="{path_of(rings)}"/>'
        for name, rings in shapes
    )


def _round(at: int, layer: Layer, words: Words, top_flows: int) -> str:
    top = layer.top(top_flows)
    legs = [_leg(leg, layer, words, quiet=True) for leg in layer.legs[top:]]
    legs += [_leg(leg, layer, words, quiet=False) for leg in layer.legs[:top]]
    nodes = sorted(layer.nodes, key=lambda node: -(node.n or 0))
    drawn = [_node(node, layer, words) for node in nodes]
    # Crossings first: they are what a reader looks for. Names lie over all symbols.
    nodes.sort(key=lambda node: node.role != "crossing")
    names = f'<g class="names">{_join(_name(node, layer) for node in nodes)}</g>'
    return (
        f'<g class="round" data-round="{at}"{_hidden(at)}>'
        f"{_join(legs)}{_join(drawn)}{names}</g>"
    )


def _leg(leg: Leg, layer: Layer, words: Words, *, quiet: bool) -> str:
    width = QUIET_WIDTH if quiet else line_width(leg.n, layer.largest_leg)
    kind = "on" if leg.onward else "in"
    start, end = leg.start, leg.end
    told = f"{start.name} to {end.name}\n{leg.n:,} respondents"
    told += words.stands_for(leg.weight)
    told += f"\nstands out: group {leg.group}" if leg.group else ""
    return (
        f'<g class="leg {kind}{" quiet" if quiet else ""}" data-layer="{kind}" '
        f'tabindex="0" role="img" aria-label="{escape_text(told)}" '
        f'data-tip="{escape_text(told)}" '
        f'data-p="{start.x} {start.y} {end.x} {end.y}" '
        f'data-r="{_keep_off(start, layer):.1f} {_keep_off(end, layer):.1f}" '
        f'data-w="{width:.2f}"><path class="case"/><path class="line"/>'
        '<path class="hit"/><path class="head"/></g>'
    )


def _keep_off(node: Node, layer: Layer) -> float:
    radius = node_radius(node, layer)
    return 1.3 * radius if node.role == "crossing" else radius


def _node(node: Node, layer: Layer, words: Words) -> str:
    radius = SQUARE if node.role == "crossing" else node_radius(node, layer)
    count = "number withheld" if node.n is None else f"{node.n:,} respondents"
    told = f"{node.name}\n{ROLE_LABEL[node.role]}: {count}"
    told += words.stands_for(node.weight)
    hidden = " hidden" if node.n is None else ""
    return (
        f'<g class="node {node.role}{hidden}" data-layer="{node.role}" tabindex="0" '
        f'role="img" aria-label="{escape_text(told)}" data-tip="{escape_text(told)}" '
        f'data-p="{node.x} {node.y}" data-r="{radius:.1f}" '
        f'transform="translate({node.x} {node.y})">'
        f'<path class="mark" d="{mark_path(node.role, radius)}"/></g>'
    )


def _name(node: Node, layer: Layer) -> str:
    if node.n is None and node.role != "crossing":
        return ""
    radius = node_radius(node, layer)
    return (
        f'<text class="{node.role}" data-layer="{node.role}" '
        f'data-p="{node.x} {node.y}" data-r="{radius:.1f}" '
        f'transform="translate({node.x + radius + 4:.1f} {node.y})">'
        f"{escape_text(short_name(node.name))}</text>"
    )


def _round_choices(choices: Sequence[tuple[str, str]]) -> str:
    """Return the options, those of one heading together."""
    groups: dict[str, list[str]] = {}
    for at, (group, title) in enumerate(choices):
        option = f'<option value="{at}">{escape_text(title)}</option>'
        groups.setdefault(group, []).append(option)
    if len(groups) == 1:
        return _join(next(iter(groups.values())))
    return _join(
        f'<optgroup label="{escape_text(group)}">{_join(options)}</optgroup>'
        for group, options in groups.items()
    )


def _layer_choices(scene: Scene, areas: Sequence[AreaMap]) -> str:
    used = {"names", "dots"} | ({"places"} if areas else set())
    used |= {"clusters"} if any(layer.clusters for layer in areas) else set()
    for layer in scene.layers:
        used |= {node.role for node in layer.nodes}
        used |= {"on" if leg.onward else "in" for leg in layer.legs}
    return _join(
        f'<label><input type="checkbox" data-switch="{name}" checked>'
        f"<span>{label}</span></label>"
        for name, label in SWITCHES.items()
        if name in used
    )


def _notes(views: Sequence[Layer | AreaMap], words: Words) -> str:
    rounds = [
        f'<div data-round="{at}"{_hidden(at)}>'
        + "".join(f"<p>{escape_text(note)}</p>" for note in layer.notes)
        + "</div>"
        for at, layer in enumerate(views)
    ]
    return _join([*rounds, *(f"<p>{escape_text(note)}</p>" for note in words.below())])


def _tables(at: int, layer: Layer, minimum: int) -> str:
    legs = [
        f"<tr><td>{escape_text(leg.start.name)}</td><td>{escape_text(leg.end.name)}</td>"
        f'<td class="n">{leg.n:,}</td></tr>'
        for leg in layer.legs
    ]
    order = {"origin": 0, "crossing": 1, "destination": 2}
    nodes = [
        f"<tr><td>{escape_text(node.name)}</td><td>{ROLE_LABEL[node.role]}</td>"
        f'<td class="n">{"withheld" if node.n is None else f"{node.n:,}"}</td></tr>'
        for node in sorted(
            layer.nodes, key=lambda node: (order[node.role], -(node.n or 0), node.name)
        )
    ]
    return (
        f'<details data-round="{at}"{_hidden(at)}><summary>The numbers of this map, '
        f"{escape_text(layer.title)}</summary>"
        '<div class="scroll"><table><caption>Ways</caption><thead><tr><th>From</th>'
        '<th>To</th><th class="n">Respondents</th></tr></thead><tbody>'
        f"{_join(legs)}</tbody></table><table><caption>Places</caption><thead><tr>"
        '<th>Place</th><th>Role</th><th class="n">Respondents</th></tr></thead><tbody>'
        f"{_join(nodes)}</tbody></table></div><p>Withheld: fewer than {minimum}, or to "
        "protect such a number.</p></details>"
    )
