"""Values of areas beside their weights: checked, and without those that have none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError, NotEstimableError
from estimators.spatial.weights import SpatialWeights

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector

__all__ = ["AreaValues", "named_areas", "read_values"]

_NAMED = 5


@dataclass(frozen=True, slots=True)
class AreaValues:
    """Areas with data, their links among each other, and where they stood.

    Attributes
    ----------
    areas : tuple
        Labels of all areas that came.
    has_data : ndarray of shape (all areas,)
    values : ndarray of shape (areas with data,)
    weights : SpatialWeights
        Of the areas with data.
    notes : tuple of str
        Who was left out, and who has no neighbour.
    """

    areas: tuple[Any, ...]
    has_data: BoolVector
    values: FloatVector
    weights: SpatialWeights
    notes: tuple[str, ...]

    def centred(self) -> FloatVector:
        """Return values less their mean; refuse values that are all equal."""
        if self.values.size and self.values.max() == self.values.min():
            raise NotEstimableError(
                f"All {self.values.size} areas with data have the value "
                f"{self.values[0]:g}: nothing varies that could cluster."
            )
        centred: FloatVector = self.values - self.values.mean()
        return centred

    def spread_out(self, values: FloatVector) -> FloatVector:
        """Return `values` at the place of every area that came, NaN without data."""
        full: FloatVector = np.full(self.has_data.size, np.nan)
        full[self.has_data] = values
        return full


def read_values(
    values: Any,  # noqa: ANN401 - checks anything
    weights: SpatialWeights,
) -> AreaValues:
    """Check `values` against `weights`; leave areas without data out, with a note."""
    if not isinstance(weights, SpatialWeights):
        raise InputError(
            f"weights are {type(weights).__name__}; SpatialWeights were expected: "
            "build them with SpatialWeights.from_pairs, k_nearest or distance_band."
        )
    try:
        vector = np.asarray(pd.Series(values), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"values must be numbers: {error}.") from error
    if vector.shape != (weights.n_areas,):
        raise InputError(
            f"{vector.size} values came with weights of {weights.n_areas} areas: give "
            "one value per area, in the order of weights.areas, NaN where unknown."
        )
    infinite = np.flatnonzero(np.isinf(vector))
    if infinite.size:
        raise InputError(
            f"{infinite.size} values are infinite "
            f"({named_areas(weights.areas, np.isinf(vector))}): a rate of an empty "
            "population is no data, NaN."
        )
    has_data = ~np.isnan(vector)
    inside = weights if has_data.all() else weights.subset(has_data)
    return AreaValues(
        areas=weights.areas,
        has_data=has_data,
        values=vector[has_data],
        weights=inside,
        notes=_notes(weights, has_data, inside),
    )


def named_areas(areas: tuple[Any, ...], chosen: BoolVector) -> str:
    """Name the first few chosen areas."""
    names = [str(areas[at]) for at in np.flatnonzero(chosen)]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _notes(
    weights: SpatialWeights, has_data: BoolVector, inside: SpatialWeights
) -> tuple[str, ...]:
    notes = []
    if not has_data.all():
        notes.append(
            f"{int((~has_data).sum())} of {has_data.size} areas have no data and are "
            f"left out with their links: {named_areas(weights.areas, ~has_data)}"
        )
    alone = inside.n_neighbours == 0
    if alone.any():
        notes.append(
            f"{int(alone.sum())} areas have no neighbour with data and are not tested: "
            f"{named_areas(inside.areas, alone)}"
        )
    return tuple(notes)
