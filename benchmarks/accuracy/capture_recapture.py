"""Bias, coverage and width of population sizes where the true size is known.

Capture tables of three to six lists are drawn for a dense and a sparse population under
independence, under dependence of two pairs of lists (odds ratios 3 and 2) and under
heterogeneity (persons' logits of being listed vary with standard deviation 1), and
estimated with every method of `METHODS`. A method that cannot estimate a table says
so: `estimated` counts the tables that it did estimate, and coverage is among those.
All random tables of a scenario are the same for every method.

Criterion: the hits of a 95 % interval lie in the central 99.9 % band of the binomial
distribution with probability 0.95. ``python -m benchmarks accuracy capture_recapture``
writes ``benchmarks/accuracy/results/capture_recapture.csv``;
``python docs/coverage_pages.py`` then redraws the table of the docs from it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats

from estimators import capture_recapture as cr
from estimators.capture_recapture import CaptureHistories
from estimators.errors import ConvergenceError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix
    from estimators.results import Estimate

RESULTS = Path(__file__).parent / "results" / "capture_recapture.csv"
LEVEL = 0.95
BAND = 0.999
N_TABLES = 1000
RNG = 2026
TABLES_PER_TASK = 250
N_LISTS = (3, 4, 5, 6)
# Population and chance of each list: dense as in registers of one town, sparse as in
# national tables of trafficking, where a pair of lists shares a handful of persons.
DENSITIES = {
    "dense": (1000, (0.35, 0.30, 0.25, 0.20, 0.20, 0.15)),
    "sparse": (5000, (0.06, 0.045, 0.035, 0.03, 0.02, 0.015)),
}
TRUTHS = ("independent", "dependent", "heterogeneous")
ODDS_RATIOS = {(0, 1): 3.0, (1, 2): 2.0}
SPREAD = 1.0


@dataclass(frozen=True, slots=True)
class Method:
    """One estimator with its options, and the numbers of lists that it is run with."""

    call: Callable[[CaptureHistories], Estimate]
    most_lists: int = 6
    fewest_lists: int = 3

    def suits(self, scenario: Scenario) -> bool:
        """Whether the scenario has as many lists as the method is run with."""
        return self.fewest_lists <= scenario.lists <= self.most_lists


@dataclass(frozen=True, slots=True)
class Scenario:
    """How many lists, how full they are, and how they depend."""

    lists: int
    density: str
    truth: str

    @property
    def population(self) -> int:
        """True size, in persons."""
        return DENSITIES[self.density][0]

    def cells(self) -> FloatVector:
        """Return the probability of every history."""
        chance = DENSITIES[self.density][1][: self.lists]
        if self.truth == "dependent":
            return cr.dependent_cells(chance, odds_ratios=ODDS_RATIOS)
        if self.truth == "heterogeneous":
            return cr.logit_normal_cells(chance, spread=SPREAD)
        return cr.independent_cells(chance)


def lincoln_petersen_two_lists(histories: CaptureHistories) -> Estimate:
    """Use the first two lists only, the largest in every scenario."""
    return cr.no_highest_order_interaction(histories.restrict(*histories.lists[:2]))


def chapman_two_lists(histories: CaptureHistories) -> Estimate:
    """Use the first two lists only, as `lincoln_petersen_two_lists` does."""
    two = histories.restrict(*histories.lists[:2])
    first, second = two.list_sizes()
    return cr.chapman(int(first), int(second), int(two.overlaps().iloc[0, 1]))


def chao_lists_as_counts(histories: CaptureHistories) -> Estimate:
    """Take the number of lists that name a person as the count of one source."""
    once, twice = histories.capture_frequencies()[1:3]
    return cr.chao(int(once), int(twice), histories.n_observed)


METHODS: dict[str, Method] = {
    "lincoln_petersen_two_lists": Method(lincoln_petersen_two_lists),
    "chapman_two_lists": Method(chapman_two_lists),
    "chao_lists_as_counts": Method(chao_lists_as_counts),
    "no_highest_order_interaction": Method(cr.no_highest_order_interaction),
}


def register(
    name: str,
    function: str,
    *,
    most_lists: int = 6,
    fewest_lists: int = 3,
    **options: str | int,
) -> None:
    """Add an estimator of the family by name.

    What is drawn at random (resamples, posterior samples) has a stream of its own for
    each table.
    """
    found = getattr(cr, function)
    call = partial(found, **options)
    if options.get("n_resamples") or function in _SAMPLERS:
        call = partial(_with_stream, call)
    METHODS[name] = Method(call, most_lists, fewest_lists)


def _with_stream(
    call: Callable[..., Estimate], histories: CaptureHistories
) -> Estimate:
    stream = np.random.default_rng([*histories.history, *histories.count])
    return call(histories, rng=stream)


_SAMPLERS = ("bayesian_threshold", "latent_class_capture")

register("log_linear_main_effects", "log_linear")
for model in ("M0", "Mb", "Mbh"):
    register(f"closed_population_{model}", "closed_population", model=model)
for form in ("chao", "poisson2", "darroch", "gamma3.5", "normal"):
    register(
        f"closed_population_Mth_{form}",
        "closed_population",
        model="Mth",
        heterogeneity=form,
    )
for form in ("chao", "darroch", "normal"):
    register(
        f"closed_population_Mh_{form}",
        "closed_population",
        model="Mh",
        heterogeneity=form,
    )
register("select_stepwise", "select_stepwise", n_resamples=0)
register("select_stepwise_resampled", "select_stepwise", n_resamples=200)
register("select_stepwise_aic", "select_stepwise_aic", most_lists=5)
register("downhill", "downhill", n_resamples=0)
register("select_aic", "select_aic", n_resamples=0, most_lists=5)
register("select_bic", "select_bic", n_resamples=0, most_lists=5)
register("select_bic_resampled", "select_bic", n_resamples=200, most_lists=4)
register("average_models", "average_models", most_lists=5)
register("decomposable_graphs", "decomposable_graphs")
register("bayesian_threshold", "bayesian_threshold", most_lists=4)
# Two chains of 7 000 sweeps: enough for limits to a per cent or so, not for a report.
register(
    "latent_class_capture",
    "latent_class_capture",
    most_lists=5,
    burn_in=2000,
    n_samples=500,
    thinning=10,
    n_chains=2,
)


def main() -> None:
    """Write the table of every scenario and method."""
    table = accuracy_table(n_tables=N_TABLES, rng=RNG)
    RESULTS.parent.mkdir(exist_ok=True)
    table.to_csv(RESULTS, index=False, lineterminator="\n")
    print(table.to_string(index=False))


def accuracy_table(
    *,
    n_tables: int,
    rng: int,
    n_jobs: int | None = None,
    n_lists: tuple[int, ...] = N_LISTS,
    methods: dict[str, Method] | None = None,
) -> pd.DataFrame:
    """Return one row per scenario and method.

    Parameters
    ----------
    n_tables : int
        Capture tables for each scenario.
    rng : int
        Each scenario has a stream of its own, whatever the methods and jobs.
    n_jobs : int, optional
        Of joblib.
    n_lists : tuple of int
    methods : mapping of str to Method, optional
        `METHODS` by default.
    """
    chosen = METHODS if methods is None else methods
    everything = [Scenario(*spec) for spec in product(N_LISTS, DENSITIES, TRUTHS)]
    streams = np.random.SeedSequence(rng).spawn(len(everything))
    drawn = [
        (scenario, _tables(scenario, stream, n_tables))
        for scenario, stream in zip(everything, streams, strict=True)
        if scenario.lists in n_lists
    ]
    tasks = [
        (scenario, name, tables[start : start + TABLES_PER_TASK])
        for scenario, tables in drawn
        for name in chosen
        if chosen[name].suits(scenario)
        for start in range(0, n_tables, TABLES_PER_TASK)
    ]
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_estimates)(scenario, name, chosen[name], tables)
        for scenario, name, tables in tasks
    )
    rows = pd.DataFrame([row for part in parts for row in part])
    keys = ["lists", "density", "truth", "method"]
    summaries = [
        dict(zip(keys, values, strict=True)) | summarise(group)
        for values, group in rows.groupby(keys, sort=False)
    ]
    return pd.DataFrame(summaries)


def _tables(
    scenario: Scenario, stream: np.random.SeedSequence, n_tables: int
) -> IntMatrix:
    return cr.draw_tables(
        scenario.cells(),
        population=scenario.population,
        n_tables=n_tables,
        rng=np.random.default_rng(stream),
    )


def _estimates(
    scenario: Scenario, name: str, method: Method, tables: IntMatrix
) -> list[dict[str, Any]]:
    width = scenario.lists
    shape = CaptureHistories.from_counts(
        {f"{mask:0{width}b}"[::-1]: 1 for mask in range(1, 1 << width)}
    )
    return [
        {
            "lists": scenario.lists,
            "density": scenario.density,
            "truth": scenario.truth,
            "method": name,
            "population": scenario.population,
            **estimate_row(method.call, histories, histories.n_observed),
        }
        for histories in map(shape.with_counts, tables)
    ]


def estimate_row(call: Callable[[Any], Estimate], data: Any, n: int) -> dict[str, Any]:  # noqa: ANN401
    """Return estimate and limits from `n` persons observed; NaN if there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = call(data)
    except (NotEstimableError, ConvergenceError):
        found = None
    usable = found is not None and math.isfinite(found.estimate)
    return {
        "n_obs": n,
        "estimate": found.estimate if usable else math.nan,
        "low": found.ci.low if usable else math.nan,
        "high": found.ci.high if usable else math.nan,
    }


def summarise(group: pd.DataFrame) -> dict[str, Any]:
    """Return bias, width, hits and misses of one method's estimates of one size."""
    done = group[group["estimate"].notna()]
    size = int(group["population"].iloc[0])
    n = len(done)
    below, above = int((done["high"] < size).sum()), int((done["low"] > size).sum())
    hits = n - below - above
    error = done["estimate"] / size - 1
    low, high = stats.binom.interval(BAND, max(n, 1), LEVEL)
    return {
        "population": size,
        "mean_n": round(group["n_obs"].mean(), 1),
        "tables": len(group),
        "estimated": n,
        "relative_bias": round(error.mean(), 4),
        "median_relative_bias": round(error.median(), 4),
        "relative_rmse": round(math.sqrt((error**2).mean()), 4) if n else math.nan,
        "median_relative_width": round(
            ((done["high"] - done["low"]) / size).median(), 4
        ),
        "hits": hits,
        "coverage": round(hits / n, 4) if n else math.nan,
        "missed_low": below,
        "missed_high": above,
        "band_low": int(low),
        "band_high": int(high),
        "in_band": bool(n and low <= hits <= high),
    }
