"""Quadrature posteriors against exact references, JAGS and closed forms."""

import json
import time

import numpy as np
import pytest
from scipy import integrate, stats

from estimators.diagnostics import (
    BetaPrior,
    bayesian_true_prevalence,
    expert_beta,
    pert_beta,
)
from estimators.diagnostics.distributions import GammaVariable
from estimators.errors import ConvergenceError, InputError, NotEstimableError

UNIFORM = BetaPrior(1, 1)
STUDIES = {
    "beta": (142, 742, BetaPrior(80, 10), BetaPrior(190, 11)),
    "unif": (4, 80, BetaPrior(1, 1, 0.7, 0.95), BetaPrior(1, 1, 0.95, 1)),
    "zero": (0, 60, BetaPrior(30, 6), BetaPrior(95, 3)),
    "fixed": (142, 742, 0.9, 0.95),
}


def fit(name, **options):
    x, n, se, sp = STUDIES[name]
    return bayesian_true_prevalence(x, n, sensitivity=se, specificity=sp, **options)


@pytest.fixture(scope="module")
def sets(shared_folder):
    path = shared_folder / "reference" / "survey" / "reference.json"
    return json.loads(path.read_text(encoding="utf-8"))["sets"]


@pytest.mark.shared
@pytest.mark.parametrize("name", STUDIES)
def test_equals_the_exact_reference(sets, name):
    value = sets["py_exact"]["cases"][f"quad_truePrev_{name}"]["value"]
    result = fit(name)
    found = {
        "mean": result.estimate,
        "sd": result.std_error,
        "q025": result.ci.low,
        "median": result.diagnostics["posterior_median"],
        "q975": result.ci.high,
        "mean_se": result.diagnostics["mean_sensitivity"],
        "mean_sp": result.diagnostics["mean_specificity"],
    }
    for key, expected in value.items():
        assert found[key] == pytest.approx(expected, abs=1e-7), key


@pytest.mark.shared
@pytest.mark.parametrize("name", STUDIES)
def test_equals_jags_within_its_monte_carlo_error(sets, name):
    value = sets["prevalence"]["cases"][f"truePrev_{name}"]["value"]["TP"]
    # prevalence prints 0 to 95 % at x = 0: the upper limit of our 90 % interval.
    high = "95%" if name == "zero" else "97.5%"
    result = fit(name, level=0.9 if name == "zero" else 0.95)
    assert result.estimate == pytest.approx(value["mean"], abs=1e-3)
    assert result.std_error == pytest.approx(value["sd"], abs=1e-3)
    assert result.ci.high == pytest.approx(value[high], abs=3e-3)


def test_perfect_classifier__is_the_beta_posterior():
    for prior in (UNIFORM, BetaPrior(0.5, 0.5), BetaPrior(3, 20)):
        for x, n in [(0, 12), (4, 80), (60, 60), (2000, 1_000_000)]:
            result = bayesian_true_prevalence(
                x, n, sensitivity=1.0, specificity=1.0, prior=prior
            )
            exact = stats.beta(x + prior.alpha, n - x + prior.beta)
            limits = [result.ci.low, result.ci.high]
            np.testing.assert_allclose(
                limits, exact.ppf([0.025, 0.975]), rtol=2e-5, atol=1e-8
            )
            assert result.estimate == pytest.approx(exact.mean(), rel=1e-8)


def test_against_a_plain_triple_sum():
    """Twin: a midpoint sum over a 240^3 grid, exact to about 1e-5."""
    grid = (np.arange(240) + 0.5) / 240
    p, se, sp = np.meshgrid(grid, grid, grid, indexing="ij", sparse=True)
    rate = p * se + (1 - p) * (1 - sp)
    weight = stats.beta.pdf(se, 8, 3) * stats.beta.pdf(sp, 20, 3)
    weight = weight * rate**9 * (1 - rate) ** 41
    expected = (weight * p).sum() / weight.sum()
    result = bayesian_true_prevalence(
        9, 50, sensitivity=BetaPrior(8, 3), specificity=BetaPrior(20, 3)
    )
    assert result.estimate == pytest.approx(expected, abs=2e-5)


def test_counts_are_priors_after_a_uniform():
    counted = bayesian_true_prevalence(
        9, 90, sensitivity=(40, 45), specificity=(88, 100)
    )
    prior = bayesian_true_prevalence(
        9, 90, sensitivity=BetaPrior(41, 6), specificity=BetaPrior(89, 13)
    )
    assert counted.estimate == prior.estimate


def test_wide_priors_and_large_samples__settle_or_say_that_they_do_not():
    wide = {"sensitivity": BetaPrior(8, 2), "specificity": BetaPrior(9, 1)}
    result = bayesian_true_prevalence(1420, 10_000, **wide)
    rng = np.random.default_rng(3)
    p, se, sp = rng.random(400_000), rng.beta(8, 2, 400_000), rng.beta(9, 1, 400_000)
    rate = p * se + (1 - p) * (1 - sp)
    weight = np.exp(
        stats.binom.logpmf(1420, 10_000, rate) - stats.binom.logpmf(1420, 10_000, 0.142)
    )
    size = weight.sum() ** 2 / (weight**2).sum()
    draws = (weight * p).sum() / weight.sum()
    assert result.estimate == pytest.approx(draws, abs=4 * 0.062 / np.sqrt(size))
    assert 0 < result.ci.low < result.estimate < result.ci.high < 0.3
    with pytest.raises(ConvergenceError, match="too wide"):
        bayesian_true_prevalence(
            100_000_000,
            400_000_000,
            sensitivity=BetaPrior(1, 1, 0.3, 0.9),
            specificity=BetaPrior(0.5, 0.4),
        )


