"""Firth's logistic regression against logistf 1.26.1, brglm2, firthmodels, R survey.

logistf was run with tight control: agreement is asked to 1e-8 relative. Its p-values
are 1 minus a probability, so small ones carry an absolute error of about 1e-16: they
are compared to 1e-8 relative or 1e-14 absolute, whichever is larger.
"""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from estimators.designs import SurveyDesign
from estimators.regression import firth_logistic
from estimators.regression._penalised_likelihood import Likelihood, maximise
from estimators.regression._profile import _bracketed, _Search, constrained
from estimators.regression.model_data import read_binary_data

pytestmark = pytest.mark.shared

RTOL = 1e-8
SEX2 = "case ~ age + oc + vic + vicl + vis + dia"
ENDOMETRIAL = "HG ~ NV + PI + EH"
RARE = "y ~ female + age + debt + agency + wave + sep"
LIZARDS = "y ~ height + diameter + light + time"
# case: formula, table, options
CASES = {
    "firth_sex2_pl": (SEX2, "sex2", {}),
    "firth_sex2_90": (SEX2, "sex2", {"level": 0.9}),
    "firth_sexagg_weights": (SEX2, "sexagg", {"count": "COUNT"}),
    "firth_sex2_wald": (SEX2, "sex2", {"ci": "wald", "covariance": "augmented"}),
    "firth_endometrial": (ENDOMETRIAL, "endometrial", {}),
    "firth_endometrial_wald": (
        ENDOMETRIAL, "endometrial", {"ci": "wald", "covariance": "augmented"},
    ),
    "firth_lizards_weighted": (LIZARDS, "lizards", {"count": "w"}),
    "rare_firth": (RARE, "rare", {}),
    "flac_sex2": (SEX2, "sex2", {"flac": True}),
    "flac_endometrial": (ENDOMETRIAL, "endometrial", {"flac": True}),
    "rare_flac": (RARE, "rare", {"flac": True}),
}  # fmt: skip


