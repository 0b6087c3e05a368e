"""Repeat counts: bootstrap samples against the twin, chance and the reference."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from estimators.capture_recapture import truncated_counts
from estimators.capture_recapture.count_cells import read_count_cells
from estimators.capture_recapture.truncated_point import fit_point
from estimators.capture_recapture.truncated_resampling import bootstrap_sizes
from sentinel import datasets
from tests.twins import capture_recapture_truncated as twin

FULL = "capture ~ gender + age + nation"
# van der Heijden et al. 2003: irregular immigrants in four Dutch cities, 1995.
DUTCH = pd.DataFrame({"seen": [1, 2, 3, 4, 5, 6], "persons": [1645, 183, 37, 13, 1, 1]})


@pytest.fixture
def dutch():
    return datasets.load("dutch_immigrants_1995")


@pytest.fixture
def anchor(shared_folder):
    path = shared_folder / "reference/capture_recapture/reference.json"
    return json.loads(path.read_text())["one_source"]


def size(frame=DUTCH, formula="seen ~ 1", count="persons", **options):
    return truncated_counts(formula, frame, count=count, **options)


def test_bootstrap__infinite_samples_are_as_many_as_chance_makes_them(dutch):
    got = truncated_counts(FULL, dutch, count="freq", variance="bootstrap", rng=1)
    again = truncated_counts(FULL, dutch, count="freq", variance="bootstrap", rng=1)
    assert got == again
    assert math.isinf(got.ci.high)
    assert math.isinf(got.std_error)
    assert "rate runs to 0" in got.notes[0]
    # A sample is unbounded if no repeat of Surinam, of Turkey or of the older is drawn.
    keys = {"nation": "Surinam", "age": ">40yrs"}
    repeats = dutch[dutch.capture > 1]
    assert repeats[repeats.nation == "Surinam"].freq.sum() == 1
    others = {
        value: repeats[repeats[key] == value].freq.sum() for key, value in keys.items()
    } | {"Turkey": repeats[repeats.nation == "Turkey"].freq.sum()}
    missed = [(1 - int(k) / 1880) ** 1880 for k in others.values()]
    expected = 1 - math.prod(1 - p for p in missed)
    low, high = binom.ppf([1e-4, 1 - 1e-4], 500, expected)
    assert low <= got.diagnostics["n_infinite"] <= high


@pytest.mark.shared
@pytest.mark.parametrize(
    ("variance", "key"), [("bootstrap", "nonparametric"), ("parametric",) * 2]
)
def test_bootstrap__lower_limit_agrees_with_the_reference(dutch, anchor, variance, key):
    got = truncated_counts(
        FULL, dutch, count="freq", variance=variance, n_resamples=4000, rng=7
    )
    # 2.5 % quantile of the reference's 500 samples: standard error about 150 (2.5 to
    # 16 % quantiles are 1 300 apart), so 4 of these.
    assert got.ci.low == pytest.approx(anchor["bootstrap"][key]["CI"][0], abs=600)


def test_bootstrap__equals_the_twin_sample_by_sample():
    frame = pd.DataFrame(
        {"seen": [1, 2, 3, 1, 2, 3, 4], "sex": list("fffmmmm"),
         "persons": [40, 1, 1, 60, 20, 6, 2]}
    )  # fmt: skip
    cells = read_count_cells("seen ~ sex", frame, count="persons", by=())
    point = fit_point("poisson", cells)
    got = bootstrap_sizes(
        cells, point, "bootstrap", n_resamples=60, rng=np.random.default_rng(3)
    )[:, 0]
    drawn = np.random.default_rng(3).multinomial(130, cells.weight / 130, size=60)
    wanted = [
        twin.size(np.repeat(cells.matrix, row, axis=0), np.repeat(cells.y, row))
        for row in drawn
    ]
    assert np.isinf(wanted).any()
    np.testing.assert_allclose(got, wanted, rtol=1e-9)


def test_parametric__spread_equals_the_analytic_error_in_large_samples():
    frame = pd.DataFrame({"seen": [1, 2, 3, 4], "persons": [30330, 15160, 5050, 1260]})
    drawn = size(frame, variance="parametric", n_resamples=2000, rng=2)
    # Monte-Carlo error of a standard deviation from 2 000 draws is 1.6 %.
    assert drawn.std_error == pytest.approx(size(frame).std_error, rel=0.06)
    assert drawn.estimate in drawn.ci


@pytest.mark.parametrize("family", ["chao", "one_inflated_positive_poisson"])
def test_parametric__centres_on_the_estimate(family):
    got = size(family=family, variance="parametric", n_resamples=400, rng=4)
    assert got.ci.low < got.estimate < got.ci.high
    assert got.diagnostics["n_failed"] == 0


def test_bootstrap__limits_never_fall_below_the_persons_seen():
    frame = pd.DataFrame(
        {"seen": [1, 2, 3, 1], "kind": list("aaab"), "persons": [400, 90, 9, 2]}
    )
    got = size(frame, by="kind", variance="bootstrap", n_resamples=99, rng=1)
    small = got.get(kind="b")
    assert small.n_obs == 2
    assert small.ci.low >= 2
