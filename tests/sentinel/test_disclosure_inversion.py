"""Every printed interval of a share is inverted: can the count behind it be small?

The attacker tabulates what a release prints for every possible number of cases. Counts
that print alike cannot be told apart; so all counts from 1 to k - 1 must print alike,
and so must those with fewer than k others.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from estimators.designs import SurveyDesign
from estimators.registry import find_estimator
from estimators.survey.proportion_intervals import ProportionInterval
from sentinel.analysis.estimates import result_rows
from sentinel.disclosure import ReleasePolicy, protect_estimates

POLICY = ReleasePolicy()
K = POLICY.minimum_cell
N = 60
FEW = (1, 4, K - 1)


def released(cases, ci, weights):
    """Return the printed row of a sample of N with so many cases."""
    frame = pd.DataFrame(
        {
            "round_id": "2009",
            "case": (np.arange(N) < cases).astype(float),
            "weight": weights,
            "cluster": np.arange(N) // 3,
        }
    )
    design = SurveyDesign.from_frame(frame, weights="weight", psu="cluster")
    estimate = find_estimator("survey_proportion").function
    rows = result_rows(estimate(design, "case", by=["round_id"], ci=ci))
    rows = rows.assign(n_cases=cases, n_unknown=0)
    return protect_estimates(rows, ["round_id"], POLICY)


@pytest.mark.parametrize("ci", get_args(ProportionInterval))
@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_printed_tell_no_small_count(ci, weighted):
    rng = np.random.default_rng(1)
    weights = rng.uniform(20, 300, N) if weighted else np.full(N, 222.7)
    prints: dict[str, set[int]] = {}
    for cases in (0, *FEW, K, 30, N - K, *(N - few for few in FEW), N):
        shown = released(cases, ci, weights).to_csv(index=False)
        prints.setdefault(shown, set()).add(cases)
    few, all_but_few = set(FEW), {N, *(N - few for few in FEW)}
    assert few in prints.values()
    assert all_but_few in prints.values()
    told = [counts for counts in prints.values() if counts not in (few, all_but_few)]
    assert set().union(*told) == {0, K, 30, N - K}


def test_an_interval_with_its_n_gives_the_count_back_where_nothing_withholds_it():
    """The attack wins on unprotected rows: limits of three digits and n are a count."""
    estimate = find_estimator("survey_proportion").function
    seen = set()
    for cases in range(1, K):
        frame = pd.DataFrame({"case": (np.arange(N) < cases).astype(float), "w": 1.0})
        design = SurveyDesign.from_frame(frame, weights="w")
        row = result_rows(estimate(design, "case", ci="wilson")).iloc[0]
        seen.add((round(row["ci_low"], 3), round(row["ci_high"], 3)))
    assert len(seen) == K - 1
