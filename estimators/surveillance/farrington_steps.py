"""The steps behind Farrington's methods: baseline, fit, bound, for many weeks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import ndtri, stdtr

from estimators.checks import finite_vector
from estimators.errors import InputError, NotEstimableError
from estimators.surveillance.exact_limits import exact_tail, exact_upper_bound
from estimators.surveillance.farrington_baseline import (
    BaselineFit,
    BaselineRule,
    anscombe_weights,
    baseline_offsets,
    fit_baselines,
    rows_of,
)
from estimators.surveillance.farrington_bounds import (
    delta_bound,
    negative_binomial_bound,
)
from estimators.surveillance.monitored_series import (
    MonitoredSeries,
    PeriodResults,
    joined,
    monitored_series,
    read_counts,
)

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["FarringtonSettings", "Threshold", "monitor"]

Threshold = Literal["delta", "nbPlugin", "muan"]
_CHUNK = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FarringtonSettings:
    """Everything but the counts."""

    rule: BaselineRule
    trend_p_value: float
    reweight_above: float
    threshold: Threshold
    least_cases: tuple[int, int]
    level: float
    source_error: bool = False


def monitor(
    method: str,
    counts: Any,  # noqa: ANN401 - read_counts checks it
    population: Any,  # noqa: ANN401 - checked below
    settings: FarringtonSettings,
) -> MonitoredSeries:
    """Test every period that has enough history, and say of the others why not."""
    values, labels = read_counts(counts)
    exposure = _exposure(population, values.size)
    offsets, seasons = baseline_offsets(settings.rule)
    first = settings.rule.reach
    _check_history(values.size, settings.rule, offsets.size)
    parts = [
        _tested(values, exposure, offsets, seasons, settings, places=places)
        for places in _chunks(first, values.size)
    ]
    found = joined(parts)
    why = (
        f"needs {first} periods before it ({settings.rule.years_back} years of "
        f"{settings.rule.frequency} and {settings.rule.half_window} more)"
    )
    return monitored_series(
        method,
        values,
        labels,
        found,
        untested=[(place, why) for place in range(first)],
    )


def _chunks(first: int, last: int) -> list[IntVector]:
    """Cut the tested places into pieces whose arrays stay in the processor's cache."""
    return [
        np.arange(start, min(start + _CHUNK, last))
        for start in range(first, last, _CHUNK)
    ]


def _tested(
    values: FloatVector,
    exposure: FloatVector,
    offsets: IntVector,
    seasons: IntVector,
    settings: FarringtonSettings,
    *,
    places: IntVector,
) -> PeriodResults:
    rows = rows_of(places, offsets)
    y, e = values[rows], exposure[rows]
    fit, weights, trend = _fit(y, e, offsets, seasons, settings, now=exposure[places])
    found = _bounds(
        values,
        exposure,
        places,
        y=y,
        fit=fit,
        weights=weights,
        seasons=seasons,
        settings=settings,
    )
    kept = {"slope": fit.slope, "trend": trend.astype(np.float64)}
    return replace(found, diagnostics={**found.diagnostics, **kept})


def _exposure(population: Any, n: int) -> FloatVector:  # noqa: ANN401 - checks anything
    if population is None:
        return np.ones(n)
    exposure = finite_vector(population, "population")
    if exposure.size != n or (exposure <= 0).any():
        raise InputError(
            f"population: {n} numbers above 0 were expected, one per count; "
            f"{exposure.size} came, the least {min(exposure, default=0):g}."
        )
    return exposure


def _check_history(n: int, rule: BaselineRule, size: int) -> None:
    if n > rule.reach:
        if size > rule.n_seasons + 1:
            return
        raise InputError(
            f"The baseline has {size} periods for {rule.n_seasons} seasons and a "
            "trend: widen half_window, add years or exclude fewer periods."
        )
    longest = (n - 1 - rule.half_window) // rule.frequency
    rescue = (
        f"With years_back={longest} the periods {longest * rule.frequency} + "
        f"{rule.half_window} + 1 = {longest * rule.frequency + rule.half_window + 1} "
        f"to {n} can be tested. "
        if longest >= 1
        else ""
    )
    raise NotEstimableError(
        f"counts has {n} periods, but years_back={rule.years_back} of "
        f"{rule.frequency} and half_window={rule.half_window} need {rule.reach} before "
        f"the first tested one, which will be period {rule.reach + 1}. {rescue}"
        "Until then use ears() (from the 8th period on) or cusum()."
    )


