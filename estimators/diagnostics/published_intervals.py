"""A true prevalence from three published intervals, when the counts are not known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import root
from scipy.special import betaincinv

from estimators.checks import check_level
from estimators.classifier_accuracy import check_accuracies
from estimators.diagnostics.distributions import BetaPrior
from estimators.diagnostics.melding import quantile_of_correction
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Interval

__all__ = ["beta_from_interval", "prevalence_from_intervals"]


@estimator(
    family="diagnostics",
    label="True prevalence from published intervals",
    source="Henrion 2021; Rogan and Gladen 1978",
    example=lambda: {
        "apparent": np.array([0.136, 0.204]),
        "sensitivity": np.array([0.837, 0.918]),
        "specificity": np.array([0.857, 0.975]),
    },
)
def prevalence_from_intervals(
    apparent: Sequence[float],
    sensitivity: Sequence[float],
    specificity: Sequence[float],
    *,
    interval_level: float = 0.95,
    level: float = 0.95,
) -> Estimate:
    """Combine published intervals of a share flagged, a sensitivity and a specificity.

    For reports that give no counts; with counts `melded_prevalence` is to be preferred.

    Parameters
    ----------
    apparent, sensitivity, specificity : pair of float
        Lower and upper limit, inside (0, 1), of the share classified positive and of
        the classifier's accuracies.
    interval_level : float
        Level of the intervals given.
    level : float
        Level of the interval wanted.

    Returns
    -------
    Estimate
        Rogan and Gladen's correction at the means, cut to [0, 1]; interval and standard
        error of the correction, cut to [0, 1], under independent beta distributions
        that have the limits given as quantiles. Diagnostics: these means.

    Raises
    ------
    InputError
        If a pair is not in order inside (0, 1) or Se + Sp <= 1.
    NotEstimableError
        If no beta distribution has such limits.

    Notes
    -----
    The parametric bootstrap of R's bootComb with quadrature in place of draws, and one
    difference: bootComb discards draws below 0 or above 1, which lifts the lower limit
    the more, the less the data and the specificity agree; here they count as 0 and 1.
    `n_obs` is 1: the number of persons is not known.

    References
    ----------
    Henrion, M. Y. R. (2021). bootComb: an R package to derive confidence intervals for
    combinations of independent parameter estimates. International Journal of
    Epidemiology 50, 1071-1076.

    Rogan, W. J. and Gladen, B. (1978). Estimating prevalence from the results of a
    screening test. American Journal of Epidemiology 107, 71-76.

    Examples
    --------
    >>> from estimators.diagnostics import prevalence_from_intervals
    >>> result = prevalence_from_intervals((0.136, 0.204), (0.837, 0.918),
    ...                                    (0.857, 0.975))
    >>> print(f"{result.estimate:.2f} [{result.ci.low:.2f}, {result.ci.high:.2f}]")
    0.12 [0.03, 0.19]
    """
    check_level(level)
    check_level(interval_level)
    share, right, clean = (
        beta_from_interval(limits, name, interval_level)
        for name, limits in (
            ("apparent", apparent),
            ("sensitivity", sensitivity),
            ("specificity", specificity),
        )
    )
    check_accuracies(right.mean, clean.mean)
    wrong = clean.mirrored()
    raw = (share.mean - wrong.mean) / (right.mean - wrong.mean)
    point = min(max(raw, 0.0), 1.0)
    tail = (1 - level) / 2
    variables = (share, wrong, right)
    low = quantile_of_correction(variables, tail, 0.0)
    high = quantile_of_correction(variables, 1 - tail, 1.0)
    notes = ["combines published intervals: the number of persons is not known"]
    if raw < 0:
        notes.append(
            f"the share flagged {share.mean:.4g} is below the false positive rate "
            f"{wrong.mean:.4g}: the estimate is 0"
        )
    if high <= 0:
        high = quantile_of_correction((wrong, wrong, right), 1 - tail, 1.0)
        notes.append(
            "the whole interval lies below 0: data and stated accuracy disagree. The "
            "upper limit is that of a share that equals the false positive rate"
        )
    return Estimate(
        estimand="true prevalence",
        unit="proportion",
        estimate=point,
        std_error=_spread(variables),
        ci=Interval(
            low=min(low, point),
            high=max(high, point),
            level=level,
            method="combined beta distributions",
        ),
        method="prevalence_from_intervals",
        n_obs=1,
        notes=tuple(notes),
        diagnostics={
            "apparent_prevalence": share.mean,
            "sensitivity": right.mean,
            "specificity": clean.mean,
        },
    )


def beta_from_interval(limits: Sequence[float], name: str, level: float) -> BetaPrior:
    """Return the beta distribution whose equal-tailed interval has these limits."""
    try:
        low, high = (float(limit) for limit in limits)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}={limits!r}: a pair (low, high) is needed.") from error
    if not 0 < low < high < 1:
        raise InputError(
            f"{name}={limits!r}: limits need 0 < low < high < 1. An exact limit of 0 "
            "or 1 came from counts: use them with melded_prevalence."
        )
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    middle = (low + high) / 2
    size = middle * (1 - middle) * (4 / (high - low)) ** 2

    def misfit(log_shapes: np.ndarray) -> np.ndarray:
        a, b = np.exp(np.clip(log_shapes, -20, 20))
        quantiles = betaincinv(a, b, tails)
        return np.asarray((quantiles - np.array([low, high])) / (high - low))

    found = root(misfit, np.log([middle * size, (1 - middle) * size]), tol=1e-13)
    if float(np.abs(misfit(found.x)).max()) > 1e-8:
        raise NotEstimableError(
            f"{name}={limits!r}: no beta distribution has these limits at {level:.0%}."
        )
    alpha, beta = np.exp(found.x)
    return BetaPrior(float(alpha), float(beta))


def _spread(variables: tuple[BetaPrior, BetaPrior, BetaPrior]) -> float:
    """Return the standard deviation of the correction, cut to [0, 1]."""
    grids = [variable.nodes(40) for variable in variables]
    (a, wa), (f, wf), (s, ws) = grids
    gap = s[None, None, :] - f[None, :, None]
    value = (a[:, None, None] - f[None, :, None]) / np.where(gap > 0, gap, np.inf)
    weight = wa[:, None, None] * wf[None, :, None] * ws
    value = np.clip(value, 0, 1)
    mean = float((weight * value).sum())
    return math.sqrt(float((weight * (value - mean) ** 2).sum()))
