"""Rows of a local statistic, one per area, with what makes an area a hotspot."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.intervals import critical_value
from estimators.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatVector

__all__ = ["NOT_SIGNIFICANT", "NO_DATA", "NO_NEIGHBOURS", "LocalStatistics"]

NOT_SIGNIFICANT, NO_NEIGHBOURS, NO_DATA = "ns", "no neighbours", "no data"
_UNTESTED = (NO_NEIGHBOURS, NO_DATA)
_LISTED = 20
_DRAWN = 40


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LocalStatistics(Estimates):
    """One row per area, in the order of the weights.

    A row's estimate is the local statistic, its standard error the statistic's spread
    if chance alone placed the values, and its limits the estimate -+ z times that: they
    leave the expected value out exactly where a normal test at that level rejects. They
    are no limits for an error of the data. Areas without data or without neighbours
    have NaN and a category that says so.

    Attributes
    ----------
    table : pandas.DataFrame of shape (areas, ...)
        Columns ``area, category, statistic, expected, variance, z, p_value,
        p_adjusted, tested``, and what the method adds.
    """

    table: pd.DataFrame

    @classmethod
    def build(
        cls,
        table: pd.DataFrame,
        *,
        words: tuple[str, str, str],
        level: float,
        n_obs: int,
        notes: tuple[str, ...],
    ) -> LocalStatistics:
        """Make the rows; `words` are method, estimand and unit."""
        method, estimand, unit = words
        reach = critical_value(level)
        spread = np.sqrt(table["variance"].to_numpy(dtype=np.float64))
        extra = [
            name
            for name in table.columns
            if name not in ("area", "category", "statistic", "tested")
        ]
        numbers = table[extra].to_numpy(dtype=np.float64)
        value: FloatVector = table["statistic"].to_numpy(dtype=np.float64)
        rows = tuple(
            Estimate(
                estimand=estimand,
                unit=unit,
                estimate=float(here),
                std_error=float(error),
                ci=_interval(float(here), float(reach * error), level),
                method=method,
                n_obs=n_obs,
                diagnostics=dict(zip(extra, others, strict=True)),
            )
            for here, error, others in zip(value, spread, numbers.tolist(), strict=True)
        )
        groups = tuple(
            {"area": area, "category": category}
            for area, category in zip(table["area"], table["category"], strict=True)
        )
        return cls(rows=rows, groups=groups, notes=notes, table=table)

    def counts(self) -> dict[str, int]:
        """Return how many areas are in each category, the most frequent first."""
        return dict(Counter(self.table["category"].tolist()).most_common())

    def significant(self) -> pd.DataFrame:
        """Return the rows of `table` with a category of interest, by their p-value."""
        dull = self.table["category"].isin([NOT_SIGNIFICANT, *_UNTESTED])
        return self.table[~dull].sort_values(["p_adjusted", "p_value"], kind="stable")

    def summary(self) -> str:
        """Return the categories, the areas that stand out, and the notes."""
        head = f"{self.rows[0].estimand} ({self.rows[0].unit}), {self.rows[0].method}"
        found = self.significant()
        counts = ", ".join(f"{name} {count:,}" for name, count in self.counts().items())
        lines = [
            f"{row.area}: {row.category}, {row.statistic:.4g} (z = {row.z:.3g}, "
            f"p = {row.p_value:.3g}, adjusted {row.p_adjusted:.3g})"
            for row in found.head(_LISTED).itertuples()
        ]
        if len(found) > _LISTED:
            lines.append(f"and {len(found) - _LISTED} more: see `significant`")
        notes = [f"note: {note}" for note in self.notes]
        return "\n".join([head, f"areas: {counts}", *lines, *notes])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the areas that stand out, or those of the smallest p-values."""
        from estimators.plotting import forest_plot

        ranked = self.table["p_value"].fillna(math.inf).to_numpy()
        chosen = np.sort(np.argsort(ranked, kind="stable")[:_DRAWN])
        frame = self.to_frame().iloc[chosen].copy()
        names = frame["area"].astype(str) + " (" + frame["category"].astype(str) + ")"
        return forest_plot(frame.assign(group=names), label="group", ax=ax)


def _interval(value: float, reach: float, level: float) -> Interval:
    if math.isnan(value) or math.isnan(reach):
        return Interval(low=-math.inf, high=math.inf, level=level, method="not tested")
    return Interval(
        low=value - reach, high=value + reach, level=level, method="chance spread"
    )


def category_column(tested: Any, data: Any, found: Any) -> Any:  # noqa: ANN401
    """Return categories: `found` where tested, otherwise why it was not."""
    return np.where(tested, found, np.where(data, NO_NEIGHBOURS, NO_DATA))
