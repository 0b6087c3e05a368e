"""Beta priors from what an expert says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import betainc, betaincinv

from estimators.checks import check_choice
from estimators.diagnostics.distributions import BetaPrior
from estimators.errors import InputError, NotEstimableError

__all__ = ["BestGuess", "expert_beta", "pert_beta"]

BestGuess: TypeAlias = Literal["mode", "mean"]
_LEAST, _MOST = 1e-3, 1e8


def expert_beta(
    best: float,
    *,
    lower: float | None = None,
    upper: float | None = None,
    probability: float = 0.95,
    best_is: BestGuess = "mode",
) -> BetaPrior:
    """Return the beta distribution behind a best guess and limits.

    Parameters
    ----------
    best : float
        Most likely value, or the mean if `best_is` says so, in (0, 1).
    lower, upper : float, optional
        Limits of the middle `probability`; with one limit only, the value beyond which
        it lies with `probability`.
    probability : float
    best_is : {"mode", "mean"}

    Raises
    ------
    InputError
        If the numbers do not fit: both limits absent, or `best` outside them.
    NotEstimableError
        If no beta distribution has that guess and these limits.

    Notes
    -----
    The guess is kept exactly; one limit too. Two limits can only be met on average: the
    squared distances of the two quantiles from them are made least.

    References
    ----------
    Branscum, A. J., Gardner, I. A. and Johnson, W. O. (2005). Estimation of
    diagnostic-test sensitivity and specificity through Bayesian modeling. Preventive
    Veterinary Medicine 68, 145-163.

    Examples
    --------
    >>> prior = expert_beta(0.9, lower=0.8, best_is="mean")  # 95 % sure: above 0.8
    >>> round(prior.alpha, 2), round(prior.beta, 2)
    (27.79, 3.09)
    """
    check_choice("best_is", best_is, ("mode", "mean"))
    low, high = 0.0 if lower is None else lower, 1.0 if upper is None else upper
    if lower is None and upper is None:
        raise InputError("Give lower, upper or both: a guess alone fixes no spread.")
    if not (0 <= low < best < high <= 1 and 0 < probability < 1):
        raise InputError(
            f"best={best!r}, lower={lower!r}, upper={upper!r}, probability="
            f"{probability!r}: expected 0 <= lower < best < upper <= 1 and a "
            "probability inside (0, 1)."
        )

    def shapes(size: float) -> tuple[float, float]:
        # size = alpha + beta, less 2 for the mode: at size 0 it is the uniform.
        if best_is == "mean":
            return size * best, size * (1 - best)
        return 1 + size * best, 1 + size * (1 - best)

    if lower is not None and upper is not None:
        return BetaPrior(*shapes(_closest_size(shapes, (low, high), probability)))

    def excess(log_size: float) -> float:
        a, b = shapes(float(np.exp(log_size)))
        return float(betainc(a, b, high) - betainc(a, b, low)) - probability

    size = _first_root(excess)
    if size is None:
        raise NotEstimableError(
            f"No beta distribution with {best_is} {best} has probability {probability} "
            f"from {low} to {high}."
        )
    return BetaPrior(*shapes(size))


def pert_beta(low: float, mode: float, high: float, *, peak: float = 4.0) -> BetaPrior:
    """Return the PERT distribution: a beta between limits around a most likely value.

    Parameters
    ----------
    low, mode, high : float
        Least, most likely and greatest possible value, 0 <= low <= mode <= high <= 1.
    peak : float
        Weight of the mode in the mean ``(low + peak mode + high) / (peak + 2)``.

    Raises
    ------
    InputError
        If the three values are not in order.

    Notes
    -----
    Shapes ``1 + peak (mode - low) / (high - low)`` and
    ``1 + peak (high - mode) / (high - low)``, on [low, high].

    References
    ----------
    Vose, D. (2008). Risk Analysis: A Quantitative Guide, 3rd edition. Wiley.

    Examples
    --------
    >>> prior = pert_beta(0.6, 0.8, 0.95)
    >>> round(prior.alpha, 4), round(prior.beta, 4), prior.low, prior.high
    (3.2857, 2.7143, 0.6, 0.95)
    """
    if not (0 <= low <= mode <= high <= 1 and low < high and peak > 0):
        raise InputError(
            f"low={low!r}, mode={mode!r}, high={high!r}, peak={peak!r}: expected "
            "0 <= low <= mode <= high <= 1, low < high and a peak above 0."
        )
    width = high - low
    return BetaPrior(
        1 + peak * (mode - low) / width, 1 + peak * (high - mode) / width, low, high
    )


def _closest_size(
    shapes: Callable[[float], tuple[float, float]],
    limits: tuple[float, float],
    probability: float,
) -> float:
    """Return the size whose two quantiles are closest to the limits."""
    tails = np.array([(1 - probability) / 2, (1 + probability) / 2])

    def misfit(log_size: float) -> float:
        quantiles = betaincinv(*shapes(float(np.exp(log_size))), tails)
        return float(((quantiles - np.array(limits)) ** 2).sum())

    grid = np.linspace(np.log(_LEAST), np.log(_MOST), 200)
    place = int(np.argmin([misfit(float(point)) for point in grid]))
    bounds = (grid[max(place - 1, 0)], grid[min(place + 1, grid.size - 1)])
    found = minimize_scalar(
        misfit, bounds=bounds, method="bounded", options={"xatol": 1e-10}
    )
    return float(np.exp(found.x))


def _first_root(excess: Callable[[float], float]) -> float | None:
    """Return exp(root) of the first crossing from below, None where there is none."""
    grid = np.linspace(np.log(_LEAST), np.log(_MOST), 200)
    values = np.array([excess(float(point)) for point in grid])
    crossing = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    if not crossing.size:
        return None
    place = int(crossing[0])
    root = brentq(excess, grid[place], grid[place + 1], xtol=1e-13, rtol=1e-14)
    return float(np.exp(root))
