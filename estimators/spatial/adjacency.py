"""Which areas touch: read from a matrix or from pairs of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import BoolMatrix

__all__ = ["read_adjacency"]


def read_adjacency(adjacency: Any, n_areas: int) -> BoolMatrix:  # noqa: ANN401
    """Return a symmetric boolean matrix without self-neighbours.

    Parameters
    ----------
    adjacency : array_like of shape (n, n) or (edges, 2)
        A matrix whose non-zero entries say that two areas touch, or pairs of rows,
        counted from 0, in one direction or both. Of two areas a 2 x 2 array is a
        matrix.
    n_areas : int

    Raises
    ------
    InputError
        If the shape is neither, or a pair names no row.
    """
    array = np.asarray(adjacency)
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise InputError(
            f"adjacency has shape {array.shape} and type {array.dtype}; a matrix of "
            f"{n_areas} x {n_areas} or pairs of rows were expected."
        )
    touching = np.zeros((n_areas, n_areas), dtype=np.bool_)
    if array.shape == (n_areas, n_areas):
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise InputError("adjacency has missing entries: say 0 where none touch.")
        touching = array != 0
    elif array.shape[1] == 2:
        if (array != np.floor(array)).any() or ((array < 0) | (array >= n_areas)).any():
            raise InputError(
                f"adjacency: pairs must be whole row numbers from 0 to {n_areas - 1}."
            )
        pairs = array.astype(np.int64)
        touching[pairs[:, 0], pairs[:, 1]] = True
    else:
        raise InputError(
            f"adjacency has shape {array.shape}; a matrix of {n_areas} x {n_areas} or "
            "pairs of rows (edges, 2) were expected."
        )
    either = touching | touching.T
    np.fill_diagonal(either, val=False)
    return either