@pytest.fixture(scope="module")
def reference(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    return json.loads(path.read_text(encoding="utf-8"))["sets"]


@pytest.fixture(scope="module")
def logistf(reference):
    return {key: case["value"] for key, case in reference["firth"]["cases"].items()}


@pytest.fixture(scope="module")
def tables(shared_folder):
    folder = shared_folder / "reference" / "survey" / "data"
    names = (
        "sex2",
        "sexagg",
        "endometrial",
        "rare",
        "apistrat",
        "apiclus1",
        "apiclus2",
    )
    frames = {name: pd.read_csv(folder / f"{name}.csv") for name in names}
    lizards = pd.read_csv(folder / "lizards.csv")
    levels = {
        "height": ["<5ft", ">=5ft"],
        "diameter": ["<=2in", ">2in"],
        "light": ["sunny", "shady"],
        "time": ["early", "midday", "late"],
    }
    for column, order in levels.items():
        lizards[column] = pd.Categorical(lizards[column], categories=order)
    frames["lizards"] = pd.concat(
        [
            lizards.assign(y=1, w=lizards.grahami),
            lizards.assign(y=0, w=lizards.opalinus),
        ],
        ignore_index=True,
    )
    for name in ("apistrat", "apiclus1", "apiclus2"):
        frames[name]["wide"] = (frames[name]["sch.wide"] == "Yes").astype(int)
    return frames


@pytest.fixture(scope="module")
def fits(tables):
    made = {}

    def fit(case):
        if case not in made:
            formula, table, options = CASES[case]
            made[case] = firth_logistic(formula, tables[table], **options)
        return made[case]

    return fit


def numbers(values):
    return np.array(list(values.values()))


@pytest.mark.parametrize("case", CASES)
def test_firth_logistic__equals_logistf(case, fits, logistf):
    expected, fit = logistf[case], fits(case)
    for ours, theirs in (
        ("estimate", "coef"), ("ci_low", "ci_lower"), ("ci_high", "ci_upper"),
    ):  # fmt: skip
        np.testing.assert_allclose(
            getattr(fit, ours), numbers(expected[theirs]), rtol=RTOL
        )
    np.testing.assert_allclose(
        fit.p_value, numbers(expected["p"]), rtol=RTOL, atol=1e-14
    )
    found = fit.fit_statistics
    for ours, theirs in (
        ("penalised_log_likelihood", "full"), ("null_penalised_log_likelihood", "null"),
    ):  # fmt: skip
        assert found[ours] == pytest.approx(expected["loglik"][theirs], rel=RTOL)


@pytest.mark.parametrize("case", ["firth_sex2_pl", "firth_endometrial", "rare_firth"])
def test_covariance__augmented_is_logistf_and_fisher_is_the_inverse_information(
    case, tables, logistf
):
    formula, table, _ = CASES[case]
    augmented = firth_logistic(
        formula, tables[table], ci="wald", covariance="augmented"
    )
    np.testing.assert_allclose(augmented.covariance, logistf[case]["var"], rtol=RTOL)
    fisher = firth_logistic(formula, tables[table], ci="wald")
    data = read_binary_data(formula, tables[table])
    p = expit(data.matrix @ fisher.estimate)
    information = (data.matrix * (p * (1 - p))[:, None]).T @ data.matrix
    np.testing.assert_allclose(fisher.covariance, np.linalg.inv(information), rtol=1e-7)


def test_fisher_covariance__equals_brglm2(fits, logistf):
    expected = logistf["brglm2_AS_mean_logit_endometrial"]
    fit = fits("firth_endometrial")
    np.testing.assert_allclose(fit.estimate, numbers(expected["coef"]), rtol=RTOL)
    np.testing.assert_allclose(fit.covariance, expected["vcov"]["values"], rtol=RTOL)


def test_firth_logistic__equals_firthmodels(fits, reference):
    expected = reference["py_firth"]["cases"]["firthmodels_sex2"]["value"]
    fit = fits("firth_sex2_pl")
    np.testing.assert_allclose(fit.estimate[1:], expected["coef"], rtol=RTOL)
    limits = np.column_stack([fit.ci_low, fit.ci_high])
    np.testing.assert_allclose(limits[1:], expected["ci"][:-1], rtol=RTOL)
    np.testing.assert_allclose(limits[0], expected["ci"][-1], rtol=RTOL)


@pytest.mark.parametrize("case", CASES)
def test_fitted__equals_logistf_predictions(case, fits, tables, logistf):
    expected = logistf[case]["predict"]
    table = tables[CASES[case][1]]
    if case == "firth_lizards_weighted":
        # R's rows alternate between the two outcomes of one covariate pattern.
        half = len(table) // 2
        table = table.iloc[np.arange(len(table)).reshape(2, half).T.ravel()]
    fitted = fits(case).augment(table)[".fitted"].to_numpy()
    np.testing.assert_allclose(fitted[: len(expected)], expected, rtol=RTOL)


@pytest.mark.parametrize(
    ("case", "base"),
    [("flic_endometrial", "firth_endometrial"), ("rare_flic", "rare_firth")],
)
def test_flic__moves_the_intercept_alone(case, base, tables, fits, logistf):
    formula, table, _ = CASES[base]
    fit = firth_logistic(formula, tables[table], flic=True)
    expected = logistf[case]
    np.testing.assert_allclose(fit.estimate, numbers(expected["coef"]), rtol=RTOL)
    plain = fits(base)
    for name in ("estimate", "ci_low", "ci_high", "p_value"):
        np.testing.assert_array_equal(getattr(fit, name)[1:], getattr(plain, name)[1:])
    np.testing.assert_allclose(
        fit.ci_high[1:], numbers(expected["ci_upper"])[1:], rtol=RTOL
    )
    outcome = tables[table][formula.split(" ~")[0]]
    fitted = fit.augment(tables[table])[".fitted"]
    assert fitted.mean() == pytest.approx(outcome.mean(), rel=1e-12)
    # logistf prints Wald limits whose standard error is within 2e-5 of ours; its `var`
    # (next test) is another matter.
    half = (
        expected["ci_upper"]["(Intercept)"] - expected["ci_lower"]["(Intercept)"]
    ) / 2
    assert fit.std_error[0] == pytest.approx(half / stats.norm.ppf(0.975), rel=1e-4)


def test_flic__covariance_is_right_where_logistf_forgets_a_factor(tables, logistf):
    table = tables["endometrial"]
    fit = firth_logistic(ENDOMETRIAL, table, flic=True)
    x = read_binary_data(ENDOMETRIAL, table).matrix
    p = expit(x @ fit.estimate)
    forgotten = np.linalg.inv((x * p[:, None]).T @ x)
    np.testing.assert_allclose(
        forgotten, logistf["flic_endometrial"]["var"]["values"], rtol=RTOL
    )
    right = np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x)
    np.testing.assert_allclose(fit.covariance, right, rtol=1e-9)


@pytest.mark.parametrize("case", ["flac_sex2", "flac_endometrial", "rare_flac"])
def test_flac__covariance_and_mean_prediction(case, fits, tables, logistf):
    formula, table, _ = CASES[case]
    fit = fits(case)
    np.testing.assert_allclose(
        fit.covariance, logistf[case]["var"]["values"], rtol=RTOL
    )
    outcome = tables[table][formula.split(" ~")[0]]
    fitted = fit.augment(tables[table])[".fitted"]
    assert fitted.mean() == pytest.approx(outcome.mean(), rel=1e-10)


