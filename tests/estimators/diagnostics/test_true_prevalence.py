"""True prevalence from counts, against epiR, asht, closed forms and simulation.

Software is met to 1e-8; where R stops its search earlier, a row says so.
"""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators.diagnostics import (
    bayesian_true_prevalence,
    melded_prevalence,
    rogan_gladen,
    true_prevalence,
)
from estimators.errors import InputError, NotEstimableError

METHODS = (rogan_gladen, true_prevalence, melded_prevalence, bayesian_true_prevalence)
VALIDATED = {"sensitivity": (238, 270), "specificity": (82, 88)}
EPI_METHODS = {
    "c-p": ("clopper_pearson", 1e-8),
    "wilson": ("wilson", 1e-8),
    # epi.prev walks to Sterne's limits to 7e-8 and to Blaker's by steps of 1e-4; the
    # slope 1 / (Se + Sp - 1) enlarges that.
    "sterne": ("sterne", 1e-7),
    "blaker": ("blaker", 1.1e-4),
}


@pytest.fixture(scope="module")
def cases(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
    found = {**sets["prevalence"]["cases"], **sets["py_exact"]["cases"]}
    return {key: case["value"] for key, case in found.items()}


def not_cut(result):
    names = ("estimate_not_cut", "ci_low_not_cut", "ci_high_not_cut")
    return np.array([result.diagnostics[name] for name in names])


@pytest.mark.shared
@pytest.mark.parametrize("theirs", EPI_METHODS)
def test_rogan_gladen__known_accuracy_equals_epi_prev(cases, theirs):
    ours, atol = EPI_METHODS[theirs]
    found = [key for key in cases if key.startswith(f"epiprev_{theirs}_")]
    assert len(found) >= 33
    for key in found:
        _, _, x, n, se, sp = key.split("_")
        if theirs == "wilson" and x == "1":
            continue  # Hmisc puts -log(level) / n there, which is not Wilson's limit
        value = cases[key]["tp"]
        result = rogan_gladen(
            int(x), int(n), sensitivity=float(se), specificity=float(sp), ci=ours
        )
        expected = [value["est"], value["lower"], value["upper"]]
        slope = 1 / (float(se) + float(sp) - 1)
        np.testing.assert_allclose(
            not_cut(result), expected, rtol=0, atol=atol * slope, err_msg=key
        )


@pytest.mark.shared
def test_true_prevalence__equals_asht(cases):
    found = [key for key in cases if key.startswith("langreiczigel")]
    assert len(found) == 52
    for key in found:
        name = key.replace("noclamp_est_", "")
        _, x, n, se, sp, n_se, n_sp = name.split("_")
        sizes = int(n_se), int(n_sp)
        shares = float(se[2:]), float(sp[2:])
        result = true_prevalence(
            int(x),
            int(n),
            sensitivity=(shares[0] * sizes[0], sizes[0]),
            specificity=(shares[1] * sizes[1], sizes[1]),
        )
        point, low, high = not_cut(result)
        close = {"rtol": 0, "atol": 1e-12, "err_msg": key}
        np.testing.assert_allclose(
            [max(low, 0), min(high, 1)], cases[key]["ci"], **close
        )
        expected = cases[key]["est"]
        cut = "noclamp" not in key  # prevSeSp sets negative estimates to 0, not others
        np.testing.assert_allclose(max(point, 0) if cut else point, expected, **close)
        assert 0 <= result.ci.low <= result.estimate <= result.ci.high <= 1


@pytest.mark.shared
def test_true_prevalence__printed_formula(cases):
    for key, arguments in {
        "lr_formula_4_80": (4, 80, 0.85, 50, 0.95, 100),
        "lr_formula_120_1000": (120, 1000, 0.7, 30, 0.9, 60),
    }.items():
        x, n, se, n_se, sp, n_sp = arguments
        result = true_prevalence(
            x, n, sensitivity=(se * n_se, n_se), specificity=(sp * n_sp, n_sp)
        )
        value = cases[key]
        np.testing.assert_allclose(
            not_cut(result), [value["rg"], value["lo"], value["hi"]], atol=1e-12
        )


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["binomial", "poisson", "zero_binomial"])
def test_melded_prevalence__equals_wprevsesp_within_its_monte_carlo_error(cases, kind):
    strata = cases["WprevSeSp_binomial"]
    x = [0] * 40 if "zero" in kind else strata["x"]
    result = melded_prevalence(
        x,
        strata["n"],
        sensitivity=(88, 100),
        specificity=(200, 200) if "zero" in kind else (196, 200),
        weights=strata["w"],
        count_model="poisson" if kind == "poisson" else "binomial",
    )
    value = cases[f"WprevSeSp_{kind}"]
    assert result.estimate == pytest.approx(value["est"], abs=1e-12)
    # Quantiles of 2e6 draws: standard error 3.6e-5 (measured over 12 runs), 3 of them.
    np.testing.assert_allclose(
        [result.ci.low, result.ci.high], value["ci"], atol=1.1e-4
    )


