"""Null models of a scan: what is expected where, and how cases are drawn under it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.errors import InputError
from estimators.spatial.null_draws import draw_counts, draw_mixed

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntMatrix
    from estimators.spatial._kernels import Law

__all__ = [
    "Direction",
    "ScanModel",
    "bernoulli_model",
    "drawn_by",
    "expectation_model",
    "permutation_model",
    "poisson_model",
    "read_counts",
]

Direction = int  # 1 too many cases, -1 too few


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScanModel:
    """Cases and sizes of the areas (or cells) under one null model.

    Attributes
    ----------
    kind : {"poisson", "bernoulli", "expectation"}
    cases : ndarray of shape (n,)
        May be fractional where cases were apportioned or weighted.
    size : ndarray of shape (n,)
        Expected cases, or trials for Bernoulli.
    drawn_size : ndarray of shape (n,)
        The same for simulated data, which hold a whole number of cases.
    drawn_total : int
    min_cases : int
        Fewest cases in a cluster of many.
    draws : callable, optional
        Draws cases where the kind does not say how: (replicates, generator) to counts.
    """

    kind: str
    cases: FloatVector
    size: FloatVector
    drawn_size: FloatVector
    drawn_total: int
    min_cases: int
    draws: Callable[[int, np.random.Generator], IntMatrix] | None = None

    @property
    def total(self) -> float:
        """Cases in all."""
        return float(self.cases.sum())

    @property
    def mass(self) -> float:
        """Sizes in all."""
        return float(self.size.sum())

    def law(self, side: Direction, *, drawn: bool = False, most: int = 0) -> Law:
        """Return what the kernels need to know, for the data or for simulated cases."""
        from estimators.spatial import _kernels

        kinds = {
            "poisson": _kernels.POISSON,
            "bernoulli": _kernels.BERNOULLI,
            "expectation": _kernels.EXPECTATION,
        }
        mass = float((self.drawn_size if drawn else self.size).sum())
        return _kernels.Law(
            kind=kinds[self.kind],
            total=float(self.drawn_total) if drawn else self.total,
            mass=mass,
            side=int(side),
            min_cases=self.min_cases,
            largest=mass * (1 + 1e-9),
            most=int(most),
        )

    def null_cases(self, zone_size: float) -> float:
        """Return the cases that a zone of this size has under the null."""
        if self.kind == "bernoulli":
            return zone_size * self.total / self.mass
        return zone_size

    def draw(self, n_resamples: int, rng: np.random.Generator) -> IntMatrix:
        """Draw cases of all areas under the null, shape (n_resamples, n)."""
        if self.draws is not None:
            return self.draws(n_resamples, rng)
        return draw_counts(
            self.kind, self.drawn_size, self.drawn_total, n_resamples, rng
        )

    def of(self, cells: BoolVector) -> ScanModel:
        """Return the model of some cells; the others hold neither cases nor size."""
        draws = self.draws
        return replace(
            self,
            cases=self.cases[cells],
            size=self.size[cells],
            drawn_size=self.drawn_size[cells],
            draws=None if draws is None else lambda n, rng: draws(n, rng)[:, cells],
        )


def poisson_model(
    cases: FloatVector, weight: FloatVector, *, min_cases: int
) -> ScanModel:
    """Return the model in which cases fall in proportion to `weight`."""
    size = weight * (cases.sum() / weight.sum())
    return _with_whole_total("poisson", cases, size, min_cases)


def bernoulli_model(
    cases: FloatVector, trials: FloatVector, *, min_cases: int
) -> ScanModel:
    """Return the model in which cases are persons drawn at random from the trials."""
    whole = np.floor(trials + 0.5)
    return ScanModel(
        kind="bernoulli",
        cases=cases,
        size=trials,
        drawn_size=whole,
        drawn_total=math.floor(min(cases.sum(), whole.sum()) + 0.5),
        min_cases=min_cases,
    )


def expectation_model(
    cases: FloatVector, expected: FloatVector, *, min_cases: int
) -> ScanModel:
    """Return the model of independent Poisson counts round `expected`."""
    return _with_whole_total("expectation", cases, expected, min_cases)


def permutation_model(cases: FloatMatrix, *, min_cases: int) -> ScanModel:
    """Return the model in which cases keep areas and periods, but mix them.

    cases (n, periods): whole numbers.
    """
    by_area, by_period = cases.sum(axis=1), cases.sum(axis=0)
    size = (np.outer(by_area, by_period) / cases.sum()).ravel()
    return drawn_by(
        cases.ravel(),
        size,
        lambda n, rng: draw_mixed(by_area, by_period, n, rng),
        min_cases=min_cases,
    )


def drawn_by(
    cases: FloatVector,
    expected: FloatVector,
    draws: Callable[[int, np.random.Generator], IntMatrix],
    *,
    min_cases: int,
) -> ScanModel:
    """Return a model given the number of cases whose maps are drawn by `draws`."""
    model = _with_whole_total("poisson", cases, expected, min_cases)
    return replace(model, draws=draws)


def _with_whole_total(
    kind: str, cases: FloatVector, size: FloatVector, min_cases: int
) -> ScanModel:
    total = float(cases.sum())
    whole = max(math.floor(total + 0.5), 1)
    scale = whole / total if kind == "poisson" and total > 0 else 1.0
    return ScanModel(
        kind=kind,
        cases=cases,
        size=size,
        drawn_size=size * scale,
        drawn_total=whole,
        min_cases=min_cases,
    )


def read_counts(values: Any, name: str, shape: tuple[int, ...]) -> FloatVector:  # noqa: ANN401
    """Return numbers >= 0 of the wanted shape, or say what is wrong."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers: {error}.") from error
    if array.shape != shape:
        raise InputError(
            f"{name} has shape {array.shape}, but {shape} was expected: one value for "
            "every area of coordinates (and every period)."
        )
    wrong = np.argwhere(~np.isfinite(array) | (array < 0))
    if wrong.size:
        shown = [tuple(int(i) for i in at) for at in wrong[:5]]
        raise InputError(
            f"{name} must be numbers >= 0; {len(wrong)} are missing, infinite or below "
            f"0 (first at {shown}, counted from 0)."
        )
    return array
