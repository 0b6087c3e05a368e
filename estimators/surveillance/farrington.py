"""Farrington's method: this week against the same season of former years."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from estimators.checks import check_choice, check_counts, check_level
from estimators.errors import InputError
from estimators.registry import estimator
from estimators.surveillance.farrington_baseline import BaselineRule
from estimators.surveillance.farrington_steps import (
    FarringtonSettings,
    Threshold,
    monitor,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from estimators.array_types import FloatVector
    from estimators.surveillance.monitored_series import MonitoredSeries

__all__ = ["farrington", "farrington_flexible"]


def _example_counts() -> FloatVector:
    time = np.arange(200)
    season = 12 + 4 * np.sin(2 * np.pi * time / 52) + (time * 7 % 11) - 5
    return np.floor(season)


@estimator(
    family="surveillance",
    label="Farrington flexible: seasonal quasi-Poisson limits",
    source="Noufaily et al. 2013; Farrington et al. 1996",
    example=lambda: {
        "counts": _example_counts(),
        "years_back": 3,
        "threshold": "delta",
    },
)
def farrington_flexible(  # noqa: PLR0913 - the method's own settings
    counts: Sequence[float] | FloatVector | pd.Series,
    *,
    population: Sequence[float] | FloatVector | None = None,
    frequency: int = 52,
    years_back: int = 4,
    half_window: int = 3,
    n_seasons: int = 10,
    weeks_excluded: int = 26,
    trend_p_value: float = 1.0,
    reweight_above: float = 2.58,
    threshold: Threshold = "nbPlugin",
    least_cases: tuple[int, int] = (5, 4),
    prediction_error: Literal["quasi_poisson", "as_surveillance"] = "as_surveillance",
    level: float = 0.99,
) -> MonitoredSeries:
    """Compare every week with a seasonal quasi-Poisson model of its past years.

    Parameters
    ----------
    counts : array or Series of shape (n,)
        Whole numbers, one per period in order of time, without gaps.
    population : array of shape (n,), optional
        Exposure per period (registered migrants, hours on air), above 0.
    frequency : int
        Periods of a year: 52, 12.
    years_back, half_window : int
        Years of the baseline, and periods on either side of the tested one's season
        that make its window.
    n_seasons : int
        Seasons of the year with an effect of their own; 1 uses the windows only.
    weeks_excluded : int
        Latest periods before the tested one that stay out of its baseline, lest an
        outbreak that goes on hide itself.
    trend_p_value : float
        The linear trend is kept if its p-value is below this (1 keeps it always), the
        baseline has 3 years or more, and the expected count does not exceed the
        greatest of the baseline.
    reweight_above : float
        Periods with a standardised Anscombe residual above this are weighted down by
        its square, once; infinity keeps all weights at 1.
    threshold : {"nbPlugin", "muan", "delta"}
        Negative binomial quantile at the expected count; the same at the upper limit
        of the expected count; normal on the 2/3 power scale with the error of both.
    least_cases : tuple of int
        No alarm with fewer than the first number of cases in the second's periods.
    prediction_error : {"as_surveillance", "quasi_poisson"}
        Error of the expected count for ``delta`` and ``muan``, and of the trend's test:
        the one that R's surveillance computes, by which public-health systems run, or
        the model's own (see Notes). ``nbPlugin`` without a trend test needs neither.
    level : float
        One-sided: the upper bound is this quantile.

    Returns
    -------
    MonitoredSeries
        Diagnostics ``score`` (alarm above 1), ``p_value``, ``dispersion``, ``slope``
        (0 where the trend was dropped) and ``trend``. `untested` names the periods
        without enough history.

    Raises
    ------
    InputError
        If a count is missing, negative or not whole, or settings contradict each other.
    NotEstimableError
        If the history is too short for any period; the message says which period will
        be the first and what can be used until then.

    Notes
    -----
    The score is ``(y - expected) / (U - expected)``; surveillance subtracts the
    logarithm of the expected count instead under ``nbPlugin`` and ``muan``, which
    changes the score and never the alarm while the bound exceeds the expectation.
    Where the tested season holds no case at all its rate cannot be estimated: the
    exact Poisson comparison takes over, and the reason says so.

    Surveillance takes the dispersion behind the standard errors of its reweighted fit
    as ``sum(w ((y - mu) / mu)^2) / df``, for its object's working weights have been
    overwritten; the quasi-Poisson one is ``max(1, sum(w (y - mu)^2 / mu) / df)`` and
    larger where more than one case is expected. For the salmonella agona series
    ``muan`` alarms in weeks 262 to 264 with the former, in 262 and 264 with the latter.

    References
    ----------
    Noufaily, A., Enki, D. G., Farrington, P., Garthwaite, P., Andrews, N. and Charlett,
    A. (2013). An improved algorithm for outbreak detection in multiple surveillance
    systems. Statistics in Medicine 32, 1206-1222.

    Farrington, C. P., Andrews, N. J., Beale, A. D. and Catchpole, M. A. (1996). A
    statistical algorithm for the early detection of outbreaks of infectious disease.
    Journal of the Royal Statistical Society A 159, 547-563.

    Examples
    --------
    >>> from estimators import surveillance
    >>> counts = [4, 6, 5, 7, 3, 5] * 45
    >>> counts[260] = 25
    >>> surveillance.farrington_flexible(counts).alarms
    (261,)
    """
    check_choice("threshold", threshold, ("delta", "nbPlugin", "muan"))
    check_choice(
        "prediction_error", prediction_error, ("quasi_poisson", "as_surveillance")
    )
    rule = _rule(frequency, years_back, half_window, n_seasons, weeks_excluded)
    settings = FarringtonSettings(
        rule=rule,
        trend_p_value=trend_p_value,
        reweight_above=reweight_above,
        threshold=threshold,
        least_cases=least_cases,
        level=check_level(level),
        source_error=prediction_error == "as_surveillance",
    )
    return monitor(f"farrington_flexible {threshold}", counts, population, settings)


@estimator(
    family="surveillance",
    label="Farrington 1996: seasonal windows on the 2/3 power scale",
    source="Farrington et al. 1996",
    example=lambda: {"counts": _example_counts(), "years_back": 3},
)
def farrington(  # noqa: PLR0913 - the method's own settings
    counts: Sequence[float] | FloatVector | pd.Series,
    *,
    population: Sequence[float] | FloatVector | None = None,
    frequency: int = 52,
    years_back: int = 4,
    half_window: int = 3,
    trend_p_value: float = 0.05,
    reweight_above: float = 1.0,
    least_cases: tuple[int, int] = (5, 4),
    level: float = 0.95,
) -> MonitoredSeries:
    """Compare every week with the same weeks of former years (original method).

    The window's weeks alone are used, the recent past is not excluded, since it is no
    part of a window, residuals above 1 are weighted down and the bound is normal on the
    2/3 power scale. `farrington_flexible` has replaced it: it alarms less often. At the
    default level 5 to 6 of 100 quiet weeks alarm in simulations, 8 to 11 of
    overdispersed and 15 to 17 of growing series, whose trend the short windows seldom
    show.

    Parameters
    ----------
    counts : array or Series of shape (n,)
        Whole numbers, one per period in order of time, without gaps.
    population : array of shape (n,), optional
        Exposure per period, above 0.
    frequency, years_back, half_window : int
        As in `farrington_flexible`.
    trend_p_value, reweight_above : float
        As in `farrington_flexible`.
    least_cases : tuple of int
        No alarm with fewer than the first number of cases in the second's periods.
    level : float
        One-sided; the paper's two-sided ``alpha = 0.1`` is 0.95 here.

    Returns
    -------
    MonitoredSeries
        As from `farrington_flexible`.

    Raises
    ------
    InputError
        If a count is missing, negative or not whole, or settings contradict each other.
    NotEstimableError
        If the history is too short for any period.

    References
    ----------
    Farrington, C. P., Andrews, N. J., Beale, A. D. and Catchpole, M. A. (1996). A
    statistical algorithm for the early detection of outbreaks of infectious disease.
    Journal of the Royal Statistical Society A 159, 547-563.

    Examples
    --------
    >>> from estimators import surveillance
    >>> counts = [4, 6, 5, 7, 3, 5] * 45
    >>> counts[260] = 25
    >>> surveillance.farrington(counts, level=0.999).alarms
    (261,)
    """
    rule = _rule(frequency, years_back, half_window, 1, half_window)
    settings = FarringtonSettings(
        rule=rule,
        trend_p_value=trend_p_value,
        reweight_above=reweight_above,
        threshold="delta",
        least_cases=least_cases,
        level=check_level(level),
    )
    return monitor("farrington", counts, population, settings)


def _rule(
    frequency: int, years_back: int, half_window: int, n_seasons: int, excluded: int
) -> BaselineRule:
    whole = check_counts(
        frequency=frequency,
        years_back=years_back,
        half_window=half_window,
        n_seasons=n_seasons,
        weeks_excluded=excluded,
    )
    least = {"frequency": 2, "years_back": 1, "n_seasons": 1}
    problems = [f"{k}={whole[k]} < {v}" for k, v in least.items() if whole[k] < v]
    if problems:
        raise InputError(f"Baseline settings too small: {'; '.join(problems)}.")
    return BaselineRule(**whole)
