"""Latent classes against poLCA 1.6 and StepMix 3 on published data.

poLCA stops when its log likelihood moves by less than its tolerance, so that its
parameters carry an error of about sqrt(that / information): 1e-10 in the likelihood is
3e-6 in a flat direction. Our own gradient at the end is checked beside it.
"""

import json

import numpy as np
import pandas as pd
import pytest

from estimators.latent_class import bootstrap_class_test, latent_class_analysis
from estimators.latent_class.information import penalised_gradient

pytestmark = pytest.mark.shared

CARCINOMA = list("ABCDEFG")
CHEATING = ["LIEEXAM", "LIEPAPER", "FRAUD", "COPYEXAM"]
TRAITS = ("MORAL", "CARES", "KNOW", "LEAD", "DISHON", "INTEL")
ELECTION = [trait + who for who in "GB" for trait in TRAITS]
GSS = ["PURPOSE", "ACCURACY", "UNDERSTA", "COOPERAT"]
TRAFFICK = [f"i{place:02d}" for place in range(1, 21)]
# case, set, data, classes, items, tolerance of parameters (see above)
PLAIN = [
    ("polca_carcinoma_1", "lca", "carcinoma", 1, CARCINOMA, 1e-9),
    ("polca_carcinoma_2", "lca", "carcinoma", 2, CARCINOMA, 1e-8),
    ("polca_carcinoma_3", "lca", "carcinoma", 3, CARCINOMA, 2e-7),
    ("polca_carcinoma_4", "lca", "carcinoma", 4, CARCINOMA, 5e-5),
    ("polca_cheating_2", "lca", "cheating", 2, CHEATING, 5e-6),
    ("polca_election_2", "lca", "election_polca", 2, ELECTION, 1e-6),
    ("polca_election_3", "lca", "election_polca", 3, ELECTION, 1e-6),
    ("polca_values_2", "lca", "values", 2, list("ABCD"), 1e-6),
    ("polca_traffick_2", "lca2", "traffick_lca", 2, TRAFFICK, 1e-6),
    ("polca_traffick_3", "lca2", "traffick_lca", 3, TRAFFICK, 1e-6),
]


@pytest.fixture(scope="module")
def folder(shared_folder):
    return shared_folder / "reference" / "survey"


@pytest.fixture(scope="module")
def cases(folder):
    text = (folder / "reference.json").read_text(encoding="utf-8")
    return json.loads(text)["sets"]


def read(folder, name, items, case, covariates=()):
    frame = pd.read_csv(folder / "data" / f"{name}.csv")
    if case["N"] < len(frame.dropna(how="all", subset=items)):
        frame = frame.dropna(subset=items)
    return frame.dropna(subset=list(covariates))


def in_size_order(case, items):
    order = np.argsort(-np.array(case["P"]))
    return order, np.concatenate([np.array(case["probs"][n]).T for n in items])[
        :, order
    ]


@pytest.mark.parametrize("plain", PLAIN, ids=lambda plain: plain[0])
def test_fit__as_polca(folder, cases, plain):
    case, where, name, k, items, close = plain
    expected = cases[where]["cases"][case]["value"]
    frame = read(folder, name, items, expected)
    fit = latent_class_analysis(
        frame[items], n_classes=k, variance="outer_product", rng=1
    )
    row = fit.overview().iloc[0]
    assert row["log_likelihood"] == pytest.approx(expected["llik"], rel=1e-10)
    assert row["log_likelihood"] >= expected["llik"] - 1e-9
    assert row["bic"] == pytest.approx(expected["bic"], rel=1e-10)
    assert row["aic"] == pytest.approx(expected["aic"], rel=1e-10)
    assert row["n_parameters"] == expected["npar"]
    assert fit.n_obs == expected["N"]
    gradient = penalised_gradient(fit.model, fit.climb, fit.free)
    assert np.abs(gradient).max(initial=0) < 1e-8
    order, responses = in_size_order(expected, items)
    np.testing.assert_allclose(
        fit.share, np.array(expected["P"])[order] if k > 1 else [1.0], atol=close
    )
    np.testing.assert_allclose(fit.response, responses, atol=close)
    if k == 1:
        return
    assert row["entropy_r2"] == pytest.approx(expected["entropy_R2"], abs=close)
    spread = np.concatenate([np.array(expected["probs_se"][n]).T for n in items])
    ours = fit.terms()["std_error"].to_numpy()
    shares = np.array(expected["P_se"])[order]
    np.testing.assert_allclose(ours[:k], shares, rtol=20 * close)
    inner = ~fit.free.at_bound.T.ravel()
    np.testing.assert_allclose(
        ours[k:][inner], spread[:, order].T.ravel()[inner], rtol=50 * close
    )
    if "g2" in row and np.isfinite(row["g2"]):
        assert row["g2"] == pytest.approx(expected["Gsq"], rel=1e-8)
        assert row["x2"] == pytest.approx(expected["Chisq"], rel=20 * close)


