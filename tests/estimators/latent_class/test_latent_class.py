"""Latent class analysis: recovery, invariances, designs, bounds and bad input."""

import joblib
import numpy as np
import pandas as pd
import pytest

from estimators.designs import SurveyDesign, to_replicates
from estimators.errors import InputError, NotEstimableError
from estimators.latent_class import (
    bivariate_residuals,
    bootstrap_class_test,
    boundary_limits,
    compare_class_numbers,
    latent_class_analysis,
)
from estimators.latent_class.example import role_conflict

ITEMS = list("ABCDEF")
RATES = np.array([[0.15] * 6, [0.75] * 6])


def persons(entropy, n=600, share=0.3, rates=RATES):
    rng = np.random.default_rng(entropy)
    member = (rng.random(n) < share).astype(int)
    answers = rng.random((n, rates.shape[1])) < rates[member]
    return pd.DataFrame(answers.astype(int), columns=ITEMS[: rates.shape[1]]), member


def test_recovery__shares_and_probabilities_within_their_errors():
    items, member = persons(1, n=4000)
    fit = latent_class_analysis(items, n_classes=2, rng=1)
    terms = fit.terms()
    truth = np.r_[0.7, 0.3, np.column_stack([1 - RATES[0], RATES[0]]).ravel(),
                  np.column_stack([1 - RATES[1], RATES[1]]).ravel()]  # fmt: skip
    away = (terms["estimate"] - truth) / terms["std_error"]
    # 14 independent of 26: the largest of them is beyond 4 with probability 1e-3.
    assert away.abs().max() < 4
    made = fit.augment(items)
    right = made[".class"].to_numpy() - 1 == member
    expected = made[".class_probability"].mean()
    assert right.mean() == pytest.approx(expected, abs=0.02)
    assert fit.fit_statistics["share_at_best"] == 1.0


def test_labels__order_of_persons_items_and_codes_do_not_matter():
    items, _ = persons(2)
    plain = latent_class_analysis(items, n_classes=2, rng=1)
    turned = items[ITEMS[::-1]].sample(frac=1, random_state=3).replace({0: "n", 1: "y"})
    other = latent_class_analysis(turned, n_classes=2, rng=9)
    assert other.climb.log_likelihood == pytest.approx(
        plain.climb.log_likelihood, rel=1e-12
    )
    np.testing.assert_allclose(other.share, plain.share, atol=1e-8)
    left = plain.profile().set_index(["item", "answer", "class"])["std_error"]
    right = other.profile().set_index(["item", "answer", "class"])["std_error"]
    for (item, answer, k), value in left.items():
        assert right[item, "ny"[answer], k] == pytest.approx(value, rel=1e-6)


def test_weights__whole_numbers_are_repeated_persons():
    items, _ = persons(3, n=200)
    times = np.random.default_rng(4).integers(1, 4, len(items))
    repeated = items.loc[items.index.repeat(times)].reset_index(drop=True)
    design = SurveyDesign.from_frame(items.assign(w=times.astype(float)), weights="w")
    weighted = latent_class_analysis(items, n_classes=2, design=design, rng=1)
    plain = latent_class_analysis(repeated, n_classes=2, rng=1)
    np.testing.assert_allclose(weighted.share, plain.share, atol=1e-8)
    np.testing.assert_allclose(weighted.response, plain.response, atol=1e-7)


def test_design__clusters_of_copies_have_the_variance_of_single_persons():
    items, _ = persons(5, n=300)
    single = SurveyDesign.from_frame(items)
    copies = items.loc[items.index.repeat(3)].assign(psu=np.repeat(np.arange(300), 3))
    copies = copies.reset_index(drop=True)
    clustered = SurveyDesign.from_frame(copies, psu="psu")
    one = latent_class_analysis(items, n_classes=2, design=single, rng=1)
    three = latent_class_analysis(copies[ITEMS], n_classes=2, design=clustered, rng=1)
    np.testing.assert_allclose(
        three.terms()["std_error"], one.terms()["std_error"], rtol=1e-6
    )
    robust = latent_class_analysis(items, n_classes=2, variance="robust", rng=1)
    np.testing.assert_allclose(
        one.terms()["std_error"],
        robust.terms()["std_error"] * np.sqrt(300 / 299),
        rtol=1e-8,
    )


def test_design__domain_keeps_only_its_rows():
    items, _ = persons(6)
    inside = np.arange(len(items)) % 2 == 0
    design = SurveyDesign.from_frame(items.assign(inside=inside)).subset(inside)
    fit = latent_class_analysis(items, n_classes=2, design=design, rng=1)
    cut = latent_class_analysis(items[inside], n_classes=2, rng=1)
    np.testing.assert_allclose(fit.share, cut.share, atol=1e-8)
    assert fit.n_obs == inside.sum()


