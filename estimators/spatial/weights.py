"""Who neighbours whom: sparse weights between areas, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from estimators.errors import InputError
from estimators.spatial.distances import (
    Metric,
    check_coordinates,
    near_links,
    nearest_links,
)
from estimators.spatial.link_lists import area_labels, link_positions, sort_links

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["SpatialWeights"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpatialWeights:
    """Weights of the links between areas, held row by row.

    The links of area ``i`` are the entries ``first[i]`` to ``first[i + 1]`` of
    `neighbour` and `weight`. No area is its own neighbour here: `getis_ord` adds the
    area itself where a statistic wants it, before any scaling.

    Attributes
    ----------
    areas : tuple
        Label of each area, in the order of the values that are analysed.
    first : ndarray of shape (areas + 1,)
        Where each area's links start.
    neighbour : ndarray of shape (links,)
        Position of the area at the other end.
    weight : ndarray of shape (links,)
        Weight of the link before scaling, above 0.
    style : {"raw", "row"}
        Whether statistics use the weights as they are or divided by their area's sum.

    Examples
    --------
    >>> from estimators.spatial import SpatialWeights
    >>> line = SpatialWeights.from_pairs([(0, 1), (1, 2)], n_areas=4)
    >>> line.n_neighbours
    array([1, 2, 1, 0])
    >>> line.islands
    (3,)
    """

    areas: tuple[Any, ...]
    first: IntVector
    neighbour: IntVector
    weight: FloatVector
    style: Literal["raw", "row"] = "raw"

    def __post_init__(self) -> None:
        for name in ("first", "neighbour", "weight"):
            getattr(self, name).setflags(write=False)

    def __eq__(self, other: object) -> bool:
        """Tell whether areas, links, weights and style are the same."""
        if not isinstance(other, SpatialWeights):
            return NotImplemented
        return (
            self.areas == other.areas
            and self.style == other.style
            and np.array_equal(self.first, other.first)
            and np.array_equal(self.neighbour, other.neighbour)
            and np.array_equal(self.weight, other.weight)
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    # ------------------------------------------------------------------ builders

    @classmethod
    def from_pairs(
        cls,
        pairs: Any,  # noqa: ANN401 - any array of whole numbers or labels
        *,
        n_areas: int | None = None,
        areas: Sequence[Any] | None = None,
        weights: Any = None,  # noqa: ANN401 - any array of numbers
        symmetric: bool = True,
    ) -> SpatialWeights:
        """Build weights from pairs of neighbours.

        Parameters
        ----------
        pairs : array_like of shape (links, 2)
            Positions counted from 0, or labels where `areas` are given.
        n_areas : int, optional
            How many areas there are; needed without `areas`, so that areas without
            neighbours are not forgotten.
        areas : sequence, optional
            Labels of all areas in the order of the values.
        weights : array_like of shape (links,), optional
            Above 0; 1 by default.
        symmetric : bool
            Whether a pair stands for both directions; a pair given twice counts once.

        Raises
        ------
        InputError
            If a pair names an unknown area or one area twice, links repeat with
            different weights, or a weight is not above 0.
        """
        labels = area_labels(n_areas, areas)
        links = link_positions(
            pairs, labels if areas is not None else None, len(labels)
        )
        values = (
            np.ones(len(links))
            if weights is None
            else np.array(weights, dtype=np.float64)
        )
        if values.shape != (len(links),):
            raise InputError(
                f"{len(links)} pairs came with weights of shape {values.shape}: give "
                "one weight per pair."
            )
        if symmetric:
            links = np.concatenate([links, links[:, ::-1]])
            values = np.concatenate([values, values])
        return cls._of(labels, links[:, 0], links[:, 1], values)

    @classmethod
    def from_neighbours(cls, neighbours: Mapping[Any, Iterable[Any]]) -> SpatialWeights:
        """Build binary weights from each area's list of neighbours, by label.

        Parameters
        ----------
        neighbours : mapping of area to neighbours
            Every area once, in the order of the values; an empty list is an island.
            Links are taken as given: they need not go both ways.

        Raises
        ------
        InputError
            If a neighbour is no key of the mapping or an area is its own neighbour.

        Examples
        --------
        >>> from estimators.spatial import SpatialWeights
        >>> weights = SpatialWeights.from_neighbours({"Oz": ["Ix"], "Ix": ["Oz"]})
        >>> weights.areas, weights.is_symmetric
        (('Oz', 'Ix'), True)
        """
        pairs = [(area, other) for area, near in neighbours.items() for other in near]
        return cls.from_pairs(pairs, areas=list(neighbours), symmetric=False)

    @classmethod
    def k_nearest(
        cls,
        coordinates: Any,  # noqa: ANN401 - any array of numbers
        *,
        k: int,
        metric: Metric = "euclidean",
        areas: Sequence[Any] | None = None,
    ) -> SpatialWeights:
        """Link every area to its `k` nearest others, the first of equally near ones.

        Parameters
        ----------
        coordinates : array_like of shape (n, 2)
            Centres: projected ones, or longitude and latitude in degrees with
            ``metric="great_circle"``.
        k : int
            From 1 to n - 1.
        metric : {"euclidean", "great_circle"}
        areas : sequence, optional

        Raises
        ------
        InputError
            If a coordinate is missing or impossible, or `k` is out of range.
        """
        points = check_coordinates(coordinates, metric)
        labels = area_labels(len(points), areas)
        here, there = nearest_links(points, k, metric)
        return cls._of(labels, here, there, np.ones(len(here)))

    @classmethod
    def distance_band(
        cls,
        coordinates: Any,  # noqa: ANN401 - any array of numbers
        *,
        threshold: float,
        metric: Metric = "euclidean",
        areas: Sequence[Any] | None = None,
    ) -> SpatialWeights:
        """Link areas no further apart than `threshold` (kilometres on the globe).

        Raises
        ------
        InputError
            If a coordinate is missing or impossible, or `threshold` is not above 0.
        """
        points = check_coordinates(coordinates, metric)
        labels = area_labels(len(points), areas)
        here, there, distance = near_links(points, threshold, metric)
        return cls._of(labels, here, there, np.ones(len(distance)))

    @classmethod
    def inverse_distance(
        cls,
        coordinates: Any,  # noqa: ANN401 - any array of numbers
        *,
        threshold: float,
        power: float = 1.0,
        metric: Metric = "euclidean",
        areas: Sequence[Any] | None = None,
    ) -> SpatialWeights:
        """Weigh areas within `threshold` by ``distance ** -power``.

        Raises
        ------
        InputError
            If a coordinate is missing or impossible, `threshold` or `power` is not
            above 0, or two areas share one place: their weight would be infinite.
        """
        points = check_coordinates(coordinates, metric)
        labels = area_labels(len(points), areas)
        if not 0 < power < np.inf:
            raise InputError(f"power={power!r}: a number above 0 was expected.")
        here, there, distance = near_links(points, threshold, metric)
        same = np.flatnonzero((distance == 0) & (here < there))
        if same.size:
            shown = [(labels[here[s]], labels[there[s]]) for s in same[:5]]
            raise InputError(
                f"{same.size} pairs of areas share one place (first {shown}): their "
                "inverse distance is infinite. Merge them, or use a distance band."
            )
        return cls._of(labels, here, there, distance**-power)

    # ------------------------------------------------------------------ views

    @property
    def n_areas(self) -> int:
        """Number of areas."""
        return len(self.areas)

    @property
    def n_neighbours(self) -> IntVector:
        """Number of links of each area."""
        return np.diff(self.first)

    @property
    def islands(self) -> tuple[Any, ...]:
        """Areas without a neighbour."""
        return tuple(self.areas[at] for at in np.flatnonzero(self.n_neighbours == 0))

    @property
    def owner(self) -> IntVector:
        """Position of the area that each link starts from."""
        return np.repeat(np.arange(self.n_areas), self.n_neighbours)

    @property
    def scaled(self) -> FloatVector:
        """Weights as statistics use them: raw, or divided by their area's sum."""
        if self.style == "raw":
            return self.weight
        total = self.sum_links(self.weight)
        return self.weight / total[self.owner]

    @property
    def is_symmetric(self) -> bool:
        """Whether every link goes both ways with one weight, as scaled."""
        forward = _sorted_links(self.owner, self.neighbour, self.scaled)
        back = _sorted_links(self.neighbour, self.owner, self.scaled)
        return all(
            np.array_equal(one, two) for one, two in zip(forward, back, strict=True)
        )

    def row_standardised(self) -> SpatialWeights:
        """Return the same links, each area's weights divided by their sum."""
        return replace(self, style="row")

    def binary(self) -> SpatialWeights:
        """Return the same links, each of weight 1 and unscaled."""
        return replace(self, weight=np.ones_like(self.weight), style="raw")

    def row_sums(self, power: int = 1) -> FloatVector:
        """Return each area's sum of the `power`-th powers of its scaled weights."""
        return self.sum_links(self.scaled**power)

    def lag(self, values: FloatVector) -> FloatVector:
        """Return each area's weighted sum over its neighbours, 0 for islands."""
        return self.sum_links(self.scaled * np.asarray(values)[self.neighbour])

    def moments(self) -> tuple[float, float, float]:
        """Return S0, S1 and S2 of Cliff and Ord.

        S0 is the sum of all weights, S1 half the sum of ``(w_ij + w_ji)^2``, S2 the sum
        over areas of the squared sum of their row and column.
        """
        weight, n = self.scaled, self.n_areas
        columns = np.bincount(self.neighbour, weights=weight, minlength=n)
        # sum (w_ij + w_ji)^2 / 2 = sum w_ij^2 + sum w_ij w_ji, links there or not.
        key = self.owner * n + self.neighbour
        mirror = self.neighbour * n + self.owner
        at = np.minimum(np.searchsorted(key, mirror), max(len(key) - 1, 0))
        back = np.where(key[at] == mirror, weight[at], 0.0) if len(key) else weight
        s1 = float((weight**2).sum() + (weight * back).sum())
        s2 = float(((self.sum_links(weight) + columns) ** 2).sum())
        return float(weight.sum()), s1, s2

    def subset(self, keep: BoolVector) -> SpatialWeights:
        """Return the areas of `keep` with the links among them."""
        chosen = np.asarray(keep, dtype=bool)
        place = np.cumsum(chosen) - 1
        stays = chosen[self.owner] & chosen[self.neighbour]
        links = self._of(
            tuple(self.areas[at] for at in np.flatnonzero(chosen)),
            place[self.owner[stays]],
            place[self.neighbour[stays]],
            self.weight[stays],
        )
        return replace(links, style=self.style)

    def with_self(self, self_weight: float) -> SpatialWeights:
        """Return the weights with every area linked to itself, before any scaling."""
        n = self.n_areas
        own = np.arange(n)
        links = self._of(
            self.areas,
            np.concatenate([self.owner, own]),
            np.concatenate([self.neighbour, own]),
            np.concatenate([self.weight, np.full(n, float(self_weight))]),
            self_links=True,
        )
        return replace(links, style=self.style)

    def to_dense(self) -> FloatMatrix:
        """Return the scaled weights as a matrix of shape (areas, areas)."""
        matrix: FloatMatrix = np.zeros((self.n_areas, self.n_areas))
        matrix[self.owner, self.neighbour] = self.scaled
        return matrix

    @classmethod
    def _of(
        cls,
        areas: tuple[Any, ...],
        here: IntVector,
        there: IntVector,
        weight: FloatVector,
        *,
        self_links: bool = False,
    ) -> SpatialWeights:
        first, neighbour, kept = sort_links(
            areas, here, there, weight, self_links=self_links
        )
        return cls(areas=areas, first=first, neighbour=neighbour, weight=kept)

    def sum_links(self, per_link: FloatVector) -> FloatVector:
        """Return each area's sum of one number per link, 0 for islands."""
        # Of no links at all numpy would count in whole numbers.
        sums = np.bincount(self.owner, weights=per_link, minlength=self.n_areas)
        return sums.astype(np.float64, copy=False)


def _sorted_links(
    here: IntVector, there: IntVector, weight: FloatVector
) -> tuple[IntVector, IntVector, FloatVector]:
    order = np.lexsort((there, here))
    return here[order], there[order], weight[order]
