"""Prevalence from tests of pools of persons."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from scipy.special import xlogy

from estimators.binomial_limits import binomial_limits
from estimators.checks import check_choice, check_level, finite_vector
from estimators.diagnostics.bayesian import (
    AccuracyPrior,
    prior_of_prevalence,
    read_accuracy_priors,
)
from estimators.diagnostics.distributions import PointMass
from estimators.diagnostics.pool_likelihood import Pools, all_outcomes, grouped, root_of
from estimators.diagnostics.posterior import Posterior, PriorLike, prevalence_panels
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import critical_value
from estimators.registry import estimator
from estimators.results import Estimate, Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["PooledEstimation", "PooledInterval", "pooled_test_prevalence"]

PooledEstimation: TypeAlias = Literal[
    "firth", "maximum_likelihood", "bayesian", "bayesian_persons"
]
PooledInterval: TypeAlias = Literal["exact", "likelihood", "score"]
_Criterion: TypeAlias = Callable[[float], float]
_MOST_OUTCOMES = 20_000


@estimator(
    family="diagnostics",
    label="Prevalence from pooled tests",
    source="Hepworth and Biggerstaff 2017; Hepworth 1996; Firth 1993",
    example=lambda: {
        "positive_pools": np.array([3.0, 2.0]),
        "pools": np.array([12.0, 5.0]),
        "pool_size": np.array([10.0, 25.0]),
    },
)
def pooled_test_prevalence(
    positive_pools: Sequence[int],
    pools: Sequence[int],
    pool_size: Sequence[int],
    *,
    sensitivity: AccuracyPrior = 1.0,
    specificity: AccuracyPrior = 1.0,
    estimation: PooledEstimation = "firth",
    ci: PooledInterval = "exact",
    level: float = 0.95,
) -> Estimate:
    """Estimate a prevalence from tests of pools, of one or several sizes.

    Parameters
    ----------
    positive_pools, pools, pool_size : sequence of int, shape (kinds,)
        Pools that tested positive, pools tested and persons in each of them; one entry
        per pool size, or one per pool with ``pools`` of 1.
    sensitivity, specificity : float
        Of the test of a pool; a `BetaPrior` or counts with ``estimation="bayesian"``.
    estimation : str
        "firth": maximum likelihood less its first-order bias, which for pools is
        upward. "maximum_likelihood". "bayesian": posterior mean under a uniform prior,
        by quadrature, with its equal-tailed interval. "bayesian_persons": the same with
        accuracies of single persons' tests, where a pool of s persons has specificity
        Sp^s and sensitivity 1 - (1 - Se)^(s P) Sp^(s (1 - P)), the model of R's package
        prevalence.
    ci : str
        "exact": Clopper and Pearson's, for several sizes over all outcomes ordered by
        their estimate (Hepworth 1996); with more than 20 000 outcomes the likelihood
        ratio's takes its place, and notes say so. "likelihood", "score".
    level : float

    Returns
    -------
    Estimate
        In [0, 1]; `n_obs` counts persons. Without the Bayesian method the standard
        error is that of the expected information.

    Raises
    ------
    InputError
        If counts do not fit, Se + Sp <= 1, or an accuracy is uncertain without
        ``estimation="bayesian"``.
    NotEstimableError
        If there is no pool.

    Notes
    -----
    Persons are independent and the accuracy does not depend on the pool's size: cases
    that come in groups, or dilution, break this.

    References
    ----------
    Hepworth, G. and Biggerstaff, B. J. (2017). Bias correction in estimating
    proportions by pooled testing. Journal of Agricultural, Biological and Environmental
    Statistics 22, 602-614.

    Hepworth, G. (1996). Exact confidence intervals for proportions estimated by group
    testing. Biometrics 52, 1134-1146.

    Examples
    --------
    >>> from estimators.diagnostics import pooled_test_prevalence
    >>> result = pooled_test_prevalence([3, 2], [12, 5], [10, 25])
    >>> print(f"{result.estimate:.4f} [{result.ci.low:.4f}, {result.ci.high:.4f}]")
    0.0235 [0.0081, 0.0540]
    """
    check_choice("estimation", estimation, get_args(PooledEstimation))
    check_choice("ci", ci, ("exact", "likelihood", "score"))
    check_level(level)
    y, m, size = _read(positive_pools, pools, pool_size)
    priors = read_accuracy_priors(sensitivity, specificity)
    if estimation in ("bayesian", "bayesian_persons"):
        by_person = estimation == "bayesian_persons"
        return _bayesian((y, m, size), priors, level, by_person=by_person)
    se, sp = priors
    if not (isinstance(se, PointMass) and isinstance(sp, PointMass)):
        raise InputError(
            'An uncertain sensitivity or specificity needs estimation="bayesian"; give '
            "known values otherwise."
        )
    data = Pools(y=y, m=m, size=size, sensitivity=se.value, specificity=sp.value)
    best = data.estimate(firth=False)
    point = best if estimation == "maximum_likelihood" else data.estimate(firth=True)
    (low, high), name, notes = _limits(data, best, ci, level)
    if data.y.sum() > 0 and best == 0:
        notes.append(
            "no more pools are positive than false positives explain: the estimate is 0"
        )
    if data.y.sum() == data.m.sum():
        notes.append("every pool is positive: smaller pools are needed")
    inside = min(max(point, 1e-9), 1 - 1e-9)
    return Estimate(
        estimand="prevalence",
        unit="proportion",
        estimate=point,
        std_error=1 / math.sqrt(data.score(inside)[1]) if 0 < point < 1 else 0.0,
        ci=Interval(
            low=min(low, point), high=max(high, point), level=level, method=name
        ),
        method="pooled_test_prevalence",
        n_obs=int(m @ size),
        notes=(*notes, *_degenerate(point)),
        diagnostics={
            "maximum_likelihood": best,
            "n_pools": float(m.sum()),
            "n_positive_pools": float(y.sum()),
        },
    )


def _degenerate(point: float) -> tuple[str, ...]:
    if 0 < point < 1:
        return ()
    return ("at the border the standard error of 0 says nothing: read the interval",)


def _read(
    positive_pools: Sequence[int], pools: Sequence[int], pool_size: Sequence[int]
) -> tuple[FloatVector, FloatVector, FloatVector]:
    y, m, size = (
        finite_vector(np.atleast_1d(np.asarray(values)), name)
        for name, values in (
            ("positive_pools", positive_pools),
            ("pools", pools),
            ("pool_size", pool_size),
        )
    )
    if not y.size == m.size == size.size:
        raise InputError(
            f"positive_pools, pools and pool_size need one entry per kind of pool; "
            f"{y.size}, {m.size} and {size.size} came."
        )
    rules = {
        "must be whole numbers": (y % 1 != 0) | (m % 1 != 0) | (size % 1 != 0),
        "need 0 <= positive_pools <= pools": (y < 0) | (y > m),
        "need a pool_size of 1 or more": size < 1,
    }
    problems = [
        f"entries {', '.join(map(str, np.flatnonzero(wrong)[:5]))} {rule}"
        for rule, wrong in rules.items()
        if wrong.any()
    ]
    if problems:
        raise InputError("Pools (counted from 0): " + "; ".join(problems) + ".")
    if m.sum() == 0:
        raise NotEstimableError("No pool was tested: there is no prevalence.")
    return grouped(y[m > 0], m[m > 0], size[m > 0])


def _limits(
    data: Pools, best: float, ci: PooledInterval, level: float
) -> tuple[tuple[float, float], str, list[str]]:
    notes: list[str] = []
    if ci == "exact":
        outcomes = float(np.prod(data.m + 1))
        if data.size.size == 1:
            limits = _one_size(data, level)
        elif outcomes <= _MOST_OUTCOMES:
            limits = _over_outcomes(data, level)
        else:
            notes.append(
                f"{outcomes:.3g} outcomes are too many for exact limits: these are the "
                "likelihood ratio's"
            )
            ci, limits = "likelihood", (0.0, 0.0)
        if ci == "exact" and limits[1] > 0:
            return limits, "exact", notes
        if ci == "exact":
            notes.append(
                "even without cases so few positive pools are improbable at this "
                "specificity: the upper limit is the likelihood ratio's"
            )
    if ci == "score":
        return _by_criterion(best, _score_excess(data, level)), "score", notes
    limits = _by_criterion(best, _ratio_excess(data, best, level))
    return limits, "likelihood ratio", notes


def _one_size(data: Pools, level: float) -> tuple[float, float]:
    """Return Clopper and Pearson's limits of the pools, carried over to persons."""
    found = binomial_limits(
        float(data.y[0]), float(data.m[0]), "clopper_pearson", level=level
    )
    youden = data.sensitivity + data.specificity - 1
    low, high = (
        min(max((limit + data.specificity - 1) / youden, 0.0), 1.0) for limit in found
    )
    power = 1 / float(data.size[0])
    # expm1 and log1p keep the digits of a tiny prevalence in large pools.
    return tuple(  # type: ignore[return-value]  # two limits in, two out
        1.0 if limit >= 1 else float(-np.expm1(power * np.log1p(-limit)))
        for limit in (low, high)
    )


