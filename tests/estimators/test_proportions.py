"""Binomial intervals against R, statsmodels, printed tables and their definitions."""

from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators.binomial_limits import binomial_limits
from estimators.errors import InputError, NotEstimableError
from estimators.proportions import proportion_ci

METHODS = (
    "wilson", "wilson_corrected", "clopper_pearson", "jeffreys", "jeffreys_hpd",
    "agresti_coull", "wald", "logit", "probit", "cloglog", "likelihood", "mid_p",
    "blaker", "sterne",
)  # fmt: skip
# Software is met to 1e-8; exactci rounds Blaker's and Sterne's limits to 1e-9, binom
# finds the shortest interval by an optimiser (1e-7), and its likelihood limits and
# exactci's mid-P limits come from uniroot with a tolerance of 1.2e-4: the definitions
# are tested below instead.
TOLERANCE = {
    "mid_p": 1.3e-4,
    "likelihood": 1.3e-4,
    "blaker": 1.1e-9,
    "sterne": 1.1e-9,
    "jeffreys_hpd": 1e-7,
}
REFERENCE = pd.read_csv(
    Path(__file__).parent / "reference" / "proportions.csv", keep_default_na=False
)
SIZES = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def limits(x, n, method, level=0.95):
    ci = proportion_ci(x, n, method=method, level=level).ci
    return np.array([ci.low, ci.high])


def _differs_by_definition(row):
    """R differs knowingly here; two tests below say how."""
    one_sided = row.method == "jeffreys" and row.successes in (0, row.n)
    uncorrected = row.method == "wilson_corrected" and 2 * row.successes == row.n
    return one_sided or uncorrected


@pytest.mark.parametrize("method", METHODS)
def test_proportion_ci__equals_r(method):
    rows = REFERENCE[REFERENCE["method"] == method]
    assert len(rows) > 30
    for row in rows.itertuples():
        if _differs_by_definition(row):
            continue
        # binom leaves Wald and Agresti-Coull limits outside [0, 1]; ours are cut.
        expected = np.clip([row.low, row.high], 0, 1)
        found = limits(row.successes, row.n, method, row.level)
        np.testing.assert_allclose(
            found, expected, rtol=0, atol=TOLERANCE.get(method, 1e-8), err_msg=row.case
        )


def test_jeffreys__all_alike_keeps_both_tails_where_binom_takes_one():
    cases = REFERENCE[
        (REFERENCE["method"] == "jeffreys") & REFERENCE["successes"].isin([0])
    ]
    assert len(cases) >= 3
    for row in cases.itertuples():
        # Brown, Cai and DasGupta keep alpha / 2 in the other tail; binom takes alpha.
        one_sided = 2 * row.level - 1
        theirs = limits(0, row.n, "jeffreys", one_sided)[1]
        assert theirs == pytest.approx(row.high, abs=1e-8)
        assert limits(0, row.n, "jeffreys", row.level)[1] > row.high


def test_wilson_corrected__at_one_half_r_drops_the_correction():
    cases = REFERENCE[
        (REFERENCE["method"] == "wilson_corrected") & (REFERENCE["successes"] == 50)
    ]
    assert len(cases) == 3
    for row in cases.itertuples():
        plain = limits(50, 100, "wilson", row.level)
        np.testing.assert_allclose(plain, [row.low, row.high], atol=1e-8)
        corrected = limits(50, 100, "wilson_corrected", row.level)
        assert corrected[0] < row.low
        assert row.high < corrected[1]


