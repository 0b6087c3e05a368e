"""Coverage of every interval for a prevalence, where the prevalence is known.

Samples of `TRUCK` = 8 persons to a truck (the last one holds the rest: 100 persons are
twelve trucks and a half) are drawn from beta-binomial trucks: persons of one truck have
exactly the intraclass correlation `icc`, persons of two trucks none. Weights are equal
and trucks are the PSUs of one stratum.

With the ``perfect`` classifier the status itself is seen and estimated with every
interval of `survey.proportion`. With ``0.89/0.74`` a person is flagged with sensitivity
0.89 or one minus the specificity 0.74, independently given the status, and both
accuracies are validated anew for every data set among `VALIDATED` true cases and
non-cases. The correlation is that of the status: that of the flags is
``icc P (1 - P) (Se + Sp - 1)^2 / (A (1 - A))``, A being the share flagged.

All methods of a scenario see the same data sets. Those by quadrature (melded limits,
Bayesian) cost ten times the rest: they see the first half of them. The stream of a
scenario depends on its own numbers alone, so that others can be added.

``fallbacks`` counts the intervals that a method could not give and replaced under a
name of its own (`survey.proportion`: no event, or no variance between PSUs;
corrections: the whole interval outside [0, 1]), ``fallback_hits`` those of them that
hold the truth; ``hits`` has both kinds.

Criterion: the hits of a 95 % interval lie in the central 99.9 % band of the binomial
distribution with probability 0.95. ``python -m benchmarks accuracy
prevalence_intervals`` writes ``benchmarks/accuracy/results/prevalence_intervals.csv``;
``python docs/coverage_pages.py`` then redraws the tables of the docs from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats

from estimators import diagnostics, survey
from estimators.diagnostics.domain_shares import domain_shares
from estimators.errors import ConvergenceError, NotEstimableError
from estimators.survey import SurveyDesign
from estimators.survey.proportion_intervals import (
    PROPORTION_INTERVALS,
    proportion_interval,
)

if TYPE_CHECKING:
    from estimators.array_types import IntMatrix, IntVector
    from estimators.results import Estimate, Estimates, Interval

RESULTS = Path(__file__).parent / "results" / "prevalence_intervals.csv"
LEVEL = 0.95
BAND = 0.999
N_DATA_SETS = 2000
RNG = 2026
TRUCK = 8
PREVALENCES = (0.01, 0.04, 0.1, 0.23)
SIZES = (100, 128, 400, 1200)
CORRELATIONS = (0.0, 0.05, 0.1, 0.2)
CLASSIFIERS = {"perfect": (1.0, 1.0), "0.89/0.74": (0.89, 0.74)}
VALIDATED = (100, 200)

Answer: TypeAlias = "tuple[float, Interval, bool]"  # estimate, limits, is fall-back


@dataclass(frozen=True, slots=True)
class Scenario:
    """One prevalence, number of persons, correlation within trucks and classifier."""

    prevalence: float
    n: int
    icc: float
    classifier: str

    @property
    def accuracy(self) -> tuple[float, float]:
        """Sensitivity and specificity."""
        return CLASSIFIERS[self.classifier]

    @property
    def trucks(self) -> IntVector:
        """Truck of every person, shape (n,)."""
        return np.arange(self.n) // TRUCK

    def stream(self, rng: int) -> np.random.Generator:
        """Return the scenario's own generator."""
        numbers = (self.prevalence, self.icc, *self.accuracy)
        return np.random.default_rng([rng, self.n, *(round(1e4 * v) for v in numbers)])


@dataclass(frozen=True, slots=True)
class DataSet:
    """A sample that saw a 0/1 column, with the counts of a validation study."""

    design: SurveyDesign
    seen: int
    n: int
    accuracy: tuple[float, float]
    counted: tuple[tuple[int, int], tuple[int, int]]


def draw_status(
    scenario: Scenario, n_data_sets: int, rng: np.random.Generator
) -> IntMatrix:
    """Return the true status of every person, shape (data sets, n).

    The risk of a truck is Beta(P s, (1 - P) s) with s = (1 - icc) / icc: mean P,
    variance icc P (1 - P), hence the correlation icc between two persons of a truck.
    """
    trucks = scenario.trucks
    p, icc = scenario.prevalence, scenario.icc
    if icc == 0:
        risk = np.full((n_data_sets, scenario.n), p)
    else:
        spread = (1 - icc) / icc
        shape = (n_data_sets, int(trucks[-1]) + 1)
        risk = rng.beta(p * spread, (1 - p) * spread, shape)[:, trucks]
    return (rng.random((n_data_sets, scenario.n)) < risk).astype(np.int64)


