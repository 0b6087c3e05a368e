"""The stepwise rule of the first United Kingdom estimate: AIC with a Wald test."""

from __future__ import annotations

from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from estimators.capture_recapture._extended_likelihood import (
    estimability_status,
    fit_extended,
)
from estimators.capture_recapture._profile_size import profile_interval
from estimators.capture_recapture.chosen_model import fit_diagnostics, infinite_note
from estimators.capture_recapture.estimability import check_estimability
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.model_terms import hierarchical_closure, term_label
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.checks import check_level
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate

if TYPE_CHECKING:
    from estimators.array_types import IntVector
    from estimators.capture_recapture._extended_likelihood import LogLinearFit

__all__ = ["select_stepwise_aic"]


def _example() -> dict[str, Any]:
    return {
        "histories": CaptureHistories.from_counts(
            {"100": 41, "010": 38, "001": 54, "110": 29, "101": 12, "011": 7, "111": 3}
        )
    }


@estimator(
    family="capture_recapture",
    label="Log-linear model by AIC steps with a Wald test",
    source="Bales, Hesketh and Silverman 2015",
    example=_example,
)
def select_stepwise_aic(
    histories: CaptureHistories, *, threshold: float = 0.05, level: float = 0.95
) -> Estimate:
    """Estimate a closed population's size by the rule of the first UK estimate.

    From independent lists on, the pair that lowers AIC most comes in, as long as its
    Wald p-value is below `threshold`. A pair of lists that share nobody is never
    significant by Wald's test, and where it is next the selection ends: offered to
    repeat published figures, not as the better rule (see `select_stepwise`).

    Parameters
    ----------
    histories : CaptureHistories
        Two to fourteen lists.
    threshold : float
        Two-sided Wald p-value in [0, 1] up to which a pair comes in.
    level : float
        Of the profile-likelihood interval, which takes the selected model as given and
        is too short for that.

    Returns
    -------
    Estimate
        The maximum of the multinomial profile likelihood, as published; `diagnostics`
        are those of `log_linear` and ``poisson_estimate``.

    Raises
    ------
    InputError
        If an option is out of its range.
    NotEstimableError
        If even independent lists cannot be estimated; the message says what is missing.
    ConvergenceError
        If a fit does not settle.

    References
    ----------
    Bales, K., Hesketh, O. and Silverman, B. (2015). Modern slavery in the UK: How many
    victims? Significance 12(3), 16-21.

    Silverman, B. W. (2020). Multiple-systems analysis for the quantification of modern
    slavery: classical and Bayesian approaches. Journal of the Royal Statistical
    Society A 183. https://arxiv.org/abs/1902.06078

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories
    >>> table = CaptureHistories.from_counts(
    ...     {"100": 41, "010": 38, "001": 54, "110": 29, "101": 12, "011": 7, "111": 3}
    ... )
    >>> select_stepwise_aic(table).method
    'select_stepwise_aic [12,3]'
    """
    check_level(level)
    if not (isinstance(threshold, int | float | np.floating) and 0 <= threshold <= 1):
        raise InputError(f"threshold={threshold!r}: a probability was expected.")
    verdict = check_estimability(histories)
    if not verdict.estimable:
        raise NotEstimableError(verdict.summary())
    counts, lists = histories.dense(), histories.n_lists
    fit = fit_extended(counts, (), lists)
    added: list[int] = []
    while (enlarged := _next(counts, fit, threshold)) is not None:
        (pair,) = set(enlarged.terms) - set(fit.terms)
        added.append(pair)
        fit = enlarged
    top, ci = profile_interval(counts, fit.terms, lists, level=level)
    labels = [term_label(pair, histories.lists) for pair in added]
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=top,
        std_error=fit.std_error,
        ci=ci,
        method=f"select_stepwise_aic {fit.model}",
        n_obs=fit.n_observed,
        notes=(
            *histories.notes,
            f"pairs added, in this order: {'; '.join(labels) if labels else 'none'}",
            *infinite_note(fit, histories.lists),
            "standard error and interval take the selected model as given and are too "
            "short",
            *coverage_notes("select_stepwise_aic"),
        ),
        diagnostics=MappingProxyType(
            {
                **fit_diagnostics(fit, histories.lists),
                "poisson_estimate": fit.population_size,
            }
        ),
    )


def _next(
    counts: IntVector, fit: LogLinearFit, threshold: float
) -> LogLinearFit | None:
    """Return the enlarged model of least AIC if its new pair passes both tests."""
    best, added = fit, 0
    for one, other in combinations(range(fit.n_lists), 2):
        pair = 1 << one | 1 << other
        terms = hierarchical_closure([*fit.terms, pair], fit.n_lists)
        if pair in fit.terms or estimability_status(counts, terms, fit.n_lists):
            continue
        trial = fit_extended(counts, terms, fit.n_lists)
        if trial.aic < best.aic:
            best, added = trial, pair
    return best if added and _wald(best, added) < threshold else None


def _wald(fit: LogLinearFit, term: int) -> float:
    place = fit.terms.index(term)
    variance = float(fit.covariance[place, place])
    if variance == 0:
        return 1.0  # minus infinity: no curvature to test with
    return float(2 * ndtr(-abs(fit.coefficients[place]) / np.sqrt(variance)))
