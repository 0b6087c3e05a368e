"""Any estimator in each stratum of a table, and the sum of the strata."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.capture_recapture._histories_argument import check_histories
from estimators.checks import as_generator, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import unseen_log_interval
from estimators.results import Estimate, Estimates

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = ["by_stratum"]

ALL = "all"


def by_stratum(
    estimator: Callable[..., Estimate],
    histories: CaptureHistories,
    *,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    **options: Any,  # noqa: ANN401 - the estimator's own
) -> Estimates:
    """Apply an estimator to each stratum, and add the strata up.

    Lists that depend on each other only because both reach the same kind of person
    become independent within strata: the sum is then right where the estimate of the
    pooled table is too low. Strata share nothing: for sparse ones see
    `stratified_log_linear`.

    Parameters
    ----------
    estimator : callable
        ``estimator(histories, ...)`` that returns an Estimate.
    histories : CaptureHistories
        Read with ``strata=``.
    level : float
    rng : int, numpy.random.Generator or None
        Each stratum gets a stream of its own, if the estimator draws.
    **options
        Passed on.

    Returns
    -------
    Estimates
        One row for each stratum; last, under the label ``"all"`` in every column, their
        sum, whose variance is the sum of variances and whose interval is log-normal for
        the unseen persons. The sum is left out, with a note, if a stratum has no
        finite estimate and standard error.

    Raises
    ------
    InputError
        If there are no strata, or one is called ``"all"``.
    NotEstimableError
        With every stratum that has no estimate, and why.

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories, log_linear
    >>> histories = CaptureHistories.from_counts(
    ...     {"f": {"10": 30, "01": 20, "11": 10}, "m": {"10": 80, "01": 40, "11": 10}},
    ...     strata="sex")
    >>> sizes = by_stratum(log_linear, histories, terms="[1,2]")
    >>> sizes.to_frame()[["sex", "estimate"]].round(6).values.tolist()
    [['f', 120.0], ['m', 450.0], ['all', 570.0]]
    """
    check_histories(histories)
    check_level(level)
    parts = list(histories.by_stratum())
    taken = [label for label, _ in parts if ALL in label.values()]
    if taken:
        raise InputError(f"A stratum is called {ALL!r}, as their sum is: rename it.")
    rows = _rows(estimator, parts, {"level": level, **options}, rng)
    groups = [dict(label) for label, _ in parts]
    values = np.array([(row.estimate, row.std_error) for row in rows])
    if not np.isfinite(values).all():
        bad = [
            str(g) for g, v in zip(groups, values, strict=True) if not all(v < 1e300)
        ]
        return Estimates(
            rows=tuple(rows),
            groups=tuple(groups),
            notes=(f"no sum: estimate or error is not finite in {', '.join(bad)}",),
        )
    return Estimates(
        rows=(*rows, _sum(rows, level)),
        groups=(*groups, dict.fromkeys(histories.strata, ALL)),
        covariance=_covariance(values[:, 1] ** 2),
    )


def _rows(
    estimator: Callable[..., Estimate],
    parts: list[tuple[Mapping[str, Any], CaptureHistories]],
    options: dict[str, Any],
    rng: int | np.random.Generator | None,
) -> list[Estimate]:
    takes = inspect.signature(estimator).parameters
    streams = as_generator(rng).spawn(len(parts)) if "rng" in takes else None
    rows, failed = [], []
    for at, (label, part) in enumerate(parts):
        given = options if streams is None else {**options, "rng": streams[at]}
        named = ", ".join(f"{name}={value}" for name, value in label.items())
        try:
            rows.append(estimator(part, **given))
        except NotEstimableError as error:
            failed.append(f"{named}: {error}")
    if failed:
        raise NotEstimableError(
            f"{len(failed)} of {len(parts)} strata have no estimate. "
            + " ".join(failed)
            + " Pool strata (histories.pool), or use stratified_log_linear."
        )
    return rows


def _sum(rows: list[Estimate], level: float) -> Estimate:
    total = math.fsum(row.estimate for row in rows)
    seen = sum(row.n_obs for row in rows)
    variance = math.fsum(row.std_error**2 for row in rows)
    return Estimate(
        estimand=rows[0].estimand,
        unit=rows[0].unit,
        estimate=total,
        std_error=math.sqrt(variance),
        ci=unseen_log_interval(max(total, seen), seen, variance, level=level),
        method=rows[0].method,
        n_obs=seen,
        notes=(f"sum of {len(rows)} strata, taken as independent",),
    )


def _covariance(variance: FloatVector) -> FloatMatrix:
    """Return the joint covariance of independent rows and their sum."""
    size = variance.size
    joint = np.zeros((size + 1, size + 1))
    joint[:size, :size] = np.diag(variance)
    joint[size, :size] = joint[:size, size] = variance
    joint[size, size] = variance.sum()
    return joint
