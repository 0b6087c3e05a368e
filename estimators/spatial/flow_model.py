"""What flows would be if origins and destinations met by size (and distance) alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, IntMatrix

__all__ = ["distance_decay", "draw_flows", "fit_margins"]

_SWEEPS = 10  # times that every trip makes an offer, from the data to a drawn set
_LEAST_STEPS = 50_000  # few trips mix slowly where pairs are impossible
_STEEPEST = 10.0  # powers of distance that are sought


def fit_margins(weight: FloatMatrix, flows: FloatMatrix) -> FloatMatrix:
    """Scale rows and columns of `weight` until its margins are those of `flows`.

    Parameters
    ----------
    weight : ndarray of shape (origins, destinations)
        0 where no trip can be.
    flows : ndarray of shape (origins, destinations)

    Returns
    -------
    ndarray of shape (origins, destinations)

    Raises
    ------
    ConvergenceError
        If no table with these zeros has these margins.
    """
    rows, columns = flows.sum(axis=1), flows.sum(axis=0)
    fitted: FloatMatrix = weight * ((rows > 0)[:, None] & (columns > 0)[None])
    total = flows.sum()
    for _ in range(5000):
        fitted = fitted * _ratio(rows, fitted.sum(axis=1))[:, None]
        fitted = fitted * _ratio(columns, fitted.sum(axis=0))[None]
        if np.abs(fitted.sum(axis=1) - rows).max() < 1e-9 * total:
            return fitted
    raise ConvergenceError(
        "No table of flows without trips inside a place has these totals by origin and "
        "destination; give within_place=True if such trips can occur."
    )


def distance_decay(
    distance: FloatMatrix, possible: FloatMatrix, flows: FloatMatrix
) -> tuple[float, FloatMatrix]:
    """Fit ``a_i b_j d_ij^-power`` by maximum likelihood; return power and flows.

    The fitted flows have the margins of the data and their mean log distance.
    """
    log_distance = np.log(np.where(distance > 0, distance, 1.0))
    log_distance = np.where(distance > 0, log_distance, log_distance.min())
    wanted = float((flows * log_distance).sum())
    low, high = -_STEEPEST, _STEEPEST
    power, fitted = 0.0, fit_margins(possible, flows)
    for _ in range(60):
        if float((fitted * log_distance).sum()) > wanted:
            low = power  # trips of the fit are too long: distance must deter more
        else:
            high = power
        if high - low < 1e-7:
            break
        power = (low + high) / 2
        weight = possible * np.exp(-power * (log_distance - log_distance.mean()))
        fitted = fit_margins(weight, flows)
    return power, fitted


def draw_flows(
    flows: FloatMatrix, weight: FloatMatrix, n_resamples: int, rng: np.random.Generator
) -> IntMatrix:
    """Draw flows with the margins of the data, likely in proportion to `weight`.

    Returns
    -------
    ndarray of int64, shape (n_resamples, origins * destinations)
    """
    columns = flows.shape[1]
    pairs = np.repeat(np.arange(flows.size), flows.ravel().astype(np.int64))
    origin, destination = pairs // columns, pairs % columns
    if (weight == weight[0, 0]).all():
        drawn = np.empty((n_resamples, flows.size), dtype=np.int64)
        for row in drawn:
            cells = origin * columns + rng.permutation(destination)
            row[:] = np.bincount(cells, minlength=flows.size)
        return drawn
    from estimators.spatial._kernels_flows import mixed_flows

    return mixed_flows(
        origin.astype(np.int32),
        destination.astype(np.int32),
        weight / weight.max(),
        rng.integers(0, 2**64, size=n_resamples, dtype=np.uint64),
        max(_SWEEPS, -(-_LEAST_STEPS // origin.size)),
    )


def _ratio(wanted: FloatMatrix, held: FloatMatrix) -> FloatMatrix:
    """Return wanted / held, 0 where nothing is held."""
    ratio: FloatMatrix = np.divide(
        wanted, held, out=np.zeros_like(wanted), where=held > 0
    )
    return ratio


def pair_distances(
    origins: FloatMatrix, destinations: FloatMatrix, *, great_circle: bool
) -> FloatMatrix:
    """Return distances from every origin to every destination (radians on a sphere)."""
    if not great_circle:
        offset = origins[:, None] - destinations[None]
        return np.asarray(np.hypot(offset[..., 0], offset[..., 1]))
    start, stop = np.radians(origins)[:, None], np.radians(destinations)[None]
    half = np.sin((stop - start) / 2) ** 2
    chord = half[..., 1] + half[..., 0] * np.cos(start[..., 1]) * np.cos(stop[..., 1])
    return np.asarray(2 * np.arcsin(np.sqrt(np.minimum(chord, math.inf))))
