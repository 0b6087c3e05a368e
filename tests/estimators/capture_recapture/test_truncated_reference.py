"""Repeat counts: all that singleRcapture 1.1.0 prints of the Dutch data."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import gammaln

from estimators.capture_recapture import truncated_counts, truncated_regression
from estimators.errors import NotEstimableError
from estimators.results import Estimates
from sentinel import datasets

pytestmark = pytest.mark.shared
ANCHOR = {
    "poisson": "ztpoisson",
    "geometric": "ztgeom",
    "chao": "chao",
    "zelterman": "zelterman",
    "one_inflated_poisson": "ztoipoisson",
    "one_inflated_geometric": "ztoigeom",
    "one_inflated_positive_poisson": "oiztpoisson",
    "one_inflated_positive_geometric": "oiztgeom",
}
# singleRcapture stops Newton's method at a coarse tolerance for some families (its
# likelihoods agree with ours to 1e-11): relative, size and standard error.
LOOSE = 2e-6
EXACT = {"poisson", "chao", "zelterman"}
FULL = "capture ~ gender + age + nation"
CASES = [
    (family, case)
    for family in sorted(ANCHOR)
    for case in ("intercept", "full")
    # The anchor has no run of this one.
    if (family, case) != ("one_inflated_poisson", "intercept")
]


@pytest.fixture
def dutch():
    return datasets.load("dutch_immigrants_1995")


@pytest.fixture
def anchor(shared_folder):
    path = shared_folder / "reference/capture_recapture/reference.json"
    return json.loads(path.read_text())["one_source"]


def check_fit(fit, wanted):
    found = fit.fit_statistics
    assert found["log_likelihood"] == pytest.approx(wanted["loglik"], abs=1e-9)
    assert found["aic"] == pytest.approx(wanted["AIC"], abs=1e-8)
    assert found["bic"] == pytest.approx(wanted["BIC"], abs=1e-8)
    assert len(fit.term) == len(wanted["coef"])
    np.testing.assert_allclose(fit.estimate, list(wanted["coef"].values()), atol=LOOSE)
    np.testing.assert_allclose(fit.std_error, list(wanted["se"].values()), rtol=LOOSE)


def check_size(formula, dutch, family, wanted):
    rel = 1e-9 if family in EXACT else LOOSE
    for ci, key in (("log_normal", "logNormal"), ("normal", "normal")):
        got = truncated_counts(formula, dutch, family=family, count="freq", ci=ci)
        assert got.estimate == pytest.approx(wanted["N"], rel=rel)
        assert got.std_error == pytest.approx(wanted["N_se"], rel=rel)
        assert got.ci.low == pytest.approx(wanted["CI"][key]["lowerBound"], rel=rel)
        assert got.ci.high == pytest.approx(wanted["CI"][key]["upperBound"], rel=rel)


def test_data__are_those_of_the_reference(dutch, anchor, shared_folder):
    folder = shared_folder / "reference/capture_recapture"
    grouped = pd.read_csv(folder / "netherlandsimmigrant_grouped.csv")
    keys = ["capture", "gender", "age", "reason", "nation"]
    pd.testing.assert_frame_equal(
        dutch.sort_values(keys, ignore_index=True),
        grouped[dutch.columns].sort_values(keys, ignore_index=True),
        check_dtype=False,
    )
    data = anchor["data"]
    assert dutch.freq.sum() == data["n"]
    counts = dutch.groupby("capture").freq.sum()
    assert {str(k): int(v) for k, v in counts.items()} == data["count_table"]
    for name, levels in data["levels"].items():
        assert sorted(dutch[name].unique()) == sorted(levels)


@pytest.mark.parametrize(("family", "case"), CASES)
def test_family__fit_size_and_both_intervals(dutch, anchor, family, case):
    wanted = anchor[case][ANCHOR[family]]
    formula = {"intercept": "capture ~ 1", "full": FULL}[case]
    fit = truncated_regression(formula, dutch, family=family, count="freq")
    check_fit(fit, wanted)
    if family == "one_inflated_geometric":
        # The anchor's standard error is 0.4 % smaller than that of its own likelihood,
        # coefficients and their errors: see the delta method by hand in
        # test_truncated_counts.
        got = truncated_counts(formula, dutch, family=family, count="freq")
        assert got.estimate == pytest.approx(wanted["N"], rel=LOOSE)
        assert got.std_error == pytest.approx(wanted["N_se"], rel=5e-3)
        for key in ("logNormal", "normal"):
            run = {"ci": "log_normal" if key == "logNormal" else "normal"}
            ci = truncated_counts(formula, dutch, family=family, count="freq", **run).ci
            printed = wanted["CI"][key]
            assert ci.low == pytest.approx(printed["lowerBound"], rel=5e-3)
            assert ci.high == pytest.approx(printed["upperBound"], rel=5e-3)
        return
    check_size(formula, dutch, family, wanted)


def saturated(family, y):
    """Return the log mass of a count at the rate that fits it alone."""
    if y == 1:
        return 0.0
    if family == "geometric":
        rate = y - 1.0
        return (y - 1) * math.log(rate) - y * math.log1p(rate)
    rate = brentq(lambda r: r / -math.expm1(-r) - y, 1e-9, 50, xtol=1e-14)
    return y * math.log(rate) - gammaln(y + 1) - math.log(math.expm1(rate))


@pytest.mark.parametrize("family", ["poisson", "geometric", "chao"])
@pytest.mark.parametrize(
    ("case", "formula"), [("intercept", "capture ~ 1"), ("full", FULL)]
)
def test_deviance__is_twice_the_distance_from_saturation(
    dutch, anchor, family, case, formula
):
    fit = truncated_regression(formula, dutch, family=family, count="freq")
    most = 0.0
    if family != "chao":  # of two classes: log 1 when saturated
        most = sum(
            persons * saturated(family, y)
            for y, persons in zip(dutch.capture, dutch.freq, strict=True)
        )
    deviance = 2 * (most - fit.fit_statistics["log_likelihood"])
    # R's saturated rates are found to about 1e-6.
    assert deviance == pytest.approx(anchor[case][ANCHOR[family]]["deviance"], abs=1e-3)


@pytest.mark.parametrize(
    "formula",
    ["capture ~ gender", "capture ~ gender + age",
     "capture ~ gender + age + nation + reason"],
)  # fmt: skip
def test_poisson_formulas__fit_size_and_both_intervals(dutch, anchor, formula):
    wanted = anchor["ztpoisson_formulas"][formula]
    check_fit(truncated_regression(formula, dutch, count="freq"), wanted)
    check_size(formula, dutch, "poisson", wanted)


@pytest.mark.parametrize("by", ["gender", "age", "nation"])
def test_sizes__by_every_stratum(dutch, anchor, by):
    rows = [r for r in anchor["stratify_ztpoisson"] if r["name"].startswith(f"{by}==")]
    run = {"count": "freq", "by": by}
    got = truncated_counts(FULL, dutch, **run)
    plain = truncated_counts(FULL, dutch, ci="normal", **run)
    assert isinstance(got, Estimates)
    assert len(got) == len(rows) == dutch[by].nunique()
    for printed in rows:
        row = got.get(**{by: printed["name"].split("==")[1]})
        assert row.n_obs == printed["Observed"]
        assert row.estimate == pytest.approx(printed["Estimated"], rel=1e-9)
        assert row.std_error == pytest.approx(printed["StdError"], rel=1e-9)
        assert row.ci.low == pytest.approx(printed["logNormalLowerBound"], rel=1e-9)
        assert row.ci.high == pytest.approx(printed["logNormalUpperBound"], rel=1e-9)
        share = 100 * row.n_obs / row.estimate
        assert share == pytest.approx(printed["ObservedPercentage"], rel=1e-9)
        normal = plain.get(**{by: printed["name"].split("==")[1]}).ci
        # The anchor's lower limits may be negative: ours end at the persons seen.
        low = max(printed["normalLowerBound"], printed["Observed"])
        assert normal.low == pytest.approx(low, rel=1e-9)
        assert normal.high == pytest.approx(printed["normalUpperBound"], rel=1e-9)
    whole = truncated_counts(FULL, dutch, count="freq")
    assert got.covariance.sum() == pytest.approx(whole.std_error**2, rel=1e-10)


def test_negative_binomial__boundary_is_named_where_the_anchor_errs(dutch, anchor):
    assert anchor["intercept"]["ztnegbin"]["N"] > 1e14  # persons
    assert "error" in anchor["full"]["ztnegbin"]
    for formula in ("capture ~ 1", FULL):
        with pytest.raises(NotEstimableError, match=r"alpha .* runs to infinity"):
            truncated_counts(formula, dutch, family="negative_binomial", count="freq")
