"""Joinpoint regression: straight trends of a log rate that meet at unknown times."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.checks import (
    as_generator,
    check_counts,
    check_level,
    check_resamples,
    finite_vector,
)
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import critical_value
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval
from estimators.surveillance.monitored_series import read_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["joinpoint_trend"]

_GAP = 2  # steps between two joinpoints, and to the ends of the series


@estimator(
    family="surveillance",
    label="Joinpoint trend with permutation tests",
    source="Kim, Fay, Feuer and Midthune 2000",
    example=lambda: {
        "counts": np.array([50.0, 54, 61, 66, 70, 79, 70, 60, 55, 46, 43, 36]),
        "max_joinpoints": 1,
        "n_resamples": 99,
    },
)
def joinpoint_trend(
    counts: Sequence[float] | FloatVector,
    *,
    population: Sequence[float] | FloatVector | None = None,
    times: Sequence[float] | FloatVector | None = None,
    max_joinpoints: int = 2,
    significance: float = 0.05,
    n_resamples: int = 999,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Estimates:
    """Describe a rate by straight trends on the log scale that meet at joinpoints.

    Parameters
    ----------
    counts : array of shape (n,)
        Whole numbers above 0, one per time.
    population : array of shape (n,), optional
        Exposure, above 0.
    times : array of shape (n,), optional
        Rising; default 1 to n.
    max_joinpoints : int
        0 to 3.
    significance : float
        Of the whole sequence of tests; each is made at this by `max_joinpoints`.
    n_resamples : int
        Permutations of each test, at least 19.
    level : float
    rng : int or numpy.random.Generator, optional

    Returns
    -------
    Estimates
        Percent change per unit of time in each segment; group columns ``first, last``.
        Diagnostics ``slope`` (of the log rate) and ``joinpoints``.

    Raises
    ------
    InputError
        If a count is 0 or missing, or times do not rise.
    NotEstimableError
        If the series is too short for `max_joinpoints`.

    Notes
    -----
    Weighted least squares of log rates with weights of the counts; joinpoints lie at
    observed times, two steps or more from each other and from the ends. Numbers of
    joinpoints are tested in turn, fewest against most, by permuting the weighted
    residuals of the smaller model. Limits take the joinpoints as known; residuals are
    taken as independent in time.

    References
    ----------
    Kim, H.-J., Fay, M. P., Feuer, E. J. and Midthune, D. N. (2000). Permutation tests
    for joinpoint regression with applications to cancer rates. Statistics in Medicine
    19, 335-351.

    Examples
    --------
    >>> from estimators import surveillance
    >>> cases = [50, 54, 61, 66, 70, 79, 70, 60, 55, 46, 43, 36]
    >>> found = surveillance.joinpoint_trend(cases, max_joinpoints=1, rng=1)
    >>> [(g["first"], g["last"], round(row.estimate)) for g, row
    ...  in zip(found.groups, found)]
    [(1.0, 6.0, 9), (6.0, 12.0, -12)]
    """
    check_level(level)
    check_resamples(n_resamples, least=19)
    most = check_counts(max_joinpoints=max_joinpoints)["max_joinpoints"]
    if most > 3 or not 0 < significance < 1:
        raise InputError(
            f"max_joinpoints={most}, significance={significance!r}: at most 3, and a "
            "number between 0 and 1."
        )
    y, root, when = _read(counts, population, times)
    if y.size < max(2 * most + 3, (most + 1) * (_GAP + 1)):
        raise NotEstimableError(
            f"{y.size} times are too few for {most} joinpoints: each segment needs "
            f"{_GAP} steps or more, and the fit more times than terms."
        )
    chosen, said = _select(
        y,
        root,
        when,
        most,
        threshold=significance / max(most, 1),
        n_resamples=n_resamples,
        rng=rng,
    )
    rows, groups = _segments(y, root, when, chosen, level)
    notes = (*said, "limits take the joinpoints as known")
    return Estimates(rows=tuple(rows), groups=tuple(groups), notes=notes)


def _read(
    counts: Any,  # noqa: ANN401 - checked here
    population: Any,  # noqa: ANN401 - checked here
    times: Any,  # noqa: ANN401 - checked here
) -> tuple[FloatVector, FloatVector, FloatVector]:
    values, _ = read_counts(counts)
    n = values.size
    size = np.ones(n) if population is None else finite_vector(population, "population")
    default = np.arange(1, n + 1, dtype=np.float64)
    when = default if times is None else finite_vector(times, "times")
    problems = []
    if not n == size.size == when.size:
        problems.append(f"lengths differ ({n}, {size.size}, {when.size})")
    if (values == 0).any():
        problems.append(
            f"counts of 0 in rows {list(map(int, np.flatnonzero(values == 0)[:5]))} "
            "have no logarithm: join periods"
        )
    if (size <= 0).any():
        problems.append("population must be above 0")
    if (np.diff(when) <= 0).any():
        problems.append("times must rise")
    if problems:
        raise InputError(f"Joinpoint data: {'; '.join(problems)}.")
    return np.asarray(np.log(values / size)), np.sqrt(values), when


def _design(when: FloatVector, points: tuple[int, ...]) -> FloatMatrix:
    hinges = [np.maximum(when - when[at], 0) for at in points]
    return np.column_stack([np.ones(when.size), when - when[0], *hinges])


def _placements(n: int, k: int) -> list[tuple[int, ...]]:
    inner = range(_GAP, n - _GAP)
    return [
        points
        for points in combinations(inner, k)
        if all(b - a >= _GAP for a, b in pairwise(points))
    ]


def _best(
    scaled: FloatMatrix, root: FloatVector, when: FloatVector, k: int
) -> tuple[FloatVector, tuple[int, ...]]:
    """Return the least sum of squares of every row, and the first row's joinpoints."""
    whole = (scaled**2).sum(axis=1)
    least = np.full(len(scaled), np.inf)
    first: tuple[int, ...] = ()
    for points in _placements(when.size, k):
        basis = np.linalg.qr(_design(when, points) * root[:, None])[0]
        left = whole - ((scaled @ basis) ** 2).sum(axis=1)
        if left[0] < least[0]:
            first = points
        least = np.minimum(least, left)
    return np.maximum(least, 0), first


