"""Strata with one PSU against R survey 4.5, to 1e-8 relative."""

import json

import numpy as np
import pandas as pd
import pytest

from estimators import survey
from estimators.errors import NotEstimableError
from estimators.survey import SurveyDesign

pytestmark = pytest.mark.shared
RTOL = 1e-8


@pytest.fixture(scope="module")
def cases(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    found = json.loads(path.read_text(encoding="utf-8"))["sets"]["survey45"]["cases"]
    return {key: case["value"] for key, case in found.items()}


def single(value):
    """Return the only number of R's 1 x 1 matrix, or of a scalar or list."""
    if isinstance(value, dict):
        value = value["values"] if "values" in value else list(value.values())
    return float(np.ravel(value)[0])


def close(got, expected, rtol=RTOL, atol=0.0):
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


@pytest.fixture(scope="module")
def lonely(shared_folder):
    return pd.read_csv(shared_folder / "reference" / "survey" / "data" / "lonely.csv")


def lonely_design(frame, policy):
    return SurveyDesign.from_frame(
        frame, weights="w", strata="str", psu="psu", lonely_psu=policy
    )


@pytest.mark.parametrize(
    ("policy", "name"),
    [("certainty", "remove"), ("adjust", "adjust"), ("average", "average")],
)
def test_lonely_psu(cases, lonely, policy, name):
    # 4.5 values; survey 4.1.1 centres adjusted totals at 0 and has SE 11.1467.
    design = lonely_design(lonely, policy)
    for function in (survey.mean, survey.total):
        value = cases[f"lonely_{name}_adjdomFALSE_{function.__name__}"]
        got = function(design, "y")
        close(got.estimate, single(value["est"]))
        close(got.std_error, single(value["se"]))


@pytest.mark.parametrize("policy", ["fail", "certainty", "adjust", "average"])
def test_lonely_psu__outside_the_domain_does_not_count(cases, lonely, policy):
    value = cases[f"lonely_{policy}_adjdomFALSE_dom_a"]
    got = survey.mean(lonely_design(lonely, policy), "y", where="g == 'a'")
    close((got.estimate, got.std_error), (single(value["est"]), single(value["se"])))
    value = cases[f"lonely_{policy}_adjdomFALSE_dom_str4_1"]
    whole = lonely[lonely["str"] != 3]
    got = survey.mean(
        lonely_design(whole, policy), "y", where=whole["psu"].isin([1, 2, 3, 6, 7])
    )
    close((got.estimate, got.std_error), (single(value["est"]), single(value["se"])))


def test_lonely_psu__fail_names_the_stratum(cases, lonely):
    assert "Stratum (3)" in cases["lonely_fail_adjdomFALSE_mean"]["ERROR"]
    with pytest.raises(NotEstimableError, match=r"str=3.*certainty.*adjust.*average"):
        survey.mean(lonely_design(lonely, "fail"), "y")
