"""Repeat counts: closed forms, other programs, boundaries and bad input."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from estimators.capture_recapture import truncated_counts, truncated_regression
from estimators.capture_recapture.count_cells import check_rank
from estimators.capture_recapture.count_families import FAMILIES
from estimators.capture_recapture.second_order import variables
from estimators.errors import InputError, NotEstimableError

# van der Heijden et al. 2003: irregular immigrants in four Dutch cities, 1995.
DUTCH = pd.DataFrame({"seen": [1, 2, 3, 4, 5, 6], "persons": [1645, 183, 37, 13, 1, 1]})


def size(frame=DUTCH, formula="seen ~ 1", count="persons", **options):
    return truncated_counts(formula, frame, count=count, **options)


def test_chao__equals_its_closed_form():
    got = size(family="chao")
    f1, f2 = 1645, 183
    assert got.estimate == pytest.approx(1880 + f1**2 / (2 * f2), rel=1e-12)
    assert got.n_obs == 1880


def test_zelterman__equals_its_closed_form():
    rate = 2 * 183 / 1645
    assert size(family="zelterman").estimate == pytest.approx(
        1880 / -math.expm1(-rate), rel=1e-12
    )


def test_geometric__intercept_equals_its_closed_form():
    # The mean of a zero-truncated geometric is 1 + lambda.
    rate = (DUTCH.seen * DUTCH.persons).sum() / 1880 - 1
    got = truncated_regression("seen ~ 1", DUTCH, family="geometric", count="persons")
    assert math.exp(got.estimate[0]) == pytest.approx(rate, rel=1e-11)
    assert size(family="geometric").estimate == pytest.approx(
        1880 * (1 + rate) / rate, rel=1e-11
    )


def test_poisson__intercept_of_the_dutch_counts():
    # singleRcapture 1.1.0, estimatePopsize(capture ~ 1, model="ztpoisson").
    got = size()
    assert got.estimate == pytest.approx(7079.92814953311, rel=1e-10)
    assert got.std_error == pytest.approx(365.751418303841, rel=1e-9)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_family__probabilities_of_all_counts_add_to_one(family):
    spec = FAMILIES[family]
    values = [np.array([-0.7]), np.array([-0.4])][: 2 if spec.shape else 1]
    y = np.arange(1.0, 3 if spec.most else 400)
    mass = spec.log_mass(y, variables(values)).value
    assert np.exp(mass).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_family__derivatives_are_those_of_differences(family):
    spec = FAMILIES[family]
    count = 2 if spec.shape else 1
    at = np.array([-0.7, -0.4])[:count]
    y = np.array([1.0, 2.0] if spec.most else [1.0, 2.0, 3.0, 6.0])

    def mass(point):
        return spec.log_mass(y, variables([point[[k]] for k in range(count)]))

    exact = mass(at)
    for k, move in enumerate(1e-5 * np.eye(count)):
        up, down = mass(at + move), mass(at - move)
        np.testing.assert_allclose(
            (up.value - down.value) / 2e-5, exact.gradient[k], atol=1e-8
        )
        curvature = exact.hessian[k] if count == 1 else exact.hessian[1:][k]
        np.testing.assert_allclose(
            (up.gradient[-1] - down.gradient[-1]) / 2e-5, curvature, atol=1e-8
        )


def test_one_inflated_geometric__variance_is_the_delta_method_by_hand():
    fit = truncated_regression(
        "seen ~ 1", DUTCH, family="one_inflated_geometric", count="persons"
    )

    def total(point):
        rate, omega = math.exp(point[0]), 1 / (1 + math.exp(-point[1]))
        return 1880 / (1 - (1 - omega) / (1 + rate))

    at = fit.estimate
    slope = np.array([(total(at + h) - total(at - h)) / 2e-6 for h in 1e-6 * np.eye(2)])
    seen = 1880 / total(at)
    variance = slope @ fit.covariance @ slope + 1880 * (1 - seen) / seen**2
    assert size(family="one_inflated_geometric").std_error == pytest.approx(
        math.sqrt(variance), rel=1e-6
    )


def test_negative_binomial__equals_statsmodels():
    truncated = pytest.importorskip("statsmodels.discrete.truncated_model")
    # Fixed expected counts of a negative binomial with mean 1.2 or 2 and alpha 0.6.
    rows = [
        (x, y, round(4000 * nbinom.pmf(y, 1 / 0.6, 1 / (1 + 0.6 * mean))))
        for x, mean in ((0, 1.2), (1, 2.0))
        for y in range(1, 40)
    ]
    frame = pd.DataFrame(rows, columns=["x", "seen", "persons"]).query("persons > 0")
    got = truncated_regression(
        "seen ~ x", frame, family="negative_binomial", count="persons"
    )
    persons = frame.loc[frame.index.repeat(frame.persons)]
    model = truncated.TruncatedLFNegativeBinomialP(
        persons.seen.to_numpy(),
        np.column_stack([np.ones(len(persons)), persons.x.to_numpy()]),
        truncation=0,
    )
    start = np.append(got.estimate[:2], math.exp(got.estimate[2])) * 0.9
    other = model.fit(start, method="bfgs", maxiter=500, gtol=1e-8, disp=False)
    # statsmodels maximises numerically: its likelihood is flat to 1e-9, its optimum to
    # the square root of that.
    assert got.fit_statistics["log_likelihood"] == pytest.approx(other.llf, rel=1e-10)
    np.testing.assert_allclose(got.estimate[:2], other.params[:2], atol=1e-4)
    assert math.exp(got.estimate[2]) == pytest.approx(other.params[2], rel=1e-4)
    # Rounded expected counts give the truth back: 8 000 persons.
    total = size(frame, "seen ~ x", family="negative_binomial")
    assert total.estimate == pytest.approx(8000, rel=0.01)


def test_negative_binomial__alpha_to_infinity_is_refused_by_name():
    with pytest.raises(NotEstimableError, match=r"alpha .* runs to infinity"):
        size(family="negative_binomial")


def test_negative_binomial__without_overdispersion_is_reported_as_poisson():
    frame = pd.DataFrame({"seen": [1, 2, 3], "persons": [100, 80, 30]})
    got = size(frame, family="negative_binomial")
    assert got.method == "truncated_counts (poisson)"
    assert "minus infinity" in got.notes[0]
    assert got.estimate == pytest.approx(size(frame).estimate, rel=1e-12)


def test_rate_to_zero__terms_and_persons_are_named():
    frame = pd.DataFrame(
        {"seen": [1, 2, 1], "sex": ["f", "f", "m"], "persons": [50, 9, 21]}
    )
    for family in ("poisson", "geometric", "chao"):
        with pytest.raises(NotEstimableError, match=r"21 observed.*sex\[T.m\]"):
            size(frame, "seen ~ sex", family=family)


def test_rate_to_infinity__is_named():
    frame = pd.DataFrame(
        {"seen": [1, 2, 2], "sex": ["f", "f", "m"], "persons": [50, 9, 21]}
    )
    with pytest.raises(NotEstimableError, match=r"21 observed.*infinity.*sex\[T.m\]"):
        size(frame, "seen ~ sex", family="chao")


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_nobody_seen_twice_or_once__is_refused(family):
    for seen, words in (([1, 1], "more than once|exactly twice"), ([2, 3], "once")):
        frame = pd.DataFrame({"seen": seen, "persons": [5, 6]})
        with pytest.raises(NotEstimableError, match=words):
            size(frame, family=family)


def test_one_inflated__two_different_counts_are_too_few():
    frame = pd.DataFrame({"seen": [1, 2], "persons": [50, 6]})
    with pytest.raises(NotEstimableError, match="2 different counts"):
        size(frame, family="one_inflated_poisson")


@pytest.mark.parametrize("wrong", [0, -1, 1.5, math.inf, 20_000])
def test_count_below_one_or_broken__is_refused_with_its_row(wrong):
    frame = pd.DataFrame({"seen": [1, 2, wrong], "persons": [5, 6, 7]})
    with pytest.raises(InputError, match=r"seen.*rows 2"):
        size(frame)


def test_collinear_terms__are_named():
    frame = DUTCH.assign(a=[0, 1, 0, 1, 0, 1], b=[0, 2, 0, 2, 0, 2])
    with pytest.raises(InputError, match="a, b are collinear"):
        size(frame, "seen ~ a + b")


def test_missing_values__are_counted_in_persons():
    frame = DUTCH.assign(sex=["f", "m", None, "m", "f", "f"])
    got = truncated_regression("seen ~ sex", frame, count="persons")
    assert got.n_obs == 1880 - 37
    assert got.fit_statistics["n_excluded"] == 37
    assert "37 observed persons" in got.notes[0]


def test_rows__one_per_person_give_the_same():
    persons = DUTCH.loc[DUTCH.index.repeat(DUTCH.persons)]
    one, other = size(), truncated_counts("seen ~ 1", persons)
    assert one.estimate == other.estimate
    assert one.std_error == other.std_error


def test_covariate__scale_and_place_change_nothing():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"age": rng.uniform(15, 60, 400)})
    frame["seen"] = np.maximum(rng.poisson(np.exp(0.02 * frame.age - 1)), 1)
    one = truncated_counts("seen ~ age", frame)
    frame["age"] = 1000 + frame["age"] * 365
    other = truncated_counts("seen ~ age", frame)
    assert other.estimate == pytest.approx(one.estimate, rel=1e-8)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-6)


def test_augment__gives_everyones_rate():
    fit = truncated_regression("seen ~ 1", DUTCH, family="chao", count="persons")
    rates = fit.augment(DUTCH)[".fitted"]
    np.testing.assert_allclose(rates, 2 * 183 / 1645, rtol=1e-12)


def test_rank__of_many_rows_takes_memory_by_rows_only():
    rows = np.column_stack([np.ones(60_000), np.arange(60_000.0)])
    check_rank(rows, ("Intercept", "x"))  # a full decomposition would hold 29 GB
    with pytest.raises(InputError, match="collinear"):
        check_rank(rows[:, [1, 1]], ("x", "z"))


def test_augment__level_that_the_fit_has_not_seen_is_refused():
    frame = DUTCH.assign(sex=list("fmfmfm"))
    fit = truncated_regression("seen ~ sex", frame, count="persons")
    with pytest.raises(InputError, match="z"):
        fit.augment(pd.DataFrame({"sex": ["f", "z"]}))
    found = fit.augment(pd.DataFrame({"sex": ["f", None]}))[".fitted"]
    assert found.notna().tolist() == [True, False]


def test_spline__of_a_column_with_gaps_is_read_and_counted():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"age": rng.uniform(15, 60, 500)})
    frame["seen"] = 1 + rng.poisson(0.3, 500)
    frame.loc[0, "age"] = np.nan
    fit = truncated_regression("seen ~ bs(age, df=4)", frame)
    assert fit.n_obs == 499
    assert len(fit.term) == 5
    assert fit.augment(frame)[".fitted"].isna().sum() == 1


def test_persons_met_at_an_event__are_size_biased_until_thinned():
    rate, population = 0.5, 1_000_000
    seen = np.arange(1, 12)
    chance = np.exp(-rate) * rate**seen / np.cumprod(seen)
    register = pd.DataFrame({"seen": seen, "persons": np.rint(population * chance)})
    assert size(register).estimate == pytest.approx(population, rel=1e-4)
    # Whoever was deported y times is met y times as often: y - 1 is Poisson.
    met = register.assign(persons=np.rint(population * chance * seen))
    share = met.persons.sum() / register.persons.sum()
    assert size(met).estimate / share < 0.68 * population
    thinned = met.assign(persons=np.rint(met.persons / seen))
    assert size(thinned).estimate == pytest.approx(population, rel=1e-4)