def test_wilson_corrected__newcombe_table_1():
    # Newcombe (1998), table I, method 4: 81/263, 15/148, 0/20, 1/29.
    printed = {(81, 263): (0.2535, 0.3682), (15, 148): (0.0598, 0.1644),
               (0, 20): (0.0, 0.2005), (1, 29): (0.0018, 0.1963)}  # fmt: skip
    for (x, n), expected in printed.items():
        found = limits(x, n, "wilson_corrected")
        np.testing.assert_allclose(found, expected, atol=5.1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("wilson", "wilson"), ("jeffreys", "jeffreys"), ("clopper_pearson", "beta")],
)
def test_proportion_ci__equals_statsmodels(ours, theirs):
    from statsmodels.stats.proportion import proportion_confint

    for x, n in [(1, 10), (9, 10), (37, 400), (399, 400)]:
        expected = proportion_confint(x, n, alpha=0.05, method=theirs)
        np.testing.assert_allclose(limits(x, n, ours), expected, rtol=1e-10)
    upper = proportion_confint(0, 10, alpha=0.05, method=theirs)[1]
    assert limits(0, 10, ours)[1] == pytest.approx(upper, rel=1e-10)


def _exact_tail(x, n, p):
    """P(X >= x) in rational arithmetic."""
    share = Fraction(p)
    return sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(x, n + 1))


@pytest.mark.parametrize(("x", "n"), [(1, 10), (5, 20), (17, 40), (39, 40)])
def test_mid_p__solves_its_equation(x, n):
    low, high = limits(x, n, "mid_p", 0.9)
    above = (_exact_tail(x, n, low) + _exact_tail(x + 1, n, low)) / 2
    below = 1 - (_exact_tail(x, n, high) + _exact_tail(x + 1, n, high)) / 2
    assert float(above) == pytest.approx(0.05, rel=1e-10)
    assert float(below) == pytest.approx(0.05, rel=1e-10)
    # No event: (1 - p)^n / 2 = alpha / 2.
    assert limits(0, n, "mid_p", 0.9)[1] == pytest.approx(1 - 0.1 ** (1 / n), rel=1e-12)


@pytest.mark.parametrize(("x", "n"), [(0, 10), (1, 10), (5, 20), (17, 140), (60, 60)])
def test_likelihood__solves_its_equation(x, n):
    for limit in limits(x, n, "likelihood"):
        if limit in (0, 1):
            assert limit == x / n
            continue
        ratio = 2 * (stats.binom.logpmf(x, n, x / n) - stats.binom.logpmf(x, n, limit))
        assert ratio == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-10)


def _no_likelier(x, n, p):
    """Sterne's p-value straight from his definition."""
    mass = stats.binom.pmf(np.arange(n + 1), n, p)
    return mass[mass <= mass[x] * (1 + 1e-12)].sum()


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_sterne__is_the_hull_of_accepted_proportions(level):
    grid = np.linspace(0.0005, 0.9995, 2000)
    for x, n in [(1, 12), (4, 15), (13, 15), (15, 15)]:
        accepted = grid[[_no_likelier(x, n, p) > 1 - level for p in grid]]
        low, high = limits(x, n, "sterne", level)
        assert low <= accepted.min() <= low + 0.00051
        assert high - 0.00051 <= accepted.max() <= high


@pytest.mark.parametrize(("x", "n"), [(1, 10), (17, 140), (98, 100)])
def test_jeffreys_hpd__has_its_level_and_equal_densities(x, n):
    posterior = stats.beta(x + 0.5, n - x + 0.5)
    low, high = limits(x, n, "jeffreys_hpd", 0.9)
    assert np.diff(posterior.cdf([low, high]))[0] == pytest.approx(0.9, rel=1e-10)
    assert posterior.pdf(low) == pytest.approx(posterior.pdf(high), rel=1e-8)


def test_binomial_limits__real_counts_where_the_formula_has_no_use_for_whole_ones():
    low, high = binomial_limits(3.7, 61.2, "clopper_pearson", level=0.95)
    assert stats.beta.cdf(low, 3.7, 58.5) == pytest.approx(0.025, rel=1e-10)
    assert stats.beta.cdf(high, 4.7, 57.5) == pytest.approx(0.975, rel=1e-10)
    for method in ("sterne", "blaker", "mid_p"):
        with pytest.raises(InputError, match="whole counts"):
            binomial_limits(3.7, 61.2, method, level=0.95)


