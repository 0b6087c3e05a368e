"""False alarms, detection and coverage of the surveillance methods, truth known.

``alarms``: weekly counts of `HISTORY` weeks, `QUIET` weeks without and `OUTBREAK` weeks
with an outbreak whose expected cases per week are `EXCESS` standard deviations of that
week's counts. Reported are the share of quiet weeks in alarm beside the share that the
method's level promises, the share of outbreaks with an alarm in any of their weeks and
the mean week of the first one among these. Poisson or negative binomial counts
(variance `PHI` times the mean), with a season, a trend or small means.

``interrupted``: `MONTHS` months or 12, the intervention in the middle, level `LEVEL`
(log) and no change of slope; Poisson, overdispersed or autocorrelated (log rates follow
an autoregression); and rounds of interviews of `TRIALS`. ``nowcast``: `PERIODS` days
with delays of up to `DELAYS` days, coverage of the final counts of the open days.
``round``: a last round that differs from earlier ones no more than these differ among
themselves.

``share`` is a share of weeks, outbreaks, intervals or rounds, `std_error` its error
between simulated series. ``python -m benchmarks accuracy surveillance`` writes
``benchmarks/accuracy/results/surveillance.csv``; ``python docs/coverage_pages.py`` then
redraws the tables of the docs from it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import ConvergenceError, NotEstimableError
from estimators.surveillance import (
    cusum,
    ears,
    farrington,
    farrington_flexible,
    interrupted_time_series,
    reporting_delay_nowcast,
    unusual_round,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.surveillance.monitored_series import MonitoredSeries

RESULTS = Path(__file__).parent / "results" / "surveillance.csv"
HISTORY, QUIET, OUTBREAK, EXCESS, PHI = 212, 52, 6, 2.0, 2.5
MONTHS, LEVEL, TRIALS = 48, -0.25, 150
PERIODS, DELAYS = 40, 6
SERIES, FITS, NOWCASTS, ROUNDS = 1000, 1000, 500, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Weekly counts of one kind."""

    mean: float
    phi: float = 1.0
    season: float = 0.0
    yearly: float = 0.0

    def expected(self, weeks: int) -> FloatVector:
        """Return the mean of every week; `mean` is that of the last year."""
        week = np.arange(weeks)
        trend = self.yearly * (week - weeks + 26) / 52
        wave = self.season * np.sin(2 * np.pi * week / 52)
        return np.asarray(self.mean * np.exp(trend + wave))

    def draw(self, mean: FloatVector, rng: np.random.Generator) -> FloatVector:
        """Draw counts with these means and variance phi times them."""
        if self.phi == 1:
            return rng.poisson(mean).astype(float)
        size = mean / (self.phi - 1)
        return rng.negative_binomial(size, 1 / self.phi).astype(float)


KINDS = {
    "Poisson, mean 10": Counts(mean=10),
    "Poisson, mean 1": Counts(mean=1),
    "overdispersed, mean 10": Counts(mean=10, phi=PHI),
    "overdispersed, mean 1": Counts(mean=1, phi=PHI),
    "season, mean 10": Counts(mean=10, season=0.6),
    "trend of 20 % a year, mean 10": Counts(mean=10, yearly=0.2),
    "season, trend, overdispersed": Counts(mean=10, phi=PHI, season=0.6, yearly=0.2),
}
Alarm = Callable[..., "MonitoredSeries"]
METHODS: Mapping[str, tuple[Alarm, float]] = {
    "ears C1": (partial(ears, method="C1"), 0.001),
    "ears C2": (partial(ears, method="C2"), 0.001),
    "ears C3": (partial(ears, method="C3"), 0.025),
    "ears C3_current": (partial(ears, method="C3_current"), 0.025),
    "cusum": (partial(cusum, baseline=HISTORY), 1 / 500),
    "cusum, season": (
        partial(cusum, baseline=HISTORY - HISTORY % 52, season=52),
        0.002,
    ),
    "farrington": (farrington, 0.05),
    "farrington_flexible nbPlugin": (farrington_flexible, 0.01),
    "farrington_flexible muan": (partial(farrington_flexible, threshold="muan"), 0.01),
    "farrington_flexible delta": (
        partial(farrington_flexible, threshold="delta"),
        0.01,
    ),
}


def stream(*words: object) -> np.random.Generator:
    """Return a scenario's own generator."""
    return np.random.default_rng([1, zlib.crc32(repr(words).encode())])


