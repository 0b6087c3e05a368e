"""Fit a generalised linear model to a sample, and to each of its replicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import sparse

from estimators.designs import ReplicateDesign, replicate_covariance
from estimators.errors import ConvergenceError, NotEstimableError
from estimators.regression._glm_solver import Cells, distinct_places, solve_all
from estimators.regression.regression_fit import (
    ModelSample,
    inverse_information,
    sampling_covariance,
    score_influence,
)
from estimators.regression.separation import separated_terms

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolVector,
        FloatArray,
        FloatMatrix,
        FloatVector,
        IntVector,
    )
    from estimators.regression.glm_families import Model

__all__ = ["EDGE_NOTE", "GlmEstimate", "fit_glm", "glm_covariance"]

# A mean that far from what it may be, or a replicate that moved a predictor that far,
# raises the suspicion of separation; a linear programme then decides.
_EXTREME = 1e-5
_FAR = 6.0
_ON_EDGE = 1e-6
# Information of a replicate, relative to the full sample's, that is none.
_VANISHED = 1e-9
# Of so many replicates at most may be lost.
_MOST_LOST = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class GlmEstimate:
    """Coefficients, their information, and the same for every replicate."""

    beta: FloatVector
    information: FloatMatrix
    replicates: FloatMatrix | None
    on_edge: bool  # some probability is as large or small as its link lets it be
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Grouped:
    """Distinct rows of covariates and offset, and which one each row of the data is."""

    matrix: FloatMatrix
    offset: FloatVector
    place: IntVector

    def sums(self, value: FloatVector) -> FloatMatrix:
        found = np.bincount(self.place, value, minlength=len(self.matrix))
        return np.asarray(found[:, None], dtype=np.float64)

    def cells(self, weight: FloatMatrix, total: FloatMatrix) -> Cells:
        return Cells(self.matrix, self.offset, weight, total)


def fit_glm(
    sample: ModelSample,
    model: Model,
    *,
    advice: str,
    start: FloatVector | None = None,
) -> GlmEstimate:
    """Maximise the weighted likelihood, and that of every replicate of the design.

    `advice` ends the message of a separated fit.

    Raises
    ------
    NotEstimableError
        If terms have no finite estimate (separation), in the sample or in more than a
        tenth of the replicates.
    ConvergenceError
        If the likelihood could not be maximised.
    """
    rows = sample.rows
    grouped = _group(sample)
    mass = sample.mass
    weight, total = grouped.sums(mass), grouped.sums(mass * rows.outcome)
    cells = grouped.cells(weight, total)
    scale = _dispersion_scale(sample, model)
    if start is None:
        start = _start(sample, model)
    found = solve_all(model, cells, start, scale=scale)
    beta = found.beta[0]
    _refuse_separation(sample, model, cells, beta, advice)
    if not found.converged[0]:
        raise ConvergenceError(
            f"The {model.family} model with {model.link} link was not maximised. Look "
            "for terms on wildly different scales or nearly collinear ones"
            + (
                ", or for means at the edge of what they may be."
                if model.link in {"log", "identity", "inverse"}
                else "."
            )
        )
    eta = grouped.matrix @ beta + grouped.offset
    working = weight[:, 0] * model.slope(eta) * model.pull(eta)
    information = cast(
        "FloatMatrix", (grouped.matrix * working[:, None]).T @ grouped.matrix
    )
    on_edge = model.has_edge and bool((model.room(eta) < _ON_EDGE).any())
    replicates: FloatMatrix | None = None
    notes: tuple[str, ...] = ()
    if isinstance(sample.design, ReplicateDesign) and not on_edge:
        replicates, notes = _replicates(
            sample, model, grouped, (beta, information, scale)
        )
    return GlmEstimate(beta, information, replicates, on_edge, notes)


def glm_covariance(
    sample: ModelSample, model: Model, estimate: GlmEstimate
) -> FloatMatrix:
    """Return the design's covariance: linearised, or from the replicates.

    Infinite where the optimum lies on the edge: no linearisation holds there.
    """
    if estimate.on_edge:
        return np.full((estimate.beta.size, estimate.beta.size), np.inf)
    if isinstance(sample.design, ReplicateDesign) and estimate.replicates is not None:
        return replicate_covariance(estimate.replicates, estimate.beta, sample.design)
    bread = inverse_information(estimate.information)
    scores = score_influence(sample, model, estimate.beta, bread)
    return sampling_covariance(sample, scores)


EDGE_NOTE = (
    "the maximum of the likelihood lies on the edge, where a predicted probability is "
    "1 (or 0): the estimates stand, but no standard error holds there; use "
    'risk_ratio(method="modified_poisson"), or logistic with marginal_effects'
)


def _group(sample: ModelSample) -> _Grouped:
    rows = sample.rows
    joined = np.column_stack([rows.matrix, rows.offset])
    first, place = distinct_places(joined)
    return _Grouped(rows.matrix[first], rows.offset[first], place)


def _start(sample: ModelSample, model: Model) -> FloatVector:
    """Return the coefficients of a model in which everybody has the same mean."""
    rows, mass = sample.rows, sample.mass
    if model.family == "poisson" and model.link == "log":
        exposure = np.exp(rows.offset - rows.offset.max())
        level = np.log(mass @ rows.outcome / (mass @ exposure)) - rows.offset.max()
        target = np.full(len(mass), level)
    else:
        target = (
            model.start(float(np.average(rows.outcome, weights=mass))) - rows.offset
        )
    solution = np.linalg.lstsq(rows.matrix, target, rcond=None)[0]
    return np.asarray(solution, dtype=np.float64)


def _dispersion_scale(sample: ModelSample, model: Model) -> float:
    if model.family != "gaussian":
        return 1.0
    mass, outcome = sample.mass, sample.rows.outcome
    away = outcome - np.average(outcome, weights=mass)
    return float(np.average(away**2, weights=mass))


def _refuse_separation(
    sample: ModelSample, model: Model, cells: Cells, beta: FloatVector, advice: str
) -> None:
    if model.family not in {"binomial", "poisson"} or model.link == "identity":
        return
    eta = cells.matrix @ beta + cells.offset
    with np.errstate(all="ignore"):
        low = model.mean(eta)
        edge = low
        if model.family == "binomial" and model.link != "log":
            edge = np.minimum(low, 1 - low)
    level = np.average(sample.rows.outcome, weights=sample.mass)
    if not (edge < _EXTREME * min(level, 1.0)).any():
        return
    infinite = _separated(model, cells, 0)
    if infinite.size:
        names = ", ".join(sample.rows.term[place] for place in infinite)
        raise NotEstimableError(
            f"The maximum likelihood estimates of {names} are infinite (separation: "
            f"persons of some category all have, or all lack, the outcome). {advice}"
        )


def _separated(model: Model, cells: Cells, fit: int) -> IntVector:
    """Return the terms without a finite estimate in one of the fits."""
    weight, total = cells.weight[:, fit], cells.total[:, fit]
    if model.family == "binomial" and model.link != "log":
        return separated_terms(cells.matrix, weight, total)
    # A mean without upper bound: rows without events pull towards minus infinity, rows
    # with events hold their place as rows of both outcomes do in a logistic model.
    return separated_terms(
        cells.matrix, np.where(weight > 0, 2.0, 0.0), np.where(total > 0, 1.0, 0.0)
    )


def _replicates(
    sample: ModelSample,
    model: Model,
    grouped: _Grouped,
    full: tuple[FloatVector, FloatMatrix, float],
) -> tuple[FloatMatrix, tuple[str, ...]]:
    beta, information, scale = full
    design = sample.design
    if not isinstance(design, ReplicateDesign):
        raise NotEstimableError("The design has no replicates.")
    weight = _by_unit(sample, design, grouped, sample.mass) @ design.factors
    outcome = sample.mass * sample.rows.outcome
    total = _by_unit(sample, design, grouped, outcome) @ design.factors
    cells = grouped.cells(weight, total)
    found = solve_all(model, cells, beta, scale=scale)
    lost = ~found.converged | _undetermined(found.information, information)
    moved = np.abs(grouped.matrix @ (found.beta - beta).T)
    far = (moved * (weight > 0)).max(axis=0) > _FAR
    if model.family in {"binomial", "poisson"} and model.link != "identity":
        for fit in np.flatnonzero(far & ~lost):
            lost[fit] = _separated(model, cells, int(fit)).size > 0
    if not lost.any():
        return found.beta, ()
    return _without_lost(found.beta, beta, lost, design)


def _undetermined(each: FloatArray, full: FloatMatrix) -> BoolVector:
    """Return the fits whose information vanishes along some direction of the full."""
    whitener = np.linalg.inv(np.linalg.cholesky(full))
    relative = whitener @ np.nan_to_num(each) @ whitener.T
    smallest = np.linalg.eigvalsh(relative)[:, 0]
    return np.asarray(~(smallest > _VANISHED))


def _by_unit(
    sample: ModelSample,
    design: ReplicateDesign,
    grouped: _Grouped,
    value: FloatVector,
) -> sparse.csr_array:
    """Return sums by distinct row and unit of the replicate weights, sparse."""
    unit = design.unit[sample.rows.kept]
    shape = (len(grouped.matrix), len(design.factors))
    used = value != 0
    return sparse.csr_array(
        (value[used], (grouped.place[used], unit[used])), shape=shape
    )


def _without_lost(
    replicates: FloatMatrix,
    beta: FloatVector,
    lost: BoolVector,
    design: ReplicateDesign,
) -> tuple[FloatMatrix, tuple[str, ...]]:
    """Put lost replicates at the centre and scale the others up for them."""
    share = float(
        (design.replicate_scales * ~lost).sum() / design.replicate_scales.sum()
    )
    number = int(lost.sum())
    if number > _MOST_LOST * lost.size:
        raise NotEstimableError(
            f"{number} of {lost.size} replicates have no finite estimate (separation "
            "in the replicate): there is no variance from replicates. Fit fewer terms, "
            "pool categories, or take the linearised variance of a SurveyDesign."
        )
    kept = replicates[~lost]
    centre = beta if design.mse else kept.mean(axis=0)
    filled = np.repeat(centre[None, :], lost.size, axis=0)
    filled[~lost] = centre + (kept - centre) / np.sqrt(share)
    note = (
        f"{number} of {lost.size} replicates have no finite estimate (separation) and "
        "are left out, the others scaled up: the variance may be too small"
    )
    return filled, (note,)