def test_variances__three_kinds_agree_where_the_model_is_true():
    items, _ = persons(7, n=5000)
    spread = [
        latent_class_analysis(items, n_classes=2, variance=kind, rng=1)
        .terms()["std_error"]
        .to_numpy()
        for kind in ("observed", "outer_product", "robust")
    ]
    np.testing.assert_allclose(spread[1], spread[0], rtol=0.1)
    np.testing.assert_allclose(spread[2], spread[0], rtol=0.1)


def test_missing__skipped_answers_are_counted_and_empty_rows_left_out():
    items, _ = persons(8)
    holes = items.astype(float)
    holes.iloc[0] = np.nan
    holes.iloc[1, :5] = np.nan
    fit = latent_class_analysis(holes, n_classes=2, rng=1)
    assert fit.n_obs == 599
    assert fit.fit_statistics["n_excluded"] == 1
    assert "1 persons answered no item" in fit.summary()
    assert "1 of 599 persons miss some items (5 answers)" in fit.summary()
    made = fit.augment(holes)
    assert made[".class"].isna().tolist()[:2] == [True, False]
    assert "g2" not in fit.fit_statistics


def test_bounds__are_named_and_a_prior_moves_them_inside():
    items, member = persons(9)
    items["A"] = np.where(member == 1, items["A"], 0)
    fit = latent_class_analysis(items, n_classes=2, rng=1)
    row = fit.terms().set_index("term").loc["A=1|class 1"]
    assert row["std_error"] == np.inf
    assert (row["ci_low"], row["ci_high"]) == (0, 1)
    assert "A=0|class 1 (1)" in fit.summary()
    assert fit.fit_statistics["n_at_bound"] == 2
    kept = latent_class_analysis(items, n_classes=2, prior_strength=1, rng=1)
    inner = kept.terms()
    assert np.isfinite(inner["std_error"]).all()
    assert inner["estimate"].between(1e-6, 1).all()
    assert kept.fit_statistics["n_at_bound"] == 0


def test_bounds__profile_limits_are_those_of_a_known_class():
    # Two items tell the classes apart for sure: of the 40 persons of class 1 none says
    # 2 to "a", whose likelihood is then (1 - p)^40.
    sure = pd.DataFrame({"a": 1, "b": [1] * 40 + [2] * 20, "c": [1] * 40 + [2] * 20})
    sure.loc[40:49, "a"] = 2
    fit = latent_class_analysis(sure, n_classes=2, rng=1)
    limits = boundary_limits(fit, level=0.95).set_index("term")
    expected = 1 - np.exp(-3.841459 / 2 / 40)
    assert limits.loc["a=2|class 1", "ci_high"] == pytest.approx(expected, abs=1e-4)
    assert limits.loc["a=1|class 1", "ci_low"] == pytest.approx(1 - expected, abs=1e-4)
    assert "a=2|class 2" not in limits.index


def test_bounds__profile_limits_of_overlapping_classes_are_wider():
    items, member = persons(9, n=200)
    items["A"] = np.where(member == 1, items["A"], 0)
    fit = latent_class_analysis(items, n_classes=2, rng=1)
    limits = boundary_limits(fit).set_index("term")
    known = 1 - np.exp(-3.841459 / 2 / (200 * fit.share[0]))
    assert known < limits.loc["A=1|class 1", "ci_high"] < 6 * known
    wide = boundary_limits(fit, level=0.99).set_index("term")
    assert (wide["ci_high"] >= limits["ci_high"]).all()


def test_bounds__profile_limits_never_fall_off_the_scale():
    # Few persons: with a probability held far off, a class can lose all its answers.
    rng = np.random.default_rng(3)
    member = np.arange(40) < 15
    rates = np.where(member[:, None], 0.97, 0.08)
    items = pd.DataFrame((rng.random((40, 5)) < rates).astype(int), columns=ITEMS[:5])
    fit = latent_class_analysis(items, n_classes=2, rng=1)
    limits = boundary_limits(fit)
    assert len(limits)
    assert np.isfinite(limits[["ci_low", "ci_high"]]).all(axis=None)
    assert (limits["ci_high"] > limits["ci_low"]).all()