def test_conflict__is_measured_and_said():
    result = bayesian_true_prevalence(
        3, 1000, sensitivity=0.9, specificity=BetaPrior(900, 100)
    )
    assert result.diagnostics["p_specificity_conflict"] > 0.999
    chance, _ = integrate.quad(
        lambda f: stats.binom.cdf(3, 1000, f) * stats.beta.pdf(f, 100, 900), 0, 0.3
    )
    assert result.diagnostics["p_value_specificity_conflict"] == pytest.approx(
        chance, rel=1e-6
    )
    assert "piles up at 0" in result.notes[-1]
    mild = bayesian_true_prevalence(
        9, 100, sensitivity=0.9, specificity=BetaPrior(90, 11)
    )
    assert "read the upper limit" in mild.notes[-1]
    assert not fit("beta").notes


def test_data_and_priors_that_exclude_each_other():
    with pytest.raises(NotEstimableError, match="exclude each other"):
        bayesian_true_prevalence(
            0, 100_000, sensitivity=0.9, specificity=BetaPrior(1, 1, 0.6, 0.7)
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"sensitivity": BetaPrior(2, 5), "specificity": 0.6},
            "not better than chance",
        ),
        ({"sensitivity": 0.9, "specificity": 0.9, "prior": BetaPrior(0.1, 1)}, "0.5"),
        ({"sensitivity": 0.9, "specificity": 0.9, "prior": 0.1}, "BetaPrior"),
        (
            {
                "sensitivity": 0.9,
                "specificity": 0.9,
                "prior": BetaPrior(1, 1, 0, 0.3),
            },
            "cover",
        ),
    ],
)
def test_bad_input__is_refused_by_name(arguments, words):
    with pytest.raises(InputError, match=words):
        bayesian_true_prevalence(4, 80, **arguments)


@pytest.mark.parametrize("shapes", [(0, 1), (1, -2), (float("nan"), 1)])
def test_beta_prior__refuses_impossible_shapes(shapes):
    with pytest.raises(InputError, match="above 0"):
        BetaPrior(*shapes)
    with pytest.raises(InputError, match=r"low=0\.9"):
        BetaPrior(1, 1, 0.9, 0.3)


@pytest.mark.parametrize(
    "prior",
    [
        BetaPrior(80, 10),
        BetaPrior(0.4, 0.6),
        BetaPrior(1, 1, 0.7, 0.9),
        BetaPrior(3, 1),
    ],
)
def test_nodes__average_powers_exactly(prior):
    points, weights = prior.nodes(12)
    share = stats.beta(prior.alpha, prior.beta)
    width = prior.high - prior.low
    for power in range(1, 8):
        expected = share.expect(lambda t, k=power: (prior.low + width * t) ** k)
        assert weights @ points**power == pytest.approx(expected, rel=1e-7)
    gamma = GammaVariable(shape=2.5, scale=0.1)
    points, weights = gamma.nodes(8)
    assert weights @ points**3 == pytest.approx(stats.gamma(2.5, scale=0.1).moment(3))


def test_speed__under_50_ms_warm():
    """The issue's target; the best of several runs, since the machine is shared."""
    fit("beta")
    best = np.inf
    for _ in range(7):
        start = time.process_time()
        fit("beta")
        best = min(best, time.process_time() - start)
    assert best < 0.05


def test_expert_beta__has_the_stated_guess_and_limits():
    prior = expert_beta(0.9, lower=0.8, upper=0.97)
    mode = (prior.alpha - 1) / (prior.alpha + prior.beta - 2)
    assert mode == pytest.approx(0.9, rel=1e-12)

    def misfit(size):
        exact = stats.beta(1 + 0.9 * size, 1 + 0.1 * size)
        return ((exact.ppf([0.025, 0.975]) - [0.8, 0.97]) ** 2).sum()

    size = prior.alpha + prior.beta - 2
    assert misfit(size) < min(misfit(size * 0.99), misfit(size * 1.01))
    prior = expert_beta(0.1, upper=0.3, probability=0.9, best_is="mean")
    exact = stats.beta(prior.alpha, prior.beta)
    assert exact.cdf(0.3) == pytest.approx(0.9, abs=1e-10)
    assert exact.mean() == pytest.approx(0.1)


@pytest.mark.shared
def test_expert_beta__equals_prevalence(sets):
    cases = sets["prevalence"]["cases"]
    # betaExpert's search stops at about 1e-6 of the shapes.
    value = cases["betaExpert_mode"]["value"]
    prior = expert_beta(0.9, lower=0.8, upper=0.97)
    assert prior.alpha == pytest.approx(value["alpha"], rel=1e-5)
    assert prior.beta == pytest.approx(value["beta"], rel=1e-5)
    value = cases["betaExpert_mean"]["value"]
    prior = expert_beta(0.9, lower=0.8, best_is="mean")
    assert prior.alpha == pytest.approx(value["alpha"], rel=1e-5)
    assert prior.beta == pytest.approx(value["beta"], rel=1e-5)
    value = cases["betaPERT_vose"]["value"]
    prior = pert_beta(0.6, 0.8, 0.95)
    assert prior.alpha == pytest.approx(value["alpha"], rel=1e-12)
    assert prior.beta == pytest.approx(value["beta"], rel=1e-12)


def test_expert_priors__refuse_what_cannot_be():
    with pytest.raises(InputError, match="fixes no spread"):
        expert_beta(0.9)
    with pytest.raises(InputError, match="lower < best"):
        expert_beta(0.9, lower=0.95)
    with pytest.raises(NotEstimableError, match="No beta"):
        # The uniform already has more than this probability above 0.1.
        expert_beta(0.5, lower=0.1, probability=0.5)
    with pytest.raises(InputError, match=r"mode=0\.5"):
        pert_beta(0.6, 0.5, 0.9)
