"""Numbers that carry their first and second derivatives through a formula.

A likelihood is then written once, as its formula, and its score and information come
with it exactly; no derivative is written by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatArray

__all__ = ["SecondOrder", "log_sum_exp", "variables"]


@dataclass(frozen=True, slots=True, eq=False)
class SecondOrder:
    """A value with its derivatives in one or two variables.

    Attributes
    ----------
    value : ndarray
    gradient : tuple of ndarray
        One for each variable.
    hessian : tuple of ndarray
        The upper triangle by rows: 11 for one variable; 11, 12, 22 for two.
    """

    value: FloatArray
    gradient: tuple[FloatArray, ...]
    hessian: tuple[FloatArray, ...]

    def __add__(self, other: SecondOrder | FloatArray | float) -> SecondOrder:
        if not isinstance(other, SecondOrder):
            return SecondOrder(self.value + other, self.gradient, self.hessian)
        return SecondOrder(
            self.value + other.value,
            tuple(a + b for a, b in zip(self.gradient, other.gradient, strict=True)),
            tuple(a + b for a, b in zip(self.hessian, other.hessian, strict=True)),
        )

    def __sub__(self, other: SecondOrder) -> SecondOrder:
        return self + other.times(-1.0)

    def __mul__(self, other: SecondOrder) -> SecondOrder:
        a, b = self, other
        return SecondOrder(
            a.value * b.value,
            tuple(
                a.value * q + b.value * p
                for p, q in zip(a.gradient, b.gradient, strict=True)
            ),
            tuple(
                a.value * b.hessian[at]
                + b.value * a.hessian[at]
                + a.gradient[i] * b.gradient[j]
                + a.gradient[j] * b.gradient[i]
                for at, (i, j) in enumerate(_pairs(len(a.gradient)))
            ),
        )

    def times(self, factor: FloatArray | float) -> SecondOrder:
        """Return the value multiplied by constants."""
        return SecondOrder(
            self.value * factor,
            tuple(a * factor for a in self.gradient),
            tuple(a * factor for a in self.hessian),
        )

    def where(self, chosen: FloatArray, other: SecondOrder) -> SecondOrder:
        """Return this where `chosen` is 1 and `other` where it is 0."""
        return self.times(chosen) + other.times(1 - chosen)

    def exp(self) -> SecondOrder:
        """Return e to the value."""
        power = np.exp(self.value)
        return self._chain(power, power, power)

    def log1p(self) -> SecondOrder:
        """Return log(1 + x)."""
        slope = 1 / (1 + self.value)
        return self._chain(np.log1p(self.value), slope, -(slope**2))

    def softplus(self) -> SecondOrder:
        """Return log(1 + e^x)."""
        share = expit(self.value)
        return self._chain(np.logaddexp(0, self.value), share, share * (1 - share))

    def log1m_exp_minus(self) -> SecondOrder:
        """Return log(1 - e^-x) of x > 0."""
        below = -np.expm1(-self.value)
        slope = np.exp(-self.value) / below
        return self._chain(np.log(below), slope, -slope / below)

    def _chain(
        self, value: FloatArray, slope: FloatArray, bend: FloatArray
    ) -> SecondOrder:
        gradient = self.gradient
        return SecondOrder(
            value,
            tuple(slope * a for a in gradient),
            tuple(
                slope * self.hessian[at] + bend * gradient[i] * gradient[j]
                for at, (i, j) in enumerate(_pairs(len(gradient)))
            ),
        )


def variables(values: Sequence[FloatArray]) -> list[SecondOrder]:
    """Return the variables themselves: gradient 1 in their own place, no curvature."""
    shape = np.broadcast_shapes(*(value.shape for value in values))
    one, zero = np.ones(shape), np.zeros(shape)
    count = len(values)
    return [
        SecondOrder(
            np.broadcast_to(value, shape),
            tuple(one if at == place else zero for at in range(count)),
            (zero,) * (count * (count + 1) // 2),
        )
        for place, value in enumerate(values)
    ]


def log_sum_exp(a: SecondOrder, b: SecondOrder) -> SecondOrder:
    """Return log(e^a + e^b)."""
    return a + (b - a).softplus()


def _pairs(count: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(count) for j in range(i, count)]
