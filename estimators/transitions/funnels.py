"""Case attrition: how many go on to the next stage, open cases counted as open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtr

from estimators.checks import check_columns, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import wald_interval
from estimators.registry import estimator
from estimators.results import Estimate, Estimates
from estimators.transitions.case_table import CaseTable, example_cases, read_cases
from estimators.transitions.cumulative_incidence import (
    Incidence,
    cumulative_incidence,
    incidence_interval,
)

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, IntVector

__all__ = ["attrition_funnel", "compare_funnels"]

_STAGES = ("opened", "investigated", "filed")


@estimator(
    family="transitions",
    label="Case-attrition funnel with censoring by stage",
    source="Aalen and Johansen 1978; Kaplan and Meier 1958",
    example=lambda: {
        "cases": example_cases(),
        "stages": _STAGES,
        "follow_up": "locked",
        "closed": "closed",
    },
)
def attrition_funnel(
    cases: pd.DataFrame,
    *,
    stages: Sequence[str],
    follow_up: str,
    closed: str | None = None,
    horizon: float | None = None,
    level: float = 0.95,
) -> Estimates:
    """Estimate the probability of going from each stage to the next, and to the last.

    Parameters
    ----------
    cases : DataFrame, one row per case
    stages : list of str
        Columns with the time at which each stage was reached, in order; missing where
        it was not. All dates or all numbers; durations of dates are in days.
    follow_up : str
        Column with the last time at which the case was known: the data lock for all
        that are open.
    closed : str, optional
        Column with the time at which a case was closed for good (withdrawn, acquitted):
        it can go no further, and is a rival of the next stage and no censoring.
    horizon : float, optional
        Time since the earlier stage by which the next must be reached. Default: the
        longest time that anyone was watched from that stage.
    level : float

    Returns
    -------
    Estimates
        Group columns ``from, to``; the last row is from the first stage to the last.
        Diagnostics ``horizon, entered, reached, closed, open, naive_ratio`` and
        ``at_risk_at_horizon``.

    Raises
    ------
    InputError
        If times contradict each other (every kind of contradiction is listed), or
        `follow_up` is missing.
    NotEstimableError
        If no case entered a stage.

    Notes
    -----
    Cases still open are censored at `follow_up`, which may not depend on their chances.
    The naive ratio reached / entered is too low while young cases are open; it is given
    for comparison. Each row's clock starts at its own earlier stage. Without `closed`
    the estimate is one minus Kaplan-Meier.

    References
    ----------
    Aalen, O. O. and Johansen, S. (1978). An empirical transition matrix for
    non-homogeneous Markov chains based on censored observations. Scandinavian Journal
    of Statistics 5, 141-150.

    Kaplan, E. L. and Meier, P. (1958). Nonparametric estimation from incomplete
    observations. Journal of the American Statistical Association 53, 457-481.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators import transitions
    >>> cases = pd.DataFrame({"opened": [0, 0, 0, 0], "filed": [1, 3, None, None],
    ...                       "locked": [9, 9, 2, 9]})
    >>> funnel = transitions.attrition_funnel(cases, stages=["opened", "filed"],
    ...                                       follow_up="locked")
    >>> round(funnel[0].estimate, 4), funnel[0].diagnostics["naive_ratio"]
    (0.625, 0.5)
    """
    check_level(level)
    table = read_cases(cases, stages, follow_up, closed)
    rows, groups, notes = [], [], list(table.notes)
    for origin, target in _steps(table):
        found = _incidence(table, origin, target, horizon)
        names = {"from": table.stages[origin], "to": table.stages[target]}
        rows.append(_row(found, names, level))
        groups.append(names)
        notes.append(_counted(found, names))
    return Estimates(rows=tuple(rows), groups=tuple(groups), notes=tuple(notes))


@estimator(
    family="transitions",
    label="Two case-attrition funnels compared",
    source="Aalen and Johansen 1978; direct standardisation",
    example=lambda: {
        "cases": example_cases(),
        "stages": _STAGES,
        "by": "legal_aid",
        "follow_up": "locked",
        "closed": "closed",
    },
)
def compare_funnels(
    cases: pd.DataFrame,
    *,
    stages: Sequence[str],
    by: str,
    follow_up: str,
    closed: str | None = None,
    strata: str | None = None,
    horizon: float | None = None,
    level: float = 0.95,
) -> Estimates:
    """Compare the stage probabilities of two groups, with and without legal aid, say.

    Parameters
    ----------
    cases : DataFrame, one row per case
    stages : list of str
        As in `attrition_funnel`.
    by : str
        Column with two values; the difference is the greater (or later) less the other.
    follow_up : str
        As in `attrition_funnel`.
    closed : str, optional
        As in `attrition_funnel`.
    strata : str, optional
        Column, such as the half-year of opening, within which the groups are compared;
        each stratum's difference counts by its share of all cases that entered.
    horizon : float, optional
        Default: the longest time that both groups (in every stratum) were watched.
    level : float

    Returns
    -------
    Estimates
        Differences of probabilities; group columns ``from, to``. Diagnostics
        ``probability_1, probability_0, p_value, horizon`` and ``share_compared``, the
        share of cases in strata that hold both groups.

    Raises
    ------
    InputError
        If `by` has not two values, or times contradict each other.
    NotEstimableError
        If no stratum holds both groups.

    Notes
    -----
    A difference is no effect: legal aid went to some cases, in some periods. The notes
    say how far the groups were opened at the same time. Standardising over periods
    removes the part that is due to time only where periods hold both groups.

    References
    ----------
    Aalen, O. O. and Johansen, S. (1978). An empirical transition matrix for
    non-homogeneous Markov chains based on censored observations. Scandinavian Journal
    of Statistics 5, 141-150.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators import transitions
    >>> cases = pd.DataFrame({"opened": [0.0] * 8, "locked": [9.0] * 8,
    ...     "filed": [1, 2, 3, None, 4, None, None, None], "aid": [1] * 4 + [0] * 4})
    >>> result = transitions.compare_funnels(cases, stages=["opened", "filed"],
    ...                                      by="aid", follow_up="locked")
    >>> result[0].estimate
    0.5
    """
    check_level(level)
    columns = {"by": by} if strata is None else {"by": by, "strata": strata}
    check_columns(cases, columns)
    table = read_cases(cases, stages, follow_up, closed)
    kept = cases.loc[table.kept]
    lost = [
        f"{kept[c].isna().sum()} in {c!r}"
        for c in columns.values()
        if kept[c].isna().any()
    ]
    if lost:
        raise InputError(
            f"Missing values among the cases that began: {', '.join(lost)}. Give them "
            "a value of their own, or leave these cases out knowingly."
        )
    values = sorted(kept[by].unique())
    if len(values) != 2:
        raise InputError(f"{by!r} must have two values; it has {values[:5]}.")
    second = (kept[by] == values[1]).to_numpy()
    layer: IntVector = np.zeros(len(kept), dtype=np.int64)
    if strata is not None:
        layer = pd.factorize(kept[strata])[0].astype(np.int64)
    rows, groups, notes = [], [], list(table.notes)
    for origin, target in _steps(table):
        names = {"from": table.stages[origin], "to": table.stages[target]}
        notes.append(_counted(_incidence(table, origin, target, horizon), names))
        rows.append(
            _difference(table, (origin, target), second, layer, horizon, level=level)
        )
        groups.append(names)
    notes += _confounding(table, second, by, values, strata)
    return Estimates(rows=tuple(rows), groups=tuple(groups), notes=tuple(notes))


def _steps(table: CaseTable) -> list[tuple[int, int]]:
    last = len(table.stages) - 1
    steps = [(k, k + 1) for k in range(last)]
    return steps if last == 1 else [*steps, (0, last)]


def _incidence(
    table: CaseTable, origin: int, target: int, horizon: float | None
) -> Incidence:
    duration, outcome = table.transition(origin, target)
    if not duration.size:
        raise NotEstimableError(
            f"No case reached {table.stages[origin]!r}: cut the funnel before it."
        )
    reach = float(duration.max()) if horizon is None else horizon
    if not 0 <= reach < np.inf:
        raise InputError(f"horizon={horizon!r}: a time >= 0 was expected.")
    return cumulative_incidence(duration, outcome, float(reach))


def _counted(found: Incidence, names: dict[str, str]) -> str:
    return (
        f"{names['from']} to {names['to']}: {found.events} of {found.entered} "
        f"reached, {found.rivals} closed, {found.open_cases} open"
    )


def _row(found: Incidence, names: dict[str, str], level: float) -> Estimate:
    notes = []
    if found.horizon > 0 and found.at_risk < 5 < found.entered:
        notes.append(f"only {found.at_risk} cases were watched up to the horizon")
    return Estimate(
        estimand=f"probability of {names['to']} after {names['from']}",
        unit="probability",
        estimate=found.probability,
        std_error=float(np.sqrt(found.variance)),
        ci=incidence_interval(found, level),
        method="attrition_funnel",
        n_obs=found.entered,
        notes=tuple(notes),
        diagnostics={
            "horizon": found.horizon,
            "entered": float(found.entered),
            "reached": float(found.events),
            "closed": float(found.rivals),
            "open": float(found.open_cases),
            "naive_ratio": found.events / found.entered,
            "at_risk_at_horizon": float(found.at_risk),
        },
    )


def _difference(
    table: CaseTable,
    step: tuple[int, int],
    second: BoolVector,
    layer: IntVector,
    horizon: float | None,
    *,
    level: float,
) -> Estimate:
    entered = ~np.isnan(table.reached[:, step[0]])
    pieces = []
    for value in np.unique(layer):
        parts = [(layer == value) & side for side in (second, ~second)]
        if all((part & entered).any() for part in parts):
            data = [table.transition(*step, part) for part in parts]
            pieces.append((int((entered & (layer == value)).sum()), data))
    if not pieces:
        raise NotEstimableError(
            f"No stratum holds cases of both groups that reached "
            f"{table.stages[step[0]]!r}: the groups cannot be told from their strata."
        )
    if horizon is None:
        horizon = min(float(d.max()) for _, data in pieces for d, _ in data)
    size = np.array([weight for weight, _ in pieces], dtype=np.float64)
    share = size / size.sum()
    found = [
        [cumulative_incidence(d, o, horizon) for d, o in data] for _, data in pieces
    ]
    p = np.array([[one.probability for one in pair] for pair in found])
    v = np.array([[one.variance for one in pair] for pair in found])
    means = share @ p
    gap = float(means[0] - means[1])
    error = float(np.sqrt(share**2 @ v.sum(axis=1)))
    return Estimate(
        estimand=f"difference in probability of {table.stages[step[1]]} after "
        f"{table.stages[step[0]]}",
        unit="probability",
        estimate=gap,
        std_error=error,
        ci=wald_interval(gap, error, level=level, bounds=(-1, 1)),
        method="compare_funnels",
        n_obs=int(size.sum()),
        notes=() if error else ("no spread in either group: limits say nothing",),
        diagnostics={
            "probability_1": float(means[0]),
            "probability_0": float(means[1]),
            "p_value": float(2 * ndtr(-abs(gap) / error)) if error else float(gap == 0),
            "horizon": float(horizon),
            "share_compared": float(size.sum() / entered.sum()),
        },
    )


def _confounding(
    table: CaseTable,
    second: BoolVector,
    by: str,
    values: list[object],
    strata: str | None,
) -> list[str]:
    start = table.reached[:, 0]
    one, other = start[second], start[~second]
    low, high = max(one.min(), other.min()), min(one.max(), other.max())
    both = (start >= low) & (start <= high)
    notes = [
        f"{by}={values[1]}: {second.sum()} cases; {by}={values[0]}: "
        f"{(~second).sum()}; {both.mean():.0%} of the cases were opened while both "
        "groups were",
        "a difference is no effect: who received it, and when, was not drawn by lot",
    ]
    if strata is None:
        notes.append("time is not adjusted for: give strata, such as half-years")
    return notes
