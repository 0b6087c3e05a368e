"""Tables by place that a release prints beside its maps of routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sentinel.analysis.results import StudyResult
    from sentinel.disclosure import PlacesElsewhere, ReleasePolicy
    from sentinel.report.protected.release import ReleasedTable

__all__ = ["places_elsewhere"]

PLACES = ("origin", "crossing", "destination")


def places_elsewhere(
    result: StudyResult,
    tables: Sequence[ReleasedTable],
    policy: ReleasePolicy,
    *,
    kinds: Sequence[str] = PLACES,
) -> tuple[PlacesElsewhere, ...]:
    """Return what the released tables tell of respondents by place of a route.

    With ``kinds=["sector"]``, by sector of work instead.
    """
    from sentinel.disclosure import PlacesElsewhere, coarsen_places

    maps = result.config.maps
    if maps is None:
        return ()
    released = {table.name: table.frame for table in tables}
    rounds = result.interviews.frame["round_id"].astype("str")
    found = []
    for table in result.estimates:
        if table.answers is None or table.name not in released:
            continue
        asked = [what for what in kinds if getattr(maps, what) in table.by]
        if not asked:
            continue
        counted = table.answers.dropna()
        rows = _row_names(counted, table.by)
        names = _row_names(released[table.name], table.by)
        printed = released[table.name]["n_obs"].notna()
        shown = dict(zip(names, printed, strict=True))
        for what in asked:
            column = getattr(maps, what)
            places = counted[column].astype("str")
            if what in PLACES:
                places = coarsen_places(places, policy.place_level)
            keys = {"round_id": rounds.loc[counted.index], "place": places, "row": rows}
            frame = pd.DataFrame(keys)[rows.isin(list(shown))]
            counts = frame.groupby(list(keys)).size().rename("n").reset_index()
            found.append(PlacesElsewhere(what=what, counts=counts, shown=shown))
    return tuple(found)


def _row_names(frame: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    first, *others = (frame[name].astype("str") for name in by)
    for other in others:
        first = first + "|" + other
    return first
