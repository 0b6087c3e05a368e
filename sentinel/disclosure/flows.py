"""Flows between places: legs and node totals protected together.

Whole routes (origin, crossing, destination) are nearly always below the minimum, so
what is released are legs: origin to crossing, crossing to destination. Legs and node
totals of a round, their sums over rounds, and respondents by place that other tables
of the same release print, are one system of cells.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_columns, finite_vector
from estimators.errors import InputError
from sentinel.disclosure.cells import SystemBuilder
from sentinel.disclosure.coarsening import coarsen_places
from sentinel.disclosure.elsewhere import PlacesElsewhere, tie_places
from sentinel.disclosure.policy import ReleasePolicy
from sentinel.disclosure.suppression import Suppression, suppress

if TYPE_CHECKING:
    from estimators.array_types import BoolVector

__all__ = [
    "ALL_ROUNDS",
    "ANYWHERE",
    "OTHER",
    "ProtectedFlows",
    "UnprotectableFlowsError",
    "protect_flows",
]

PLACES = ("origin", "crossing", "destination")
ALL_ROUNDS = "all rounds"
ANYWHERE = "*"
OTHER = "OTHER"
NODE_COST = 5.0
ALL_ROUNDS_COST = 2.0

Key = tuple[str, ...]


class UnprotectableFlowsError(InputError):
    """Flows of so few respondents that no leg or place of theirs may be shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProtectedFlows:
    """Legs and nodes that may be drawn.

    Attributes
    ----------
    flows : DataFrame
        ``round_id, leg, origin, crossing, destination, n, weight, suppressed``. ``leg``
        names its two ends, "origin-crossing"; the third place is ``"*"``. A place that
        was not stated is an empty string. Rows with the place ``"OTHER"`` hold the
        suppressed flows of that crossing together.
    origins, crossings, destinations : DataFrame
        ``round_id, place, n, weight, suppressed``.
    totals : DataFrame
        ``round_id, n, weight``: respondents with any stated place.
    n_primary, n_complementary : int
        Hidden legs and nodes.
    withheld : tuple of str
        Rounds with fewer respondents than a released cell needs: no part of them is
        here, nor in the sums over rounds.
    """

    flows: pd.DataFrame
    origins: pd.DataFrame
    crossings: pd.DataFrame
    destinations: pd.DataFrame
    totals: pd.DataFrame
    n_primary: int
    n_complementary: int
    withheld: tuple[str, ...] = ()


def protect_flows(
    flows: pd.DataFrame,
    policy: ReleasePolicy,
    *,
    pooled: bool = True,
    elsewhere: Sequence[PlacesElsewhere] = (),
) -> ProtectedFlows:
    """Reduce routes to legs and nodes and hide what is small or tells a small one.

    Parameters
    ----------
    flows : DataFrame
        ``round_id, origin, crossing, destination, n`` and, where there is one,
        ``weight``; one row per route, places as codes, an unknown place as ``""``.
    policy : ReleasePolicy
        Places finer than ``policy.place_level`` are refused, or coarsened to countries.
    pooled : bool
        Add the sum of all rounds as one more layer, `ALL_ROUNDS`, tied to the rounds.
    elsewhere : sequence of PlacesElsewhere
        Tables by place that are protected already: what they print is known to
        readers, what they hide must not follow from the flows.

    Returns
    -------
    ProtectedFlows
        Counts below the minimum are missing and ``suppressed``; so are those that
        would tell them by subtraction within a crossing, a node, a round or over
        rounds. Weighted totals go with their counts, others keep three digits.

    Raises
    ------
    InputError
        Missing columns, counts that are not whole numbers >= 0, places too fine.
    UnprotectableFlowsError
        If no round has respondents enough, or hiding every leg is not enough.

    Examples
    --------
    >>> flows = pd.DataFrame({"round_id": "2009", "origin": ["KH-1", "KH-2", "KH-5"],
    ...     "crossing": "XB-POIPET", "destination": "TH-10", "n": [60, 45, 3]})
    >>> protect_flows(flows, ReleasePolicy()).origins[["place", "n", "suppressed"]]
      place     n  suppressed
    0  KH-1    60       False
    1  KH-2  <NA>        True
    2  KH-5  <NA>        True
    """
    table, withheld = _without_small_rounds(_checked(flows, policy), policy)
    layers = _layers(table, pooled=pooled)
    builder = SystemBuilder()
    cells: dict[Key, int] = {}
    for layer, rows in layers.items():
        _add_layer(builder, cells, layer, rows)
    # Hidden legs are all marked alike: nothing is told of which are small.
    result = suppress(builder.build(), policy.minimum_cell, tell=False)
    several = len(layers) > 1 and ALL_ROUNDS in layers
    if several:
        _tie_rounds(builder, cells)
    for other in elsewhere:
        tie_places(builder, cells, other)
    if several or elsewhere:
        # Each layer alone is quick and hides nearly all that the whole needs.
        whole = builder.build()
        forced = np.zeros(len(whole), dtype=bool)
        forced[: result.hidden.size] = result.hidden
        result = suppress(
            whole, policy.minimum_cell, forced=forced, exact=False, tell=False
        )
    if result.unprotected.size:
        raise UnprotectableFlowsError(
            "These flows cannot be protected even with every leg hidden: coarsen the "
            'places ([privacy] place_level = "country") or leave the flows out.'
        )
    return replace(_released(layers, cells, result), withheld=withheld)


