"""Estimates that carry the doubt about who is linked to whom."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture import CaptureHistories, independent_lists
from estimators.checks import check_counts, check_level
from estimators.errors import ConvergenceError, NotEstimableError
from estimators.intervals import unseen_log_interval
from estimators.results import Estimate
from sentinel.linkage.link_errors import list_histories

if TYPE_CHECKING:
    from sentinel.linkage.pairs import LinkedPairs

__all__ = ["resample_links", "size_over_links"]


def resample_links(
    pairs: LinkedPairs,
    *,
    n_resamples: int = 50,
    rng: int | np.random.Generator | None = None,
) -> list[CaptureHistories]:
    """Draw links by their probabilities and return the capture histories of each draw.

    Every pair is a link with its own probability, independently; the links drawn are
    clustered as always (strongest first, at most one record of a duplicate-free list),
    so that the draws keep what is certain and vary what is not.

    Parameters
    ----------
    pairs : LinkedPairs
    n_resamples : int
    rng : int, Generator or None

    Returns
    -------
    list of CaptureHistories
        One per draw, for any estimator; see `size_over_links`.
    """
    check_counts(n_resamples=n_resamples)
    probability = pairs.frame["match_probability"].to_numpy(np.float64)
    drawn = []
    for stream in np.random.default_rng(rng).spawn(n_resamples):
        kept = pairs.frame[stream.random(probability.size) < probability]
        drawn.append(list_histories(pairs.grouped(kept, threshold=math.nan)))
    return drawn


def size_over_links(
    pairs: LinkedPairs,
    *,
    estimator: Callable[..., Estimate] = independent_lists,
    n_resamples: int = 50,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Estimate:
    """Estimate a size over draws of the links, pooled by Rubin's rules.

    Parameters
    ----------
    pairs : LinkedPairs
    estimator : callable
        Takes ``(histories, level=...)`` and returns an `Estimate` in persons.
    n_resamples : int
        At least 2.
    level : float
    rng : int, Generator or None

    Returns
    -------
    Estimate
        Mean over draws; variance is the mean variance plus (1 + 1 / draws) times the
        variance between draws. ``diagnostics`` hold ``draws`` and
        ``variance_share_links``, the part of the variance that comes from the links.
        Log-normal interval for the persons on no list.

    References
    ----------
    Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.
    """
    check_level(level)
    if check_counts(n_resamples=n_resamples)["n_resamples"] < 2:
        raise NotEstimableError("n_resamples=1: two draws or more show a variance.")
    rows: list[Estimate] = []
    failed = 0
    for histories in resample_links(pairs, n_resamples=n_resamples, rng=rng):
        try:
            rows.append(estimator(histories, level=level))
        except (NotEstimableError, ConvergenceError):
            failed += 1
    if len(rows) < 2:
        raise NotEstimableError(
            f"{failed} of {n_resamples} draws of the links gave no estimate."
        )
    sizes = np.array([row.estimate for row in rows])
    seen = float(np.mean([row.n_obs for row in rows]))
    within = float(np.mean([row.std_error**2 for row in rows]))
    between = float(sizes.var(ddof=1)) * (1 + 1 / sizes.size)
    variance = within + between
    estimate = float(sizes.mean())
    notes = [
        f"over {sizes.size} draws of the links, by their probabilities",
        *((f"left out: {failed} draws gave no estimate",) if failed else ()),
        *rows[0].notes,
    ]
    return Estimate(
        estimand=rows[0].estimand,
        unit=rows[0].unit,
        estimate=estimate,
        std_error=math.sqrt(variance),
        ci=unseen_log_interval(estimate, seen, variance, level=level),
        method=f"size_over_links: {rows[0].method}",
        n_obs=round(seen),
        notes=tuple(notes),
        diagnostics={
            "draws": sizes.size,
            "variance_share_links": between / variance if variance else 0.0,
        },
    )
