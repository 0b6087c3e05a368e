"""Survey estimates against R survey 4.5 and Python svy 0.35 (their reference outputs).

Tolerance 1e-8 relative unless a test says why it is looser.
"""

import json
import math

import numpy as np
import pandas as pd
import pytest

from estimators import survey
from estimators.designs import degrees_of_freedom, linearised_covariance
from estimators.survey import SurveyDesign

pytestmark = pytest.mark.shared

RTOL = 1e-8
DESIGNS = {
    "strat": ("apistrat", {"weights": "pw", "strata": "stype", "fpc": "fpc"}),
    "strat_nofpc": ("apistrat", {"weights": "pw", "strata": "stype"}),
    "clus1": ("apiclus1", {"weights": "pw", "psu": "dnum", "fpc": "fpc"}),
    "clus1_nofpc": ("apiclus1", {"weights": "pw", "psu": "dnum"}),
    "clus2": ("apiclus2", {"psu": ["dnum", "snum"], "fpc": ["fpc1", "fpc2"]}),
    "clus2_w_nofpc": ("apiclus2", {"weights": "pw", "psu": ["dnum", "snum"]}),
    "srs": ("apisrs", {"weights": "pw", "fpc": "fpc"}),
    "mu284": ("mu284", {"psu": ["id1", "id2"], "fpc": ["n1", "n2"]}),
    "nhanes": (
        "svy_nhanes",
        {"weights": "WTMEC2YR", "strata": "SDMVSTRA", "psu": "SDMVPSU", "nest": True},
    ),
    "big10k": ("big10k", {"weights": "w", "strata": "str", "psu": "psu", "nest": True}),
}
API = ("strat", "strat_nofpc", "clus1", "clus1_nofpc", "clus2", "clus2_w_nofpc", "srs")


