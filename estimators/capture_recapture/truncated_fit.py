"""Maximum likelihood of repeat counts, many samples of the same cells at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, cast

import numpy as np

from estimators.capture_recapture.count_families import FAMILIES, detection
from estimators.capture_recapture.second_order import SecondOrder, variables

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatMatrix, FloatVector, IntVector
    from estimators.capture_recapture.count_cells import CountCells

__all__ = ["EDGE", "Boundary", "Fits", "fit_samples", "model_terms", "sizes"]

# A rate of e^-15 per person needs millions of persons to be told from 0.
EDGE = 15.0
MOST_STEPS = 100
MOST_HALVINGS = 30
LONGEST_STEP = 4.0
SMALLEST_GAIN = 1e-14


class Boundary(IntEnum):
    """Where the maximum lies."""

    INSIDE = 0
    RATE_ZERO = 1
    RATE_INFINITE = 2
    SHAPE_LOW = 3
    SHAPE_HIGH = 4
    NOT_FOUND = 5


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """Fits of `samples` weightings of the cells.

    Attributes
    ----------
    parameters : ndarray of shape (samples, parameters)
        Coefficients, then the family's shape.
    log_likelihood : ndarray of shape (samples,)
    information : ndarray of shape (samples, parameters, parameters)
        Minus the second derivatives.
    boundary : ndarray of int64, shape (samples,)
        Values of `Boundary`.
    direction : ndarray of shape (samples, parameters)
        The last step: where the likelihood still rose.
    """

    parameters: FloatMatrix
    log_likelihood: FloatVector
    information: FloatArray
    boundary: IntVector
    direction: FloatMatrix


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    value: FloatVector
    score: FloatMatrix
    information: FloatArray


def fit_samples(
    name: str, cells: CountCells, weight: FloatMatrix, start: FloatMatrix
) -> Fits:
    """Fit every row of `weight` from its row of `start` by Newton's method.

    Parameters
    ----------
    name : str
        A family.
    cells : CountCells
    weight : ndarray of shape (samples, cells)
        Persons in each cell.
    start : ndarray of shape (samples, parameters)
    """
    family = FAMILIES[name]
    if family.most:
        weight = weight * (cells.y <= family.most)
    scale = np.abs(cells.matrix).max(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    scale = np.append(scale, 1.0) if family.shape else scale
    scaled = cells.matrix / scale[: cells.matrix.shape[1]]
    task = _Task(name, cells.y, scaled)
    theta = start * scale
    boundary = np.full(len(weight), int(Boundary.NOT_FOUND), dtype=np.int64)
    direction = np.zeros_like(theta)
    state = task.evaluate(theta, weight)
    active = np.arange(len(weight))
    for _ in range(MOST_STEPS):
        part = _State(
            state.value[active], state.score[active], state.information[active]
        )
        step = task.step(theta[active], weight[active], part)
        direction[active] = step
        moved = task.climb(theta[active], weight[active], part, step)
        theta[active] = moved[0]
        for field in ("value", "score", "information"):
            getattr(state, field)[active] = getattr(moved[1], field)
        gain = (part.score * step).sum(axis=1)
        done = np.abs(gain) <= SMALLEST_GAIN * (1 + np.abs(part.value))
        edge = task.edge(theta[active], weight[active])
        # A step that cannot be improved on by any fraction has met rounding.
        boundary[active] = np.where(
            edge > 0, edge, np.where(done, 0, int(Boundary.NOT_FOUND))
        )
        active = active[~done & (edge == 0)]
        if not active.size:
            break
    outer = scale[:, None] * scale
    return Fits(
        theta / scale, state.value, state.information * outer, boundary, direction
    )


def sizes(name: str, cells: CountCells, weight: FloatMatrix, fits: Fits) -> FloatMatrix:
    """Return estimated persons by group, shape (samples, groups).

    Infinite where a rate runs to 0 or overdispersion to infinity, NaN where no maximum
    was found.
    """
    family = FAMILIES[name]
    terms = model_terms(name, cells.matrix, fits.parameters)
    person, _ = detection(name, cells.y, terms)
    share = np.where(weight > 0, person.value, 0.0)
    if not family.finite_limit:
        share[(terms[0].value < -EDGE) & (weight > 0)] = np.inf
    if family.shape:
        lost = fits.boundary == Boundary.SHAPE_HIGH
        share[lost] = np.inf if name == "negative_binomial" else np.nan
    share[fits.boundary == Boundary.NOT_FOUND] = np.nan
    with np.errstate(invalid="ignore"):
        persons = np.where(weight > 0, weight * share, 0.0)
    return np.column_stack(
        [
            persons[:, cells.group == group].sum(axis=1)
            for group in range(len(cells.groups))
        ]
    )


def model_terms(
    name: str, matrix: FloatMatrix, theta: FloatMatrix
) -> list[SecondOrder]:
    """Return [eta] or [eta, tau] of every sample and cell, kept where exp is finite."""
    width = matrix.shape[1]
    eta = np.clip(theta[:, :width] @ matrix.T, -40.0, 40.0)
    if not FAMILIES[name].shape:
        return variables([eta])
    return variables([eta, np.clip(theta[:, width:], -40.0, 40.0)])


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    name: str
    y: FloatVector
    matrix: FloatMatrix

    def evaluate(self, theta: FloatMatrix, weight: FloatMatrix) -> _State:
        """Return log likelihood, score and information of every sample."""
        samples, count = theta.shape
        width = self.matrix.shape[1]
        mass = FAMILIES[self.name].log_mass(
            self.y, model_terms(self.name, self.matrix, theta)
        )
        value = (weight * mass.value).sum(axis=1)
        score = np.empty((samples, count))
        score[:, :width] = (weight * mass.gradient[0]) @ self.matrix
        products = (self.matrix[:, :, None] * self.matrix[:, None, :]).reshape(
            len(self.y), -1
        )
        information = np.empty((samples, count, count))
        information[:, :width, :width] = -(
            (weight * mass.hessian[0]) @ products
        ).reshape(samples, width, width)
        if count > width:
            score[:, width] = (weight * mass.gradient[1]).sum(axis=1)
            cross = -(weight * mass.hessian[1]) @ self.matrix
            information[:, :width, width] = cross
            information[:, width, :width] = cross
            information[:, width, width] = -(weight * mass.hessian[2]).sum(axis=1)
        return _State(value, score, information)

    def step(
        self, theta: FloatMatrix, weight: FloatMatrix, state: _State
    ) -> FloatMatrix:
        """Return Newton's step, cut where it would move a rate by more than e^4."""
        step = _solve(
            state.information, state.score, concave=not FAMILIES[self.name].shape
        )
        width = self.matrix.shape[1]
        moves = np.where(weight > 0, np.abs(step[:, :width] @ self.matrix.T), 0.0)
        longest = moves.max(axis=1)
        if theta.shape[1] > width:
            longest = np.maximum(longest, np.abs(step[:, width]))
        return np.asarray(
            step * (LONGEST_STEP / np.maximum(longest, LONGEST_STEP))[:, None]
        )

    def climb(
        self, theta: FloatMatrix, weight: FloatMatrix, state: _State, step: FloatMatrix
    ) -> tuple[FloatMatrix, _State]:
        """Take the step, halved until the likelihood does not fall."""
        theta = theta + step
        found = self.evaluate(theta, weight)
        slack = 1e-12 * (1 + np.abs(state.value))
        share = 1.0
        for _ in range(MOST_HALVINGS):
            fell = np.flatnonzero(~(found.value >= state.value - slack))
            if not fell.size:
                break
            share /= 2
            theta[fell] -= step[fell] * share
            again = self.evaluate(theta[fell], weight[fell])
            found.value[fell] = again.value
            found.score[fell] = again.score
            found.information[fell] = again.information
        return theta, found

    def edge(self, theta: FloatMatrix, weight: FloatMatrix) -> IntVector:
        """Return the boundary that each sample has run into, 0 for none."""
        width = self.matrix.shape[1]
        eta = theta[:, :width] @ self.matrix.T
        low = ((eta < -EDGE) & (weight > 0)).any(axis=1)
        high = ((eta > EDGE) & (weight > 0)).any(axis=1)
        edge = np.where(low, Boundary.RATE_ZERO, 0)
        edge = np.where(high, Boundary.RATE_INFINITE, edge)
        if theta.shape[1] > width:
            edge = np.where(theta[:, width] < -EDGE, Boundary.SHAPE_LOW, edge)
            # Overdispersion grows as the rate vanishes: two names of one boundary.
            most = EDGE / 3 if self.name == "negative_binomial" else np.inf
            high = (theta[:, width] > EDGE) | (low & (theta[:, width] > most))
            edge = np.where(high, Boundary.SHAPE_HIGH, edge)
        return edge.astype(np.int64)


def _solve(
    information: FloatArray, score: FloatMatrix, *, concave: bool
) -> FloatMatrix:
    """Return an ascent step; directions without curvature are not moved along."""
    if concave:
        try:
            step = np.linalg.solve(information, score[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            pass
        else:
            if np.isfinite(step).all():
                return cast("FloatMatrix", step)
    sizes, directions = np.linalg.eigh(information)
    sizes = np.abs(sizes)
    flat = sizes <= 1e-13 * sizes.max(axis=1, keepdims=True)
    inverse = np.where(flat, 0.0, 1 / np.where(flat, 1.0, sizes))
    along = np.einsum("bji,bj->bi", directions, score) * inverse
    return cast("FloatMatrix", np.einsum("bij,bj->bi", directions, along))
