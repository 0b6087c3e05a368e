"""What an ordinal model is asked: its arrays, its names, and its maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.special import logit

from estimators.errors import InputError, NotEstimableError
from estimators.regression._cumulative_model import (
    CumulativeCells,
    CumulativeState,
    cumulative_rows,
    maximise_cumulative,
)
from estimators.regression.design_inference import weights_of_mean_one
from estimators.regression.model_rows import term_columns
from estimators.regression.separation import separated_terms

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector
    from estimators.designs import Design
    from estimators.regression.ordinal_outcome import OrdinalData

__all__ = ["OrdinalProblem", "fit_ordinal", "ordinal_problem"]


@dataclass(frozen=True, slots=True, eq=False)
class OrdinalProblem:
    """The data, how they were sampled, and what is asked of them."""

    data: OrdinalData
    design: Design | None
    weight: FloatVector
    matrix: FloatMatrix  # without constant
    free: BoolVector
    names: tuple[str, ...]

    @property
    def mass(self) -> FloatVector:
        """Weight times number of persons of each row."""
        return np.asarray(self.weight * self.data.rows.frequency)

    @property
    def thresholds(self) -> int:
        """Number of thresholds."""
        return len(self.data.levels) - 1

    @property
    def common(self) -> int:
        """Number of covariates with one coefficient for all thresholds."""
        return int((~self.free).sum())

    def cells(self, mass: FloatVector) -> CumulativeCells:
        """Return the cells of equal covariates and category."""
        joined = np.column_stack([self.matrix, self.data.category])
        found = np.unique(joined, axis=0, return_inverse=True)
        rows, place = cast("tuple[FloatMatrix, IntVector]", found)
        return cumulative_rows(
            rows[:, :-1],
            rows[:, -1].astype(np.int64),
            np.bincount(place, mass, minlength=len(rows)).astype(np.float64),
            categories=self.thresholds + 1,
            free=self.free,
        )

    def persons(self) -> CumulativeCells:
        """Return one cell per person's row."""
        return cumulative_rows(
            self.matrix,
            self.data.category,
            self.mass,
            categories=self.thresholds + 1,
            free=self.free,
        )


def ordinal_problem(
    data: OrdinalData,
    design: Design | None,
    nonproportional: str | Sequence[str] | None,
) -> OrdinalProblem:
    """Name the parameters and scale the weights to mean 1."""
    rows = data.rows
    weight = weights_of_mean_one(design, rows)
    slopes = rows.slopes
    if not slopes.size:
        raise InputError(
            "An ordinal model needs at least one term beside its thresholds."
        )
    free = np.zeros(slopes.size, dtype=bool)
    if nonproportional is not None:
        free = np.isin(slopes, term_columns(rows, nonproportional))
    steps = [
        f"{low}|{high}"
        for low, high in zip(data.levels[:-1], data.levels[1:], strict=True)
    ]
    term = [rows.term[place] for place in slopes]
    names = (
        *(name for name, own in zip(term, free, strict=True) if not own),
        *steps,
        *(
            f"{name} at {step}"
            for name, own in zip(term, free, strict=True)
            if own
            for step in steps
        ),
    )
    return OrdinalProblem(data, design, weight, rows.matrix[:, slopes], free, names)


def fit_ordinal(problem: OrdinalProblem, mass: FloatVector) -> CumulativeState:
    """Maximise the likelihood at each row's mass; refuse separation by name."""
    cells = problem.cells(mass)
    _refuse_separation(problem, cells)
    shares = np.bincount(problem.data.category, mass) / mass.sum()
    start = np.zeros(len(problem.names))
    place = slice(problem.common, problem.common + problem.thresholds)
    start[place] = logit(np.cumsum(shares)[:-1])
    return maximise_cumulative(cells, start)


def _refuse_separation(problem: OrdinalProblem, cells: CumulativeCells) -> None:
    """Raise if along some direction no person's probability falls.

    A person's upper predictor may only rise and the lower one only fall: the same
    linear programme as for a 0/1 outcome, on both predictors of every person.
    """
    used = cells.mass > 0
    upper = cells.upper[used & cells.has_upper]
    lower = cells.lower[used & cells.has_lower]
    found = np.unique(np.vstack([upper, lower]), axis=0, return_inverse=True)
    rows, place = cast("tuple[FloatMatrix, IntVector]", found)
    trials = np.bincount(place).astype(np.float64)
    events = np.bincount(place[: len(upper)], minlength=len(rows)).astype(np.float64)
    infinite = separated_terms(rows, trials, events)
    if infinite.size:
        names = ", ".join(problem.names[place] for place in infinite)
        raise NotEstimableError(
            f"The maximum likelihood estimates of {names} are infinite (separation: "
            "persons of some category of a term are all at one end of the scale). Pool "
            "categories, drop the term, or use firth_logistic on one threshold, for "
            "example frame['y'] = frame['tier'] >= 'exploited'."
        )
