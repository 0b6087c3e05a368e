"""Risk of a trafficked trip, and the two prevalences in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import optimize, special, stats

from estimators.array_types import FloatArray, FloatVector
from sentinel.simulate.parameters import RoundParameters

__all__ = [
    "RiskModel",
    "deported_within_a_year",
    "latent_correlation",
    "mean_inverse_multiplicity",
    "risk_model",
]

_GRID_POINTS = 61


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskModel:
    """A solved risk model.

    Attributes
    ----------
    intercept : float
        Log odds of a trafficked trip for a first-timer without a broker in a sector
        without an effect of its own.
    correlation : float
        Correlation, within a batch, of the normal variables that decide states.
    repeat_share_of_events : float
    event_prevalence : float
        Share of deportations that end a trafficked trip.
    person_prevalence : float
        Share, among persons deported at least once within a year, of those whose
        deportation ended a trafficked trip.
    """

    intercept: float
    correlation: float
    repeat_share_of_events: float
    event_prevalence: float
    person_prevalence: float


def deported_within_a_year(rate: float) -> float:
    """Return the probability of at least one deportation a year, ``1 - exp(-rate)``.

    Examples
    --------
    >>> round(deported_within_a_year(2.0), 6)
    0.864665
    """
    return float(-np.expm1(-rate))


def mean_inverse_multiplicity(rate: float) -> float:
    """Return E[1 / (1 + K)], K ~ Poisson(rate): ``(1 - exp(-rate)) / rate``.

    Seen from one of its events, the past of a stationary Poisson process is the
    process itself (Slivnyak's theorem), so the deportations of the last twelve months
    before a sampled one are Poisson. A person type with `n` persons has ``n * rate``
    events a year, and its events weighted by 1 / (1 + earlier events) add up to
    ``n * (1 - exp(-rate))``: the persons deported at least once within a year. This is
    why the multiplicity weight estimates a share of persons, and why it needs rates
    that do not change over the year.

    Examples
    --------
    >>> round(mean_inverse_multiplicity(2.0), 6)
    0.432332
    """
    return deported_within_a_year(rate) / rate


def risk_model(parameters: RoundParameters) -> RiskModel:
    """Solve the intercept for the round's event prevalence; state both prevalences."""
    risk, types = parameters.risk, parameters.types
    repeat_events = types.repeat_share * types.repeat_rate
    first_events = (1 - types.repeat_share) * types.first_rate
    repeat_share = repeat_events / (repeat_events + first_events)
    effect, weight = _profiles(parameters)

    def by_type(intercept: float) -> tuple[float, float]:
        first = float(weight @ special.expit(intercept + effect))
        repeat = float(weight @ special.expit(intercept + effect + risk.repeat))
        return first, repeat

    def excess(intercept: float) -> float:
        first, repeat = by_type(intercept)
        mean = (1 - repeat_share) * first + repeat_share * repeat
        return mean - risk.prevalence

    intercept = float(optimize.brentq(excess, -30.0, 30.0, xtol=1e-13))
    first, repeat = by_type(intercept)
    first_persons = (1 - types.repeat_share) * deported_within_a_year(types.first_rate)
    repeat_persons = types.repeat_share * deported_within_a_year(types.repeat_rate)
    persons = first_persons + repeat_persons
    return RiskModel(
        intercept=intercept,
        correlation=latent_correlation(risk.prevalence, risk.icc),
        repeat_share_of_events=repeat_share,
        event_prevalence=(1 - repeat_share) * first + repeat_share * repeat,
        person_prevalence=(first_persons * first + repeat_persons * repeat) / persons,
    )


def latent_correlation(prevalence: float, icc: float) -> float:
    """Return the normal correlation that gives two cases the correlation `icc`.

    Two members of a batch are both cases with probability
    P(X > z, Y > z) = p^2 + icc p (1 - p) for standard normal X, Y with the correlation
    sought and z the (1 - p) quantile.

    Examples
    --------
    >>> round(latent_correlation(0.5, 0.1) - float(np.sin(np.pi / 2 * 0.1)), 9) == 0
    True
    """
    if icc == 0:
        return 0.0
    threshold = float(stats.norm.isf(prevalence))
    target = prevalence**2 + icc * prevalence * (1 - prevalence)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_GRID_POINTS)
    weights = weights / weights.sum()

    def both(correlation: float) -> float:
        # Given the batch's own normal effect the members are independent.
        scale = np.sqrt(1 - correlation)
        one = stats.norm.sf((threshold - np.sqrt(correlation) * nodes) / scale)
        return float(weights @ one**2)

    def excess(correlation: float) -> float:
        return both(correlation) - target

    return float(optimize.brentq(excess, 0.0, 0.99, xtol=1e-12))


def _profiles(parameters: RoundParameters) -> tuple[FloatArray, FloatVector]:
    """Return the log odds and the share of every sex, sector and broker combination."""
    effects, weights = [], []
    sexes = (
        (parameters.male, parameters.sectors_male),
        (1 - parameters.male, parameters.sectors_female),
    )
    brokers = ((1 - parameters.broker_origin, 0.0), (parameters.broker_origin, 1.0))
    for (sex_share, sectors), (broker_share, broker) in product(sexes, brokers):
        for code, sector_share in sectors.items():
            effects.append(
                parameters.risk.sector.get(code, 0.0)
                + broker * parameters.risk.broker_origin
            )
            weights.append(sex_share * broker_share * sector_share)
    return np.array(effects), np.array(weights)
