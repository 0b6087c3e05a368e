"""A model chosen by a criterion, and the choice repeated in every resample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture.all_models import (
    AllModels,
    Criterion,
    fit_all_models,
    fit_models_of,
)
from estimators.capture_recapture.neighbour_search import Searched, descend_from
from estimators.capture_recapture.repeated_selection import (
    BestOfTables,
    best_of_tables,
    leave_one_out,
)
from estimators.capture_recapture.resampled_sizes import resampled_sizes
from estimators.capture_recapture.selected_model import SelectedModel
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.checks import check_choice, check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import unseen_log_interval
from estimators.resampling import multinomial_counts

if TYPE_CHECKING:
    from estimators.array_types import IntMatrix, IntVector
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = ["Choice", "choose_model"]

NEAR = 2.0
KNOWN_MODEL = (
    "the interval takes the selected model as known and is too narrow: after selection "
    "by BIC a nominal 95 % covered 61 % (Chan, Silverman and Vincent 2021); give "
    "n_resamples for one that repeats the selection"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How a model is chosen and the choice repeated: options of the estimators.

    Attributes
    ----------
    method : str
    criterion : {"bic", "aic"}
    max_order : int
    level : float
    n_resamples : int
    rng : int, numpy.random.Generator or None
    n_jobs, top : int, optional
    """

    method: str
    criterion: Criterion
    max_order: int
    level: float
    n_resamples: int
    rng: int | np.random.Generator | None
    n_jobs: int | None
    top: int | None = None

    def __post_init__(self) -> None:
        check_level(self.level)
        check_choice("criterion", self.criterion, ("bic", "aic"))
        draws = check_counts(n_resamples=self.n_resamples)["n_resamples"]
        if draws == 1 or (self.top is not None and self.top < 1):
            raise InputError(
                f"n_resamples={self.n_resamples}, top={self.top}: no replicate or two "
                "and more, and at least one model, were expected."
            )


def choose_model(
    histories: CaptureHistories,
    choice: Choice,
    search: Callable[..., Searched] | None = None,
) -> SelectedModel:
    """Choose among all hierarchical models, or among those that a search visits.

    Parameters
    ----------
    histories : CaptureHistories
    choice : Choice
    search : callable, optional
        One of `neighbour_search`.

    Raises
    ------
    NotEstimableError
        If no model is estimable, or most resamples have no estimate.
    """
    fits, starts, notes = _fitted(histories, choice, search)
    best = int(fits.ranking(choice.criterion)[0])
    n = histories.n_observed
    total, std_error = float(n + fits.unseen[best]), float(fits.std_error[best])
    ci = unseen_log_interval(total, n, std_error**2, level=choice.level)
    chosen = np.zeros(0, dtype=np.int64)
    more: dict[str, float] = {}
    if choice.n_resamples:
        counts = histories.dense()
        tables = multinomial_counts(counts / n, n, choice.n_resamples, choice.rng)
        tables = np.concatenate([tables, leave_one_out(counts)])
        name = fits.models.terms(best)
        fits, again = _repeat(histories, fits, tables, choice, starts)
        best = fits.models.find(name)
        chosen = again.model[: choice.n_resamples]
        sizes = tables.sum(axis=1) + again.unseen
        spread = resampled_sizes(
            total,
            sizes[: choice.n_resamples],
            sizes[choice.n_resamples :],
            counts[counts > 0],
        )
        ci, std_error = spread.interval(choice.level), spread.std_error
        more = {
            **spread.diagnostics,
            "selection_frequency": float((chosen == best).mean()),
        }
        notes += (*spread.notes, *coverage_notes(f"{choice.method}_resampled"))
        if choice.top is not None:
            notes += (
                f"replicates chose among the {choice.top} best models of the data",
            )
    else:
        # The table has the search downhill by its default criterion only.
        usual = choice.method != "downhill" or choice.criterion == "bic"
        notes += (KNOWN_MODEL, *(coverage_notes(choice.method) if usual else ()))
    return SelectedModel(
        estimand="population size",
        unit="persons",
        estimate=total,
        std_error=std_error,
        ci=ci,
        method=choice.method,
        n_obs=n,
        notes=(
            *histories.notes,
            *_rival_notes(fits, choice.criterion, best, chosen),
            *notes,
        ),
        diagnostics={**_diagnostics(fits, choice.criterion, best), **more},
        model=fits.models.name(best),
        criterion=choice.criterion,
        fits=fits,
        replicate_model=chosen,
    )


def _fitted(
    histories: CaptureHistories,
    choice: Choice,
    search: Callable[..., Searched] | None,
) -> tuple[AllModels, Searched | None, tuple[str, ...]]:
    """Return the fits, what was searched if not all models, and that in words."""
    if search is None:
        return fit_all_models(histories, max_order=choice.max_order), None, ()
    found = search(
        histories.dense(), max_order=choice.max_order, criterion=choice.criterion
    )
    fits = fit_models_of(histories, found.models)
    if not fits.estimable.any():
        raise NotEstimableError(
            "Neither independent lists nor any of the models next to them are "
            "estimable: the lists overlap too little. `check_estimability` says what "
            "is missing."
        )
    visited = (
        f"{len(found.models):,} models were visited, not all there are: a better one "
        "may exist, and weights are among those visited"
    )
    return fits, found, (visited,)


def _repeat(
    histories: CaptureHistories,
    fits: AllModels,
    tables: IntMatrix,
    choice: Choice,
    searched: Searched | None,
) -> tuple[AllModels, BestOfTables]:
    """Repeat the choice; models that only other tables chose are fitted as well."""
    criterion, n_jobs = choice.criterion, choice.n_jobs
    if searched is None or choice.top is not None:
        return fits, best_of_tables(
            fits, tables, criterion=criterion, top=choice.top, n_jobs=n_jobs
        )
    models, starts = fits.models, searched.starts
    found = descend_from(
        tables, starts, models.term, criterion=criterion, n_jobs=n_jobs
    )
    least = found.criterion.reshape(len(tables), len(starts)).argmin(axis=1)
    row = np.arange(len(tables)) * len(starts) + least
    none = ~np.isfinite(found.criterion[row])
    member = np.unique(np.vstack([models.member, found.member[row]]), axis=0)
    fits = fit_models_of(histories, replace(models, member=member))
    place = {one.tobytes(): at for at, one in enumerate(member)}
    model = np.array([place[one.tobytes()] for one in found.member[row]])
    return fits, BestOfTables(
        model=np.where(none, -1, model),
        unseen=np.where(none, np.nan, found.unseen[row]),
    )


def _rival_notes(
    fits: AllModels, criterion: Criterion, best: int, chosen: IntVector
) -> list[str]:
    values = fits.criterion(criterion)
    name = criterion.upper()
    notes = [f"selected {fits.models.name(best)}, {name} {values[best]:.2f}"]
    near = np.flatnonzero(np.abs(values - values[best]) <= NEAR)
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


def _diagnostics(fits: AllModels, criterion: Criterion, best: int) -> dict[str, float]:
    return {
        criterion: float(fits.criterion(criterion)[best]),
        "n_parameters": float(fits.n_parameters[best]),
        "weight": float(fits.weights(criterion)[best]),
        "n_models": float(len(fits.models)),
        "n_estimable": float(fits.estimable.sum()),
    }
