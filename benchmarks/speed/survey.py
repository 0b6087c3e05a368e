"""Survey estimates on a million rows: 40 strata, 8 000 PSUs, 5 domains."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.speed._timing import report, time_calls
from estimators import survey
from estimators.survey import SurveyDesign

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

N_ROWS = 1_000_000


def make_input(n_rows: int = N_ROWS) -> pd.DataFrame:
    """Return a sample with a 3 % outcome."""
    rng = np.random.default_rng(20260101)
    stratum = rng.integers(0, 40, n_rows)
    return pd.DataFrame(
        {
            "stratum": stratum,
            "psu": stratum * 200 + rng.integers(0, 200, n_rows),
            "w": rng.uniform(1, 10, n_rows),
            "y": (rng.random(n_rows) < 0.03).astype(float),
            "domain": rng.integers(0, 5, n_rows),
        }
    )


def cases(frame: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    """Return the timed calls by name."""
    read = partial(SurveyDesign.from_frame, frame, weights="w", strata="stratum")
    clustered, elements = read(psu="psu"), read()
    return {
        "read the design": partial(read, psu="psu"),
        "mean": partial(survey.mean, clustered, "y"),
        "mean of 5 domains": partial(survey.mean, clustered, "y", by="domain"),
        "proportion of 5 domains": partial(
            survey.proportion, clustered, "y", by="domain"
        ),
        "mean of 5 domains, element sampling": partial(
            survey.mean, elements, "y", by="domain"
        ),
    }


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
    report(time_calls(cases(frame)))
