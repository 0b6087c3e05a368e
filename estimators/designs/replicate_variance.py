"""Variance from replicates: of anything, and of totals and ratios of domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import (
        FloatArray,
        FloatMatrix,
        FloatVector,
        IntVector,
    )
    from estimators.designs.replicate_design import ReplicateDesign

__all__ = ["domain_replicate_covariance", "replicate_covariance", "replicate_totals"]


def replicate_covariance(
    replicates: FloatArray, full: FloatArray, design: ReplicateDesign
) -> FloatMatrix:
    """Return the covariance of k estimates from their replicates.

    Parameters
    ----------
    replicates : ndarray of shape (R, k)
        The estimates under every set of replicate weights.
    full : ndarray of shape (k,)
        The estimates under the sampling weights; the centre if ``design.mse``.
    design : ReplicateDesign

    Returns
    -------
    ndarray of shape (k, k)
        ``scale * sum_r scale_r (t_r - c)(t_r - c)'``.

    Raises
    ------
    InputError
        If the shapes do not fit the design.
    NotEstimableError
        If an estimate is missing or infinite in some replicates.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from estimators.designs import SurveyDesign, replicate_covariance, to_replicates
    >>> frame = pd.DataFrame({"y": [1.0, 2.0, 6.0]})
    >>> design = to_replicates(SurveyDesign.from_frame(frame), kind="JK1")
    >>> means = design.replicate_weights.T @ frame[["y"]].to_numpy() / 3
    >>> covariance = replicate_covariance(means, np.array([3.0]), design)
    >>> float(np.round(covariance[0, 0], 6))  # s2 / n
    2.333333
    """
    values = np.asarray(replicates, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    centre = np.atleast_1d(np.asarray(full, dtype=np.float64))
    if values.shape != (design.n_replicates, centre.size):
        raise InputError(
            f"replicates of shape {np.shape(replicates)} and {centre.size} estimates "
            f"do not fit {design.n_replicates} replicates."
        )
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any() or not np.isfinite(centre).all():
        raise NotEstimableError(
            f"{int(wrong.sum())} of {wrong.size} replicates (or the full sample) give "
            "no finite estimate, so that there is no variance from replicates."
        )
    away = values - (centre if design.mse else values.mean(axis=0))
    away *= np.sqrt(design.scale * design.replicate_scales)[:, None]
    covariance: FloatMatrix = away.T @ away
    return covariance


def replicate_totals(
    design: ReplicateDesign,
    values: FloatVector,
    code: IntVector | None = None,
    n_domains: int = 1,
) -> FloatMatrix:
    """Return the weighted total of values in every replicate and domain.

    Parameters
    ----------
    design : ReplicateDesign
    values : ndarray of shape (n,)
        Not weighted.
    code : ndarray of shape (n,), optional
        Domain of each row, -1 for none; without it all rows of the design's domain.
    n_domains : int

    Returns
    -------
    ndarray of shape (R, n_domains)
    """
    place = np.zeros(len(design), dtype=np.int64) if code is None else code
    rows = np.flatnonzero((place >= 0) & design.domain)
    weighted = design.weights[rows] * values[rows]
    cell = design.unit[rows] * np.int64(n_domains) + place[rows]
    by_unit = np.bincount(cell, weighted, minlength=len(design.factors) * n_domains)
    totals: FloatMatrix = design.factors.T @ by_unit.reshape(-1, n_domains)
    return totals


def domain_replicate_covariance(
    design: ReplicateDesign,
    parts: tuple[FloatVector, FloatVector | None],
    code: IntVector,
    full: FloatVector,
) -> tuple[FloatMatrix, IntVector]:
    """Return the joint covariance of one total or ratio of totals per domain.

    Parameters
    ----------
    design : ReplicateDesign
    parts : pair of ndarray of shape (n,)
        Values of the numerator and of the denominator; None for a plain total.
    code : ndarray of shape (n,)
        Domain of each row, -1 for none.
    full : ndarray of shape (n_domains,)
        Estimates under the sampling weights.

    Returns
    -------
    covariance : ndarray of shape (n_domains, n_domains)
    n_lost : ndarray of shape (n_domains,)
        Replicates with a denominator of zero. They count as if they had the centre's
        value, and the others are scaled up for them.
    """
    numerator, denominator = parts
    values = replicate_totals(design, numerator, code, full.size)
    lost = np.zeros(values.shape, dtype=bool)
    if denominator is not None:
        base = replicate_totals(design, denominator, code, full.size)
        lost = base == 0
        values = values / np.where(lost, 1.0, base)
    n_lost: IntVector = lost.sum(axis=0)
    if n_lost.any():
        kept = np.where(lost, 0.0, 1.0)
        values *= kept
        mean = values.sum(axis=0) / np.maximum(kept.sum(axis=0), 1)
        centre = full if design.mse else mean
        scales = design.replicate_scales
        share = (scales @ kept) / scales.sum()
        inflate = np.divide(1, np.sqrt(share), np.ones_like(share), where=share > 0)
        values = centre + kept * (values - centre) * inflate
    return replicate_covariance(values, full, design), n_lost