def test_melded_prevalence__solves_its_equation():
    """P(A <= F (1 - q) + S q) = tail, by a fine midpoint rule over F and S."""
    result = melded_prevalence(40, 150, sensitivity=(45, 50), specificity=(96, 100))
    middle = (np.arange(1500) + 0.5) / 1500

    def chance(q, share, wrong, right):
        bound = np.add.outer(wrong.ppf(middle) * (1 - q), right.ppf(middle) * q)
        return share.cdf(bound).mean()

    low = chance(
        result.ci.low, stats.beta(40, 111), stats.beta(5, 96), stats.beta(46, 5)
    )
    high = chance(
        result.ci.high, stats.beta(41, 110), stats.beta(4, 97), stats.beta(45, 6)
    )
    # The midpoint rule's own error at 1500 points is about 1e-5.
    assert low == pytest.approx(0.025, abs=3e-5)
    assert high == pytest.approx(0.975, abs=3e-5)


def test_melded_prevalence__known_accuracy_is_clopper_pearson_carried_over():
    known = {"sensitivity": 0.9, "specificity": 0.95}
    for x, n in [(40, 300), (0, 50), (50, 50), (8400, 50_000)]:
        melded = melded_prevalence(x, n, **known)
        exact = rogan_gladen(x, n, ci="clopper_pearson", **known)
        np.testing.assert_allclose(
            [melded.ci.low, melded.ci.high], [exact.ci.low, exact.ci.high], atol=1e-9
        )


def test_rogan_gladen__delta_variance_by_hand():
    result = rogan_gladen(84, 500, **VALIDATED)
    a, se, sp = 84 / 500, 238 / 270, 82 / 88
    p = (a + sp - 1) / (se + sp - 1)
    parts = [
        a * (1 - a) / 500,
        p**2 * se * (1 - se) / 270,
        (1 - p) ** 2 * sp * (1 - sp) / 88,
    ]
    expected = math.sqrt(sum(parts)) / (se + sp - 1)
    assert result.estimate == pytest.approx(p, rel=1e-12)
    assert result.std_error == pytest.approx(expected, rel=1e-12)
    assert result.ci.high == pytest.approx(p + 1.959963984540054 * expected, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_below_the_false_positive_rate__zero_with_a_note_and_no_false_certainty(method):
    result = method(1, 400, sensitivity=0.9, specificity=0.75)
    assert result.ci.low < 1e-4
    assert result.ci.high > 0.0005  # never a width of zero
    assert result.diagnostics["p_value_specificity_conflict"] < 1e-6
    words = " ".join(result.notes)
    if method is bayesian_true_prevalence:
        assert "piles up at 0" in words
        assert result.estimate < 0.005
        return
    assert result.estimate == 0
    assert "below the false positive rate 0.25" in words
    border = rogan_gladen(
        100, 400, sensitivity=0.9, specificity=0.75, ci="clopper_pearson"
    )
    if method is not true_prevalence:
        assert result.ci.high == pytest.approx(border.ci.high, rel=1e-9)


@pytest.mark.parametrize("method", METHODS[:3])
def test_above_the_sensitivity__one_with_a_note(method):
    result = method(60, 60, sensitivity=0.7, specificity=0.9)
    assert result.estimate == result.ci.high == 1
    assert result.ci.low < 0.9
    assert "above the sensitivity 0.7" in " ".join(result.notes)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sensitivity": 0.4, "specificity": 0.6}, "not better than chance"),
        ({"sensitivity": 89, "specificity": 0.74}, "sensitivity=89"),
        ({"specificity": (90, 80)}, "specificity=.90, 80."),
        ({"specificity": "high"}, "specificity='high'"),
        ({"sensitivity": (1, 2, 3), "specificity": -0.1}, "; specificity=-0.1"),
        ({"positives": 900}, "exceeds n=500"),
        ({"positives": 1.5}, "positives=1.5"),
        ({"n_effective": 0}, "n_effective=0"),
        ({"level": 95}, "level=95"),
    ],
)
def test_bad_input__is_refused_by_name(method, change, words):
    arguments = {"positives": 84, "n": 500, **VALIDATED, **change}
    with pytest.raises(InputError, match=words):
        method(arguments.pop("positives"), arguments.pop("n"), **arguments)


