"""Stages of sampling: which unit each row lies in, and how many there were to draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.designs.labels import code_labels, list_names, list_rows, pair_codes
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector

__all__ = ["Stage", "code_stage", "read_population"]

_SAME = 1e-9  # relative; population sizes written by other software carry float32 noise


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """One stage of sampling.

    Attributes
    ----------
    unit : ndarray of shape (n,)
        Code of the sampled unit each row lies in; every unit of the design has its own.
    stratum : ndarray of shape (units,)
        What each unit was drawn from: its stratum at the first stage, the unit of the
        stage before at later ones.
    sampled : ndarray of shape (strata,)
        Units drawn from each stratum.
    population : ndarray of shape (strata,)
        Units there were; infinite where sampling counts as with replacement.
    inclusion_probability : ndarray of shape (units,), optional
        Of each unit, where they differ within strata; `population` is infinite then.
    quadratic : ndarray of shape (units, units), optional
        Q of the variance z' Q z of the units' totals, from joint probabilities.
    """

    unit: IntVector
    stratum: IntVector
    sampled: IntVector
    population: FloatVector
    inclusion_probability: FloatVector | None = None
    quadratic: FloatMatrix | None = None

    def __post_init__(self) -> None:
        for array in (self.unit, self.stratum, self.sampled, self.population,
                      self.inclusion_probability, self.quadratic):  # fmt: skip
            if array is not None:
                array.setflags(write=False)

    @property
    def is_finite(self) -> bool:
        """Whether units below this stage add to the variance."""
        known = self.inclusion_probability is not None
        return known or bool(np.isfinite(self.population).any())

    @property
    def unit_fraction(self) -> FloatVector:
        """Probability with which each unit was drawn, shape (units,); 0 if infinite."""
        if self.inclusion_probability is not None:
            return self.inclusion_probability
        fraction: FloatVector = self.sampling_fraction[self.stratum]
        return fraction

    @property
    def sampling_fraction(self) -> FloatVector:
        """Share of its units that each stratum's sample holds, shape (strata,)."""
        return self.sampled / self.population

    @property
    def row_stratum(self) -> IntVector:
        """Stratum of each row, shape (n,)."""
        return self.stratum[self.unit]


def code_stage(
    frame: pd.DataFrame, column: str | None, parent: IntVector, *, nested: bool
) -> tuple[IntVector, IntVector]:
    """Return the unit of each row and the parent of each unit.

    Without a column every row is a unit. `nested` labels count within their parent;
    otherwise a label found in two parents is an error that names it.
    """
    if column is None:
        return np.arange(len(frame), dtype=np.int64), parent.copy()
    label, name = code_labels(frame, [column], "PSU")
    unit, unit_parent = pair_codes(parent, label)
    if nested or unit_parent.size == int(label.max()) + 1:
        return unit, unit_parent
    first_row = np.unique(unit, return_index=True)[1]
    strata_per_label = np.bincount(label[first_row])
    twice = [name(int(code)) for code in np.flatnonzero(strata_per_label > 1)]
    raise InputError(
        f"{len(twice)} PSU labels of {column!r} occur in more than one stratum: "
        f"{list_names(twice)}. If they are different units that share a label, give "
        "nest=True; if one unit really spans strata, the strata are not strata of "
        "the PSUs: drop them or make coarser ones"
    )


def read_population(
    frame: pd.DataFrame,
    column: str,
    stage: tuple[IntVector, IntVector],
    name: Callable[[int], str],
) -> FloatVector:
    """Return the population of every stratum of a stage from an FPC column.

    Values above 1 are population sizes, values up to 1 are sampling fractions.
    """
    unit, parent = stage
    value = pd.to_numeric(frame[column], errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    wrong = ~(value > 0)
    if wrong.any():
        raise InputError(
            f"{column!r} (fpc) is missing, not a number or not above 0 in "
            f"{list_rows(wrong)}; infinity stands for sampling with replacement"
        )
    fractions = bool((value <= 1).all())
    if not fractions and (value < 1).any():
        raise InputError(
            f"{column!r} (fpc) mixes population sizes with values below 1 in "
            f"{list_rows(value < 1)}: give sizes or sampling fractions, not both"
        )
    row_parent = parent[unit]
    n_parents = int(parent.max()) + 1
    low, high = np.full(n_parents, np.inf), np.full(n_parents, -np.inf)
    np.minimum.at(low, row_parent, value)
    np.maximum.at(high, row_parent, value)
    varying = (low != high) & ~(high * (1 - _SAME) <= low)
    if varying.any():
        raise InputError(
            f"{column!r} (fpc) is not constant within "
            f"{list_names(name(int(code)) for code in np.flatnonzero(varying))}"
        )
    sampled = np.bincount(parent, minlength=n_parents)
    population: FloatVector = sampled / high if fractions else high
    short = population < sampled * (1 - _SAME)
    if short.any():
        listed = (
            f"{name(int(code))}: {sampled[code]} sampled of {population[code]:g}"
            for code in np.flatnonzero(short)
        )
        raise InputError(
            f"{column!r} (fpc) is below the number of sampled units in "
            f"{list_names(listed)}"
        )
    return population
