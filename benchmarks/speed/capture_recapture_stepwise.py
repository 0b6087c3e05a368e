"""Stepwise selection of the UK table of five lists, repeated in 1000 resamples."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.speed._timing import report, time_calls
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.stepwise import select_stepwise, select_tables
from estimators.resampling import multinomial_counts
from tests.twins import capture_recapture_stepwise as twin

if TYPE_CHECKING:
    from collections.abc import Callable

# Silverman (2014), Home Office: police and the crime agency joined. n = 2 744.
UK_FIVE_LISTS = {
    "10000": 54, "01000": 463, "00100": 995, "00010": 695, "00001": 316, "11000": 15,
    "10100": 19, "10010": 3, "01100": 62, "01010": 19, "01001": 1, "00110": 76,
    "00101": 11, "00011": 8, "11100": 1, "11010": 1, "01110": 4, "11110": 1,
}  # fmt: skip
THRESHOLD = 0.02
TWIN_TABLES = 20


def cases(n_resamples: int = 1000) -> dict[str, Callable[[], Any]]:
    """Return the timed calls by name."""
    histories = CaptureHistories.from_counts(UK_FIVE_LISTS)
    return {
        f"selection, BCa, {n_resamples} resamples": partial(
            select_stepwise, histories, n_resamples=n_resamples, rng=1
        ),
        "selection alone": partial(select_stepwise, histories),
    }


def check() -> float:
    """Compare resamples with the slow twin; returns the twin's CPU seconds for each."""
    histories = CaptureHistories.from_counts(UK_FIVE_LISTS)
    weights = histories.count.astype(np.float64)
    drawn = multinomial_counts(weights, histories.n_observed, TWIN_TABLES, 1)
    got = select_tables(histories, drawn, threshold=THRESHOLD)
    started = time.process_time()
    for table, counts in enumerate(drawn):
        dense = np.zeros(1 << histories.n_lists, dtype=np.int64)
        dense[histories.history] = counts
        pairs, unseen = twin.select_pairs(dense, THRESHOLD, histories.n_lists)
        if tuple(pairs) != got.terms(table):
            raise ValueError(f"table {table}: {pairs} and {got.terms(table)}")
        np.testing.assert_allclose(
            histories.n_observed + unseen, got.population_size[table], rtol=1e-7
        )
    return (time.process_time() - started) / TWIN_TABLES


def main() -> None:
    """Check against the twin, then time."""
    each = check()
    print(f"slow twin: {each * 1e3:.1f} ms CPU a table, {each * 1000:.1f} s for 1000")
    report(time_calls(cases()))
