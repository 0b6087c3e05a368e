"""A survey logistic model with 500 replicate weights on 10 000 rows.

R's survey takes 6.2 s of processor time on such data, statsmodels in a loop 5.9, svy in
Rust 3.2. The plain numpy loop (each replicate a warm-started Newton on all rows) is
timed here, beside us, and its answer is compared.

Beside it Firth's regression with all profile limits on a table of the size of sex2 (239
persons, six indicators; logistf takes 33 ms, firthmodels 5.2): the whole call from
formula to notes, and its numbers alone. Exact and ordinal regression and the correction
for misclassification are timed on rounds of the size that they are made for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks.speed._timing import report, time_calls
from estimators.designs import ReplicateDesign, SurveyDesign, to_replicates
from estimators.regression import (
    exact_logistic,
    firth_logistic,
    impute,
    logistic,
    misclassified_logistic,
    ordinal_logistic,
    survey_glm,
)
from estimators.regression._penalised_likelihood import Likelihood, maximise
from estimators.regression.inference import model_covariance, profile_inference
from estimators.regression.model_data import read_binary_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FORMULA = "y ~ female + age + debt + agency + edu"
N_ROWS = 10_000
N_REPLICATES = 500


def make_input(n_rows: int = N_ROWS) -> pd.DataFrame:
    """Return a sample of 200 PSUs in 40 strata with a 4 % outcome."""
    rng = np.random.default_rng(20260201)
    psu = np.sort(rng.integers(0, 200, n_rows))
    frame = pd.DataFrame(
        {
            "stratum": psu // 5,
            "psu": psu,
            "w": rng.uniform(1, 20, n_rows),
            "female": rng.integers(0, 2, n_rows),
            "age": rng.integers(18, 60, n_rows).astype(float),
            "debt": rng.random(n_rows) < 0.3,
            "agency": rng.random(n_rows) < 0.1,
            "edu": rng.choice(list("abcd"), n_rows),
        }
    )
    eta = -3.2 + 0.3 * frame["female"] - 0.015 * frame["age"] + 1.0 * frame["debt"]
    frame["y"] = (rng.random(n_rows) < expit(eta + 1.3 * frame["agency"])).astype(int)
    frame[["debt", "agency"]] = frame[["debt", "agency"]].astype(int)
    return frame


def make_round(n_rows: int = 239) -> pd.DataFrame:
    """Return a case-control table of six indicators, as sex2 is."""
    rng = np.random.default_rng(239)
    share = {"a": 0.5, "b": 0.4, "c": 0.6, "d": 0.3, "e": 0.2, "f": 0.05}
    frame = pd.DataFrame({k: rng.random(n_rows) < p for k, p in share.items()})
    frame = frame.astype(int)
    eta = -0.5 + 1.2 * frame["b"] + frame["f"] - 0.8 * frame["d"]
    frame["y"] = (rng.random(n_rows) < expit(eta)).astype(int)
    frame["tier"] = frame["y"] * (1 + rng.integers(0, 2, n_rows))
    frame["gap"] = rng.normal(size=n_rows)
    frame.loc[rng.random(n_rows) < 0.2, "gap"] = np.nan
    return frame


ROUND = "y ~ a + b + c + d + e + f"


def firth_numbers(frame: pd.DataFrame) -> Callable[[], Any]:
    """Return the fit and all profile limits, formula and frame already read."""
    data = read_binary_data(ROUND, frame)
    rows, trials, events, _ = data.distinct_rows(data.frequency)
    terms = rows.shape[1]

    def call() -> Any:  # noqa: ANN401 - what is timed
        likelihood = Likelihood(rows, trials, events, 0.5)
        top = maximise(likelihood, np.zeros(terms), np.ones(terms, dtype=bool))
        covariance = model_covariance(likelihood, top, "fisher")
        return profile_inference(likelihood, top, covariance, level=0.95)

    return call


def round_cases() -> dict[str, Callable[[], Any]]:
    """Return the timed calls on one round."""
    frame = make_round()
    exact = partial(exact_logistic, "y ~ a + b + f", frame.head(128))
    return {
        "firth_logistic, 239 rows, 7 profiles": partial(firth_logistic, ROUND, frame),
        "the same, numbers alone": firth_numbers(frame),
        "exact_logistic, 128 rows, 3 terms": exact,
        "ordinal_logistic, 239 rows, 6 terms": partial(
            ordinal_logistic, "tier ~ a + b + c + d + e + f", frame
        ),
        "misclassified_logistic, 239 rows": partial(
            misclassified_logistic,
            "y ~ b + d",
            frame,
            sensitivity=(238, 270),
            specificity=(178, 190),
        ),
        "impute, 239 rows, 20 imputations": partial(
            impute, frame, ["gap", "y", "b"], n_iterations=5, rng=1
        ),
    }


def plain_loop(design: ReplicateDesign) -> np.ndarray:
    """Fit every replicate by itself, from the full estimate, on all rows."""
    rows = survey_glm(FORMULA, design).sample.rows
    x, y = rows.matrix, rows.outcome

    def newton(weight: np.ndarray, beta: np.ndarray) -> np.ndarray:
        for _ in range(30):
            p = expit(x @ beta)
            step = np.linalg.solve(
                (x * (weight * p * (1 - p))[:, None]).T @ x, x.T @ (weight * (y - p))
            )
            beta = beta + step
            if np.abs(step).max() < 1e-9:
                break
        return beta

    full = newton(design.weights, np.zeros(x.shape[1]))
    return np.array([newton(w, full) for w in design.replicate_weights.T])


def cases(
    design: SurveyDesign, replicates: ReplicateDesign, continuous: ReplicateDesign
) -> dict[str, Callable[[], Any]]:
    """Return the timed calls by name."""
    return {
        "survey_glm, 500 replicates": partial(survey_glm, FORMULA, replicates),
        "plain numpy loop over 500 replicates": partial(plain_loop, replicates),
        "survey_glm, linearised": partial(survey_glm, FORMULA, design),
        "survey_glm, 500 replicates, all rows distinct": partial(
            survey_glm, FORMULA, continuous
        ),
        "logistic, profile limits, independent": partial(
            logistic, FORMULA, design.frame
        ),
    }


def check(replicates: ReplicateDesign) -> None:
    """Compare all replicates with the plain loop."""
    fit = survey_glm(FORMULA, replicates)
    np.testing.assert_allclose(fit.replicates, plain_loop(replicates), atol=1e-8)


def main() -> None:
    """Check the answer, then time."""
    frame = make_input()
    design = SurveyDesign.from_frame(frame, weights="w", strata="stratum", psu="psu")
    replicates = to_replicates(design, kind="rao_wu", n_replicates=N_REPLICATES, rng=1)
    jitter = np.random.default_rng(2).normal(size=len(frame))
    other = SurveyDesign.from_frame(
        frame.assign(age=frame["age"] + jitter),
        weights="w",
        strata="stratum",
        psu="psu",
    )
    continuous = to_replicates(other, kind="rao_wu", n_replicates=N_REPLICATES, rng=1)
    check(replicates)
    report(time_calls(cases(design, replicates, continuous)))
    report(time_calls(round_cases(), runs=25))
