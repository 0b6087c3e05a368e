"""Two lists that are independent given covariates: the doubly robust estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from estimators.capture_recapture.cross_fitting import (
    Learner,
    Nuisances,
    TwoLists,
    cross_fit,
    read_two_lists,
)
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.capture_recapture.targeting import target
from estimators.checks import (
    as_generator,
    check_choice,
    check_counts,
    check_level,
)
from estimators.errors import InputError
from estimators.intervals import unseen_log_interval, wald_interval
from estimators.registry import estimator
from estimators.results import Estimate

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntVector

__all__ = ["doubly_robust"]

Correction: TypeAlias = Literal["one_step", "tmle", "plug_in"]
# Rows of the accuracy table.
SIMULATED = {"one_step": "doubly_robust", "tmle": "doubly_robust_tmle"}
Models: TypeAlias = Literal["multinomial", "separate"]
IntervalKind: TypeAlias = Literal["normal", "log_normal"]


def _example() -> dict[str, object]:
    """Return invented persons on two lists that reach the old more often."""
    rng = np.random.default_rng(11)
    age = rng.uniform(15, 60, 900)
    hotline = rng.random(900) < 1 / (1 + np.exp(-(age - 30) / 15))
    police = rng.random(900) < 1 / (1 + np.exp(-(age - 40) / 15))
    frame = pd.DataFrame(
        {"hotline": hotline.astype(float), "police": police.astype(float), "age": age}
    )
    seen = frame[hotline | police].reset_index(drop=True)
    return {"frame": seen, "lists": ("hotline", "police"), "covariates": ["age"]}


@estimator(
    family="capture_recapture",
    label="Doubly robust two-list size with covariates",
    source="Das, Kennedy and Jewell 2021",
    example=_example,
)
def doubly_robust(  # noqa: PLR0913 - the options of one estimator, all by keyword
    frame: pd.DataFrame,
    *,
    lists: Sequence[str],
    covariates: Sequence[str],
    learner: Learner | None = None,
    models: Models = "multinomial",
    correction: Correction = "one_step",
    n_folds: int = 2,
    n_splits: int = 1,
    truncation: float = 0.005,
    ci: IntervalKind = "normal",
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Estimate:
    """Estimate a population's size from two lists and covariates of everyone seen.

    Assumes that, among persons with the same covariates, being on one list tells
    nothing of being on the other, a closed population, and linkage without error. The
    one-step estimate has an error that is a product of the errors of the models for
    list membership: any learner will do that is not too slow, and its predictions are
    made for folds on which it was not trained.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n, ...)
        One row per observed person. Persons with missing covariates are left out and
        counted in `notes`.
    lists : sequence of two str
        Columns of 0 and 1; everyone is on at least one of the two.
    covariates : sequence of str
        Columns; text, categories and booleans become indicators.
    learner : object, optional
        Classifier with scikit-learn's ``fit`` and ``predict_proba``; a copy is trained
        for each fold. By default a main-effects logistic regression.
    models : {"multinomial", "separate"}
        One model of three classes (on both lists, on the first only, on the second
        only), or three models of two classes, as drpop has it: these contradict each
        other, and the answer depends on the order of `lists`.
    correction : {"one_step", "tmle", "plug_in"}
        Targeted maximum likelihood moves the probabilities until their plug-in size
        needs no correction; with separate models it does so as drpop has it. The
        plug-in estimate is uncorrected: it is given for comparison, and its standard
        error, that of the one-step, holds for correct parametric models only.
    n_folds : int
        At least 2.
    n_splits : int
        Random splits into folds; with several, the median estimate is reported and
        their scatter enters the standard error.
    truncation : float
        Least probability of a list, or of both, that is believed.
    ci : {"normal", "log_normal"}
        Normal, cut at the persons seen, or log-normal for the unseen persons.
    level : float
    rng : int, numpy.random.Generator or None
        Draws the folds.

    Returns
    -------
    Estimate
        Persons; an estimate below the persons seen is reported as the persons seen,
        with a note. `diagnostics`: ``coverage`` (share of the population that is
        seen), ``plug_in``, ``correction`` (one-step less plug-in, persons),
        ``n_truncated`` (persons whose probability of being on both lists is at the
        truncation), ``n_splits``.

    Raises
    ------
    InputError
        If a column is missing, a list is not 0/1, a person is on neither list, or an
        option is not as described.
    NotEstimableError
        If nobody is on both lists, in the data or outside a fold.
    ConvergenceError
        If targeting leaves a correction that it should remove.

    Notes
    -----
    With q1, q2, q12 the probabilities, among those seen, of being on a list and on
    both: phi = q1 q2 / q12 (Y1 / q1 + Y2 / q2 - Y1 Y2 / q12), N = n mean(phi), and the
    variance of N is n var(phi) + N (N - n) / n. ``var`` is taken within folds.

    References
    ----------
    Das, M., Kennedy, E. H. and Jewell, N. P. (2021). Doubly robust capture-recapture
    methods for estimating population size. https://arxiv.org/abs/2104.14091

    Chernozhukov, V. et al. (2018). Double/debiased machine learning for treatment and
    structural parameters. Econometrics Journal 21, C1-C68: the median over splits.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"a": [1, 1, 0] * 4000, "b": [1, 0, 1] * 4000,
    ...     "age": [20, 30, 20, 30] * 3000})
    >>> size = doubly_robust(seen, lists=("a", "b"), covariates=["age"], rng=1)
    >>> 16000 in size.ci  # Lincoln-Petersen: 8000 * 8000 / 4000
    True
    >>> abs(size.estimate - 16000) < 100
    True
    """
    options = _check_options(n_folds, n_splits, truncation, level)
    check_choice("correction", correction, ("one_step", "tmle", "plug_in"))
    check_choice("models", models, ("multinomial", "separate"))
    check_choice("ci", ci, ("normal", "log_normal"))
    generator = as_generator(rng)
    data = read_two_lists(frame, lists, covariates)
    n = data.first.size
    if n < 2 * options.n_folds:
        raise InputError(f"{n} observed persons are too few for {n_folds} folds.")
    found = []
    for fold in _splits(n, options, generator):
        given = cross_fit(
            data,
            fold,
            learner=learner,
            separate=models == "separate",
            truncation=truncation,
        )
        if correction == "tmle":
            given = target(
                data, given, separate=models == "separate", truncation=truncation
            )
        found.append(estimate_size(data, given, targeted=correction == "tmle"))
    plug_in = float(np.median([one.plug_in for one in found]))
    total, variance = _median(found)
    if correction == "plug_in":
        total = plug_in
    truncated = max(one.n_truncated for one in found)
    notes = (*data.notes, *_doubts(total, n, truncated, correction))
    total = max(total, float(n))
    interval = (
        unseen_log_interval(total, n, variance, level=options.level)
        if ci == "log_normal"
        else wald_interval(
            total, math.sqrt(variance), level=options.level, bounds=(n, math.inf)
        )
    )
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=total,
        std_error=math.sqrt(variance),
        ci=interval,
        method=f"doubly_robust ({correction.replace('_', '-')})",
        n_obs=n,
        notes=notes,
        diagnostics={
            "coverage": n / total,
            "plug_in": plug_in,
            "correction": float(np.median([one.correction for one in found])),
            "n_truncated": truncated,
            "n_splits": options.n_splits,
        },
    )


@dataclass(frozen=True, slots=True)
class SizeAndVariance:
    """Size, its variance, the plug-in, its correction, persons at the truncation."""

    total: float
    variance: float
    plug_in: float
    correction: float
    n_truncated: int


def estimate_size(
    data: TwoLists, nuisances: Nuisances, *, targeted: bool = False
) -> SizeAndVariance:
    """Return the one-step and plug-in sizes for given probabilities of the lists.

    With `targeted` probabilities the size is the plug-in.
    """
    n = data.first.size
    odds = nuisances.first * nuisances.second / nuisances.both
    phi = odds * (
        data.first / nuisances.first
        + data.second / nuisances.second
        - data.first * data.second / nuisances.both
    )
    plug_in = n * float(odds.mean())
    total = plug_in if targeted else n * float(phi.mean())
    within = [
        phi[nuisances.fold == part].var(ddof=1) for part in np.unique(nuisances.fold)
    ]
    return SizeAndVariance(
        total,
        size_variance(n, total, float(np.mean(within))),
        plug_in,
        n * float(phi.mean()) - plug_in,
        nuisances.n_truncated,
    )


def size_variance(n: int, total: float, spread: float) -> float:
    """Return n times the variance of phi, plus the binomial of who is seen."""
    return n * spread + max(0.0, total * (total - n) / n)


@dataclass(frozen=True, slots=True)
class _Options:
    n_folds: int
    n_splits: int
    level: float


def _check_options(
    n_folds: int, n_splits: int, truncation: float, level: float
) -> _Options:
    numbers = check_counts(n_folds=n_folds, n_splits=n_splits)
    if numbers["n_folds"] < 2 or numbers["n_splits"] < 1:
        raise InputError(
            f"n_folds={n_folds}, n_splits={n_splits}: at least 2 folds and 1 split "
            "are needed."
        )
    if not 0 < truncation < 0.5:
        raise InputError(f"truncation={truncation!r} must lie in (0, 0.5).")
    return _Options(numbers["n_folds"], numbers["n_splits"], check_level(level))


def _splits(n: int, options: _Options, rng: np.random.Generator) -> list[IntVector]:
    plain = np.arange(n, dtype=np.int64) % options.n_folds
    return [rng.permutation(plain) for _ in range(options.n_splits)]


def _median(found: list[SizeAndVariance]) -> tuple[float, float]:
    totals: FloatVector = np.array([one.total for one in found])
    variances: FloatVector = np.array([one.variance for one in found])
    middle = float(np.median(totals))
    return middle, float(np.median(variances + (totals - middle) ** 2))


def _doubts(total: float, n: int, truncated: int, correction: str) -> tuple[str, ...]:
    notes = []
    if total < n:
        notes.append(
            f"the estimate {total:.1f} is below the {n} persons seen, who are reported "
            "instead: the lists cover almost everyone, or the model fails"
        )
    if truncated:
        notes.append(
            f"{truncated} persons are of a kind that is hardly ever on both lists: "
            "their share of the size rests on the truncation"
        )
    if correction == "plug_in":
        notes.append("the standard error is that of the one-step estimate")
    return (*notes, *coverage_notes(SIMULATED.get(correction, "")))
