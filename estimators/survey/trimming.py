"""Weights cut at limits, their sum kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from estimators.designs import Design, ReplicateDesign, SurveyDesign
from estimators.designs.calibration import CalibrationStep, TrimStep
from estimators.designs.reweighting import reweight_design
from estimators.errors import InputError
from estimators.survey.calibration import check_whole

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["trim_weights"]


def trim_weights(
    design: Design,
    *,
    lower: float | None = None,
    upper: float | None = None,
) -> SurveyDesign:
    """Cut the weights at limits and share what was cut among the other rows.

    Parameters
    ----------
    design : SurveyDesign of n rows
        Make replicates afterwards: they repeat the steps before, and the cut as it is.
    lower, upper : float, optional
        Least and largest weight allowed.

    Returns
    -------
    SurveyDesign
        With the same sum of weights, all within the limits. Population totals that the
        weights were calibrated to hold no longer exactly, which a note says.

    Raises
    ------
    InputError
        If there is no limit, they cross, or no weights between them have this sum.

    Notes
    -----
    The excess is shared equally among the rows that were not cut, again and again until
    none is outside (survey's ``trimWeights(strict = TRUE)``). Trimming lowers the
    variance and adds bias; the variance takes the cut as fixed.

    References
    ----------
    Potter, F. J. (1990). A study of procedures to identify and trim extreme sampling
    weights. Proceedings of the Section on Survey Research Methods, American
    Statistical Association, 225-230.

    Examples
    --------
    >>> from estimators import survey
    >>> from estimators.survey import SurveyDesign
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"w": [1.0, 2, 3, 8]})
    >>> design = SurveyDesign.from_frame(frame, weights="w")
    >>> survey.trim_weights(design, upper=5).weights.tolist()
    [2.0, 3.0, 4.0, 5.0]
    """
    check_whole(design)
    if isinstance(design, ReplicateDesign):
        raise InputError("Trim the SurveyDesign first, then make replicates of it.")
    low, high = _limits(design, lower, upper)
    weights = _trimmed(design.weights, low, high)
    n_cut = int((np.clip(design.weights, low, high) != design.weights).sum())
    notes = [f"{n_cut} weights were cut to [{low:g}, {high:g}]"]
    if any(isinstance(step, CalibrationStep) for step in design.calibration):
        notes.append("trimming came after calibration: totals are no longer exact")
    step = TrimStep(before=design.weights, ratio=weights / design.weights)
    trimmed = reweight_design(design, step)
    return replace(trimmed, notes=(*design.notes, *notes))


def _trimmed(given: FloatVector, low: float, high: float) -> FloatVector:
    total, weights = given.sum(), given.copy()
    outside = (weights < low) | (weights > high)
    while outside.any():
        weights = np.clip(weights, low, high)
        left = total - weights.sum()
        free = weights < high if left > 0 else weights > low
        takes = free & ~outside if (free & ~outside).any() else free
        if not takes.any():  # rounding alone is left
            break
        weights[takes] += left / takes.sum()
        outside = (weights < low) | (weights > high)
    return weights


def _limits(
    design: SurveyDesign, lower: float | None, upper: float | None
) -> tuple[float, float]:
    low = 0.0 if lower is None else float(lower)
    high = np.inf if upper is None else float(upper)
    if (lower is None and upper is None) or not 0 <= low < high:
        raise InputError(
            f"lower={lower!r} and upper={upper!r}: give a lower limit >= 0, an upper "
            "limit above it, or both."
        )
    mean = float(design.weights.mean())
    if not low < mean < high:
        raise InputError(
            f"The mean weight {mean:g} lies outside [{low:g}, {high:g}]: no weights "
            "within these limits have the same sum."
        )
    return low, high
