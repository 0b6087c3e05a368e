"""Sizes from a selection that was repeated, failures apart, and their interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture._weighted_bca import weighted_bca
from estimators.errors import NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector, IntVector
    from estimators.results import Interval

__all__ = ["ResampledSizes", "resampled_sizes"]

TIE = 1e-9
# Where more resamples fail, those that are left are no picture of the uncertainty.
LEAST_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResampledSizes:
    """Population sizes of resamples and of the data with one person left out.

    Attributes
    ----------
    estimate : float
    values : ndarray of shape (good resamples,)
    left_out : ndarray of shape (good cells,)
    persons : ndarray of int64, shape (good cells,)
        Persons in the cells of `left_out`.
    good : ndarray of bool, shape (resamples,)
    notes : tuple of str
        Failures in words.
    diagnostics : dict of str to float
        ``n_resamples``, ``n_failed`` and ``bootstrap_mean``.
    """

    estimate: float
    values: FloatVector
    left_out: FloatVector
    persons: IntVector
    good: BoolVector
    notes: tuple[str, ...]
    diagnostics: dict[str, float]

    @property
    def std_error(self) -> float:
        """Standard deviation of the resamples."""
        return float(self.values.std(ddof=1))

    def interval(self, level: float) -> Interval:
        """Return the BCa interval."""
        return weighted_bca(
            self.estimate, self.values, self.left_out, self.persons, level=level
        )


def resampled_sizes(
    estimate: float, replicates: FloatVector, left_out: FloatVector, persons: IntVector
) -> ResampledSizes:
    """Part failures, which are NaN, from sizes and count them.

    Parameters
    ----------
    estimate : float
    replicates : ndarray of shape (resamples,)
    left_out : ndarray of shape (cells,)
        Sizes with one person of the cell left out.
    persons : ndarray of shape (cells,)

    Raises
    ------
    NotEstimableError
        If more than half of the resamples, or all jackknife tables, have no estimate.
    """
    good, kept = np.isfinite(replicates), np.isfinite(left_out)
    failed, lost = int((~good).sum()), int((~kept).sum())
    if good.sum() < max(2, LEAST_SHARE * good.size) or not kept.any():
        raise NotEstimableError(
            f"{failed} of {good.size} resamples and {lost} of {kept.size} jackknife "
            "tables cannot be estimated: the lists overlap too little for a bootstrap, "
            "and what is left of it would look more certain than it is. With "
            "n_resamples=0 the interval takes the selected model as given."
        )
    notes = []
    if failed:
        notes.append(
            f"{failed} of {good.size} resamples cannot be estimated and are left out"
        )
    if lost:
        notes.append(
            f"{lost} of {kept.size} jackknife tables cannot be estimated and are left "
            "out"
        )
    values = replicates[good]
    # The same model on the same margins: a tie, whatever rounding made of it.
    values[np.isclose(values, estimate, rtol=TIE, atol=0)] = estimate
    return ResampledSizes(
        estimate=estimate,
        values=values,
        left_out=left_out[kept],
        persons=persons[kept],
        good=good,
        notes=tuple(notes),
        diagnostics={
            "n_resamples": float(good.size),
            "n_failed": float(failed),
            "bootstrap_mean": float(values.mean()),
        },
    )
