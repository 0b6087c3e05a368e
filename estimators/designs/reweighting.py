"""Apply a step to the weights of a design: once, or to every set of replicates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from estimators.designs.calibration import CalibrationStep, Step, TrimStep
from estimators.designs.calibration_solver import solve_ratios
from estimators.designs.labels import list_names, pair_codes
from estimators.errors import NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector
    from estimators.designs.replicate_design import ReplicateDesign
    from estimators.designs.sampling_design import SurveyDesign

__all__ = ["reweight_design", "reweight_replicates", "uncalibrated"]


def uncalibrated(design: SurveyDesign) -> SurveyDesign:
    """Return the design with the weights it had before the first step."""
    if not design.calibration:
        return design
    first = design.calibration[0]
    return replace(design, weights=first.before.copy(), calibration=())


def reweight_design(design: SurveyDesign, step: Step) -> SurveyDesign:
    """Return the design with the weights after a step, and the step in its record."""
    return replace(
        design, weights=_after(step), calibration=(*design.calibration, step)
    )


def reweight_replicates(design: ReplicateDesign, step: Step) -> ReplicateDesign:
    """Return the design with the step repeated on every set of replicate weights.

    Raises
    ------
    NotEstimableError
        If totals cannot be reproduced in some replicates; the message names them.
    """
    if isinstance(step, TrimStep):  # one cut for all: factors stay as they are
        return replace(design, weights=_after(step))
    # Rows of one unit and one value of the variables move together from here on.
    unit, parent = pair_codes(design.unit, step.row)
    _, first = np.unique(unit, return_index=True)
    row: IntVector = step.row[first]
    size = np.bincount(unit, step.before, parent.size).astype(np.float64)
    ratios = _replicate_ratios(step, design.factors, (parent, row, size))
    factors = design.factors[parent] * (ratios / step.ratio[:, None])[row]
    return replace(design, weights=_after(step), factors=factors, unit=unit)


def _after(step: Step) -> FloatVector:
    return step.after if isinstance(step, CalibrationStep) else step.before * step.ratio


def _replicate_ratios(
    step: CalibrationStep,
    factors: FloatMatrix,
    cells: tuple[IntVector, IntVector, FloatVector],
) -> FloatMatrix:
    """Return the ratios of every replicate, shape (distinct, R).

    `cells` are the unit, the distinct row and the sum of weights of each combination.
    """
    parent, row, size = cells
    n_distinct = len(step.matrix)
    ratios = np.empty((n_distinct, factors.shape[1]))
    failed: list[str] = []
    start = np.zeros(step.totals.size)
    for place, factor in enumerate(factors.T):
        weights = np.bincount(row, size * factor[parent], n_distinct).astype(float)
        solution = solve_ratios(
            step.matrix,
            weights,
            step.totals,
            distance=step.distance,
            bounds=step.bounds,
            start=start,
        )
        if solution.converged:
            ratios[:, place] = solution.ratio
        else:
            worst = step.names[int(np.argmax(solution.error))]
            failed.append(f"{place + 1} ({worst})")
    if failed:
        raise NotEstimableError(
            f"{len(failed)} of {factors.shape[1]} replicates cannot reproduce the "
            f"population totals: {list_names(failed)}. A group may be empty in them: "
            "merge small groups, widen the bounds, or take the linearised variance."
        )
    return ratios
