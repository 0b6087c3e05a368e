"""The deportations of a fieldwork period: batches, persons and how their trips went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from estimators.array_types import BoolVector, FloatVector, IntVector
from sentinel.simulate.parameters import RoundParameters
from sentinel.simulate.risk import RiskModel

__all__ = [
    "CHEATED",
    "EXPLOITED",
    "MEANS",
    "TRAFFICKED",
    "UNTROUBLED",
    "WORST",
    "Arrivals",
    "draw_arrivals",
    "draw_codes",
]

UNTROUBLED, CHEATED, MEANS, EXPLOITED, TRAFFICKED, WORST = range(6)
"""How a trip went; the numbers are the tiers of the codebook."""

_SMALLEST_BATCH, _LARGEST_BATCH = 5, 200
_ADULT = 18
_MALE, _FEMALE = "1", "2"
_DAYS_PER_MONTH = 365.25 / 12
_LONGEST_MONTHS = 120.0
_MONTH_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrivals:
    """Every batch and every deported person of a fieldwork period.

    Attributes
    ----------
    batches : DataFrame
        One row per batch: ``int_date, truck_seq, truck_n``.
    persons : DataFrame
        One row per deported person in the order of arrival: ``batch`` (row of
        `batches`), ``samp_r`` (position in the batch), ``eligible, sex, age, sector,
        broker_origin, repeat, deport_12m, months_away, detain_days, state``.
    """

    batches: pd.DataFrame
    persons: pd.DataFrame


def draw_arrivals(
    parameters: RoundParameters,
    model: RiskModel,
    month_weights: Mapping[int, float],
    rng: np.random.Generator,
) -> Arrivals:
    """Draw the batches of the fieldwork period and everyone on them.

    The number of batches of a day is Poisson with the month's share of the year; batch
    sizes are rounded normal. The type of the person behind a deportation is drawn in
    proportion to deportations, and earlier deportations of the last twelve months are
    Poisson with the type's rate, which is what a stationary Poisson process looks like
    from one of its events. Two deportations of one person within the period are drawn
    independently.
    """
    batches = _batches(parameters, month_weights, rng)
    sizes = batches["truck_n"].to_numpy()
    batch = np.repeat(np.arange(len(batches)), sizes)
    n = batch.size
    position = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    repeat = rng.random(n) < model.repeat_share_of_events
    types = parameters.types
    rate = np.where(repeat, types.repeat_rate, types.first_rate)
    male = rng.random(n) < parameters.male
    sector = np.where(
        male,
        draw_codes(parameters.sectors_male, n, rng),
        draw_codes(parameters.sectors_female, n, rng),
    )
    broker = rng.random(n) < parameters.broker_origin
    age = _ages(parameters, n, rng)
    months_away = np.minimum(
        rng.exponential(parameters.mean_months_away, n), _LONGEST_MONTHS
    )
    detained = rng.integers(1, 31, n)
    # Nobody was away before the age of nine.
    months_away = np.minimum(months_away, np.maximum((age - 9) * 12.0, 0.5))
    effect = broker * parameters.risk.broker_origin + repeat * parameters.risk.repeat
    for code, log_odds in parameters.risk.sector.items():
        effect = effect + (sector == code) * log_odds
    risk = special.expit(model.intercept + effect)
    days_away = months_away * _DAYS_PER_MONTH + detained + _MONTH_DAYS
    surely_adult = age - days_away / 365.25 >= _ADULT
    severity = _severity(batch, len(batches), model.correlation, rng)
    persons = pd.DataFrame(
        {
            "batch": batch,
            "samp_r": position,
            "eligible": rng.random(n) >= parameters.outcomes.ineligible,
            "sex": np.where(male, _MALE, _FEMALE),
            "age": age,
            "sector": sector,
            "broker_origin": broker,
            "repeat": repeat,
            "deport_12m": np.minimum(rng.poisson(rate), 20),
            "months_away": months_away,
            "detain_days": detained,
            "state": _states(severity, risk, surely_adult, parameters),
        }
    )
    return Arrivals(batches=batches, persons=persons)


def draw_codes(
    shares: Mapping[str, float], n: int, rng: np.random.Generator
) -> npt.NDArray[np.str_]:
    """Draw n codes with the given shares."""
    codes = np.array(list(shares), dtype=np.str_)
    edges = np.cumsum(list(shares.values()))
    found = np.searchsorted(edges / edges[-1], rng.random(n), side="right")
    drawn: npt.NDArray[np.str_] = codes[np.minimum(found, len(codes) - 1)]
    return drawn


def _batches(
    parameters: RoundParameters,
    month_weights: Mapping[int, float],
    rng: np.random.Generator,
) -> pd.DataFrame:
    days = pd.date_range(parameters.fieldwork_start, parameters.fieldwork_end)
    daily = parameters.annual_events / 365.25 / parameters.batch_mean
    expected = daily * np.array([month_weights[day.month] for day in days])
    counts = rng.poisson(expected)
    needed = parameters.sampled_batches - int(counts.sum())
    if needed > 0:
        counts += np.bincount(rng.integers(0, len(days), needed), minlength=len(days))
    total = int(counts.sum())
    size = rng.normal(parameters.batch_mean, parameters.batch_sd, total)
    sequence = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return pd.DataFrame(
        {
            "int_date": np.repeat(days.to_numpy(), counts),
            "truck_seq": sequence,
            "truck_n": np.clip(np.rint(size), _SMALLEST_BATCH, _LARGEST_BATCH).astype(
                np.int64
            ),
        }
    )


def _ages(parameters: RoundParameters, n: int, rng: np.random.Generator) -> IntVector:
    adults = _ADULT + np.minimum(rng.gamma(1.6, 6.5, n), 47.0).astype(np.int64)
    children = (_ADULT - 1) - np.minimum(rng.geometric(0.35, n) - 1, 7)
    is_child = rng.random(n) < parameters.children
    return np.where(is_child, children, adults).astype(np.int64)


def _severity(
    batch: IntVector, n_batches: int, correlation: float, rng: np.random.Generator
) -> FloatVector:
    """Return uniforms that are correlated within a batch (a Gaussian copula)."""
    shared = rng.standard_normal(n_batches)[batch]
    own = rng.standard_normal(batch.size)
    normal = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    return np.asarray(stats.norm.cdf(normal), dtype=np.float64)


def _states(
    severity: FloatVector,
    risk: FloatVector,
    surely_adult: BoolVector,
    parameters: RoundParameters,
) -> IntVector:
    """Cut each person's severity at the shares of the states.

    Every uniform keeps its margin, so a person's probability of a trafficked trip is
    `risk` exactly, whatever the correlation within the batch. Exploitation alone
    makes a case of a child: for all who may have been under 18 its place is taken by
    "deceived or coerced", so that age does not change the risk.
    """
    shares = parameters.states
    lower = severity / (1 - risk)
    edges = np.cumsum([shares.untroubled, shares.cheated, shares.means])
    state = np.searchsorted(edges, lower, side="right").astype(np.int64)
    state[(state == EXPLOITED) & ~surely_adult] = MEANS
    trafficked = severity >= 1 - risk
    upper = (severity - (1 - risk)) / risk
    state[trafficked] = TRAFFICKED
    state[trafficked & (upper >= 1 - shares.worst_of_trafficked)] = WORST
    return state
