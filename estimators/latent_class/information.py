"""Scores and information of a latent class likelihood, and what is free to vary.

With u_ik the score of person i's complete data if of class k and t_ik the posterior,
the score is g_i = sum_k t_ik u_ik and the observed information is that of the complete
data less what the missing class takes away (Louis 1982):

    I = sum_i [ g_i g_i' - sum_k t_ik (u_ik u_ik' + d u_ik / d theta) ].

Responses are logits against the most likely answer of their class and item; answers of
probability 0 are held there.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector
    from estimators.latent_class.climbing import ClassModel, Climb

__all__ = [
    "FreeParameters",
    "information",
    "penalised_gradient",
    "probability_jacobian",
    "scores",
]

_NOBODY = 1e-5  # expected persons below this: the probability is 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FreeParameters:
    """Which logits are free: class coefficients first, then responses by class.

    Attributes
    ----------
    n_covariates : int
    classes : tuple of int
        Classes with coefficients: all but the first and those without persons.
    cells : tuple of ndarray
        Answers free in each class.
    at_bound : ndarray of bool of shape (C, K)
        Probabilities of 0 or 1.
    first : ndarray of shape (J + 1,)
        Where each item's answers start.
    """

    n_covariates: int
    classes: tuple[int, ...]
    cells: tuple[IntVector, ...]
    at_bound: BoolVector
    first: IntVector

    @classmethod
    def of(cls, model: ClassModel, at: Climb) -> FreeParameters:
        """Return what is free at a point."""
        first = model.patterns.first
        mass = model.patterns.mass @ at.posterior
        cells = []
        at_bound = at.response * mass < _NOBODY
        for k in range(model.n_classes):
            free = ~at_bound[:, k]
            for low, high in itertools.pairwise(first):
                free[low + int(np.argmax(at.response[low:high, k]))] = False
            cells.append(np.flatnonzero(free))
        for low, high in itertools.pairwise(first):
            alone = (~at_bound[low:high]).sum(axis=0) == 1
            at_bound[low:high] |= alone
        return cls(
            n_covariates=model.matrix.shape[1],
            classes=tuple(k for k in range(1, model.n_classes) if mass[k] >= _NOBODY),
            cells=tuple(cells),
            at_bound=at_bound,
            first=first,
        )

    @property
    def n_class(self) -> int:
        """Free class coefficients."""
        return self.n_covariates * len(self.classes)

    @property
    def size(self) -> int:
        """All free parameters."""
        return self.n_class + sum(cells.size for cells in self.cells)

    def blocks(self) -> list[slice]:
        """Return where each class's responses stand."""
        ends = self.n_class + np.cumsum([0, *(cells.size for cells in self.cells)])
        return [slice(int(low), int(high)) for low, high in itertools.pairwise(ends)]

    def moved(self, at: Climb, step: FloatVector) -> tuple[FloatMatrix, FloatMatrix]:
        """Return coefficients and responses after a step of the free logits."""
        coefficient = at.coefficient.copy()
        q = self.n_covariates
        for place, k in enumerate(self.classes):
            coefficient[:, k] += step[place * q : (place + 1) * q]
        factor = np.zeros_like(at.response)
        for k, (cells, block) in enumerate(zip(self.cells, self.blocks(), strict=True)):
            factor[cells, k] = step[block]
        response = at.response * np.exp(factor)
        whole = np.add.reduceat(response, self.first[:-1], axis=0)
        return coefficient, response / np.repeat(whole, np.diff(self.first), axis=0)


def answer_matrices(model: ClassModel) -> tuple[FloatMatrix, FloatMatrix]:
    """Return whether each answer was given, and whether its item was, both (P, C)."""
    codes, first = model.patterns.codes, model.patterns.first
    given = np.zeros((len(codes), int(first[-1])))
    asked = np.zeros_like(given)
    rows = np.arange(len(codes))
    for j, start in enumerate(first[:-1]):
        seen = codes[:, j] >= 0
        given[rows[seen], start + codes[seen, j]] = 1.0
        asked[:, start : first[j + 1]] = seen[:, None]
    return given, asked


def class_scores(
    model: ClassModel, at: Climb, free: FreeParameters
) -> list[FloatMatrix]:
    """Return the complete-data scores of each class's own responses."""
    given, asked = answer_matrices(model)
    return [
        given[:, cells] - asked[:, cells] * at.response[cells, k]
        for k, cells in enumerate(free.cells)
    ]


def scores(model: ClassModel, at: Climb, free: FreeParameters) -> FloatMatrix:
    """Return the score of one person of each pattern, shape (P, free)."""
    share = np.broadcast_to(at.share(model), at.posterior.shape)
    excess = (at.posterior - share)[:, list(free.classes)]
    parts = [(excess[:, :, None] * model.matrix[:, None, :]).reshape(len(excess), -1)]
    parts += [
        at.posterior[:, [k]] * own
        for k, own in enumerate(class_scores(model, at, free))
    ]
    return np.concatenate(parts, axis=1)


