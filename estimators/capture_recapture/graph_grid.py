"""Numbers of unobserved persons that posteriors over graphs are summed on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from estimators.capture_recapture._kernels_graphs import GraphTable

__all__ = [
    "FAR",
    "START",
    "density_between",
    "finest_step",
    "unobserved_grid",
    "windows_that_matter",
]

# End of an open grid.
FAR = 1e18
# Graphs are evaluated at all whole numbers up to here and on an opening grid beyond: no
# posterior is narrower there than 16 persons.
START = 256
# Steps of the look that finds out where a graph matters, in standard deviations of the
# narrowest posterior, and at most so much of x.
COARSE_STEPS, COARSEST_STEP, COARSE_START = 3.0, 0.1, 64
# Steps whose mass lies this far (natural log) below the best graph's best step are left
# out: of 18 154 graphs with 640 steps, less than 1e-10 of the whole in all.
HOPELESS = 40.0


def finest_step(n_observed: int) -> float:
    """Return a step of the grid, relative to x, that no posterior slips through.

    n persons tell x to a relative error of n ** -0.5 at best.
    """
    return min(0.02, 1 / math.sqrt(n_observed))


def unobserved_grid(
    largest: int | None, *, whole: int, opening: float
) -> tuple[FloatVector, FloatVector, int]:
    """Return nodes, weights and how many nodes are consecutive whole numbers.

    All numbers up to `whole`, then whole + sinh(k v) / k at v = 1, 2, ...: steps start
    at 1 without a kink and end in proportion to x, so that the trapezoid rule keeps the
    accuracy that it has for smooth functions. k is `opening`, or a little less.
    """
    if largest is not None and largest <= whole:
        grid = np.arange(largest + 1.0)
        return grid, np.ones_like(grid), grid.size
    end = FAR if largest is None else float(largest)
    k, steps = _steps(end - whole, opening)
    angle = k * np.arange(1, steps + 1)
    grid = np.concatenate([np.arange(whole + 1.0), whole + np.sinh(angle) / k])
    grid[-1] = end
    weight = np.concatenate([np.ones(whole + 1), np.cosh(angle)])
    weight[-1] /= 2
    return grid, weight, whole + 1


def _steps(reach: float, opening: float) -> tuple[float, int]:
    """Return k and the number of steps whose last node is the end of the range."""
    steps = math.ceil(math.asinh(opening * reach) / opening)
    k = opening
    for _ in range(60):
        k = math.asinh(k * reach) / steps
    return k, steps


def density_between(
    density: FloatVector, grid: FloatVector, largest: int | None, *, opening: float
) -> FloatVector:
    """Interpolate the density at all of `grid` from an opening one's nodes.

    `density` is at the nodes of `unobserved_grid` with the same `largest` and
    `opening` and ``whole=START``, whose whole numbers `grid` shares.
    """
    from estimators.capture_recapture._kernels_graphs import interpolated

    k, steps = _steps((FAR if largest is None else float(largest)) - START, opening)
    places = np.arcsinh(k * (grid[START + 1 :] - START)) / k
    # Above START only: where steps begin to open, their third derivative jumps.
    beyond = interpolated(density[START:], np.minimum(places, steps))
    # Far from all graphs the polynomials leave rounding of either sign.
    return np.concatenate([density[: START + 1], np.maximum(beyond, 0.0)])


def rise_between(n: int, grid: FloatVector) -> FloatVector:
    """Return by how much a log density may exceed that at the two nodes, (P - 1,).

    With s = sum of (x + i) ** -2 over i = 1, ..., n no graph's second derivative is
    below -s: its terms are log-gammas of x + n + 1, x + 1 and pairs of a clique and a
    separator in it, whose margin is the larger. Between nodes a step apart a function
    exceeds both by s step ** 2 / 8 at most, and s < n / ((x + 1 / 2) (x + n + 1 / 2)).
    """
    x = grid[:-1]
    bound: FloatVector = np.diff(grid) ** 2 / 8 * n / ((x + 0.5) * (x + n + 0.5))
    return bound


def windows_that_matter(
    n: int, graphs: GraphTable, largest: int | None
) -> tuple[float, FloatVector, FloatVector]:
    """Return the largest log density seen and each graph's range of x that matters.

    Ranges are (G,) and (G,), NaN where a graph matters nowhere. Outside of them no step
    of the look, nor anything between its nodes, has a mass above exp(-HOPELESS) of the
    largest.
    """
    from estimators.capture_recapture._kernels_graphs import graph_peaks, graph_windows

    opening = min(COARSEST_STEP, COARSE_STEPS / math.sqrt(n))
    grid, weight, whole = unobserved_grid(largest, whole=COARSE_START, opening=opening)
    log_weight = np.log(weight)
    log_prior = log_weight - np.log(n + grid)
    peak = float(graph_peaks(grid, log_prior, graphs).max())
    rise = rise_between(n, grid) + np.abs(np.diff(log_weight))
    rise[: whole - 1] = 0.0  # nothing lies between whole numbers
    opens, closes = graph_windows(grid, log_prior, rise, peak - HOPELESS, graphs)
    seen = opens >= 0
    first = np.where(seen, grid[np.maximum(opens, 0)], np.nan)
    last = np.where(seen, grid[np.maximum(closes, 0)], np.nan)
    return peak, first, last
