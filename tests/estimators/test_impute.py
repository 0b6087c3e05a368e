"""Imputation: what is drawn, perfect prediction, refusals, recovery of the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit
from statsmodels.discrete.discrete_model import MNLogit

from estimators.designs import SurveyDesign
from estimators.errors import InputError
from estimators.regression import impute, logistic, pool_imputations, survey_glm
from estimators.regression._conditional_draws import (
    _fit_multinomial,
    draw_categories,
    draw_near_values,
)


def _persons(n, rng=1, gaps=True):
    """Debt hidden more often where the outcome is and days are many: at random."""
    rng = np.random.default_rng(rng)
    days = rng.normal(20, 5, n).round()
    debt = (rng.random(n) < expit(0.1 * (days - 20))).astype(float)
    forced = (rng.random(n) < expit(-1 + 1.0 * debt + 0.05 * (days - 20))).astype(int)
    frame = pd.DataFrame({"days": days, "debt": debt, "forced": forced})
    if gaps:
        hidden = rng.random(n) < expit(-2 + 2 * forced + 0.05 * (days - 20))
        frame.loc[hidden, "debt"] = np.nan
    return frame


def test_observed_values__stay_and_gaps_get_values_of_their_kind():
    rng = np.random.default_rng(2)
    n = 120
    frame = pd.DataFrame(
        {
            "age": pd.array(rng.integers(15, 60, n), dtype="Int64"),
            "sector": pd.Categorical(rng.choice(["fishing", "farm", "home"], n)),
            "debt": pd.array(rng.random(n) < 0.4, dtype="boolean"),
            "town": rng.choice(["a", "b"], n),
            "wage": rng.normal(9000, 500, n),
        },
        index=np.arange(n) + 500,
    )
    before = frame.copy()
    for column in frame:
        frame.loc[rng.choice(frame.index, 15, replace=False), column] = pd.NA
    kept = frame.copy()
    found = impute(frame, list(frame), n_imputations=3, n_iterations=4, rng=5)
    pd.testing.assert_frame_equal(frame, kept)
    for completed in found.frames:
        assert (completed.dtypes == frame.dtypes).all()
        assert not completed.isna().any().any()
        assert completed.index.equals(frame.index)
        for column in frame:
            seen = frame[column].notna()
            assert (completed.loc[seen, column] == before.loc[seen, column]).all()
            drawn = set(completed.loc[~seen, column])
            assert drawn <= set(frame.loc[seen, column])
    assert found.n_missing == dict.fromkeys(frame, 15)
    assert len(found.trace) == 5 * 3 * 4
    first, second = found.frames[:2]
    assert not first.equals(second)


def test_same_rng__same_answer_and_more_imputations_begin_alike():
    frame = _persons(100)
    columns = ["days", "debt", "forced"]
    one, two = (impute(frame, columns, n_imputations=k, rng=7) for k in (2, 4))
    for left, right in zip(one.frames, two.frames, strict=False):
        pd.testing.assert_frame_equal(left, right)


def test_perfect_prediction__does_not_break_the_draws():
    # White, Daniel and Royston (2010): x = 1 goes with y = 1 alone. Without their
    # augmentation the drawn coefficients are noise of a huge variance.
    frame = pd.DataFrame({"x": [1.0] * 40 + [0.0] * 60})
    frame["y"] = [1.0] * 40 + [1.0, 0.0] * 30
    frame.loc[30:39, "y"] = np.nan
    found = impute(frame, ["y", "x"], n_imputations=40, n_iterations=1, rng=3)
    drawn = np.mean([f.loc[30:39, "y"].mean() for f in found.frames])
    assert drawn > 0.85


def test_multinomial__is_statsmodels_mnlogit():
    rng = np.random.default_rng(4)
    x = np.column_stack([np.ones(300), rng.normal(size=(300, 2))])
    category = rng.integers(0, 3, 300)
    beta, root = _fit_multinomial(x, category, np.ones(300), 3)
    known = MNLogit(category, x).fit(disp=False, method="newton", tol=1e-12)
    # The ridge of 1e-5 moves the steps, not where they end.
    np.testing.assert_allclose(beta, known.params.T.ravel(), atol=1e-7)
    np.testing.assert_allclose(
        np.linalg.inv(root @ root.T), known.cov_params(), rtol=1e-4, atol=1e-6
    )


def test_draws__of_categories_have_the_fitted_shares():
    rng = np.random.default_rng(6)
    x = np.repeat([0.0, 1.0], 2000)[:, None]
    category = np.concatenate(
        [rng.choice(3, 2000, p=[0.5, 0.3, 0.2]), rng.choice(3, 2000, p=[0.2, 0.2, 0.6])]
    )
    drawn = draw_categories(x, category, x, categories=3, rng=rng)
    for value in (0, 1):
        mine = np.bincount(drawn[x[:, 0] == value], minlength=3) / 2000
        seen = np.bincount(category[x[:, 0] == value], minlength=3) / 2000
        # Sampling of 2000 draws and of the coefficients: 4 standard errors.
        np.testing.assert_allclose(mine, seen, atol=4 * np.sqrt(2 * 0.25 / 2000))


def test_donors__are_the_nearest():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(200, 1))
    value = 3 * x[:, 0]  # no residual: predictions are the values themselves
    wanted = np.array([[-1.0], [0.0], [9.0]])
    for _ in range(20):
        drawn = draw_near_values(x, value, wanted, donors=3, rng=rng)
        for target, got in zip((-3.0, 0.0, 27.0), drawn, strict=True):
            nearest = np.sort(np.abs(value - target))[2]
            assert abs(got - target) <= nearest + 1e-3


def test_design__weights_and_strata_predict():
    # The stratum decides the value and nothing else in the model does.
    rng = np.random.default_rng(9)
    n = 200
    frame = pd.DataFrame({"s": np.repeat([0, 1], 100), "psu": np.arange(n) // 5})
    frame["w"] = 1.0 + frame["s"]
    frame["y"] = 10.0 * frame["s"] + rng.normal(size=n)
    frame.loc[rng.random(n) < 0.3, "y"] = np.nan
    design = SurveyDesign.from_frame(frame, weights="w", strata="s", psu="psu")
    found = impute(frame, ["y"], design=design, n_imputations=5, rng=1)
    gap = frame["y"].isna()
    for completed in found.designs(design):
        means = completed.frame[gap].groupby("s")["y"].mean()
        assert means[0] < 2
        assert means[1] > 8
    fits = [survey_glm("y ~ s", d, family="gaussian") for d in found.designs(design)]
    pooled = pool_imputations(fits)
    assert pooled.ci_low[1] < 10 < pooled.ci_high[1]
    assert pooled.df_complete == fits[0].df
    with pytest.raises(InputError, match="frames 200"):
        found.designs(SurveyDesign.from_frame(frame.head(10), weights="w"))


def test_wrong_columns__are_all_named():
    frame = pd.DataFrame(
        {
            "none": [np.nan] * 30,
            "same": [1.0] * 29 + [np.nan],
            "when": [pd.NaT] + [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-02-01"),
                               pd.Timestamp("2026-03-01")] * 9 + [pd.NaT] * 2,
            "name": [f"n{i}" for i in range(30)],
            "gap": [np.nan, 1.0, 2.0] * 10,
            "good": np.arange(30.0),
        }
    )  # fmt: skip
    with pytest.raises(InputError) as error:
        impute(
            frame, ["none", "same", "when", "name", "good"], predictors=["gap"],
            n_imputations=1, rng=1,
        )  # fmt: skip
    text = str(error.value)
    for words in (
        "none has no value", "same has one observed value", "when holds dates",
        "name has 30 categories", "predictor gap lacks 10", "n_imputations=1",
    ):  # fmt: skip
        assert words in text
    with pytest.raises(InputError, match="'absent'"):
        impute(frame, ["absent"])


def test_doubts__few_imputations_and_nothing_missing():
    frame = _persons(80)
    few = impute(frame, ["debt", "forced"], n_imputations=2, rng=1)
    assert "take as many imputations" in " ".join(few.notes)
    whole = impute(_persons(80, gaps=False), ["debt", "forced"], n_imputations=2, rng=1)
    assert "nothing is missing" in " ".join(whole.notes)


@pytest.mark.simulation
def test_simulation__pooled_intervals_cover_and_complete_cases_do_not():
    # Debt is hidden where the outcome occurs: complete cases estimate another
    # intercept; imputed and pooled, intercept and slope cover at their level.
    runs, truth = 120, np.array([-1.0, 1.0])
    hits, complete = np.zeros(2), 0
    formula = "forced ~ debt + days"
    for run in range(runs):
        frame = _persons(500, rng=run)
        frame["days"] = frame["days"] - 20
        found = impute(
            frame, ["debt", "forced", "days"], n_imputations=10, n_iterations=1, rng=run
        )
        pooled = pool_imputations(
            found.apply(lambda f: logistic(formula, f, ci="wald"))
        )
        hits += (pooled.ci_low[:2] <= truth) & (truth <= pooled.ci_high[:2])
        naive = logistic(formula, frame, ci="wald")
        complete += naive.ci_low[0] <= truth[0] <= naive.ci_high[0]
    assert (hits >= stats.binom.ppf(0.0005, runs, 0.95)).all()
    assert complete < 0.3 * runs
