"""Tails of weighted sums of chi-squares against R, closed forms and simulation."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from estimators.errors import ConvergenceError, InputError
from estimators.quadratic_forms import weighted_chi_square_tail

METHODS = ("exact", "saddlepoint", "satterthwaite")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("df", [5.0, math.inf])
def test_equal_weights__are_chi_square_or_f(method, df):
    for size, statistic in ((1, 3.0), (2, 0.4), (4, 30.0)):
        exact = (
            stats.chi2.sf(statistic, size)
            if math.isinf(df)
            else stats.f.sf(statistic / size, size, df)
        )
        got = weighted_chi_square_tail(
            2.5 * statistic, [2.5] * size, df=df, method=method
        )
        # The saddlepoint formula is an approximation: within 6 % far out in the tail.
        rtol = 0.06 if method == "saddlepoint" else 1e-11
        assert got == pytest.approx(exact, rel=rtol)


def test_two_pairs__have_a_closed_form():
    # Each pair of equal weights is an exponential: a difference of two of them.
    a, b, x = 3.0, 0.5, 7.0
    expected = (a * math.exp(-x / (2 * a)) - b * math.exp(-x / (2 * b))) / (a - b)
    got = weighted_chi_square_tail(x, [a, a, b, b])
    assert got == pytest.approx(expected, rel=1e-12)


def test_ratio__within_simulation_error():
    rng = np.random.default_rng(20260714)
    weights = np.array([3.0, 1.0, 0.2])
    draws = rng.chisquare(1, (400_000, 3)) @ weights
    draws /= rng.chisquare(7, 400_000) / 7
    for statistic in (4.0, 15.0):
        share = float((draws > statistic).mean())
        error = math.sqrt(share * (1 - share) / draws.size)
        exact = weighted_chi_square_tail(statistic, weights, df=7)
        assert exact == pytest.approx(share, abs=4 * error)


@pytest.mark.shared
def test_saddlepoint__is_that_of_r_survey(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
    cases = [
        case["value"]
        for name in ("survey411", "survey45")
        for key, case in sets[name]["cases"].items()
        if key.startswith("regterm") and case["value"]["lambda"]
    ]
    assert len(cases) >= 20
    for case in cases:
        got = weighted_chi_square_tail(
            case["chisq"], case["lambda"], df=case["ddf"], method="saddlepoint"
        )
        # R solves for the saddlepoint to 1e-8, which leaves its p about 1e-7.
        assert got == pytest.approx(case["p"], rel=2e-7)
        exact = weighted_chi_square_tail(case["chisq"], case["lambda"], df=case["ddf"])
        assert got == pytest.approx(exact, rel=0.1)


def test_weights__zero_is_nothing_and_order_does_not_matter():
    plain = weighted_chi_square_tail(3.0, [2.0, 1.0], df=9)
    assert weighted_chi_square_tail(3.0, [0.0, 1.0, 2.0, -1e-17], df=9) == plain
    assert weighted_chi_square_tail(0.0, [2.0, 1.0]) == 1


@pytest.mark.parametrize(
    ("weights", "df", "words"),
    [([-1.0, 2.0], 3, "negative"), ([0.0], 3, "> 0"), ([math.nan], 3, "finite"),
     ([1.0], 0, "degrees")],
)  # fmt: skip
def test_bad_input__is_refused(weights, df, words):
    with pytest.raises(InputError, match=words):
        weighted_chi_square_tail(1.0, weights, df=df)


def test_exact__says_when_weights_are_too_far_apart():
    with pytest.raises(ConvergenceError, match="saddlepoint"):
        weighted_chi_square_tail(3.0, [1.0, 1e-4])
