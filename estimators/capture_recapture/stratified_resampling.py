"""Bootstrap tables of lists and covariates, fitted again, selection included."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture.stratified_fit import (
    StratifiedFit,
    choose_pairs,
    fit_pairs,
    refusal,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, IntMatrix
    from estimators.capture_recapture.stratified_table import StratifiedTable

__all__ = ["Refits", "choose_model", "draw_tables", "refit_tables"]


@dataclass(frozen=True, slots=True, eq=False)
class Refits:
    """Sizes of bootstrap tables.

    Attributes
    ----------
    size : ndarray of shape (tables, strata)
        NaN where the size is not estimable.
    same_terms : int
        Tables in which the same terms were chosen.
    """

    size: FloatMatrix
    same_terms: int


def choose_model(
    table: StratifiedTable, selection: str
) -> tuple[StratifiedFit, tuple[str, ...]]:
    """Choose terms by BIC from main effects, for ``aic`` go on from there by AIC.

    Returns the model and the labels of the terms that were refused.
    """
    fit, refused = choose_pairs(table, penalty=math.log(table.n_observed))
    if selection == "aic":
        fit, more = choose_pairs(table, penalty=2.0, start=fit.pairs)
        refused = tuple(dict.fromkeys((*refused, *more)))
    return fit, refused


def draw_tables(
    table: StratifiedTable,
    fit: StratifiedFit,
    *,
    parametric: bool,
    n_resamples: int,
    rng: np.random.Generator,
) -> IntMatrix:
    """Return tables of shape (n_resamples, cells), with nobody in unseen cells.

    Parametric tables draw the estimated population from the model and keep whom the
    lists see; others draw the observed persons with replacement.
    """
    mean = fit.mean if parametric else table.count
    total = round(float(mean.sum()))
    drawn = rng.multinomial(total, mean / mean.sum(), n_resamples)
    return np.where(table.observable, drawn, 0)


def refit_tables(
    table: StratifiedTable,
    fit: StratifiedFit,
    member: FloatMatrix,
    drawn: IntMatrix,
    selection: str | None,
) -> Refits:
    """Fit the terms of `fit` to every table, or choose terms anew by `selection`."""
    sizes = np.full((len(drawn), len(member)), np.nan)
    same = 0
    for at, count in enumerate(drawn):
        again = replace(table, count=count.astype(np.float64))
        if selection is None:
            refit = fit_pairs(again, fit.pairs)
        else:
            refit, _ = choose_model(again, selection)
        same += set(refit.pairs) == set(fit.pairs)
        if not refusal(again, refit):
            persons = np.where(table.observable, again.count, refit.mean)
            sizes[at] = member @ persons
    return Refits(sizes, same)
