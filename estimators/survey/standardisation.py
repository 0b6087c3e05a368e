"""Direct standardisation: means as if every group had the same composition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from estimators.checks import check_choice, check_columns, check_level
from estimators.designs import Design, check_design, domain_degrees_of_freedom
from estimators.designs.labels import as_names, list_names
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval
from estimators.survey.example import example_design
from estimators.survey.groups import LinearisedTotals, read_domains
from estimators.survey.linear import domain_means
from estimators.survey.proportion_intervals import (
    PROPORTION_INTERVALS,
    fallback_interval,
    proportion_interval,
)
from estimators.survey.rows import t_interval

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.designs.domains import RowSelector

__all__ = ["standardise"]

StandardInterval: TypeAlias = Literal[
    "t", "korn_graubard", "beta", "logit", "wilson", "arcsine", "likelihood"
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Standardised:
    """Groups, the share of each cell in each of them, and what follows."""

    groups: tuple[Mapping[str, Any], ...]
    matrix: FloatMatrix
    found: LinearisedTotals

    @property
    def estimate(self) -> FloatVector:
        result: FloatVector = self.matrix @ self.found.estimate
        return result

    @property
    def covariance(self) -> FloatMatrix:
        result: FloatMatrix = self.matrix @ self.found.covariance @ self.matrix.T
        return result


@estimator(
    family="survey",
    key="survey_standardise",
    label="Directly standardised mean or proportion",
    source="Fleiss, Levin and Paik 2003; Korn and Graubard 1999",
    example=lambda: {
        "design": example_design(),
        "variable": "exploited",
        "standard": {2010: 3, 2012: 1},
        "over": "year",
    },
)
def standardise(
    design: Design,
    variable: str,
    *,
    over: str | Sequence[str],
    standard: Mapping[Any, float],
    by: str | Sequence[str] | None = None,
    where: RowSelector | None = None,
    ci: StandardInterval = "t",
    level: float = 0.95,
) -> Estimate | Estimates:
    """Estimate means as if every group had the composition of a standard population.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign of n rows
    variable : str
        Numeric or 0/1 column. Missing values are unknown, as in `mean`.
    over : str or list of str
        Columns that make the cells: age group, sex.
    standard : mapping
        Cell to its size in the standard population, in any unit:
        ``{"0-17": 310, ...}``; for several columns ``{("f", "0-17"): 150, ...}``.
        Cells of size 0 are left out.
    by : str or list of str, optional
        Groups to compare, such as rounds.
    where : str or array of shape (n,), optional
    ci : str
        "t", or for a 0/1 variable an interval of `proportion` at the effective size.
    level : float

    Returns
    -------
    Estimate or Estimates
        `Estimates` with the joint covariance if `by` is given; `contrast` compares
        them. Diagnostics: ``df``, ``n_unknown``, ``n_cells``, ``crude`` (the weighted
        mean of the group as it is).

    Raises
    ------
    InputError
        If the data hold a cell that the standard does not know, or sizes are negative.
    NotEstimableError
        If a group has no known row in a cell of the standard: every such cell is named.

    Notes
    -----
    ``sum_k s_k mean_k`` with the standard's shares s_k, taken as known, and the cells'
    design-weighted means; its variance has the covariance of the cells. Degrees of
    freedom are PSUs less strata of the group. A cell with few rows can rule the result:
    merge such cells in the standard.

    References
    ----------
    Fleiss, J. L., Levin, B. and Paik, M. C. (2003). Statistical Methods for Rates and
    Proportions, third edition, chapter 19. Wiley.

    Korn, E. L. and Graubard, B. I. (1999). Analysis of Health Surveys. Wiley.

    Examples
    --------
    >>> from estimators import survey
    >>> from estimators.survey import SurveyDesign
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"adult": [0, 0, 1, 1, 1, 1], "y": [1, 0, 0, 0, 0, 1]})
    >>> survey.standardise(SurveyDesign.from_frame(frame), "y", over="adult",
    ...                    standard={0: 100, 1: 100}).estimate
    0.375
    """
    check_choice("ci", ci, get_args(StandardInterval))
    check_level(level)
    check_design(design)
    groups, cells = as_names(by), as_names(over)
    check_columns(design.frame, {f"over[{i}]": name for i, name in enumerate(cells)})
    shares = _read_standard(standard, cells, groups)
    sample, (values,) = read_domains(design, [variable], [*groups, *cells], where)
    found = domain_means(sample, values)
    made = _Standardised(
        groups=_groups(sample.domains.groups, groups),
        matrix=_shares_by_group(sample.domains.groups, groups, cells, shares),
        found=found,
    )
    inside = np.isin(values[sample.inside], (0.0, 1.0)).all()
    if ci in PROPORTION_INTERVALS and not inside:
        raise InputError(f'ci="{ci}" is for a 0/1 variable; {variable!r} is not.')
    rows = _rows(made, variable, ci, level)
    notes = (*design.notes, *sample.notes)
    if by is None:
        return rows[0].with_notes(*notes)
    return Estimates(
        rows=tuple(rows), groups=made.groups, covariance=made.covariance, notes=notes
    )


def _read_standard(
    standard: Mapping[Any, float], cells: tuple[str, ...], groups: tuple[str, ...]
) -> dict[tuple[Any, ...], float]:
    if not cells or set(cells) & set(groups):
        raise InputError(
            f"over={list(cells)} must name at least one column that is not in by."
        )
    sizes = {
        key if isinstance(key, tuple) else (key,): size
        for key, size in standard.items()
    }
    wrong = [
        key
        for key, size in sizes.items()
        if not (isinstance(size, int | float | np.number) and 0 <= size < math.inf)
    ]
    lengths = [key for key in sizes if len(key) != len(cells)]
    total = math.nan if wrong else math.fsum(sizes.values())
    if wrong or lengths or not total > 0:
        raise InputError(
            f"standard must give each cell of {list(cells)} a size >= 0, not all 0; "
            f"wrong: {list_names([*wrong, *lengths]) or 'all sizes are 0'}."
        )
    return {key: size / total for key, size in sizes.items()}


def _groups(
    found: tuple[Mapping[str, Any], ...], names: tuple[str, ...]
) -> tuple[Mapping[str, Any], ...]:
    keys = dict.fromkeys(tuple(one[name] for name in names) for one in found)
    return tuple(dict(zip(names, key, strict=True)) for key in keys)


def _shares_by_group(
    found: tuple[Mapping[str, Any], ...],
    groups: tuple[str, ...],
    cells: tuple[str, ...],
    shares: dict[tuple[Any, ...], float],
) -> FloatMatrix:
    """Return the standard's share of each domain in each group's mean."""
    keys = [tuple(one[name] for name in groups) for one in found]
    order = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    matrix = np.zeros((len(order), len(found)))
    missing = {key: dict(shares) for key in order}
    strange = []
    for place, (key, one) in enumerate(zip(keys, found, strict=True)):
        cell = tuple(one[name] for name in cells)
        if cell not in shares:
            strange.append(dict(one))
            continue
        matrix[order[key], place] = shares[cell]
        missing[key].pop(cell)
    if strange:
        raise InputError(
            f"The standard has no size for {list_names(strange)}: give one (0 leaves "
            "the cell out), or use where."
        )
    empty = [
        {**dict(zip(groups, key, strict=True)), **dict(zip(cells, cell, strict=True))}
        for key, left in missing.items()
        for cell, share in left.items()
        if share > 0
    ]
    if empty:
        raise NotEstimableError(
            f"No known row in {len(empty)} cells of the standard: {list_names(empty)}. "
            "Merge cells in the standard, or leave the group out with where."
        )
    return matrix


def _rows(
    made: _Standardised, variable: str, ci: StandardInterval, level: float
) -> list[Estimate]:
    found, sample = made.found, made.found.sample
    names = list(made.groups[0])
    place_of = {tuple(group.values()): i for i, group in enumerate(made.groups)}
    of_domain = np.array(
        [place_of[tuple(one[name] for name in names)] for one in sample.domains.groups]
    )
    used = made.matrix.sum(axis=0) > 0  # cells of size 0 count nowhere
    code = sample.domains.code
    group = np.where(
        (code >= 0) & used[np.maximum(code, 0)], of_domain[np.maximum(code, 0)], -1
    ).astype(np.int64)
    dfs = domain_degrees_of_freedom(sample.design, group, len(made.groups))
    variances = np.clip(np.diag(made.covariance), 0, None)
    rows = []
    for place, estimate in enumerate(made.estimate.tolist()):
        own = (of_domain == place) & used
        n, df = int(sample.n_known[own].sum()), float(dfs[place])
        unknown = int(sample.n_unknown[own].sum())
        weight = found.sum_of_weights[own]
        notes = (
            [f"{unknown} rows of unknown {variable} are left out"] if unknown else []
        )
        interval, more = _interval(
            made, place, (estimate, float(variances[place]), n, df), (ci, level)
        )
        rows.append(
            Estimate(
                estimand=f"standardised mean of {variable}",
                unit=variable if ci == "t" else "proportion",
                method="survey_standardise",
                estimate=estimate,
                std_error=math.inf if df <= 0 else math.sqrt(variances[place]),
                ci=interval,
                n_obs=n,
                notes=(*notes, *more),
                diagnostics={
                    "df": df,
                    "n_unknown": float(unknown),
                    "n_cells": float(own.sum()),
                    "crude": float(weight @ found.estimate[own] / weight.sum()),
                },
            )
        )
    return rows


def _interval(
    made: _Standardised,
    place: int,
    what: tuple[float, float, int, float],
    how: tuple[StandardInterval, float],
) -> tuple[Interval, list[str]]:
    estimate, variance, n, df = what
    ci, level = how
    if df <= 0:
        note = "no interval: the group has no degrees of freedom (PSUs less strata)"
        return t_interval(estimate, math.inf, level=level, df=df), [note]
    if ci == "t":
        note = "the design variance is 0: the interval shows no uncertainty"
        interval = t_interval(estimate, math.sqrt(variance), level=level, df=df)
        return interval, [] if variance > 0 else [note]
    if variance > 0 and 0 < estimate < 1:
        return proportion_interval(ci, estimate, variance, n=n, df=df, level=level), []
    # Kish: cells with a large share and few rows make the effective size small.
    rows = made.found.sample.n_known
    worth = 1 / float((made.matrix[place] ** 2 / rows).sum())
    reason = "no variance between PSUs"
    note = (
        f"{reason}: the interval is Clopper-Pearson's at {worth:.1f} rows, what {n} "
        "rows are worth with the standard's shares"
    )
    interval = fallback_interval(
        min(max(estimate, 0.0), 1.0), worth, level=level, reason=reason
    )
    return interval, [note]
