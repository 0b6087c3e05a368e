"""Every closed-population model of the UK table of five lists."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.speed._timing import report, time_calls
from benchmarks.speed.capture_recapture_stepwise import UK_FIVE_LISTS
from estimators.capture_recapture.closed_population import (
    closed_population,
    closed_population_models,
)
from estimators.capture_recapture.histories import CaptureHistories
from tests.twins import capture_recapture_closed_population as twin

if TYPE_CHECKING:
    from collections.abc import Callable

FORMS = (
    ("M0", None), ("Mt", None), ("Mh", "chao"), ("Mh", "darroch"), ("Mth", "chao"),
    ("Mth", "darroch"), ("Mth", "normal"), ("Mbh", None),
)  # fmt: skip


def cases() -> dict[str, Callable[[], Any]]:
    """Return the timed calls by name."""
    histories = CaptureHistories.from_counts(UK_FIVE_LISTS)
    calls: dict[str, Callable[[], Any]] = {}
    for model, form in FORMS:
        fit = partial(closed_population, histories, model=model, heterogeneity=form)
        calls[f"{model} {form or ''}".strip()] = fit
        if form != "normal":
            calls[f"{model} {form or ''} without profile".replace("  ", " ")] = partial(
                fit, interval="log_normal"
            )
    calls["all models"] = partial(closed_population_models, histories)
    return calls


def check() -> None:
    """Compare sizes with those of the plain iteration of the twin."""
    histories = CaptureHistories.from_counts(UK_FIVE_LISTS)
    counts = histories.dense()[1:].astype(np.float64)
    for model, form in FORMS:
        if model == "Mbh" or form in ("chao", "normal"):
            continue
        x = twin.design(histories.n_lists, model, form)
        intercept, _ = twin.stopped_early(x, counts, tolerance=1e-14)
        found = closed_population(histories, model=model, heterogeneity=form)
        np.testing.assert_allclose(
            found.estimate, histories.n_observed + np.exp(intercept), rtol=1e-7
        )


def main() -> None:
    """Check against the twin, then time."""
    check()
    report(time_calls(cases()))
