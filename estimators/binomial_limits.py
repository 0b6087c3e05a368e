"""Confidence limits of a binomial proportion, by name.

Shared by the families that start from counts. Methods that invert a distribution over
the counts (``mid_p``, ``blaker``, ``sterne``) need whole counts; the others also take
the real-valued counts of an effective sample size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import numpy as np
from scipy.optimize import brentq
from scipy.special import bdtr, bdtrc, betainc, betaincinv, gammaln, ndtr, ndtri, xlogy

from estimators.checks import check_choice
from estimators.errors import InputError
from estimators.intervals import critical_value, logit_interval, wald_interval

__all__ = ["BINOMIAL_METHODS", "BinomialMethod", "Limits", "binomial_limits"]

BinomialMethod: TypeAlias = Literal[
    "wilson",
    "wilson_corrected",
    "clopper_pearson",
    "jeffreys",
    "jeffreys_hpd",
    "agresti_coull",
    "wald",
    "logit",
    "probit",
    "cloglog",
    "likelihood",
    "mid_p",
    "blaker",
    "sterne",
]
BINOMIAL_METHODS: tuple[str, ...] = get_args(BinomialMethod)
Limits: TypeAlias = tuple[float, float]
# brentq's least relative tolerance: limits are exact to the last digits of a double.
_RELATIVE = 8.9e-16


def binomial_limits(
    successes: float, n: float, method: BinomialMethod, *, level: float
) -> Limits:
    """Return the lower and upper limit of a proportion.

    Parameters
    ----------
    successes, n : float
        Counts, 0 <= successes <= n and n > 0; whole for ``mid_p, blaker, sterne``.
    method : str
        One of `BINOMIAL_METHODS`; `estimators.proportions.proportion_ci` explains them.
    level : float

    Returns
    -------
    tuple of float
        As the formula has them: ``wald`` and ``agresti_coull`` may leave [0, 1].

    Raises
    ------
    InputError
        If the method is not known, or needs whole counts and others came.

    Examples
    --------
    >>> low, high = binomial_limits(4, 80, "sterne", level=0.95)
    >>> round(low, 4), round(high, 4)
    (0.0173, 0.1231)
    """
    check_choice("method", method, BINOMIAL_METHODS)
    if method in _WHOLE_COUNTS and not (
        float(successes).is_integer() and float(n).is_integer()
    ):
        raise InputError(
            f"The {method} limits need whole counts; {successes!r} of {n!r} came. An "
            "effective sample size goes with clopper_pearson, wilson, jeffreys, "
            "logit or likelihood."
        )
    if method in _WHOLE_COUNTS:
        low, high = _WHOLE_COUNTS[method](int(successes), int(n), level)
    else:
        low, high = _METHODS[method](float(successes), float(n), level)
    if method == "agresti_coull":
        return low, high
    # The formulas reach the border only up to rounding.
    return (0.0 if successes == 0 else low), (1.0 if successes == n else high)


def _wald(x: float, n: float, level: float) -> Limits:
    p = x / n
    interval = wald_interval(p, math.sqrt(p * (1 - p) / n), level=level)
    return interval.low, interval.high


def _logit(x: float, n: float, level: float) -> Limits:
    if x in (0, n):
        return _clopper_pearson(x, n, level)
    p = x / n
    interval = logit_interval(p, math.sqrt(p * (1 - p) / n), level=level)
    return interval.low, interval.high


def _wilson(x: float, n: float, level: float) -> Limits:
    return _score_limits(x / n, n, level)


def _wilson_corrected(x: float, n: float, level: float) -> Limits:
    low = 0.0 if x == 0 else _score_limits((x - 0.5) / n, n, level)[0]
    high = 1.0 if x == n else _score_limits((x + 0.5) / n, n, level)[1]
    return low, high


def _score_limits(p: float, n: float, level: float) -> Limits:
    z = critical_value(level)
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return centre - reach, centre + reach


def _agresti_coull(x: float, n: float, level: float) -> Limits:
    z = critical_value(level)
    n_added = n + z**2
    centre = (x + z**2 / 2) / n_added
    reach = z * math.sqrt(centre * (1 - centre) / n_added)
    return centre - reach, centre + reach


def _clopper_pearson(x: float, n: float, level: float) -> Limits:
    tail = (1 - level) / 2
    low = 0.0 if x == 0 else float(betaincinv(x, n - x + 1, tail))
    high = 1.0 if x == n else 1 - float(betaincinv(n - x, x + 1, tail))
    return low, high


def _jeffreys(x: float, n: float, level: float) -> Limits:
    tail = (1 - level) / 2
    low = float(betaincinv(x + 0.5, n - x + 0.5, tail))
    high = 1 - float(betaincinv(n - x + 0.5, x + 0.5, tail))
    return low, high


def _jeffreys_hpd(x: float, n: float, level: float) -> Limits:
    """Return the shortest interval of posterior probability `level`."""
    a, b = x + 0.5, n - x + 0.5
    if a <= 1:
        return 0.0, float(betaincinv(a, b, level))
    if b <= 1:
        return float(1 - betaincinv(b, a, level)), 1.0

    def partner(low: float) -> float:
        # Beyond 1 by rounding the inverse would be NaN.
        return float(betaincinv(a, b, min(float(betainc(a, b, low)) + level, 1.0)))

    def higher(low: float) -> float:
        """Return the log density at the lower end less that at the upper end."""
        high = partner(low)
        return float(
            xlogy(a - 1, low)
            + xlogy(b - 1, 1 - low)
            - xlogy(a - 1, high)
            - xlogy(b - 1, 1 - high)
        )

    # At 0 the density is 0 and at the other end the upper limit is 1: signs differ.
    most = float(betaincinv(a, b, 1 - level))
    low = float(brentq(higher, most * 1e-12, most * (1 - 1e-12), xtol=1e-300))
    return low, partner(low)


def _probit(x: float, n: float, level: float) -> Limits:
    if x in (0, n):
        return _clopper_pearson(x, n, level)
    p = x / n
    centre = float(ndtri(p))
    density = math.exp(-(centre**2) / 2) / math.sqrt(2 * math.pi)
    reach = critical_value(level) * math.sqrt(p * (1 - p) / n) / density
    return float(ndtr(centre - reach)), float(ndtr(centre + reach))


def _cloglog(x: float, n: float, level: float) -> Limits:
    if x in (0, n):
        return _clopper_pearson(x, n, level)
    p = x / n
    centre = math.log(-math.log(p))
    reach = critical_value(level) * math.sqrt((1 - p) / (n * p)) / -math.log(p)
    return math.exp(-math.exp(centre + reach)), math.exp(-math.exp(centre - reach))


def _likelihood(x: float, n: float, level: float) -> Limits:
    return _likelihood_low(x, n, level), 1 - _likelihood_low(n - x, n, level)


def _likelihood_low(x: float, n: float, level: float) -> float:
    if x == 0:
        return 0.0
    p = x / n
    bound = critical_value(level) ** 2 / 2
    if x == n:
        return math.exp(-bound / n)

    def excess(theta: float) -> float:
        gain = xlogy(x, p / theta) + xlogy(n - x, (1 - p) / (1 - theta))
        return float(gain) - bound

    # x log(p / theta) alone passes the bound here, and the other term is >= -(n - x) p.
    least = p * math.exp(-(bound + n) / x - 1)
    return float(brentq(excess, max(least, 1e-300), p, xtol=1e-300, rtol=_RELATIVE))


def _mid_p(x: int, n: int, level: float) -> Limits:
    return _mid_p_low(x, n, level), 1 - _mid_p_low(n - x, n, level)


def _mid_p_low(x: int, n: int, level: float) -> float:
    if x == 0:
        return 0.0
    tail = (1 - level) / 2

    def excess(p: float) -> float:
        # P(X > x) + P(X = x) / 2, as the mean of P(X > x) and P(X >= x).
        return float(bdtrc(x, n, p) + bdtrc(x - 1, n, p)) / 2 - tail

    if x == n:
        return float((2 * tail) ** (1 / n))
    return float(brentq(excess, 0.0, 1.0, xtol=1e-300, rtol=_RELATIVE))


def _blaker(x: int, n: int, level: float) -> Limits:
    return _blaker_low(x, n, level), 1 - _blaker_low(n - x, n, level)


def _blaker_low(x: int, n: int, level: float) -> float:
    """Return the lower end of the hull of {p: acceptability > 1 - level}.

    With u(p) = P(X >= x), increasing, and F_k(p) = P(X <= k), decreasing, the
    acceptability is u + F_k for the largest k with F_k <= u. That k changes where
    F_k = u, and the acceptability is then twice u: above the tail's Clopper-Pearson
    limit such a change point is always accepted. Before the first one the
    acceptability is quasi-convex and starts below alpha, so it crosses it once at most.
    """
    if x == 0:
        return 0.0
    alpha = 1 - level
    start = _clopper_pearson(x, n, level)[0]
    k = _largest_opposite(x, n, start, alpha / 2)

    def upper_tail(p: float) -> float:
        return float(bdtrc(x - 1, n, p))

    def gap(p: float) -> float:
        return float(bdtr(k + 1, n, p)) - upper_tail(p)

    def acceptability(p: float) -> float:
        return upper_tail(p) + (float(bdtr(k, n, p)) if k >= 0 else 0.0) - alpha

    change = float(brentq(gap, start, 1.0, xtol=1e-300, rtol=_RELATIVE))
    if acceptability(change) <= 0:
        return change
    return float(brentq(acceptability, start, change, xtol=1e-300, rtol=_RELATIVE))


def _largest_opposite(x: int, n: int, p: float, tail: float) -> int:
    """Return the largest k with P(X <= k) <= tail at p, -1 if there is none."""
    least, most = -1, x - 1
    while most - least > 1:
        middle = (least + most) // 2
        if bdtr(middle, n, p) <= tail:
            least = middle
        else:
            most = middle
    return least


def _sterne(x: int, n: int, level: float) -> Limits:
    return _sterne_low(x, n, level), 1 - _sterne_low(n - x, n, level)


def _sterne_low(x: int, n: int, level: float) -> float:
    """Return the lower end of the hull of {p: P(outcomes no likelier than x) > alpha}.

    Below x / n those outcomes are X >= x and X <= k, where k joins as soon as
    P(k) <= P(x), that is from the odds (C(n, k) / C(n, x))^(1 / (x - k)) on, which rise
    with k. Between two such points the probability falls and then rises, so that the
    first crossing of alpha lies at a joining point or in the rise before the next.
    """
    if x == 0:
        return 0.0
    alpha = 1 - level
    k = np.arange(x, dtype=np.float64)
    log_choose = -gammaln(k + 1) - gammaln(n - k + 1)
    log_odds = (log_choose + gammaln(x + 1) + gammaln(n - x + 1)) / (x - k)
    joins = 1 / (1 + np.exp(-log_odds))
    last = k.astype(np.int64)
    before = bdtrc(x - 1, n, joins) + np.where(last > 0, bdtr(last - 1, n, joins), 0.0)
    after = bdtrc(x - 1, n, joins) + bdtr(last, n, joins)
    reached = np.flatnonzero(np.maximum(before, after) > alpha)
    first = int(reached[0]) if reached.size else x
    if reached.size and before[first] <= alpha:
        return float(joins[first])
    start = _turning_point(x, n, first - 1)
    start = max(start, float(joins[first - 1]) if first else 0.0)
    end = float(joins[first]) if reached.size else x / n

    def excess(p: float) -> float:
        opposite = float(bdtr(first - 1, n, p)) if first else 0.0
        return float(bdtrc(x - 1, n, p)) + opposite - alpha

    return float(brentq(excess, start, end, xtol=1e-300, rtol=_RELATIVE))


def _turning_point(x: int, n: int, k: int) -> float:
    """Return the p from which P(X >= x) + P(X <= k) rises."""
    if k < 0:
        return 0.0
    log_ratio = gammaln(x) + gammaln(n - x + 1) - gammaln(k + 1) - gammaln(n - k)
    return float(1 / (1 + math.exp(-log_ratio / (x - 1 - k)))) if x - 1 > k else 0.0


_METHODS: dict[str, Callable[[float, float, float], Limits]] = {
    "wilson": _wilson,
    "wilson_corrected": _wilson_corrected,
    "clopper_pearson": _clopper_pearson,
    "jeffreys": _jeffreys,
    "jeffreys_hpd": _jeffreys_hpd,
    "agresti_coull": _agresti_coull,
    "wald": _wald,
    "logit": _logit,
    "probit": _probit,
    "cloglog": _cloglog,
    "likelihood": _likelihood,
}
_WHOLE_COUNTS: dict[str, Callable[[int, int, float], Limits]] = {
    "mid_p": _mid_p,
    "blaker": _blaker,
    "sterne": _sterne,
}
