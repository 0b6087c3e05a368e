"""The change of scores of persons seen twice, and who was not seen again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from estimators import transitions
from sentinel.monitoring.parts import MonitoredPart, few
from sentinel.monitoring.scores import read_scores

if TYPE_CHECKING:
    from sentinel.disclosure import ReleasePolicy
    from sentinel.study.monitoring_section import ScoresEntry

__all__ = ["score_parts"]

NO_EFFECT = (
    "a change without a comparison group is no effect: persons change by themselves, "
    "and low first scores rise"
)
DROPPED = (
    "the change is that of persons seen twice (95 % interval); the bounds are those of "
    "all who came, whatever the others would have scored"
)


def score_parts(
    entry: ScoresEntry,
    read: Callable[..., Any],
    policy: ReleasePolicy,
    skipped: list[str],
) -> Iterator[MonitoredPart]:
    """Yield the protected table of the change of a score.

    Parameters
    ----------
    entry : ScoresEntry
    read : callable
        Reads the entry's file; None where it is wrong.
    policy : ReleasePolicy
    skipped : list of str
        Grows by what cannot be shown.
    """
    pairs: pd.DataFrame | None = read(
        read_scores, entry, before=entry.before, after=entry.after, group=entry.group
    )
    if pairs is None:
        return
    rows = []
    for group, part in pairs.groupby(pairs["group"].astype(str), sort=True):
        both = part.dropna(subset=["before", "after"])
        started = part.dropna(subset=["before"])
        lost = len(started) - len(both)
        if few(len(both), policy.minimum_cell) or few(lost, policy.minimum_cell):
            name = ", ".join(filter(None, (entry.title, str(group))))
            skipped.append(
                f"{name}: fewer than {policy.minimum_cell} persons were seen twice, or "
                "were lost"
            )
            continue
        change = transitions.paired_change(
            started["before"].to_numpy(),
            started["after"].to_numpy(),
            score_range=_range(entry),
        )
        rows.append(
            {
                "group": str(group),
                "n_before": len(started),
                "n_both": len(both),
                "n_lost": lost,
                "before": both["before"].mean(),
                "after": both["after"].mean(),
                "before_lost": started.loc[started["after"].isna(), "before"].mean(),
                "change": change.estimate,
                "ci_low": change.ci.low,
                "ci_high": change.ci.high,
                "p_value": change.diagnostics["p_value"],
                "bound_low": change.diagnostics.get("bound_low"),
                "bound_high": change.diagnostics.get("bound_high"),
            }
        )
    if not rows:
        return
    yield MonitoredPart(
        name=entry.name,
        kind="scores",
        title=entry.title,
        frame=pd.DataFrame(rows).round(3),
        notes=(NO_EFFECT, DROPPED),
        source=entry.source,
        unit=entry.unit,
    )


def _range(entry: ScoresEntry) -> tuple[float, float] | None:
    if entry.lowest is None or entry.highest is None:
        return None
    return (entry.lowest, entry.highest)
