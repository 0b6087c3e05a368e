"""Bayesian true prevalence by quadrature."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import betainc

from estimators.checks import check_level
from estimators.classifier_accuracy import (
    Accuracy,
    Validated,
    check_accuracies,
    read_accuracies,
)
from estimators.diagnostics.apparent import Apparent, apparent_from_counts
from estimators.diagnostics.distributions import BetaPrior, PointMass
from estimators.diagnostics.posterior import PriorLike, marginal_posterior
from estimators.errors import InputError
from estimators.registry import estimator
from estimators.results import Estimate, Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatArray

__all__ = [
    "AccuracyPrior",
    "bayesian_true_prevalence",
    "correct_by_bayes",
    "prior_of_prevalence",
    "read_accuracy_priors",
]

AccuracyPrior: TypeAlias = "Accuracy | BetaPrior"
_CONFLICT = 0.05
_NO_CASE = 0.975  # fewer positives than this quantile of samples without any case


@estimator(
    family="diagnostics",
    label="Bayesian true prevalence by quadrature",
    source="Joseph, Gyorkos and Coupal 1995; Messam et al. 2008",
    example=lambda: {
        "positives": 142,
        "n": 742,
        "sensitivity": BetaPrior(80, 10),
        "specificity": BetaPrior(190, 11),
    },
)
def bayesian_true_prevalence(
    positives: int,
    n: int,
    *,
    sensitivity: AccuracyPrior,
    specificity: AccuracyPrior,
    prior: BetaPrior | None = None,
    n_effective: float | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate a true prevalence with prior knowledge of sensitivity and specificity.

    Parameters
    ----------
    positives : int
        Persons classified positive.
    n : int
        Persons classified.
    sensitivity, specificity : BetaPrior, pair of int or float
        A prior; counts ``(correct, tested)`` of a validation sample, which give
        Beta(correct + 1, wrong + 1); or a value taken as known. `expert_beta` and
        `pert_beta` turn opinions into priors.
    prior : BetaPrior, optional
        Of the prevalence, over the whole of [0, 1] and with shapes of 1/2 or more;
        uniform by default.
    n_effective : float, optional
        Persons divided by the design effect: the likelihood is then that of so many
        independent persons.
    level : float

    Returns
    -------
    Estimate
        `estimate` is the posterior mean, `std_error` the posterior standard deviation,
        the interval has equal tails. Diagnostics: ``posterior_median``,
        ``mean_sensitivity``, ``mean_specificity``, ``log_evidence`` and two measures of
        conflict: ``p_specificity_conflict``, the prior probability that false positives
        alone exceed the share seen, and ``p_value_specificity_conflict``, the chance of
        so few positives if nobody were a case. Notes say when they speak against the
        prior of the specificity: the posterior then piles up at 0.

    Raises
    ------
    InputError
        If prior means have Se + Sp <= 1, or counts or priors do not fit.
    NotEstimableError
        If nobody was classified or data and priors exclude each other.
    ConvergenceError
        If the priors are too wide for the quadrature.

    Notes
    -----
    x ~ Binomial(n, P Se + (1 - P) (1 - Sp)), independent priors. Quadrature instead of
    draws: exact to about 1e-8, the same digits every time.

    Credible is not covering: with the uniform prior, Se 0.89 and Sp 0.74 (validated on
    100 and 200) 95 % intervals held a true prevalence of 0.01 in 87 to 95 % of
    simulated samples, all misses too high; from 0.04 on 94 % or more (docs, "Which
    interval for a prevalence"). Persons are taken as drawn one by one: blind to
    trucks of 8 with a correlation of 0.2, 92 % at a prevalence of 0.23; give
    `n_effective` for clusters, or use `survey_true_prevalence`.

    References
    ----------
    Joseph, L., Gyorkos, T. W. and Coupal, L. (1995). Bayesian estimation of disease
    prevalence and the parameters of diagnostic tests in the absence of a gold standard.
    American Journal of Epidemiology 141, 263-272.

    Messam, L. L. McV., Branscum, A. J., Collins, M. T. and Gardner, I. A. (2008).
    Frequentist and Bayesian approaches to prevalence estimation using examples from
    Johne's disease. Animal Health Research Reviews 9, 1-23.

    Examples
    --------
    >>> from estimators.diagnostics import BetaPrior, bayesian_true_prevalence
    >>> result = bayesian_true_prevalence(142, 742, sensitivity=BetaPrior(80, 10),
    ...                                   specificity=BetaPrior(190, 11))
    >>> print(f"{result.estimate:.4f} [{result.ci.low:.4f}, {result.ci.high:.4f}]")
    0.1647 [0.1145, 0.2123]
    """
    check_level(level)
    apparent = apparent_from_counts(positives, n, n_effective)
    priors = read_accuracy_priors(sensitivity, specificity)
    return correct_by_bayes(
        apparent, priors, level=level, prior=prior_of_prevalence(prior)
    )


