"""Repeat counts with covariates, 500 resamples; doubly robust; lists x covariates."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.speed._timing import report, time_calls
from estimators.capture_recapture import doubly_robust, truncated_counts
from estimators.capture_recapture.count_cells import read_count_cells
from estimators.capture_recapture.truncated_point import fit_point
from estimators.capture_recapture.truncated_resampling import bootstrap_sizes
from sentinel import datasets
from tests.twins import capture_recapture_truncated as twin

if TYPE_CHECKING:
    from collections.abc import Callable

FORMULA = "capture ~ gender + age + nation"
TWIN_SAMPLES = 20


def make_counts() -> pd.DataFrame:
    """Return one row per kind of person and count: four Dutch cities, 1995, n = 1 880.

    van der Heijden et al. 2003.
    """
    frame: pd.DataFrame = datasets.load("dutch_immigrants_1995")
    return frame.rename(columns={"freq": "persons"})


def make_lists(size: int = 4_600) -> pd.DataFrame:
    """Return about 3 900 persons seen by two lists that depend on two covariates."""
    rng = np.random.default_rng(20260101)
    x, z = rng.normal(size=(2, size))
    first = rng.random(size) < 1 / (1 + np.exp(-(0.6 * x - 0.4 * z + 0.5)))
    second = rng.random(size) < 1 / (1 + np.exp(-(0.9 * x + 0.4 * z + 0.3)))
    frame = pd.DataFrame({"a": first * 1.0, "b": second * 1.0, "x": x, "z": z})
    return frame[first | second].reset_index(drop=True)


def cases(n_resamples: int = 500) -> dict[str, Callable[[], Any]]:
    """Return the timed calls by name."""
    counts, lists = make_counts(), make_lists()
    size = partial(truncated_counts, FORMULA, counts, count="persons", rng=1)
    resampled = partial(size, n_resamples=n_resamples)
    return {
        "truncated Poisson, analytic": size,
        f"truncated Poisson, {n_resamples} bootstraps": partial(
            resampled, variance="bootstrap"
        ),
        f"truncated Poisson, {n_resamples} parametric": partial(
            resampled, variance="parametric"
        ),
        f"doubly robust, n = {len(lists)}, logistic, 2 folds": partial(
            doubly_robust, lists, lists=("a", "b"), covariates=["x", "z"], rng=1
        ),
    }


def check() -> float:
    """Compare resamples with the slow twin; returns the twin's CPU seconds for each."""
    cells = read_count_cells(FORMULA, make_counts(), count="persons", by=())
    point = fit_point("poisson", cells)
    got = bootstrap_sizes(
        cells,
        point,
        "bootstrap",
        n_resamples=TWIN_SAMPLES,
        rng=np.random.default_rng(1),
    )[:, 0]
    share = cells.weight / cells.weight.sum()
    drawn = np.random.default_rng(1).multinomial(
        cells.n_observed, share, size=TWIN_SAMPLES
    )
    started = time.process_time()
    wanted = [
        twin.size(np.repeat(cells.matrix, row, axis=0), np.repeat(cells.y, row))
        for row in drawn
    ]
    seconds = (time.process_time() - started) / TWIN_SAMPLES
    np.testing.assert_allclose(got, wanted, rtol=1e-8)
    return seconds


def main() -> None:
    """Check against the twin, then time."""
    each = check()
    print(f"slow twin: {each * 1e3:.1f} ms CPU a sample, {each * 500:.1f} s for 500")
    report(time_calls(cases()))
