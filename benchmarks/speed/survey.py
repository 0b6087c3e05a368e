"""Survey estimates on a million rows: 40 strata, 8 000 PSUs, 5 domains.

Replicate weights are timed on the ten thousand rows (40 strata, 200 PSUs) of the
reference timings, and peak memory is that of numpy's and pandas' allocations.
"""

from __future__ import annotations

import tracemalloc
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.speed._timing import report, time_calls
from estimators import survey
from estimators.survey import ReplicateDesign, SurveyDesign, to_replicates

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

N_ROWS = 1_000_000
N_REPLICATES = 500


def make_input(n_rows: int = N_ROWS, psus_per_stratum: int = 200) -> pd.DataFrame:
    """Return a sample with a 3 % outcome."""
    rng = np.random.default_rng(20260101)
    stratum = rng.integers(0, 40, n_rows)
    psu = stratum * psus_per_stratum + rng.integers(0, psus_per_stratum, n_rows)
    return pd.DataFrame(
        {
            "stratum": stratum,
            "psu": psu,
            "w": rng.uniform(1, 10, n_rows),
            "y": (rng.random(n_rows) < 0.03).astype(float),
            "domain": rng.integers(0, 5, n_rows),
        }
    )


def cases(frame: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    """Return the timed calls by name."""
    read = partial(SurveyDesign.from_frame, frame, weights="w", strata="stratum")
    clustered, elements = read(psu="psu"), read()
    cells = frame.groupby(["domain", "stratum"])["w"].sum() * 1.02
    margins = {name: cells.groupby(name).sum() for name in ("domain", "stratum")}
    raked = survey.rake(clustered, margins)
    ages = dict.fromkeys(range(5), 1.0)
    return {
        "read the design": partial(read, psu="psu"),
        "mean": partial(survey.mean, clustered, "y"),
        "mean of 5 domains": partial(survey.mean, clustered, "y", by="domain"),
        "proportion of 5 domains": partial(
            survey.proportion, clustered, "y", by="domain"
        ),
        "median": partial(survey.quantile, clustered, "w"),
        "quartiles of 5 domains": partial(
            survey.quantile, clustered, "w", q=[0.25, 0.5, 0.75], by="domain"
        ),
        "Rao-Scott test, 2 x 5": partial(survey.rao_scott, clustered, "y", "domain"),
        "design effects of 5 domains": partial(
            survey.design_effect, clustered, "y", by="domain"
        ),
        "standardised mean over 5 cells": partial(
            survey.standardise, clustered, "y", over="domain", standard=ages
        ),
        "mean of 5 domains, element sampling": partial(
            survey.mean, elements, "y", by="domain"
        ),
        "rake to 45 totals": partial(survey.rake, clustered, margins),
        "mean of 5 domains, raked": partial(survey.mean, raked, "y", by="domain"),
    }


def replicate_cases(frame: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    """Return the timed calls on replicate weights by name."""
    design = SurveyDesign.from_frame(frame, weights="w", strata="stratum", psu="psu")
    totals = (frame.groupby("domain")["w"].sum() * 1.02).to_dict()
    margins = {"domain": totals, "y": 1.02 * float((frame["w"] * frame["y"]).sum())}
    make = partial(to_replicates, kind="rao_wu", n_replicates=N_REPLICATES, rng=1)
    made = make(design)
    wide = pd.DataFrame(made.replicate_weights).add_prefix("rep")
    named = pd.concat([frame, wide], axis=1)
    return {
        "500 Rao-Wu replicates": partial(make, design),
        "the same, written out as 10 000 x 500": lambda: make(design).replicate_weights,
        "500 replicates read from columns": partial(
            ReplicateDesign.from_frame,
            named, weights="w", replicate_weights="rep", kind="rao_wu",
        ),
        "mean, 500 replicates": partial(survey.mean, made, "y"),
        "mean of 5 domains, 500 replicates": partial(
            survey.mean, made, "y", by="domain"
        ),
        "calibrate 500 replicates": partial(survey.calibrate, made, margins),
    }  # fmt: skip


def peak_memory(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the most that each call holds at once, in MB beside its input."""
    peaks = {}
    for name, call in calls.items():
        tracemalloc.start()
        call()
        peaks[name] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    return peaks


def check(frame: pd.DataFrame) -> None:
    """Compare one domain's mean and variance with a plain groupby."""
    got = survey.mean(
        SurveyDesign.from_frame(frame, weights="w", strata="stratum", psu="psu"),
        "y",
        by="domain",
    ).get(domain=0)
    inside = frame[frame["domain"] == 0]
    size = inside["w"].sum()
    mean = (inside["w"] * inside["y"]).sum() / size
    scores = (inside["w"] * (inside["y"] - mean) / size).groupby(inside["psu"]).sum()
    strata = frame.groupby("psu")["stratum"].first()
    totals = scores.reindex(strata.index, fill_value=0).groupby(strata)
    variance = (totals.size() * totals.var()).sum()
    np.testing.assert_allclose([got.estimate, got.std_error], [mean, variance**0.5])


def main() -> None:
    """Check the answer, then time."""
    frame = make_input()
    check(frame)
    for calls in (cases(frame), replicate_cases(make_input(10_000, 5))):
        report(time_calls(calls))
        for name, peak in peak_memory(calls).items():
            print(f"{name:<44} {peak:10.1f} MB at most")
