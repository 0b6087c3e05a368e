"""Strata of which a domain touches one PSU, against R's adjust.domain.lonely."""

import numpy as np
import pandas as pd
import pytest

from estimators import survey
from estimators.designs import linearised_covariance
from estimators.errors import InputError, NotEstimableError
from estimators.survey import SurveyDesign


def design_of(frame, policy, **more):
    return SurveyDesign.from_frame(
        frame, weights="w", strata="str", psu="psu", lonely_psu=policy, **more
    )


@pytest.fixture(scope="module")
def lonely(survey_folder):
    return pd.read_csv(survey_folder / "data" / "lonely.csv")


@pytest.mark.shared
@pytest.mark.parametrize("policy", ["adjust", "average"])
def test_survey(cases, lonely, policy):
    whole = lonely[lonely["str"] != 3]
    for frame, where, key in (
        (lonely, (lonely["g"] == "a").to_numpy(), "dom_a"),
        (whole, whole["psu"].isin([1, 2, 3, 6, 7]).to_numpy(), "dom_str4_1"),
    ):
        for given in (False, True):
            value = cases[f"lonely_{policy}_adjdom{str(given).upper()}_{key}"]
            design = design_of(frame, policy, lonely_domains=given)
            got = survey.mean(design, "y", where=where)
            expected = (value["est"]["y"], value["se"]["values"][0][0])
            assert (got.estimate, got.std_error) == pytest.approx(expected, rel=1e-8)


FRAME = pd.DataFrame(
    {"str": [1, 1, 1, 2, 2, 2, 3, 3], "psu": range(8), "w": 1.0 + np.arange(8),
     "y": [1.0, 0, 2, 3, 1, 0, 4, 2], "g": list("aababbab")}
)  # fmt: skip


@pytest.mark.parametrize("policy", ["adjust", "average"])
def test_domains_together__are_the_domains_alone(policy):
    design = design_of(FRAME, policy, lonely_domains=True)
    rows = survey.mean(design, "y", by="g")
    for group, row in zip(rows.groups, rows, strict=True):
        alone = survey.mean(design, "y", where=(FRAME["g"] == group["g"]).to_numpy())
        assert row.std_error == pytest.approx(alone.std_error, rel=1e-12)
    plain = survey.mean(design_of(FRAME, policy), "y", by="g")
    assert plain[0].std_error != pytest.approx(rows[0].std_error, rel=1e-3)


@pytest.mark.parametrize("policy", ["adjust", "average"])
def test_several_quantities__as_each_of_them(policy):
    design = design_of(FRAME, policy, lonely_domains=True)
    inside = (FRAME["g"] == "a").to_numpy()
    scores = np.column_stack([FRAME["y"] - 1, FRAME["w"]])
    both = linearised_covariance(design, scores, domain=inside)
    for place in (0, 1):
        one = linearised_covariance(design, scores[:, place], domain=inside)
        assert both[place, place] == pytest.approx(one[0, 0], rel=1e-12)


def test_wrong_rule__is_refused():
    with pytest.raises(InputError, match="lonely_domains needs"):
        design_of(FRAME, "certainty", lonely_domains=True)
    design = design_of(FRAME, "average", lonely_domains=True)
    with pytest.raises(NotEstimableError, match="average"):
        survey.mean(design, "y", where=(FRAME["psu"] == 0).to_numpy())
