"""Linear combinations of estimates that share a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, stdtr

from estimators.errors import InputError
from estimators.results import Estimate, Estimates, Interval
from estimators.survey.proportion_intervals import t_quantile
from estimators.survey.rows import check_df, t_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["combine", "contrast", "joint_covariance"]


def contrast(
    estimates: Estimates,
    weights: ArrayLike,
    *,
    label: str | Sequence[str],
    df: float | None = None,
) -> Estimate | Estimates:
    """Return linear combinations of the rows of one result, with their covariance.

    Parameters
    ----------
    estimates : Estimates
        k rows with their joint covariance, as `mean(..., by=)` gives them.
    weights : array of shape (k,) or (m, k)
        One combination, or one per row: ``[-1, 1]`` is second minus first.
    label : str or list of m str
        What the combination is: ``"2012 - 2010"``.
    df : float, optional
        Degrees of freedom of t; default those of all rows together.

    Returns
    -------
    Estimate or Estimates
        At the level of the rows. Diagnostics ``df``, ``statistic`` and two-sided
        ``p_value`` of no difference from 0.

    Raises
    ------
    InputError
        If there is no covariance, or the shapes or labels do not fit.

    Notes
    -----
    ``c'Vc`` with Student's t. A row of no events (or of no degrees of freedom) has no
    usable standard error: a combination that holds one recovers its limits from the
    limits of the rows instead (MOVER, with the rows' correlations), and the standard
    error and p value from these. Zou and Donner (2008), Construction of confidence
    limits about effect measures, Statistics in Medicine 27, doi:10.1002/sim.3095.

    Examples
    --------
    >>> from estimators import survey
    >>> from estimators.survey import SurveyDesign
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"sex": ["f", "f", "m", "m"], "y": [2.0, 4, 5, 9]})
    >>> means = survey.mean(SurveyDesign.from_frame(frame), "y", by="sex")
    >>> survey.contrast(means, [-1, 1], label="m - f").estimate
    4.0
    """
    matrix = np.asarray(weights, dtype=np.float64)
    labels = (label,) if isinstance(label, str) else tuple(label)
    single = matrix.ndim == 1
    matrix = np.atleast_2d(matrix)
    if matrix.shape != (len(labels), len(estimates)):
        raise InputError(
            f"Weights of shape {np.shape(weights)} with {len(labels)} labels do not "
            f"fit {len(estimates)} estimates: give one weight per estimate and one "
            "label per combination."
        )
    if not np.isfinite(matrix).all():
        raise InputError("The weights of a contrast must be finite numbers.")
    check_df(df)
    rows = [
        combine(
            estimates,
            row,
            df=_shared_df(estimates, row) if df is None else df,
            words={"estimand": f"{estimates[0].estimand}: {name}",
                   "unit": estimates[0].unit},
        )
        for row, name in zip(matrix, labels, strict=True)
    ]  # fmt: skip
    if single:
        return rows[0].with_notes(*estimates.notes)
    groups = tuple({"contrast": name} for name in labels)
    return Estimates(
        rows=tuple(rows),
        groups=groups,
        covariance=matrix @ joint_covariance(estimates) @ matrix.T,
        notes=estimates.notes,
    )


def joint_covariance(estimates: Estimates) -> FloatMatrix:
    """Return the covariance of the rows; an error says where to get one."""
    if estimates.covariance is None:
        raise InputError(
            "These estimates carry no joint covariance: a contrast needs the result of "
            "one call with `by`."
        )
    return estimates.covariance


def _shared_df(estimates: Estimates, weights: FloatVector) -> float:
    return min(
        estimates[place].diagnostics.get("df_together", math.inf)
        for place in np.flatnonzero(weights).tolist()
    )


def combine(
    estimates: Estimates,
    weights: FloatVector,
    *,
    df: float,
    words: Mapping[str, str],
) -> Estimate:
    """Return one linear combination; `words` are its estimand and unit."""
    used = np.flatnonzero(weights).tolist()
    rows = [estimates[place] for place in used]
    covariance = joint_covariance(estimates)
    value = float(sum(weights[used] * [row.estimate for row in rows]))
    level = estimates[0].ci.level
    std_error = math.sqrt(max(float(weights @ covariance @ weights), 0.0))
    interval = t_interval(value, std_error, level=level, df=df)
    notes: list[str] = []
    if df <= 0:
        std_error = math.inf
        notes.append("no degrees of freedom: no interval and no test")
    elif any(row.std_error == 0 or math.isinf(row.std_error) for row in rows):
        interval = _mover(estimates, weights, value)
        std_error = interval.width / 2 / t_quantile(level, df)
        notes.append(
            "a group here has no usable standard error: the interval is recovered from "
            "the groups' own intervals (MOVER), the standard error from its width"
        )
    diagnostics = {"df": float(df)}
    facing = (value - interval.low) if value > 0 else (interval.high - value)
    if df > 0 and 0 < facing < math.inf:
        statistic = value / facing * t_quantile(level, df)
        tail = ndtr(-abs(statistic)) if math.isinf(df) else stdtr(df, -abs(statistic))
        diagnostics |= {"statistic": statistic, "p_value": float(2 * tail)}
    return Estimate(
        estimand=words["estimand"],
        unit=words["unit"],
        method=f"{estimates[0].method}_contrast",
        estimate=value,
        std_error=std_error,
        ci=interval,
        n_obs=sum(row.n_obs for row in rows),
        notes=tuple(notes),
        diagnostics=diagnostics,
    )


def _mover(estimates: Estimates, weights: FloatVector, value: float) -> Interval:
    """Return limits recovered from the limits of the rows."""
    used = np.flatnonzero(weights).tolist()
    at = np.array([estimates[place].estimate for place in used])
    limits = np.array(
        [(estimates[place].ci.low, estimates[place].ci.high) for place in used]
    )
    covariance = joint_covariance(estimates)[np.ix_(used, used)]
    spread = np.sqrt(np.diag(covariance))
    scale = np.outer(spread, spread)
    correlation = np.divide(covariance, scale, np.eye(len(used)), where=scale > 0)
    np.fill_diagonal(correlation, 1)
    c = weights[used]
    below = np.where(c > 0, at - limits[:, 0], limits[:, 1] - at) * c
    above = np.where(c > 0, limits[:, 1] - at, at - limits[:, 0]) * c
    level = estimates[0].ci.level
    if not np.isfinite(limits).all():
        return Interval(
            low=-math.inf, high=math.inf, level=level, method="none (no df)"
        )
    low = value - math.sqrt(max(below @ correlation @ below, 0.0))
    high = value + math.sqrt(max(above @ correlation @ above, 0.0))
    return Interval(low=low, high=high, level=level, method="mover")