def _fit(
    y: FloatMatrix,
    e: FloatMatrix,
    offsets: IntVector,
    seasons: IntVector,
    settings: FarringtonSettings,
    *,
    now: FloatVector,
) -> tuple[BaselineFit, FloatMatrix, BoolVector]:
    """Fit with trend, and again without where the trend is not to be kept."""
    fit, weights = _reweighted(y, e, offsets, seasons, settings, with_trend=True)
    error = np.sqrt(fit.slope_variance * _error_dispersion(y, fit, weights, settings))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.abs(np.where(error > 0, fit.slope / error, 0.0))
    df = y.shape[1] - seasons.max() - 2
    p_value = 2 * stdtr(df, -statistic)
    keep = (
        (p_value < settings.trend_p_value)
        & (settings.rule.years_back >= 3)
        & (fit.expected * now <= y.max(axis=1))
        & fit.settled
    )
    drop = np.flatnonzero(~keep)
    if drop.size:
        flat, flat_weights = _reweighted(
            y[drop], e[drop], offsets, seasons, settings, with_trend=False
        )
        for name in BaselineFit.__slots__:
            getattr(fit, name)[drop] = getattr(flat, name)
        weights[drop] = flat_weights
    return fit, weights, keep


def _reweighted(
    y: FloatMatrix,
    e: FloatMatrix,
    offsets: IntVector,
    seasons: IntVector,
    settings: FarringtonSettings,
    *,
    with_trend: bool,
) -> tuple[BaselineFit, FloatMatrix]:
    ones = np.ones_like(y)
    fit = fit_baselines(y, e, ones, offsets, seasons, with_trend=with_trend)
    if np.isinf(settings.reweight_above):
        return fit, ones
    weights = anscombe_weights(y, fit, above=settings.reweight_above)
    again = fit_baselines(y, e, weights, offsets, seasons, with_trend=with_trend)
    return again, weights


def _error_dispersion(
    y: FloatMatrix, fit: BaselineFit, weights: FloatMatrix, settings: FarringtonSettings
) -> FloatVector:
    if not settings.source_error:
        return np.maximum(fit.dispersion, 1)
    terms = settings.rule.n_seasons + (fit.slope_variance > 0)
    mean = np.where(fit.mean > 0, fit.mean, 1)
    relative = np.where(fit.mean > 0, (y - fit.mean) / mean, 0.0)
    return np.asarray((weights * relative**2).sum(axis=1) / (y.shape[1] - terms))


def _bounds(
    values: FloatVector,
    exposure: FloatVector,
    places: IntVector,
    *,
    y: FloatMatrix,
    fit: BaselineFit,
    weights: FloatMatrix,
    seasons: IntVector,
    settings: FarringtonSettings,
) -> PeriodResults:
    observed = values[places]
    phi = np.maximum(fit.dispersion, 1)
    expected = fit.expected * exposure[places]
    empty = expected <= 0
    safe = np.where(empty, 1.0, expected)
    spread = _error_dispersion(y, fit, weights, settings)
    log_error = np.sqrt(np.where(empty, 0.0, fit.variance) * spread)
    if settings.threshold == "delta":
        upper, tail = delta_bound(
            safe, phi, (safe * log_error) ** 2, observed, level=settings.level
        )
    else:
        reach = float(ndtri(settings.level)) if settings.threshold == "muan" else 0.0
        mean = safe * np.exp(reach * log_error)
        upper, tail = negative_binomial_bound(mean, phi, observed, level=settings.level)
    own = int((seasons == 0).sum())
    for at in np.flatnonzero(empty):
        upper[at] = exact_upper_bound(0, own, 1 - settings.level)
        tail[at] = exact_tail(float(observed[at]), 0, own)
    few = _too_few(values, places, settings.least_cases)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(
            observed == expected, 0.0, (observed - expected) / (upper - expected)
        )
    return PeriodResults(
        place=list(places),
        expected=expected,
        std_error=expected * log_error,
        upper=upper,
        alarm=list((observed > upper) & ~few),
        reason=_reasons(few, empty, settings.least_cases),
        level=[settings.level] * places.size,
        interval="one-sided prediction limit",
        diagnostics={"score": score, "p_value": tail, "dispersion": phi},
    )


def _too_few(
    values: FloatVector, places: IntVector, least: tuple[int, int]
) -> BoolVector:
    cases, periods = least
    total = np.concatenate([[0.0], np.cumsum(values)])
    recent = total[places + 1] - total[np.maximum(places + 1 - periods, 0)]
    return np.asarray(recent < cases)


def _reasons(few: BoolVector, empty: BoolVector, least: tuple[int, int]) -> list[str]:
    words_few = f"fewer than {least[0]} cases in {least[1]} periods: never an alarm"
    words_empty = "no case in this season's baseline: exact Poisson limit"
    return [
        "; ".join(words for words, on in ((words_few, a), (words_empty, b)) if on)
        for a, b in zip(few, empty, strict=True)
    ]
