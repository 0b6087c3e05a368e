"""Two dependent tests: R's prevalence, plain sums over prior draws, and refusals."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from estimators.diagnostics import BetaPrior, dendukuri_joseph
from estimators.diagnostics.importance_posterior import importance_posterior
from estimators.errors import InputError, NotEstimableError

STRONGYLOIDES = pd.DataFrame(
    {"stool": [1, 1, 0, 0], "serology": [1, 0, 1, 0], "n": [38, 2, 87, 35]}
)
PRIORS = {
    "prevalence": BetaPrior(1, 1),
    "sensitivity": [BetaPrior(4.44, 13.31), BetaPrior(21.96, 5.49)],
    "specificity": [BetaPrior(71.25, 3.75), BetaPrior(4.1, 1.76)],
}
INDEPENDENT = {**PRIORS, "covariance_cases": 0, "covariance_others": 0}
DEPENDENT = {
    **PRIORS,
    "covariance_cases": (-0.25, 0.25),
    "covariance_others": (-0.25, 0.25),
}
CONDITIONAL = {
    "prevalence": BetaPrior(1, 1, 0.45, 0.8),
    "sensitivity": BetaPrior(1, 1, 0.24, 0.5),
    "specificity": 1,
    "second_given_first": [BetaPrior(30, 12), BetaPrior(1, 1), 1, 1],
}
PLACES = {
    "TP": ("prevalence", "all"),
    "SE[1]": ("sensitivity", "stool"),
    "SE1": ("sensitivity", "stool"),
    "SE[2]": ("sensitivity", "serology"),
    "SE2": ("sensitivity", "serology"),
    "SP[1]": ("specificity", "stool"),
    "SP[2]": ("specificity", "serology"),
    "a[1]": ("covariance_cases", "all"),
    "b[1]": ("covariance_others", "all"),
}


def fit(frame=STRONGYLOIDES, priors=INDEPENDENT, **options):
    arguments = {"tests": ["stool", "serology"], "count": "n", "rng": 1, **options}
    return dendukuri_joseph(frame, priors=priors, **arguments)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("case", "priors", "counts"),
    [
        ("truePrevMulti2_strongy_indep", INDEPENDENT, [38, 2, 87, 35]),
        ("truePrevMulti2_strongy_dep", DEPENDENT, [38, 2, 87, 35]),
        ("truePrevMulti_campylobacter", CONDITIONAL, [113, 46, 156, 341]),
    ],
)
def test_doubled_counts__equal_r_which_counts_the_table_twice(
    shared_folder, case, priors, counts
):
    """prevalence 0.4.1 is met on doubled counts only; the next test shows who is right.

    Tolerance: Monte-Carlo errors of both sides, 0.1 standard deviations on means and
    0.3 on the tails of skewed posteriors.
    """
    path = shared_folder / "reference" / "survey" / "reference.json"
    sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
    value = sets["prevalence"]["cases"][case]["value"]
    frame = STRONGYLOIDES.assign(n=2 * np.array(counts))
    result = fit(frame, priors, n_draws=100_000)
    for name, (parameter, of) in PLACES.items():
        if name not in value or value[name]["sd"] == 0:
            continue
        row, theirs = result.get(parameter=parameter, of=of), value[name]
        assert abs(row.estimate - theirs["mean"]) < 0.1 * theirs["sd"], name
        assert row.std_error == pytest.approx(theirs["sd"], rel=0.05), name
        assert abs(row.ci.low - theirs["2.5%"]) < 0.3 * theirs["sd"], name
        assert abs(row.ci.high - theirs["97.5%"]) < 0.3 * theirs["sd"], name


def test_independent_tests__equal_a_plain_sum_over_prior_draws():
    rng = np.random.default_rng(0)
    size = 1_000_000
    p, se1, sp1 = (
        rng.random(size),
        rng.beta(4.44, 13.31, size),
        rng.beta(71.25, 3.75, size),
    )
    se2, sp2 = rng.beta(21.96, 5.49, size), rng.beta(4.1, 1.76, size)
    cells = [
        p * se1 * se2 + (1 - p) * (1 - sp1) * (1 - sp2),
        p * se1 * (1 - se2) + (1 - p) * (1 - sp1) * sp2,
        p * (1 - se1) * se2 + (1 - p) * sp1 * (1 - sp2),
        p * (1 - se1) * (1 - se2) + (1 - p) * sp1 * sp2,
    ]
    log_weight = sum(n * np.log(c) for n, c in zip([38, 2, 87, 35], cells, strict=True))
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    effective = 1 / (weight**2).sum()
    result = fit()
    truth = [p, se1, se2, sp1, sp2]
    for row, values in zip(list(result)[:5], truth, strict=True):
        expected = weight @ values
        error = math.sqrt(weight @ (values - expected) ** 2 / effective)
        error = math.hypot(error, row.diagnostics["monte_carlo_error"])
        assert abs(row.estimate - expected) < 4 * error


def test_importance_posterior__finds_a_known_normal_far_from_its_prior():
    def sample(n, rng):
        return rng.standard_normal((n, 3)) * 3

    def log_prior(z):
        return stats.norm.logpdf(z, scale=3).sum(axis=1)

    def log_target(z):
        return stats.norm.logpdf(z, loc=[4, -3, 0], scale=[0.1, 0.5, 1]).sum(axis=1)

    found = importance_posterior(
        sample, log_prior, log_target, n_draws=20_000, rng=np.random.default_rng(1)
    )
    assert found.effective_size > 2000
    np.testing.assert_allclose(found.weights @ found.draws, [4, -3, 0], atol=0.06)
    low = found.quantile(found.draws[:, 1], 0.025)
    assert low == pytest.approx(-3 - 1.96 * 0.5, abs=0.06)


def test_same_rng__same_digits_and_another_one_within_the_monte_carlo_error():
    one, two, other = fit(), fit(), fit(rng=2)
    for a, b, c in zip(one, two, other, strict=True):
        assert a.estimate == b.estimate
        error = math.hypot(*(r.diagnostics["monte_carlo_error"] for r in (a, c)))
        assert abs(a.estimate - c.estimate) <= 5 * error


def test_doubts__are_said():
    result = fit(priors=DEPENDENT)
    assert "leans on the priors" in result.notes[-1]
    specificity = result.get(parameter="specificity", of="serology")
    assert "it is the prior" in specificity.notes[0]
    assert not result.get(parameter="prevalence", of="all").notes
    gaps = STRONGYLOIDES.astype(float)
    gaps.loc[1, "serology"] = np.nan
    assert "lack some result" in fit(gaps).notes[0]


def test_covariance__none_is_uniform_over_what_the_accuracies_allow():
    result = fit(priors=PRIORS)
    row = result.get(parameter="covariance_cases", of="all")
    assert -0.1 < row.ci.low < row.ci.high < 0.25
    # Dependence makes the prevalence less sure than independence claims.
    prevalence = result.get(parameter="prevalence", of="all")
    assert prevalence.std_error > fit().get(parameter="prevalence", of="all").std_error


def test_not_identified_without_priors():
    with pytest.raises(NotEstimableError, match="3 degrees of freedom for 7"):
        fit(priors=None)


def test_bad_input__is_refused_by_name():
    for priors, words in [
        ({**PRIORS, "se": 1}, "unknown entries se"),
        ({**PRIORS, "sensitivity": BetaPrior(1, 1)}, "'sensitivity'. needs 2"),
        ({**PRIORS, "specificity": [0.9, 1.2]}, "1.2: a BetaPrior"),
        ({"sensitivity": [0.9, 0.8], "specificity": [0.9, 0.8]}, "'prevalence'"),
        ({**PRIORS, "covariance_cases": (0.2, 0.1)}, "covariance_cases"),
        (
            {
                "prevalence": 0.1,
                "sensitivity": [0.9, 0.8],
                "specificity": [0.9, 0.9],
                "covariance_cases": 0,
                "covariance_others": 0,
            },
            "nothing to estimate",
        ),
    ]:
        with pytest.raises(InputError, match=words):
            fit(priors=priors)
    with pytest.raises(InputError, match="two tests"):
        fit(STRONGYLOIDES.assign(x=1), tests=["stool", "serology", "x"])
    with pytest.raises(InputError, match="n_draws=10"):
        fit(n_draws=10)
