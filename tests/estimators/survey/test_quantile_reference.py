"""Quantiles against R survey 4.5. Tolerance 1e-9 relative: they are data values."""

import numpy as np
import pytest

from estimators import survey
from estimators.survey import to_replicates

pytestmark = pytest.mark.shared

QUARTERS = (0.25, 0.5, 0.75)
RULES = ("math", "school", *(f"hf{number}" for number in range(1, 10)))
INTERVALS = {
    "mean": "woodruff",
    "beta": "beta",
    "xlogit": "logit",
    "asin": "arcsine",
}


def table(estimates):
    return np.array(
        [(row.estimate, row.ci.low, row.ci.high, row.std_error) for row in estimates]
    )


def of_kind(cases, designs, prefix):
    found = [
        (name, design, np.array(cases[f"{prefix}_{name}"]["values"], float))
        for name, design in designs.items()
        if f"{prefix}_{name}" in cases
    ]
    assert len(found) >= 2, prefix
    return found


@pytest.mark.parametrize("rule", RULES)
def test_rules(cases, public_designs, rule):
    for _, design, expected in of_kind(cases, public_designs, f"quant_qrule_{rule}"):
        got = survey.quantile(design, "api00", q=QUARTERS, rule=rule)
        np.testing.assert_allclose(table(got), expected, rtol=1e-9)


@pytest.mark.parametrize("method", INTERVALS)
def test_intervals(cases, public_designs, method):
    for _, design, expected in of_kind(cases, public_designs, f"quant_ci_{method}"):
        got = survey.quantile(design, "api00", q=QUARTERS, ci=INTERVALS[method])
        np.testing.assert_allclose(table(got), expected, rtol=1e-9)


def test_far_quantiles_of_two_variables(cases, public_designs):
    shares = (0.1, 0.25, 0.5, 0.75, 0.95)
    for name in ("strat", "strat_nofpc", "clus1_nofpc", "clus2_w_nofpc", "srs"):
        design = public_designs[name]
        known = design.frame[["api00", "enroll"]].notna().all(axis=1)
        for variable in ("api00", "enroll"):
            got = table(survey.quantile(design, variable, q=shares, where=known))
            expected = np.array(
                cases[f"quant_default_{name}"][variable]["values"], float
            )
            # R has NaN where a limit lies beyond the sample.
            beyond = np.isnan(expected[:, 1:3])
            assert np.isinf(got[:, 1:3][beyond]).all()
            same = ~np.isnan(expected)
            if name == "srs":
                # 20 of 200 equal weights are exactly a tenth; in R's sum of them they
                # are more, by rounding, and it takes the 21st value.
                ordered = design.frame.loc[known, variable].sort_values().to_numpy()
                assert got[0, 0] == np.quantile(ordered, 0.1, method="inverted_cdf")
                assert expected[0, 0] == ordered[20]
                same[0] = False
            np.testing.assert_allclose(got[same], expected[same], rtol=1e-9)


def test_score_limits__of_equal_weights(cases, public_designs):
    # R searches the root of a step function, which ends on either side of the step,
    # and then takes an unweighted share: with unequal weights its limits are wrong.
    for name in ("clus1", "clus1_nofpc", "srs"):
        design = public_designs[name]
        expected = np.array(cases[f"quant_ci_score_{name}"]["values"], float)
        got = table(survey.quantile(design, "api00", q=QUARTERS, ci="score"))
        values = np.unique(design.frame["api00"])
        np.testing.assert_array_equal(got[:, 0], expected[:, 0])
        ours = np.searchsorted(values, got[:, 1:3])
        theirs = np.searchsorted(values, expected[:, 1:3])
        assert np.isin(ours - theirs, (0, 1)).all()


def test_replicates(cases, public_designs):
    design = to_replicates(public_designs["clus1_nofpc"], kind="JK1")
    got = survey.quantile(design, "api00", q=QUARTERS, ci="replicates")
    expected = np.array(cases["rep_quantile_JK1"]["values"], float)
    np.testing.assert_allclose(table(got), expected, rtol=1e-9)
    assert all("jackknife" in " ".join(row.notes) for row in got)
