"""Hui-Walter: the 1980 table, simulation with known truth, what is not estimable."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from estimators.diagnostics import hui_walter
from estimators.errors import InputError, NotEstimableError

TUBERCULIN = pd.DataFrame(
    {
        "site": ["one"] * 4 + ["two"] * 4,
        "mantoux": [1, 1, 0, 0] * 2,
        "tine": [1, 0, 1, 0] * 2,
        "n": [14, 4, 9, 528, 887, 31, 37, 367],
    }
)
TESTS = ["mantoux", "tine"]


def fit(frame=TUBERCULIN, **options):
    return hui_walter(
        frame, **{"tests": TESTS, "population": "site", "count": "n", **options}
    )


def simulated(rng, prevalences, accuracies, size):
    rows = []
    for site, p in enumerate(prevalences):
        case = rng.random(size) < p
        results = {
            f"t{i}": np.where(case, rng.random(size) < se, rng.random(size) > sp)
            for i, (se, sp) in enumerate(accuracies)
        }
        rows.append(pd.DataFrame(results).astype(float).assign(site=site))
    return pd.concat(rows, ignore_index=True)


@pytest.mark.shared
def test_equals_the_1980_table(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
    value = sets["py_exact"]["cases"]["huiwalter_tb_1980"]["value"]
    frame = fit().to_frame()
    expected = [*value["prev"], *value["se"], *value["sp"]]
    # The reference stops its search at about 3e-9 of the parameters.
    np.testing.assert_allclose(frame["estimate"], expected, atol=1e-8)
    np.testing.assert_allclose(frame["std_error"], value["stderr"], atol=1e-8)


def test_printed_in_the_paper():
    result = fit()
    printed = {
        ("prevalence", "one"): 0.0268,
        ("prevalence", "two"): 0.7168,
        ("sensitivity", "mantoux"): 1 - 0.0339,
        ("sensitivity", "tine"): 1 - 0.0312,
        ("specificity", "mantoux"): 1 - 0.0067,
        ("specificity", "tine"): 1 - 0.0159,
    }
    for (parameter, of), value in printed.items():
        row = result.get(parameter=parameter, of=of)
        assert row.estimate == pytest.approx(value, abs=5.1e-5)


def test_two_tests_two_populations__reproduce_the_table():
    """Six parameters for six degrees of freedom: the fit is the data."""
    values = fit().to_frame()["estimate"].to_numpy()
    p, se, sp = values[:2], values[2:4], values[4:]
    for site, name in enumerate(["one", "two"]):
        rows = TUBERCULIN[TUBERCULIN["site"] == name]
        for row in rows.itertuples():
            y = np.array([row.mantoux, row.tine])
            case = np.where(y == 1, se, 1 - se).prod()
            other = np.where(y == 1, 1 - sp, sp).prod()
            share = p[site] * case + (1 - p[site]) * other
            assert share == pytest.approx(row.n / rows["n"].sum(), rel=1e-8)


@pytest.mark.parametrize(("ci", "rounds"), [("profile", 3), ("logit", 40)])
def test_intervals__hold_the_truth_at_their_level(ci, rounds):
    rng = np.random.default_rng(8)
    truth = [0.1, 0.5, 0.85, 0.75, 0.95, 0.9]
    hits = np.zeros(6)
    for _ in range(rounds):
        frame = simulated(rng, (0.1, 0.5), ((0.85, 0.95), (0.75, 0.9)), 400)
        rows = hui_walter(frame, tests=["t0", "t1"], population="site", ci=ci)
        hits += [t in row.ci for t, row in zip(truth, rows, strict=True)]
    # The six rows of a round are correlated: 3 more misses are let pass.
    assert hits.sum() >= stats.binom.ppf(0.001, 6 * rounds, 0.95) - 3


def test_profile_limits__lie_at_the_chi_square_drop():
    result = fit()
    row = result.get(parameter="prevalence", of="one")
    se = row.std_error
    assert row.ci.low < row.estimate - 1.5 * se
    assert row.estimate + 1.5 * se < row.ci.high < row.estimate + 3 * se
    narrow = fit(level=0.5).get(parameter="prevalence", of="one")
    assert narrow.ci.width < row.ci.width / 2


def test_three_tests__one_population_is_enough():
    rng = np.random.default_rng(3)
    accuracies = ((0.9, 0.95), (0.8, 0.9), (0.7, 0.97))
    frame = simulated(rng, (0.4,), accuracies, 4000)
    result = hui_walter(frame, tests=["t0", "t1", "t2"])
    assert "no degrees of freedom" in " ".join(result.notes)
    for i, (se, sp) in enumerate(accuracies):
        for parameter, value in (("sensitivity", se), ("specificity", sp)):
            row = result.get(parameter=parameter, of=f"t{i}")
            assert abs(row.estimate - value) < 4 * row.std_error
    two = simulated(rng, (0.2, 0.6), accuracies, 4000)
    more = hui_walter(two, tests=["t0", "t1", "t2"], population="site")
    assert any("G2 = " in note for note in more.notes)


def test_missing_results__at_random_leave_the_estimate_near_the_truth():
    rng = np.random.default_rng(5)
    frame = simulated(rng, (0.1, 0.6), ((0.85, 0.95), (0.75, 0.9)), 5000)
    frame.loc[rng.random(len(frame)) < 0.3, "t1"] = np.nan
    result = hui_walter(frame, tests=["t0", "t1"], population="site", ci="logit")
    row = result.get(parameter="specificity", of="t1")
    assert abs(row.estimate - 0.9) < 4 * row.std_error
    assert "lack some result" in " ".join(result.notes)


def test_order_of_tests_and_rows_changes_nothing():
    other = fit(TUBERCULIN.iloc[::-1], tests=TESTS[::-1])
    for row, labels in zip(fit(), fit().groups, strict=True):
        again = other.get(**labels)
        assert again.estimate == pytest.approx(row.estimate, abs=1e-9)
        assert again.ci.low == pytest.approx(row.ci.low, abs=1e-6)


def test_border__is_named_and_has_a_profile_interval():
    frame = TUBERCULIN.assign(n=[10, 5, 0, 185, 80, 30, 0, 90])
    result = fit(frame)
    edges = [row for row in result if row.notes]
    assert edges
    for row in edges:
        assert row.estimate in (0, 1)
        assert "border" in row.notes[0]
        assert row.ci.width > 0.005


def test_not_estimable__is_said():
    with pytest.raises(NotEstimableError, match="3 degrees of freedom for 5"):
        fit(population=None)
    alike = TUBERCULIN.assign(n=[100, 20, 30, 400] * 2)
    with pytest.raises(NotEstimableError, match="too alike"):
        fit(alike)
    reversed_test = TUBERCULIN.assign(tine=1 - TUBERCULIN["tine"])
    with pytest.raises(NotEstimableError, match="coded the other way"):
        fit(reversed_test)
    with pytest.raises(NotEstimableError, match="Nobody"):
        fit(TUBERCULIN.assign(n=0))


def test_bad_input__is_refused_by_name():
    for change, options, words in [
        ({"tine": 2}, {}, "'tine' must be 0, 1 or missing"),
        ({"n": -1}, {}, "'n' must hold whole numbers"),
        ({"n": 1.5, "tine": "x"}, {}, "tine.*; 'n'"),
        ({}, {"tests": ["tine"]}, "two or more"),
        ({}, {"tests": ["tine", "x-ray"]}, "x-ray"),
        ({}, {"ci": "bootstrap"}, "ci='bootstrap'"),
    ]:
        with pytest.raises(InputError, match=words):
            fit(TUBERCULIN.assign(**change), **options)
