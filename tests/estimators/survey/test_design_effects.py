"""Design effects against R survey 4.5, correlations against closed forms."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from estimators import survey
from estimators.survey import ReplicateDesign, SurveyDesign, to_replicates
from estimators.survey.design_effects import intra_class_correlation


@pytest.mark.shared
def test_design_effects__are_those_of_survey(cases, public_designs):
    for name in ("strat", "clus1", "clus2", "srs"):
        design = public_designs[name]
        if f"mean_deffrepl_{name}" in cases:
            got = survey.design_effect(design, "api00")[0]
            expected = cases[f"mean_deffrepl_{name}"]["deff"]
            assert got.design_effect == pytest.approx(np.ravel(expected)[0], rel=1e-8)
            assert got.n_effective == pytest.approx(len(design) / got.design_effect)
        key = f"by_stype_mean_{name}"
        if key in cases:
            rows = survey.design_effect(design, "api00", by="stype")
            found = [row.design_effect_without_replacement for row in rows]
            np.testing.assert_allclose(found, cases[key]["DEff.api00"], rtol=1e-8)


def clusters(entropy=2, correlation=0.3, sizes=(5, 9)):
    rng = np.random.default_rng(entropy)
    size = rng.integers(sizes[0], sizes[1], 60)
    psu = np.repeat(np.arange(60), size)
    shared = rng.normal(0, correlation**0.5, 60)[psu]
    own = rng.normal(0, (1 - correlation) ** 0.5, psu.size)
    return pd.DataFrame({"psu": psu, "y": shared + own, "w": 1.0, "h": psu // 20})


def test_correlation__balanced_is_the_printed_anova_formula():
    # Two PSUs per stratum of values 1, 3 | 5, 7: B = 16, W = 2, m = 2: 14 / 18.
    values = np.array([1.0, 3, 5, 7, 1, 3, 5, 7])
    psu = np.repeat([0, 1, 2, 3], 2)
    stratum = np.repeat([0, 1], 4)
    got = intra_class_correlation(values, psu, stratum)
    assert got == pytest.approx(14 / 18, rel=1e-12)


def test_correlation__agrees_with_the_mean_squares_of_statsmodels():
    frame = clusters()
    fit = smf.ols("y ~ C(psu)", frame).fit()
    between, within = fit.mse_model, fit.mse_resid
    size = frame.groupby("psu").size().to_numpy()
    m = (size.sum() - (size**2).sum() / size.sum()) / (size.size - 1)
    expected = (between - within) / (between + (m - 1) * within)
    zero = np.zeros(len(frame), dtype=np.int64)
    got = intra_class_correlation(frame["y"].to_numpy(), frame["psu"].to_numpy(), zero)
    assert got == pytest.approx(expected, rel=1e-10)


def test_equal_clusters__effect_follows_from_the_correlation():
    # Kish: 1 + (b - 1) rho, for b equal PSUs and equal weights, as PSUs become many.
    frame = clusters(sizes=(6, 7))
    got = survey.design_effect(
        SurveyDesign.from_frame(frame, weights="w", psu="psu"), "y"
    )[0]
    assert got.cluster_size == 6
    assert got.cv_cluster_size == 0
    kish = 1 + 5 * got.intra_class_correlation
    assert got.design_effect == pytest.approx(kish, rel=0.03)
    assert got.implied_correlation == pytest.approx(
        got.intra_class_correlation, abs=0.02
    )
    assert got.intra_class_correlation == pytest.approx(0.3, abs=0.12)


def test_unequal_weights__have_kish_s_effect():
    frame = clusters().assign(w=lambda f: np.where(f["psu"] % 2, 1.0, 3.0))
    design = SurveyDesign.from_frame(frame, weights="w", strata="h", psu="psu")
    got = survey.design_effect(design, "y")[0]
    w = frame["w"]
    assert got.weights_effect == pytest.approx(1 + (w.std(ddof=0) / w.mean()) ** 2)
    assert got.n_effective_weights == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_what_is_not_defined__is_said():
    frame = clusters()
    elements = survey.design_effect(SurveyDesign.from_frame(frame), "y")[0]
    assert np.isnan(elements.intra_class_correlation)
    assert any("no intra-class" in note for note in elements.notes)
    assert any("without replacement" in note for note in elements.notes)
    same = SurveyDesign.from_frame(frame.assign(y=1.0), psu="psu")
    constant = survey.design_effect(same, "y")[0]
    assert np.isnan(constant.design_effect)
    assert any("no spread" in note for note in constant.notes)


def test_replicates__know_their_psus_only_through_the_design():
    frame = clusters()
    design = SurveyDesign.from_frame(frame, weights="w", psu="psu")
    made = to_replicates(design, kind="JK1")
    one, other = (survey.design_effect(d, "y")[0] for d in (design, made))
    assert other.design_effect == pytest.approx(one.design_effect, rel=0.02)
    assert other.intra_class_correlation == one.intra_class_correlation
    wide = pd.DataFrame(made.replicate_weights).add_prefix("r")
    read = ReplicateDesign.from_frame(
        pd.concat([frame, wide], axis=1), weights="w", replicate_weights="r", kind="JK1"
    )
    unknown = survey.design_effect(read, "y")[0]
    assert any("do not tell the PSUs" in note for note in unknown.notes)


def test_groups__become_columns():
    design = SurveyDesign.from_frame(clusters(), weights="w", psu="psu")
    found = survey.design_effect(design, "y", by="h")
    assert list(found.to_frame()["h"]) == [0, 1, 2]
    assert "h=1" in found.summary()
    assert len(found) == 3