def _without_small_rounds(
    table: pd.DataFrame, policy: ReleasePolicy
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out rounds whose total, which reports print, is a small cell itself."""
    total = table.groupby("round_id", sort=True)["n"].sum()
    small = tuple(map(str, total.index[total < policy.minimum_cell]))
    if small and len(small) == len(total):
        raise UnprotectableFlowsError(
            "No round has the "
            f"{policy.minimum_cell} respondents with a place that a released cell "
            "needs: no leg and no place can be shown."
        )
    return table[~table["round_id"].isin(small)], small


def _checked(flows: pd.DataFrame, policy: ReleasePolicy) -> pd.DataFrame:
    needed = ("round_id", *PLACES, "n")
    check_columns(flows, {name: name for name in needed})
    counts = finite_vector(flows["n"], "n")
    if np.any(counts < 0) or np.any(counts != np.round(counts)):
        raise InputError("n counts respondents: whole numbers >= 0 were expected.")
    table = flows[list(needed)].copy()
    table["weight"] = flows.get("weight", pd.Series(counts, index=flows.index))
    table["round_id"] = table["round_id"].astype("str")
    if (table["round_id"] == ALL_ROUNDS).any():
        raise InputError(f"{ALL_ROUNDS!r} is not a lawful round label here.")
    for name in PLACES:
        places = coarsen_places(table[name].astype("str"), policy.place_level)
        table[name] = places.fillna("")
    return table[table["n"] > 0]


def _layers(table: pd.DataFrame, *, pooled: bool) -> dict[str, pd.DataFrame]:
    layers = {str(name): rows for name, rows in table.groupby("round_id", sort=True)}
    if pooled and len(layers) > 1:
        layers[ALL_ROUNDS] = table
    return layers


def _stages(rows: pd.DataFrame) -> list[str]:
    """Return the kinds of place that these rows state at all."""
    return [name for name in PLACES if (rows[name] != "").any()]


def _add_layer(
    builder: SystemBuilder, cells: dict[Key, int], layer: str, rows: pd.DataFrame
) -> None:
    """Add the legs, nodes and the total of one layer with their sums."""
    cost = ALL_ROUNDS_COST if layer == ALL_ROUNDS else 1.0
    # Row counts are printed in every report: the total is known to readers.
    total = builder.add(int(rows["n"].sum()), kind="known")
    cells[(layer, "total")] = total
    stages = _stages(rows)
    for name in stages:
        counts = rows.groupby(name, sort=True)["n"].sum()
        for place, count in counts.items():
            cells[(layer, name, str(place))] = builder.add(
                int(count), kind="margin", cost=NODE_COST * cost
            )
        builder.sums(
            total, [cells[(layer, name, str(place))] for place in counts.index]
        )
    for pair in itertools.pairwise(stages):
        legs = rows.groupby(list(pair), sort=True)["n"].sum()
        for ends, count in legs.items():
            cells[(layer, *pair, *_text(ends))] = builder.add(int(count), cost=cost)
        for side, name in enumerate(pair):
            for place in rows[name].unique():
                parts = [
                    cells[(layer, *pair, *_text(ends))]
                    for ends in legs.index
                    if ends[side] == place
                ]
                builder.sums(cells[(layer, name, str(place))], parts)


def _tie_rounds(builder: SystemBuilder, cells: dict[Key, int]) -> None:
    """State that every cell of the pooled layer is the sum over rounds."""
    parts: dict[Key, list[int]] = {}
    for (layer, *rest), cell in cells.items():
        if layer != ALL_ROUNDS:
            parts.setdefault(tuple(rest), []).append(cell)
    for (layer, *rest), cell in cells.items():
        found = parts.get(tuple(rest), [])
        value = builder.value
        if layer == ALL_ROUNDS and value(cell) == sum(value(item) for item in found):
            builder.sums(cell, found)


def _released(
    layers: dict[str, pd.DataFrame], cells: dict[Key, int], result: Suppression
) -> ProtectedFlows:
    hidden = result.hidden
    own = np.fromiter(cells.values(), dtype=np.int64)
    nodes = {name: [_EMPTY_NODES] for name in PLACES}
    legs = [_EMPTY_LEGS]
    totals = []
    for layer, rows in layers.items():
        totals.append(
            {"round_id": layer, "n": rows["n"].sum(), "weight": rows["weight"].sum()}
        )
        stages = _stages(rows)
        for name in stages:
            sums = rows.groupby(name, sort=True)[["n", "weight"]].sum().reset_index()
            mask = np.array(
                [hidden[cells[(layer, name, str(place))]] for place in sums[name]]
            )
            table = _mask(sums.rename(columns={name: "place"}), mask)
            nodes[name].append(table.assign(round_id=layer))
        for pair in itertools.pairwise(stages):
            sums = rows.groupby(list(pair), sort=True)[["n", "weight"]].sum()
            mask = np.array(
                [hidden[cells[(layer, *pair, *_text(ends))]] for ends in sums.index]
            )
            others = _others(sums.reset_index(), mask, pair, nodes)
            table = pd.concat([_mask(sums.reset_index(), mask), others])
            legs.append(table.assign(round_id=layer, leg="-".join(pair)))
    flows = pd.concat(legs, ignore_index=True)
    for name in PLACES:
        flows[name] = flows[name].fillna(ANYWHERE).astype("str")
    tables = {
        name: pd.concat(items, ignore_index=True)[list(_EMPTY_NODES.columns)]
        for name, items in nodes.items()
    }
    return ProtectedFlows(
        flows=flows[list(_EMPTY_LEGS.columns)],
        origins=tables["origin"],
        crossings=tables["crossing"],
        destinations=tables["destination"],
        totals=pd.DataFrame(totals),
        n_primary=int(result.primary[own].sum()),
        n_complementary=int((hidden & ~result.primary)[own].sum()),
    )


def _mask(sums: pd.DataFrame, mask: BoolVector) -> pd.DataFrame:
    table = sums.copy()
    table["n"] = table["n"].astype("Int64").mask(mask)
    table["weight"] = table["weight"].astype("float64").map(_three_digits).mask(mask)
    table["suppressed"] = mask
    return table


def _others(
    sums: pd.DataFrame,
    mask: BoolVector,
    pair: tuple[str, str],
    nodes: dict[str, list[pd.DataFrame]],
) -> pd.DataFrame:
    """Return the suppressed legs of each shown crossing together.

    It is the shown node total less the shown legs, so it tells nothing new, and the
    audit has made sure that it is at least the minimum.
    """
    hub, far = ("crossing", pair[0] if pair[1] == "crossing" else pair[1])
    if hub not in pair:
        hub, far = pair[1], pair[0]
    shown = nodes[hub][-1]
    open_hubs = set(shown.loc[~shown["suppressed"], "place"])
    left = sums[mask & sums[hub].isin(open_hubs).to_numpy()]
    table = left.groupby(hub, sort=True)[["n", "weight"]].sum().reset_index()
    table[far] = OTHER
    return _mask(table, np.zeros(len(table), dtype=bool))


def _text(ends: object) -> tuple[str, ...]:
    return tuple(str(end) for end in ends) if isinstance(ends, tuple) else (str(ends),)


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


_EMPTY_NODES = pd.DataFrame(
    {
        "round_id": pd.Series(dtype="str"),
        "place": pd.Series(dtype="str"),
        "n": pd.Series(dtype="Int64"),
        "weight": pd.Series(dtype="float64"),
        "suppressed": pd.Series(dtype="bool"),
    }
)
_EMPTY_LEGS = pd.DataFrame(
    {
        "round_id": pd.Series(dtype="str"),
        "leg": pd.Series(dtype="str"),
        "origin": pd.Series(dtype="str"),
        "crossing": pd.Series(dtype="str"),
        "destination": pd.Series(dtype="str"),
        "n": pd.Series(dtype="Int64"),
        "weight": pd.Series(dtype="float64"),
        "suppressed": pd.Series(dtype="bool"),
    }
)
