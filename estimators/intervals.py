"""Confidence intervals from a standard error, from a likelihood or from replicates.

Arrays and numbers in, `Interval` out; which one suits is the estimator's affair.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri, stdtrit

from estimators.checks import check_level
from estimators.errors import InputError, NotEstimableError
from estimators.results import Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = [
    "basic_interval",
    "bca_interval",
    "critical_value",
    "logit_interval",
    "percentile_interval",
    "t_interval",
    "unseen_log_interval",
    "wald_interval",
]


def critical_value(level: float, *, df: float = math.inf) -> float:
    """Return the two-sided critical value of Student's t, of the normal if df = inf.

    Examples
    --------
    >>> round(critical_value(0.95), 6), round(critical_value(0.95, df=14), 6)
    (1.959964, 2.144787)
    """
    upper = 0.5 + check_level(level) / 2
    if not df > 0:
        raise NotEstimableError(
            f"df={df!r}: an interval needs degrees of freedom above 0. With as many "
            "strata as sampled clusters nothing is left to measure their scatter."
        )
    return float(ndtri(upper) if math.isinf(df) else stdtrit(df, upper))


def wald_interval(
    estimate: float,
    std_error: float,
    *,
    level: float = 0.95,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Interval:
    """Return estimate -+ z * std_error, cut at `bounds`.

    Parameters
    ----------
    estimate, std_error : float
        In one unit; an infinite `std_error` gives the whole of `bounds`.
    level : float
    bounds : tuple of float
        Least and greatest lawful value, (0, 1) for a proportion.

    Raises
    ------
    InputError
        If `std_error` is negative or not a number.

    Examples
    --------
    >>> wald_interval(0.1, 0.06, bounds=(0, 1)).low
    0.0
    """
    reach = critical_value(level) * _check_std_error(std_error)
    low, high = _within(bounds, estimate - reach, estimate + reach)
    return Interval(low=low, high=high, level=level, method="Wald")


def t_interval(
    estimate: float,
    std_error: float,
    *,
    df: float,
    level: float = 0.95,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Interval:
    """Return estimate -+ t(df) * std_error, cut at `bounds`.

    Raises
    ------
    InputError
        If `std_error` is negative or not a number.
    NotEstimableError
        If `df` is not above 0.

    Examples
    --------
    >>> round(t_interval(644.17, 23.78, df=14).high, 2)
    695.17
    """
    reach = critical_value(level, df=df) * _check_std_error(std_error)
    low, high = _within(bounds, estimate - reach, estimate + reach)
    method = "Wald" if math.isinf(df) else f"t with {df:g} df"
    return Interval(low=low, high=high, level=level, method=method)


def logit_interval(
    proportion: float, std_error: float, *, level: float = 0.95, df: float = math.inf
) -> Interval:
    """Return a Wald interval on the logit scale, carried back to proportions.

    logit(p) -+ t(df) * std_error / (p (1 - p)).

    Raises
    ------
    NotEstimableError
        At a proportion of 0 or 1, whose logit is infinite.

    Examples
    --------
    >>> interval = logit_interval(0.25, (0.25 * 0.75 / 20) ** 0.5)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.1081, 0.4784)
    """
    if not 0 < proportion < 1:
        raise NotEstimableError(
            f"A logit interval needs a proportion inside (0, 1), {proportion!r} came: "
            "use an exact (Clopper-Pearson, Korn-Graubard) interval at 0 and 1."
        )
    _check_std_error(std_error)
    reach = critical_value(level, df=df) * std_error / (proportion * (1 - proportion))
    low, high = expit(logit(proportion) + np.array([-reach, reach]))
    return Interval(low=float(low), high=float(high), level=level, method="logit")


def unseen_log_interval(
    total: float, seen: float, variance: float, *, level: float = 0.95
) -> Interval:
    """Return an interval for a population's size whose lower limit exceeds the seen.

    The unseen part U = total - seen is taken as log-normal: with
    C = exp(z sqrt(log(1 + variance / U^2))) the limits are seen + U / C and
    seen + U C. ``seen=0`` gives the ordinary log-normal interval.

    Parameters
    ----------
    total : float
        Estimated size, in persons, at least `seen`.
    seen : float
        Distinct persons observed.
    variance : float
        Of `total`, in persons squared; infinite gives [seen, inf).
    level : float

    Raises
    ------
    InputError
        If `total` is below `seen` or the variance is negative.

    References
    ----------
    Chao, A. (1987). Estimating the population size for capture-recapture data with
    unequal catchability. Biometrics 43, 783-791. https://doi.org/10.2307/2531532

    Examples
    --------
    >>> interval = unseen_log_interval(28.33, 20, 18.0)
    >>> round(interval.low, 1), round(interval.high, 1)
    (23.2, 41.4)
    """
    unseen = total - seen
    if not (unseen >= 0 and variance >= 0):
        raise InputError(
            f"total={total!r}, seen={seen!r}, variance={variance!r}: the total must be "
            "at least the persons seen and the variance at least 0."
        )
    reach = critical_value(level)
    if unseen == 0:
        return Interval(low=seen, high=seen, level=level, method="log-normal unseen")
    # The ratio is squared last: (unseen * unseen) would overflow or vanish sooner.
    spread = math.exp(
        min(reach * math.sqrt(math.log1p((math.sqrt(variance) / unseen) ** 2)), 700.0)
    )
    if math.isinf(variance):
        spread = math.inf
    return Interval(
        low=float(seen + unseen / spread),
        high=float(seen + unseen * spread),
        level=level,
        method="log-normal unseen",
    )


def percentile_interval(replicates: FloatVector, *, level: float = 0.95) -> Interval:
    """Return the equal-tailed quantiles of bootstrap replicates.

    Parameters
    ----------
    replicates : ndarray of shape (replicates,)
        Infinite values are lawful (an unbounded size); missing ones are not.
    level : float

    Raises
    ------
    InputError
        If a replicate is NaN or fewer than two came.

    Examples
    --------
    >>> import numpy as np
    >>> percentile_interval(np.arange(101.0), level=0.9).high
    95.0
    """
    tail = (1 - check_level(level)) / 2
    low, high = _quantiles(_check_replicates(replicates), [tail, 1 - tail])
    return Interval(low=low, high=high, level=level, method="percentile bootstrap")


def basic_interval(
    estimate: float, replicates: FloatVector, *, level: float = 0.95
) -> Interval:
    """Return the percentile interval mirrored at the estimate: 2 * estimate - quantile.

    Parameters
    ----------
    estimate : float
    replicates : ndarray of shape (replicates,)
    level : float

    Raises
    ------
    InputError
        If a replicate is NaN or fewer than two came.

    Examples
    --------
    >>> import numpy as np
    >>> basic_interval(60.0, np.arange(101.0), level=0.9).low
    25.0
    """
    quantiles = percentile_interval(replicates, level=level)
    return Interval(
        low=2 * estimate - quantiles.high,
        high=2 * estimate - quantiles.low,
        level=level,
        method="basic bootstrap",
    )


def bca_interval(
    estimate: float,
    replicates: FloatVector,
    jackknife_values: FloatVector,
    *,
    level: float = 0.95,
) -> Interval:
    """Return the bias-corrected and accelerated bootstrap interval.

    Parameters
    ----------
    estimate : float
    replicates : ndarray of shape (replicates,)
        Bootstrap replicates; ties with `estimate` count half.
    jackknife_values : ndarray of shape (units,)
        Leave-one-out values of the statistic: they give the acceleration, which is 0
        when they are all equal.
    level : float

    Returns
    -------
    Interval
        Where every replicate lies on one side of the estimate the bias correction is
        infinite; the percentile interval is returned and `Interval.method` says so.

    Raises
    ------
    InputError
        If a replicate is NaN, fewer than two came, or a jackknife value is not finite.

    References
    ----------
    Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American
    Statistical Association 82, 171-185. https://doi.org/10.2307/2289144

    Examples
    --------
    >>> import numpy as np
    >>> draws = np.arange(101.0)
    >>> round(bca_interval(50.0, draws, np.array([1.0, 1.0]), level=0.9).low, 6)
    5.0
    """
    draws = _check_replicates(replicates)
    tail = (1 - check_level(level)) / 2
    if draws[0] == draws[-1]:
        return Interval(
            low=float(draws[0]),
            high=float(draws[0]),
            level=level,
            method="BCa bootstrap (all replicates equal)",
        )
    below = np.count_nonzero(draws < estimate)
    ties = np.count_nonzero(draws == estimate)
    bias = float(ndtri((below + 0.5 * ties) / draws.size))
    if math.isinf(bias):
        plain = percentile_interval(draws, level=level)
        return Interval(
            low=plain.low,
            high=plain.high,
            level=level,
            method="percentile bootstrap (BCa undefined: all replicates on one side)",
        )
    acceleration = _acceleration(jackknife_values)
    shifted = bias + np.array([ndtri(tail), ndtri(1 - tail)])
    # Beyond this pole the corrected tail turns back: the outermost replicate is meant.
    room = 1 - acceleration * shifted
    corrected = np.where(
        room > 0, ndtr(bias + shifted / np.where(room > 0, room, 1)), shifted > 0
    )
    low, high = _quantiles(draws, list(corrected))
    return Interval(
        low=min(low, high), high=max(low, high), level=level, method="BCa bootstrap"
    )


def _within(
    bounds: tuple[float, float], low: float, high: float
) -> tuple[float, float]:
    return float(max(low, bounds[0])), float(min(high, bounds[1]))


def _check_std_error(std_error: float) -> float:
    if not std_error >= 0:
        raise InputError(f"std_error={std_error!r}: a number >= 0 was expected.")
    return std_error


def _check_replicates(replicates: FloatVector) -> FloatVector:
    draws = np.sort(np.asarray(replicates, dtype=np.float64))
    if draws.ndim != 1 or draws.size < 2:
        raise InputError(
            f"An interval needs a vector of two replicates or more; shape "
            f"{draws.shape} came."
        )
    missing = np.count_nonzero(np.isnan(draws))
    if missing:
        raise InputError(
            f"{missing} of {draws.size} replicates are NaN: leave failed ones out "
            "knowingly, as `Replicates.values` does, and report how many there were."
        )
    return draws


def _quantiles(sorted_draws: FloatVector, shares: list[float]) -> tuple[float, float]:
    low, high = (_quantile(sorted_draws, float(share)) for share in shares)
    return low, high


def _quantile(sorted_draws: FloatVector, share: float) -> float:
    """Interpolate linearly between order statistics, also beside infinite ones."""
    position = min(max(share, 0.0), 1.0) * (sorted_draws.size - 1)
    left, right = math.floor(position), math.ceil(position)
    below, above = float(sorted_draws[left]), float(sorted_draws[right])
    if below == above or math.isinf(below):
        return below
    return below + (position - left) * (above - below) if left < right else below


def _acceleration(jackknife_values: FloatVector) -> float:
    values = np.asarray(jackknife_values, dtype=np.float64)
    if values.ndim != 1 or values.size < 2 or not np.isfinite(values).all():
        raise InputError(
            "BCa needs two or more finite jackknife values, one per unit left out; "
            f"shape {values.shape} with {np.count_nonzero(~np.isfinite(values))} "
            "non-finite values came."
        )
    influence = values.mean() - values
    scatter = float((influence**2).sum())
    if scatter == 0:
        return 0.0
    return float((influence**3).sum() / (6 * scatter**1.5))
