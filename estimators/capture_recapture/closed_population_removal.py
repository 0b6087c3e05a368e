"""Models Mb and Mbh: persons change their ways once they are on a list.

Only first captures tell the size (a removal experiment); recaptures tell the chance
of being listed again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import digamma, gammaln, xlogy

from estimators.capture_recapture.closed_population_fit import (
    ClosedPopulationFit,
    fit_statistics,
    poisson_maximum,
)
from estimators.errors import NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = ["first_captures", "fit_removal", "removal_size"]

TIME_ORDER = "the lists are taken in time order: {order}"


def first_captures(histories: CaptureHistories) -> FloatVector:
    """Return persons first named by each list, in the order of the lists."""
    first = np.argmax(histories.matrix() == 1, axis=1)
    return np.bincount(
        first, weights=histories.count, minlength=histories.n_lists
    ).astype(np.float64)


def fit_removal(
    histories: CaptureHistories, *, first_apart: bool
) -> ClosedPopulationFit:
    """Fit Mb, or Mbh with `first_apart`: the first list's chance is its own."""
    least = 3 if first_apart else 2
    model = "Mbh" if first_apart else "Mb"
    if histories.n_lists < least:
        raise NotEstimableError(
            f"{model} needs {least} lists or more in time order; "
            f"{histories.n_lists} came."
        )
    firsts = first_captures(histories)
    apart = float(firsts[0]) if first_apart else 0.0
    rest = firsts[1:] if first_apart else firsts
    size, variance, log_ratio, level = removal_size(rest, model)
    mean = _means(histories, firsts, (level, log_ratio), first_apart=first_apart)
    log_likelihood, deviance = fit_statistics(histories, mean)
    return ClosedPopulationFit(
        population_size=apart + size,
        variance=variance,
        log_likelihood=log_likelihood,
        deviance=deviance,
        n_parameters=4 if first_apart else 3,
        n_cells=(1 << histories.n_lists) - 1,
        n_observed=histories.n_observed,
        profile=_Removal(apart, rest),
        notes=(TIME_ORDER.format(order=", ".join(histories.lists)),),
    )


def removal_size(firsts: FloatVector, model: str) -> tuple[float, float, float, float]:
    """Return size, its variance, and slope and level of log(first captures).

    First captures fall by a constant ratio, Poisson with mean exp(level + slope i),
    i = 0, 1, ...; their sum over all i is the size. The variance is that of the
    Poisson fit less the size (multinomial sampling).
    """
    shown = ", ".join(f"{count:g}" for count in firsts)
    steps = np.arange(firsts.size, dtype=np.float64)
    if not firsts[1:].any() or not firsts[:-1].any():
        raise NotEstimableError(
            f"{model}: first captures ({shown}) occur on one list only, so that how "
            "fast they fall is not determined."
        )
    # The slope is below 0 if and only if the mean place lies in the first half, which
    # whole numbers decide exactly.
    if 2 * float(firsts @ steps) >= float(firsts.sum()) * (firsts.size - 1):
        raise NotEstimableError(
            f"{model}: first captures ({shown}) do not fall from list to list, so "
            "that the chance of a first capture has its estimate at 0 and the size is "
            "infinite; the formula would give a negative number. The lists are no "
            "repeats of one effort in time order: use Mt or Mth."
        )
    design = np.column_stack([np.ones(firsts.size), steps])
    fit = poisson_maximum(design, np.ones(firsts.size), firsts)
    level, slope = fit.coefficients
    ratio = math.exp(slope)
    size = math.exp(level) / (1 - ratio)
    gradient = size * np.array([1.0, ratio / (1 - ratio)])
    variance = float(gradient @ fit.covariance @ gradient) - size
    return size, variance, float(slope), float(level)


def _means(
    histories: CaptureHistories,
    firsts: FloatVector,
    line: tuple[float, float],
    *,
    first_apart: bool,
) -> FloatVector:
    """Return the expected counts of the observed histories."""
    level, slope = line
    steps = np.arange(histories.n_lists, dtype=np.float64) - first_apart
    expected = np.exp(level + slope * steps)
    if first_apart:
        expected[0] = firsts[0]
    matrix = histories.matrix()
    first = np.argmax(matrix == 1, axis=1)
    again = matrix.sum(axis=1) - 1
    chances = histories.n_lists - 1 - first
    total = float(histories.count @ chances)
    share = float(histories.count @ again) / total if total else 0.0
    paths = xlogy(again, share) + xlogy(chances - again, 1 - share)
    return np.asarray(expected[first] * np.exp(paths))


class _Removal:
    """The profile likelihood of the size, in closed form."""

    def __init__(self, apart: float, firsts: FloatVector) -> None:
        self.apart, self.firsts = apart, firsts

    def __call__(self, unseen: float) -> tuple[float, float]:
        firsts, apart = self.firsts, self.apart
        seen, n_lists = firsts.sum(), firsts.size
        total = apart + seen + unseen
        misses = float(firsts @ np.arange(n_lists)) + n_lists * unseen
        caught = seen / (misses + seen)
        missed = math.log1p(-caught)
        value = gammaln(total + 1) - gammaln(unseen + 1)
        value += xlogy(apart, apart / total)
        value += xlogy(total - apart, (total - apart) / total)
        value += seen * math.log(caught) + misses * missed
        slope = digamma(total + 1) - digamma(unseen + 1)
        slope += math.log((total - apart) / total) + n_lists * missed
        return float(value), float(slope)
