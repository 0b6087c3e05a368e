"""Misclassified outcomes: closed forms, numeric derivatives, a design, refusals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, logit

from estimators.designs import SurveyDesign, to_replicates
from estimators.diagnostics import BetaPrior, rogan_gladen
from estimators.errors import InputError, NotEstimableError
from estimators.regression import (
    firth_logistic,
    logistic,
    misclassified_logistic,
    survey_glm,
)
from estimators.regression._misclassified_likelihood import (
    MisclassifiedLikelihood,
    maximise_misclassified,
)

CELLS = pd.DataFrame({"x": [0, 0, 1, 1], "y": [0, 1, 0, 1], "n": [80, 20, 60, 40]})
SE, SP = (238, 270), (178, 190)


def _persons(n, beta, se=0.85, sp=0.93, rng=1):
    rng = np.random.default_rng(rng)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.integers(0, 2, n)})
    p = expit(beta[0] + beta[1] * frame["x"] + beta[2] * frame["z"])
    true = rng.random(n) < p
    recorded = np.where(true, rng.random(n) < se, rng.random(n) < 1 - sp)
    return frame.assign(y=recorded.astype(int), site=np.arange(n) // 10)


def _log_likelihood(beta, frame, se, sp):
    eta = beta[0] + beta[1] * frame["x"] + beta[2] * frame["z"]
    recorded = 1 - sp + (se + sp - 1) * expit(eta)
    return np.where(frame["y"] == 1, np.log(recorded), np.log(1 - recorded)).sum()


@given(
    positive=st.tuples(st.integers(25, 60), st.integers(25, 60)),
    se=st.floats(0.7, 1.0),
    sp=st.floats(0.85, 1.0),
)
@settings(deadline=None, derandomize=True, max_examples=40)
def test_saturated__is_rogan_gladen_in_each_group_with_its_variance(positive, se, sp):
    cells = pd.DataFrame(
        {
            "x": [0, 0, 1, 1],
            "y": [1, 0, 1, 0],
            "n": [positive[0], 100 - positive[0], positive[1], 100 - positive[1]],
        }
    )
    options = {"sensitivity": (se * 270, 270), "specificity": (sp * 190, 190)}
    fit = misclassified_logistic("y ~ x", cells, count="n", **options)
    groups = [rogan_gladen(k, 100, **options) for k in positive]
    logits = [logit(group.estimate) for group in groups]
    np.testing.assert_allclose(
        fit.estimate, [logits[0], logits[1] - logits[0]], atol=1e-9
    )
    p = groups[0].estimate
    np.testing.assert_allclose(
        fit.std_error[0], groups[0].std_error / (p * (1 - p)), rtol=1e-7
    )
    # Both groups share the errors of Se and Sp: the contrast by the delta method.
    gain = se + sp - 1
    variance = 0.0
    slopes = np.zeros(2)
    for group, k, sign in zip(groups, positive, (-1, 1), strict=True):
        p, share = group.estimate, k / 100
        scale = sign / (p * (1 - p) * gain)
        variance += scale**2 * share * (1 - share) / 100
        slopes += scale * np.array([-p, 1 - p])
    variance += slopes**2 @ [se * (1 - se) / 270, sp * (1 - sp) / 190]
    np.testing.assert_allclose(fit.std_error[1], np.sqrt(variance), rtol=1e-7)


def test_perfect_classifier__is_ordinary_logistic_and_firth():
    frame = _persons(300, (-0.5, 0.8, 0.4))
    known = {"sensitivity": 1.0, "specificity": 1.0}
    fit = misclassified_logistic("y ~ x + z", frame, **known)
    plain = logistic("y ~ x + z", frame, ci="wald")
    for name in ("estimate", "std_error", "p_value", "ci_low"):
        np.testing.assert_allclose(
            getattr(fit, name), getattr(plain, name), rtol=1e-9, atol=1e-12
        )
    fit = misclassified_logistic("y ~ x + z", frame, penalty="jeffreys", **known)
    firth = firth_logistic("y ~ x + z", frame, ci="wald")
    np.testing.assert_allclose(fit.estimate, firth.estimate, rtol=1e-8)
    np.testing.assert_allclose(fit.std_error, firth.std_error, rtol=1e-8)


def test_covariance__is_the_numeric_second_derivative_and_shift():
    frame = _persons(800, (-0.5, 0.8, 0.4))
    known = {"sensitivity": 0.85, "specificity": 0.93}
    fit = misclassified_logistic("y ~ x + z", frame, **known)
    step = 1e-4
    hessian = np.empty((3, 3))
    shifts = step * np.eye(3)
    for i in range(3):
        for j in range(3):
            corners = [
                a * b * _log_likelihood(
                    fit.estimate + a * shifts[i] + b * shifts[j], frame, 0.85, 0.93
                )
                for a in (-1, 1)
                for b in (-1, 1)
            ]  # fmt: skip
            hessian[i, j] = sum(corners) / (4 * step**2)
    # Differences of differences of a sum near 500: rounding leaves five digits.
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(-hessian), rtol=1e-4)
    # What uncertain Se and Sp add: the estimate refitted with both shifted.
    unsure = misclassified_logistic(
        "y ~ x + z", frame, sensitivity=(0.85 * 200, 200), specificity=(0.93 * 100, 100)
    )
    move = []
    for name, value in known.items():
        ends = [
            misclassified_logistic(
                "y ~ x + z", frame, **{**known, name: value + shift}
            ).estimate
            for shift in (-1e-4, 1e-4)
        ]
        move.append((ends[1] - ends[0]) / 2e-4)
    slopes = np.column_stack(move)
    added = (slopes * [0.85 * 0.15 / 200, 0.93 * 0.07 / 100]) @ slopes.T
    np.testing.assert_allclose(
        unsure.covariance - fit.covariance, added, rtol=1e-5, atol=1e-9
    )
    assert 0 < unsure.fit_statistics["validation_share"] < 1


def test_jeffreys__score_is_the_numeric_slope_of_the_penalised_likelihood():
    rng = np.random.default_rng(5)
    x = np.column_stack([np.ones(9), rng.normal(size=(9, 2))])
    m = rng.integers(3, 20, 9).astype(float)
    likelihood = MisclassifiedLikelihood(x, m, np.round(m * 0.4), 0.8, 0.9, 0.5)
    state, reached = maximise_misclassified(likelihood, np.zeros(3))
    assert reached
    np.testing.assert_allclose(state.score, 0, atol=1e-9)
    beta = np.array([0.3, -0.4, 0.7])
    numeric = [
        (likelihood.at(beta + d).penalised - likelihood.at(beta - d).penalised) / 2e-5
        for d in 1e-5 * np.eye(3)
    ]
    np.testing.assert_allclose(likelihood.at(beta).score, numeric, rtol=1e-7)
    bare = replace(likelihood, tau=0.0)
    np.testing.assert_allclose(
        bare.at(beta).observed,
        np.column_stack(
            [
                -(bare.at(beta + d).score - bare.at(beta - d).score) / 2e-5
                for d in 1e-5 * np.eye(3)
            ]
        ),
        rtol=1e-6,
    )


def test_design__sandwich_is_survey_glm_where_nothing_is_misclassified():
    frame = _persons(400, (-0.5, 0.8, 0.4)).assign(w=lambda f: 1 + f.index % 4)
    design = SurveyDesign.from_frame(frame, weights="w", psu="site")
    known = {"sensitivity": 1.0, "specificity": 1.0}
    fit = misclassified_logistic("y ~ x + z", frame, design=design, **known)
    plain = survey_glm("y ~ x + z", design)
    for name in ("estimate", "std_error", "p_value", "ci_low", "ci_high"):
        np.testing.assert_allclose(
            getattr(fit, name), getattr(plain, name), rtol=1e-8, atol=1e-12
        )


def test_design__linearised_and_jackknife_agree():
    frame = _persons(400, (-0.5, 0.8, 0.4)).assign(w=lambda f: 1 + f.index % 4)
    design = SurveyDesign.from_frame(frame, weights="w", psu="site")
    known = {"sensitivity": 0.85, "specificity": 0.93}
    for penalty in ("none", "jeffreys"):
        fits = [
            misclassified_logistic(
                "y ~ x + z", frame, design=each, penalty=penalty, **known
            )
            for each in (design, to_replicates(design, kind="JK1"))
        ]
        # 40 clusters: the jackknife is a little larger, by a term of order 1 / 40.
        np.testing.assert_allclose(fits[0].std_error, fits[1].std_error, rtol=0.1)


def test_fewer_positives_than_errors_alone_would_give__is_named():
    cells = CELLS.assign(n=[96, 4, 60, 40])
    options = {"sensitivity": 0.8, "specificity": 0.9, "count": "n"}
    with pytest.raises(NotEstimableError, match=r"0\.04 below 1 - Sp = 0\.1 in x = 0"):
        misclassified_logistic("y ~ x", cells, **options)
    fit = misclassified_logistic("y ~ x", cells, penalty="jeffreys", **options)
    assert np.isfinite([fit.estimate, fit.std_error]).all()
    assert "below 1 - Sp" in fit.summary()
    assert "Jeffreys" in fit.summary()
    with pytest.raises(NotEstimableError, match="all persons"):
        misclassified_logistic("y ~ 1", CELLS.assign(n=[96, 4, 95, 5]), **options)
    with pytest.raises(NotEstimableError, match="above Se"):
        misclassified_logistic("y ~ x", CELLS.assign(n=[10, 90, 60, 40]), **options)


def test_separation__is_named_when_nothing_is_misclassified():
    with pytest.raises(NotEstimableError, match="x to infinity"):
        misclassified_logistic(
            "y ~ x", CELLS.assign(n=[80, 20, 60, 0]), sensitivity=1.0, specificity=1.0,
            count="n",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sensitivity": 0.4, "specificity": 0.6}, "sum to 1"),
        ({"sensitivity": 85, "specificity": (200, 190)}, "sensitivity=85.*specificity"),
        ({"penalty": "firth"}, "penalty='firth'"),
        ({"formula": "y ~ one"}, r"collinear|one"),
    ],
)
def test_wrong_arguments__are_refused_in_words(changes, message):
    arguments = {
        "formula": "y ~ x",
        "frame": CELLS.assign(one=1.0),
        "sensitivity": 0.9,
        "specificity": 0.95,
        "count": "n",
        **changes,
    }
    with pytest.raises(InputError, match=message):
        misclassified_logistic(**arguments)


def test_accuracy_from_a_prior__and_without_a_seen_error():
    prior = BetaPrior(238, 32)
    by_prior = misclassified_logistic(
        "y ~ x", CELLS, sensitivity=prior, specificity=0.95, count="n"
    )
    mean = 238 / 270
    spread = mean * (1 - mean) / 271
    by_count = misclassified_logistic(
        "y ~ x", CELLS, sensitivity=(mean * 271, 271), specificity=0.95, count="n"
    )
    assert prior.std**2 == pytest.approx(spread)
    np.testing.assert_allclose(by_prior.covariance, by_count.covariance, rtol=1e-10)
    perfect = misclassified_logistic(
        "y ~ x", CELLS, sensitivity=0.9, specificity=(50, 50), count="n"
    )
    assert "saw no error in 50 persons" in perfect.summary()


def test_augment__predicts_the_true_status():
    fit = misclassified_logistic(
        "y ~ x", CELLS, sensitivity=0.8, specificity=0.9, count="n"
    )
    fitted = fit.augment(pd.DataFrame({"x": [0, 1]}))[".fitted"]
    np.testing.assert_allclose(fitted, [1 / 7, 3 / 7])
    assert fit.fit_statistics["true_prevalence"] == pytest.approx(2 / 7)
    assert fit.fit_statistics["apparent_prevalence"] == pytest.approx(0.3)


@pytest.mark.simulation
def test_simulation__corrected_intervals_cover_and_naive_ones_do_not():
    beta, runs = np.array([-1.5, 0.0, 1.0]), 400
    rng = np.random.default_rng(11)
    hits = np.zeros(3)
    naive = 0
    for run in range(runs):
        frame = _persons(1500, beta, rng=run)
        counts = {
            "sensitivity": (rng.binomial(250, 0.85), 250),
            "specificity": (rng.binomial(250, 0.93), 250),
        }
        fit = misclassified_logistic("y ~ x + z", frame, **counts)
        hits += (fit.ci_low <= beta) & (beta <= fit.ci_high)
        plain = logistic("y ~ x + z", frame, ci="wald")
        naive += plain.ci_low[2] <= beta[2] <= plain.ci_high[2]
    low, high = stats.binom.ppf([0.0005, 0.9995], runs, 0.95)
    assert (hits >= low).all()
    assert (hits <= high + 5).all()
    assert naive < low
