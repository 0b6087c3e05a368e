"""M0 to Mbh against R's tables, printed results, closed forms and simulation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from estimators.capture_recapture import (
    CaptureHistories,
    _profile_size,
    chao,
    closed_population,
    independent_lists,
)
from estimators.capture_recapture.closed_population_bound import fit_lower_bound
from estimators.capture_recapture.closed_population_removal import (
    first_captures,
    fit_removal,
    removal_size,
)
from estimators.errors import NotEstimableError
from tests.twins import capture_recapture_closed_population as twin
from tests.twins.capture_recapture_closed_population import drawn, removal_example

TABLES = (
    "Korea", "Kosovo", "UKdat_4", "NewOrl_5", "UKdat_5", "UKdat", "Rcapture_HIV",
    "NewOrl",
)  # fmt: skip
FORMS = {
    "Chao (LB)": "chao",
    "Poisson2": "poisson2",
    "Darroch": "darroch",
    "Gamma3.5": "gamma3.5",
    "Normal": "normal",
}
# Where R gives -3 763, -594, -6 645 persons, and 76 for 123 observed.
REFUSED = {("Korea", "Mbh"), ("UKdat_4", "Mb"), ("UKdat_4", "Mbh"), ("UKdat_5", "Mb")}
# With eight lists R keeps one term of Chao's bound that it should set to 0 (nobody is
# on four lists or more): one parameter more at the same likelihood.
ONE_TERM_MORE = {("NewOrl", "Mh Chao (LB)"), ("NewOrl", "Mth Chao (LB)")}


@pytest.fixture(scope="module")
def reference(shared_folder):
    path = shared_folder / "reference" / "capture_recapture" / "reference.json"
    return json.loads(path.read_text(encoding="utf-8"))


def table(reference, name):
    data = reference["data"][name]
    return CaptureHistories.from_counts(
        {"".join(map(str, row[:-1])): row[-1] for row in data["rows"]},
        lists=data["lists"],
    )


def estimate(histories, name, **options):
    model, *form = name.split(" ", 1)
    heterogeneity = FORMS[form[0]] if form else None
    return closed_population(
        histories, model=model, heterogeneity=heterogeneity, **options
    )


@pytest.mark.shared
@pytest.mark.parametrize("name", TABLES)
def test_every_model__equals_rcapture(reference, name):
    histories = table(reference, name)
    for label, expected in reference["rcapture"][name]["closedp.t"]["results"].items():
        if (name, label) in REFUSED:
            assert expected["abundance"] < histories.n_observed
            with pytest.raises(NotEstimableError, match="do not fall"):
                estimate(histories, label)
            continue
        found = estimate(histories, label, interval="log_normal")
        more = float((name, label) in ONE_TERM_MORE)
        got = found.diagnostics
        # R stops at 1e-8 of the deviance: 2.5e-7 of the size at worst (New Orleans).
        assert found.estimate == pytest.approx(expected["abundance"], rel=3e-7), label
        assert got["deviance"] == pytest.approx(expected["deviance"], rel=5e-9)
        assert got["df"] == expected["df"] + more
        assert got["aic"] == pytest.approx(expected["AIC"] - 2 * more, abs=1e-6)
        penalty = more * np.log(histories.n_observed)
        assert got["bic"] == pytest.approx(expected["BIC"] - penalty, abs=1e-6)
        if label != "Mbh":
            # R's weights are those of the step before: see the next test.
            assert found.std_error == pytest.approx(expected["stderr"], rel=3e-4)


@pytest.mark.shared
@pytest.mark.parametrize("name", TABLES)
def test_std_error__equals_rcapture_where_its_steps_stop(reference, name):
    histories = table(reference, name)
    counts = histories.dense()[1:].astype(float)
    results = reference["rcapture"][name]["closedp.t"]["results"]
    for label in ("M0", "Mt", "Mh Poisson2", "Mh Darroch", "Mth Gamma3.5"):
        model, *form = label.split(" ")
        x = twin.design(histories.n_lists, model, form[0].lower() if form else None)
        intercept, variance = twin.stopped_early(x, counts)
        unseen = np.exp(intercept)
        stopped = np.sqrt(unseen + unseen**2 * variance)
        assert stopped == pytest.approx(results[label]["stderr"], rel=1e-8)


def intervals(reference, name):
    histories = table(reference, name)
    for part in reference["rcapture"][name]["closedpCI.t"].values():
        for label, expected in part["CI"].items():
            found = estimate(histories, label)
            assert found.ci.method == "profile likelihood"
            top = found.diagnostics["profile_maximum"]
            yield (
                [top, found.ci.low, found.ci.high],
                [expected[key] for key in ("abundance", "infCL", "supCL")],
            )


@pytest.mark.shared
@pytest.mark.parametrize("name", TABLES)
def test_profile_interval__equals_rcapture_but_for_its_factorials(reference, name):
    # Stirling's factorials of the unseen: 19 persons in Korea, 800 in New Orleans.
    tolerance = {"Korea": 1e-4, "NewOrl": 4e-6, "NewOrl_5": 4e-6}.get(name, 1e-7)
    for found, expected in intervals(reference, name):
        assert found == pytest.approx(expected, rel=tolerance)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Korea", "NewOrl", "NewOrl_5"])
def test_profile_interval__with_stirlings_factorials_equals_rcapture(
    reference, name, monkeypatch
):
    exact = _profile_size.gammaln

    def stirling(value):
        whole = np.array(exact(value))
        n = np.ravel(value)[0] - 1
        whole.flat[0] = n * np.log(n) - n + np.log(2 * np.pi * n) / 2
        return whole

    monkeypatch.setattr(_profile_size, "gammaln", stirling)
    monkeypatch.setattr(
        _profile_size, "digamma", lambda value: np.log(value - 1) + 0.5 / (value - 1)
    )
    monkeypatch.setattr(_profile_size, "LEAST_UNSEEN", 1.0)
    for found, expected in intervals(reference, name):
        # R maximises to 1e-7 of the size; its limits for M0 and for the bound that
        # equals M0 differ by 4e-8.
        assert found[0] == pytest.approx(expected[0], rel=3e-7)
        assert found[1:] == pytest.approx(expected[1:], rel=6e-8)


# Printed by Rcapture 1.3 for its data set `hare` (its file Rcapture-Ex.Rout.save):
# size, standard error, deviance, df, AIC.
HARE = {
    "M0": (75.4, 3.5, 68.516, 61, 154.707),
    "Mt": (75.1, 3.4, 58.314, 56, 154.505),
    "Mh Chao (LB)": (79.8, 6.4, 58.023, 58, 150.214),
    "Mh Poisson2": (81.5, 5.7, 59.107, 60, 147.298),
    "Mh Darroch": (90.4, 11.6, 61.600, 60, 149.791),
    "Mh Gamma3.5": (100.6, 21.7, 62.771, 60, 150.961),
    "Mth Chao (LB)": (79.6, 6.3, 47.115, 52, 151.305),
    "Mth Poisson2": (81.1, 5.6, 48.137, 55, 146.327),
    "Mth Darroch": (90.5, 11.7, 50.706, 55, 148.896),
    "Mth Gamma3.5": (101.6, 22.4, 51.956, 55, 150.147),
    "Mb": (81.1, 8.3, 67.027, 60, 155.217),
    "Mbh": (74.2, None, 63.257, 59, 153.447),
}


@pytest.mark.shared
def test_snowshoe_hares__equal_printed_results(reference):
    histories = table(reference, "Rcapture_hare")
    for label, (size, std_error, deviance, df, aic) in HARE.items():
        found = estimate(histories, label, interval="log_normal")
        assert found.estimate == pytest.approx(size, abs=0.0501), label
        if std_error is not None:
            assert found.std_error == pytest.approx(std_error, abs=0.0501)
        assert found.diagnostics["deviance"] == pytest.approx(deviance, abs=6e-4)
        assert found.diagnostics["df"] == df
        assert found.diagnostics["aic"] == pytest.approx(aic, abs=6e-4)
    poisson = estimate(histories, "Mth Poisson2")
    assert (poisson.ci.low, poisson.ci.high) == pytest.approx((71.8, 93.8), abs=0.051)


@pytest.mark.shared
def test_mixed_logit__equals_coull_and_agresti_and_dorazio_and_royle(reference):
    histories = table(reference, "Rcapture_hare")
    # Coull and Agresti (1999), table 2; Dorazio and Royle (2003), table 3.
    by_list = estimate(histories, "Mth Normal")
    assert by_list.estimate == pytest.approx(92.0, abs=0.05)
    assert by_list.diagnostics["heterogeneity 1"] == pytest.approx(0.97, abs=0.005)
    alike = estimate(histories, "Mh Normal")
    assert alike.estimate == pytest.approx(91.7, abs=0.05)
    assert alike.diagnostics["deviance"] == pytest.approx(61.7, abs=0.05)
    assert alike.diagnostics["df"] == 60


def test_mixed_logit__finds_the_truth_in_expected_counts():
    truth, logits, sigma = 10**9, np.array([-2.0, -1.5, -2.5, -1.0]), 1.2
    chances = twin.mixed_logit_probabilities(logits, sigma)
    expected = np.rint(truth * chances).astype(np.int64)
    empty = CaptureHistories.from_counts({"1111": 1})
    found = closed_population(
        empty.with_counts(expected), model="Mth", heterogeneity="normal"
    )
    # Rounding of the counts: 1e-5 of the size.
    assert found.estimate == pytest.approx(truth, rel=3e-5)
    assert found.diagnostics["heterogeneity 1"] == pytest.approx(sigma, rel=1e-4)
    assert found.diagnostics["deviance"] < 1e-6


def test_mixed_logit__interval_holds_the_truth():
    rng, size, hits = np.random.default_rng(20260102), 4000, 0
    for _ in range(60):
        histories = drawn(rng, size, np.zeros((size, 4)), sigma=1.0, shift=-1.2)
        found = closed_population(histories, model="Mh", heterogeneity="normal")
        hits += found.ci.low <= size <= found.ci.high
    # Central 99.9 % of a binomial of 60 at 0.95 runs from 51 to 60.
    assert hits >= 51


def test_mt__is_lincoln_petersen_and_the_product_equation():
    two = CaptureHistories.from_counts({"10": 45, "01": 30, "11": 15})
    found = closed_population(two)
    assert found.estimate == pytest.approx(60 * 45 / 15, rel=1e-12)
    assert found.std_error**2 == pytest.approx(60 * 45 * 45 * 30 / 15**3, rel=1e-10)
    more = drawn(np.random.default_rng(3), 900, np.zeros((900, 5)), shift=-1.5)
    assert closed_population(more).estimate == pytest.approx(
        independent_lists(more).estimate, rel=1e-9
    )


def test_chao__closed_form_where_every_term_is_free():
    each = {1: 1000, 2: 100, 3: 30, 4: 30}
    counts = {f"{cell:04b}": each[cell.bit_count()] for cell in range(1, 16)}
    histories = CaptureHistories.from_counts(counts)
    once, twice = (int(f) for f in histories.capture_frequencies()[1:3])
    closed = chao(once, twice, histories.n_observed, n_lists=4)
    found = closed_population(histories, model="Mh")
    assert found.diagnostics["n_parameters"] == 4
    assert found.estimate == pytest.approx(closed.estimate, rel=1e-9)
    assert found.std_error == pytest.approx(closed.std_error, rel=1e-9)
    corrected = closed_population(histories, model="Mh", bias_corrected=True)
    other = chao(once, twice, histories.n_observed, n_lists=4, bias_corrected=True)
    assert corrected.estimate == pytest.approx(other.estimate, rel=1e-12)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Kosovo", "UKdat_5", "NewOrl_5", "Rcapture_hare"])
def test_lower_bound__is_the_maximum_with_terms_not_below_0(reference, name):
    histories = table(reference, name)
    counts = histories.dense()[1:].astype(float)
    for model in ("Mh", "Mth"):
        fit = fit_lower_bound(histories, by_list=model == "Mth")
        assert (fit.extra_coefficients > 0).all()
        x = twin.design(histories.n_lists, model, "chao")
        n_terms = histories.n_lists - 2
        likelihood, size = twin.constrained_maximum(x, counts, n_terms)
        assert fit.log_likelihood >= likelihood - 1e-9
        assert fit.log_likelihood == pytest.approx(likelihood, abs=1e-5)
        assert fit.population_size == pytest.approx(size, rel=2e-3)


def test_removal__profile_is_the_likelihood_of_every_size():
    histories = removal_example()
    firsts = first_captures(histories)
    assert firsts.tolist() == [60, 41, 23, 15]
    for apart in (False, True):
        fit = fit_removal(histories, first_apart=apart)
        parts = {"apart": firsts[0]} if apart else {}
        rest = firsts[1:] if apart else firsts
        n = fit.n_observed
        steps = [
            twin.removal_likelihood(n + unseen, rest, **parts)
            - twin.removal_likelihood(n + 9, rest, **parts)
            for unseen in (1, 20, 150)
        ]
        base = fit.profile(9.0)[0]
        got = [fit.profile(float(unseen))[0] - base for unseen in (1, 20, 150)]
        assert got == pytest.approx(steps, abs=1e-7)
        slope = (fit.profile(20.001)[0] - fit.profile(19.999)[0]) / 0.002
        assert fit.profile(20.0)[1] == pytest.approx(slope, rel=1e-5)


def test_removal__variance_is_that_of_drawn_tables():
    # At Kosovo's fit of Mbh: 5 075 persons, 1 910 on the first list, then 40 %. R
    # gives a standard error of 86.05, we 73.52.
    rng = np.random.default_rng(20260103)
    size, first, chance = 5075, 1910 / 5075, 0.4024
    found, variances = [], []
    for _ in range(1500):
        firsts, left = [rng.binomial(size, first)], size
        left -= firsts[0]
        for _list in range(3):
            firsts.append(rng.binomial(left, chance))
            left -= firsts[-1]
        rest, variance, _, _ = removal_size(np.array(firsts[1:], float), "Mbh")
        found.append(firsts[0] + rest)
        variances.append(variance)
    # A standard deviation from 1500 draws has a relative error of 1.8 %: 3.3 of them.
    assert np.std(found) == pytest.approx(73.5, rel=0.06)
    assert np.sqrt(np.mean(variances)) == pytest.approx(np.std(found), rel=0.06)


@pytest.mark.shared
def test_removal__kosovo_has_the_simulated_standard_error(reference):
    found = closed_population(table(reference, "Kosovo"), model="Mbh")
    assert found.std_error == pytest.approx(73.52, abs=0.01)


def test_profile_interval__holds_the_truth_at_its_level():
    rng, size, runs, hits = np.random.default_rng(20260105), 400, 150, 0
    for _ in range(runs):
        histories = drawn(rng, size, np.array([[-1.0, -0.5, -1.5]] * size))
        found = closed_population(histories)
        hits += found.ci.low <= size <= found.ci.high
    # Central 99.9 % of a binomial of 150 at 0.95 runs from 132 to 149.
    assert 132 <= hits <= 149
