"""Logistic regression of a true status that is recorded with error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, cast

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from estimators.checks import check_choice, check_level
from estimators.classifier_accuracy import Accuracy, Validated, read_accuracies
from estimators.designs import (
    Design,
    ReplicateDesign,
    replicate_covariance,
)
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.registry import estimator
from estimators.regression._misclassified_likelihood import (
    MisclassifiedLikelihood,
    MisclassifiedState,
    maximise_misclassified,
)
from estimators.regression.design_inference import (
    residual_df,
    rows_under_study,
    sandwich,
    wald_f_test,
    weights_of_mean_one,
)
from estimators.regression.inference import wald_inference
from estimators.regression.misclassification_doubts import (
    misclassification_notes,
    refuse_boundary,
)
from estimators.regression.model_data import LinearPredictor
from estimators.regression.model_rows import ModelRows, read_model_rows
from estimators.regression.regression_fit import inverse_information
from estimators.regression.survey_models import event_statistics
from estimators.results import ModelFit

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = ["AccuracyPrior", "Penalty", "misclassified_logistic"]

Penalty: TypeAlias = Literal["none", "jeffreys"]


class AccuracyPrior(Protocol):
    """Anything with a mean and a standard deviation, such as `BetaPrior`."""

    @property
    def mean(self) -> float:
        """Expected value, in [0, 1]."""

    @property
    def std(self) -> float:
        """Standard deviation."""


def _example() -> dict[str, object]:
    rows = [(0, 0, 1, 14), (0, 0, 0, 60), (1, 0, 1, 19), (1, 0, 0, 30), (0, 1, 1, 9),
            (0, 1, 0, 21), (1, 1, 1, 16), (1, 1, 0, 15)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["debt", "minor", "flagged", "persons"])
    return {
        "formula": "flagged ~ debt + minor",
        "frame": frame,
        "sensitivity": (238, 270),
        "specificity": (178, 190),
        "count": "persons",
    }


@estimator(
    family="regression",
    label="Logistic regression corrected for misclassified outcomes",
    source="Magder and Hughes 1997; Neuhaus 1999",
    example=_example,
)
def misclassified_logistic(
    formula: str,
    frame: pd.DataFrame,
    *,
    sensitivity: Accuracy | AccuracyPrior,
    specificity: Accuracy | AccuracyPrior,
    design: Design | None = None,
    count: str | None = None,
    penalty: Penalty = "none",
    level: float = 0.95,
) -> ModelFit:
    """Fit a logistic model to the true status behind an imperfect classification.

    Estimates log odds ratios of the true status, by maximum likelihood of what was
    recorded: P(recorded | x) = 1 - Sp + (Se + Sp - 1) P(true | x). The errors are
    assumed alike for all persons of the same true status, whatever their covariates.
    Ordinary logistic regression of the recorded status pulls odds ratios towards 1.

    Parameters
    ----------
    formula : str
        ``recorded ~ terms``, as formulaic reads it; the outcome is 0/1 or boolean.
    frame : pandas.DataFrame of shape (n, ...)
        One row per person. Rows with a missing value in a column of the model are left
        out, counted as ``n_excluded`` and named in `notes`.
    sensitivity, specificity : float, pair of int, or prior
        A value taken as known; counts ``(correct, tested)`` of a validation sample
        that is independent of these persons; or anything with ``mean`` and ``std``,
        such as a `BetaPrior`.
    design : SurveyDesign or ReplicateDesign, optional
        How the rows of `frame` were sampled: row i of the design is row i of the frame.
        Not with `count`.
    count : str, optional
        Column of whole numbers: how many persons a row stands for.
    penalty : {"none", "jeffreys"}
        With "jeffreys" half the logarithm of the information's determinant is added to
        the likelihood, as Firth's method does where outcomes are recorded truly. All
        estimates are then finite.
    level : float

    Returns
    -------
    ModelFit
        Log odds of the true status, with z (under a design t) tests and Wald limits;
        `augment` predicts the probability of the true status. `fit_statistics`:
        ``log_likelihood`` (with a design at weights of mean 1), ``wald_f`` and
        ``p_value`` of all slopes together, ``df``, ``sensitivity``, ``specificity``,
        ``apparent_prevalence``, ``true_prevalence`` (mean fitted probability),
        ``validation_share`` (greatest share of a term's variance that comes from
        uncertain Se and Sp), ``n_events``, ``events_per_variable`` (recorded events),
        ``expected_true_events``, ``n_excluded``.

    Raises
    ------
    InputError
        If Se + Sp <= 1, or the formula, a column, the outcome or an option is not as
        described, or terms are collinear.
    NotEstimableError
        If all outcomes are alike, no row is complete, or without penalty the maximum
        lies at infinity: fewer persons of some category are recorded than 1 - Sp alone
        would record, or more than Se (the terms and categories are named).
    ConvergenceError
        If the likelihood could not be maximised.

    Notes
    -----
    The bread of the sandwich, and without a design the model's variance, is the inverse
    of the observed information (with the penalty: of the expected one). Uncertainty of
    Se and Sp enters by the implicit function theorem: V + D V(Se, Sp) D' with
    D = A^-1 dU/d(Se, Sp), U the score and A minus its derivative in the coefficients.
    Se and Sp are not updated by the persons in the model.

    References
    ----------
    Magder, L. S. and Hughes, J. P. (1997). Logistic regression when the outcome is
    measured with uncertainty. American Journal of Epidemiology 146, 195-203.
    https://doi.org/10.1093/oxfordjournals.aje.a009251

    Neuhaus, J. M. (1999). Bias and efficiency loss due to misclassified responses in
    binary regression. Biometrika 86, 843-855.
    https://doi.org/10.1093/biomet/86.4.843

    Kosmidis, I. and Firth, D. (2021). Jeffreys-prior penalty, finiteness and shrinkage
    in binomial-response generalized linear models. Biometrika 108, 71-82.
    https://doi.org/10.1093/biomet/asaa052

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"debt": [0, 0, 1, 1], "flagged": [0, 1, 0, 1],
    ...     "persons": [80, 20, 60, 40]})
    >>> fit = misclassified_logistic("flagged ~ debt", cells, sensitivity=0.8,
    ...     specificity=0.9, count="persons")
    >>> fit.estimate.round(4).tolist()  # true shares 1/7 and 3/7
    [-1.7918, 1.5041]
    """
    check_level(level)
    check_choice("penalty", penalty, ("none", "jeffreys"))
    accuracies = _accuracies(sensitivity, specificity)
    inside = rows_under_study(design, frame, count)
    rows = read_model_rows(formula, frame, count=count, inside=inside)
    weight = weights_of_mean_one(design, rows)
    problem = _Problem(rows, weight, design, accuracies, penalty)
    likelihood, place = problem.likelihood(weight * rows.frequency)
    state = _maximum(problem, likelihood)
    plain, validation = _covariances(problem, likelihood, state, place)
    df, notes = residual_df(design, rows)
    if design is not None:
        notes = (*design.notes, *notes)
    covariance = plain + validation
    inference = wald_inference(state.beta, covariance, level=level, df=df)
    slopes = rows.slopes
    ratio, p_value = wald_f_test(
        state.beta[slopes], covariance[np.ix_(slopes, slopes)], df
    )
    events, doubts = event_statistics(rows, "binomial")
    fitted = expit(rows.matrix @ state.beta)
    mass = weight * rows.frequency
    return ModelFit(
        method="misclassified_logistic",
        formula=formula,
        term=rows.term,
        estimate=state.beta.copy(),
        std_error=inference.std_error,
        statistic=inference.statistic,
        p_value=inference.p_value,
        ci_low=inference.ci_low,
        ci_high=inference.ci_high,
        covariance=covariance,
        ci_level=level,
        ci_method=inference.ci_method,
        n_obs=int(rows.frequency.sum()),
        fit_statistics={
            "log_likelihood": state.log_likelihood,
            "wald_f": ratio,
            "p_value": p_value,
            "df": float(slopes.size),
            "sensitivity": accuracies[0].share,
            "specificity": accuracies[1].share,
            "apparent_prevalence": float(np.average(rows.outcome, weights=mass)),
            "true_prevalence": float(np.average(fitted, weights=mass)),
            "validation_share": float(
                (np.diag(validation) / np.diag(covariance)).max()
            ),
            **events,
            "expected_true_events": float(rows.frequency @ fitted),
            "n_excluded": float(rows.n_excluded),
        },
        linear_predictor=LinearPredictor(rows.spec, state.beta),
        inverse_link=expit,
        notes=(
            *rows.notes,
            *doubts,
            *misclassification_notes(
                likelihood, accuracies, rows.term, jeffreys=penalty == "jeffreys"
            ),
            *notes,
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    rows: ModelRows
    weight: FloatVector
    design: Design | None
    accuracies: tuple[Validated, Validated]
    penalty: Penalty

    def likelihood(
        self, mass: FloatVector
    ) -> tuple[MisclassifiedLikelihood, IntVector]:
        """Return the likelihood at each row's mass, and each row's distinct row."""
        matrix, trials, events, place = self.rows.distinct_rows(mass)
        se, sp = self.accuracies
        tau = 0.5 if self.penalty == "jeffreys" else 0.0
        found = MisclassifiedLikelihood(matrix, trials, events, se.share, sp.share, tau)
        return found, place


def _accuracies(
    sensitivity: Accuracy | AccuracyPrior, specificity: Accuracy | AccuracyPrior
) -> tuple[Validated, Validated]:
    given = (sensitivity, specificity)
    means = [
        float(value.mean) if _is_prior(value) else value  # type: ignore[union-attr]  # _is_prior looked
        for value in given
    ]
    checked = read_accuracies(*cast("list[Accuracy]", means))
    found = []
    for value, accuracy in zip(given, checked, strict=True):
        found.append(accuracy)
        if _is_prior(value):
            spread = float(value.std)  # type: ignore[union-attr]  # _is_prior looked
            share = accuracy.share
            if not (np.isfinite(spread) and spread >= 0):
                raise InputError(f"A prior's std must be finite and >= 0: {spread!r}.")
            if spread > 0:
                n = share * (1 - share) / spread**2
                found[-1] = Validated(share=share, n=n)
    return found[0], found[1]


def _is_prior(value: object) -> bool:
    return (
        hasattr(value, "mean")
        and hasattr(value, "std")
        and not isinstance(value, np.ndarray | np.generic)
    )


def _maximum(
    problem: _Problem, likelihood: MisclassifiedLikelihood
) -> MisclassifiedState:
    """Return the highest maximum found from several starts."""
    ends = [maximise_misclassified(likelihood, start) for start in _starts(likelihood)]
    best, reached = max(ends, key=lambda end: end[0].penalised)
    if problem.penalty == "none":
        refuse_boundary(likelihood, best, problem.rows.term)
    if not reached:
        raise ConvergenceError(
            "The likelihood was not maximised. Look for terms on wildly different "
            'scales or nearly collinear ones, or use penalty="jeffreys".'
        )
    return best


def _starts(likelihood: MisclassifiedLikelihood) -> list[FloatVector]:
    """Return all slopes 0, and the naive fit: the likelihood need not be concave."""
    x, m = likelihood.matrix, likelihood.trials
    se, sp = likelihood.sensitivity, likelihood.specificity
    apparent = likelihood.events.sum() / m.sum()
    share = np.clip((apparent + sp - 1) / (se + sp - 1), 0.02, 0.98)
    flat = np.linalg.lstsq(x, np.full(len(m), logit(share)), rcond=None)[0]
    starts = [np.asarray(flat)]
    naive = replace(likelihood, sensitivity=1.0, specificity=1.0, tau=0.5)
    found, reached = maximise_misclassified(naive, starts[0])
    if reached and likelihood.at(found.beta) is not None:
        starts.append(found.beta)
    return starts


def _covariances(
    problem: _Problem,
    likelihood: MisclassifiedLikelihood,
    state: MisclassifiedState,
    place: IntVector,
) -> tuple[FloatMatrix, FloatMatrix]:
    """Return the covariance at given accuracies, and what their errors add."""
    matrix = state.observed if problem.penalty == "none" else state.information
    bread = inverse_information(matrix)
    implicit = inverse_information(likelihood.curvature(state))
    slopes = implicit @ likelihood.accuracy_slopes(state)
    variance = np.array([accuracy.variance for accuracy in problem.accuracies])
    validation = (slopes * variance) @ slopes.T
    design = problem.design
    if design is None:
        return bread, validation
    if isinstance(design, ReplicateDesign):
        return _replicate_covariance(problem, design, state), validation
    rows = problem.rows
    eta = rows.matrix @ state.beta
    p, q = expit(eta), expit(-eta)
    se, sp = likelihood.sensitivity, likelihood.specificity
    recorded = (1 - sp) * q + se * p
    residual = (
        (rows.outcome - recorded)
        * (se + sp - 1)
        * (p * q / (recorded * (1 - recorded)))
    )
    each = problem.weight * (residual + state.share[place])
    scores = each[:, None] * rows.matrix
    return sandwich(bread, design, rows, scores), validation


def _replicate_covariance(
    problem: _Problem, design: ReplicateDesign, state: MisclassifiedState
) -> FloatMatrix:
    rows = problem.rows
    weights = design.replicate_weights[rows.kept] / design.weights[rows.kept].mean()
    fits = np.empty((weights.shape[1], state.beta.size))
    lost = 0
    for replicate in range(len(fits)):
        likelihood, _ = problem.likelihood(weights[:, replicate])
        try:
            found, reached = maximise_misclassified(likelihood, state.beta)
            if problem.penalty == "none":
                refuse_boundary(likelihood, found, rows.term)
        except (ConvergenceError, NotEstimableError):
            reached = False
        lost += not reached
        fits[replicate] = found.beta if reached else np.nan
    if lost:
        raise NotEstimableError(
            f"{lost} of {len(fits)} replicates have no finite estimate: there is no "
            'variance from replicates. Use penalty="jeffreys", fewer terms, or the '
            "linearised variance of a SurveyDesign."
        )
    return replicate_covariance(fits, state.beta, design)