def _over_outcomes(data: Pools, level: float) -> tuple[float, float]:
    counts, estimate, log_choose = all_outcomes(data)
    own = np.flatnonzero((counts == data.y).all(axis=1))[0]
    at_least = estimate >= estimate[own]
    at_most = estimate <= estimate[own]
    tail = (1 - level) / 2

    def probability(p: float, chosen: FloatVector) -> float:
        chance = data.chance(p)
        log_mass = xlogy(counts, chance) + xlogy(data.m - counts, 1 - chance)
        return float(np.exp(log_mass.sum(axis=1) + log_choose)[chosen].sum())

    ends = (1e-12, 1 - 1e-12)
    low, high = 0.0, 1.0
    if probability(ends[0], at_least) < tail:
        low = root_of(lambda p: probability(p, at_least) - tail, *ends)
    if probability(ends[1], at_most) < tail:
        if probability(ends[0], at_most) <= tail:
            return low, 0.0
        high = root_of(lambda p: probability(p, at_most) - tail, *ends)
    return low, high


def _ratio_excess(data: Pools, best: float, level: float) -> _Criterion:
    bound = critical_value(level) ** 2 / 2
    top = data.log_likelihood(best)
    return lambda p: top - data.log_likelihood(p) - bound


def _score_excess(data: Pools, level: float) -> _Criterion:
    bound = critical_value(level) ** 2

    def excess(p: float) -> float:
        score, information, _ = data.score(p)
        # Where whole pools of cases are certain the information vanishes.
        return score / information * score - bound if information > 1e-280 else math.inf

    return excess


