"""Classes in further analyses: bias undone, variance complete, other tools agreed."""

import numpy as np
import pandas as pd
import pytest

from estimators.designs import SurveyDesign
from estimators.errors import InputError, NotEstimableError
from estimators.latent_class import (
    class_membership_model,
    class_outcome_means,
    class_prevalence,
    latent_class_analysis,
)
from estimators.latent_class.assignment import assign

ITEMS = list("ABCDE")


def sample(entropy, n):
    """Class 2 by logit -1 + 1.2 x; answers of middling quality; y = 2 in class 2."""
    rng = np.random.default_rng(entropy)
    x = rng.integers(0, 2, n).astype(float)
    member = (rng.random(n) < 1 / (1 + np.exp(1 - 1.2 * x))).astype(int)
    rates = np.array([[0.2] * 5, [0.7] * 5])
    items = pd.DataFrame(
        (rng.random((n, 5)) < rates[member]).astype(int), columns=ITEMS
    )
    return items, pd.DataFrame({"x": x}), rng.normal(2.0 * member, 1.0)


def everything(items, x, y, weight):
    design = SurveyDesign.from_frame(items.assign(w=weight), weights="w")
    fit = latent_class_analysis(items, n_classes=2, n_starts=3, design=design, rng=1)
    return (
        class_prevalence(fit, by=x["x"]),
        class_membership_model(fit, x),
        class_membership_model(fit, x, correction="bch"),
        class_outcome_means(fit, y),
    )


def numbers(result):
    if hasattr(result, "term"):
        return result.estimate
    return np.array([row.estimate for row in result])


def test_variance__is_the_infinitesimal_jackknife_of_the_whole_procedure():
    # Every weight is moved and classes, errors and third step are fitted anew.
    items, x, y = sample(1, 80)
    weight = np.random.default_rng(2).uniform(0.5, 2, 80)
    base = everything(items, x, y, weight)
    slopes = [[] for _ in base]
    h = 1e-4
    for person in range(len(items)):
        shift = np.zeros(80)
        shift[person] = h * weight[person]
        up, down = (everything(items, x, y, weight + s) for s in (shift, -shift))
        for place, (one, two) in enumerate(zip(up, down, strict=True)):
            slopes[place].append((numbers(one) - numbers(two)) / (2 * h))
    for result, moved in zip(base, slopes, strict=True):
        influence = np.array(moved)
        jackknife = influence.T @ influence * 80 / 79  # the mean is 0
        np.testing.assert_allclose(result.covariance, jackknife, rtol=1e-4, atol=1e-9)


def test_prevalence__overall_is_the_fits_own_share_and_variance():
    items, *_ = sample(3, 800)
    fit = latent_class_analysis(items, n_classes=2, variance="robust", rng=1)
    result = class_prevalence(fit)
    for row, share, se in zip(
        result, fit.share, fit.terms()["std_error"][:2], strict=True
    ):
        assert row.estimate == pytest.approx(share, rel=1e-9)
        assert row.std_error == pytest.approx(se, rel=1e-8)


def test_corrections__undo_the_bias_that_assignment_has():
    items, x, y = sample(4, 40_000)
    fit = latent_class_analysis(items, n_classes=2, n_starts=3, rng=1)
    naive = class_membership_model(fit, x, correction="none").terms()
    assert naive["estimate"][1] < 1.0  # of 1.2
    for correction in ("ml", "bch"):
        terms = class_membership_model(fit, x, correction=correction).terms()
        away = (terms["estimate"] - [-1.0, 1.2]) / terms["std_error"]
        assert away.abs().max() < 3.5
    one_step = latent_class_analysis(items, n_classes=2, covariates=x, rng=1).terms()
    three = class_membership_model(fit, x).terms()
    np.testing.assert_allclose(
        three["estimate"], one_step["estimate"][:2], atol=2 * 0.03
    )
    # Three steps cannot be more precise than one, and here lose little.
    assert 0.95 < three["std_error"][1] / one_step["std_error"][1] < 1.5
    means = class_outcome_means(fit, y)
    for row, truth in zip(means, (0.0, 2.0), strict=True):
        assert abs(row.estimate - truth) < 3.5 * row.std_error
    shares = class_prevalence(fit, by=x["x"])
    for group, logit in ((0.0, -1.0), (1.0, 0.2)):
        row = shares.get(**{"x": group, "class": 2})
        assert abs(row.estimate - 1 / (1 + np.exp(-logit))) < 3.5 * row.std_error


def test_saturated_model__likelihood_weights_and_shares_say_the_same():
    items, x, _ = sample(5, 2000)
    fit = latent_class_analysis(items, n_classes=2, n_starts=3, rng=1)
    ml, bch = (class_membership_model(fit, x, correction=c) for c in ("ml", "bch"))
    np.testing.assert_allclose(ml.estimate, bch.estimate, rtol=1e-8)
    np.testing.assert_allclose(ml.std_error, bch.std_error, rtol=1e-6)
    shares = class_prevalence(fit, by=x["x"])
    second = shares.get(**{"x": 0.0, "class": 2}).estimate
    assert np.log(second / (1 - second)) == pytest.approx(ml.estimate[0], rel=1e-8)


def test_errors__table_adds_up_and_outcome_of_ones_is_one():
    items, _, _ = sample(6, 500)
    fit = latent_class_analysis(items, n_classes=2, rng=1)
    made = assign(fit)
    np.testing.assert_allclose(made.error.sum(axis=1), 1)
    np.testing.assert_allclose(made.corrected.sum(axis=1), 1)
    np.testing.assert_allclose(fit.classification_table(), made.error)
    for row in class_outcome_means(fit, np.ones(500)):
        assert row.estimate == 1.0


def test_missing__groups_covariates_and_outcomes_are_counted():
    items, x, y = sample(7, 500)
    fit = latent_class_analysis(items, n_classes=2, rng=1)
    group = x["x"].where(x.index > 2)
    assert "3 persons have no group" in class_prevalence(fit, by=group).summary()
    holes = x.assign(x=x["x"].where(x.index > 1))
    model = class_membership_model(fit, holes)
    assert (model.n_obs, model.fit_statistics["n_excluded"]) == (498, 2)
    assert "2 persons lack a covariate" in model.summary()
    y[:4] = np.nan
    means = class_outcome_means(fit, y)
    assert "4 persons have no outcome" in means.summary()
    assert means[0].n_obs == 496


def test_bad_input__is_refused_in_words():
    items, x, y = sample(8, 300)
    fit = latent_class_analysis(items, n_classes=2, rng=1)
    covered = latent_class_analysis(items, n_classes=2, covariates=x, rng=1)
    with pytest.raises(InputError, match="already have covariates"):
        class_prevalence(covered)
    with pytest.raises(InputError, match="300 rows"):
        class_prevalence(fit, by=x["x"][:10])
    with pytest.raises(InputError, match="10 values"):
        class_outcome_means(fit, y[:10])
    with pytest.raises(InputError, match="correction"):
        class_membership_model(fit, x, correction="naive")
    with pytest.raises(NotEstimableError, match="determine each other"):
        class_membership_model(fit, x.assign(z=1 - x["x"]))
