"""Confidence intervals for a proportion under a sampling design.

All work on the estimate p, its design variance v, the rows n behind it and the design's
degrees of freedom; t is the two-sided quantile of Student's t at those degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaincinv, expit, logit, ndtri, stdtrit

from estimators.results import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "PROPORTION_INTERVALS",
    "ProportionInterval",
    "fallback_interval",
    "proportion_interval",
    "t_quantile",
]

ProportionInterval: TypeAlias = Literal[
    "korn_graubard", "beta", "logit", "wilson", "arcsine", "likelihood", "wald"
]
PROPORTION_INTERVALS: tuple[str, ...] = get_args(ProportionInterval)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """What the intervals need; `n_effective` is p (1 - p) / v, not adjusted for df."""

    p: float
    variance: float
    n: int
    df: float
    level: float

    @property
    def n_effective(self) -> float:
        return self.p * (1 - self.p) / self.variance

    @property
    def t(self) -> float:
        return t_quantile(self.level, self.df)


def t_quantile(level: float, df: float) -> float:
    """Return the two-sided quantile of Student's t; df may be infinite."""
    upper = (1 + level) / 2
    return float(ndtri(upper) if math.isinf(df) else stdtrit(df, upper))


def proportion_interval(
    method: ProportionInterval,
    p: float,
    variance: float,
    *,
    n: int,
    df: float,
    level: float,
) -> Interval:
    """Return the interval of a proportion strictly between 0 and 1.

    `variance` and `df` must be above 0; `n` counts the rows of the domain.
    """
    sample = _Sample(p=p, variance=variance, n=n, df=df, level=level)
    low, high = _METHODS[method](sample)
    return Interval(low=low, high=high, level=level, method=method)


def fallback_interval(
    p: float, n_effective: float, *, level: float, reason: str
) -> Interval:
    """Return Clopper-Pearson limits at an assumed effective sample size.

    For what linearisation cannot serve: no events, only events, no degrees of freedom.
    """
    low, high = _clopper_pearson(p, n_effective, level)
    method = f"clopper_pearson at assumed effective n ({reason})"
    return Interval(low=low, high=high, level=level, method=method)


def _clopper_pearson(p: float, n: float, level: float) -> tuple[float, float]:
    """Return the limits for n p events in n, where neither need be whole."""
    events, tail = n * p, (1 - level) / 2
    low = 0.0 if p <= 0 else float(betaincinv(events, n - events + 1, tail))
    high = 1.0 if p >= 1 else float(betaincinv(events + 1, n - events, 1 - tail))
    return low, high


def _beta(sample: _Sample) -> tuple[float, float]:
    n = sample.n_effective * _df_factor(sample)
    return _clopper_pearson(sample.p, n, sample.level)


def _korn_graubard(sample: _Sample) -> tuple[float, float]:
    n = min(sample.n_effective * _df_factor(sample), sample.n)
    return _clopper_pearson(sample.p, n, sample.level)


def _df_factor(sample: _Sample) -> float:
    """Return (t_{n-1} / t_df)^2; Korn and Graubard's price for few PSUs."""
    return (t_quantile(sample.level, max(sample.n - 1, 1)) / sample.t) ** 2


def _logit(sample: _Sample) -> tuple[float, float]:
    half = sample.t * math.sqrt(sample.variance) / (sample.p * (1 - sample.p))
    centre = logit(sample.p)
    return float(expit(centre - half)), float(expit(centre + half))


def _wilson(sample: _Sample) -> tuple[float, float]:
    n, p, t2 = sample.n_effective, sample.p, sample.t**2
    centre = (p + t2 / (2 * n)) / (1 + t2 / n)
    half = sample.t / (1 + t2 / n) * math.sqrt(p * (1 - p) / n + t2 / (4 * n * n))
    return centre - half, centre + half


def _arcsine(sample: _Sample) -> tuple[float, float]:
    angle = math.asin(math.sqrt(sample.p))
    half = sample.t * math.sqrt(sample.variance / (sample.p * (1 - sample.p))) / 2
    # Beyond 0 or pi/2 the squared sine turns back and the limit would move inwards.
    low, high = max(angle - half, 0.0), min(angle + half, math.pi / 2)
    return math.sin(low) ** 2, math.sin(high) ** 2


def _likelihood(sample: _Sample) -> tuple[float, float]:
    """Invert the Rao-Scott likelihood ratio: 2 n_eff KL(p, q) = t^2 n / (n - 1).

    The last factor is the Pearson dispersion by which survey 4.5 scales the deviance.
    """
    p, n = sample.p, sample.n_effective
    bound = sample.t**2 * sample.n / max(sample.n - 1, 1)

    def excess(theta: float) -> float:
        log_odds = theta - float(logit(p))
        gain = float(np.logaddexp(0, theta) - np.logaddexp(0, logit(p)))
        return 2 * n * (gain - p * log_odds) - bound

    centre = float(logit(p))
    low = brentq(excess, centre - _reach(excess, centre, -1), centre, xtol=1e-14)
    high = brentq(excess, centre, centre + _reach(excess, centre, 1), xtol=1e-14)
    return float(expit(low)), float(expit(high))


def _reach(excess: Callable[[float], float], centre: float, side: int) -> float:
    reach = 1.0
    while excess(centre + side * reach) < 0:
        reach *= 2
    return reach


def _wald(sample: _Sample) -> tuple[float, float]:
    half = sample.t * math.sqrt(sample.variance)
    return sample.p - half, sample.p + half


_METHODS: dict[str, Callable[[_Sample], tuple[float, float]]] = {
    "korn_graubard": _korn_graubard,
    "beta": _beta,
    "logit": _logit,
    "wilson": _wilson,
    "arcsine": _arcsine,
    "likelihood": _likelihood,
    "wald": _wald,
}
