"""What a monitored series returns: every tested period with its limit and alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.checks import finite_vector
from estimators.errors import InputError
from estimators.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatVector

__all__ = [
    "MonitoredSeries",
    "PeriodResults",
    "joined",
    "monitored_series",
    "read_counts",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MonitoredSeries(Estimates):
    """One row per tested period: what was expected, what would be too much, what came.

    A row's estimate is the expected count and its interval runs from 0 to the upper
    bound: the count above which the period raises an alarm. Group columns are
    ``period, observed, alarm, reason``.

    Attributes
    ----------
    untested : tuple of (period, str)
        Periods without a result, and why.
    """

    untested: tuple[tuple[Any, str], ...] = ()

    @property
    def alarms(self) -> tuple[Any, ...]:
        """Periods in alarm, in order of time."""
        return tuple(group["period"] for group in self.groups if group["alarm"])

    def table(self) -> pd.DataFrame:
        """Return one row per period, tested or not, with every diagnostic.

        Columns are ``period, observed, expected, upper_bound, alarm, reason`` and the
        method's own, such as ``score``; untested periods have no expected count.
        """
        tested = [
            {
                **group,
                "expected": row.estimate,
                "upper_bound": row.ci.high,
                **row.diagnostics,
            }
            for row, group in zip(self.rows, self.groups, strict=True)
        ]
        left = [
            {"period": period, "alarm": False, "reason": reason}
            for period, reason in self.untested
        ]
        first = ["period", "observed", "expected", "upper_bound", "alarm", "reason"]
        frame = pd.DataFrame([*left, *tested])
        return frame[[*first, *(c for c in frame.columns if c not in first)]]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw expected counts up to their bounds, observed ones and alarms as crosses.

        Returns the axes drawn on.
        """
        from estimators.plotting import trend_plot

        axes = trend_plot(self.to_frame(), time="period", ax=ax)
        where = np.asarray(axes.get_lines()[-1].get_xdata())
        observed = np.array([float(group["observed"]) for group in self.groups])
        alarm = np.array([bool(group["alarm"]) for group in self.groups])
        for on, look, words in ((~alarm, "o", "observed"), (alarm, "X", "alarm")):
            axes.plot(
                where[on],
                observed[on],
                look,
                markersize=4 if look == "o" else 9,
                color="black",
                label=words,
                zorder=4,
            )
        # The trend's own limits know nothing of counts above every bound.
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, max(top, 1.05 * float(observed.max())))
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        return axes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodResults:
    """Arrays of shape (tested,) that make up a monitored series.

    `place` are positions in the counts; `reason` is "" where nothing is to be said.
    """

    place: Sequence[int]
    expected: FloatVector
    std_error: FloatVector
    upper: FloatVector
    alarm: Sequence[bool]
    reason: Sequence[str]
    level: Sequence[float]
    interval: str
    diagnostics: dict[str, FloatVector] = field(default_factory=dict)


def read_counts(counts: Any, *, name: str = "counts") -> tuple[FloatVector, list[Any]]:  # noqa: ANN401
    """Return counts of shape (n,) and their labels: a Series' index, or 1 to n."""
    values = finite_vector(counts, name)
    problems = [
        f"{words} (rows {', '.join(map(str, np.flatnonzero(wrong)[:5]))})"
        for words, wrong in (
            ("below 0", values < 0),
            ("not whole", values != np.floor(values)),
        )
        if wrong.any()
    ]
    if problems:
        raise InputError(
            f"{name} must be whole numbers >= 0, one per period in order of time; "
            f"found: {'; '.join(problems)}."
        )
    if not values.size:
        raise InputError(f"{name} is empty: one count per period was expected.")
    indexed = isinstance(counts, pd.Series)
    labels = list(counts.index) if indexed else list(range(1, values.size + 1))
    if len(set(labels)) != len(labels):
        twice = sorted({str(x) for x in labels if labels.count(x) > 1})
        raise InputError(
            f"{name}: the periods {', '.join(twice[:5])} occur more than once. Add up "
            "the counts of a period first."
        )
    return values, labels


def joined(parts: Sequence[PeriodResults]) -> PeriodResults:
    """Return the results of consecutive pieces of one series as one."""
    return PeriodResults(
        place=[at for part in parts for at in part.place],
        expected=np.concatenate([part.expected for part in parts]),
        std_error=np.concatenate([part.std_error for part in parts]),
        upper=np.concatenate([part.upper for part in parts]),
        alarm=[on for part in parts for on in part.alarm],
        reason=[why for part in parts for why in part.reason],
        level=[level for part in parts for level in part.level],
        interval=parts[0].interval,
        diagnostics={
            name: np.concatenate([part.diagnostics[name] for part in parts])
            for name in parts[0].diagnostics
        },
    )


def monitored_series(
    method: str,
    counts: FloatVector,
    labels: Sequence[Any],
    found: PeriodResults,
    *,
    untested: Sequence[tuple[int, str]],
    notes: Sequence[str] = (),
) -> MonitoredSeries:
    """Put the arrays of the tested periods together as a result."""
    rows, groups = [], []
    for at, place in enumerate(found.place):
        upper = float(found.upper[at])
        rows.append(
            Estimate(
                estimand="expected count",
                unit="counts per period",
                estimate=float(found.expected[at]),
                std_error=float(found.std_error[at]),
                ci=Interval(
                    low=0.0,
                    high=max(upper, 0.0),
                    level=float(found.level[at]),
                    method=found.interval,
                ),
                method=method,
                n_obs=1,
                diagnostics={
                    name: float(values[at])
                    for name, values in found.diagnostics.items()
                },
            )
        )
        groups.append(
            {
                "period": labels[place],
                "observed": int(counts[place]),
                "alarm": bool(found.alarm[at]),
                "reason": found.reason[at],
            }
        )
    said = [f"{sum(map(bool, found.alarm))} of {len(rows)} tested periods in alarm"]
    if untested:
        said.append(f"{len(untested)} periods not tested: {untested[0][1]}")
    return MonitoredSeries(
        rows=tuple(rows),
        groups=tuple(groups),
        notes=(*said, *notes),
        untested=tuple((labels[place], why) for place, why in untested),
    )
