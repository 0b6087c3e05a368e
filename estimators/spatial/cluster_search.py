"""Find the clusters of a scan and judge them against simulated maps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatVector, IntMatrix, IntVector
    from estimators.spatial._kernels import Int32Array
    from estimators.spatial.scan_models import Direction, ScanModel
    from estimators.spatial.windows import Found, Windows

__all__ = ["Judged", "find_clusters", "gumbel_tail", "in_batches", "simulated_maxima"]

_EULER = 0.5772156649015329
_NUMBERS_AT_ONCE = 2**24  # simulated counts held at a time: 128 MB
_MOST_CASES = 2**30  # counts of zones are held in 32 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A cluster with its p-values."""

    found: Found
    side: Direction
    p_value: float
    gumbel_p_value: float

    def renumbered(self, rows: IntVector, periods: int = 1) -> Judged:
        """Return the cluster with its areas numbered as in the whole data."""
        members = tuple(int(rows[i]) for i in self.found.members)
        cells = tuple(
            int(rows[cell // periods]) * periods + cell % periods
            for cell in self.found.cells
        )
        return replace(self, found=self.found._replace(members=members, cells=cells))


def find_clusters(
    model: ScanModel,
    windows: Windows,
    sides: Sequence[Direction],
    maxima: FloatVector,
    *,
    max_clusters: int,
) -> list[Judged]:
    """Return the most likely cluster and those that overlap no likelier one."""
    from estimators.spatial._kernels import TIE

    taken = np.zeros(model.size.size, dtype=np.bool_)
    judged: list[Judged] = []
    while len(judged) < max_clusters:
        best: tuple[Found, Direction] | None = None
        for side in sides:
            found = windows.best(model.cases, model.size, taken, model.law(side))
            if found is not None and (
                best is None or found.statistic > best[0].statistic + TIE
            ):
                best = found, side
        if best is None or best[0].statistic <= TIE:
            break
        found, side = best
        taken[list(found.cells)] = True
        reached = int(np.sum(maxima >= found.statistic - TIE))
        judged.append(
            Judged(
                found=found,
                side=side,
                p_value=(1 + reached) / (1 + maxima.size),
                gumbel_p_value=gumbel_tail(found.statistic, maxima),
            )
        )
    return judged


def simulated_maxima(
    model: ScanModel,
    windows: Windows,
    sides: Sequence[Direction],
    *,
    n_resamples: int,
    rng: np.random.Generator,
) -> FloatVector:
    """Return the greatest statistic of every map drawn under the null."""
    at_once = max(_NUMBERS_AT_ONCE // model.size.size, 1)
    parts: list[FloatVector] = []
    for first in range(0, n_resamples, at_once):
        # Replicates are drawn one after the other: parts change no number.
        drawn = model.draw(min(at_once, n_resamples - first), rng)
        most = int(drawn.sum(axis=1).max())
        if most > _MOST_CASES:
            raise InputError(f"{most:,} cases: a scan takes at most {_MOST_CASES:,}.")
        parts.append(maxima_of(model, windows, sides, drawn, most=most))
    return np.concatenate(parts)


def maxima_of(
    model: ScanModel,
    windows: Windows,
    sides: Sequence[Direction],
    drawn: IntMatrix,
    *,
    most: int,
) -> FloatVector:
    """Return the greatest statistic of given maps (replicates, n)."""
    counts = in_batches(drawn)
    best = np.zeros((counts.shape[0], counts.shape[2]))
    for side in sides:
        law = model.law(side, drawn=True, most=most)
        signed = counts if side > 0 else -counts
        windows.raise_maxima(signed, model.drawn_size, best, law)
    maxima: FloatVector = best.ravel()[: len(drawn)].copy()
    return maxima


def in_batches(drawn: IntMatrix) -> Int32Array:
    """Lay replicates (R, n) side by side: (batches, n, LANES), padded with zeros."""
    from estimators.spatial._kernels import LANES

    replicates, areas = drawn.shape
    batches = -(-replicates // LANES)
    padded = np.zeros((batches * LANES, areas), dtype=np.int32)
    padded[:replicates] = drawn
    return np.ascontiguousarray(
        padded.reshape(batches, LANES, areas).transpose(0, 2, 1)
    )


def gumbel_tail(statistic: float, maxima: FloatVector) -> float:
    """Return the p-value of a Gumbel distribution with the maxima's mean and spread.

    Reaches below 1 / (replicates + 1); NaN where the maxima do not vary.
    """
    spread = float(np.std(maxima, ddof=1)) if maxima.size > 1 else 0.0
    if spread == 0:
        return math.nan
    scale = spread * math.sqrt(6) / math.pi
    location = float(maxima.mean()) - _EULER * scale
    return -math.expm1(-math.exp(-(statistic - location) / scale))
