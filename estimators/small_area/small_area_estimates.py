"""Estimates of small areas together with the model that they came from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from estimators.checks import as_generator, check_choice, check_resamples, finite_vector
from estimators.errors import InputError
from estimators.intervals import wald_interval
from estimators.results import Estimate, Estimates, ModelFit

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["Simulator", "SmallAreaEstimates"]

BenchmarkMethod = Literal["ratio", "difference"]
Simulator = Callable[[np.random.Generator], "FloatVector"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmallAreaEstimates(Estimates):
    """One row per area, in the order of the frame, with the model behind them.

    Attributes
    ----------
    model : ModelFit
        Coefficients; its `fit_statistics` hold the variance between areas.
    bounds : tuple of float
        Least and greatest lawful value of an area.
    simulator : callable
        Draws the squared errors of all areas in one simulated study.
    """

    model: ModelFit
    bounds: tuple[float, float]
    simulator: Simulator

    def with_bootstrap_mse(
        self, *, n_resamples: int = 400, rng: int | np.random.Generator | None = None
    ) -> SmallAreaEstimates:
        """Return the same estimates with a parametric bootstrap's standard errors.

        Areas and direct estimates are drawn from the fitted model, the variance and
        the coefficients are estimated again each time, and the mean squared difference
        from the areas drawn is taken. Limits are Wald's, cut at lawful values.

        Parameters
        ----------
        n_resamples : int
            At least 50.
        rng : int or numpy.random.Generator, optional

        Raises
        ------
        InputError
            If `n_resamples` is below 50.

        References
        ----------
        González-Manteiga, W., Lombardía, M. J., Molina, I., Morales, D. and
        Santamaría, L. (2008). Bootstrap mean squared error of a small-area EBLUP.
        Journal of Statistical Computation and Simulation 78, 443-462.
        """
        check_resamples(n_resamples, least=50)
        streams = as_generator(rng).spawn(n_resamples)
        squares: FloatMatrix = np.array([self.simulator(stream) for stream in streams])
        error = np.sqrt(squares.mean(axis=0))
        monte_carlo = squares.std(axis=0, ddof=1) / np.sqrt(n_resamples) / (2 * error)
        rows = [
            replace(
                self._moved(row, row.estimate, float(error[place])),
                diagnostics={
                    **row.diagnostics,
                    "analytic_std_error": row.std_error,
                    "monte_carlo_error": float(monte_carlo[place]),
                },
            )
            for place, row in enumerate(self.rows)
        ]
        note = f"standard errors from {n_resamples} parametric bootstrap studies"
        return replace(self, rows=tuple(rows), notes=(*self.notes, note))

    def benchmarked(
        self,
        total: float | Estimate,
        *,
        weights: Mapping[Any, float] | Sequence[float],
        how: BenchmarkMethod = "ratio",
    ) -> SmallAreaEstimates:
        """Return the estimates moved so that they add up to a direct total.

        Parameters
        ----------
        total : float or Estimate
            What ``sum of weight * area`` must be: the direct estimate of the whole.
        weights : mapping of area to number, or numbers in the order of the rows
            Persons per area for a total; shares that add up to 1 for a mean.
        how : {"ratio", "difference"}
            Multiply every area by one number, or add one number to every area.

        Returns
        -------
        SmallAreaEstimates
            The standard error of a row adds the square of its move to its mean squared
            error, ``sqrt(mse + move^2)``: the move is treated as bias. The sampling
            error of `total` is not added.

        Raises
        ------
        InputError
            If a weight is missing, negative or all are 0, or a moved area is unlawful
            (a proportion above 1); the message names the areas.
        """
        check_choice("how", how, ("ratio", "difference"))
        target = float(total.estimate if isinstance(total, Estimate) else total)
        weight = self._weights(weights)
        value = np.array([row.estimate for row in self.rows])
        found = float(weight @ value)
        if not math.isfinite(target) or (how == "ratio" and not target * found > 0):
            raise InputError(
                f"total={target!r}, while the areas add up to {found:.6g}: a finite "
                "total of the same sign was expected (how='ratio'); how='difference' "
                "takes any finite one."
            )
        moved = (
            value * (target / found)
            if how == "ratio"
            else value + (target - found) / weight.sum()
        )
        low, high = self.bounds
        unlawful = [
            str(next(iter(group.values())))
            for group, new in zip(self.groups, moved, strict=True)
            if not low <= new <= high
        ]
        if unlawful:
            raise InputError(
                f"Benchmarked by {how}, {', '.join(unlawful[:5])} would leave "
                f"[{low:g}, {high:g}]. Look at the total ({target:.6g} against "
                f"{found:.6g} of the model), or try the other way of `how`."
            )
        rows = tuple(
            self._moved(
                row,
                float(new),
                math.hypot(row.std_error, float(new) - row.estimate),
                method=f"{row.method}, benchmarked by {how}",
            )
            for row, new in zip(self.rows, moved, strict=True)
        )
        note = (
            f"benchmarked by {how}: {found:.6g} of the model became {target:.6g}; the "
            "standard errors count the move as bias and the total as known"
        )
        return replace(self, rows=rows, notes=(*self.notes, note))

    def _weights(self, weights: Mapping[Any, float] | Sequence[float]) -> FloatVector:
        areas = [next(iter(group.values())) for group in self.groups]
        if isinstance(weights, Mapping):
            absent = [str(area) for area in areas if area not in weights]
            if absent:
                raise InputError(f"weights has no entry for {', '.join(absent)}.")
            weights = [weights[area] for area in areas]
        weight = finite_vector(weights, "weights")
        if weight.size != len(areas) or (weight < 0).any() or not weight.any():
            raise InputError(
                f"weights: {len(areas)} numbers >= 0, not all 0, were expected; "
                f"{weight.size} came, the least {min(weight, default=math.nan):g}."
            )
        return weight

    def _moved(
        self,
        row: Estimate,
        value: float,
        std_error: float,
        *,
        method: str | None = None,
    ) -> Estimate:
        limits = wald_interval(value, std_error, level=row.ci.level, bounds=self.bounds)
        method = row.method if method is None else method
        return replace(
            row, estimate=value, std_error=std_error, ci=limits, method=method
        )
