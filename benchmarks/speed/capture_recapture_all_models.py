"""Every hierarchical model of the UK tables, once and in 1000 resamples."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.speed._timing import report, time_calls
from benchmarks.speed.capture_recapture_stepwise import UK_FIVE_LISTS
from estimators.capture_recapture import CaptureHistories, select_bic
from estimators.capture_recapture.all_models import fit_all_models
from sentinel import datasets
from tests.twins import capture_recapture_all_models as twin

if TYPE_CHECKING:
    from collections.abc import Callable

TWIN_MODELS = 40


def five_lists() -> CaptureHistories:
    """Return the table of five lists, n = 2 744."""
    return CaptureHistories.from_counts(UK_FIVE_LISTS)


def six_lists() -> CaptureHistories:
    """Return the table of six lists, n = 2 744."""
    histories: CaptureHistories = datasets.load("uk_2013")
    return histories


def every_model(histories: CaptureHistories, max_order: int) -> Callable[[], Any]:
    """Return the call that fits every model once."""
    return partial(fit_all_models, histories, max_order=max_order)


def every_bootstrap(n_resamples: int = 1000) -> Callable[[], Any]:
    """Return the call that chooses among all models of five lists in each resample."""
    return partial(
        select_bic, five_lists(), max_order=3, n_resamples=n_resamples, rng=1
    )


def check(histories: CaptureHistories, max_order: int) -> float:
    """Compare models with the slow twin; returns the twin's CPU seconds for each."""
    fits = fit_all_models(histories, max_order=max_order)
    picked = np.random.default_rng(1).choice(
        len(fits.models), size=TWIN_MODELS, replace=False
    )
    counts, n_lists = histories.dense(), histories.n_lists
    started = time.process_time()
    wanted = [
        twin.fit_one(counts, fits.models.terms(model), n_lists)
        for model in picked.tolist()
    ]
    seconds = (time.process_time() - started) / TWIN_MODELS
    got = np.column_stack([fits.criterion("bic"), fits.unseen])[picked]
    # Where no estimate exists both have NaN.
    np.testing.assert_allclose(got, wanted, rtol=1e-6)
    return seconds


def cases() -> dict[str, Callable[[], Any]]:
    """Return the timed calls by name."""
    return {
        "6 212 models of five lists": every_model(five_lists(), 3),
        "6 893 models of five lists": every_model(five_lists(), 4),
        "32 768 two-way models of six lists": every_model(six_lists(), 2),
        "100 bootstraps over 6 212 models": every_bootstrap(100),
    }


def main() -> None:
    """Check against the twin, then time."""
    for histories, order in ((five_lists(), 3), (six_lists(), 2)):
        each = check(histories, order)
        print(f"slow twin, {histories.n_lists} lists: {each * 1e3:.2f} ms CPU a model")
    report(time_calls(cases()))