def _acceptability(x, n, p):
    """Blaker's confidence curve straight from his definition."""
    mass = [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    below, above = np.cumsum(mass), np.cumsum(mass[::-1])[::-1]
    tail = np.minimum(below, above)
    return sum(m for m, t in zip(mass, tail, strict=True) if t <= tail[x] * (1 + 1e-12))


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_blaker__is_the_hull_of_acceptable_proportions(level):
    grid = np.linspace(0.0005, 0.9995, 2000)
    for x, n in [(1, 12), (4, 15), (13, 15)]:
        accepted = grid[[_acceptability(x, n, p) > 1 - level for p in grid]]
        found = limits(x, n, "blaker", level)
        # The grid can miss up to one of its steps at each end, never overshoot.
        assert found[0] <= accepted.min() <= found[0] + 0.00051
        assert found[1] - 0.00051 <= accepted.max() <= found[1]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(counts=SIZES, level=st.sampled_from([0.5, 0.9, 0.99]))
def test_proportion_ci__properties(counts, level):
    x, n = counts
    exact = limits(x, n, "clopper_pearson", level)
    for method in METHODS:
        low, high = limits(x, n, method, level)
        assert 0 <= low <= x / n <= high <= 1
        if method == "cloglog":
            continue  # treats events and their absence unlike
        mirrored = limits(n - x, n, method, level)
        np.testing.assert_allclose([1 - high, 1 - low], mirrored, atol=1e-12)
    for method in ("blaker", "mid_p"):
        low, high = limits(x, n, method, level)
        assert exact[0] - 1e-12 <= low
        assert high <= exact[1] + 1e-12


@pytest.mark.parametrize("method", METHODS)
def test_proportion_ci__no_success_reaches_zero_and_says_so(method):
    result = proportion_ci(0, 50, method=method)
    assert result.ci.low == 0
    assert result.std_error == 0
    assert "plug-in" in result.notes[0]
    assert (result.ci.high > 0.02) == (method != "wald")


def test_proportion_ci__notes_name_what_was_done():
    assert "no width" in " ".join(proportion_ci(10, 10, method="wald").notes)
    fallback = proportion_ci(0, 10, method="logit")
    assert "Clopper-Pearson" in " ".join(fallback.notes)
    assert fallback.ci.high == proportion_ci(0, 10, method="clopper_pearson").ci.high
    cut = proportion_ci(1, 100, method="agresti_coull")
    assert cut.ci.low == 0
    assert "cut to [0, 1]" in " ".join(cut.notes)
    assert proportion_ci(17, 140).notes == ()


def test_proportion_ci__large_counts_stay_exact():
    # Between 1 and 2 events per million a Poisson limit is exact to about 1e-6.
    low, high = limits(3, 3_000_000, "clopper_pearson")
    np.testing.assert_allclose(
        np.array([low, high]) * 3e6, [0.6186721, 8.7672731], rtol=3e-6
    )
    assert limits(3, 3_000_000, "blaker")[1] <= high


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"successes": 5, "n": 4}, "exceeds n=4"),
        ({"successes": -1, "n": 4}, "below 0"),
        ({"successes": 1.5, "n": 4}, "successes=1.5"),
        ({"successes": float("nan"), "n": 4}, "successes=nan"),
        ({"successes": 1, "n": 4, "level": 95}, "level=95"),
        ({"successes": 1, "n": 4, "method": "normal"}, "clopper_pearson"),
    ],
)
def test_proportion_ci__refuses_by_name(arguments, words):
    with pytest.raises(InputError, match=words):
        proportion_ci(**arguments)


def test_proportion_ci__nobody_observed():
    with pytest.raises(NotEstimableError, match="nobody"):
        proportion_ci(0, 0)
