"""Shares of the cells of a table with their covariance under the design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.designs import (
    Design,
    ReplicateDesign,
    cell_covariance,
    domain_degrees_of_freedom,
    replicate_covariance,
    replicate_totals,
    split_into_domains,
)
from estimators.designs.labels import list_names

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector
    from estimators.designs.domains import RowSelector

__all__ = ["CellShares", "cell_shares"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellShares:
    """A weighted table in one vector of k cells, the last column changing fastest.

    Attributes
    ----------
    levels : tuple of tuple
        Levels of each table variable that have a row, in sorted order.
    totals, shares : ndarray of shape (k,)
    totals_covariance, shares_covariance : ndarray of shape (k, k)
    n_rows : ndarray of shape (k,)
        Rows of the sample in each cell.
    df : float
        PSUs less strata of the rows in the table.
    notes : tuple of str
    """

    levels: tuple[tuple[Any, ...], ...]
    totals: FloatVector
    shares: FloatVector
    totals_covariance: FloatMatrix
    shares_covariance: FloatMatrix
    n_rows: IntVector
    df: float
    notes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of levels of each variable."""
        return tuple(len(one) for one in self.levels)

    @property
    def n_obs(self) -> int:
        """Rows in the table."""
        return int(self.n_rows.sum())

    def with_levels(self, wanted: Sequence[Any]) -> CellShares:
        """Return a one-way table with exactly these levels; new ones are empty."""
        have = {level: place for place, level in enumerate(self.levels[0])}
        place = np.array([have.get(level, -1) for level in wanted])
        found = np.where(place >= 0, 1.0, 0.0)
        both = np.outer(found, found)
        return CellShares(
            levels=(tuple(wanted),),
            totals=self.totals[place] * found,
            shares=self.shares[place] * found,
            totals_covariance=self.totals_covariance[np.ix_(place, place)] * both,
            shares_covariance=self.shares_covariance[np.ix_(place, place)] * both,
            n_rows=np.where(place >= 0, self.n_rows[place], 0),
            df=self.df,
            notes=self.notes,
        )


def cell_shares(
    design: Design, variables: Sequence[str], where: RowSelector | None
) -> CellShares:
    """Return the table of the design's rows, with unknown labels counted in notes."""
    inside = split_into_domains(design, variables, where)
    notes = [*design.notes, *inside.notes]
    known = inside.code >= 0
    cell = np.zeros(len(known), dtype=np.int64)
    levels = []
    for name in variables:
        own = split_into_domains(design, name, known)
        levels.append(tuple(group[name] for group in own.groups))
        notes.extend(_empty_levels(design.frame[name], levels[-1]))
        cell = np.where(known, cell * len(levels[-1]) + own.code, -1)
    k = int(np.prod([len(one) for one in levels]))
    code = np.where(known, 0, -1).astype(np.int64)
    totals = np.bincount(cell[known], design.weights[known], k).astype(np.float64)
    shares = totals / totals.sum()
    of_totals, of_shares = _covariances(design, cell, totals)
    return CellShares(
        levels=tuple(levels),
        totals=totals,
        shares=shares,
        totals_covariance=of_totals,
        shares_covariance=of_shares,
        n_rows=np.bincount(cell[known], minlength=k).astype(np.int64),
        df=float(domain_degrees_of_freedom(design, code, 1)[0]),
        notes=tuple(notes),
    )


def _empty_levels(column: pd.Series[Any], kept: tuple[Any, ...]) -> list[str]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        every = column.cat.categories.tolist()
    else:
        every = column.dropna().unique().tolist()
    empty = [level for level in every if level not in set(kept)]
    if not empty:
        return []
    return [
        f"levels of {column.name!r} without a row in the domain are left out: "
        f"{list_names(empty)}"
    ]


def _covariances(
    design: Design, cell: IntVector, totals: FloatVector
) -> tuple[FloatMatrix, FloatMatrix]:
    """Return the covariance of the cells' totals and of their shares."""
    k, size = totals.size, totals.sum()
    if isinstance(design, ReplicateDesign):
        ones = np.ones(len(cell))
        replicates = replicate_totals(design, ones, cell, k)
        own = replicates.sum(axis=1, keepdims=True)
        shares = replicates / np.where(own > 0, own, np.nan)
        return (
            replicate_covariance(replicates, totals, design),
            replicate_covariance(shares, totals / size, design),
        )
    of_totals = cell_covariance(design, cell, k)
    slope = (np.eye(k) - totals / size) / size  # of shares by totals, one row per total
    return of_totals, slope.T @ of_totals @ slope
