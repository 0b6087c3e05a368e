"""Replicate designs against R survey 4.5: its own weights, its own standard errors.

Tolerance 1e-8 relative unless a test says why it is looser.
"""

import json
import math

import numpy as np
import pandas as pd
import pytest

from estimators import survey
from estimators.designs import degrees_of_freedom
from estimators.survey import ReplicateDesign, SurveyDesign, to_replicates

pytestmark = pytest.mark.shared

RTOL = 1e-8
DESIGNS = {
    "clus1": ("apiclus1", {"weights": "pw", "psu": "dnum", "fpc": "fpc"}),
    "clus1_nofpc": ("apiclus1", {"weights": "pw", "psu": "dnum"}),
    "strat": ("apistrat", {"weights": "pw", "strata": "stype", "fpc": "fpc"}),
    "strat_nofpc": ("apistrat", {"weights": "pw", "strata": "stype"}),
}


@pytest.fixture(scope="module")
def folder(shared_folder):
    return shared_folder / "reference" / "survey"


@pytest.fixture(scope="module")
def cases(folder):
    text = (folder / "reference.json").read_text(encoding="utf-8")
    found = json.loads(text)["sets"]["survey45"]["cases"]
    return {key: case.get("value") for key, case in found.items()}


def close(got, expected, rtol=RTOL):
    np.testing.assert_allclose(got, expected, rtol=rtol)


def read(folder, name):
    return pd.read_csv(folder / "data" / f"{name}.csv")


def design_of(folder, name):
    file, options = DESIGNS[name]
    return SurveyDesign.from_frame(read(folder, file), **options)


def same_as(replicates, value):
    """Mean, total, ratio and means by group equal R's, and so do scale and df."""
    for place, name in enumerate(["api00", "api99"]):
        got = survey.mean(replicates, name)
        close(got.estimate, value["mean"]["est"][name])
        close(got.std_error, value["mean"]["se"][place])
    got = survey.total(replicates, "enroll")
    close((got.estimate, got.std_error),
          (value["total"]["est"]["enroll"], value["total"]["se"]))  # fmt: skip
    got = survey.ratio(replicates, "api.stu", "enroll")
    close((got.estimate, got.std_error), (value["ratio"]["est"], value["ratio"]["se"]))
    rows = survey.mean(replicates, "api00", by="stype")
    assert [group["stype"] for group in rows.groups] == value["by"]["stype"]
    close([row.estimate for row in rows], value["by"]["api00"])
    close([row.std_error for row in rows], value["by"]["se"])
    assert degrees_of_freedom(replicates) == value["degf"]
    assert replicates.n_replicates == value["nrep"]
    got = replicates.scale * replicates.replicate_scales
    close(np.sort(got), np.sort(value["scale"] * np.array(value["rscales"])))


@pytest.mark.parametrize(
    ("case", "design", "options"),
    [
        ("rep_JK1_clus1", "clus1", {"kind": "JK1"}),
        ("rep_JK1_clus1_nofpc", "clus1_nofpc", {"kind": "JK1"}),
        ("rep_JK1_mse_clus1", "clus1", {"kind": "JK1", "mse": True}),
        ("rep_JKn_strat", "strat", {"kind": "JKn"}),
        ("rep_JKn_strat_nofpc", "strat_nofpc", {"kind": "JKn"}),
    ],
)
def test_jackknife(folder, cases, case, design, options):
    made = to_replicates(design_of(folder, design), **options)
    same_as(made, cases[case])
    order = np.argsort(made.replicate_weights[0] == 0)[
        ::-1
    ]  # R's first leaves row 0 out
    close(made.replicate_weights[:, order[0]], cases[case]["w1"])


@pytest.mark.parametrize("kind", ["bootstrap", "subbootstrap", "mrbbootstrap"])
@pytest.mark.parametrize("design", ["clus1", "strat"])
def test_replicate_weights_that_came_with_the_data(folder, cases, kind, design):
    value = cases[f"rep_{kind}_{design}"]
    frame = pd.concat(
        [read(folder, f"api{design}"), read(folder, f"repw_{kind}_{design}")], axis=1
    )
    scale = value["rscales"] if kind == "mrbbootstrap" else value["scale"]
    found = ReplicateDesign.from_frame(
        frame, weights="pw", replicate_weights="w", kind="bootstrap", scale=scale
    )
    same_as(found, value)
    if kind == "subbootstrap":  # whose scale is the kind's usual one
        same_as(
            ReplicateDesign.from_frame(
                frame, weights="pw", replicate_weights="w", kind="rao_wu"
            ),
            value,
        )


@pytest.mark.parametrize(
    ("case", "kind", "rho"),
    [
        ("brr_scd", "BRR", None),
        ("fay_scd_rho0.3", "Fay", 0.3),
        ("jkn_scd", "JKn", None),
    ],
)
def test_half_samples(folder, cases, case, kind, rho):
    frame, value = read(folder, "scd").astype(float), cases[case]
    design = SurveyDesign.from_frame(frame, strata="ESA", psu="ambulance", nest=True)
    made = to_replicates(design, kind=kind, rho=rho)
    close(made.replicate_weights, value["repw"])
    close(made.scale * made.replicate_scales,
          value["scale"] * np.array(value["rscales"]))  # fmt: skip
    for place, name in enumerate(["arrests", "alive"]):
        got = survey.mean(made, name)
        close(got.estimate, value["mean"]["est"][name])
        close(got.std_error, value["mean"]["se"][place])
    got = survey.ratio(made, "alive", "arrests")
    close((got.estimate, got.std_error), (value["ratio"]["est"], value["ratio"]["se"]))


@pytest.mark.parametrize(
    ("method", "ci"),
    [("beta", "beta"), ("asin", "arcsine"), ("mean", "wald"), ("xlogit", "logit")],
)
def test_proportion_intervals(folder, cases, method, ci):
    # R's "logit" repeats a model on every replicate (0.8235, 0.9121); ours is "xlogit".
    design = design_of(folder, "clus1")
    frame = design.frame.assign(wide=design.frame["sch.wide"] == "Yes")
    design = SurveyDesign.from_frame(frame, weights="pw", psu="dnum", fpc="fpc")
    got = survey.proportion(to_replicates(design, kind="JK1"), "wide", ci=ci)
    close((got.ci.low, got.ci.high), cases["rep_ciprop_JK1"][method])


def test_ten_thousand_rows__bootstrap_is_near_linearisation(folder):
    # 500 replicates: the standard error of a standard error is 3.2 %; 4 of them.
    frame = read(folder, "big10k")
    design = SurveyDesign.from_frame(
        frame, weights="w", strata="str", psu="psu", nest=True
    )
    expected = survey.mean(design, "y", by="edu")
    for kind in ("rao_wu", "bootstrap"):
        made = to_replicates(design, kind=kind, rng=7)
        got = survey.mean(made, "y", by="edu")
        close([r.estimate for r in got], [r.estimate for r in expected])
        close([r.std_error for r in got], [r.std_error for r in expected], rtol=0.13)
        assert [r.diagnostics["df"] for r in got] == [
            r.diagnostics["df"] for r in expected
        ]
        assert math.isfinite(got[0].ci.low)
