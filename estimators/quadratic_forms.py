"""Tail probabilities of weighted sums of chi-squares: the law of design-based tests.

Under a survey design a likelihood ratio, and Pearson's statistic, follow
Q = sum_j a_j X_j with independent X_j ~ chi-square(1) and weights a_j that compare the
design variance with the model's. With an estimated design variance
of nu degrees of freedom Q is compared with the same sum over chi-square(nu) / nu.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, fdtrc, ndtr

from estimators.checks import check_choice
from estimators.errors import ConvergenceError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatVector

__all__ = ["QuadraticFormMethod", "weighted_chi_square_tail"]

QuadraticFormMethod: TypeAlias = Literal["exact", "saddlepoint", "satterthwaite"]
_SERIES_ERROR = 1e-13
_SERIES_TERMS = 4_000
# Nearer to the mean the saddlepoint formula divides 0 by 0.
_AT_MEAN = 1e-4


def weighted_chi_square_tail(
    statistic: float,
    weights: Sequence[float] | FloatVector,
    *,
    df: float = math.inf,
    method: QuadraticFormMethod = "exact",
) -> float:
    """Return P(sum_j a_j X_j / (Y / df) > statistic), X_j ~ chi2(1), Y ~ chi2(df).

    Parameters
    ----------
    statistic : float
    weights : array of shape (k,)
        The a_j > 0; weights of 0 (below 1e-12 of the largest) are left out.
    df : float
        Degrees of freedom of the variance estimate; infinite for a known variance, and
        the denominator is then 1.
    method : {"exact", "saddlepoint", "satterthwaite"}
        Ruben's (1962) series, whose truncation error is known and below 1e-13;
        Kuonen's (1999) saddlepoint formula, as R's survey has it; or chi-square (F) of
        as many degrees of freedom as give the sum's mean and variance (Satterthwaite).

    Returns
    -------
    float

    Raises
    ------
    InputError
        If no weight is positive, one is negative or not finite, or df is not above 0.
    ConvergenceError
        If the series needs more than 4000 terms (weights a factor of some 200 apart).

    Notes
    -----
    Ruben's series is a mixture of central chi-squares with weights that sum to 1, so
    that with an estimated variance each chi-square becomes an F.

    References
    ----------
    Ruben, H. (1962). Probability content of regions under spherical normal
    distributions, IV. Annals of Mathematical Statistics 33, 542-570.
    https://doi.org/10.1214/aoms/1177704580

    Kuonen, D. (1999). Saddlepoint approximations for distributions of quadratic forms
    in normal variables. Biometrika 86, 929-935.
    https://doi.org/10.1093/biomet/86.4.929

    Examples
    --------
    >>> round(weighted_chi_square_tail(5.991464547107979, [1.0, 1.0]), 12)
    0.05
    """
    check_choice("method", method, ("exact", "saddlepoint", "satterthwaite"))
    if not df > 0:
        raise InputError(f"df={df!r}: degrees of freedom lie above 0 (or math.inf).")
    share = _positive_weights(weights)
    if statistic <= 0:
        return 1.0
    if method == "satterthwaite":
        return _matched_moments(statistic, share, df)
    if method == "saddlepoint":
        answer = _saddlepoint(statistic, share, df)
        if answer is not None:
            return answer
    return _ruben(statistic, share, df)


def _positive_weights(weights: Sequence[float] | FloatVector) -> FloatVector:
    share = np.asarray(weights, dtype=np.float64).ravel()
    if not share.size or not np.isfinite(share).all() or share.max() <= 0:
        raise InputError(f"weights={share.tolist()}: finite weights > 0 were expected.")
    # What a null space leaves of an eigenvalue may fall on either side of 0.
    if share.min() < -1e-8 * share.max():
        raise InputError(f"weights={share.tolist()}: no weight may be negative.")
    return np.asarray(share[share > 1e-12 * share.max()])


def _matched_moments(statistic: float, share: FloatVector, df: float) -> float:
    total = float(share.sum())
    own = total**2 / float((share**2).sum())
    if math.isinf(df):
        return float(chdtrc(own, statistic * own / total))
    return float(fdtrc(own, df, statistic / total))


def _ruben(statistic: float, share: FloatVector, df: float) -> float:
    """Sum the mixture sum_k c_k P(beta chi2(n + 2k) > x), all c_k > 0 with sum 1."""
    beta = float(share.min())
    away = 1.0 - beta / share
    weight, pull = np.zeros(_SERIES_TERMS + 1), np.zeros(_SERIES_TERMS)
    weight[0] = np.sqrt(beta / share).prod()
    left, power = 1.0 - weight[0], np.ones_like(share)
    for term in range(1, _SERIES_TERMS + 1):
        power = power * away
        pull[term - 1] = 0.5 * power.sum()
        weight[term] = pull[:term][::-1] @ weight[:term] / term
        left -= weight[term]
        # Once terms are that small, the rest of `left` is the sum's own rounding.
        if left < _SERIES_ERROR or weight[term] < _SERIES_ERROR * left:
            break
    else:
        raise ConvergenceError(
            f"The weights {share.tolist()} are too far apart for the exact tail "
            f'({_SERIES_TERMS} terms were not enough): use method="saddlepoint".'
        )
    mixture = weight[: term + 1]
    own = share.size + 2.0 * np.arange(mixture.size)
    if math.isinf(df):
        tails = chdtrc(own, statistic / beta)
    else:
        tails = fdtrc(own, df, statistic / (beta * own))
    return min(float(mixture @ tails), 1.0)


def _saddlepoint(statistic: float, share: FloatVector, df: float) -> float | None:
    """Return Kuonen's formula, None at the mean where it has no value.

    A ratio is turned into P(sum a_j X_j - (x / df) Y > 0).
    """
    scale = float(share.max())
    weight, count = share / scale, np.ones(share.size)
    target = statistic / scale
    if not math.isinf(df):
        weight = np.append(weight, -target / df)
        count = np.append(count, df)
        target = 0.0
    highest = 0.5 / float(weight.max())
    lowest = (
        0.5 / float(weight.min()) if weight.min() < 0 else -0.5 * _far(count, target)
    )

    def slope(zeta: float) -> float:
        return float((count * weight / (1 - 2 * zeta * weight)).sum()) - target

    low, high = lowest * (1 - 1e-9), highest * (1 - 1e-9)
    if not slope(low) < 0 < slope(high):
        return None
    zeta = float(brentq(slope, low, high, xtol=1e-14, rtol=8.9e-16))
    if abs(zeta) < _AT_MEAN:
        return None
    cumulant = -0.5 * float((count * np.log1p(-2 * zeta * weight)).sum())
    curve = 2 * float((count * (weight / (1 - 2 * zeta * weight)) ** 2).sum())
    root = math.copysign(math.sqrt(2 * (zeta * target - cumulant)), zeta)
    ratio = zeta * math.sqrt(curve) / root
    return float(ndtr(-(root + math.log(ratio) / root)))


def _far(count: FloatVector, target: float) -> float:
    """Return a point below the root of a slope without negative weights."""
    return 2.0 * float(count.sum()) / target + 1.0
