"""The routes of a study beside its tables: what may be drawn, and what it lost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sentinel.report.outgoing.unfinished import Unfinished, kept_frames
from sentinel.report.protected.places_elsewhere import places_elsewhere
from sentinel.report.protected.release import ReleasedTable, Suppressed

if TYPE_CHECKING:
    import pandas as pd

    from sentinel.analysis.results import StudyResult
    from sentinel.disclosure import ProtectedFlows, ReleasePolicy

__all__ = ["protect_routes"]

LAYERS = ("flows", "origins", "crossings", "destinations", "totals")


def protect_routes(
    result: StudyResult,
    tables: Sequence[ReleasedTable],
    policy: ReleasePolicy,
    unfinished: Unfinished | None,
) -> tuple[ProtectedFlows | None, list[Suppressed], tuple[str, ...]]:
    """Return what may be drawn, what it lost, and why rounds are not drawn."""
    from sentinel.disclosure import ProtectedFlows, UnprotectableFlowsError

    if result.flows.empty:
        return None, [], ()
    try:
        frames, facts = kept_frames(
            unfinished, "routes", partial(_protected_routes, result, tables, policy)
        )
    except UnprotectableFlowsError as error:
        return None, [], (f"Maps: {error}",)
    routes = ProtectedFlows(
        **dict(zip(LAYERS, frames, strict=True)),
        n_primary=facts["n_primary"],
        n_complementary=facts["n_complementary"],
        withheld=tuple(facts["withheld"]),
    )
    nodes = (routes.origins, routes.crossings, routes.destinations)
    lost = Suppressed(
        table="routes",
        cells=len(routes.flows) + sum(map(len, nodes)),
        # Hidden legs are marked alike, so it is not said how many of them are small.
        primary=0,
        complementary=routes.n_primary + routes.n_complementary,
    )
    few = f"Maps of {{}}: fewer than {policy.minimum_cell} respondents named a place."
    return routes, [lost], tuple(map(few.format, routes.withheld))


def _protected_routes(
    result: StudyResult, tables: Sequence[ReleasedTable], policy: ReleasePolicy
) -> tuple[list[pd.DataFrame], dict[str, Any]]:
    from sentinel.disclosure import protect_flows

    routes = protect_flows(
        result.flows, policy, elsewhere=places_elsewhere(result, tables, policy)
    )
    facts = {
        "n_primary": routes.n_primary,
        "n_complementary": routes.n_complementary,
        "withheld": list(routes.withheld),
    }
    return [getattr(routes, layer) for layer in LAYERS], facts
