"""What a map shows, before anybody draws it: places, legs, sizes, in one plane."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from estimators.errors import InputError
from sentinel.disclosure.flows import ALL_ROUNDS
from sentinel.mapping.boundaries import rings
from sentinel.mapping.flow_notes import coverage_note, not_drawn
from sentinel.mapping.ground import Country, Dot, lay_ground
from sentinel.mapping.plane import WIDTH, Plane

if TYPE_CHECKING:
    import geopandas as gpd

    from estimators.array_types import FloatMatrix
    from sentinel.disclosure import ProtectedFlows

__all__ = [
    "Layer",
    "Leg",
    "Node",
    "Scene",
    "build_scene",
    "located_places",
    "plain_scene",
]

ROLES = ("origin", "crossing", "destination")
NOT_STATED = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place in one role; `n` is None where it is suppressed."""

    code: str
    name: str
    role: str
    x: float
    y: float
    n: int | None
    weight: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A drawn flow between two places; suppressed legs are never drawn.

    `group` numbers the finding that it is part of, where it stands out.
    """

    start: Node
    end: Node
    n: int
    weight: float | None
    group: str = ""

    @property
    def onward(self) -> bool:
        """Whether it leads to a destination."""
        return self.end.role == "destination"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One round.

    `largest_node` and `largest_leg` set its scale: rounds share one, all rounds
    together have their own. Where a map shows what stands out, `standing` is how many
    of its first legs do.
    """

    round_id: str
    title: str
    period: str
    n: int
    nodes: tuple[Node, ...]
    legs: tuple[Leg, ...]
    notes: tuple[str, ...]
    largest_node: int = 1
    largest_leg: int = 1
    standing: int | None = None

    def top(self, top_flows: int) -> int:
        """Return how many legs are drawn with their width."""
        return top_flows if self.standing is None else self.standing

    def rest_words(self, top_flows: int) -> str:
        """Say what the thin lines are; nothing where there are none."""
        top = self.top(top_flows)
        if len(self.legs) <= top:
            return ""
        if self.standing is not None:
            return "other ways"
        total = sum(leg.n for leg in self.legs)
        share = sum(leg.n for leg in self.legs[top:]) / total if total else 0.0
        return f"{share:.0%} of it, beyond the {top} largest"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A map in a plane `WIDTH` wide, y down.

    Attributes
    ----------
    plane : Plane
    layers : tuple of Layer
        Rounds, and all rounds together if the flows have them.
    outlines : tuple of array
        Rings of the user's boundaries; empty without.
    """

    plane: Plane
    layers: tuple[Layer, ...]
    dots: tuple[Dot, ...]
    countries: tuple[Country, ...]
    outlines: tuple[FloatMatrix, ...]
    minimum_cell: int
    unplaced: tuple[str, ...] = ()

    @property
    def height(self) -> float:
        """Of the frame."""
        return self.plane.height

    @property
    def km_per_unit(self) -> float:
        """Kilometres in one unit, at the middle of the map."""
        return self.plane.km_per_unit


def build_scene(
    flows: ProtectedFlows,
    places: pd.DataFrame,
    *,
    minimum_cell: int,
    titles: Mapping[str, str] | None = None,
    periods: Mapping[str, str] | None = None,
    boundaries: gpd.GeoDataFrame | None = None,
    focus: str | None = None,
    also: Collection[str] = (),
) -> Scene:
    """Place protected flows on a plane.

    Parameters
    ----------
    flows : ProtectedFlows
    places : DataFrame
        As `sentinel.mapping.load_places` returns it.
    minimum_cell : int
        Stated in notes and legends.
    titles, periods : mapping of round label to text, optional
    boundaries : GeoDataFrame, optional
        As `sentinel.mapping.read_boundaries` returns it.
    focus : str, optional
        Round whose places fill the frame; all rounds by default.
    also : collection of str
        Codes of further places that the frame must hold.

    Raises
    ------
    InputError
        If no place of the flows has coordinates.
    """
    located = located_places(places)
    tables = {role: getattr(flows, f"{role}s") for role in ROLES}
    used = {str(code) for table in tables.values() for code in table["place"]}
    known = sorted(used & set(located.index))
    if not known:
        raise InputError(
            "None of the places of the flows has coordinates; give their latitude and "
            "longitude in the file of [maps] places."
        )
    inside = [
        code
        for code in known
        if focus is None
        or any(
            ((table["place"] == code) & (table["round_id"] == focus)).any()
            for table in tables.values()
        )
    ]
    inside = sorted({*(inside or known), *(set(also) & set(located.index))})
    plane = Plane(located.loc[inside])
    layers = tuple(
        _layer(
            flows,
            str(row["round_id"]),
            int(row["n"]),
            _Placer(located, plane, minimum_cell),
            title=(titles or {}).get(str(row["round_id"]), str(row["round_id"])),
            period=(periods or {}).get(str(row["round_id"]), ""),
        )
        for row in _ordered(flows.totals, titles)
    )
    layers = _scaled(layers)
    dots, countries = lay_ground(located, known, plane, width=WIDTH)
    outlines = () if boundaries is None else _outlines(boundaries, plane)
    return Scene(
        plane=plane,
        layers=layers,
        dots=dots,
        countries=countries,
        outlines=outlines,
        minimum_cell=minimum_cell,
        unplaced=tuple(sorted(used - set(located.index) - {NOT_STATED})),
    )


def located_places(places: pd.DataFrame) -> pd.DataFrame:
    """Return the places that have coordinates, by code."""
    return places.dropna(subset=["lat", "lon"]).set_index("code")


def plain_scene(
    located: pd.DataFrame,
    codes: list[str],
    *,
    minimum_cell: int,
    boundaries: gpd.GeoDataFrame | None = None,
) -> Scene:
    """Return the ground under some places, without flows."""
    plane = Plane(located.loc[codes])
    dots, countries = lay_ground(located, codes, plane, width=WIDTH)
    return Scene(
        plane=plane,
        layers=(),
        dots=dots,
        countries=countries,
        outlines=() if boundaries is None else _outlines(boundaries, plane),
        minimum_cell=minimum_cell,
    )


def _scaled(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Give the rounds one scale, and all rounds together their own."""
    scaled = []
    for layer in layers:
        peers = [
            other
            for other in layers
            if (other.round_id == ALL_ROUNDS) == (layer.round_id == ALL_ROUNDS)
        ]
        nodes = [node.n for peer in peers for node in peer.nodes if node.n]
        legs = [leg.n for peer in peers for leg in peer.legs]
        scaled.append(
            replace(
                layer,
                largest_node=max(nodes, default=1),
                largest_leg=max(legs, default=1),
            )
        )
    return tuple(scaled)


