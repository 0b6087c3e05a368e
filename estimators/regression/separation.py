"""Which terms have an infinite maximum likelihood estimate in a logistic model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = ["separated_terms"]

_NONZERO = 1e-6


def separated_terms(
    matrix: FloatMatrix, trials: FloatVector, events: FloatVector
) -> IntVector:
    """Return the columns whose maximum likelihood estimate is infinite.

    The estimate is finite unless a direction d exists along which no row's predictor
    moves against its outcome and some row's moves with it (Albert and Anderson 1984):
    the linear programme max sum_i (z_i d) with z_i d >= 0 for rows of one outcome,
    z_i = +-x_i, and x_i d = 0 for rows of both, within the box -1 <= d <= 1, has its
    optimum above 0 (Konis 2007).

    Parameters
    ----------
    matrix : ndarray of shape (g, k)
        Distinct covariate rows, of full column rank.
    trials, events : ndarray of shape (g,)

    Returns
    -------
    ndarray of int
        Positions of the columns that take part in the optimal direction, empty if the
        data overlap.

    References
    ----------
    Albert, A. and Anderson, J. A. (1984). On the existence of maximum likelihood
    estimates in logistic regression models. Biometrika 71, 1-10.
    https://doi.org/10.1093/biomet/71.1.1

    Konis, K. (2007). Linear programming algorithms for detecting separated data in
    binary logistic regression models. DPhil thesis, University of Oxford.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0.0], [1.0, 1.0]])
    >>> separated_terms(x, np.array([9.0, 4.0]), np.array([2.0, 4.0]))
    array([1])
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    used = trials > 0
    scale = np.abs(matrix).max(axis=0)
    rows = matrix[used] / np.where(scale > 0, scale, 1.0)
    share = events[used] / trials[used]
    direction = np.where(share == 1, 1.0, np.where(share == 0, -1.0, 0.0))
    mixed = direction == 0
    signed = np.where(mixed, 1.0, direction)[:, None] * rows
    upper = np.where(mixed, 0.0, np.inf)
    # milp without whole numbers is the same linear programme as linprog at a quarter of
    # its overhead.
    answer = milp(
        -signed[~mixed].sum(axis=0),
        constraints=LinearConstraint(signed, np.zeros(len(signed)), upper),
        bounds=Bounds(-1.0, 1.0),
    )
    if answer.x is None:
        return np.arange(0)
    return np.flatnonzero(np.abs(answer.x) > _NONZERO)
