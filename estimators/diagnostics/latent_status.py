"""Likelihood of several imperfect tests of a status that nobody observes.

In population g with prevalence P_g, tests that are independent given the status give a
pattern y the probability
P_g prod Se^y (1 - Se)^(1 - y) + (1 - P_g) prod (1 - Sp)^y Sp^(1 - y);
a missing result leaves its factor out. Parameters are ordered: prevalences,
sensitivities, specificities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolVector,
        FloatMatrix,
        FloatVector,
        IntMatrix,
        IntVector,
    )

NumberArray: TypeAlias = "np.ndarray[Any, Any]"  # real, or complex for derivatives
__all__ = ["ResultPatterns", "fit_latent_status"]

_EDGE = 1e-9
_STEP = 1e-20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResultPatterns:
    """Counts of result patterns by population.

    Attributes
    ----------
    result : ndarray of shape (patterns, tests)
        1 positive, 0 negative, -1 missing.
    population : ndarray of shape (patterns,)
    count : ndarray of shape (patterns,)
    n_populations : int
    """

    result: IntMatrix
    population: IntVector
    count: FloatVector
    n_populations: int

    @property
    def n_tests(self) -> int:
        """Number of tests."""
        return self.result.shape[1]

    @property
    def n_parameters(self) -> int:
        """One prevalence per population, two accuracies per test."""
        return self.n_populations + 2 * self.n_tests

    def parts(self, theta: NumberArray) -> tuple[NumberArray, ...]:
        """Return P of each pattern, and its probability for cases and for others."""
        g, t = self.n_populations, self.n_tests
        prevalence = theta[:g][self.population]
        se, sp = theta[g : g + t], theta[g + t :]
        positive, negative = self.result == 1, self.result == 0
        case = np.where(positive, se, np.where(negative, 1 - se, 1)).prod(axis=1)
        other = np.where(positive, 1 - sp, np.where(negative, sp, 1)).prod(axis=1)
        return prevalence, case, other

    def log_likelihood(self, theta: FloatVector) -> float:
        """Return the log-likelihood without multinomial coefficients."""
        p, case, other = self.parts(theta)
        seen = self.count > 0
        return float(self.count[seen] @ np.log((p * case + (1 - p) * other)[seen]))

    def score(self, theta: NumberArray) -> NumberArray:
        """Return the gradient; complex parameters give a complex gradient."""
        g = self.n_populations
        p, case, other = self.parts(theta)
        ratio = self.count / (p * case + (1 - p) * other)
        gradient = np.zeros(self.n_parameters, dtype=ratio.dtype)
        np.add.at(gradient, self.population, ratio * (case - other))
        for place, (weight, share, sign) in enumerate(self._slopes(theta)):
            gradient[g + place] = (
                (ratio * weight)[sign != 0] * sign[sign != 0] / share[sign != 0]
            ).sum()
        return gradient

    def _slopes(
        self, theta: NumberArray
    ) -> list[tuple[NumberArray, NumberArray, NumberArray]]:
        """Return, by accuracy, probability mass, its factor's value and sign."""
        g, t = self.n_populations, self.n_tests
        p, case, other = self.parts(theta)
        found = []
        for place in range(2 * t):
            accuracy = theta[g + place]
            result = self.result[:, place % t]
            correct = (result == 1) if place < t else (result == 0)
            sign = np.where(result < 0, 0, np.where(correct, 1, -1))
            share = np.where(correct, accuracy, 1 - accuracy)
            mass = p * case if place < t else (1 - p) * other
            found.append((mass, share, sign))
        return found

    def information(self, theta: FloatVector) -> FloatMatrix:
        """Return minus the Hessian, by complex steps through the score."""
        size = self.n_parameters
        matrix = np.empty((size, size))
        for place in range(size):
            moved = theta.astype(np.complex128)
            moved[place] += _STEP * 1j
            matrix[:, place] = -self.score(moved).imag / _STEP
        return (matrix + matrix.T) / 2

    def update(self, theta: FloatVector, fixed: BoolVector) -> FloatVector:
        """Return the next EM iterate; fixed parameters stay."""
        g, t = self.n_populations, self.n_tests
        p, case, other = self.parts(theta)
        chance = p * case / (p * case + (1 - p) * other)
        hidden, rest = self.count * chance, self.count * (1 - chance)
        new = theta.copy()
        size = np.bincount(self.population, self.count, g)
        new[:g] = np.bincount(self.population, hidden, g) / size
        for place in range(t):
            positive, seen = self.result[:, place] == 1, self.result[:, place] >= 0
            new[g + place] = hidden[positive].sum() / hidden[seen].sum()
            new[g + t + place] = rest[seen & ~positive].sum() / rest[seen].sum()
        new = np.clip(new, _EDGE, 1 - _EDGE)
        new[fixed] = theta[fixed]
        return new


def fit_latent_status(
    data: ResultPatterns, start: FloatVector, fixed: BoolVector | None = None
) -> FloatVector:
    """Return the maximum near `start`: EM to come close, Newton to finish.

    Parameters that run to 0 or 1 stop at 1e-9 from it.

    Raises
    ------
    ConvergenceError
        If 20 000 EM steps do not settle.
    """
    held = np.zeros(start.size, dtype=bool) if fixed is None else fixed
    theta = np.clip(start, _EDGE, 1 - _EDGE)
    for block in (8, *[50] * 40):
        for _ in range(block):
            theta = data.update(theta, held)
        finished = _newton(data, theta, held)
        if finished is not None:
            return finished
    for _ in range(18_000):
        new = data.update(theta, held)
        if float(np.abs(new - theta).max()) < 1e-11:
            return new
        theta = new
    raise ConvergenceError("The likelihood of the hidden status did not settle.")


def _newton(
    data: ResultPatterns, theta: FloatVector, held: BoolVector
) -> FloatVector | None:
    """Return the maximum, None if Newton's steps leave the neighbourhood."""
    for _ in range(30):
        at_edge = (theta < 1e-6) | (theta > 1 - 1e-6)
        free = ~held & ~at_edge
        gradient = cast("FloatVector", data.score(theta))
        # At an edge the gradient must point outwards, or EM has to leave it first.
        pushed = np.where(theta < 0.5, gradient > 0, gradient < 0) & at_edge & ~held
        if pushed.any():
            return None
        if not free.any():
            return theta
        matrix = data.information(theta)[np.ix_(free, free)]
        try:
            factor = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            return None
        step = np.linalg.solve(factor.T, np.linalg.solve(factor, gradient[free]))
        new = theta.copy()
        new[free] += step
        if float(np.abs(step).max()) < 1e-12:
            return new
        if (new[free] <= 1e-6).any() or (new[free] >= 1 - 1e-6).any():
            return None
        if data.log_likelihood(new) < data.log_likelihood(theta) - 1e-9:
            return None
        theta = new
    return None
