"""Closed forms, properties and edges of tests on weighted tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from estimators import survey
from estimators.designs import cell_covariance, linearised_covariance
from estimators.errors import InputError, NotEstimableError
from estimators.survey import SurveyDesign, to_replicates

STATISTICS = ("F", "chi_square", "wald", "adjusted_wald", "exact", "saddlepoint")


def people(entropy=5, n=240, effect=0.0):
    rng = np.random.default_rng(entropy)
    frame = pd.DataFrame({"psu": np.arange(n) // 8, "w": rng.uniform(1, 4, n)})
    sex = rng.integers(0, 2, n)
    debt = (rng.random(n) < 0.3 + effect * sex).astype(int)
    sector = rng.choice(["farm", "home", "sea"], n)
    return frame.assign(sex=np.where(sex, "f", "m"), debt=debt, sector=sector)


def design_of(frame, **more):
    return SurveyDesign.from_frame(frame, weights="w", psu="psu", **more)


def test_simple_random_sample__gives_pearson():
    frame = people()
    design = SurveyDesign.from_frame(frame)
    got = survey.rao_scott(design, "sex", "sector", statistic="chi_square")
    table = pd.crosstab(frame["sex"], frame["sector"])
    expected = stats.chi2_contingency(table, correction=False)
    # Eigenvalues are n / (n - 1) each only where independence holds exactly.
    assert got.pearson == pytest.approx(expected.statistic, rel=1e-12)
    assert got.mean_design_effect == pytest.approx(1, abs=0.02)
    assert got.p_value == pytest.approx(expected.pvalue, abs=0.02)
    np.testing.assert_allclose(got.shares, table / len(frame))


@pytest.mark.parametrize("statistic", ["F", "wald", "adjusted_wald"])
def test_two_levels__are_the_t_test_of_a_share(statistic):
    design = design_of(people())
    got = survey.rao_scott(
        design, "debt", expected={0: 0.6, 1: 0.4}, statistic=statistic
    )
    share = survey.mean(design, "debt")
    t = (share.estimate - 0.4) / share.std_error
    assert got.statistic == pytest.approx(t**2, rel=1e-10)
    p_value = 2 * stats.t.sf(abs(t), share.diagnostics["df"])
    assert got.p_value == pytest.approx(p_value, rel=1e-10)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_labels_order_and_scale__do_not_matter(statistic):
    frame = people()
    one = survey.rao_scott(design_of(frame), "sex", "sector", statistic=statistic)
    turned = survey.rao_scott(
        design_of(frame.assign(w=frame["w"] * 11)), "sector", "sex", statistic=statistic
    )
    other = frame.replace({"sector": {"farm": "z", "home": "y", "sea": "x"}})
    renamed = survey.rao_scott(design_of(other), "sex", "sector", statistic=statistic)
    assert turned.p_value == pytest.approx(one.p_value, rel=1e-8)
    assert renamed.p_value == pytest.approx(one.p_value, rel=1e-8)
    assert one.to_frame().shape == (1, 9)
    assert f"p = {one.p_value:.3g}" in one.summary()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_true_difference__is_found(statistic):
    design = design_of(people(n=800, effect=0.4))
    assert survey.rao_scott(design, "sex", "debt", statistic=statistic).p_value < 1e-3


def test_empty_levels__are_left_out_and_named():
    frame = people()
    frame["sector"] = pd.Categorical(frame["sector"], ["farm", "home", "sea", "mine"])
    got = survey.rao_scott(design_of(frame), "sex", "sector")
    assert got.shares.shape == (2, 3)
    assert any("mine" in note for note in got.notes)
    inside = survey.rao_scott(
        design_of(frame), "sex", "sector", where="sector != 'sea'"
    )
    assert inside.shares.shape == (2, 2)
    assert any("sea" in note for note in inside.notes)


def test_empty_cell__is_said():
    frame = people()
    frame.loc[(frame["sex"] == "f") & (frame["sector"] == "sea"), "sector"] = "home"
    got = survey.rao_scott(design_of(frame), "sex", "sector")
    assert 0 <= got.p_value < 0.01
    assert any("1 of 6 cells hold no row" in note for note in got.notes)


@pytest.mark.parametrize("statistic", ["F", "chi_square", "exact"])
def test_variables_that_say_the_same__are_not_independent(statistic):
    frame = people().assign(also=lambda f: f["sex"])
    got = survey.rao_scott(design_of(frame), "sex", "also", statistic=statistic)
    assert got.p_value < 1e-6
    assert any("2 of 4 cells" in note for note in got.notes)


def test_empty_cell__has_the_design_effects_of_the_jackknife():
    frame = people()
    frame.loc[(frame["sex"] == "f") & (frame["sector"] == "sea"), "sector"] = "home"
    design = design_of(frame)
    got = survey.rao_scott(design, "sex", "sector")
    away, scale = [], []
    made = to_replicates(design, kind="JK1", mse=True)
    for weight in (design.weights, *made.replicate_weights.T):
        table = frame.assign(w=weight).pivot_table(
            "w", "sex", "sector", aggfunc="sum", fill_value=0, observed=False
        )
        p = table.to_numpy() / weight.sum()
        expected = np.outer(p.sum(axis=1), p.sum(axis=0))
        away.append((p - expected).ravel())
        scale.append(np.sqrt(expected.ravel()))
    spread = (np.array(away[1:]) - away[0]) / scale[0]
    covariance = made.scale * spread.T @ spread * len(frame)
    largest = np.linalg.eigvalsh(covariance)[-2:][::-1]
    # 30 clusters: jackknife and linearisation differ in the second order.
    np.testing.assert_allclose(got.design_effects, largest, rtol=0.1)


@pytest.mark.parametrize("policy", ["certainty", "adjust", "average"])
@pytest.mark.parametrize("calibrated", [False, True])
def test_cells_at_once__as_an_indicator_for_each(policy, calibrated):
    frame = people().assign(h=lambda f: np.minimum(f["psu"] // 4, 6))
    frame.loc[frame["psu"] == 29, "h"] = 7
    design = design_of(frame, strata="h", lonely_psu=policy)
    if calibrated:
        design = survey.post_stratify(design, "sex", {"f": 400, "m": 500})
    cell = frame["sector"].map({"farm": 0, "home": 1, "sea": -1}).to_numpy(np.int64)
    got = cell_covariance(design, cell, 2)
    indicator = (cell[:, None] == np.arange(2)) * design.weights[:, None]
    expected = linearised_covariance(design, indicator, domain=cell >= 0)
    np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_expected_level_without_rows__counts():
    design = design_of(people())
    given = {"farm": 0.3, "home": 0.3, "sea": 0.3, "mine": 0.1}
    got = survey.rao_scott(design, "sector", expected=given)
    assert got.shares[3] == 0
    assert got.levels == (tuple(given),)


def test_domain__keeps_its_rows_in_the_design():
    frame = people()
    whole = design_of(frame)
    got = survey.rao_scott(whole, "sex", "debt", where="sector == 'sea'")
    again = survey.rao_scott(whole.subset("sector == 'sea'"), "sex", "debt")
    assert got.p_value == again.p_value
    assert got.n_obs == (frame["sector"] == "sea").sum()


def test_bootstrap_replicates__agree_with_linearisation():
    design = design_of(people())
    made = to_replicates(design, kind="rao_wu", n_replicates=500, rng=4)
    one = survey.rao_scott(design, "sex", "sector")
    other = survey.rao_scott(made, "sex", "sector")
    assert other.pearson == pytest.approx(one.pearson, rel=1e-12)
    assert other.mean_design_effect == pytest.approx(one.mean_design_effect, rel=0.2)


def test_missing_labels__are_named():
    frame = people()
    frame.loc[[3, 5], "sector"] = None
    got = survey.rao_scott(design_of(frame), "sex", "sector")
    assert got.n_obs == 238
    assert any("2 rows (3, 5)" in note for note in got.notes)


def test_what_cannot_be_tested__is_refused():
    frame = people()
    design = design_of(frame)
    with pytest.raises(InputError, match="one of the two"):
        survey.rao_scott(design, "sex")
    with pytest.raises(InputError, match="both 'sex'"):
        survey.rao_scott(design, "sex", "sex")
    with pytest.raises(InputError, match=r"sum to 0\.9"):
        survey.rao_scott(design, "sex", expected={"f": 0.5, "m": 0.4})
    with pytest.raises(InputError, match=r"these are wrong: \{'m': 'half'\}"):
        survey.rao_scott(design, "sex", expected={"f": 0.5, "m": "half"})
    with pytest.raises(InputError, match="without an expected share: sea"):
        survey.rao_scott(design, "sector", expected={"farm": 0.5, "home": 0.5})
    with pytest.raises(NotEstimableError, match="single level"):
        survey.rao_scott(design, "sex", "debt", where="sex == 'f'")
    with pytest.raises(NotEstimableError, match="degrees of freedom"):
        survey.rao_scott(design, "sex", "debt", where="psu == 1")
    with pytest.raises(NotEstimableError, match=r"adjusted Wald|singular"):
        survey.rao_scott(
            design, "sector", "sex", where="psu < 2", statistic="adjusted_wald"
        )
