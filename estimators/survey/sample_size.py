"""How many to interview: for an interval, for a change over rounds, and the reverse."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Unpack

import numpy as np
from scipy.special import ndtri

from estimators.checks import check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.survey.field_conditions import (
    Conditions,
    FieldConditions,
    read_conditions,
)
from estimators.survey.proportion_intervals import t_quantile
from estimators.survey.sample_size_plan import (
    SLACK,
    SampleSize,
    check_shares,
    finish_plan,
    plan_doubts,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["achievable_half_width", "required_sample_size", "sample_size_for_change"]


def required_sample_size(
    prevalence: float,
    *,
    half_width: float,
    level: float = 0.95,
    **conditions: Unpack[Conditions],
) -> SampleSize:
    """Return the sample that gives the interval of a prevalence a stated half width.

    Parameters
    ----------
    prevalence : float
        Expected true prevalence.
    half_width : float
        Wanted half width of its interval.
    level : float
    **conditions
        Assumptions, all optional. ``cluster_size`` (respondents per PSU on average),
        ``cv_cluster_size``, ``intra_class_correlation``, ``weights_effect`` (Kish's
        1 + CV^2), or ``design_effect`` instead of them; ``population``;
        ``response_rate``; ``sensitivity`` and ``specificity``, and the persons they
        were estimated from, ``n_sensitivity`` and ``n_specificity`` (default: known).

    Returns
    -------
    SampleSize

    Raises
    ------
    InputError
        With every assumption out of range.
    NotEstimableError
        If the uncertainty of sensitivity and specificity alone is wider than wanted.

    Notes
    -----
    With apparent prevalence a = P Se + (1 - P)(1 - Sp) and J = Se + Sp - 1,
    ``n = deff z^2 a (1 - a) / J^2 / (h^2 - z^2 v)``, v being the variance that
    estimated Se and Sp add; ``deff = weights (1 + ((1 + cv^2) b - 1) rho)``; then
    ``n / (1 + (n - 1) / N)`` for a population of N persons, whose classification is
    taken as fixed; then divided by the response rate. Figures are rounded up. Normal
    limits are too short for few events or clusters: notes say when.

    References
    ----------
    Rogan, W. J. and Gladen, B. (1978). Estimating prevalence from the results of a
    screening test. American Journal of Epidemiology 107, 71-76.

    Eldridge, S. M., Ashby, D. and Kerry, S. (2006). Sample size for cluster randomized
    trials: effect of coefficient of variation of cluster size. International Journal of
    Epidemiology 35, 1292-1300.

    Examples
    --------
    >>> from estimators import survey
    >>> survey.required_sample_size(0.05, half_width=0.02).n
    457
    >>> plan = survey.required_sample_size(
    ...     0.05, half_width=0.02, sensitivity=0.85, specificity=0.97)
    >>> plan.n
    943
    """
    assumed = read_conditions(conditions)
    check_level(level)
    check_shares(prevalence=prevalence, half_width=half_width)
    z = t_quantile(level, math.inf)
    apparent = assumed.apparent(prevalence)
    extra = assumed.validation_variance(prevalence)
    room = half_width**2 - z**2 * extra
    if room <= 0:
        raise NotEstimableError(
            f"The estimated sensitivity and specificity alone give a half width of "
            f"{z * math.sqrt(extra):.4g}, which no sample can bring to {half_width:g}: "
            "validate the classification on more persons."
        )
    simple = z**2 * assumed.unit_variance(prevalence) / room
    steps = [
        ("apparent prevalence", "P Se + (1 - P)(1 - Sp)", apparent),
        ("variance from validation", "P^2 v(Se) + (1 - P)^2 v(Sp), over J^2", extra),
        ("simple random sample", "z^2 a (1 - a) / J^2 / (h^2 - z^2 v)", simple),
    ]
    return finish_plan(
        assumed, simple, steps, prevalence=prevalence, half_width=half_width
    )


def achievable_half_width(
    n: int, prevalence: float, *, level: float = 0.95, **conditions: Unpack[Conditions]
) -> SampleSize:
    """Return the half width that a number of selected persons would give.

    Parameters
    ----------
    n : int
        Persons to select.
    prevalence : float
        Expected true prevalence.
    level : float
    **conditions
        As in `required_sample_size`.

    Returns
    -------
    SampleSize
        With the same n.

    Raises
    ------
    InputError
        With every assumption out of range, or more persons than the population has.

    References
    ----------
    Rogan, W. J. and Gladen, B. (1978). Estimating prevalence from the results of a
    screening test. American Journal of Epidemiology 107, 71-76.

    Examples
    --------
    >>> from estimators import survey
    >>> plan = survey.achievable_half_width(
    ...     400, 0.05, cluster_size=8, intra_class_correlation=0.1)
    >>> round(plan.half_width, 4)
    0.0278
    """
    assumed = read_conditions(conditions)
    check_level(level)
    check_counts(n=n)
    check_shares(prevalence=prevalence)
    responding = n * assumed.response_rate
    if not 1 <= responding <= assumed.population:
        raise InputError(
            f"n={n} gives {responding:g} respondents of {assumed.population:g} persons."
        )
    z = t_quantile(level, math.inf)
    worth = assumed.infinite(responding) / assumed.effect
    extra = assumed.validation_variance(prevalence)
    half_width = z * math.sqrt(assumed.unit_variance(prevalence) / worth + extra)
    steps = (
        ("apparent prevalence", "P Se + (1 - P)(1 - Sp)", assumed.apparent(prevalence)),
        ("variance from validation", "P^2 v(Se) + (1 - P)^2 v(Sp), over J^2", extra),
        ("respondents", "n x response", responding),
        ("design effect", "weights (1 + ((1 + cv^2) b - 1) rho)", assumed.effect),
        ("worth as a simple random sample", "n (N - 1) / (N - n) / deff", worth),
        ("half width", "z sqrt(a (1 - a) / J^2 / n + v)", half_width),
    )
    respondents = math.floor(responding + SLACK)
    n_clusters = math.ceil(respondents / assumed.cluster_size - SLACK)
    return SampleSize(
        n=int(n),
        n_respondents=respondents,
        n_clusters=n_clusters,
        half_width=half_width,
        design_effect=assumed.effect,
        apparent_prevalence=assumed.apparent(prevalence),
        steps=steps,
        notes=plan_doubts(assumed, responding, n_clusters, prevalence),
    )


def sample_size_for_change(
    first: float,
    last: float,
    *,
    n_rounds: int = 2,
    power: float = 0.8,
    round_correlation: float = 0.0,
    level: float = 0.95,
    **conditions: Unpack[Conditions],
) -> SampleSize:
    """Return the sample per round that detects a change of prevalence with some power.

    Parameters
    ----------
    first, last : float
        True prevalence in the first and the last round; rounds between lie on the line.
    n_rounds : int
        Rounds at equal distances, 2 or more.
    power : float
        Probability of a two-sided test at ``1 - level`` finding the slope.
    round_correlation : float
        Correlation of two rounds' estimates through shared PSUs, 0 <= r < 1. Keeping
        the sites makes a change easier to see.
    level : float
    **conditions
        As in `required_sample_size`; the population is that of a round. Sensitivity and
        specificity are taken to be the same, and known, in all rounds.

    Returns
    -------
    SampleSize
        Per round.

    Raises
    ------
    InputError
        With every assumption out of range, or no change to find.

    Notes
    -----
    The slope over rounds t is ``sum c p`` with ``c = (t - mean) / sum (t - mean)^2``.
    Per respondent it has variance V0 where nothing changes and V1 where the line holds,
    ``n = deff (z_a sqrt V0 + z_b sqrt V1)^2 / slope^2``. For two rounds this is the
    usual formula for two proportions.

    References
    ----------
    Fleiss, J. L., Levin, B. and Paik, M. C. (2003). Statistical Methods for Rates and
    Proportions, third edition, chapter 4. Wiley.

    Examples
    --------
    >>> from estimators import survey
    >>> survey.sample_size_for_change(0.05, 0.10).n_respondents
    435
    """
    assumed = read_conditions(conditions)
    check_level(level)
    check_shares(first=first, last=last, power=power)
    count = check_counts(n_rounds=n_rounds)["n_rounds"]
    if first == last or count < 2 or not 0 <= round_correlation < 1:
        raise InputError(
            f"A change from {first:g} to {last:g} over {count} rounds with correlation "
            f"{round_correlation!r}: two different shares, two rounds or more and "
            "0 <= r < 1 are needed."
        )
    if math.isfinite(assumed.n_sensitivity) or math.isfinite(assumed.n_specificity):
        raise InputError(
            "n_sensitivity and n_specificity do not belong to a plan for change: an "
            "error that all rounds share shifts them together."
        )
    spread = _slope_variances(assumed, (first, last), count, round_correlation)
    slope = (last - first) / (count - 1)
    z, z_power = t_quantile(level, math.inf), float(ndtri(power))
    none, line = spread
    simple = (z * math.sqrt(none) + z_power * math.sqrt(line)) ** 2 / slope**2
    steps = [
        ("change per round", "(last - first) / (rounds - 1)", slope),
        ("variance without change", "per respondent", none),
        ("variance with it", "per respondent", line),
        ("simple random sample", "(z_a sqrt V0 + z_b sqrt V1)^2 / slope^2", simple),
    ]
    half_width = abs(slope) * z * math.sqrt(line)
    half_width /= z * math.sqrt(none) + z_power * math.sqrt(line)
    return finish_plan(assumed, simple, steps, prevalence=first, half_width=half_width)


def _slope_variances(
    assumed: FieldConditions,
    prevalence: tuple[float, float],
    n_rounds: int,
    correlation: float,
) -> tuple[float, float]:
    """Return the slope's variance per respondent without change and with it."""
    t = np.arange(n_rounds, dtype=np.float64)
    away = t - t.mean()
    c: FloatVector = away / (away**2).sum()
    path = np.linspace(*prevalence, n_rounds)
    own = np.array([assumed.unit_variance(float(p)) for p in path])
    middle = assumed.unit_variance(float(path.mean()))
    scaled = c * np.sqrt(own)
    line = (1 - correlation) * (scaled**2).sum() + correlation * scaled.sum() ** 2
    none = middle * (1 - correlation) * (c**2).sum()
    return float(none), float(line)
