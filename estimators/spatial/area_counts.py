"""Cases and persons at risk per area: checked, unknown and empty places marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError, NotEstimableError
from estimators.spatial.area_values import named_areas
from estimators.spatial.weights import SpatialWeights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import BoolVector, FloatVector

__all__ = ["AreaCounts", "read_counts"]


@dataclass(frozen=True, slots=True)
class AreaCounts:
    """Cases and persons of all areas, and which of them have a rate.

    Attributes
    ----------
    areas : tuple
        Labels.
    cases, persons : ndarray of shape (areas,)
    unknown : ndarray of shape (areas,)
        Whether cases or persons are unknown.
    known : ndarray of shape (areas,)
        Whether both are known and somebody is at risk.
    """

    areas: tuple[Any, ...]
    cases: FloatVector
    persons: FloatVector
    unknown: BoolVector
    known: BoolVector

    def notes(self) -> tuple[str, ...]:
        """Say which areas are left out, and why."""
        nobody = ~self.known & ~self.unknown
        return tuple(
            f"{int(chosen.sum())} areas {words}, left out: "
            f"{named_areas(self.areas, chosen)}"
            for chosen, words in (
                (self.unknown, "have no data"),
                (nobody, "have nobody at risk"),
            )
            if chosen.any()
        )


def read_counts(
    cases: Any,  # noqa: ANN401 - any vector of numbers
    population: Any,  # noqa: ANN401 - any vector of numbers
    weights: SpatialWeights | None,
    areas: Sequence[Any] | None = None,
) -> AreaCounts:
    """Check cases against persons at risk; refuse maps without a rate."""
    found, persons = _numbers(cases, "cases"), _numbers(population, "population")
    labels = _labels(found, persons, weights, areas)
    unknown = np.isnan(found) | np.isnan(persons)
    known = ~unknown & (persons > 0)
    impossible = ~unknown & (persons == 0) & (found > 0)
    if impossible.any():
        raise InputError(
            f"{int(impossible.sum())} areas have cases but nobody at risk "
            f"({named_areas(labels, impossible)}): correct the population, or state it "
            "as unknown (NaN)."
        )
    if not known.any() or found[known].sum() == 0:
        raise NotEstimableError(
            f"{int(known.sum())} areas have persons at risk and known cases, with "
            f"{found[known].sum():g} cases in all: there is no rate to compare with."
        )
    return AreaCounts(
        areas=labels, cases=found, persons=persons, unknown=unknown, known=known
    )


def _numbers(values: Any, name: str) -> FloatVector:  # noqa: ANN401
    try:
        vector = np.asarray(pd.Series(values), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers: {error}.") from error
    wrong = np.flatnonzero((vector < 0) | np.isinf(vector))
    if wrong.size:
        raise InputError(
            f"{name} are numbers >= 0, NaN where unknown; rows "
            f"{wrong[:5].tolist()} (counted from 0) are below 0 or infinite."
        )
    return vector


def _labels(
    found: FloatVector,
    persons: FloatVector,
    weights: SpatialWeights | None,
    areas: Sequence[Any] | None,
) -> tuple[Any, ...]:
    if weights is not None and not isinstance(weights, SpatialWeights):
        raise InputError(
            f"weights are {type(weights).__name__}; SpatialWeights were expected: "
            "build them with SpatialWeights.from_pairs, k_nearest or distance_band."
        )
    if areas is None:
        areas = range(found.size) if weights is None else weights.areas
    n = found.size if weights is None else weights.n_areas
    if not found.size == persons.size == len(areas) == n:
        raise InputError(
            f"cases ({found.size}), population ({persons.size}), areas ({len(areas)})"
            + ("" if weights is None else f" and weights ({n})")
            + " differ in length: give one of each per area, in one order."
        )
    return tuple(areas)
