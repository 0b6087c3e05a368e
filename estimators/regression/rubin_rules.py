"""Rubin's rules on arrays: one number, several together, and tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import fdtrc

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatMatrix, FloatVector

__all__ = ["Pooled", "combine", "d1_test", "d2_test", "d3_test"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pooled:
    """Several numbers over m imputations; arrays of shape (k,) or (k, k).

    `total` = within + (1 + 1/m) between; `increase` is the relative increase in
    variance for nonresponse, `df` Barnard and Rubin's, `missing_information` the
    fraction of information lost, `monte_carlo_error` how far the estimates would move
    with other imputations.
    """

    estimate: FloatVector
    within: FloatMatrix
    between: FloatMatrix
    total: FloatMatrix
    increase: FloatVector
    df: FloatVector
    missing_information: FloatVector
    monte_carlo_error: FloatVector


def combine(
    estimates: FloatMatrix, covariances: FloatArray, df_complete: FloatVector
) -> Pooled:
    """Return Rubin's (1987) combination with Barnard and Rubin's (1999) df.

    Parameters
    ----------
    estimates : ndarray of shape (m, k)
    covariances : ndarray of shape (m, k, k)
    df_complete : ndarray of shape (k,)
        Degrees of freedom that complete data would have; infinite for large samples.
    """
    m = len(estimates)
    within = covariances.mean(axis=0)
    away = estimates - estimates.mean(axis=0)
    between = away.T @ away / (m - 1)
    total = within + (1 + 1 / m) * between
    added = (1 + 1 / m) * np.diag(between)
    spread = np.diag(total)
    share = np.divide(added, spread, out=np.zeros_like(added), where=spread > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        increase = added / np.diag(within)
        from_m = np.where(share > 0, (m - 1) / share**2, np.inf)
        observed = np.where(
            np.isinf(df_complete),
            np.inf,
            (df_complete + 1) / (df_complete + 3) * df_complete * (1 - share),
        )
        df = 1 / (1 / from_m + 1 / observed)
    increase = np.where(added == 0, 0.0, increase)
    information = np.where(
        np.isinf(increase), 1.0, (increase + 2 / (df + 3)) / (1 + increase)
    )
    return Pooled(
        estimate=estimates.mean(axis=0),
        within=within,
        between=between,
        total=total,
        increase=increase,
        df=df,
        missing_information=np.where(added == 0, 0.0, information),
        monte_carlo_error=np.sqrt(np.diag(between) / m),
    )


def d1_test(
    estimates: FloatMatrix, covariances: FloatArray, df_complete: float
) -> tuple[float, float, float, float]:
    """Return F, its degrees of freedom and p of k estimates being 0 together.

    Li, Raghunathan and Rubin's (1991) D1, which takes the share of missing information
    as equal in all directions; Reiter's (2007) denominator where complete data have
    finitely many degrees of freedom.
    """
    m, k = estimates.shape
    pooled = combine(estimates, covariances, np.full(k, df_complete))
    lost = np.linalg.solve(pooled.within, pooled.between)
    r = (1 + 1 / m) * float(np.trace(lost)) / k
    mean = pooled.estimate
    statistic = float(mean @ np.linalg.solve(pooled.within, mean)) / (k * (1 + r))
    denominator = _d1_df(k * (m - 1), k, r, df_complete)
    return statistic, float(k), denominator, float(fdtrc(k, denominator, statistic))


def _d1_df(t: float, k: int, r: float, df_complete: float) -> float:
    if r == 0:
        return df_complete
    if t <= 4:
        return t * (1 + 1 / k) * (1 + 1 / r) ** 2 / 2
    if np.isinf(df_complete):
        return 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2
    a = r * t / (t - 2)
    v = (df_complete + 1) / (df_complete + 3) * df_complete
    c0, c1, c2 = 1 / (t - 4), v - 2 * (1 + a), v - 4 * (1 + a)
    z = (
        1 / c2
        + c0 * a**2 * c1 / ((1 + a) ** 2 * c2)
        + c0 * 8 * a**2 * c1 / ((1 + a) * c2**2)
        + c0 * 4 * a**2 / ((1 + a) * c2)
        + c0 * 4 * a**2 / (c2 * c1)
        + c0 * 16 * a**2 * c1 / c2**3
        + c0 * 8 * a**2 / c2**2
    )
    return 4 + 1 / z


def d2_test(statistics: FloatVector, k: float) -> tuple[float, float, float, float]:
    """Return F, its degrees of freedom and p from m chi-square statistics alone.

    Li, Meng, Raghunathan and Rubin (1991): less powerful than D1.
    """
    m = len(statistics)
    r = (1 + 1 / m) * float(np.sqrt(statistics).var(ddof=1))
    statistic = (float(statistics.mean()) / k - (m + 1) / (m - 1) * r) / (1 + r)
    denominator = np.inf if r == 0 else k ** (-3 / m) * (m - 1) * (1 + 1 / r) ** 2
    return _f_test(statistic, k, denominator)


def d3_test(
    mean: float, at_pooled: float, k: float, m: int
) -> tuple[float, float, float, float]:
    """Return F, its degrees of freedom and p from likelihood ratio statistics.

    Meng and Rubin (1992): the mean statistic, and the mean of statistics at the pooled
    parameters of both models.
    """
    t = k * (m - 1)
    r = max((m + 1) / t * (mean - at_pooled), 0.0)
    statistic = at_pooled / (k * (1 + r))
    if r == 0:
        denominator = np.inf
    elif t > 4:
        denominator = 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2
    else:
        denominator = t * (1 + 1 / k) * (1 + 1 / r) ** 2 / 2
    return _f_test(statistic, k, denominator)


def _f_test(
    statistic: float, k: float, denominator: float
) -> tuple[float, float, float, float]:
    kept = max(statistic, 0.0)
    # The F distribution with so many denominators is chi-square to rounding.
    p_value = float(fdtrc(k, min(denominator, 1e12), kept))
    return kept, float(k), float(denominator), p_value
