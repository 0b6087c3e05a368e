"""Intervals for a proportion from independent counts (a simple random sample)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

from scipy.optimize import brentq
from scipy.special import bdtr, bdtrc, betaincinv

from estimators.checks import check_choice, check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import critical_value, logit_interval, wald_interval
from estimators.registry import estimator
from estimators.results import Estimate, Interval

__all__ = ["ProportionMethod", "proportion_ci"]

ProportionMethod: TypeAlias = Literal[
    "wilson",
    "wilson_corrected",
    "clopper_pearson",
    "jeffreys",
    "agresti_coull",
    "wald",
    "logit",
    "mid_p",
    "blaker",
]
Limits: TypeAlias = tuple[float, float]
# brentq's least relative tolerance: limits are exact to the last digits of a double.
_RELATIVE = 8.9e-16


@estimator(
    family="proportions",
    label="Proportion of independent counts",
    source="Brown, Cai and DasGupta 2001; Newcombe 1998; Blaker 2000",
    example=lambda: {"successes": 17, "n": 140},
)
def proportion_ci(
    successes: int,
    n: int,
    *,
    method: ProportionMethod = "wilson",
    level: float = 0.95,
) -> Estimate:
    """Estimate a proportion with an interval, from a simple random sample.

    Persons are taken as independent draws with one probability. Clusters, weights or
    strata break this: use `estimators.survey.proportion` for them.

    Parameters
    ----------
    successes : int
        Persons with the trait, at least 0.
    n : int
        Persons observed, at least `successes` and 1.
    method : str
        ``wilson`` inverts the score test: good at any size, also near 0.
        ``wilson_corrected`` inverts it with a continuity correction of 1 / (2 n), also
        at p = 1/2, where R's prop.test drops it.
        ``clopper_pearson`` is exact: never below its level, therefore wide.
        ``blaker`` is exact and lies within Clopper-Pearson.
        ``mid_p`` halves the probability of the observed count: nearly exact, narrower.
        ``jeffreys`` is the equal-tailed interval under a Beta(1/2, 1/2) prior, with 0
        as its lower limit at no success and 1 as its upper limit at no failure (Brown
        et al.; the R packages binom and prevalence then put the whole error into the
        other tail, which is narrower).
        ``agresti_coull`` is Wald about the Wilson centre.
        ``logit`` is Wald on the log odds; Clopper-Pearson at 0 and n.
        ``wald`` is the textbook formula: misleading near 0 and 1, for comparison only.
    level : float
        Nominal coverage.

    Returns
    -------
    Estimate
        `estimate` is successes / n for every method, in [0, 1]; `std_error` is the
        plug-in sqrt(p (1 - p) / n). Limits of ``wald`` and ``agresti_coull`` outside
        [0, 1] are cut, and `notes` say so.

    Raises
    ------
    InputError
        If the counts are not whole numbers >= 0, or `successes` exceeds `n`.
    NotEstimableError
        If `n` is 0.

    References
    ----------
    Blaker, H. (2000). Confidence curves and improved exact confidence intervals for
    discrete distributions. Canadian Journal of Statistics 28, 783-798.
    https://doi.org/10.2307/3315916

    Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial
    proportion. Statistical Science 16, 101-133. https://doi.org/10.1214/ss/1009213286

    Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion:
    comparison of seven methods. Statistics in Medicine 17, 857-872.
    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E

    Examples
    --------
    >>> result = proportion_ci(17, 140)
    >>> round(result.ci.low, 4), round(result.ci.high, 4)
    (0.0772, 0.1859)
    """
    check_choice("method", method, get_args(ProportionMethod))
    counts = check_counts(successes=successes, n=n)
    x, size = counts["successes"], counts["n"]
    check_level(level)
    if x > size:
        raise InputError(
            f"successes={x} exceeds n={size}: n counts all persons observed."
        )
    if size == 0:
        raise NotEstimableError("n=0: nobody was observed, there is no proportion.")
    limits, notes = _limits(x, size, method, level)
    p = x / size
    low, high = max(limits[0], 0.0), min(limits[1], 1.0)
    return Estimate(
        estimand="proportion",
        unit="proportion",
        estimate=p,
        std_error=math.sqrt(p * (1 - p) / size),
        ci=Interval(low=low, high=high, level=level, method=method.replace("_", " ")),
        method="proportion_ci",
        n_obs=size,
        notes=notes,
    )


def _limits(
    x: int, n: int, method: ProportionMethod, level: float
) -> tuple[Limits, tuple[str, ...]]:
    """Return limits and notes; at x = 0 and x = n the outer limit is exactly 0 or 1."""
    notes: list[str] = []
    degenerate = x in (0, n)
    if degenerate:
        notes.append(
            "all observed persons agree: the plug-in standard error is 0 and says "
            "nothing about the uncertainty; read the interval"
        )
    if method == "wald" and degenerate:
        notes.append("the Wald interval has no width here and must not be reported")
    if method == "logit" and degenerate:
        notes.append("the log odds are infinite: the interval is Clopper-Pearson")
    low, high = _METHODS[method](x, n, level)
    if low < 0 or high > 1:
        notes.append(f"the {method} limits [{low:.4g}, {high:.4g}] are cut to [0, 1]")
    if method != "agresti_coull":
        # The formulas reach the border only up to rounding.
        low, high = (0.0 if x == 0 else low), (1.0 if x == n else high)
    return (low, high), tuple(notes)


def _wald(x: int, n: int, level: float) -> Limits:
    p = x / n
    interval = wald_interval(p, math.sqrt(p * (1 - p) / n), level=level)
    return interval.low, interval.high


def _logit(x: int, n: int, level: float) -> Limits:
    if x in (0, n):
        return _clopper_pearson(x, n, level)
    p = x / n
    interval = logit_interval(p, math.sqrt(p * (1 - p) / n), level=level)
    return interval.low, interval.high


def _wilson(x: int, n: int, level: float) -> Limits:
    return _score_limits(x / n, n, level)


def _wilson_corrected(x: int, n: int, level: float) -> Limits:
    low = 0.0 if x == 0 else _score_limits((x - 0.5) / n, n, level)[0]
    high = 1.0 if x == n else _score_limits((x + 0.5) / n, n, level)[1]
    return low, high


def _score_limits(p: float, n: int, level: float) -> Limits:
    z = critical_value(level)
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return centre - reach, centre + reach


def _agresti_coull(x: int, n: int, level: float) -> Limits:
    z = critical_value(level)
    n_added = n + z**2
    centre = (x + z**2 / 2) / n_added
    reach = z * math.sqrt(centre * (1 - centre) / n_added)
    return centre - reach, centre + reach


def _clopper_pearson(x: int, n: int, level: float) -> Limits:
    tail = (1 - level) / 2
    low = 0.0 if x == 0 else float(betaincinv(x, n - x + 1, tail))
    high = 1.0 if x == n else 1 - float(betaincinv(n - x, x + 1, tail))
    return low, high


def _jeffreys(x: int, n: int, level: float) -> Limits:
    tail = (1 - level) / 2
    low = float(betaincinv(x + 0.5, n - x + 0.5, tail))
    high = 1 - float(betaincinv(n - x + 0.5, x + 0.5, tail))
    return low, high


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


_METHODS: dict[str, Callable[[int, int, float], Limits]] = {
    "wilson": _wilson,
    "wilson_corrected": _wilson_corrected,
    "clopper_pearson": _clopper_pearson,
    "jeffreys": _jeffreys,
    "agresti_coull": _agresti_coull,
    "wald": _wald,
    "logit": _logit,
    "mid_p": _mid_p,
    "blaker": _blaker,
}
