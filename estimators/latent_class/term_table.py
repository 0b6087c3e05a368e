"""Terms of a latent class fit: shares or coefficients, then response probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, ndtr, stdtr

from estimators.intervals import critical_value
from estimators.latent_class.information import probability_jacobian

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector
    from estimators.latent_class.climbing import ClassModel, Climb
    from estimators.latent_class.information import FreeParameters
    from estimators.latent_class.latent_fit import ClassRows
    from estimators.latent_class.patterns import ItemScale

__all__ = ["TermTable", "term_table"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TermTable:
    """The columns of `terms`, their covariance and notes."""

    term: tuple[str, ...]
    estimate: FloatVector
    std_error: FloatVector
    statistic: FloatVector
    p_value: FloatVector
    ci_low: FloatVector
    ci_high: FloatVector
    covariance: FloatMatrix
    notes: tuple[str, ...]


def term_table(  # noqa: PLR0917 - what a table shows, by name
    model: ClassModel,
    at: Climb,
    free: FreeParameters,
    scale: ItemScale,
    uncertainty: tuple[FloatMatrix | None, float, float],
    rows: ClassRows,
) -> TermTable:
    """Return the terms; `uncertainty` is the logits' covariance, level and df."""
    covariance, level, df = uncertainty
    jacobian = probability_jacobian(model, at, free)
    k, q = model.n_classes, model.matrix.shape[1]
    names = _response_names(scale, k)
    probability = np.concatenate([at.share(model)[0], at.response.T.ravel()])
    bound = np.concatenate([np.zeros(k, dtype=np.bool_), free.at_bound.T.ravel()])
    bound[:k] = probability[:k] * model.patterns.mass.sum() < 1e-5
    if model.has_covariates:
        head = np.zeros(((k - 1) * q, free.size))
        for place, t in enumerate(free.classes):
            for c in range(q):
                head[(t - 1) * q + c, place * q + c] = 1.0
        jacobian = np.vstack([head, jacobian[k:]])
        estimate = np.concatenate([at.coefficient[:, 1:].T.ravel(), probability[k:]])
        fixed = np.repeat([t not in free.classes for t in range(1, k)], q)
        bound = np.concatenate([fixed, bound[k:]])
        term = [
            f"class {t + 1}: {name}"
            for t in range(1, k)
            for name in rows.covariates.term
        ]
    else:
        estimate = probability
        term = [f"share of class {t + 1}" for t in range(k)]
    n_logits = (k - 1) * q if model.has_covariates else 0
    if k == 1:
        bound[:1] = False  # the share of all persons is 1 and nothing is estimated
    spread, matrix = _spread(jacobian, covariance, bound)
    if k == 1:
        spread[0] = 0.0
    low, high = _limits(estimate, spread, n_logits, critical_value(level, df=df))
    statistic = np.full(estimate.size, np.nan)
    p_value = np.full(estimate.size, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic[:n_logits] = estimate[:n_logits] / spread[:n_logits]
    size = np.abs(statistic[:n_logits])
    p_value[:n_logits] = 2 * (stdtr(df, -size) if np.isfinite(df) else ndtr(-size))
    every = (*term, *names)
    return TermTable(
        term=every,
        estimate=estimate,
        std_error=spread,
        statistic=statistic,
        p_value=p_value,
        ci_low=low,
        ci_high=high,
        covariance=matrix,
        notes=_bound_notes(every, estimate, bound),
    )


def _response_names(scale: ItemScale, n_classes: int) -> tuple[str, ...]:
    return tuple(
        f"{name}={answer}|class {k + 1}"
        for k in range(n_classes)
        for name, answers in zip(scale.names, scale.categories, strict=True)
        for answer in answers
    )


def _spread(
    jacobian: FloatMatrix, covariance: FloatMatrix | None, bound: BoolVector
) -> tuple[FloatVector, FloatMatrix]:
    size = len(jacobian)
    if covariance is None:
        return np.full(size, np.inf), np.full((size, size), np.inf)
    matrix = jacobian @ covariance @ jacobian.T
    matrix[bound, bound] = np.inf
    return np.sqrt(np.maximum(np.diag(matrix), 0)), matrix


def _limits(
    estimate: FloatVector, spread: FloatVector, n_logits: int, reach: float
) -> tuple[FloatVector, FloatVector]:
    """Return Wald limits: of coefficients as they are, of probabilities by logits."""
    low, high = estimate - reach * spread, estimate + reach * spread
    p, se = estimate[n_logits:], spread[n_logits:]
    inner = (p > 0) & (p < 1) & np.isfinite(se)
    with np.errstate(divide="ignore", invalid="ignore"):
        wide = np.where(inner, reach * se / (p * (1 - p)), np.inf)
        low[n_logits:] = np.where(inner, np.minimum(expit(logit(p) - wide), p), 0.0)
        high[n_logits:] = np.where(inner, np.maximum(expit(logit(p) + wide), p), 1.0)
    sure = (se == 0) & ((p == 0) | (p == 1))
    low[n_logits:][sure], high[n_logits:][sure] = p[sure], p[sure]
    return low, high


def _bound_notes(
    names: tuple[str, ...], estimate: FloatVector, bound: BoolVector
) -> tuple[str, ...]:
    if not bound.any():
        return ()
    one = [names[at] for at in np.flatnonzero(bound & (estimate > 0.5))]
    # Where an answer is certain, that the others are impossible goes without saying.
    said = {_item_and_class(name) for name in one}
    zero = [
        names[at]
        for at in np.flatnonzero(bound & (estimate <= 0.5))
        if _item_and_class(names[at]) not in said
    ]
    every = [*(f"{name} (1)" for name in one), *(f"{name} (0)" for name in zero)]
    more = f" and {len(every) - 10} more" if len(every) > 10 else ""
    return (
        f"at the bound, without a standard error: {'; '.join(every[:10])}{more}; "
        "boundary_limits has limits, prior_strength=1 keeps off 0 and 1",
    )


def _item_and_class(name: str) -> tuple[str, str]:
    return name.split("=", maxsplit=1)[0], name.rsplit("|", 1)[-1]