def draw_data_sets(scenario: Scenario, *, n_data_sets: int, rng: int) -> list[DataSet]:
    """Return what was seen in every data set, and its validation study."""
    stream = scenario.stream(rng)
    se, sp = scenario.accuracy
    status = draw_status(scenario, n_data_sets, stream)
    flagged = stream.random(status.shape) < np.where(status == 1, se, 1 - sp)
    right = stream.binomial(VALIDATED, (se, sp), (n_data_sets, 2))
    trucks = scenario.trucks
    return [
        DataSet(
            design=SurveyDesign.from_frame(
                pd.DataFrame({"truck": trucks, "seen": row}), psu="truck"
            ),
            seen=int(row.sum()),
            n=scenario.n,
            accuracy=scenario.accuracy,
            counted=(
                (int(correct[0]), VALIDATED[0]),
                (int(correct[1]), VALIDATED[1]),
            ),
        )
        for row, correct in zip(flagged.astype(np.float64), right, strict=True)
    ]


def answers(
    scenario: Scenario, data: DataSet, *, with_quadrature: bool = True
) -> Iterator[tuple[str, Answer | None]]:
    """Yield what every method of the scenario makes of one data set.

    None where it refuses to estimate.
    """
    if scenario.classifier == "perfect":
        yield from _proportions(data)
        return
    shares = _single(
        domain_shares(data.design, "seen", by=None, where=None, level=LEVEL)
    )
    yield "uncorrected", (shares.estimate, shares.ci, _assumed(shares))
    for name, method in METHODS.items():
        if method.by_quadrature and not with_quadrature:
            continue
        try:
            found = method.call(data, shares)
        except (NotEstimableError, ConvergenceError):
            yield name, None
            continue
        diagnosed = found.diagnostics
        outside = (
            diagnosed.get("ci_high_not_cut", 1.0) <= 0
            or diagnosed.get("ci_low_not_cut", 0.0) >= 1
        )
        yield name, (found.estimate, found.ci, outside or _assumed(shares))


def _proportions(data: DataSet) -> Iterator[tuple[str, Answer]]:
    """Yield all intervals from one estimate, as `survey.proportion` gets them."""
    found = _single(survey.proportion(data.design, "seen", level=LEVEL))
    for name in PROPORTION_INTERVALS:
        if _assumed(found):
            yield name, (found.estimate, found.ci, True)
            continue
        interval = proportion_interval(
            name,  # type: ignore[arg-type]  # one of the literals
            found.estimate,
            found.std_error**2,
            n=found.n_obs,
            df=found.diagnostics["df"],
            level=LEVEL,
        )
        yield name, (found.estimate, interval, False)


def _single(found: Estimate | Estimates) -> Estimate:
    return cast("Estimate", found)  # one domain gives one estimate


def _assumed(found: Estimate) -> bool:
    return "assumed_design_effect" in found.diagnostics


@dataclass(frozen=True, slots=True)
class Method:
    """A correction: what it makes of a data set and of its design-based share."""

    call: Callable[[DataSet, Estimate], Estimate]
    by_quadrature: bool = False


def _of_counts(
    correct: Callable[..., Estimate],
    data: DataSet,
    shares: Estimate,  # noqa: ARG001 - blind to the design
    *,
    known: bool = False,
) -> Estimate:
    se, sp = data.accuracy if known else data.counted
    return correct(data.seen, data.n, sensitivity=se, specificity=sp, level=LEVEL)


def _of_survey(
    correction: str, data: DataSet, shares: Estimate, *, accuracy: str = "counted"
) -> Estimate:
    """Correct the shares as `survey_true_prevalence` does, which estimates them."""
    pair: Any = data.counted
    if accuracy == "known":
        pair = data.accuracy
    elif accuracy == "as_if_known":
        pair = tuple(correct / n for correct, n in data.counted)
    return _single(
        diagnostics.corrected_prevalence(
            shares,
            sensitivity=pair[0],
            specificity=pair[1],
            correction=correction,  # type: ignore[arg-type]  # one of the literals
            level=LEVEL,
        )
    )


