"""Exact inference in a one-parameter exponential family on finitely many values.

f(u | b) is proportional to c(u) exp(b u): what is left of a logistic model once every
other sufficient statistic is conditioned on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import BoolVector, FloatVector

__all__ = ["ConditionalFamily", "ExactTests"]

# Probabilities that differ by rounding only count as tied, as in R's fisher.test.
_TIED = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactTests:
    """Conditional tests of b = 0; the p-values named mid count ties by half."""

    score: float
    p_score: float
    mid_p_score: float
    p_probability: float
    mid_p_probability: float
    p_twice_smaller_tail: float
    mid_p_twice_smaller_tail: float


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalFamily:
    """Values (u,) ascending, log counts (u,), and which value was observed."""

    value: FloatVector
    log_count: FloatVector
    place: int

    @property
    def observed(self) -> float:
        """Observed value of the statistic."""
        return float(self.value[self.place])

    @property
    def at_least(self) -> bool:
        """Whether the least possible value was observed: the estimate is -infinity."""
        return self.place == 0

    @property
    def at_most(self) -> bool:
        """Whether the greatest possible value was observed."""
        return self.place == len(self.value) - 1

    def probability(self, beta: float) -> FloatVector:
        """Return the probability of every value."""
        exponent = self.log_count + beta * (self.value - self.observed)
        return np.asarray(np.exp(exponent - logsumexp(exponent)))

    def moments(self, beta: float) -> tuple[float, float]:
        """Return mean, less the observed value, and variance."""
        probability = self.probability(beta)
        away = self.value - self.observed
        mean = float(probability @ away)
        return mean, float(probability @ (away - mean) ** 2)

    def likelihood_estimate(self) -> float:
        """Return the conditional maximum likelihood estimate, maybe infinite."""
        if self.at_least or self.at_most:
            return -np.inf if self.at_least else np.inf
        return self._root(lambda beta: self.moments(beta)[0])

    def median_estimate(self) -> float:
        """Return the median unbiased estimate.

        The middle between the values at which the upper and the lower tail, both with
        the observed value, are one half; one of them where the other is infinite.
        """
        ends = (self.limit(0.5, upper=False), self.limit(0.5, upper=True))
        return float(np.mean([end for end in ends if np.isfinite(end)]))

    def limit(self, tail: float, *, upper: bool, mid: bool = False) -> float:
        """Return the b at which the observed tail has probability `tail`."""
        if not mid and (self.at_most if upper else self.at_least):
            return np.inf if upper else -np.inf
        # With mid-P the extreme tail is half its probability: it never exceeds 1/2.
        if mid and (self.at_most if upper else self.at_least) and tail < 0.5:
            return np.inf if upper else -np.inf
        sign = -1.0 if upper else 1.0
        return self._root(lambda beta: sign * (self.tail(beta, upper, mid) - tail))

    def tail(self, beta: float, lower: bool, mid: bool) -> float:  # noqa: FBT001 - private to the family
        """Return P(U <= u) if `lower`, else P(U >= u); half of P(U = u) with `mid`."""
        probability = self.probability(beta)
        side = slice(None, self.place + 1) if lower else slice(self.place, None)
        return float(probability[side].sum() - 0.5 * mid * probability[self.place])

    def tests(self) -> ExactTests:
        """Return the tests of b = 0."""
        probability = self.probability(0.0)
        mean, variance = self.moments(0.0)
        away = (self.value - self.observed - mean) ** 2
        own = float(probability[self.place])

        def p_value(extreme: BoolVector, tied: BoolVector) -> tuple[float, float]:
            total = float(probability[extreme].sum())
            return min(total, 1.0), total - 0.5 * float(probability[tied].sum())

        slack = _TIED * away[self.place] + 1e-14
        score = p_value(
            np.asarray(away >= away[self.place] - slack),
            np.asarray(np.abs(away - away[self.place]) <= slack),
        )
        chance = p_value(
            np.asarray(probability <= own * (1 + _TIED)),
            np.asarray(np.abs(probability - own) <= own * _TIED),
        )
        tails = [
            (self.tail(0.0, side, mid=False), self.tail(0.0, side, mid=True))
            for side in (True, False)
        ]
        tail = min(tails)
        return ExactTests(
            score=float(away[self.place] / variance),
            p_score=score[0],
            mid_p_score=score[1],
            p_probability=chance[0],
            mid_p_probability=chance[1],
            p_twice_smaller_tail=min(2 * tail[0], 1.0),
            mid_p_twice_smaller_tail=min(2 * tail[1], 1.0),
        )

    def _root(self, rising: Callable[[float], float]) -> float:
        """Return where an increasing function is 0."""
        unit = 1.0 / float(np.diff(self.value).min())
        low, high = -unit, unit
        while rising(low) > 0:
            low *= 2
        while rising(high) < 0:
            high *= 2
        found = brentq(rising, low, high, xtol=1e-13 * unit, rtol=1e-14, maxiter=500)
        return float(found)
