"""Run a statistic over replicates, in chunks that any joblib backend can take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from estimators.checks import as_generator, check_resamples
from estimators.errors import InputError, NotEstimableError, PrevalenceError
from estimators.resampling.replicates import Failure, Replicates
from estimators.resampling.row_plans import (
    BootstrapRows,
    JackknifeRows,
    RowPlan,
    row_strata,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatVector, IntVector

__all__ = ["Data", "Statistic", "bootstrap", "jackknife"]

Array: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[Any]]"
Data: TypeAlias = "Array | pd.DataFrame | pd.Series[Any]"
Statistic: TypeAlias = "Callable[..., float | FloatArray]"

# What a lawful statistic raises on an unlucky resample (one class left, no overlap).
# Anything else is a defect of the statistic and must be seen.
_EXPECTED = (PrevalenceError, ArithmeticError, np.linalg.LinAlgError)
# joblib costs 0.03 ms a task and dask 0.4: a task of 50 ms makes both negligible.
_TASK_SECONDS = 0.05


def bootstrap(
    statistic: Statistic,
    *data: Data,
    n_resamples: int,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
    strata: Sequence[object] | None = None,
    clusters: Sequence[object] | None = None,
) -> Replicates:
    """Compute a statistic on resamples of rows or clusters, within strata if given.

    Replicate r draws from its own stream, spawned from `rng` by replicate, and results
    are put together in replicate order: the answer depends neither on `n_jobs` nor on
    the joblib backend, `joblib.parallel_config` included.

    Parameters
    ----------
    statistic : callable
        Takes as many arrays or frames as `data` has, returns a number or a vector (k,).
    *data : ndarray of shape (n, ...) or pandas object of n rows
        Resampled together, by rows.
    n_resamples : int
        At least 2.
    rng : int, numpy.random.Generator or None
    n_jobs : int, optional
        As joblib understands it; None follows `joblib.parallel_config`, otherwise 1.
    strata : sequence of length n, optional
        Rows (or clusters) are drawn within their stratum, as many as it has.
    clusters : sequence of length n, optional
        Whole clusters are drawn instead of rows; a cluster lies in one stratum.

    Returns
    -------
    Replicates
        A replicate counts as failed if `statistic` raises one of this package's errors,
        an arithmetic or linear algebra error, or returns NaN.

    Raises
    ------
    InputError
        If lengths differ, or a cluster spans strata.
    NotEstimableError
        If fewer than two replicates have a value.

    References
    ----------
    Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application.
    Cambridge University Press. https://doi.org/10.1017/CBO9780511802843

    Examples
    --------
    >>> import numpy as np
    >>> replicates = bootstrap(np.mean, np.arange(20.0), n_resamples=200, rng=1)
    >>> replicates.values.shape, round(float(replicates.std_error[0]), 1)
    ((200, 1), 1.2)
    """
    count = check_resamples(n_resamples, least=2)
    n = _common_length(data)
    parts = row_strata(n, strata, clusters)
    seeds = _spawn(as_generator(rng), count)
    tasks = [BootstrapRows(seed, parts) for seed in seeds]
    return _run("bootstrap", statistic, data, tasks, n_jobs)


def jackknife(
    statistic: Statistic,
    *data: Data,
    n_jobs: int | None = None,
    clusters: Sequence[object] | None = None,
) -> Replicates:
    """Compute a statistic with each row, or each cluster, left out in turn.

    Parameters
    ----------
    statistic : callable
        Takes as many arrays or frames as `data` has, returns a number or a vector (k,).
    *data : ndarray of shape (n, ...) or pandas object of n rows
    n_jobs : int, optional
        As joblib understands it; None follows `joblib.parallel_config`, otherwise 1.
    clusters : sequence of length n, optional
        Left out whole, in order of first appearance.

    Returns
    -------
    Replicates

    Raises
    ------
    InputError
        If lengths differ.
    NotEstimableError
        If fewer than two replicates have a value.

    References
    ----------
    Miller, R. G. (1974). The jackknife: a review. Biometrika 61, 1-15.
    https://doi.org/10.2307/2334280

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([1.0, 2.0, 4.0, 9.0])
    >>> jackknife(np.mean, values).std_error.round(6)  # s / sqrt(n)
    array([1.779513])
    """
    n = _common_length(data)
    (whole,) = row_strata(n, None, clusters)
    members = np.split(whole.rows, whole.starts[1:-1])
    tasks = [JackknifeRows(n, rows) for rows in members]
    return _run("jackknife", statistic, data, tasks, n_jobs)


def _run(
    kind: str,
    statistic: Statistic,
    data: tuple[Data, ...],
    tasks: Sequence[RowPlan],
    n_jobs: int | None,
) -> Replicates:
    started = time.perf_counter()
    estimate = _vector(statistic(*data))
    seconds = time.perf_counter() - started
    # Only the size of the tasks depends on the clock, never a result.
    size = min(max(1, math.ceil(_TASK_SECONDS / max(seconds, 1e-7))), len(tasks))
    starts = range(0, len(tasks), size)
    if n_jobs == 1 or len(starts) == 1:
        results = _evaluate(statistic, data, tasks, 0)
    else:
        from joblib import Parallel, delayed

        chunks = Parallel(n_jobs=n_jobs)(
            delayed(_evaluate)(statistic, data, tasks[at : at + size], at)
            for at in starts
        )
        results = [value for chunk in chunks for value in chunk]
    values = [value for value in results if not isinstance(value, Failure)]
    failures = tuple(value for value in results if isinstance(value, Failure))
    if len(values) < 2:
        reasons = sorted({failure.reason for failure in failures})
        raise NotEstimableError(
            f"{len(failures)} of {len(tasks)} {kind} replicates failed: "
            + "; ".join(reasons[:3])
        )
    if any(value.shape != estimate.shape for value in values):
        raise InputError(
            f"The statistic returns {estimate.size} numbers on the data and must do so "
            "on every resample: fix its categories before resampling."
        )
    return Replicates(
        estimate=estimate, values=np.stack(values), failures=failures, kind=kind
    )


def _evaluate(
    statistic: Statistic,
    data: tuple[Data, ...],
    tasks: Sequence[RowPlan],
    first: int,
) -> list[FloatVector | Failure]:
    results: list[FloatVector | Failure] = []
    for replicate, task in enumerate(tasks, start=first):
        rows = task.rows()
        try:
            value = _vector(statistic(*(_take(part, rows) for part in data)))
        except _EXPECTED as error:
            reason = f"{type(error).__name__}: {error}"
            results.append(Failure(replicate=replicate, reason=reason))
            continue
        if np.isnan(value).any():
            results.append(Failure(replicate=replicate, reason="the statistic is NaN"))
        else:
            results.append(value)
    return results


def _take(part: Data, rows: IntVector) -> Data:
    if isinstance(part, pd.DataFrame | pd.Series):
        return part.iloc[rows]
    return np.asarray(part)[rows]


def _vector(value: object) -> FloatVector:
    return np.atleast_1d(np.asarray(value, dtype=np.float64)).ravel()


def _common_length(data: tuple[Data, ...]) -> int:
    lengths = {len(part) for part in data}
    if len(lengths) != 1:
        raise InputError(
            f"Data resampled together need one length; {sorted(lengths)} came."
            if lengths
            else "No data came: give at least one array or frame."
        )
    (n,) = lengths
    if n < 2:
        raise InputError(f"Resampling needs at least 2 rows, {n} came.")
    return n


def _spawn(rng: np.random.Generator, count: int) -> list[np.random.SeedSequence]:
    seeds = rng.bit_generator.seed_seq
    if not isinstance(seeds, np.random.SeedSequence):
        raise InputError(
            "This generator cannot spawn streams: make it by numpy.random.default_rng."
        )
    return seeds.spawn(count)