def _ordered(
    totals: pd.DataFrame, titles: Mapping[str, str] | None
) -> list[dict[Any, Any]]:
    """Return the rounds in the order of their titles, all rounds together last."""
    order = {label: place for place, label in enumerate(titles or {})}
    rows: list[dict[Any, Any]] = totals.to_dict("records")
    last = len(order)
    return sorted(
        rows,
        key=lambda row: (
            row["round_id"] == ALL_ROUNDS,
            order.get(str(row["round_id"]), last),
            str(row["round_id"]),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Placer:
    """Makes nodes of rows that have coordinates."""

    located: pd.DataFrame
    plane: Plane
    minimum_cell: int

    def node(self, row: Mapping[str, Any], role: str) -> Node | None:
        code = str(row["place"])
        if code not in self.located.index:
            return None
        place = self.located.loc[code]
        x, y = self.plane.place([place["lat"]], [place["lon"]])[0]
        return Node(
            code=code,
            name=str(place["name"]),
            role=role,
            x=round(float(x), 2),
            y=round(float(y), 2),
            n=None if row["suppressed"] else int(row["n"]),
            weight=None if pd.isna(row["weight"]) else float(row["weight"]),
        )


def _layer(
    flows: ProtectedFlows,
    round_id: str,
    n: int,
    placer: _Placer,
    *,
    title: str,
    period: str,
) -> Layer:
    nodes: dict[tuple[str, str], Node] = {}
    missing: list[str] = []
    for role in ROLES:
        table = getattr(flows, f"{role}s")
        rows = table[table["round_id"] == round_id].to_dict("records")
        for row in rows:
            node = placer.node(row, role)
            if node is not None:
                nodes[(role, node.code)] = node
        missing.extend(not_drawn(rows, role, placer.located.index))
    legs, shares = _legs(flows, round_id, nodes, n)
    notes = [coverage_note(shares)]
    if missing:
        notes.append(f"Not drawn: {'; '.join(missing)}.")
    withheld = sum(node.n is None for node in nodes.values())
    if withheld:
        notes.append(
            f"{withheld} places are marked without size: fewer than "
            f"{placer.minimum_cell} respondents, or withheld to protect such a place."
        )
    return Layer(
        round_id=round_id,
        title=title,
        period=period,
        n=n,
        nodes=tuple(nodes.values()),
        legs=legs,
        notes=tuple(note for note in notes if note),
    )


def _legs(
    flows: ProtectedFlows, round_id: str, nodes: Mapping[tuple[str, str], Node], n: int
) -> tuple[tuple[Leg, ...], dict[str, float]]:
    """Return legs, largest first, and the share of respondents of each kind."""
    table = flows.flows[
        (flows.flows["round_id"] == round_id) & ~flows.flows["suppressed"]
    ]
    legs, shares = list[Leg](), dict[str, float]()
    for kind, rows in table.groupby("leg", sort=False):
        first, second = str(kind).split("-")
        carried = 0
        for row in rows.to_dict("records"):
            start = nodes.get((first, str(row[first])))
            end = nodes.get((second, str(row[second])))
            if start is None or end is None:
                continue
            weight = None if pd.isna(row["weight"]) else float(row["weight"])
            legs.append(Leg(start=start, end=end, n=int(row["n"]), weight=weight))
            carried += int(row["n"])
        shares[str(kind)] = carried / n if n else 0.0
    legs.sort(key=lambda leg: (-leg.n, leg.start.code, leg.end.code))
    return tuple(legs), shares


def _outlines(boundaries: gpd.GeoDataFrame, plane: Plane) -> tuple[FloatMatrix, ...]:
    found = []
    for geometry in boundaries.geometry:
        for ring in rings(geometry):
            points = plane.place(ring[:, 1], ring[:, 0])
            inside = (points >= -WIDTH) & (points <= 2 * max(WIDTH, plane.height))
            if inside.all(axis=1).any():
                found.append(points.round(1))
    return tuple(found)