def row(
    question: str,
    method: str,
    data: str,
    quantity: str,
    shares: list[float],
    *,
    nominal: float = math.nan,
    first: float = math.nan,
) -> dict[str, Any]:
    """Return a line of the table."""
    share = float(np.mean(shares)) if shares else math.nan
    spread = float(np.std(shares, ddof=1)) if len(shares) > 1 else math.nan
    return {
        "question": question,
        "method": method,
        "data": data,
        "quantity": quantity,
        "nominal": nominal,
        "series": len(shares),
        "share": round(share, 5),
        "std_error": round(spread / math.sqrt(max(len(shares), 1)), 5),
        "mean_first_week": round(first, 2),
    }


def alarm_rows(data: str, series: int = SERIES) -> Iterator[dict[str, Any]]:
    """Run every alarm method over the same series of one kind."""
    kind, rng = KINDS[data], stream("alarms", data)
    weeks = HISTORY + QUIET + OUTBREAK
    mean = kind.expected(weeks)
    quiet: dict[str, list[float]] = {name: [] for name in METHODS}
    found: dict[str, list[float]] = {name: [] for name in METHODS}
    first: dict[str, list[float]] = {name: [] for name in METHODS}
    for _ in range(series):
        counts = kind.draw(mean, rng)
        last = slice(weeks - OUTBREAK, weeks)
        counts[last] += rng.poisson(EXCESS * np.sqrt(kind.phi * mean[last]))
        for name, (method, _) in METHODS.items():
            try:
                alarms = np.array(method(counts).alarms, dtype=int)
            except NotEstimableError:
                continue
            start = HISTORY + QUIET
            inside = (alarms > HISTORY) & (alarms <= start)
            late = alarms[alarms > start]
            quiet[name].append(float(inside.sum()) / QUIET)
            found[name].append(float(late.size > 0))
            if late.size:
                first[name].append(float(late.min() - start))
    for name, (_, nominal) in METHODS.items():
        yield row("alarms", name, data, "quiet weeks", quiet[name], nominal=nominal)
        mean_first = float(np.mean(first[name])) if first[name] else math.nan
        yield row("alarms", name, data, "outbreaks", found[name], first=mean_first)


FITTED: Mapping[str, Mapping[str, Any]] = {
    "quasi_poisson": {},
    "quasi_poisson, ar1": {"correlation": "ar1"},
    "quasi_poisson, hac_lags=3": {"hac_lags": 3},
    "quasi_poisson, hac_lags=6": {"hac_lags": 6},
    "negative_binomial": {"family": "negative_binomial"},
}
SHARES: Mapping[str, Mapping[str, Any]] = {
    "quasi_binomial": {},
    "quasi_binomial, ar1": {"correlation": "ar1"},
    "quasi_binomial, normal quantiles": {"quantiles": "normal"},
}