@pytest.mark.parametrize("method", METHODS)
def test_nobody_classified(method):
    with pytest.raises(NotEstimableError, match="nobody"):
        method(0, 0, **VALIDATED)


def test_melded_prevalence__strata_are_checked():
    good = {"positives": [1, 2], "n": [30, 30], "weights": [0.5, 0.5], **VALIDATED}
    for change, words in [
        ({"weights": [0.5, 0.6]}, "sum to 1.1"),
        ({"positives": [31, 2]}, "strata 0"),
        ({"n": [30]}, "one value per stratum"),
        ({"weights": None}, "per stratum: give weights"),
        ({"n_effective": 40}, "not both"),
    ]:
        arguments = {**good, **change}
        with pytest.raises(InputError, match=words):
            melded_prevalence(
                arguments.pop("positives"), arguments.pop("n"), **arguments
            )


def test_validation_without_an_error__is_named_where_it_is_taken_as_certain():
    arguments = {"sensitivity": (40, 40), "specificity": (60, 60)}
    words = " ".join(rogan_gladen(5, 100, **arguments).notes)
    assert "saw no error in 40 persons" in words
    assert "saw no error in 60 persons" in words
    wide, narrow = (
        f(5, 100, **arguments).ci for f in (melded_prevalence, rogan_gladen)
    )
    assert wide.low < narrow.low


@settings(deadline=None, derandomize=True, max_examples=20)
@given(
    counts=st.integers(1, 200).flatmap(
        lambda n: st.tuples(st.integers(0, n), st.just(n))
    ),
    correct=st.tuples(st.integers(40, 50), st.integers(80, 100)),
)
def test_properties(counts, correct):
    accuracies = {"sensitivity": (correct[0], 50), "specificity": (correct[1], 100)}
    results = [method(*counts, **accuracies) for method in METHODS]
    for result in results:
        assert 0 <= result.ci.low <= result.ci.high <= 1
        assert result.ci.low <= result.estimate <= result.ci.high
        assert 0 <= result.std_error < math.inf
    # Half the persons at the same share: wider, whatever the method.
    for method, result in zip(METHODS[1:], results[1:], strict=True):
        found = result.diagnostics
        outside = found.get("ci_high_not_cut", 1) <= 0
        if outside or found.get("ci_low_not_cut", 0) >= 1:
            continue  # the interval is then that of agreeing data
        half = method(*counts, n_effective=counts[1] / 2, **accuracies)
        assert half.ci.width >= result.ci.width - 1e-9


@pytest.mark.parametrize("method", [true_prevalence, melded_prevalence])
def test_coverage__at_least_nominal_with_known_truth(method):
    """250 studies of 150 persons at P = 0.1, against the 99.9 % bound of 95 %."""
    rng = np.random.default_rng(7)
    p, se, sp = 0.1, 0.89, 0.9
    draws = zip(
        rng.binomial(150, p * se + (1 - p) * (1 - sp), 250),
        rng.binomial(60, se, 250),
        rng.binomial(90, sp, 250),
        strict=True,
    )
    hits = 0
    for x, a, b in draws:
        result = method(int(x), 150, sensitivity=(int(a), 60), specificity=(int(b), 90))
        hits += p in result.ci
    assert hits >= stats.binom.ppf(0.001, 250, 0.95)
