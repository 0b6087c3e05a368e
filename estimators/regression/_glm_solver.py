"""Fisher scoring of many weighted fits at once, over distinct covariate rows.

The score of a generalised linear model is linear in the outcome: fits that differ in
their weights alone (replicates of a survey) need, per distinct row of covariates and
offset, only the sum of weights and the sum of weighted outcomes. All fits then step
together: products of (rows, terms) with (rows, fits) matrices, and small solves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolVector,
        FloatArray,
        FloatMatrix,
        FloatVector,
        IntVector,
    )
    from estimators.regression.glm_families import Model

__all__ = ["Cells", "Solution", "distinct_places", "solve_all"]

# Squared length of a step in standard errors after which no digit moves.
_SMALL = 1e-20
# A step that short may stop where rounding keeps it from shrinking further.
_ROUNDING = 1e-14
# With a canonical link convergence is quadratic: after such a step 1e-11 is left.
_SMALL_CANONICAL = 1e-11
# A step that moves predictors less needs no look at the likelihood.
_TRUSTED = 1.0
_HALVINGS = 40
# Below this share of fits still on their way, the others are left behind.
_WORTH_A_COPY = 0.6
# Persons added to a cell as a barrier, and how near the edge a fit counts as on it.
_BARRIERS = (1e-1, 1e-3, 1e-5, 1e-7, 1e-9)
_NEAR_EDGE = 1e-5
_BLOCK = 250_000  # cells (rows x fits) at once: what stays in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Distinct rows: matrix (g, k), offset (g,), weight and total (g, fits)."""

    matrix: FloatMatrix
    offset: FloatVector
    weight: FloatMatrix
    total: FloatMatrix


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Coefficients (fits, k), which fits converged (fits,), information (fits, k, k).

    The information is that of the last step's start: equal to all digits that count.
    """

    beta: FloatMatrix
    converged: BoolVector
    information: FloatArray


def distinct_places(matrix: FloatMatrix) -> tuple[IntVector, IntVector]:
    """Return the first row of each distinct row, and the place of every row.

    Rows are sorted by one random combination of their columns; whether equal
    combinations mean equal rows is then checked, so that the answer is exact.
    """
    angle = np.cos(np.arange(1.0, matrix.shape[1] + 1))
    length = np.abs(matrix).max(axis=0)
    mark = (matrix / np.where(length > 0, length, 1.0)) @ angle
    _, first, place = np.unique(mark, return_index=True, return_inverse=True)
    if not np.array_equal(matrix[first][place], matrix):
        _, first, place = np.unique(
            matrix, axis=0, return_index=True, return_inverse=True
        )
    return first.astype(np.int64), place.ravel().astype(np.int64)


def solve_all(
    model: Model,
    cells: Cells,
    start: FloatVector,
    *,
    scale: float = 1.0,
    most: int = 60,
) -> Solution:
    """Maximise every fit's likelihood from a common start, shape (k,).

    `scale` is a dispersion: steps are measured in standard errors.
    """
    fits = cells.weight.shape[1]
    beta = np.repeat(start[:, None], fits, axis=1)
    converged = np.zeros(fits, dtype=bool)
    information = np.zeros((fits, start.size, start.size))
    step = max(1, _BLOCK // max(len(cells.matrix), 1))
    for first in range(0, fits, step):
        block = slice(first, first + step)
        part = Cells(
            cells.matrix,
            cells.offset,
            cells.weight[:, block],
            cells.total[:, block],
        )
        search = _Search(model, part, _products(cells.matrix), scale)
        if model.has_edge:
            found = _kept_off_edge(search, beta[:, block], most)
        else:
            found = search.run(beta[:, block], most)
        beta[:, block], converged[block], information[block] = found
    return Solution(np.ascontiguousarray(beta.T), converged, information)


def _kept_off_edge(
    search: _Search, beta: FloatMatrix, most: int
) -> tuple[FloatMatrix, BoolVector, FloatArray]:
    """Maximise where probabilities may reach 0 or 1, by ever weaker barriers.

    The likelihood keeps off the edge by itself, except in cells all of whose persons
    have the outcome (or, for an identity link, none). There a little of a person with
    the other outcome is added, less and less: the logarithmic barrier of a concave
    programme, whose solution tends to the maximum, be it inside or on the edge.
    """
    for strength in _BARRIERS:
        beta, converged, information = _with_barrier(search, strength).run(beta, most)
    room = search.model.room(search.predictor(beta))
    inside = np.asarray(((room > _NEAR_EDGE) | (search.cells.weight <= 0)).all(axis=0))
    if inside.any():
        polished = search.run(beta, most)
        better = inside & polished[1]
        beta = np.where(better, polished[0], beta)
        converged = converged | better
        information = np.where(better[:, None, None], polished[2], information)
    return beta, converged, information


def _with_barrier(search: _Search, strength: float) -> _Search:
    cells = search.cells
    used = cells.weight > 0
    every = used & (cells.total >= cells.weight * (1 - 1e-12))
    weight, total = cells.weight + strength * every, cells.total
    if search.model.link == "identity":
        none = used & (cells.total <= 0)
        weight, total = weight + strength * none, total + strength * none
    changed = Cells(cells.matrix, cells.offset, weight, total)
    return _Search(search.model, changed, search.products, search.scale)


def _products(matrix: FloatMatrix) -> FloatMatrix:
    """Return the products of pairs of columns, shape (k (k + 1) / 2, g)."""
    upper = np.triu_indices(matrix.shape[1])
    return np.ascontiguousarray((matrix[:, upper[0]] * matrix[:, upper[1]]).T)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    model: Model
    cells: Cells
    products: FloatMatrix
    scale: float

    def run(
        self, beta: FloatMatrix, most: int
    ) -> tuple[FloatMatrix, BoolVector, FloatArray]:
        terms, fits = beta.shape
        beta = beta.copy()
        converged, failed = np.zeros(fits, dtype=bool), np.zeros(fits, dtype=bool)
        informations = np.zeros((fits, terms, terms))
        last = np.full(fits, np.inf)
        search, index = self, np.arange(fits)
        # Fits with a common start share its predictor, one column for all of them.
        shared = bool((beta == beta[:, :1]).all())
        eta = self.predictor(beta[:, :1] if shared else beta)
        for _ in range(most):
            step, length, information = search.step(eta)
            lost = ~(length > -_SMALL)  # NaN, or not positive definite
            frozen = converged[index] | failed[index]
            step[:, lost | frozen] = 0.0
            delta, stuck = search.shorten(eta, step)
            beta[:, index] += step
            eta = eta + delta
            informations[index[~frozen]] = information[~frozen]
            small = length < (_SMALL_CANONICAL if search.model.canonical else _SMALL)
            floor = (length < _ROUNDING) & (length > 0.25 * last[index])
            converged[index] |= (small | floor) & ~lost & ~frozen
            failed[index] |= (lost | stuck) & ~converged[index]
            last[index] = length
            going = ~(converged | failed)[index]
            if not going.any():
                break
            if going.mean() < _WORTH_A_COPY:
                search, index, eta = search.only(going), index[going], eta[:, going]
        return beta, converged, informations

    def only(self, fits: BoolVector | IntVector) -> _Search:
        cells = Cells(
            self.cells.matrix,
            self.cells.offset,
            self.cells.weight[:, fits],
            self.cells.total[:, fits],
        )
        return _Search(self.model, cells, self.products, self.scale)

    def predictor(self, beta: FloatMatrix) -> FloatMatrix:
        eta: FloatMatrix = self.cells.matrix @ beta
        eta += self.cells.offset[:, None]
        return eta

    def step(self, eta: FloatMatrix) -> tuple[FloatMatrix, FloatVector, FloatArray]:
        """Return the step (k, fits), its squared length (fits,) and the information."""
        model, cells = self.model, self.cells
        with np.errstate(all="ignore"):
            mean, pull, unit = model.parts(eta)
            residual = cells.weight * mean
            np.subtract(cells.total, residual, out=residual)
            if pull is not None:
                residual *= pull
            score = cells.matrix.T @ residual
            working = (
                model.working(eta, cells.weight, cells.total)
                if model.has_edge
                else np.multiply(cells.weight, unit, out=residual)
            )
            packed = self.products @ working
        terms, fits = score.shape
        information = np.empty((fits, terms, terms))
        upper = np.triu_indices(terms)
        information[:, upper[0], upper[1]] = packed.T
        information[:, upper[1], upper[0]] = packed.T
        step = _solve_each(information, score.T)
        length = np.asarray((step * score.T).sum(axis=1)) / self.scale
        return np.ascontiguousarray(step.T), length, information

    def value(self, eta: FloatMatrix) -> tuple[FloatVector, BoolVector]:
        """Return every fit's likelihood and whether its means are possible."""
        used = self.cells.weight > 0
        possible = np.asarray((self.model.valid(eta) | ~used).all(axis=0))
        with np.errstate(all="ignore"):
            each = self.model.log_likelihood(eta, self.cells.weight, self.cells.total)
        return np.asarray(np.where(used, each, 0.0).sum(axis=0)), possible

    def shorten(
        self, eta: FloatMatrix, step: FloatMatrix
    ) -> tuple[FloatMatrix, BoolVector]:
        """Halve, in place, steps that lead downhill or out of bounds.

        Returns the change of the predictor, and which fits found no step at all. Steps
        that move no predictor by more than 1 need no look at the likelihood.
        """
        delta: FloatMatrix = self.cells.matrix @ step
        stuck = np.zeros(step.shape[1], dtype=bool)
        far = np.maximum(delta.max(axis=0), -delta.min(axis=0)) > _TRUSTED
        doubtful = np.flatnonzero(far | self._bounded())
        if not doubtful.size:
            return delta, stuck
        search = self.only(doubtful)
        base = eta if eta.shape[1] == 1 else eta[:, doubtful]
        here, _ = search.value(np.broadcast_to(base, (len(eta), doubtful.size)))
        slack = 1e-12 * (1.0 + np.abs(here))
        share = np.ones(doubtful.size)
        bad = np.ones(doubtful.size, dtype=bool)
        for _ in range(_HALVINGS):
            there, possible = search.value(base + delta[:, doubtful] * share)
            bad = ~(possible & (there >= here - slack))
            if not bad.any():
                break
            share[bad] *= 0.5
        share[bad] = 0.0
        stuck[doubtful] = bad
        step[:, doubtful] *= share
        delta[:, doubtful] *= share
        return delta, stuck

    def _bounded(self) -> bool:
        family, link = self.model.family, self.model.link
        if family == "gaussian":
            return False
        return link in {"identity", "inverse"} or (family, link) == ("binomial", "log")


def _solve_each(information: FloatArray, score: FloatMatrix) -> FloatMatrix:
    """Solve every fit's equations; NaN for a fit without a unique solution."""
    usable = np.isfinite(information).all(axis=(1, 2)) & np.isfinite(score).all(axis=1)
    step = np.full(score.shape, np.nan)
    try:
        step[usable] = np.linalg.solve(information[usable], score[usable, :, None])[
            ..., 0
        ]
    except np.linalg.LinAlgError:
        for fit in np.flatnonzero(usable):
            try:
                step[fit] = np.linalg.solve(information[fit], score[fit])
            except np.linalg.LinAlgError:
                step[fit] = np.nan
    return step
