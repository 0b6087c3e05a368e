"""Population size from a chosen log-linear model, sparse tables included."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from estimators.capture_recapture._extended_likelihood import fit_extended
from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture._profile_size import profile_interval
from estimators.capture_recapture.estimability import check_estimability
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.model_terms import Terms, read_terms, term_label
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.checks import check_choice, check_level
from estimators.errors import NotEstimableError
from estimators.intervals import unseen_log_interval
from estimators.registry import estimator
from estimators.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from estimators.capture_recapture._extended_likelihood import LogLinearFit

__all__ = ["fit_diagnostics", "infinite_note", "log_linear"]


def _example() -> dict[str, Any]:
    return {
        "histories": CaptureHistories.from_counts(
            {"100": 41, "010": 38, "001": 54, "110": 9, "101": 12, "011": 7, "111": 3}
        ),
        "terms": [("A", "B")],
    }


@estimator(
    family="capture_recapture",
    label="Log-linear model of list overlaps, extended maximum likelihood",
    source="Chan, Silverman and Vincent 2021",
    example=_example,
)
def log_linear(
    histories: CaptureHistories,
    *,
    terms: Terms = (),
    level: float = 0.95,
    interval: Literal["log_normal", "profile"] = "log_normal",
) -> Estimate:
    """Estimate a closed population's size from one hierarchical log-linear model.

    Counts of the histories w are Poisson with log mean = sum of the coefficients of
    the terms inside w; the unseen persons number exp(intercept). Interactions that the
    model lacks are assumed away, the highest-order one always. A term whose lists
    share nobody has its coefficient at minus infinity (extended maximum likelihood).

    Parameters
    ----------
    histories : CaptureHistories
        Two to fourteen lists.
    terms : str or sequence, optional
        Interactions as ``"[12,3]"`` (lists counted from 1) or as tuples of list names,
        ``[("police", "shelter")]``; main effects and subsets are always in. By default
        main effects only: independent lists.
    level : float
        Of the interval, which takes the model as given: choosing the terms from the
        same data makes it too short (see `select_stepwise`).
    interval : {"log_normal", "profile"}
        Log-normal in the unseen (Chao), or multinomial profile likelihood. The latter
        has its maximum, ``profile_maximum`` in the diagnostics, a little below the
        Poisson estimate; its upper limit is infinite where the likelihood stays flat.

    Returns
    -------
    Estimate
        Persons, seen and unseen; its standard error is sqrt(u + u^2 Var(intercept))
        with u the unseen. `diagnostics` hold ``aic, bic, deviance, df,
        log_likelihood, n_parameters`` (infinite ones counted) and every coefficient
        as ``coefficient of <term>``; df is the number of histories that can occur
        under the model less that of finite coefficients.

    Raises
    ------
    InputError
        If `histories` is no `CaptureHistories`, a term names no list, or there are more
        than fourteen lists.
    NotEstimableError
        If no estimate exists or it is not unique; the message says what is missing.
    ConvergenceError
        If the fit does not settle, or a profile is asked of more than 1e12 persons,
        where rounding decides it.

    References
    ----------
    Chan, L., Silverman, B. W. and Vincent, K. (2021). Multiple systems estimation for
    sparse capture data: inferential challenges when there are nonoverlapping lists.
    Journal of the American Statistical Association 116, 1297-1306.
    https://doi.org/10.1080/01621459.2019.1708748

    Baillargeon, S. and Rivest, L.-P. (2007). Rcapture: loglinear models for
    capture-recapture in R. Journal of Statistical Software 19(5).
    https://doi.org/10.18637/jss.v019.i05

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories, log_linear
    >>> table = CaptureHistories.from_counts({"10": 30, "01": 20, "11": 6})
    >>> round(log_linear(table).estimate, 6)  # two lists: Lincoln-Petersen
    156.0
    """
    check_level(level)
    check_choice("interval", interval, ("log_normal", "profile"))
    check_histories(histories)
    masks = read_terms(terms, histories.lists)
    verdict = check_estimability(histories, terms=terms)
    if not verdict.estimable:
        raise NotEstimableError(verdict.summary())
    counts = histories.dense()
    fit = fit_extended(counts, masks, histories.n_lists)
    independent = histories.n_lists > 2 and max(x.bit_count() for x in fit.terms) < 2
    diagnostics = fit_diagnostics(fit, histories.lists)
    if interval == "profile":
        top, ci = profile_interval(counts, masks, histories.n_lists, level=level)
        diagnostics = MappingProxyType({**diagnostics, "profile_maximum": top})
    else:
        ci = unseen_log_interval(
            fit.population_size, fit.n_observed, fit.std_error**2, level=level
        )
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=fit.population_size,
        std_error=fit.std_error,
        ci=ci,
        method=f"log_linear {fit.model}",
        n_obs=fit.n_observed,
        notes=(
            *histories.notes,
            *infinite_note(fit, histories.lists),
            *(coverage_notes("log_linear_main_effects") if independent else ()),
        ),
        diagnostics=diagnostics,
    )


def infinite_note(fit: LogLinearFit, lists: Sequence[str]) -> tuple[str, ...]:
    """Return what a result must say about coefficients at minus infinity."""
    if not fit.infinite:
        return ()
    names = "; ".join(term_label(term, lists) for term in fit.infinite)
    return (
        f"nobody is on all lists of: {names}; their coefficients are minus infinity",
    )


def fit_diagnostics(fit: LogLinearFit, lists: Sequence[str]) -> Mapping[str, float]:
    """Return criteria and coefficients of a fit by name."""
    finite_cells = int((fit.fitted[1:] > 0).sum())
    coefficients = {
        f"coefficient of {term_label(term, lists)}": float(value)
        for term, value in zip(fit.terms, fit.coefficients, strict=True)
    }
    return MappingProxyType(
        {
            "aic": fit.aic,
            "bic": fit.bic,
            "deviance": fit.deviance,
            "df": float(finite_cells - len(fit.terms) + len(fit.infinite)),
            "log_likelihood": fit.log_likelihood,
            "n_parameters": float(len(fit.terms)),
            **coefficients,
        }
    )
