"""Where a scan looks: sets of zones that know their best one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from estimators.spatial.neighbour_order import (
    CIRCLE,
    ELLIPSES,
    areas_within,
    neighbour_order,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector
    from estimators.spatial._kernels import Int32Array, Law
    from estimators.spatial.neighbour_order import Ellipse, Metric

__all__ = [
    "Found",
    "NestedWindows",
    "Ordering",
    "Windows",
    "cut_ordering",
    "nested_windows",
]


class Found(NamedTuple):
    """The best zone of the data and its statistic (penalised).

    `members` are areas; `cells` their places in the model's arrays, which differ where
    an area has several periods. Of flows `members` are the origins.
    """

    statistic: float
    ratio: float
    members: tuple[int, ...]
    cells: tuple[int, ...]
    ellipse: Ellipse = CIRCLE
    period: tuple[int, int] | None = None
    destinations: tuple[int, ...] | None = None


class Windows(Protocol):
    """Zones of one shape over the areas."""

    def best(
        self, cases: FloatVector, size: FloatVector, taken: BoolVector, law: Law
    ) -> Found | None:
        """Return the best zone that holds no taken area, None without a cluster."""

    def raise_maxima(
        self, counts: Int32Array, size: FloatVector, best: FloatMatrix, law: Law
    ) -> None:
        """Raise `best` (batches, LANES) to the replicates' greatest statistics."""


class Ordering(NamedTuple):
    """Neighbours by centre, cut at the cap: row g is order[start[g] : start[g + 1]]."""

    order: Int32Array
    start: IntVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NestedWindows:
    """Circles, or ellipses of several shapes: neighbours taken in one by one."""

    places: FloatMatrix
    share: FloatVector
    cap: float
    metric: Metric
    ellipses: Sequence[Ellipse]
    strength: float
    within: IntVector
    kept: dict[Ellipse, Ordering]

    def best(
        self, cases: FloatVector, size: FloatVector, taken: BoolVector, law: Law
    ) -> Found | None:
        """Return the best zone that holds no taken area, None without a cluster."""
        from estimators.spatial._kernels import TIE
        from estimators.spatial._kernels_nested import best_nested

        found: Found | None = None
        for ellipse, ordering in self._orderings():
            ratio, first, last, _ = best_nested(
                ordering.order, ordering.start, size, cases, taken, law
            )
            statistic = ratio * ellipse.penalty(self.strength)
            if first >= 0 and (found is None or statistic > found.statistic + TIE):
                members = tuple(int(i) for i in ordering.order[first : last + 1])
                found = Found(statistic, ratio, members, members, ellipse)
        return found

    def raise_maxima(
        self, counts: Int32Array, size: FloatVector, best: FloatMatrix, law: Law
    ) -> None:
        """Raise `best` (batches, LANES) to the replicates' greatest statistics."""
        from estimators.spatial._kernels import threshold_bins
        from estimators.spatial._kernels_nested import nested_maxima

        bins = threshold_bins(law)
        for ellipse, ordering in self._orderings():
            penalty = ellipse.penalty(self.strength)
            scaled = best / penalty
            nested_maxima(
                ordering.order, ordering.start, size, counts, scaled, bins, law
            )
            np.maximum(best, scaled * penalty, out=best)

    def _orderings(self) -> Iterator[tuple[Ellipse, Ordering]]:
        for ellipse in self.ellipses:
            if ellipse in self.kept:
                yield ellipse, self.kept[ellipse]
                continue
            made = cut_ordering(
                neighbour_order(self.places, metric=self.metric, ellipse=ellipse),
                self.share,
                self.cap,
                self.within,
            )
            if len(self.ellipses) == 1 or len(self.places) < _FEW_PLACES:
                self.kept[ellipse] = made
            yield ellipse, made


_FEW_PLACES = 600  # all 47 orders of so few areas are kept (under 50 MB)


def cut_ordering(
    order: Int32Array, share: FloatVector, cap: float, within: IntVector
) -> Ordering:
    """Cut every row where the share of the population passes the cap.

    within (centres,): places of a row that may be in a zone at most.
    """
    from estimators.spatial._kernels_nested import nested_lengths

    lengths = np.minimum(nested_lengths(order, share, cap), within)
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    kept = np.arange(order.shape[1])[None] < lengths[:, None]
    return Ordering(order[kept], start)


def nested_windows(
    places: FloatMatrix,
    share: FloatVector,
    *,
    cap: float,
    metric: Metric,
    max_distance: float = math.inf,
    elliptic: bool = False,
    strength: float = 0.5,
) -> NestedWindows:
    """Return circular or elliptic zones up to a share of the population.

    A `max_distance` from the centre is for circles.
    """
    return NestedWindows(
        places=places,
        share=share,
        cap=cap,
        metric=metric,
        ellipses=ELLIPSES if elliptic else (CIRCLE,),
        strength=strength,
        within=areas_within(places, metric=metric, max_distance=max_distance),
        kept={},
    )
