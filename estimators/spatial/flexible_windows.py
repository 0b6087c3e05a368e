"""Zones of any connected shape near a centre, free or restricted to raised areas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from estimators.errors import NotEstimableError
from estimators.spatial.windows import Found

if TYPE_CHECKING:
    from estimators.array_types import BoolMatrix, BoolVector, FloatMatrix, FloatVector
    from estimators.spatial._kernels import Int32Array, Law
    from estimators.spatial._kernels_flexible import Surroundings
    from estimators.spatial.scan_models import ScanModel

__all__ = ["FlexibleWindows", "RestrictedWindows", "least_raised"]


# Connected sets looked at in the data (half a minute), and in each simulated map.
_MOST_SETS, _MOST_DRAWN_SETS = 5e8, 1e7
_TOO_MANY = (
    "There are more than hundreds of millions of connected sets of raised areas: their "
    "number doubles with every area that joins. Lower restriction= (fewer areas count "
    "as raised) or max_areas= or max_distance=, or take shape='circular'."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlexibleWindows:
    """All connected sets with the centre among the areas nearest to it.

    Attributes
    ----------
    near : ndarray of int32, shape (n, max_areas)
    touching : ndarray of bool, shape (n, n)
    share : ndarray of shape (n,)
    cap : float
    """

    near: Int32Array
    touching: BoolMatrix
    share: FloatVector
    cap: float

    def best(
        self, cases: FloatVector, size: FloatVector, taken: BoolVector, law: Law
    ) -> Found | None:
        """Return the best zone that holds no taken area, None without a cluster."""
        return self._best_of(cases, size, ~taken, law)

    def _best_of(
        self, cases: FloatVector, size: FloatVector, allowed: BoolVector, law: Law
    ) -> Found | None:
        from estimators.spatial._kernels_flexible import best_flexible

        ratio, who = best_flexible(
            self._surroundings(), allowed, cases, size, law, _MOST_SETS
        )
        if math.isnan(ratio):
            raise NotEstimableError(_TOO_MANY)
        if not who.size:
            return None
        members = tuple(sorted(int(i) for i in who))
        return Found(float(ratio), float(ratio), members, members)

    def raise_maxima(
        self, counts: Int32Array, size: FloatVector, best: FloatMatrix, law: Law
    ) -> None:
        """Raise `best` (batches, LANES) to the replicates' greatest statistics."""
        from estimators.spatial._kernels import threshold_bins
        from estimators.spatial._kernels_flexible import flexible_maxima

        bins = threshold_bins(law)
        flexible_maxima(self._surroundings(), size, counts, best, bins, law)

    def _surroundings(self) -> Surroundings:
        from estimators.spatial._kernels_flexible import Surroundings

        return Surroundings(self.near, self.touching, self.share, self.cap)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RestrictedWindows(FlexibleWindows):
    """Of these, the sets of areas that are each raised by themselves.

    Attributes
    ----------
    least : ndarray of int32, shape (n,)
        Fewest cases with which an area counts as raised.
    """

    least: Int32Array

    def best(
        self, cases: FloatVector, size: FloatVector, taken: BoolVector, law: Law
    ) -> Found | None:
        """Return the best zone that holds no taken area, None without a cluster."""
        raised = np.floor(cases + 1e-9) >= self.least
        return self._best_of(cases, size, raised & ~taken, law)

    def raise_maxima(
        self, counts: Int32Array, size: FloatVector, best: FloatMatrix, law: Law
    ) -> None:
        """Raise `best` (batches, LANES) to the replicates' greatest statistics."""
        from estimators.spatial._kernels_flexible import restricted_maxima

        around = self._surroundings()
        restricted_maxima(around, self.least, size, counts, best, _MOST_DRAWN_SETS, law)
        if np.isnan(best).any():
            raise NotEstimableError(_TOO_MANY)


def least_raised(model: ScanModel, restriction: float) -> Int32Array:
    """Return the fewest cases of each area whose mid-p is below `restriction`.

    The mid-p is ``P(X > x) + P(X = x) / 2`` with X Poisson, or binomial where the model
    is Bernoulli (Tango 2008).
    """
    size = model.drawn_size
    least = np.zeros(size.size, dtype=np.int32)
    rate = model.drawn_total / size.sum()
    most = size if model.kind == "bernoulli" else np.full(size.size, np.inf)
    pending = np.ones(size.size, dtype=np.bool_)
    while pending.any():
        if model.kind == "bernoulli":
            above, here = (
                stats.binom.sf(least, size, rate),
                stats.binom.pmf(least, size, rate),
            )
        else:
            above, here = stats.poisson.sf(least, size), stats.poisson.pmf(least, size)
        pending = (above + here / 2 >= restriction) & (least <= most)
        least[pending] += 1
    return least
