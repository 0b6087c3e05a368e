"""From linearised totals to results: intervals, notes and diagnostics by domain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from estimators.checks import check_level
from estimators.errors import InputError
from estimators.results import Estimate, Estimates, Interval
from estimators.survey.groups import LinearisedTotals
from estimators.survey.proportion_intervals import t_quantile

__all__ = [
    "check_df",
    "domain_results",
    "one_or_many",
    "row_diagnostics",
    "row_notes",
    "t_interval",
]


def domain_results(
    found: LinearisedTotals,
    by: str | Sequence[str] | None,
    words: Mapping[str, str],
    *,
    level: float,
    df: float | None,
) -> Estimate | Estimates:
    """Return every domain's estimate with its t interval; `words` name the quantity."""
    check_level(level)
    check_df(df)
    rows = []
    for place in range(len(found.sample)):
        own_df = float(found.df[place]) if df is None else df
        std_error = math.sqrt(found.variance[place])
        notes = row_notes(found, place)
        if own_df <= 0:
            notes.append(
                f"no interval: the domain has {own_df:g} degrees of freedom (PSUs less "
                "strata), so its variance rests on nothing"
            )
            std_error = math.inf
        elif std_error == 0:
            notes.append("the design variance is 0: the interval shows no uncertainty")
        rows.append(
            Estimate(
                **words,
                estimate=float(found.estimate[place]),
                std_error=std_error,
                ci=t_interval(
                    float(found.estimate[place]), std_error, level=level, df=own_df
                ),
                n_obs=int(found.sample.n_known[place]),
                notes=tuple(notes),
                diagnostics=row_diagnostics(found, place, own_df),
            )
        )
    return one_or_many(found, by, rows)


def one_or_many(
    found: LinearisedTotals, by: str | Sequence[str] | None, rows: list[Estimate]
) -> Estimate | Estimates:
    """Return the only row, or all rows with their groups and joint covariance."""
    notes = (*found.sample.design.notes, *found.sample.notes)
    if by is None:
        return rows[0].with_notes(*notes)
    return Estimates(
        rows=tuple(rows),
        groups=found.sample.domains.groups,
        covariance=found.covariance,
        notes=notes,
    )


def t_interval(
    estimate: float, std_error: float, *, level: float, df: float
) -> Interval:
    """Return Student's t limits; the whole line where there are no df."""
    if df <= 0 or math.isinf(std_error):
        return Interval(
            low=-math.inf, high=math.inf, level=level, method="none (no df)"
        )
    half = t_quantile(level, df) * std_error
    return Interval(low=estimate - half, high=estimate + half, level=level, method="t")


def check_df(df: float | None) -> None:
    """Raise unless `df` is None or above 0."""
    if df is not None and not df > 0:
        raise InputError(f"df={df!r}: degrees of freedom lie above 0 (or math.inf).")


def row_notes(found: LinearisedTotals, place: int) -> list[str]:
    """Return what a reader must know about one domain."""
    notes = []
    unknown, lost = int(found.sample.n_unknown[place]), int(found.n_lost[place])
    if unknown:
        n = unknown + int(found.sample.n_known[place])
        notes.append(
            f"{unknown} of {n} rows are unknown and left out of the domain, as if "
            "unknown at random"
        )
    if lost:
        notes.append(
            f"{lost} replicates hold no row of this domain; the variance is that of "
            "the others, scaled up"
        )
    return notes


def row_diagnostics(
    found: LinearisedTotals, place: int, df: float
) -> Mapping[str, float]:
    """Return df, design effects and effective sample size of one domain."""
    n = float(found.sample.n_known[place])
    simple, variance = float(found.simple_variance[place]), float(found.variance[place])
    size = float(found.sum_of_weights[place])
    result: dict[str, Any] = {
        "df": float(df),
        "df_together": found.df_together,
        "n_unknown": float(found.sample.n_unknown[place]),
        "sum_of_weights": size,
    }
    if simple > 0:
        effect = variance / simple
        result["design_effect"] = effect
        if size > n:
            result["design_effect_without_replacement"] = effect / (1 - n / size)
        if effect > 0:
            result["n_effective"] = n / effect
    return result
