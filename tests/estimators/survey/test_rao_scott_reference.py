"""Rao-Scott and Wald tests against R survey 4.5; tolerance 1e-8 relative."""

import math

import numpy as np
import pytest

from estimators import survey
from estimators.errors import NotEstimableError
from estimators.quadratic_forms import weighted_chi_square_tail
from estimators.survey import to_replicates

pytestmark = pytest.mark.shared

STATISTICS = {
    "F": "F",
    "Chisq": "chi_square",
    "Wald": "wald",
    "adjWald": "adjusted_wald",
}
DESIGNS = ("strat", "strat_nofpc", "clus1", "clus1_nofpc", "clus2", "clus2_w_nofpc",
           "srs", "nhanes")  # fmt: skip


def of_kind(cases, designs, name):
    for place in DESIGNS:
        key = f"chisq_{name}_schwide_stype_{place}"
        if place == "nhanes":
            key = f"nhanes_chisq_{name}"
        if key in cases:
            columns = (
                ("HI_CHOL", "race") if place == "nhanes" else ("sch.wide", "stype")
            )
            yield place, designs[place], columns, cases[key]


@pytest.mark.parametrize("name", STATISTICS)
def test_two_way_tables(cases, public_designs, name):
    seen = 0
    for place, design, columns, expected in of_kind(cases, public_designs, name):
        got = survey.rao_scott(design, *columns, statistic=STATISTICS[name])
        seen += 1
        assert got.p_value == pytest.approx(expected["p"], rel=1e-8)
        if name == "Chisq":
            # R prints X2 itself; and for it counts rows of unknown cholesterol.
            n = len(design) if place == "nhanes" else got.n_obs
            value = got.pearson * n / got.n_obs
            assert got.df == expected["parameter"]
            assert math.isinf(got.df_denominator)
        else:
            value = got.statistic
            found = (got.df, got.df_denominator)
            assert found == pytest.approx(expected["parameter"], rel=1e-8)
        assert value == pytest.approx(expected["statistic"], rel=1e-8)
    assert seen >= 5


@pytest.mark.parametrize("name", ["lincom", "saddlepoint"])
def test_saddlepoint_tail__is_r_s_with_whole_degrees_of_freedom(
    cases, public_designs, name
):
    # Without CompQuadForm both are R's saddlepoint. It repeats a weight ddf times, and
    # R cuts 360.2 (and 397.9999999 in 4.5: hence its difference from 4.1.1) to a whole
    # number. With the same cut the tails agree to R's root search, 1e-8 in zeta.
    seen = 0
    for _, design, columns, expected in of_kind(cases, public_designs, name):
        got = survey.rao_scott(design, *columns, statistic="saddlepoint")
        ddf = got.df_denominator
        cut = math.floor(ddf * (1 - 1e-14))
        as_r = weighted_chi_square_tail(
            got.pearson * cut / ddf, got.design_effects, df=cut, method="saddlepoint"
        )
        assert as_r == pytest.approx(expected["p"], rel=1e-6)
        exact = survey.rao_scott(design, *columns, statistic="exact")
        assert exact.p_value == pytest.approx(got.p_value, rel=0.1)
        seen += 1
    assert seen >= 3


def test_jackknife_replicates(cases, public_designs):
    design = to_replicates(public_designs["clus1_nofpc"], kind="JK1")
    got = survey.rao_scott(design, "sch.wide", "stype")
    expected = cases["rep_chisq_JK1"]
    assert got.statistic == pytest.approx(expected["statistic"], rel=1e-8)
    found = (got.df, got.df_denominator)
    assert found == pytest.approx(expected["parameter"], rel=1e-8)
    assert got.p_value == pytest.approx(expected["p"], rel=1e-8)


def test_given_shares(cases, public_designs):
    # R takes the variance of totals, which is that of shares times N squared where
    # the sum of weights is fixed, as here; and chi-square without denominator.
    given = {"E": 0.7, "H": 0.14, "M": 0.16}
    got = survey.rao_scott(public_designs["srs"], "stype", expected=given)
    expected = cases["gofchisq_srs"]
    size = public_designs["srs"].weights.sum()
    assert got.pearson / got.n_obs * size == pytest.approx(expected["stat"], rel=1e-8)
    effects = np.array(got.design_effects)
    scale = (effects**2).sum() / effects.sum() * size / got.n_obs
    assert (scale, got.df) == pytest.approx(expected["par"], rel=1e-8)
    p_value = weighted_chi_square_tail(
        got.pearson, effects, method="satterthwaite", df=math.inf
    )
    assert p_value == pytest.approx(expected["p"], rel=1e-8)


def test_shares_fixed_by_the_strata__cannot_be_tested(public_designs):
    # R answers NaN.
    with pytest.raises(NotEstimableError, match="strata"):
        survey.rao_scott(
            public_designs["strat"], "stype", expected={"E": 0.7, "H": 0.14, "M": 0.16}
        )