def penalised_gradient(
    model: ClassModel, at: Climb, free: FreeParameters
) -> FloatVector:
    """Return the gradient of the objective by the free logits."""
    gradient = model.patterns.mass @ scores(model, at, free)
    if not model.prior_strength:
        return np.asarray(gradient)
    pseudo, whole = model.pseudo, _item_pseudo(model)
    if not model.has_covariates:
        share = at.share(model)[0]
        for place, k in enumerate(free.classes):
            gradient[place] += pseudo[0] * (1 - model.n_classes * share[k])
    for k, (cells, block) in enumerate(zip(free.cells, free.blocks(), strict=True)):
        gradient[block] += pseudo[1:][cells] - whole[cells] * at.response[cells, k]
    return np.asarray(gradient)


def information(model: ClassModel, at: Climb, free: FreeParameters) -> FloatMatrix:
    """Return minus the second derivatives of the objective by the free logits."""
    mass, posterior = model.patterns.mass, at.posterior
    given = scores(model, at, free)
    found = (given * mass[:, None]).T @ given
    share = np.broadcast_to(at.share(model), posterior.shape)
    _take_class_part(model, at, free, found, share)
    x, q = model.matrix, free.n_covariates
    whole = _item_pseudo(model)
    own_scores = class_scores(model, at, free)
    for k, (own, block) in enumerate(zip(own_scores, free.blocks(), strict=True)):
        weight = mass * posterior[:, k]
        found[block, block] -= (own * weight[:, None]).T @ own
        found[block, block] += _response_curvature(model, at, free, k, weight, whole)
        for place, t in enumerate(free.classes):
            part = weight * (float(t == k) - share[:, t])
            cross = (x * part[:, None]).T @ own
            rows = slice(place * q, (place + 1) * q)
            found[rows, block] -= cross
            found[block, rows] -= cross.T
    return np.asarray((found + found.T) / 2)


def probability_jacobian(
    model: ClassModel, at: Climb, free: FreeParameters
) -> FloatMatrix:
    """Return derivatives of shares, then responses class by class, by free logits.

    Shape (K + K C, free); with covariates the shares' rows are zero.
    """
    n_cells, k_all = at.response.shape
    jacobian = np.zeros((k_all * (1 + n_cells), free.size))
    if not model.has_covariates:
        share = at.share(model)[0]
        for place, t in enumerate(free.classes):
            jacobian[:k_all, place] = share * ((np.arange(k_all) == t) - share[t])
    item = _item_of_cell(model)
    for k, (cells, block) in enumerate(zip(free.cells, free.blocks(), strict=True)):
        p = at.response[:, k]
        same = item[:, None] == item[cells][None, :]
        own = (np.arange(n_cells)[:, None] == cells[None, :]) - p[cells][None, :]
        rows = slice(k_all + k * n_cells, k_all + (k + 1) * n_cells)
        jacobian[rows, block] = p[:, None] * own * same
    return jacobian


def _take_class_part(
    model: ClassModel,
    at: Climb,
    free: FreeParameters,
    found: FloatMatrix,
    share: FloatMatrix,
) -> None:
    mass, posterior, x = model.patterns.mass, at.posterior, model.matrix
    q = free.n_covariates
    for one, a in enumerate(free.classes):
        for two, b in enumerate(free.classes):
            same = float(a == b)
            ta, tb, pa, pb = posterior[:, a], posterior[:, b], share[:, a], share[:, b]
            part = same * ta - ta * pb - pa * tb + pa * pb - pa * (same - pb)
            rows, columns = slice(one * q, (one + 1) * q), slice(two * q, (two + 1) * q)
            found[rows, columns] -= (x * (mass * part)[:, None]).T @ x
            if not model.has_covariates and model.prior_strength:
                prior = model.pseudo[0] * model.n_classes
                found[one, two] += prior * pa[0] * (same - pb[0])


def _response_curvature(  # noqa: PLR0917 - one class of one point, by name
    model: ClassModel,
    at: Climb,
    free: FreeParameters,
    k: int,
    weight: FloatVector,
    whole: FloatVector,
) -> FloatMatrix:
    """Return the complete-data information of one class's responses."""
    cells = free.cells[k]
    p, item = at.response[cells, k], _item_of_cell(model)[cells]
    asked = weight @ (model.patterns.codes >= 0)
    same = (item[:, None] == item[None, :]).astype(np.float64)
    size = (asked[item] + whole[cells])[:, None]
    return np.asarray(size * same * (np.diag(p) - np.outer(p, p)))


def _item_of_cell(model: ClassModel) -> IntVector:
    sizes = np.diff(model.patterns.first)
    return np.repeat(np.arange(sizes.size), sizes)


def _item_pseudo(model: ClassModel) -> FloatVector:
    """Return persons that the prior adds to the whole item of each answer."""
    sums = np.add.reduceat(model.pseudo[1:], model.patterns.first[:-1])
    return np.asarray(sums[_item_of_cell(model)])