_COUNTS: tuple[tuple[str, Callable[..., Estimate], bool], ...] = (
    ("rogan_gladen_known", diagnostics.rogan_gladen, True),
    ("rogan_gladen", diagnostics.rogan_gladen, False),
    ("true_prevalence", diagnostics.true_prevalence, False),
    ("melded_prevalence", diagnostics.melded_prevalence, False),
    ("bayesian_true_prevalence", diagnostics.bayesian_true_prevalence, False),
)
_SURVEYS = (
    ("survey_rogan_gladen_known", "rogan_gladen", "known"),
    ("survey_rogan_gladen_as_if_known", "rogan_gladen", "as_if_known"),
    ("survey_rogan_gladen", "rogan_gladen", "counted"),
    ("survey_lang_reiczigel", "lang_reiczigel", "counted"),
    ("survey_melded", "melded", "counted"),
    ("survey_bayesian", "bayesian", "counted"),
)


def _method(name: str, call: Callable[[DataSet, Estimate], Estimate]) -> Method:
    return Method(call, by_quadrature="melded" in name or "bayesian" in name)


METHODS: dict[str, Method] = {
    name: _method(name, partial(_of_counts, function, known=known))
    for name, function, known in _COUNTS
} | {
    name: _method(name, partial(_of_survey, correction, accuracy=accuracy))
    for name, correction, accuracy in _SURVEYS
}


def scenarios() -> list[Scenario]:
    """Return every scenario of the committed table."""
    return [
        Scenario(prevalence, n, icc, classifier)
        for classifier, prevalence, n, icc in product(
            CLASSIFIERS, PREVALENCES, SIZES, CORRELATIONS
        )
    ]


def main() -> None:
    """Write the table of every scenario and method."""
    table = accuracy_table(n_data_sets=N_DATA_SETS, rng=RNG)
    RESULTS.parent.mkdir(exist_ok=True)
    table.to_csv(RESULTS, index=False, lineterminator="\n")
    print(table.to_string(index=False))


def accuracy_table(
    chosen: list[Scenario] | None = None,
    *,
    n_data_sets: int,
    rng: int,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Return one row per scenario and method.

    Parameters
    ----------
    chosen : list of Scenario, optional
        `scenarios` by default.
    n_data_sets : int
        For each scenario; half as many for methods by quadrature.
    rng : int
        Each scenario has a stream of its own, whatever the others and the jobs.
    n_jobs : int, optional
        Of joblib.
    """
    parts = Parallel(n_jobs=n_jobs)(
        delayed(scenario_rows)(scenario, n_data_sets=n_data_sets, rng=rng)
        for scenario in (scenarios() if chosen is None else chosen)
    )
    return pd.DataFrame([row for part in parts for row in part])


def scenario_rows(
    scenario: Scenario, *, n_data_sets: int, rng: int
) -> list[dict[str, Any]]:
    """Return the rows of one scenario, one per method."""
    found: dict[str, list[Answer | None]] = {}
    drawn = draw_data_sets(scenario, n_data_sets=n_data_sets, rng=rng)
    for place, data in enumerate(drawn):
        is_early = place < (n_data_sets + 1) // 2
        for name, answer in answers(scenario, data, with_quadrature=is_early):
            found.setdefault(name, []).append(answer)
    order = [*PROPORTION_INTERVALS, "uncorrected", *METHODS]
    return [
        {
            "prevalence": scenario.prevalence,
            "n": scenario.n,
            "icc": scenario.icc,
            "classifier": scenario.classifier,
            "method": name,
            **_summary(found[name], scenario.prevalence),
        }
        for name in order
        if name in found
    ]


def _summary(given: list[Answer | None], truth: float) -> Mapping[str, Any]:
    done = [answer for answer in given if answer is not None]
    n = len(done)
    estimate = np.array([answer[0] for answer in done])
    low = np.array([answer[1].low for answer in done])
    high = np.array([answer[1].high for answer in done])
    replaced = np.array([answer[2] for answer in done], dtype=bool)
    below, above = high < truth, low > truth
    held = ~(below | above)
    hits = int(held.sum())
    error = estimate - truth
    least, most = stats.binom.interval(BAND, max(n, 1), LEVEL)
    return {
        "data_sets": len(given),
        "estimated": n,
        "hits": hits,
        "coverage": round(hits / n, 4) if n else math.nan,
        "missed_low": int(below.sum()),
        "missed_high": int(above.sum()),
        "fallbacks": int(replaced.sum()),
        "fallback_hits": int((held & replaced).sum()),
        "mean_width": round(float(np.mean(high - low)), 5) if n else math.nan,
        "median_width": round(float(np.median(high - low)), 5) if n else math.nan,
        "bias": round(float(error.mean()), 5) if n else math.nan,
        "rmse": round(float(np.sqrt((error**2).mean())), 5) if n else math.nan,
        "band_low": int(least),
        "band_high": int(most),
        "in_band": bool(n and least <= hits <= most),
    }