@pytest.fixture(scope="module")
def reference(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    return json.loads(path.read_text(encoding="utf-8"))["sets"]


@pytest.fixture(scope="module")
def cases(reference):
    return {key: case["value"] for key, case in reference["survey45"]["cases"].items()}


@pytest.fixture(scope="module")
def designs(shared_folder):
    data = shared_folder / "reference" / "survey" / "data"

    def build(name):
        file, options = DESIGNS[name]
        frame = pd.read_csv(data / f"{file}.csv")
        if name in API:
            known = frame["api00"].notna() & frame["enroll"].notna()
            frame = frame.assign(
                wide=frame["sch.wide"] == "Yes",
                rare=frame["api00"] > 850,
                never=frame["api00"] > 2000,
                listwise=known,
                meals_over_80=(frame["meals"] > 80).astype(int),
                meals_to_80=(frame["meals"] <= 80).astype(int),
                poor=(frame["meals"] > 60) & frame["enroll"].notna(),
                **{f"stype{s}": (frame["stype"] == s).astype(int) for s in "EHM"},
            )
        return SurveyDesign.from_frame(frame, **options)

    return {name: build(name) for name in DESIGNS}


def each(cases, designs, prefix, least):
    """Yield (design, value) of every case `prefix_<design>`; fail if there are few."""
    found = [
        (designs[name], cases[f"{prefix}_{name}"])
        for name in API
        if f"{prefix}_{name}" in cases
    ]
    assert len(found) >= least, f"{prefix}: {len(found)} cases"
    return found


def single(value):
    """Return the only number of R's 1 x 1 matrix, or of a scalar or list."""
    if isinstance(value, dict):
        value = value["values"] if "values" in value else list(value.values())
    return float(np.ravel(value)[0])


def close(got, expected, rtol=RTOL, atol=0.0):
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


def test_mean__two_variables_known_together(cases, designs):
    for design, value in each(cases, designs, "mean_api00_enroll", 6):
        for place, name in enumerate(["api00", "enroll"]):
            got = survey.mean(design, name, where="listwise", df=math.inf)
            close(got.estimate, value["est"][name])
            close(got.std_error, value["se"][name])
            close((got.ci.low, got.ci.high), value["ci_z"]["values"][place])
            close(
                got.diagnostics["design_effect_without_replacement"],
                value["deff"][place],
            )


def test_mean__design_effect_with_replacement(cases, designs):
    for design, value in each(cases, designs, "mean_deffrepl", 5):
        got = survey.mean(design, "api00")
        close(got.estimate, single(value["est"]))
        close(got.std_error, single(value["se"]))
        close(got.diagnostics["design_effect"], single(value["deff"]))
        close(got.diagnostics["n_effective"], got.n_obs / single(value["deff"]))


@pytest.mark.parametrize("function", [survey.mean, survey.total])
def test_levels_of_a_factor(cases, designs, function):
    prefix = f"{function.__name__}_stype"
    for design, value in each(cases, designs, prefix, 4):
        for level, expected in value["est"].items():
            got = function(design, level)
            close(got.estimate, expected)
            # Strata fix the shares of stype: an exact 0 is rounding noise here.
            close(got.std_error, value["se"][level], atol=1e-10 * expected)
            place = list(value["est"]).index(level)
            close(
                got.diagnostics["design_effect_without_replacement"],
                value["deff"][place],
                atol=1e-10,
            )


def test_linearised_covariance__several_quantities_at_once(cases, designs):
    for design, value in each(cases, designs, "mean_stype", 4):
        weights = design.weights
        columns = [design.frame[name].to_numpy(float) for name in value["est"]]
        scores = [weights * (y - np.average(y, weights=weights)) for y in columns]
        got = linearised_covariance(design, np.column_stack(scores) / weights.sum())
        close(got, value["vcov"]["values"], atol=1e-18)


def test_total(cases, designs):
    for design, value in each(cases, designs, "total_enroll_stype", 6):
        got = survey.total(design, "enroll", df=math.inf)
        close(got.estimate, single(value["est"]))
        close(got.std_error, single(value["se"]))
        close((got.ci.low, got.ci.high), value["ci_z"]["values"][0])
        close(
            got.diagnostics["design_effect_without_replacement"], single(value["deff"])
        )


def test_ratio(cases, designs):
    for design, value in each(cases, designs, "ratio_apistu_enroll", 6):
        got = survey.ratio(design, "api.stu", "enroll", df=math.inf)
        close(got.estimate, single(value["est"]))
        close(got.std_error, single(value["se"]))
        close((got.ci.low, got.ci.high), value["ci"]["values"][0])


def test_t_interval__has_the_design_s_degrees_of_freedom(cases, designs):
    for design, value in each(cases, designs, "ci_t_api00", 3):
        got = survey.mean(design, "api00")
        close((got.ci.low, got.ci.high), value["values"][0])


def test_degrees_of_freedom(cases, designs):
    for design, value in each(cases, designs, "degf", 5):
        assert degrees_of_freedom(design) == value


def test_means_by_group(cases, designs):
    for design, value in each(cases, designs, "by_stype_mean", 4):
        got = survey.mean(design, "api00", by="stype", df=math.inf)
        assert [group["stype"] for group in got.groups] == value["stype"]
        close([row.estimate for row in got], value["api00"])
        close([row.std_error for row in got], value["se"])
        close([row.ci.low for row in got], value["ci_l"])
        close([row.ci.high for row in got], value["ci_u"])
        close(
            [row.diagnostics["design_effect_without_replacement"] for row in got],
            value["DEff.api00"],
        )


def test_means_by_two_groups(cases, designs):
    for design, value in each(cases, designs, "by_stype_schwide_mean", 4):
        got = survey.mean(design, "api00", by=["stype", "sch.wide"])
        assert len(got) == len(value["api00"])
        for place, stype in enumerate(value["stype"]):
            row = got.get(stype=stype, **{"sch.wide": value["sch.wide"][place]})
            close(row.estimate, value["api00"][place])
            close(row.std_error, value["se"][place])


def test_totals_by_group__with_their_covariance(cases, designs):
    for design, value in each(cases, designs, "by_stype_total_covmat", 5):
        got = survey.total(design, "enroll", by="stype")
        close([row.estimate for row in got], list(value["est"].values()))
        expected = np.array(value["vcov"]["values"])
        close(got.covariance, expected, atol=1e-12 * expected.max())


def test_ratios_by_group(cases, designs):
    for design, value in each(cases, designs, "by_stype_ratio", 5):
        got = survey.ratio(design, "api.stu", "enroll", by="stype")
        close([row.estimate for row in got], value["api.stu/enroll"])
        close([row.std_error for row in got], value["se.api.stu/enroll"])


def test_subset__equals_a_subset_that_keeps_its_rows(cases, designs):
    for design, value in each(cases, designs, "subset_E_mean", 4):
        for got in (
            survey.mean(design, "api00", where="stype == 'E'"),
            survey.mean(design.subset(design.frame["stype"] == "E"), "api00"),
            survey.mean(design, "api00", by="stype").get(stype="E"),
        ):
            close(got.estimate, single(value["est"]))
            close(got.std_error, single(value["se"]))


def test_subset__totals(cases, designs):
    names = ["meals_to_80", "meals_over_80", "enroll"]
    for design, value in each(cases, designs, "subset_meals80_total", 6):
        for name, label in zip(names, value["est"], strict=True):
            got = survey.total(design, name, where="poor")
            close(got.estimate, value["est"][label])
            close(got.std_error, value["se"][label])


METHODS = {
    "logit": "logit",
    "xlogit": "logit",
    "likelihood": "likelihood",
    "asin": "arcsine",
    "beta": "beta",
    "mean": "wald",
    "wilson": "wilson",
}
VARIABLES = {"schwide": "wide", "rare_api00gt900": "rare"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", ["schwide", "rare_api00gt900", "dfInf"])
def test_proportion_intervals(cases, designs, method, case):
    for design, value in each(cases, designs, f"ciprop_{method}_{case}", 2):
        # R's beta ignores the df it is given: its dfInf cases equal the plain ones.
        df = math.inf if case == "dfInf" and method != "beta" else None
        got = survey.proportion(
            design, VARIABLES.get(case, "wide"), ci=METHODS[method], df=df
        )
        low, high = value["ci"]
        # logit goes through a glm that stops at 1e-9; its p carries that error.
        close(got.estimate, value["est"], rtol=RTOL)
        if "se" in value:
            close(got.std_error, value["se"])
        if method == "asin" and (got.ci.low == 0):
            # R lets the angle fall below 0, where the squared sine rises again: it
            # prints 2.6e-5 and 3.5e-5, which are no limits. Ours stops at 0.
            angle = math.asin(math.sqrt(got.estimate))
            assert math.asin(math.sqrt(high)) - angle > angle
            assert low < 1e-4
            low = 0.0
        # R interpolates the profile likelihood on a grid with a spline of three points
        # per step: its limits are good to 1.3e-3 for 1 event in 183, 1e-5 for p = .8.
        rtol = 1.5e-3 if method == "likelihood" else RTOL
        close((got.ci.low, got.ci.high), (low, high), rtol=rtol)


def test_likelihood_interval__solves_its_equation(designs):
    design = designs["clus1"]
    got = survey.proportion(design, "rare", ci="likelihood")
    p, n = got.estimate, got.n_obs
    n_effective = p * (1 - p) / got.std_error**2
    t = 2.1447866879178  # 14 degrees of freedom, any printed table
    for q in (got.ci.low, got.ci.high):
        divergence = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
        close(2 * n_effective * divergence, t**2 * n / (n - 1))


def test_korn_graubard__capped_at_the_rows(reference, designs):
    for name in ("strat", "clus1"):
        value = reference["py_svy"]["cases"][f"svy_{name}_6"]["value"][1]
        got = survey.proportion(designs[name], "wide")
        close((got.estimate, got.std_error), (value["est"], value["se"]))
        if name == "strat":  # effective n 240 is cut at 200
            close((got.ci.low, got.ci.high), (value["lci"], value["uci"]))
            uncapped = survey.proportion(designs[name], "wide", ci="beta")
            assert got.ci.low < uncapped.ci.low < uncapped.ci.high < got.ci.high


@pytest.mark.parametrize("ci", [*METHODS.values(), "korn_graubard"])
def test_zero_events__get_an_interval_where_survey_has_none(cases, designs, ci):
    for name in API:
        design = designs[name]
        known = design.subset(design.frame["api00"].notna())
        for variable, p in (("never", 0.0), ("listwise", 1.0)):
            got = survey.proportion(known, variable, ci=ci, where="listwise")
            assert got.estimate == p
            # The exact upper limit for 0 in n is the least that could be claimed.
            least = 1 - 0.025 ** (1 / got.n_obs)
            assert got.ci.width >= least * (1 - 1e-12)
            assert "clopper_pearson" in got.ci.method
            assert any("design effect" in note for note in got.notes)
            assert 0 <= got.ci.low < got.ci.high <= 1
    assert cases["ciprop_beta_zero_strat"]["ci"] == [None, None]


def test_nhanes__unknowns_are_a_domain(cases, designs):
    design, value = designs["nhanes"], cases["nhanes_mean"]
    for function in (survey.mean, survey.proportion):
        got = function(design, "HI_CHOL")
        close(got.estimate, single(value["est"]))
        close(got.std_error, single(value["se"]))
        close(
            got.diagnostics["design_effect_without_replacement"], single(value["deff"])
        )
        assert got.diagnostics["n_unknown"] == 745
        assert got.n_obs + 745 == len(design)
        assert any("745" in note for note in got.notes)


def test_nhanes__by_race_and_sex(cases, designs):
    value = cases["nhanes_mean_HIcholgt"]
    got = survey.mean(designs["nhanes"], "HI_CHOL", by=["race", "RIAGENDR"])
    for place, race in enumerate(value["race"]):
        row = got.get(race=race, RIAGENDR=value["RIAGENDR"][place])
        close(row.estimate, value["HI_CHOL"][place])
        close(row.std_error, value["se"][place])


def test_nhanes__logit_intervals(cases, designs):
    design = designs["nhanes"]
    got = survey.proportion(design, "HI_CHOL", ci="logit")
    close((got.ci.low, got.ci.high), cases["nhanes_ciprop_logit"]["ci"])
    value = cases["nhanes_byciprop_logit"]
    rows = survey.proportion(design, "HI_CHOL", ci="logit", by="race")
    for place, race in enumerate(value["race"]):
        expected = value["ci_l"][place], value["ci_u"][place]
        row = rows.get(race=race)
        asked = degrees_of_freedom(design, (design.frame["race"] == race).to_numpy())
        if asked != row.diagnostics["df"]:
            # survey counts PSUs in which all of the domain is unknown; they tell
            # nothing about the variance, so we do not.
            assert race == 4
            assert row.diagnostics["df"] < asked
            assert row.ci.low < expected[0] < expected[1] < row.ci.high
            row = survey.proportion(
                design, "HI_CHOL", ci="logit", where=f"race == {race}", df=asked
            )
        close((row.ci.low, row.ci.high), expected)


def test_mu284__two_stages_with_population_sizes(cases, designs):
    for function, key in (
        (survey.mean, "mu284_mean_total"),
        (survey.total, "mu284_total"),
    ):
        got = function(designs["mu284"], "y1")
        close(got.estimate, single(cases[key]["est"]))
        close(got.std_error, single(cases[key]["se"]))


def test_ten_thousand_rows(reference, designs):
    design = designs["big10k"]
    found = {
        key: case["value"] for key, case in reference["survey_extra"]["cases"].items()
    }
    for method in ("logit", "asin", "beta", "xlogit"):
        value = found[f"big10k_ciprop_{method}"]
        got = survey.proportion(design, "y", ci=METHODS[method])
        close(got.std_error, value["se"])
        close((got.ci.low, got.ci.high), value["ci"])
    value = found["big10k_by_edu"]
    rows = survey.mean(design, "y", by="edu", df=math.inf)
    close([row.estimate for row in rows], value["y"])
    close([row.std_error for row in rows], value["se"])
    close([row.ci.high for row in rows], value["ci_u"])
    close(
        [row.diagnostics["design_effect_without_replacement"] for row in rows],
        value["DEff.y"],
    )


def test_contrast__is_the_design_based_t_test(cases, designs):
    for design, value in each(cases, designs, "ttest", 7):
        means = survey.mean(design, "api00", by="sch.wide")
        got = survey.contrast(means, [-1, 1], label="Yes - No", df=value["df"])
        close(got.estimate, value["est"])
        close(got.diagnostics["statistic"], value["statistic"])
        close(got.diagnostics["p_value"], value["p"], rtol=1e-7)
        close((got.ci.low, got.ci.high), value["ci"])
