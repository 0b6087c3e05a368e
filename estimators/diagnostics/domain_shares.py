"""Design-weighted shares of a 0/1 variable by domain, with what corrections need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.binomial_limits import binomial_limits
from estimators.checks import check_columns
from estimators.designs import (
    SurveyDesign,
    domain_covariance,
    domain_degrees_of_freedom,
    split_into_domains,
)
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import critical_value
from estimators.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector
    from estimators.designs.domains import RowSelector

__all__ = ["domain_shares", "example_design"]

_CLUSTER_EFFECT = 2.0  # the customary planning value for cluster surveys
_NO_VARIANCE = 1e-20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shares:
    """One value per domain, shape (domains,) each."""

    n: IntVector
    n_events: FloatVector
    share: FloatVector
    covariance: FloatMatrix
    df: FloatVector
    df_together: float
    kish: FloatVector

    @property
    def variance(self) -> FloatVector:
        """Design variance of each share."""
        return np.diag(self.covariance)

    @property
    def simple(self) -> FloatVector:
        """Variance under simple random sampling."""
        return self.share * (1 - self.share) / np.maximum(self.n - 1, 1)

    @property
    def is_usable(self) -> BoolVector:
        """Whether linearisation has something to say, by domain."""
        mixed = (self.n_events > 0) & (self.n_events < self.n)
        return mixed & (self.df > 0) & (self.variance > _NO_VARIANCE * self.simple)


def domain_shares(
    design: SurveyDesign,
    variable: str,
    *,
    by: str | Sequence[str] | None,
    where: RowSelector | None,
    level: float,
) -> Estimate | Estimates:
    """Return shares with Korn-Graubard limits; several domains if `by` is given.

    Raises
    ------
    InputError
        If the column is absent or not 0/1.
    NotEstimableError
        If no row of the domain is known.
    """
    if not isinstance(design, SurveyDesign):
        raise InputError(
            f"A SurveyDesign was expected, {type(design).__name__} came: make one with "
            "SurveyDesign.from_frame, or correct any survey estimate by "
            "corrected_prevalence."
        )
    values = _zero_one(design.frame, variable)
    domains = split_into_domains(design, by, where)
    groups = domains.groups
    known = ~np.isnan(values)
    code = np.where(known, domains.code, -1)
    n = _count(code, len(groups))
    kept = np.flatnonzero(n)
    if not kept.size:
        raise NotEstimableError(f"{variable!r} is unknown in every row of the domain.")
    unknown = _count(np.where(known, -1, domains.code), len(groups))
    notes = list(domains.notes)
    empty = [dict(group) for group, rows in zip(groups, n, strict=True) if not rows]
    if empty:
        notes.append(f"no estimate where {variable!r} is unknown in every row: {empty}")
    place = np.full(len(groups) + 1, -1, dtype=np.int64)  # last place serves code -1
    place[kept] = np.arange(kept.size)
    code = place[code]
    y = np.where(known, values, 0.0)
    found = _shares(design, y, code, kept.size)
    effects = np.full(kept.size, np.nan)
    if not found.is_usable.all():
        effects = _assumed_effects(design, y, code, found.kish)
    rows = [
        _row(
            (found, i),
            variable,
            level=level,
            effect=float(effects[i]),
            unknown=int(unknown[kept[i]]),
        )
        for i in range(kept.size)
    ]
    if by is None:
        return rows[0].with_notes(*notes)
    return Estimates(
        rows=tuple(rows),
        groups=tuple(groups[int(i)] for i in kept),
        covariance=found.covariance,
        notes=tuple(notes),
    )


def _zero_one(frame: pd.DataFrame, variable: str) -> FloatVector:
    check_columns(frame, {"variable": variable})
    try:
        values = frame[variable].astype("float64").to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{variable!r} must be 0, 1 or missing, but is {frame[variable].dtype}: "
            f"{error}."
        ) from error
    wrong = ~np.isnan(values) & (values != 0) & (values != 1)
    if wrong.any():
        raise InputError(
            f"{variable!r} must be 0, 1 or missing; it is {values[wrong][0]:g} in row "
            f"{int(np.argmax(wrong))} and others ({int(wrong.sum())} rows)."
        )
    return np.array(values, dtype=np.float64)


def _count(code: IntVector, n_domains: int) -> IntVector:
    counts: IntVector = np.bincount(code[code >= 0], minlength=n_domains)
    return counts.astype(np.int64)


def _shares(
    design: SurveyDesign, y: FloatVector, code: IntVector, n_domains: int
) -> _Shares:
    inside = code >= 0
    rows = code[inside]
    weights = design.weights[inside]

    def total(values: FloatVector) -> FloatVector:
        return np.bincount(rows, values, minlength=n_domains).astype(np.float64)

    size, n_events = total(weights), total(y[inside])
    n = _count(code, n_domains)
    share = total(weights * y[inside]) / size
    # Exactly 0 or 1 where all agree: rounding must not leave a variance of 1e-33.
    share = np.where(n_events == 0, 0.0, np.where(n_events == n, 1.0, share))
    scores = np.zeros(len(design))
    scores[inside] = weights * (y[inside] - share[rows]) / size[rows]
    together = np.where(inside, 0, -1).astype(np.int64)
    return _Shares(
        n=n,
        n_events=n_events,
        share=share,
        covariance=domain_covariance(design, scores, code, n_domains),
        df_together=float(domain_degrees_of_freedom(design, together, 1)[0]),
        df=domain_degrees_of_freedom(design, code, n_domains).astype(np.float64),
        kish=n * total(weights**2) / size**2,
    )


def _assumed_effects(
    design: SurveyDesign, y: FloatVector, code: IntVector, kish: FloatVector
) -> FloatVector:
    """Return the design effects that stand in where linearisation has none."""
    overall = _shares(design, y, np.where(code >= 0, 0, -1), 1)
    if overall.is_usable[0]:
        effect = float(overall.variance[0] / overall.simple[0])
        return np.maximum(kish, effect)
    return kish * (_CLUSTER_EFFECT if design.is_clustered else 1.0)


def _row(
    which: tuple[_Shares, int],
    variable: str,
    *,
    level: float,
    effect: float,
    unknown: int,
) -> Estimate:
    found, place = which
    n, df = int(found.n[place]), float(found.df[place])
    share, variance = float(found.share[place]), float(found.variance[place])
    diagnostics = {"n_events": float(found.n_events[place]), "n_unknown": unknown}
    notes = []
    if unknown:
        notes.append(f"{unknown} rows of unknown {variable!r} are left out")
    if found.is_usable[place]:
        ratio = critical_value(level, df=max(n - 1, 1)) / critical_value(level, df=df)
        n_effective = min(share * (1 - share) / variance * ratio**2, float(n))
        diagnostics["df"] = df
        diagnostics["df_together"] = found.df_together
        diagnostics["design_effect"] = variance / float(found.simple[place])
    else:
        n_effective = n / effect
        diagnostics["assumed_design_effect"] = effect
        notes.append(
            f"{int(found.n_events[place])} of {n} rows positive with {df:g} degrees of "
            f"freedom leave no usable design variance: {n_effective:.1f} rows are "
            f"counted, {n} divided by an assumed design effect of {effect:.2f}"
        )
    low, high = binomial_limits(
        share * n_effective, n_effective, "clopper_pearson", level=level
    )
    return Estimate(
        estimand=f"share of {variable}",
        unit="proportion",
        estimate=share,
        std_error=math.sqrt(variance) if df > 0 else math.inf,
        ci=Interval(low=low, high=high, level=level, method="Korn-Graubard"),
        method="domain_shares",
        n_obs=n,
        notes=tuple(notes),
        diagnostics=diagnostics,
    )


def example_design() -> SurveyDesign:
    """Return the small clustered design of the catalogue's examples."""
    frame = pd.DataFrame(
        {
            "truck": np.repeat(np.arange(12), 5),
            "weight": np.repeat([2.0, 3.0, 5.0], 20),
            "flagged": [1, 1, 0, 0, 1, 0, 0, 1, 0, 0] * 6,
        }
    )
    return SurveyDesign.from_frame(frame, weights="weight", psu="truck")
