"""Baselines of Farrington's method, fitted for all weeks of a series at once.

Which weeks before the tested one belong to its baseline, and to which season, is the
same for every tested week. The seasons' effects have a closed form given the slope,
so that a week needs a one-dimensional Newton search only, and hundreds of weeks share
each step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolVector,
        FloatMatrix,
        FloatVector,
        IntMatrix,
        IntVector,
    )

__all__ = [
    "BaselineFit",
    "BaselineRule",
    "anscombe_weights",
    "baseline_offsets",
    "fit_baselines",
    "rows_of",
]

_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRule:
    """Which weeks are compared: see `farrington_flexible` for the meaning of each."""

    frequency: int
    years_back: int
    half_window: int
    n_seasons: int
    weeks_excluded: int

    @property
    def reach(self) -> int:
        """Weeks of history that the first testable week needs."""
        return self.years_back * self.frequency + self.half_window


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaselineFit:
    """One fit per tested week; arrays of shape (weeks,) and (weeks, n).

    `expected` is per unit of exposure of the tested week's season at the tested week,
    `variance` that of its logarithm for dispersion 1; both are 0 and infinite where
    that season holds no case.
    """

    expected: FloatVector
    variance: FloatVector
    slope: FloatVector
    slope_variance: FloatVector
    mean: FloatMatrix
    leverage: FloatMatrix
    dispersion: FloatVector
    settled: BoolVector


def baseline_offsets(rule: BaselineRule) -> tuple[IntVector, IntVector]:
    """Return offsets from the tested week, shape (n,) and < 0, and their seasons.

    Season 0 is the tested week's own; with one season only its windows count. With
    more, the weeks between two windows are cut into ``n_seasons - 1`` blocks, the
    remainder of the division going to the first blocks.
    """
    year, half = rule.frequency, rule.half_window
    between = year - 2 * half - 1
    if between < rule.n_seasons - 1 or between < 0:
        raise InputError(
            f"n_seasons={rule.n_seasons} with half_window={half}: between two windows "
            f"lie {between} periods of a year of {year}. Take fewer seasons or a "
            "narrower window."
        )
    season: dict[int, int] = dict.fromkeys(range(-half, 0), 0)
    for back in range(1, rule.years_back + 1):
        centre = -back * year
        season.update(dict.fromkeys(range(centre - half, centre + half + 1), 0))
        if rule.n_seasons > 1:
            length, rest = divmod(between, rule.n_seasons - 1)
            sizes = [length + (j < rest) for j in range(rule.n_seasons - 1)]
            blocks = np.repeat(np.arange(1, rule.n_seasons), sizes)
            for step, block in enumerate(blocks, start=centre + half + 1):
                season[step] = int(block)
    kept = sorted(at for at in season if at < -rule.weeks_excluded)
    return (
        np.array(kept, dtype=np.int64),
        np.array([season[at] for at in kept], dtype=np.int64),
    )


def fit_baselines(
    counts: FloatMatrix,
    exposure: FloatMatrix,
    weights: FloatMatrix,
    offsets: IntVector,
    seasons: IntVector,
    *,
    with_trend: bool,
) -> BaselineFit:
    """Fit log(mean) = season + slope * offset to every row of `counts`.

    Parameters
    ----------
    counts, exposure, weights : ndarray of shape (weeks, n)
        Exposure above 0; weights multiply the log likelihood.
    offsets, seasons : ndarray of shape (n,)
    with_trend : bool
    """
    member = _membership(seasons)
    time = offsets.astype(np.float64)
    cases = (weights * counts) @ member
    wanted = (weights * counts) @ time
    weeks = counts.shape[0]
    slope = np.zeros(weeks)
    settled = np.ones(weeks, dtype=np.bool_)
    if with_trend:
        slope, settled = _slopes(cases, wanted, exposure * weights, time, member)
    growth = np.exp(slope[:, None] * time) * exposure
    load = (weights * growth) @ member
    rate = cases / np.where(load > 0, load, 1)
    mean = growth * rate[:, seasons]
    information = weights * mean
    within = information @ member  # = cases at the maximum
    centre = _ratio((information * time) @ member, within)
    away = time - centre[:, seasons]
    spread = (information * away**2).sum(axis=1)
    usable = with_trend & (spread > 0)
    slope_variance = np.where(usable, 1 / np.where(usable, spread, 1), 0.0)
    per_row = _ratio(np.ones_like(within), within)[:, seasons]
    leverage = information * (per_row + away**2 * slope_variance[:, None])
    # A season without a case has a mean of 0 that fits exactly; its share of leverage
    # is what the limit of small means gives.
    empty = (cases == 0)[:, seasons]
    share = _ratio(weights * exposure, ((weights * exposure) @ member)[:, seasons])
    leverage = np.where(empty, share, leverage)
    return BaselineFit(
        expected=rate[:, 0],
        variance=np.where(
            within[:, 0] > 0,
            _ratio(np.ones_like(within), within)[:, 0]
            + centre[:, 0] ** 2 * slope_variance,
            np.inf,
        ),
        slope=slope,
        slope_variance=slope_variance,
        mean=mean,
        leverage=leverage,
        dispersion=_dispersion(counts, mean, weights, member.shape[1] + with_trend),
        settled=settled,
    )


def _membership(seasons: IntVector) -> FloatMatrix:
    return np.asarray(seasons[:, None] == np.arange(seasons.max() + 1), np.float64)


def _slopes(
    cases: FloatMatrix,
    wanted: FloatVector,
    load: FloatMatrix,
    time: FloatVector,
    member: FloatMatrix,
) -> tuple[FloatVector, BoolVector]:
    """Solve the profile score of the slope: Newton, halved where it runs too far."""
    slope = np.zeros(wanted.size)
    settled = np.zeros(wanted.size, dtype=np.bool_)
    longest = 1.0 / max(float(np.ptp(time)), 1.0)
    for _ in range(_STEPS):
        todo = np.flatnonzero(~settled)
        if not todo.size:
            break
        grown = load[todo] * np.exp(slope[todo, None] * time)
        total = grown @ member
        first = _ratio((grown * time) @ member, total)
        second = _ratio((grown * time**2) @ member, total)
        score = wanted[todo] - (cases[todo] * first).sum(axis=1)
        bend = (cases[todo] * (second - first**2)).sum(axis=1)
        step = np.divide(score, bend, out=np.zeros(todo.size), where=bend > 1e-12)
        step = np.clip(step, -10 * longest, 10 * longest)
        slope[todo] += step
        settled[todo] = np.abs(step) < 1e-12
    return slope, settled & (np.abs(slope) * np.ptp(time) < 100)


def _ratio(top: FloatMatrix, bottom: FloatMatrix) -> FloatMatrix:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def _dispersion(
    counts: FloatMatrix, mean: FloatMatrix, weights: FloatMatrix, terms: int
) -> FloatVector:
    residual = _ratio((counts - mean) ** 2, mean)
    return np.asarray((weights * residual).sum(axis=1) / (counts.shape[1] - terms))


def anscombe_weights(
    counts: FloatMatrix, fit: BaselineFit, *, above: float
) -> FloatMatrix:
    """Return weights that play down former outbreaks and add up to n per row."""
    phi = np.maximum(fit.dispersion, 1)[:, None]
    root = np.where(fit.mean > 0, fit.mean, 1)
    plain = 1.5 * (counts ** (2 / 3) * root ** (-1 / 6) - np.sqrt(root))
    plain = np.where(fit.mean > 0, plain, 0.0)
    room = np.maximum(phi * (1 - fit.leverage), 1e-12)
    size = plain / np.sqrt(room)
    raw = np.where(size > above, 1 / np.where(size > above, size, 1) ** 2, 1.0)
    return np.asarray(raw * (counts.shape[1] / raw.sum(axis=1))[:, None])


def rows_of(places: IntVector, offsets: IntVector) -> IntMatrix:
    """Return the positions of the baseline of every tested place."""
    return np.asarray(places[:, None] + offsets[None, :])