def _by_criterion(best: float, excess: _Criterion) -> tuple[float, float]:
    low, high = 0.0, 1.0
    inside = min(max(best, 1e-10), 1 - 1e-10)
    if best > 0 and excess(1e-12) > 0:
        low = root_of(excess, 1e-12, inside)
    if best < 1 and excess(1 - 1e-12) > 0:
        high = root_of(excess, inside, 1 - 1e-12)
    return low, high


def _bayesian(
    counts: tuple[FloatVector, FloatVector, FloatVector],
    priors: tuple[PriorLike, PriorLike],
    level: float,
    *,
    by_person: bool,
) -> Estimate:
    y, m, size = counts
    prior = prior_of_prevalence(None)
    se, weight_se = priors[0].nodes(24)
    sp, weight_sp = priors[1].nodes(24)
    rough = Pools(
        y=y + 0.25,
        m=m + 0.5,
        size=size,
        sensitivity=priors[0].mean,
        specificity=priors[1].mean,
    )
    centre = rough.estimate(firth=False)
    spread = 1 / math.sqrt(rough.score(min(max(centre, 1e-6), 0.999))[1])
    panels = prevalence_panels(centre, spread)
    p = panels.prevalence.ravel()
    log_mass = np.zeros((p.size, se.size, sp.size))
    for yi, mi, si in zip(y, m, size, strict=True):
        caught = -np.expm1(si * np.log1p(-p))[:, None, None]
        wrong, right = 1 - sp[None, None, :], se[None, :, None]
        if by_person:
            cases = si * p[:, None, None]
            right = 1 - (1 - right) ** cases * (1 - wrong) ** (si - cases)
            wrong = 1 - (1 - wrong) ** si
        chance = wrong + caught * (right - wrong)
        log_mass += xlogy(yi, chance) + xlogy(mi - yi, 1 - chance)
    log_mass += prior.log_density(p)[:, None, None]
    top = float(log_mass.max())
    mass = np.exp(log_mass - top) * weight_se[:, None] * weight_sp
    mass *= panels.weight.ravel()[:, None, None]
    total = float(mass.sum())
    mass /= total
    found = Posterior(
        panels=panels,
        mass=mass.sum(axis=(1, 2)).reshape(panels.prevalence.shape),
        mean_sensitivity=float(mass.sum(axis=(0, 2)) @ se),
        mean_specificity=float(mass.sum(axis=(0, 1)) @ sp),
        log_evidence=top + math.log(total),
    )
    tail = (1 - level) / 2
    return Estimate(
        estimand="prevalence",
        unit="proportion",
        estimate=found.mean,
        std_error=found.std,
        ci=Interval(
            low=found.quantile(tail),
            high=found.quantile(1 - tail),
            level=level,
            method="equal-tailed credible",
        ),
        method="pooled_test_prevalence",
        n_obs=int(m @ size),
        diagnostics={
            "posterior_median": found.quantile(0.5),
            "mean_sensitivity": found.mean_sensitivity,
            "mean_specificity": found.mean_specificity,
            "n_pools": float(m.sum()),
            "n_positive_pools": float(y.sum()),
        },
    )