@pytest.mark.parametrize(("k", "close"), [(2, 1e-5), (3, 1e-5), (4, 1e-5)])
def test_polytomous_items__likelihood_and_shares_as_polca(folder, cases, k, close):
    expected = cases["lca"]["cases"][f"polca_gss82_{k}"]["value"]
    frame = pd.read_csv(folder / "data" / "gss82.csv")
    fit = latent_class_analysis(frame[GSS], n_classes=k, rng=1)
    row = fit.overview().iloc[0]
    assert row["log_likelihood"] == pytest.approx(expected["llik"], rel=1e-10)
    assert row["g2"] == pytest.approx(expected["Gsq"], abs=1e-6)
    assert row["df"] == expected["resid_df"]
    np.testing.assert_allclose(fit.share, sorted(expected["P"])[::-1], atol=close)


COVARIATES = [
    ("polca_election_3_PARTY", "lca", "election_polca", ELECTION, ["PARTY"]),
    (
        "polca_election_3_AGEPARTY",
        "lca",
        "election_polca",
        ELECTION,
        ["AGE", "PARTY", "AGE:PARTY"],
    ),
    ("polca_traffick_3_cov", "lca2", "traffick_lca", TRAFFICK, ["x1", "x2"]),
]


@pytest.mark.parametrize("covered", COVARIATES, ids=lambda covered: covered[0])
def test_one_step_covariates__as_polca(folder, cases, covered):
    case, where, name, items, covariates = covered
    expected = cases[where]["cases"][case]["value"]
    columns = [c for c in covariates if ":" not in c]
    frame = read(folder, name, items, expected, columns)
    x = pd.DataFrame(
        {c: frame[c.split(":")].prod(axis=1).to_numpy() for c in covariates}
    )
    items_only = frame[items].reset_index(drop=True)
    fit = latent_class_analysis(
        items_only, n_classes=3, covariates=x, variance="outer_product", rng=1
    )
    row = fit.overview().iloc[0]
    assert row["log_likelihood"] == pytest.approx(expected["llik"], rel=1e-11)
    assert row["n_parameters"] == expected["npar"]
    order, responses = in_size_order(expected, items)
    np.testing.assert_allclose(fit.response, responses, atol=1e-6)
    # poLCA's coefficients are against its own first class, before sorting.
    q = 1 + len(covariates)
    coded = expected["coeff"]
    raw = np.vstack([np.zeros(q), *np.array(coded["coef_raw_order"]).T.reshape(2, q)])
    sorted_classes = np.array(coded["class_order_for_sorted"])[order] - 1
    wanted = raw[sorted_classes]
    np.testing.assert_allclose(
        fit.climb.coefficient.T, wanted - wanted[0], rtol=2e-5, atol=2e-6
    )
    # Its standard errors belong to the contrasts with that class.
    place = np.argsort(sorted_classes)
    contrast = np.eye(3)[place[1:]] - np.eye(3)[place[0]]
    contrast = np.kron(contrast[:, 1:], np.eye(q))
    spread = np.sqrt(
        np.diag(contrast @ fit.covariance[: 2 * q, : 2 * q] @ contrast.T)
    ).reshape(2, q)
    np.testing.assert_allclose(spread.T, coded["se"], rtol=2e-5)


def test_classes_of_ten_thousand__as_stepmix(folder, cases):
    expected = cases["py_stepmix"]["cases"]["stepmix_lca20x10000_4"]["value"]
    items = pd.read_csv(folder / "data" / "lca20x10000.csv")
    fit = latent_class_analysis(items, n_classes=4, n_starts=4, rng=1)
    row = fit.overview().iloc[0]
    assert row["log_likelihood"] == pytest.approx(expected["loglik"], rel=1e-9)
    assert row["entropy_r2"] == pytest.approx(expected["rel_entropy"], abs=1e-5)
    np.testing.assert_allclose(fit.share, expected["weights"], atol=1e-5)


BOOTSTRAP = [
    ("blrt_carcinoma_1v2", "carcinoma", 2, CARCINOMA),
    ("blrt_carcinoma_2v3", "carcinoma", 3, CARCINOMA),
    ("blrt_carcinoma_3v4", "carcinoma", 4, CARCINOMA),
    ("blrt_cheating_2v3", "cheating", 3, CHEATING),
]


@pytest.mark.parametrize("bootstrap", BOOTSTRAP, ids=lambda bootstrap: bootstrap[0])
def test_bootstrap_test__as_polca_by_hand(folder, cases, bootstrap):
    case, name, k, items = bootstrap
    expected = cases["blrt"]["cases"][case]["value"]
    frame = pd.read_csv(folder / "data" / f"{name}.csv")
    test = bootstrap_class_test(
        frame[items], n_classes=k, n_resamples=39, n_starts=10, rng=1
    )
    # Our maxima may lie above those of poLCA's few starts, never below.
    assert test.statistic == pytest.approx(expected["lr"], rel=1e-5)
    # 39 and 20 draws each: their means differ by their standard errors.
    spread = test.draws.std() * np.sqrt(1 / 39 + 1 / 20)
    assert test.draws.mean() == pytest.approx(expected["boot_mean"], abs=3.5 * spread)
    if expected["p"] < 0.048:
        assert test.p_value == 1 / 40
    else:
        assert 0.02 < test.p_value < expected["p"] + 0.35
