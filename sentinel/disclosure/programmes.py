"""The solver of linear and binary programmes, called in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import optimize

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from estimators.array_types import BoolVector, FloatMatrix, FloatVector

__all__ = ["Solution", "cheapest_cover", "linear_programme"]

UNBOUNDED = 3
NODE_LIMIT = 200
# scipy's stubs do not know that constraints may be sparse.
_linprog: Any = optimize.linprog


class Solution(NamedTuple):
    """Optimum and what the minimum gains per unit of each bound and right side."""

    x: FloatVector
    lower: FloatVector
    upper: FloatVector
    equal: FloatVector


def linear_programme(
    objective: FloatVector,
    *,
    equal: tuple[csr_array, FloatVector],
    bounds: FloatMatrix,
    least: tuple[csr_array, FloatVector] | None = None,
) -> Solution | None:
    """Minimise; None if unbounded or if nothing is feasible.

    `equal` holds matrix and right side of equations, `least` of
    ``matrix @ x >= right``.
    """
    matrix, right = equal
    active = np.flatnonzero(np.diff(matrix.indptr))
    result = _linprog(
        objective,
        A_eq=matrix[active] if active.size else None,
        b_eq=right[active] if active.size else None,
        A_ub=None if least is None else -least[0],
        b_ub=None if least is None else -least[1],
        bounds=bounds,
        method="highs",
        options={"presolve": False},  # measured: presolving costs more than it saves
    )
    if result.x is None or result.status == UNBOUNDED:
        return None
    duals = np.zeros(right.size)
    if active.size:
        duals[active] = result.eqlin.marginals
    return Solution(result.x, result.lower.marginals, result.upper.marginals, duals)


def cheapest_cover(cost: FloatVector, cuts: FloatMatrix) -> BoolVector | None:
    """Return the cheapest 0/1 choice with ``cuts @ choice >= 1``; None if unsolved.

    The limit is on nodes, not on seconds: the answer must not depend on the machine.
    """
    result = optimize.milp(
        cost,
        integrality=np.ones(cost.size, dtype=np.int64),
        bounds=optimize.Bounds(0, 1),
        constraints=optimize.LinearConstraint(cuts, 1.0, np.inf),
        options={"node_limit": NODE_LIMIT},
    )
    if result.status != 0 or result.x is None:
        return None
    chosen: BoolVector = np.asarray(result.x) > 0.5
    return chosen
