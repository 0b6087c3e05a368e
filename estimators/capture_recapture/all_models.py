"""Every hierarchical model fitted to one table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.special import gammaln

from estimators.capture_recapture._extended_likelihood import fit_extended
from estimators.capture_recapture.hierarchies import Hierarchies, hierarchical_models
from estimators.errors import NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolVector,
        FloatMatrix,
        FloatVector,
        IntMatrix,
        IntVector,
    )
    from estimators.capture_recapture.hierarchies import BoolMatrix
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = [
    "AllModels",
    "Criterion",
    "fit_all_models",
    "fit_models_of",
    "fit_padded",
    "padded_terms",
    "penalty",
]

Criterion = Literal["bic", "aic"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AllModels:
    """Hierarchical models with their fits to one table.

    Attributes
    ----------
    models : Hierarchies
    n_observed : int
    n_parameters : ndarray of int64, shape (models,)
        Intercept and parameters at minus infinity counted.
    estimable : ndarray of bool, shape (models,)
        Whether an extended estimate exists and is unique.
    log_likelihood, unseen, std_error : ndarray of float64, shape (models,)
        NaN unless estimable; persons on no list, and the standard error of the
        population's size with the model taken as known.
    starts : ndarray of float64, shape (models, 2 ** lists)
        Parameters by term.
    """

    models: Hierarchies
    n_observed: int
    n_parameters: IntVector
    estimable: BoolVector
    log_likelihood: FloatVector
    unseen: FloatVector
    std_error: FloatVector
    starts: FloatMatrix

    def __post_init__(self) -> None:
        for name in ("n_parameters", "estimable", "log_likelihood", "unseen", "starts"):
            getattr(self, name).setflags(write=False)
        self.std_error.setflags(write=False)

    def criterion(self, name: Criterion) -> FloatVector:
        """Return BIC (n = persons observed) or AIC; NaN where not estimable."""
        price = penalty(name, self.n_observed)
        return np.asarray(price * self.n_parameters - 2 * self.log_likelihood)

    def ranking(self, name: Criterion) -> IntVector:
        """Return the estimable models, best first."""
        values = self.criterion(name)
        return np.argsort(values, kind="stable")[: np.count_nonzero(self.estimable)]

    def weights(self, name: Criterion) -> FloatVector:
        """Return exp(-criterion / 2) over its sum; 0 where not estimable."""
        values = self.criterion(name)
        share = np.exp(-(values - np.nanmin(values)) / 2)
        share[~self.estimable] = 0.0
        return np.asarray(share / share.sum())

    def to_frame(
        self, name: Criterion = "bic", *, among: BoolVector | None = None
    ) -> pd.DataFrame:
        """Return one row per estimable model, best first; `among` (models,) picks.

        Columns: model, estimate and std_error in persons, n_parameters, the criterion
        under its name, difference from the best, weight.
        """
        order = self.ranking(name)
        if among is not None:
            order = order[among[order]]
        criterion = self.criterion(name)
        values = criterion[order]
        return pd.DataFrame(
            {
                "model": [self.models.name(place) for place in order.tolist()],
                "estimate": self.n_observed + self.unseen[order],
                "std_error": self.std_error[order],
                "n_parameters": self.n_parameters[order],
                name: values,
                "difference": values - np.nanmin(criterion),
                "weight": self.weights(name)[order],
            }
        )


def penalty(name: Criterion, n_observed: int) -> float:
    """Return the price of one parameter."""
    return math.log(n_observed) if name == "bic" else 2.0


def fit_all_models(
    histories: CaptureHistories, *, max_order: int | None = None
) -> AllModels:
    """Fit every hierarchical model that holds all main effects.

    Extended maximum likelihood: parameters whose margin is empty are at minus infinity
    and their cells are left out. A model whose estimate does not exist or is not unique
    is marked and has no numbers.

    Parameters
    ----------
    histories : CaptureHistories
    max_order : int, optional
        As for `hierarchical_models`.

    Returns
    -------
    AllModels

    Raises
    ------
    InputError
        If there are too many models.
    NotEstimableError
        If no model is estimable.

    References
    ----------
    Chan, L., Silverman, B. W. and Vincent, K. (2021). Multiple systems estimation for
    sparse capture data: inferential challenges when there are nonoverlapping lists.
    Journal of the American Statistical Association 116, 1297-1306.
    https://doi.org/10.1080/01621459.2019.1708748

    Fienberg, S. E. and Rinaldo, A. (2012). Maximum likelihood estimation in log-linear
    models. The Annals of Statistics 40, 996-1023. https://doi.org/10.1214/12-AOS986

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories
    >>> korea = CaptureHistories.from_counts(
    ...     {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
    ... )
    >>> table = fit_all_models(korea).to_frame()
    >>> table["model"].tolist()[:2], table["bic"].round(2).tolist()[:2]
    (['[12,23]', '[12,3]'], [57.14, 58.97])
    """
    models = hierarchical_models(histories.n_lists, max_order=max_order)
    fits = fit_models_of(histories, models)
    if not fits.estimable.any():
        raise NotEstimableError(
            f"None of the {len(models)} hierarchical models is estimable: the lists "
            "overlap too little. `check_estimability` says what is missing."
        )
    return fits


def fit_models_of(histories: CaptureHistories, models: Hierarchies) -> AllModels:
    """Fit given hierarchical models as `fit_all_models` does; none need be estimable.

    Parameters
    ----------
    histories : CaptureHistories
    models : Hierarchies
    """
    counts = histories.dense()
    padded, sizes = padded_terms(models.member, models.term)
    starts, results, estimable = fit_padded(counts, padded, sizes)
    constant = float(gammaln(counts + 1.0).sum())
    unseen = results[:, 1].copy()
    with np.errstate(invalid="ignore"):
        std_error = np.sqrt(unseen + unseen**2 * results[:, 2])
    return AllModels(
        models=models,
        n_observed=histories.n_observed,
        n_parameters=sizes + 1,
        estimable=estimable,
        log_likelihood=results[:, 0] - constant,
        unseen=unseen,
        std_error=std_error,
        starts=starts,
    )


def padded_terms(member: BoolMatrix, term: IntVector) -> tuple[IntMatrix, IntVector]:
    """Return the terms of every model, shape (models, most terms), and how many."""
    sizes = member.sum(axis=1, dtype=np.int64)
    place = member.cumsum(axis=1) - 1
    rows, columns = np.nonzero(member)
    padded = np.zeros((len(member), int(sizes.max())), dtype=np.int64)
    padded[rows, place[rows, columns]] = term[columns]
    return padded, sizes


def fit_padded(
    counts: IntVector, terms: IntMatrix, sizes: IntVector
) -> tuple[FloatMatrix, FloatMatrix, BoolVector]:
    """Fit the models and settle which are estimable.

    Returns
    -------
    tuple of ndarray
        Parameters by term (models, 2 ** lists); log-likelihood without constant,
        persons unseen, variance of the intercept and code (models, 4); which models are
        estimable. Numbers of the others are NaN.
    """
    from estimators.capture_recapture._kernels_all_models import fit_models
    from estimators.capture_recapture._kernels_lattice import NOT_SETTLED, SURE

    starts = np.empty((sizes.size, counts.size))
    results = np.empty((sizes.size, 4))
    fit_models(counts.astype(np.float64), terms, sizes, starts, results)
    for model in np.flatnonzero(results[:, 3] == NOT_SETTLED).tolist():
        fit = fit_extended(
            counts,
            terms[model, : sizes[model]].tolist(),
            int(counts.size).bit_length() - 1,
        )
        finite = np.isfinite(fit.coefficients)
        starts[model, np.array(fit.terms)[finite]] = fit.coefficients[finite]
        results[model] = (
            fit.log_likelihood + gammaln(counts + 1.0).sum(),
            fit.unseen,
            fit.covariance[0, 0],
            SURE,
        )
    estimable = results[:, 3] == SURE
    starts[~estimable] = np.nan
    results[~estimable, :3] = np.nan
    return starts, results, estimable