def _select(
    y: FloatVector,
    root: FloatVector,
    when: FloatVector,
    most: int,
    *,
    threshold: float,
    n_resamples: int,
    rng: int | np.random.Generator | None,
) -> tuple[tuple[int, ...], list[str]]:
    """Test fewest against most until one number is left."""
    generator = as_generator(rng)
    few, many = 0, most
    notes = []
    scaled = y * root
    while few < many:
        points = _best(scaled[None, :], root, when, few)[1]
        basis = np.linalg.qr(_design(when, points) * root[:, None])[0]
        fitted = basis @ (basis.T @ scaled)
        shuffled = generator.permuted(
            np.tile(scaled - fitted, (n_resamples, 1)), axis=1
        )
        every = np.vstack([scaled, fitted + shuffled])
        small = _best(every, root, when, few)[0]
        large = _best(every, root, when, many)[0]
        gain = small / np.maximum(large, 1e-300)
        p = (1 + (gain[1:] >= gain[0] * (1 - 1e-12)).sum()) / (n_resamples + 1)
        notes.append(f"{few} against {many} joinpoints: p = {p:.3g}")
        if p <= threshold:
            few += 1
        else:
            many -= 1
    return _best(scaled[None, :], root, when, few)[1], notes


def _segments(
    y: FloatVector,
    root: FloatVector,
    when: FloatVector,
    points: tuple[int, ...],
    level: float,
) -> tuple[list[Estimate], list[dict[str, float]]]:
    design = _design(when, points) * root[:, None]
    inverse = np.linalg.inv(design.T @ design)
    b = inverse @ (design.T @ (y * root))
    df = y.size - design.shape[1] - len(points)
    residual = y * root - design @ b
    covariance = inverse * float(residual @ residual) / df
    reach = critical_value(level, df=df)
    ends = [0, *points, y.size - 1]
    rows, groups = [], []
    for place in range(len(points) + 1):
        pick = np.zeros(b.size)
        pick[1 : place + 2] = 1  # a segment's slope is the sum of the hinges so far
        slope, error = float(pick @ b), float(np.sqrt(pick @ covariance @ pick))
        low, middle, high = (
            100 * float(np.expm1(slope + move))
            for move in (-reach * error, 0, reach * error)
        )
        rows.append(
            Estimate(
                estimand="percent change per unit of time",
                unit="percent",
                estimate=middle,
                std_error=(100 + middle) * error,
                ci=Interval(low=low, high=high, level=level, method=f"t with {df} df"),
                method="joinpoint_trend",
                n_obs=ends[place + 1] - ends[place] + 1,
                diagnostics={"slope": slope, "joinpoints": float(len(points))},
            )
        )
        first, last = float(when[ends[place]]), float(when[ends[place + 1]])
        groups.append({"first": first, "last": last})
    return rows, groups
