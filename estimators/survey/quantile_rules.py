"""Quantiles of weighted values by the rules in use, and their inverse, on arrays.

The rules are Hyndman and Fan's (1996) nine, carried over to weights: with equal weights
each is the rule of that number. F is the weighted distribution function, its steps
lying at the sorted values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["QUANTILE_RULES", "QuantileRule", "SortedValues"]

QuantileRule: TypeAlias = Literal[
    "math", "school", "hf1", "hf2", "hf3", "hf4", "hf5", "hf6", "hf7", "hf8", "hf9"
]
QUANTILE_RULES: tuple[str, ...] = get_args(QuantileRule)
_STEPS = {"math": "hf1", "school": "hf2"}
_TIE = 1e-12  # share of the weight: p is reached exactly, but for rounding
# Position of a value inside its own weight, and what the last one adds to the total.
_POINTS = {
    "hf4": (1.0, 0.0), "hf5": (1 / 2, 0.0), "hf6": (1.0, 1.0), "hf7": (0.0, -1.0),
    "hf8": (2 / 3, 1 / 3), "hf9": (5 / 8, 1 / 4),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SortedValues:
    """Values in ascending order with their weights > 0."""

    values: FloatVector
    weights: FloatVector

    @classmethod
    def of(cls, values: FloatVector, weights: FloatVector) -> SortedValues:
        """Sort; values of weight zero are left out."""
        kept = weights > 0
        order = np.argsort(values[kept], kind="stable")  # ties as survey has them
        return cls(values=values[kept][order], weights=weights[kept][order])

    def __len__(self) -> int:
        return self.values.size

    def quantile(self, share: float, rule: QuantileRule) -> float:
        """Return the quantile of a share 0 < p < 1 of the weight."""
        name = _STEPS.get(rule, rule)
        if name in _POINTS:
            return self._interpolated(share, *_POINTS[name])
        return self._step(share, name)

    def _step(self, share: float, name: str) -> float:
        values, weights = self.values, self.weights
        if name == "hf3":  # its even positions count distinct values
            values, first = np.unique(values, return_index=True)
            weights = np.add.reduceat(weights, first)
        reached = np.cumsum(weights)
        wanted, rounding = share * reached[-1], _TIE * reached[-1]
        place = int(np.searchsorted(reached, wanted - rounding))
        place = min(place, values.size - 1)
        low, high = values[place], values[min(place + 1, values.size - 1)]
        if abs(reached[place] - wanted) > rounding or name == "hf1":
            return float(low)
        if name == "hf2":
            return float((low + high) / 2)
        return float(low if (place + 1) % 2 == 0 else high)

    def _interpolated(self, share: float, inside: float, last: float) -> float:
        reached = np.cumsum(self.weights)
        total = reached[-1] + last * self.weights[-1]
        if not total > 0:  # a single value under hf7
            return float(self.values[0])
        at = (reached - (1 - inside) * self.weights) / total
        return float(np.interp(share, at, self.values))
