"""The hierarchical model of least BIC or AIC; intervals that repeat the choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture.all_models import (
    AllModels,
    Criterion,
    fit_all_models,
)
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.repeated_selection import (
    BestOfTables,
    best_of_tables,
    cell_bca,
    leave_one_out,
)
from estimators.capture_recapture.selected_model import SelectedModel
from estimators.checks import check_counts, check_level
from estimators.errors import InputError
from estimators.intervals import unseen_log_interval
from estimators.registry import estimator
from estimators.resampling import multinomial_counts
from estimators.results import Interval

if TYPE_CHECKING:
    from estimators.array_types import IntMatrix, IntVector

__all__ = ["select_aic", "select_bic"]

NEAR = 2.0
KNOWN_MODEL = (
    "the interval takes the selected model as known and is too narrow: after selection "
    "by BIC a nominal 95 % covered 61 % (Chan, Silverman and Vincent 2021); give "
    "n_resamples for one that repeats the selection"
)


def korea_example() -> dict[str, CaptureHistories]:
    """Return the table of Korean women held in Palembang, three lists, n = 123."""
    counts = {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
    return {"histories": CaptureHistories.from_counts(counts)}


@estimator(
    family="capture_recapture",
    label="Log-linear model of least BIC among all hierarchical ones",
    source="Silverman, Chan and Vincent 2024",
    example=korea_example,
)
def select_bic(
    histories: CaptureHistories,
    *,
    max_order: int | None = None,
    n_resamples: int = 0,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
    top: int | None = None,
) -> SelectedModel:
    """Estimate a closed population's size under the model of least BIC.

    Every hierarchical log-linear model that holds all main effects is fitted by
    extended maximum likelihood; BIC = k log n - 2 log L with n persons observed, and k
    counts the intercept and parameters at minus infinity. Bootstrap and jackknife
    repeat the selection over all models.

    Parameters
    ----------
    histories : CaptureHistories
        Two to five lists; six with terms of up to two lists. `downhill` takes more.
    max_order : int, optional
        Greatest number of lists in a term; by default all but one, 2 for six lists.
    n_resamples : int
        Bootstrap replicates; 0 gives a log-normal interval of the unseen with the
        selected model taken as known.
    level : float
        Of the interval.
    rng : int, numpy.random.Generator or None
        For the replicates.
    n_jobs : int, optional
        Threads; by default all. The answer does not depend on it.
    top : int, optional
        Replicates choose among so many best models of the data only. Published tables
        use it to save time; the interval is then too narrow.

    Returns
    -------
    SelectedModel
        An `Estimate` in persons; `rivals()` lists the other models with their weights
        and how often replicates chose them, `plot_rivals()` draws them.

    Raises
    ------
    InputError
        If there are too many models to fit all of them, or an option is not lawful.
    NotEstimableError
        If no model is estimable, or fewer than two replicates have an estimate.

    References
    ----------
    Silverman, B. W., Chan, L. and Vincent, K. (2024). Bootstrapping multiple systems
    estimates to account for model selection. Statistics and Computing 34, 44.
    https://doi.org/10.1007/s11222-023-10346-9

    Examples
    --------
    >>> korea = CaptureHistories.from_counts(
    ...     {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
    ... )
    >>> chosen = select_bic(korea, n_resamples=200, rng=1)
    >>> chosen.model, round(chosen.estimate, 1)
    ('[12,23]', 157.2)
    """
    return _select(
        histories,
        criterion="bic",
        max_order=max_order,
        resampling=(n_resamples, rng, n_jobs, top),
        level=level,
    )


@estimator(
    family="capture_recapture",
    label="Log-linear model of least AIC among all hierarchical ones",
    source="Akaike 1974; selection repeated as in Silverman, Chan and Vincent 2024",
    example=korea_example,
)
def select_aic(
    histories: CaptureHistories,
    *,
    max_order: int | None = None,
    n_resamples: int = 0,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
    top: int | None = None,
) -> SelectedModel:
    """Estimate a closed population's size under the model of least AIC.

    As `select_bic` with AIC = 2 k - 2 log L, which takes larger models.

    Parameters
    ----------
    histories : CaptureHistories
        Two to five lists; six with terms of up to two lists. `downhill` takes more.
    max_order : int, optional
        Greatest number of lists in a term; by default all but one, 2 for six lists.
    n_resamples : int
        Bootstrap replicates; 0 gives a log-normal interval of the unseen with the
        selected model taken as known.
    level : float
        Of the interval.
    rng : int, numpy.random.Generator or None
        For the replicates.
    n_jobs : int, optional
        Threads; by default all. The answer does not depend on it.
    top : int, optional
        Replicates choose among so many best models of the data only.

    Returns
    -------
    SelectedModel

    Raises
    ------
    InputError
        If there are too many models to fit all of them, or an option is not lawful.
    NotEstimableError
        If no model is estimable, or fewer than two replicates have an estimate.

    References
    ----------
    Akaike, H. (1974). A new look at the statistical model identification. IEEE
    Transactions on Automatic Control 19, 716-723.
    https://doi.org/10.1109/TAC.1974.1100705

    Examples
    --------
    >>> korea = CaptureHistories.from_counts(
    ...     {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
    ... )
    >>> select_aic(korea).model
    '[12,23]'
    """
    return _select(
        histories,
        criterion="aic",
        max_order=max_order,
        resampling=(n_resamples, rng, n_jobs, top),
        level=level,
    )


def _select(
    histories: CaptureHistories,
    *,
    criterion: Criterion,
    max_order: int | None,
    resampling: tuple[int, int | np.random.Generator | None, int | None, int | None],
    level: float,
) -> SelectedModel:
    n_resamples, rng, n_jobs, top = resampling
    check_level(level)
    draws = check_counts(n_resamples=n_resamples)["n_resamples"]
    if draws == 1 or (top is not None and top < 1):
        raise InputError(
            f"n_resamples={n_resamples}, top={top}: no replicate or two and more, and "
            "at least one model, were expected."
        )
    fits = fit_all_models(histories, max_order=max_order)
    best = int(fits.ranking(criterion)[0])
    n = histories.n_observed
    total = float(n + fits.unseen[best])
    std_error, notes = float(fits.std_error[best]), [KNOWN_MODEL]
    ci = unseen_log_interval(total, n, std_error**2, level=level)
    chosen = np.zeros(0, dtype=np.int64)
    if draws:
        counts = histories.dense()
        tables = multinomial_counts(counts / n, n, draws, rng)
        tables = np.concatenate([tables, leave_one_out(counts)])
        again = best_of_tables(
            fits, tables, criterion=criterion, top=top, n_jobs=n_jobs
        )
        chosen = again.model[:draws]
        ci, std_error, notes = _interval(total, again, tables, counts, level)
        if top is not None:
            notes.append(f"replicates chose among the {top} best models of the data")
    return SelectedModel(
        estimand="population size",
        unit="persons",
        estimate=total,
        std_error=std_error,
        ci=ci,
        method=f"select_{criterion}",
        n_obs=n,
        notes=(
            *histories.notes,
            *_rival_notes(fits, criterion, best, chosen),
            *notes,
        ),
        diagnostics=_diagnostics(fits, criterion, best, chosen),
        model=fits.models.name(best),
        criterion=criterion,
        fits=fits,
        replicate_model=chosen,
    )


def _interval(
    total: float,
    again: BestOfTables,
    tables: IntMatrix,
    counts: IntVector,
    level: float,
) -> tuple[Interval, float, list[str]]:
    """Return the BCa interval, the bootstrap standard error, and failures in words."""
    persons = counts[counts > 0]
    draws = len(tables) - persons.size
    sizes = tables.sum(axis=1) + again.unseen
    replicates, left_out = sizes[:draws], sizes[draws:]
    good, kept = ~np.isnan(replicates), ~np.isnan(left_out)
    ci = cell_bca(
        total,
        replicates[good],
        left_out[kept],
        persons[kept],
        level=level,
    )
    notes = []
    if not good.all():
        notes.append(
            f"{np.count_nonzero(~good)} of {draws} bootstrap replicates have no "
            "estimable model and are left out"
        )
    if not kept.all():
        notes.append(
            f"without one person of {np.count_nonzero(~kept)} histories no model is "
            "estimable: the acceleration leaves them out"
        )
    return ci, float(replicates[good].std(ddof=1)), notes


def _rival_notes(
    fits: AllModels, criterion: Criterion, best: int, chosen: IntVector
) -> list[str]:
    values = fits.criterion(criterion)
    name = criterion.upper()
    notes = [f"selected {fits.models.name(best)}, {name} {values[best]:.2f}"]
    near = np.flatnonzero(values - values[best] <= NEAR)
    if near.size > 1:
        sizes = fits.n_observed + fits.unseen[near]
        notes.append(
            f"{near.size} models lie within {NEAR:g} {name} of the best, with "
            f"estimates from {sizes.min():,.0f} to {sizes.max():,.0f}"
        )
    if chosen.size:
        share = float((chosen == best).mean())
        notes.append(
            f"{share:.0%} of the replicates selected this model, "
            f"{np.unique(chosen[chosen >= 0]).size} models were selected in all"
        )
    infinite = np.isnan(fits.starts[best][list(fits.models.terms(best))]).sum()
    if infinite:
        notes.append(f"{infinite} of its parameters are at minus infinity")
    return notes


def _diagnostics(
    fits: AllModels, criterion: Criterion, best: int, chosen: IntVector
) -> dict[str, float]:
    found = {
        criterion: float(fits.criterion(criterion)[best]),
        "n_parameters": float(fits.n_parameters[best]),
        "weight": float(fits.weights(criterion)[best]),
        "n_models": float(len(fits.models)),
        "n_estimable": float((fits.status == 0).sum()),
    }
    if chosen.size:
        found["selection_frequency"] = float((chosen == best).mean())
        found["n_resamples"] = float(chosen.size)
        found["n_failed"] = float((chosen < 0).sum())
    return found
