"""Exact prediction limits of a count from a baseline of counts."""

from __future__ import annotations

from scipy.special import betainc

__all__ = ["exact_tail", "exact_upper_bound"]


def exact_tail(count: float, total: float, periods: float) -> float:
    """Return P(Y >= count) given that `total` cases came in `periods` before it.

    Under one Poisson rate the new count is binomial given the sum: with
    ``total + count`` trials and probability ``1 / (periods + 1)``. No rate is
    estimated, so that an empty or constant baseline is no special case.
    """
    if count <= 0:
        return 1.0
    return float(betainc(count, total + 1, 1 / (periods + 1)))


def exact_upper_bound(total: float, periods: float, tail: float) -> float:
    """Return the greatest count whose exact tail probability exceeds `tail`."""
    low, high = 0, 1
    while exact_tail(high, total, periods) > tail:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if exact_tail(middle, total, periods) > tail:
            low = middle
        else:
            high = middle
    return float(low)