def test_penalised_tests__of_several_terms_equal_logistftest(tables, logistf):
    data = read_binary_data(SEX2, tables["sex2"])
    rows, trials, events, _ = data.distinct_rows(data.frequency)
    likelihood = Likelihood(rows, trials, events, 0.5)
    top = maximise(likelihood, np.zeros(7), np.ones(7, dtype=bool))
    vic, vicl = data.term.index("vic"), data.term.index("vicl")
    for case, values in (
        ("logistftest_sex2", {vic: 2.0, vicl: 0.0}),
        ("logistftest_sex2_0", {vic: 0.0, vicl: 0.0}),
    ):
        null = constrained(likelihood, top, values)
        expected = logistf[case]
        assert null.penalised == pytest.approx(expected["loglik"]["null"], rel=RTOL)
        p = stats.chi2.sf(2 * (top.penalised - null.penalised), 2)
        assert p == pytest.approx(expected["p"]["null"], rel=1e-8)


def test_global_test__equals_logistftest(fits, logistf):
    found = fits("firth_sex2_pl").fit_statistics
    expected = logistf["logistftest_sex2_global"]
    assert found["df"] == expected["df"]
    # R's p is 1 minus a probability: 1e-16 of 7e-9.
    assert found["p_value"] == pytest.approx(expected["p"]["null"], rel=1e-7)


def test_tau__logistf_ignores_it_when_a_control_is_given(tables, logistf):
    """The two reference cases named tau = 0 and tau = 0.25 are fits at tau = 0.5."""
    formula = "case ~ age + oc + vic"
    firth = firth_logistic(formula, tables["sex2"])
    for case in ("firth_sex2_tau0", "firth_sex2_tau025"):
        np.testing.assert_allclose(
            firth.estimate, numbers(logistf[case]["coef"]), rtol=RTOL
        )


def test_tau__zero_is_maximum_likelihood(tables, logistf):
    import statsmodels.api as sm

    table = tables["sex2"]
    fit = firth_logistic("case ~ age + oc + vic", table, tau=0, ci="wald")
    x = sm.add_constant(table[["age", "oc", "vic"]].to_numpy(dtype=float))
    expected = sm.Logit(table["case"].to_numpy(), x).fit(disp=False, tol=1e-12)
    np.testing.assert_allclose(fit.estimate, expected.params, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, expected.cov_params(), rtol=1e-8)
    np.testing.assert_allclose(
        np.column_stack([fit.ci_low, fit.ci_high]), expected.conf_int(), rtol=1e-8
    )
    rare = firth_logistic(
        "y ~ female + age + debt + agency + wave", tables["rare"], tau=0, ci="wald"
    )
    np.testing.assert_allclose(
        rare.estimate, numbers(logistf["rare_ml"]["coef"]), rtol=1e-8
    )


def test_profile_limit__bracket_finds_the_same_limits(tables, fits):
    data = read_binary_data(SEX2, tables["sex2"])
    rows, trials, events, _ = data.distinct_rows(data.frequency)
    likelihood = Likelihood(rows, trials, events, 0.5)
    top = maximise(likelihood, np.zeros(7), np.ones(7, dtype=bool))
    floor = top.penalised - stats.chi2.ppf(0.95, 1) / 2
    fit = fits("firth_sex2_pl")
    for term in range(7):
        for side, expected in ((-1, fit.ci_low), (1, fit.ci_high)):
            found = _bracketed(_Search(likelihood, top, term, side, floor))
            assert found == pytest.approx(expected[term], rel=1e-9)


@pytest.mark.parametrize(
    ("case", "table", "options"),
    [
        ("strat", "apistrat", {"weights": "pw", "strata": "stype", "fpc": "fpc"}),
        ("clus1", "apiclus1", {"weights": "pw", "psu": "dnum", "fpc": "fpc"}),
        ("clus2", "apiclus2", {"psu": ["dnum", "snum"], "fpc": ["fpc1", "fpc2"]}),
    ],
)
def test_design__without_penalty_equals_svyglm(case, table, options, tables, reference):
    expected = reference["survey_extra"]["cases"][f"tight_glm_qbin_{case}"]["value"]
    design = SurveyDesign.from_frame(tables[table], **options)
    fit = firth_logistic(
        "wide ~ ell + meals + mobility", tables[table], design=design, tau=0, ci="wald"
    )
    np.testing.assert_allclose(fit.estimate, numbers(expected["coef"]), rtol=RTOL)
    np.testing.assert_allclose(
        fit.covariance, expected["vcov"]["values"], rtol=RTOL, atol=1e-12
    )
    limits = np.column_stack([fit.ci_low, fit.ci_high])
    np.testing.assert_allclose(limits, expected["ci_wald"]["values"], rtol=2e-8)
    assert fit.fit_statistics["residual_df"] == expected["df_resid"]
