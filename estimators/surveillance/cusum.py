"""Cumulative sums of standardised counts: small lasting rises add up to an alarm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import chdtrc, pdtr

from estimators.checks import check_choice, check_counts
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.surveillance.count_regression import fit_counts
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

__all__ = ["cusum"]

Transform = Literal["standard", "rossi", "anscombe"]
_LEAST_JUDGED = 8  # baseline periods whose scatter is worth a test
_SCATTERS = 1e-3  # p-value of Poisson counts of one mean below which a note says so


@estimator(
    family="surveillance",
    label="Cumulative sum (CUSUM) of counts",
    source="Rossi, Lampugnani and Marchi 1999; Page 1954",
    example=lambda: {
        "counts": np.array([3.0, 1, 4, 1, 5, 2, 6, 5, 3, 5, 4, 2, 3, 4, 3]),
        "baseline": 6,
    },
)
def cusum(
    counts: Sequence[float] | FloatVector | pd.Series,
    *,
    baseline: int = 26,
    mean: float | None = None,
    season: float | None = None,
    transform: Transform = "rossi",
    reference_value: float = 1.04,
    decision_interval: float = 2.26,
) -> MonitoredSeries:
    """Add up what standardised counts exceed their mean by, and alarm when it is much.

    Parameters
    ----------
    counts : array or Series of shape (n,)
        Whole numbers, one per period in order of time, without gaps.
    baseline : int
        First periods, which give the mean and are not tested.
    mean : float, optional
        Mean in control, in counts per period, where it is known from elsewhere.
    season : float, optional
        Periods of a year (52, 12): the mean is then a Poisson regression of the
        baseline on one sine and cosine; the baseline must cover a year.
    transform : {"standard", "rossi", "anscombe"}
        ``(x - m) / sqrt(m)``; ``(x - 3 m + 2 sqrt(x m)) / (2 sqrt(m))``, nearly normal
        for small means; ``1.5 (x^(2/3) - m^(2/3)) / m^(1/6)``.
    reference_value, decision_interval : float
        `k` and `h` in standard deviations. The defaults make a false alarm come once
        in about 500 periods of normal scores.

    Returns
    -------
    MonitoredSeries
        The upper bound is the count with which the sum would reach `h`; its level is
        the Poisson probability of staying below. Both fall as the sum grows: after a
        long rise the bound lies below the mean, and even a usual count alarms.
        Diagnostics ``cusum`` and ``score``.

    Raises
    ------
    InputError
        If a count is missing, negative or not whole, or a setting is out of bounds.
    NotEstimableError
        If no period is left to test, or the mean of the baseline is 0.

    Notes
    -----
    ``S_t = max(0, S_{t-1} + score_t - k)``, alarm where ``S_t >= h``. The sum is not
    set back after an alarm. The mean is taken as known; if the baseline was unusual,
    every later period inherits that.

    References
    ----------
    Rossi, G., Lampugnani, L. and Marchi, M. (1999). An approximate CUSUM procedure for
    surveillance of health events. Statistics in Medicine 18, 2111-2122.

    Page, E. S. (1954). Continuous inspection schemes. Biometrika 41, 100-115.

    Examples
    --------
    >>> from estimators import surveillance
    >>> counts = [2, 3, 1, 2, 2, 3, 4, 5, 5, 6, 2]
    >>> surveillance.cusum(counts, baseline=6).alarms
    (10,)
    """
    check_choice("transform", transform, ("standard", "rossi", "anscombe"))
    first = check_counts(baseline=baseline)["baseline"]
    _check_settings(mean, season, reference_value, decision_interval)
    values, labels = read_counts(counts)
    if values.size <= first:
        raise NotEstimableError(
            f"baseline={first} leaves no period to test: counts has {values.size}. "
            "Give a shorter baseline, or mean= from elsewhere with baseline=0."
        )
    level = _means(values, first, mean, season)
    tested = values[first:]
    score = _score(tested, level, transform)
    before, after = _sums(score, reference_value, decision_interval)
    room = reference_value + decision_interval - before
    upper = _upper(level, room, transform)
    below = pdtr(np.maximum(np.ceil(upper) - 1, 0), level)
    found = PeriodResults(
        place=range(first, values.size),
        expected=level,
        std_error=np.zeros(tested.size) if mean else np.sqrt(level / max(first, 1)),
        upper=upper,
        alarm=list(after >= decision_interval),
        reason=[""] * tested.size,
        level=list(np.clip(np.where(upper > 0, below, 0.0), 0, 1)),
        interval="CUSUM limit at a Poisson mean",
        diagnostics={"cusum": after, "score": score},
    )
    return monitored_series(
        f"cusum {transform}",
        values,
        labels,
        found,
        untested=[(place, f"in the baseline of {first}") for place in range(first)],
        notes=_scatter_notes(values[:first], mean),
    )


def _scatter_notes(baseline: FloatVector, mean: float | None) -> tuple[str, ...]:
    """Say where counts scatter more than Poisson ones about a constant mean do."""
    if mean is not None or baseline.size < _LEAST_JUDGED or baseline.sum() == 0:
        return ()
    square = float(((baseline - baseline.mean()) ** 2).sum() / baseline.mean())
    if chdtrc(baseline.size - 1, square) > _SCATTERS:
        return ()
    return (
        f"baseline counts scatter {square / (baseline.size - 1):.3g} times as Poisson "
        "counts of one mean would (overdispersion, season or trend): false alarms are "
        "then far more frequent than one in 500 periods; at 2.5 times, 7 of 100 quiet "
        "weeks alarmed in simulations, under a trend most of them",
    )


def _check_settings(
    mean: float | None, season: float | None, k: float, h: float
) -> None:
    problems = []
    if mean is not None and not 0 < mean < math.inf:
        problems.append(f"mean={mean!r} must be above 0")
    if season is not None and not season >= 2:
        problems.append(f"season={season!r} must be 2 periods or more")
    if mean is not None and season is not None:
        problems.append("mean and season exclude each other")
    if not 0 <= k < math.inf:
        problems.append(f"reference_value={k!r} must be at least 0")
    if not 0 < h < math.inf:
        problems.append(f"decision_interval={h!r} must be above 0")
    if problems:
        raise InputError(f"CUSUM settings: {'; '.join(problems)}.")


def _means(
    values: FloatVector, first: int, mean: float | None, season: float | None
) -> FloatVector:
    ahead = values.size - first
    if mean is not None:
        return np.full(ahead, float(mean))
    base = values[:first]
    if not base.size or not base.any():
        raise NotEstimableError(
            f"The baseline of {first} periods holds no case, so that there is no mean "
            "to exceed. Give mean=, or use ears(), whose exact limit needs none."
        )
    if season is None:
        return np.full(ahead, base.mean())
    if first < season:
        raise NotEstimableError(
            f"season={season:g} needs a baseline of a year; {first} periods came."
        )
    time = np.arange(values.size, dtype=np.float64)
    angle = 2 * np.pi * time / season
    design = np.column_stack([np.ones(time.size), np.cos(angle), np.sin(angle)])
    fit = fit_counts(design[:first], base, np.zeros(first))
    return np.asarray(np.exp(design[first:] @ fit.coefficient))


def _score(x: FloatVector, m: FloatVector, transform: str) -> FloatVector:
    if transform == "standard":
        return np.asarray((x - m) / np.sqrt(m))
    if transform == "rossi":
        return np.asarray((x - 3 * m + 2 * np.sqrt(x * m)) / (2 * np.sqrt(m)))
    return np.asarray(1.5 * (x ** (2 / 3) - m ** (2 / 3)) / m ** (1 / 6))


def _sums(score: FloatVector, k: float, h: float) -> tuple[FloatVector, FloatVector]:
    after = np.empty(score.size)
    total = 0.0
    for place, value in enumerate(score):
        total = max(0.0, total + float(value) - k)
        # Sums of the same decimals in another order must not miss a limit they meet.
        after[place] = h if math.isclose(total, h, rel_tol=1e-12) else total
    return np.concatenate([[0.0], after[:-1]]), after


def _upper(m: FloatVector, room: FloatVector, transform: str) -> FloatVector:
    """Return the count whose score equals what is left to the limit."""
    if transform == "standard":
        return np.asarray(np.maximum(np.ceil(np.sqrt(m) * room + m), 0))
    if transform == "anscombe":
        root = 2 / 3 * m ** (1 / 6) * room + m ** (2 / 3)
        return np.asarray(np.maximum(root, 0) ** 1.5)
    root = np.sqrt(np.maximum(4 * m + 2 * np.sqrt(m) * room, 0)) - np.sqrt(m)
    return np.asarray(np.maximum(root, 0) ** 2)
