"""Counts that areas would show if only their composition differed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["indirect_expected"]


def indirect_expected(
    cases: Any,  # noqa: ANN401 - any array of numbers
    population: Any,  # noqa: ANN401 - any array of numbers
) -> FloatVector:
    """Standardise indirectly: cases each area would have at the overall stratum rates.

    Parameters
    ----------
    cases : array_like of shape (n, strata)
        Cases by area and stratum (sex by age group, sector), or of shape (strata,)
        where only the totals by stratum are known.
    population : array_like of shape (n, strata)
        Persons at risk (or interviewed) by area and stratum.

    Returns
    -------
    ndarray of shape (n,)
        Sums to the number of cases: what `spatial_scan` takes as `expected`.

    Raises
    ------
    InputError
        If shapes differ, a number is missing or below 0, or a stratum has cases but
        nobody at risk.

    Notes
    -----
    ``E_i = sum_s n_is C_s / N_s`` with the stratum's total cases and persons.

    Examples
    --------
    >>> from estimators.spatial import indirect_expected
    >>> indirect_expected([[1, 0], [0, 3]], [[10, 0], [10, 10]])
    array([0.5, 3.5])
    """
    persons = _matrix(population, "population", dimensions=(2,))
    found = _matrix(cases, "cases", dimensions=(1, 2))
    if found.shape[-1] != persons.shape[1] or (
        found.ndim == 2 and found.shape != persons.shape
    ):
        raise InputError(
            f"cases of shape {found.shape} do not fit population of shape "
            f"{persons.shape}: give one row per area and one column per stratum in "
            "both, or the cases of each stratum alone."
        )
    total = found if found.ndim == 1 else found.sum(axis=0)
    at_risk = persons.sum(axis=0)
    impossible = np.flatnonzero((at_risk == 0) & (total > 0))
    if impossible.size:
        raise InputError(
            f"Strata {impossible.tolist()} (counted from 0) have cases but nobody at "
            "risk: correct the population or join the stratum to another."
        )
    rate = np.divide(total, at_risk, out=np.zeros_like(total), where=at_risk > 0)
    expected: FloatVector = persons @ rate
    return expected


def _matrix(values: Any, name: str, *, dimensions: tuple[int, ...]) -> FloatMatrix:  # noqa: ANN401
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers: {error}.") from error
    if array.ndim not in dimensions or not array.size:
        raise InputError(
            f"{name} has shape {array.shape}; one row per area and one column per "
            "stratum were expected."
        )
    wrong = ~np.isfinite(array) | (array < 0)
    if wrong.any():
        where = [tuple(int(i) for i in at) for at in np.argwhere(wrong)[:5]]
        raise InputError(
            f"{name} must be numbers >= 0; {int(wrong.sum())} are missing, infinite or "
            f"below 0 (first at {where}, counted from 0)."
        )
    return array
