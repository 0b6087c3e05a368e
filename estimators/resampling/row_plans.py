"""Which rows a replicate takes: whole clusters, drawn within their stratum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import IntVector

__all__ = ["BootstrapRows", "JackknifeRows", "RowPlan", "Stratum", "row_strata"]


@dataclass(frozen=True, slots=True)
class Stratum:
    """Rows of one stratum, cluster by cluster; `starts` ends with their number."""

    rows: IntVector
    starts: IntVector

    def draw(self, stream: np.random.Generator) -> IntVector:
        """Return the rows of as many clusters as there are, with replacement."""
        clusters = self.starts.size - 1
        drawn = stream.integers(0, clusters, size=clusters)
        sizes = np.diff(self.starts)[drawn]
        ends = np.cumsum(sizes)
        # Position within the drawn rows, moved to where the drawn cluster starts.
        shift = np.repeat(self.starts[drawn] - (ends - sizes), sizes)
        taken: IntVector = self.rows[shift + np.arange(ends[-1])]
        return taken


@dataclass(frozen=True, slots=True)
class BootstrapRows:
    """Rows of one bootstrap replicate, from its own stream."""

    seed: np.random.SeedSequence
    strata: tuple[Stratum, ...]

    def rows(self) -> IntVector:
        """Return the row numbers, repeated rows repeated."""
        stream = np.random.default_rng(self.seed)
        return np.concatenate([stratum.draw(stream) for stratum in self.strata])


@dataclass(frozen=True, slots=True)
class JackknifeRows:
    """All rows but those of one cluster."""

    n: int
    left_out: IntVector

    def rows(self) -> IntVector:
        """Return the row numbers in their order."""
        return np.delete(np.arange(self.n), self.left_out)


RowPlan: TypeAlias = BootstrapRows | JackknifeRows


def row_strata(
    n: int, strata: Sequence[object] | None, clusters: Sequence[object] | None
) -> tuple[Stratum, ...]:
    """Return the rows of every stratum, sorted by cluster; rows are their own clusters.

    Raises
    ------
    InputError
        If a label is missing, lengths differ, or a cluster spans strata.
    """
    rows = np.arange(n)
    stratum = _labels(strata, "strata", n)
    cluster = _labels(clusters, "clusters", n)
    of_row = np.zeros(n, dtype=np.int64) if stratum is None else stratum
    unit = rows if cluster is None else cluster
    spanning = np.unique(np.stack([unit, of_row]), axis=1).shape[1] - unit.max() - 1
    if spanning:
        raise InputError(
            f"{spanning} clusters lie in more than one stratum: label clusters within "
            "strata, or resample without strata."
        )
    parts = []
    for code in range(of_row.max() + 1):
        inside = rows[of_row == code]
        inside = inside[np.argsort(unit[inside], kind="stable")]
        starts = np.flatnonzero(np.diff(unit[inside], prepend=-1))
        parts.append(Stratum(inside, np.append(starts, inside.size)))
    return tuple(parts)


def _labels(values: Sequence[object] | None, name: str, n: int) -> IntVector | None:
    if values is None:
        return None
    codes, _ = pd.factorize(pd.Series(list(values)))
    if len(codes) != n:
        raise InputError(f"{name} has {len(codes)} labels for {n} rows.")
    if (codes < 0).any():
        raise InputError(f"{name} has {np.count_nonzero(codes < 0)} missing labels.")
    return codes.astype(np.int64)
