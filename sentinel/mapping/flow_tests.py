"""Which ways stand out beyond what their ends explain, by released numbers alone."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.errors import NotEstimableError
from estimators.spatial import released_flow_scan
from sentinel.mapping.lettering import short_name
from sentinel.mapping.scene import located_places

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from sentinel.disclosure import ProtectedFlows
    from sentinel.mapping.scene import Layer, Leg

__all__ = ["FlowFinding", "find_flow_clusters", "standing_layer"]

LEGS = (("origin", "crossing"), ("crossing", "destination"))
LARGEST_P = 0.05
MOST = 3
# Totals of two places and of two others are needed for ends to meet in two ways.
LEAST_ENDS = 2
NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFinding:
    """A group of legs that carry more than their ends explain.

    Attributes
    ----------
    roles : tuple of str
        Of its two ends: origin and crossing, or crossing and destination.
    starts, ends : frozenset of str
        Place codes.
    observed : int
        Respondents on the group's released legs.
    expected : float
        The same where ends meet at random.
    ratio, p_value : float
        Log likelihood ratio, and its chance as the greatest of a map.
    """

    roles: tuple[str, str]
    starts: frozenset[str]
    ends: frozenset[str]
    observed: int
    expected: float
    ratio: float
    p_value: float

    def holds(self, leg: Leg) -> bool:
        """Return whether a leg belongs to the group."""
        return (
            (leg.start.role, leg.end.role) == self.roles
            and leg.start.code in self.starts
            and leg.end.code in self.ends
        )


def find_flow_clusters(
    flows: ProtectedFlows,
    places: pd.DataFrame,
    *,
    round_id: str,
    minimum_cell: int,
    n_resamples: int = 999,
    rng: int | None = None,
) -> tuple[list[FlowFinding], str]:
    """Judge the released legs of a round by `released_flow_scan`.

    Parameters
    ----------
    flows : ProtectedFlows
        Only what it shows is used: released legs, totals of released places, the total.
    places : DataFrame
        As `load_places` returns it; places without coordinates count among all others.
    round_id : str
    minimum_cell : int
        Smallest number that is released.
    n_resamples : int
    rng : int, optional

    Returns
    -------
    findings : list of FlowFinding
        With p at most 0.05, at most three of each kind of leg.
    note : str
        How it was judged, or that nothing stands out, or why it could not be judged.
    """
    located = located_places(places)
    of_round = flows.totals["round_id"] == round_id
    total = int(flows.totals.loc[of_round, "n"].sum())
    findings: list[FlowFinding] = []
    likeliest: list[float] = []
    for roles in LEGS:
        table = _Table.of(flows, located, round_id, roles)
        if min(len(table.starts), len(table.ends)) < LEAST_ENDS:
            continue
        try:
            scan = released_flow_scan(
                table.flows,
                table.start_totals,
                table.end_totals,
                total,
                origins=_at(located, table.starts),
                destinations=_at(located, table.ends),
                least=minimum_cell,
                metric="great_circle",
                max_clusters=MOST,
                n_resamples=n_resamples,
                rng=rng,
            )
        except NotEstimableError:
            continue
        likeliest += [cluster.p_value for cluster in scan.clusters[:1]]
        findings += [
            FlowFinding(
                roles=roles,
                starts=frozenset(table.starts[at] for at in cluster.members),
                ends=frozenset(table.ends[at] for at in cluster.destinations or ()),
                observed=round(cluster.observed),
                expected=cluster.expected,
                ratio=cluster.log_likelihood_ratio,
                p_value=cluster.p_value,
            )
            for cluster in scan.clusters
            if cluster.p_value <= LARGEST_P
        ]
    return findings, _note(findings, likeliest, minimum_cell)


def standing_layer(layer: Layer, findings: Sequence[FlowFinding]) -> Layer:
    """Return a map of the legs that stand out; the others are drawn thin.

    Parameters
    ----------
    layer : Layer
        Of the round that was judged.
    findings : sequence of FlowFinding
    """
    numbered = [
        replace(
            leg,
            group=", ".join(
                str(number)
                for number, one in enumerate(findings, start=1)
                if one.holds(leg)
            ),
        )
        for leg in layer.legs
    ]
    standing = [leg for leg in numbered if leg.group]
    rest = [leg for leg in numbered if not leg.group]
    names = {node.code: short_name(node.name) for node in layer.nodes}
    told = [_told(number, one, names) for number, one in enumerate(findings, start=1)]
    told += _corridors(findings, names)
    return replace(
        layer,
        title=f"{layer.title}: ways that stand out",
        legs=(*standing, *rest),
        standing=len(standing),
        largest_leg=max((leg.n for leg in standing), default=1),
        notes=(*told, *layer.notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    """Released legs between released places; NaN where a leg is hidden."""

    flows: FloatMatrix
    starts: tuple[str, ...]
    ends: tuple[str, ...]
    start_totals: FloatVector
    end_totals: FloatVector

    @classmethod
    def of(
        cls,
        flows: ProtectedFlows,
        located: pd.DataFrame,
        round_id: str,
        roles: tuple[str, str],
    ) -> _Table:
        first, second = roles
        starts = _totals(getattr(flows, f"{first}s"), round_id, located.index)
        ends = _totals(getattr(flows, f"{second}s"), round_id, located.index)
        legs = flows.flows
        legs = legs[(legs["round_id"] == round_id) & (legs["leg"] == "-".join(roles))]
        row = starts.index.get_indexer(pd.Index(legs[first]))
        column = ends.index.get_indexer(pd.Index(legs[second]))
        told = legs["n"].astype("float64").mask(legs["suppressed"].astype(bool))
        inside = (row >= 0) & (column >= 0)
        # A leg without a row was taken by nobody, one without a number is hidden.
        values = np.zeros((len(starts), len(ends)))
        values[row[inside], column[inside]] = told[inside]
        return cls(
            flows=values,
            starts=tuple(starts.index),
            ends=tuple(ends.index),
            start_totals=np.asarray(starts, dtype=np.float64),
            end_totals=np.asarray(ends, dtype=np.float64),
        )


def _totals(
    nodes: pd.DataFrame, round_id: str, located: Collection[str]
) -> pd.Series[float]:
    rows = nodes[(nodes["round_id"] == round_id) & ~nodes["suppressed"].astype(bool)]
    rows = rows[rows["place"].isin(list(located))]
    return rows.set_index("place")["n"].astype("float64")


def _at(located: pd.DataFrame, codes: Sequence[str]) -> FloatMatrix:
    return located.loc[list(codes), ["lon", "lat"]].to_numpy(float)


def _named(codes: Collection[str], names: dict[str, str]) -> str:
    listed = sorted(names.get(code, code) for code in codes)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def _told(number: int, one: FlowFinding, names: dict[str, str]) -> str:
    return (
        f"Group {number}: {_named(one.starts, names)} to {_named(one.ends, names)}, "
        f"{one.observed:,} respondents, {one.expected:,.0f} if ends met at random, "
        f"LLR {one.ratio:.3g}, p = {one.p_value:.2g}"
    )


def _corridors(findings: Sequence[FlowFinding], names: dict[str, str]) -> list[str]:
    """Return the ways in and onward that stand out and share a crossing."""
    told = []
    for inward, onward in itertools.product(findings, findings):
        shared = inward.ends & onward.starts
        if inward.roles == LEGS[0] and onward.roles == LEGS[1] and shared:
            told.append(
                f"Corridor: {_named(inward.starts, names)} > {_named(shared, names)} > "
                f"{_named(onward.ends, names)} (both legs stand out)"
            )
    return told


def _note(
    findings: Sequence[FlowFinding], likeliest: Sequence[float], minimum: int
) -> str:
    if not likeliest:
        return ""
    if not findings:
        return (
            "No ways stand out from what their ends explain (scan of released flows, "
            f"least p = {min(likeliest):.2g})."
        )
    return (
        "Scan of flows by released numbers alone, against ends that meet at random; "
        f"legs below {minimum} count as nothing, in the data and in drawn tables. Near "
        "places have much in common, so ways by the nearest crossing stand out too. "
        "A corridor joins legs that stand out each by itself: whether "
        "the same persons took both is not told."
    )
