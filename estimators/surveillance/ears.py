"""EARS C1, C2 and C3: early aberration reporting from a short moving baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtr, ndtri

from estimators.checks import check_choice, check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.surveillance.exact_limits import exact_tail, exact_upper_bound
from estimators.surveillance.monitored_series import (
    MonitoredSeries,
    PeriodResults,
    monitored_series,
    read_counts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from estimators.array_types import FloatVector

__all__ = ["ears"]

EarsMethod = Literal["C1", "C2", "C3", "C3_current"]
_GUARD = {
    "C1": 0,
    "C2": 2,
    "C3": 2,
    "C3_current": 2,
}  # periods between the baseline and the tested one
# The defaults of the R package surveillance.
_LEVEL = {"C1": 0.999, "C2": 0.999, "C3": 0.975, "C3_current": 0.975}
_FLAT = "baseline constant: exact Poisson limit in place of a standard deviation of 0"


@estimator(
    family="surveillance",
    label="Early aberration reporting (EARS C1, C2, C3)",
    source="Hutwagner, Thompson, Seeman and Treadwell 2003",
    example=lambda: {
        "counts": np.array([3.0, 1, 4, 1, 5, 2, 6, 5, 3, 5, 8, 9, 7, 19, 3]),
    },
)
def ears(
    counts: Sequence[float] | FloatVector | pd.Series,
    *,
    method: EarsMethod = "C1",
    baseline: int = 7,
    min_sigma: float | None = None,
    level: float | None = None,
) -> MonitoredSeries:
    """Compare every period with the few periods before it.

    For series too short for a seasonal model, such as a new telephone line. Season and
    trend are absent from the baseline: a slow rise is not seen, the weekday is.

    Parameters
    ----------
    counts : array or Series of shape (n,)
        Whole numbers, one per period in order of time, without gaps; a Series' index
        names the periods, else they are 1, 2, ..., n.
    method : {"C1", "C2", "C3", "C3_current"}
        Baseline just before the period; the same two periods earlier, so that the
        start of a rise does not hide the rest of it; C2's excess over 1 in the two
        former periods; the same in those two and the tested period.
    baseline : int
        Periods of the baseline, at least 3.
    min_sigma : float, optional
        Least standard deviation, in counts. By default constant baselines, whose
        standard deviation is 0 and above which one case would alarm, are judged by the
        exact Poisson comparison with the baseline's sum, and the reason says so.
    level : float, optional
        One-sided: the upper bound is this quantile. Default 0.999, and 0.975 for C3.

    Returns
    -------
    MonitoredSeries
        Diagnostic ``score``: excess over the mean in standard deviations (C3: summed).

    Raises
    ------
    InputError
        If a count is missing, negative or not whole.
    NotEstimableError
        If the series is shorter than one baseline; the message says by how much.

    Notes
    -----
    ``U = mean + z sd`` with the sample standard deviation of the baseline. The normal
    quantile ignores that mean and sd are estimated from few periods: with 7, quiet
    series raise C1 and C2 in 2 to 6 periods of 100 rather than in one of 1,000, C3 in 5
    to 11 and C3_current in 9 to 18 rather than 2.5 (`benchmarks/accuracy`).

    The paper sums ``max(0, C2 - 1)`` over three periods, the tested one among them:
    ``"C3_current"``. The R package surveillance, whose numbers ``"C3"`` gives, leaves
    the tested period out: its bound is the observed count plus ``sd (z - carried)``, so
    that the two former periods alone raise the alarm, even over a count of 0.

    References
    ----------
    Hutwagner, L., Thompson, W., Seeman, G. M. and Treadwell, T. (2003). The
    bioterrorism preparedness and response Early Aberration Reporting System (EARS).
    Journal of Urban Health 80 (Suppl. 1), i89-i96.

    Examples
    --------
    >>> from estimators import surveillance
    >>> result = surveillance.ears([2, 3, 2, 4, 3, 2, 3, 2, 15, 3], method="C1")
    >>> result.alarms, round(result.get(period=9).ci.high, 3)
    ((9,), 5.05)
    """
    check_choice("method", method, tuple(_GUARD))
    length = check_counts(baseline=baseline)["baseline"]
    level = check_level(_LEVEL[method] if level is None else level)
    if length < 3:
        raise InputError(f"baseline={length}: at least 3 periods are needed.")
    if min_sigma is not None and not 0 <= min_sigma < np.inf:
        raise InputError(f"min_sigma={min_sigma!r}: a number >= 0 was expected.")
    values, labels = read_counts(counts)
    first = length + _GUARD[method] + (2 if method.startswith("C3") else 0)
    if values.size <= first:
        raise NotEstimableError(
            f"EARS {method} with baseline={length} tests the {first + 1}th period and "
            f"later ones, but counts has {values.size}. Wait, or take a shorter "
            "baseline (at least 3)."
        )
    window = _Baselines(values, length, _GUARD[method], min_sigma)
    found = (
        _summed(window, first, level, with_current=method == "C3_current")
        if method.startswith("C3")
        else _single(window, first, level)
    )
    why = f"its baseline of {length} periods begins before the series"
    return monitored_series(
        f"ears {method}",
        values,
        labels,
        found,
        untested=[(place, why) for place in range(first)],
        notes=_alarm_notes(method, length),
    )


# Quiet weeks in alarm per hundred with the defaults: benchmarks/accuracy/surveillance.
_QUIET_ALARMS = {
    "C1": "2 to 6",
    "C2": "2 to 6",
    "C3": "5 to 11",
    "C3_current": "9 to 18",
}


def _alarm_notes(method: str, length: int) -> tuple[str, ...]:
    if length > 14:
        return ()
    return (
        f"a baseline of {length} periods says little about their scatter: with 7 and "
        f"the default level {_QUIET_ALARMS[method]} of 100 quiet weeks raised "
        f"{method} in simulations",
    )


class _Baselines:
    """Mean, standard deviation and sum of the baseline of every testable period."""

    def __init__(
        self, counts: FloatVector, length: int, guard: int, min_sigma: float | None
    ) -> None:
        self.first = length + guard
        self.length = length
        self.counts = counts[self.first :]
        windows = np.lib.stride_tricks.sliding_window_view(counts, length)
        before = windows[: self.counts.size]
        self.mean: FloatVector = before.mean(axis=1)
        self.total: FloatVector = before.sum(axis=1)
        sigma = before.std(axis=1, ddof=1)
        constant = before.min(axis=1) == before.max(axis=1)
        self.exact = constant & (min_sigma is None)
        self.sigma: FloatVector = np.where(constant, 0.0, sigma)
        if min_sigma is not None:
            self.sigma = np.maximum(self.sigma, min_sigma)

    def scores(self) -> FloatVector:
        """Return the excess in standard deviations; exact ones as normal quantiles."""
        away = self.counts - self.mean
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.where(away == 0, 0.0, away / self.sigma)
        for place in np.flatnonzero(self.exact):
            tail = exact_tail(self.counts[place], self.total[place], self.length)
            score[place] = -ndtri(tail)
        return np.asarray(score)

    def upper_bounds(self, z: FloatVector) -> FloatVector:
        """Return the counts that lie `z` standard deviations above the mean."""
        upper = self.mean + z * self.sigma
        for place in np.flatnonzero(self.exact):
            tail = float(ndtr(-z[place]))
            upper[place] = exact_upper_bound(self.total[place], self.length, tail)
        return np.maximum(upper, 0.0)


def _single(window: _Baselines, first: int, level: float) -> PeriodResults:
    upper = window.upper_bounds(np.full(window.counts.size, ndtri(level)))
    return _results(
        window, slice(None), first, upper=upper, score=window.scores(), level=level
    )


def _summed(
    window: _Baselines, first: int, level: float, *, with_current: bool
) -> PeriodResults:
    score = window.scores()
    excess = np.maximum(score - 1, 0)
    carried = excess[:-2] + excess[1:-1]
    critical = float(ndtri(level))
    if with_current:
        # max(0, C2 - 1) + carried > z: a count z + 1 - carried sds above the mean,
        # and any count at all once what is carried exceeds z by itself.
        needed = np.where(carried > critical, -np.inf, critical + 1 - carried)
        z = np.concatenate([np.zeros(2), np.where(np.isinf(needed), 0.0, needed)])
        upper = np.where(np.isinf(needed), 0.0, window.upper_bounds(z)[2:])
        total = carried + excess[2:]
    else:
        sigma = window.sigma[2:]
        gap = np.where(np.isinf(carried), -np.inf, critical - carried)
        with np.errstate(invalid="ignore"):
            move = np.where(sigma == 0, np.sign(gap), sigma * gap)
        upper = np.maximum(window.counts[2:] + move, 0.0)
        total = carried
    return _results(
        window, slice(2, None), first, upper=upper, score=total, level=level
    )


def _results(
    window: _Baselines,
    part: slice,
    first: int,
    *,
    upper: FloatVector,
    score: FloatVector,
    level: float,
) -> PeriodResults:
    counts, mean, sigma = window.counts[part], window.mean[part], window.sigma[part]
    return PeriodResults(
        place=range(first, first + counts.size),
        expected=mean,
        std_error=sigma / np.sqrt(window.length),
        upper=upper,
        alarm=list(counts > upper),
        reason=[_FLAT if exact else "" for exact in window.exact[part]],
        level=[level] * counts.size,
        interval="one-sided prediction limit",
        diagnostics={"score": score, "baseline_sd": sigma},
    )