def prior_of_prevalence(prior: BetaPrior | None) -> BetaPrior:
    """Return the prior of the prevalence, uniform if none was given."""
    if prior is None:
        return BetaPrior(1, 1)
    if not isinstance(prior, BetaPrior):
        raise InputError(f"prior={prior!r}: a BetaPrior was expected.")
    if (prior.low, prior.high) != (0, 1) or min(prior.alpha, prior.beta) < 0.5:
        raise InputError(
            f"prior={prior!r}: the prior of the prevalence must cover [0, 1] with "
            "shapes of 0.5 or more."
        )
    return prior


def read_accuracy_priors(
    sensitivity: AccuracyPrior, specificity: AccuracyPrior
) -> tuple[PriorLike, PriorLike]:
    """Return priors of sensitivity and specificity, whose means sum to more than 1."""
    given = (sensitivity, specificity)
    plain = [1.0 if isinstance(value, BetaPrior) else value for value in given]
    read = read_accuracies(*plain)
    se, sp = (
        value if isinstance(value, BetaPrior) else _counted_prior(counted)
        for value, counted in zip(given, read, strict=True)
    )
    check_accuracies(se.mean, sp.mean)
    return se, sp


def _counted_prior(accuracy: Validated) -> PriorLike:
    if accuracy.is_known:
        return PointMass(value=accuracy.share)
    return BetaPrior(accuracy.correct + 1, accuracy.n - accuracy.correct + 1)


def correct_by_bayes(
    apparent: Apparent,
    priors: tuple[PriorLike, PriorLike],
    *,
    level: float,
    prior: BetaPrior,
) -> Estimate:
    """Return the posterior of the prevalence behind a count or a survey."""
    se, sp = priors
    wrong = (
        PointMass(value=1 - sp.value) if isinstance(sp, PointMass) else sp.mirrored()
    )
    counts = (apparent.positives, apparent.n_effective)
    found = marginal_posterior(counts, prior, se, wrong)
    tail = (1 - level) / 2
    diagnostics = {
        "apparent_prevalence": apparent.share,
        "n_effective": apparent.n_effective,
        "posterior_median": found.quantile(0.5),
        "mean_sensitivity": found.mean_sensitivity,
        "mean_specificity": found.mean_specificity,
        "log_evidence": found.log_evidence,
        "p_specificity_conflict": _exceeded(wrong, apparent.share),
        "p_value_specificity_conflict": _chance_without_cases(wrong, counts),
    }
    return Estimate(
        estimand="true prevalence",
        unit="proportion",
        estimate=found.mean,
        std_error=found.std,
        ci=Interval(
            low=found.quantile(tail),
            high=found.quantile(1 - tail),
            level=level,
            method="equal-tailed credible",
        ),
        method="bayesian_true_prevalence",
        n_obs=apparent.n_obs,
        notes=(*apparent.notes, *_doubts(diagnostics)),
        diagnostics=diagnostics,
    )


def _exceeded(wrong: PriorLike, share: float) -> float:
    """Return the prior probability of a false positive rate above the share seen."""
    return 1 - float(wrong.cdf(np.array([share]))[0])


def _chance_without_cases(wrong: PriorLike, counts: tuple[float, float]) -> float:
    """Return the prior predictive chance of at most x positives without any case."""
    x, n = counts
    if x >= n:
        return 1.0
    rates, weights = wrong.nodes(64)
    chances: FloatArray = 1 - betainc(x + 1, n - x, rates)
    return float(weights @ chances)


def _doubts(diagnostics: dict[str, float]) -> list[str]:
    doubts = []
    chance = diagnostics["p_value_specificity_conflict"]
    if chance < _CONFLICT:
        doubts.append(
            f"so few positives had a chance of {chance:.2g} even without a single case "
            "under the prior of the specificity: that prior is probably too low, and "
            "the posterior piles up at 0"
        )
    elif diagnostics["p_specificity_conflict"] > 0.5:
        doubts.append(
            "false positives alone probably explain the share seen (prior probability "
            f"{diagnostics['p_specificity_conflict']:.2g} that their rate exceeds it): "
            "read the upper limit"
        )
    elif chance < _NO_CASE:
        doubts.append(
            "the data agree with a prevalence of 0, which an interval with equal tails "
            "never holds: with a uniform prior and a true prevalence of 0.01, 87 to "
            "93 % of 95 % intervals held it in simulated samples; read the upper limit"
        )
    return doubts