def test_three_classes_of_four_binary_items__are_not_identified():
    # Goodman (1974): 14 parameters, 15 free cells, and yet only 13 told apart.
    fit = latent_class_analysis(role_conflict(), n_classes=3, rng=1)
    assert fit.bread is None
    assert "not identified" in fit.summary()
    assert np.isinf(fit.terms()["std_error"]).all()
    with pytest.raises(NotEstimableError, match="free cells"):
        latent_class_analysis(role_conflict(), n_classes=4, rng=1)


def test_criteria__follow_their_formulas():
    fit = latent_class_analysis(role_conflict(), n_classes=2, rng=1)
    row = fit.overview().iloc[0]
    deviance, n, p = -2 * row["log_likelihood"], 216, 9
    assert row["aic"] == pytest.approx(deviance + 2 * p)
    assert row["bic"] == pytest.approx(deviance + p * np.log(n))
    assert row["caic"] == pytest.approx(deviance + p * (np.log(n) + 1))
    assert row["abic"] == pytest.approx(deviance + p * np.log((n + 2) / 24))
    # Goodman (1974), table of H1: likelihood ratio chi-square 2.720 with 6 df.
    assert row["g2"] == pytest.approx(2.720, abs=5e-4)
    assert row["df"] == 6


def test_class_number__true_number_is_chosen_and_one_more_is_not():
    items, _ = persons(10, n=500)
    table = compare_class_numbers(items, most=3, rng=1)
    assert table.loc[table["bic"].idxmin(), "n_classes"] == 2
    two = bootstrap_class_test(items, n_classes=2, n_resamples=19, n_starts=4, rng=1)
    three = bootstrap_class_test(items, n_classes=3, n_resamples=19, n_starts=4, rng=1)
    assert two.p_value == 1 / 20
    assert three.p_value > 0.05
    assert (three.draws > -1e-6).all()
    with joblib.parallel_config(backend="threading", n_jobs=2):
        again = bootstrap_class_test(
            items, n_classes=3, n_resamples=19, n_starts=4, rng=1
        )
    np.testing.assert_array_equal(again.draws, three.draws)


def test_local_dependence__the_pair_that_hangs_together_comes_first():
    items, _ = persons(11, n=800)
    rng = np.random.default_rng(1)
    items["B"] = np.where(rng.random(800) < 0.5, items["A"], items["B"])
    fit = latent_class_analysis(items, n_classes=2, rng=1)
    table = bivariate_residuals(fit, n_resamples=39, rng=1)
    assert set(table.loc[0, ["item_1", "item_2"]]) == {"A", "B"}
    assert table.loc[0, "p_value"] == 1 / 40
    assert (table["p_value"].iloc[5:] > 0.05).mean() > 0.7


def test_local_dependence__one_class_is_pearsons_test_of_independence():
    from scipy.stats import chi2_contingency

    items, _ = persons(12, n=300)
    fit = latent_class_analysis(items, n_classes=1, rng=1)
    table = bivariate_residuals(fit).set_index(["item_1", "item_2"])
    for (a, b), row in table.iterrows():
        expected = chi2_contingency(pd.crosstab(items[a], items[b]), correction=False)
        assert row["residual"] == pytest.approx(expected.statistic, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"items": [[1, 2]]}, "DataFrame"),
        ({"items": pd.DataFrame({"A": [1, 2]})}, "at least two"),
        ({"items": pd.DataFrame({"A": [1, 1], "B": [0, 1]})}, "fewer than two .* A"),
        ({"n_classes": 0}, "1 to 20"),
        ({"n_classes": 2.5}, "whole number"),
        ({"n_starts": 0}, "n_starts"),
        ({"prior_strength": -1}, "prior_strength"),
        ({"variance": "magic"}, "variance"),
        ({"covariates": pd.DataFrame({"x": [1.0]})}, "rows"),
        ({"design": 3}, "SurveyDesign"),
    ],
)
def test_bad_input__is_refused_in_words(changes, message):
    arguments = {"items": role_conflict(), "n_classes": 2, **changes}
    with pytest.raises(InputError, match=message):
        latent_class_analysis(**arguments)


def test_bad_input__replicates_other_rows_and_unknown_answers():
    items, _ = persons(13, n=60)
    design = SurveyDesign.from_frame(items)
    with pytest.raises(InputError, match="replicate"):
        latent_class_analysis(
            items, n_classes=2, design=to_replicates(design, kind="JK1")
        )
    with pytest.raises(InputError, match="60 rows and items 59"):
        latent_class_analysis(items[1:], n_classes=2, design=design)
    fit = latent_class_analysis(items, n_classes=2, rng=1)
    with pytest.raises(InputError, match=r"absent: B; item 'A' has answers 7"):
        fit.augment(items.assign(A=7).drop(columns="B"))