def draw_months(data: str, months: int, rng: np.random.Generator) -> FloatVector:
    """Draw monthly counts of mean 30 with a fall of the level in the middle."""
    mean = 30 * np.exp(LEVEL * (np.arange(months) >= months // 2))
    if data == "autocorrelated":
        log_rate = np.zeros(months)
        log_rate[0] = rng.normal(scale=0.2)
        for t in range(1, months):
            shock = rng.normal(scale=0.2 * math.sqrt(1 - 0.5**2))
            log_rate[t] = 0.5 * log_rate[t - 1] + shock
        mean = mean * np.exp(log_rate)
    if data == "overdispersed":
        return Counts(mean=30, phi=PHI).draw(mean, rng)
    return rng.poisson(mean).astype(float)


def interrupted_rows(
    data: str, months: int = MONTHS, fits: int = FITS
) -> Iterator[dict[str, Any]]:
    """Return coverage of level and slope by method of the standard error."""
    told = data if months == MONTHS else f"{data}, {months} months"
    rng = stream("interrupted", told)
    hits: dict[tuple[str, str], list[float]] = {}
    for _ in range(fits):
        counts = draw_months(data, months, rng)
        for name, options in FITTED.items():
            _cover(hits, name, counts, months // 2 + 1, options)
    for (name, term), held in hits.items():
        yield row("interrupted", name, told, term, held, nominal=0.95)


def _cover(
    hits: dict[tuple[str, str], list[float]],
    name: str,
    counts: FloatVector,
    start: int,
    options: Mapping[str, Any],
) -> None:
    try:
        fit = interrupted_time_series(counts, intervention=start, **options)
    except (ConvergenceError, NotEstimableError):
        return
    table = fit.terms().set_index("term")
    for term, truth in (("level", LEVEL), ("slope", 0.0)):
        held = table.loc[term, "ci_low"] <= truth <= table.loc[term, "ci_high"]
        hits.setdefault((name, term), []).append(float(held))


def round_trend_rows(correlation: float, fits: int = FITS) -> Iterator[dict[str, Any]]:
    """Return coverage over 12 rounds of interviews with shares that vary by round."""
    data = f"12 rounds, correlation {correlation:g}"
    rng = stream("interrupted", data)
    hits: dict[tuple[str, str], list[float]] = {}
    odds = np.exp(-0.4 + LEVEL * (np.arange(12) >= 6))
    trials = np.full(12, float(TRIALS))
    for _ in range(fits):
        counts = draw_shares(odds / (1 + odds), trials, correlation, rng)
        given = {"family": "quasi_binomial", "trials": trials}
        for name, options in SHARES.items():
            _cover(hits, name, counts, 7, {**given, **options})
    for (name, term), held in hits.items():
        yield row("interrupted", name, data, term, held, nominal=0.95)


def draw_shares(
    share: FloatVector, trials: FloatVector, rho: float, rng: np.random.Generator
) -> FloatVector:
    """Draw positives of rounds whose own shares have the correlation `rho`."""
    if rho:
        share = rng.beta(share * (1 / rho - 1), (1 - share) * (1 / rho - 1))
    return rng.binomial(trials.astype(int), share).astype(float)


def draw_triangle(
    data: str, rng: np.random.Generator
) -> tuple[FloatMatrix, FloatVector]:
    """Return what is reported so far, and the final counts of the open periods."""
    mean = np.full(PERIODS, 4.0 if data == "few" else 20.0)
    if data == "rising":
        mean = 5 * np.exp(np.linspace(0, 2, PERIODS))
    if data == "overdispersed":
        mean = rng.gamma(4, mean / 4)
    hazard = np.tile(0.6 ** np.arange(DELAYS + 1), (PERIODS, 1))
    if data == "reports faster of late":
        hazard[-DELAYS:] = 0.4 ** np.arange(DELAYS + 1)
    cells = rng.poisson(mean[:, None] * hazard / hazard.sum(axis=1, keepdims=True))
    final = cells.sum(axis=1)[-DELAYS:].astype(float)
    seen = cells.astype(float)
    for back in range(DELAYS):
        seen[PERIODS - 1 - back, back + 1 :] = np.nan
    return seen, final


def nowcast_rows(data: str, series: int = NOWCASTS) -> Iterator[dict[str, Any]]:
    """Return coverage of the final counts, over the open days and on the last one."""
    rng = stream("nowcast", data)
    all_days: dict[str, list[float]] = {"bayes_trunc": [], "lawless": []}
    last_day: dict[str, list[float]] = {"bayes_trunc": [], "lawless": []}
    for _ in range(series):
        seen, final = draw_triangle(data, rng)
        for name, held in all_days.items():
            result = reporting_delay_nowcast(seen, method=name)  # type: ignore[arg-type]
            limits = [(r.ci.low, r.ci.high) for r in result]
            hit = [lo <= n <= hi for n, (lo, hi) in zip(final, limits, strict=True)]
            held.append(float(np.mean(hit)))
            last_day[name].append(float(hit[-1]))
    for name in all_days:
        for quantity, held in (("open days", all_days), ("last day", last_day)):
            yield row("nowcast", name, data, quantity, held[name], nominal=0.95)


def unusual_rows(former: int, correlation: float) -> Iterator[dict[str, Any]]:
    """Return how often the last round is called unusual, with and without a rise."""
    rng = stream("round", former, correlation)
    data = f"{former} earlier, correlation {correlation:g}"
    trials = np.full(former + 1, float(TRIALS))
    for quantity, last in (("like the others", 0.3), ("30 to 45 %", 0.45)):
        share = np.full(former + 1, 0.3)
        share[-1] = last
        found = [
            unusual_round(
                draw_shares(share, trials, correlation, rng), trials
            ).diagnostics["unusual"]
            for _ in range(ROUNDS)
        ]
        nominal = 0.05 if last == share[0] else math.nan
        yield row("round", "unusual_round", data, quantity, found, nominal=nominal)


def main() -> None:
    """Run everything and write the table."""
    rows: list[dict[str, Any]] = []
    for former in (1, 2, 3, 5, 10):
        for correlation in (0.0, 0.01, 0.05):
            rows.extend(unusual_rows(former, correlation))
    for months in (MONTHS, 12):
        for data in ("Poisson", "overdispersed", "autocorrelated"):
            rows.extend(interrupted_rows(data, months))
    for correlation in (0.0, 0.02):
        rows.extend(round_trend_rows(correlation))
    for data in ("steady", "few", "rising", "overdispersed", "reports faster of late"):
        rows.extend(nowcast_rows(data))
    print("rounds, interrupted series and nowcasts done", flush=True)
    for data in KINDS:
        rows.extend(alarm_rows(data))
        print(data, flush=True)
    pd.DataFrame(rows).to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main()
