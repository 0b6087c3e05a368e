"""Rubin's rules against mice, mitools, closed forms; refusals."""

import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from scipy.special import expit, logit

from estimators import survey
from estimators.designs import SurveyDesign
from estimators.errors import InputError
from estimators.regression import (
    logistic,
    marginal_effects,
    pool_imputations,
    pool_tests,
    survey_glm,
)
from estimators.regression.rubin_rules import combine, d1_test, d2_test, d3_test
from estimators.results import Estimate, Estimates, Interval

NONE = Interval(low=-9.0, high=9.0, level=0.95, method="none")


def _estimate(value, error, **changes):
    known = {
        "estimand": "mean", "unit": "days", "estimate": value, "std_error": error,
        "ci": NONE, "method": "survey_mean", "n_obs": 50,
    }  # fmt: skip
    return Estimate(**{**known, **changes})


@pytest.fixture(scope="module")
def reference(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    cases = json.loads(path.read_text(encoding="utf-8"))["sets"]["mi_sae"]["cases"]
    return {key: case["value"] for key, case in cases.items()}


@pytest.fixture(scope="module")
def nhanes(shared_folder):
    folder = shared_folder / "reference" / "survey" / "data"
    frame = pd.read_csv(folder / "mice_nhanes_m20_long.csv")
    return [part for _, part in frame.groupby(".imp")]


@pytest.fixture(scope="module")
def apistrat(shared_folder):
    frame = pd.read_csv(
        shared_folder / "reference" / "survey" / "data" / "mi_apistrat_m10.csv"
    )
    return [
        SurveyDesign.from_frame(
            part.reset_index(drop=True), weights="pw", strata="stype", fpc="fpc"
        )
        for _, part in frame.groupby("imp")
    ]


def _least_squares(parts, formula):
    fits = [smf.ols(formula, part).fit() for part in parts]
    return (
        np.array([fit.params for fit in fits]),
        np.array([fit.cov_params() for fit in fits]),
    )


@pytest.mark.shared
@pytest.mark.parametrize(
    ("case", "formula", "df_complete"),
    [
        ("mice_pool_nhanes_lm_dfcomInf", "chl ~ age + bmi", np.inf),
        ("mice_pool_nhanes_bmi_hyp_chl", "bmi ~ hyp + chl", 22.0),
    ],
)
def test_combine__is_mice_pool(reference, nhanes, case, formula, df_complete):
    found = combine(*_least_squares(nhanes, formula), np.full(3, df_complete))
    expected = reference[case]
    pairs = {
        "estimate": found.estimate,
        "ubar": np.diag(found.within),
        "b": np.diag(found.between),
        "t": np.diag(found.total),
        "df": found.df,
        "riv": found.increase,
        "fmi": found.missing_information,
    }
    for name, values in pairs.items():
        # statsmodels' least squares and R's agree to about 1e-11 of the largest.
        np.testing.assert_allclose(values, expected[name], rtol=1e-8)


@pytest.mark.shared
def test_logistic__is_mice_pool(reference, shared_folder):
    frame = pd.read_csv(
        shared_folder / "reference" / "survey" / "data" / "mice_nhanes2_m20_long.csv"
    )
    frame["hyp"] = (frame["hyp"] == "yes").astype(int)
    fits = [
        logistic("hyp ~ bmi + chl", part, ci="wald")
        for _, part in frame.groupby(".imp")
    ]
    pooled = pool_imputations(fits)
    expected = reference["mice_pool_nhanes2_logit"]
    # R's glm stops at a relative change of 1e-8 of the deviance, and its information
    # is one iteration old: standard errors are good to 2e-5.
    table = pooled.terms()
    summary = expected["summary"]
    np.testing.assert_allclose(table["estimate"], expected["estimate"], rtol=1e-6)
    np.testing.assert_allclose(table["std_error"], summary["std.error"], rtol=5e-5)
    np.testing.assert_allclose(table["p_value"], summary["p.value"], rtol=5e-5)
    np.testing.assert_allclose(table["ci_low"], summary["2.5 %"], rtol=5e-5)
    np.testing.assert_allclose(pooled.df, expected["df"], rtol=5e-5)
    np.testing.assert_allclose(pooled.missing_information, expected["fmi"], rtol=5e-5)
    assert pooled.df_complete == 22
    probability = pooled.augment(frame.head(3))[".fitted"]
    eta = frame.head(3)[["bmi", "chl"]].to_numpy() @ pooled.estimate[1:]
    np.testing.assert_allclose(probability, expit(pooled.estimate[0] + eta))


@pytest.mark.shared
def test_joint_tests__are_mice_d1_and_d2(reference, nhanes):
    estimates, covariances = _least_squares(nhanes, "chl ~ age + bmi")
    d1 = d1_test(estimates[:, [2]], covariances[:, 2:, 2:], 22.0)
    expected = reference["mice_D1"]["values"][0]
    np.testing.assert_allclose(d1, expected[:4], rtol=1e-9)
    wald = estimates[:, 2] ** 2 / covariances[:, 2, 2]
    d2 = d2_test(wald, 1)
    np.testing.assert_allclose(d2, reference["mice_D2"]["values"][0][:4], rtol=1e-9)
    pooled = pool_tests(list(wald), 1)
    assert (pooled.test, pooled.p_value) == ("D2", d2[3])
    # D3: the same F and relative increase have the same denominator and p in mice.
    statistic, k, df, p, r = reference["mice_D3"]
    at_pooled = statistic * k * (1 + r)
    d3 = d3_test(at_pooled + r * 19 / 21, at_pooled, k, 20)
    np.testing.assert_allclose(d3, (statistic, k, df, p), rtol=1e-9)
    by_name = pool_tests(np.full(20, at_pooled + r * 19 / 21), k, at_pooled=at_pooled)
    assert by_name.test == "D3"


@pytest.mark.shared
def test_survey_mean__is_mitools(reference, apistrat):
    expected = reference["mi_svymean"]
    pooled = pool_imputations(
        [survey.mean(design, "yr") for design in apistrat], df_complete=np.inf,
        scale="identity",
    )  # fmt: skip
    pooled = pooled if isinstance(pooled, Estimate) else pooled[0]
    assert pooled.estimate == pytest.approx(expected["coef"]["yr"], rel=1e-8)
    variance = expected["vcov"]["values"][0][0]
    assert pooled.std_error**2 == pytest.approx(variance, rel=1e-8)
    diagnostics = pooled.diagnostics
    assert diagnostics["df"] == pytest.approx(expected["df"]["yr"], rel=1e-7)
    assert diagnostics["missing_information"] == pytest.approx(
        expected["missinfo"]["yr"], rel=1e-7
    )


@pytest.mark.shared
def test_survey_glm__is_mitools_with_complete_df(reference, apistrat):
    expected = reference["mi_svyglm_dfcom"]
    fits = [survey_glm("yr ~ ell + meals", design) for design in apistrat]
    pooled = pool_imputations(fits, df_complete=194)
    coefficients = list(expected["coef"].values())
    # survey's bread is one iteration old: its standard errors are good to 3e-5.
    np.testing.assert_allclose(pooled.estimate, coefficients, rtol=1e-6)
    np.testing.assert_allclose(pooled.covariance, expected["vcov"]["values"], rtol=5e-4)
    # mitools' observed df leaves (1 + 1/m) out of the share of missing information,
    # Barnard and Rubin (1999) and mice do not: 1 % here. Its figure from its formula:
    within = pooled.covariances.mean(axis=0).diagonal()
    between = pooled.estimates.var(axis=0, ddof=1)
    theirs = 195 / 197 * 194 * within / (within + between)
    old = 9 / (1.1 * between / (within + 1.1 * between)) ** 2
    np.testing.assert_allclose(
        1 / (1 / theirs + 1 / old), list(expected["df"].values()), rtol=1e-4
    )
    ours = 195 / 197 * 194 * within / (within + 1.1 * between)
    np.testing.assert_allclose(pooled.df, 1 / (1 / ours + 1 / old), rtol=1e-10)
    # By default the design's residual degrees of freedom: 200 rows, 3 strata, 3 terms.
    assert pool_imputations(fits).df_complete == 195


def test_scalar__is_mice_pool_scalar():
    # mice: pool.scalar(c(2.1, 2.4, 1.9, 2.2, 2.6), c(.3, .28, .33, .31, .29),
    # n = 120, k = 3): t = 0.3896, df = 41.92516608638851, fmi = 0.25935467205999413.
    rows = [
        _estimate(value, np.sqrt(variance))
        for value, variance in zip(
            [2.1, 2.4, 1.9, 2.2, 2.6], [0.3, 0.28, 0.33, 0.31, 0.29], strict=True
        )
    ]
    pooled = pool_imputations(rows, df_complete=117)
    assert pooled.std_error**2 == pytest.approx(0.3896)
    assert pooled.diagnostics["df"] == pytest.approx(41.92516608638851, rel=1e-10)
    assert pooled.diagnostics["missing_information"] == pytest.approx(
        0.25935467205999413, rel=1e-10
    )
    assert pooled.diagnostics["monte_carlo_error"] == pytest.approx(np.sqrt(0.073 / 5))
    reach = stats.t.ppf(0.975, 41.92516608638851) * np.sqrt(0.3896)
    assert pooled.ci.high == pytest.approx(2.24 + reach, rel=1e-9)


def test_proportions__are_pooled_as_logits_and_at_zero_as_they_are():
    shares, error = np.array([0.02, 0.05, 0.03]), 0.015
    rows = [_estimate(p, error, unit="proportion") for p in shares]
    pooled = pool_imputations(rows)
    moved = logit(shares)
    assert pooled.estimate == pytest.approx(expit(moved.mean()))
    total = ((error / (shares * (1 - shares))) ** 2).mean() + 4 / 3 * moved.var(ddof=1)
    p = pooled.estimate
    assert pooled.std_error == pytest.approx(p * (1 - p) * np.sqrt(total))
    assert 0 < pooled.ci.low < p < pooled.ci.high
    zero = pool_imputations([*rows, _estimate(0.0, 0.0, unit="proportion")])
    assert "1 of 4 imputations have an estimate without a logit" in zero.summary()
    assert zero.estimate == pytest.approx(shares.sum() / 4)
    assert zero.ci.low >= 0


def test_identical_imputations__give_the_complete_answer_and_a_doubt():
    pooled = pool_imputations([_estimate(3.0, 0.5)] * 5, df_complete=14)
    assert (pooled.estimate, pooled.std_error) == (3.0, pytest.approx(0.5))
    # Barnard and Rubin's observed df at no missing information: 15 / 17 x 14.
    assert pooled.diagnostics["df"] == pytest.approx(15 / 17 * 14)
    assert "no random draws" in pooled.summary()


def test_marginal_effects_and_domains__keep_groups_and_covariance():
    rng = np.random.default_rng(1)
    tables = []
    for _ in range(4):
        frame = pd.DataFrame({"x": rng.integers(0, 2, 200), "g": [0, 1] * 100})
        frame["y"] = (rng.random(200) < 0.2 + 0.2 * frame["x"]).astype(int)
        tables.append(marginal_effects(logistic("y ~ x + g", frame), "x"))
    pooled = pool_imputations(tables)
    one = pooled if isinstance(pooled, Estimate) else pooled[0]
    firsts = [t if isinstance(t, Estimate) else t[0] for t in tables]
    assert one.estimate == pytest.approx(np.mean([e.estimate for e in firsts]), rel=0.2)
    groups = ({"site": "a"}, {"site": "b"})
    pair = [
        Estimates(
            rows=(_estimate(a, 1.0), _estimate(b, 2.0)),
            groups=groups,
            covariance=np.array([[1.0, 0.5], [0.5, 4.0]]),
        )
        for a, b in [(1.0, 4.0), (2.0, 6.0), (3.0, 8.0)]
    ]
    joint = pool_imputations(pair)
    np.testing.assert_allclose(
        joint.covariance, [[1 + 4 / 3, 0.5 + 8 / 3], [0.5 + 8 / 3, 4 + 16 / 3]]
    )
    assert joint.get(site="b").estimate == 6.0


def test_joint_test__names_terms_and_is_t_squared_for_one():
    rng = np.random.default_rng(3)
    fits = []
    base = pd.DataFrame({"x": rng.normal(size=150), "z": rng.normal(size=150)})
    base["y"] = (rng.random(150) < expit(base["x"])).astype(int)
    for _ in range(6):
        fits.append(logistic("y ~ x + z", base, ci="wald"))
        base = base.assign(z=base["z"] + 0.3 * rng.normal(size=150))
    pooled = pool_imputations(fits)
    one = pooled.joint_test(["x"])
    assert one.statistic == pytest.approx(pooled.statistic[1] ** 2)
    assert pooled.joint_test(["x", "z"]).df == 2
    assert set(pooled.imputation_table()) >= {"missing_information", "df"}
    with pytest.raises(InputError, match="no term q"):
        pooled.joint_test(["q"])


def test_rao_scott_results__are_pooled_by_their_own_df():
    class Test:
        def __init__(self, statistic):
            self.statistic, self.df, self.df_denominator = statistic, 1.5, 20.0
            self.notes = ("few",)

    pooled = pool_tests([Test(2.0), Test(3.0), Test(2.5)])
    expected = d2_test(np.array([2.0, 3.0, 2.5]) * 1.5, 1.5)
    assert (pooled.statistic, pooled.df) == (expected[0], 1.5)
    assert pooled.notes == ("few",)


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([_estimate(1.0, 1.0)], "at least two"),
        ([_estimate(1.0, 1.0), NONE], "all Estimate"),
        ([_estimate(1.0, 1.0), _estimate(1.0, 1.0, unit="baht")], "unit is baht, days"),
        ([_estimate(1.0, 1.0), _estimate(1.0, np.inf)], r"imputations \[1\]"),
        (_estimate(1.0, 1.0), "list of results"),
    ],
)
def test_results_that_are_not_one_analysis__are_refused(results, message):
    with pytest.raises(InputError, match=message):
        pool_imputations(results)


def test_wrong_statistics__are_all_named():
    with pytest.raises(InputError, match=r"at least two.*finite and >= 0.*df=None"):
        pool_tests([-1.0])
    cells = pd.DataFrame({"x": [0, 0, 1, 1], "y": [0, 1] * 2, "n": [9, 4, 5, 8]})
    fits = [logistic(f, cells, count="n", ci="wald") for f in ("y ~ x", "y ~ 1")]
    with pytest.raises(InputError, match=r"formula of imputations \[1\]"):
        pool_imputations(fits)
    with pytest.raises(InputError, match="df_complete=0"):
        pool_imputations(fits[:1] * 2, df_complete=0)
