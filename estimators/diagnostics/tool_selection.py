"""Which few items, points and threshold tell cases from others in one sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["Points", "Rule", "Search", "choose_rule"]

Points = Literal["one", "integer"]
_MOST_POINTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for.

    Attributes
    ----------
    most_items : int
    least_gain : float
        What every further item must add to the criterion.
    sensitivity_floor : float, optional
        Specificity is maximised among rules of at least this sensitivity; without it
        sensitivity + specificity - 1 is.
    points : {"one", "integer"}
    """

    most_items: int
    least_gain: float
    sensitivity_floor: float | None
    points: Points


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """Places of the items, their points, and the score that flags a person."""

    items: IntVector
    points: IntVector
    threshold: int

    def score(self, answers: FloatMatrix) -> FloatVector:
        """Return the sum of points of each row of answers (n, J) of 0 and 1."""
        return np.asarray(answers[:, self.items] @ self.points.astype(np.float64))

    def flags(self, answers: FloatMatrix) -> BoolVector:
        """Return who reaches the threshold."""
        return np.asarray(self.score(answers) >= self.threshold)


def choose_rule(answers: FloatMatrix, case: BoolVector, search: Search) -> Rule:
    """Return the best rule found by adding items one by one and exchanging them.

    answers (n, J) of 0 and 1; case (n,). Ties go to the first item and the higher
    sensitivity, so that the rule does not depend on chance.
    """
    chosen: list[int] = []
    path: list[tuple[list[int], float]] = []
    while len(chosen) < min(search.most_items, answers.shape[1]):
        item, grown = _best_addition(answers, case, chosen, search)
        chosen, value = _exchange(answers, case, [*chosen, item], (grown, search))
        path.append((chosen, value))
    # A second item may add nothing and a third much: "two of three" beats both.
    best = 0
    for size, (_, value) in enumerate(path):
        if value >= path[best][1] + search.least_gain * (size - best) + 1e-12:
            best = size
    chosen = path[best][0]
    items = np.array(sorted(chosen), dtype=np.int64)
    points = np.ones(items.size, dtype=np.int64)
    if search.points == "integer" and items.size > 1:
        points = _integer_points(answers[:, items], case)
    score = answers[:, items] @ points
    _, threshold = _best_threshold(score[:, None], case, search)
    return Rule(items=items, points=points, threshold=int(threshold[0]))


def _best_addition(
    answers: FloatMatrix, case: BoolVector, chosen: list[int], search: Search
) -> tuple[int, float]:
    """Return the item that raises the criterion most, and the criterion."""
    base = answers[:, chosen].sum(axis=1)
    value, _ = _best_threshold(base[:, None] + answers, case, search)
    value[chosen] = -np.inf
    item = int(np.argmax(value))
    return item, float(value[item])


def _exchange(
    answers: FloatMatrix,
    case: BoolVector,
    chosen: list[int],
    at: tuple[float, Search],
) -> tuple[list[int], float]:
    """Swap single items for others as long as that raises the criterion."""
    value, search = at
    improved = len(chosen) > 1
    while improved:
        improved = False
        for place in range(len(chosen)):
            rest = chosen[:place] + chosen[place + 1 :]
            item, found = _best_addition(answers, case, rest, search)
            if item != chosen[place] and found > value + 1e-12:
                chosen, value, improved = [*rest, item], found, True
    return chosen, value


def _best_threshold(
    scores: FloatMatrix, case: BoolVector, search: Search
) -> tuple[FloatVector, IntVector]:
    """Return the criterion of each column at its best threshold, and the threshold."""
    best = np.full(scores.shape[1], -np.inf)
    threshold = np.ones(scores.shape[1], dtype=np.int64)
    cases, others = scores[case], scores[~case]
    for cut in range(1, int(scores.max(initial=1)) + 1):
        found = (cases >= cut).mean(axis=0)
        passed = (others < cut).mean(axis=0)
        value = _criterion(found, passed, search.sensitivity_floor)
        better = value > best + 1e-12
        best[better], threshold[better] = value[better], cut
    return best, threshold


def _criterion(
    sensitivity: FloatVector, specificity: FloatVector, floor: float | None
) -> FloatVector:
    """Return what is maximised: rules below the floor rank by their sensitivity."""
    if floor is None:
        return np.asarray(sensitivity + specificity - 1)
    enough = sensitivity >= floor - 1e-12
    return np.asarray(np.where(enough, specificity, sensitivity - 2))


def _integer_points(answers: FloatMatrix, case: BoolVector) -> IntVector:
    """Return 1 to 3 points in proportion to the log odds ratios of a ridge logit."""
    n = len(answers)
    x = np.column_stack([np.ones(n), answers - answers.mean(axis=0)])
    ridge = np.r_[0.0, np.ones(answers.shape[1])]
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = expit(x @ beta)
        pull = x.T @ (case - p) - ridge * beta
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge + 1e-9)
        step = np.linalg.solve(curvature, pull)
        beta = beta + step / max(1.0, float(np.abs(step).max()) / 2)
        if np.abs(step).max() < 1e-8:
            break
    slopes = np.maximum(beta[1:], 0)
    whole = np.rint(_MOST_POINTS * slopes / max(float(slopes.max()), 1e-12))
    return np.clip(whole, 1, _MOST_POINTS).astype(np.int64)
