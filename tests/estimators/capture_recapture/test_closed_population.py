"""M0 to Mbh against R's tables, printed results, closed forms and simulation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from estimators.capture_recapture import (
    CaptureHistories,
    _profile_size,
    chao,
    chapman,
    closed_population,
    closed_population_bias,
    closed_population_models,
    independent_lists,
)
from estimators.capture_recapture.closed_population_bound import fit_lower_bound
from estimators.capture_recapture.closed_population_fit import fit_column_model
from estimators.capture_recapture.closed_population_removal import (
    first_captures,
    fit_removal,
    removal_size,
)
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from tests.twins import capture_recapture_closed_population as twin

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


@pytest.mark.shared
@pytest.mark.parametrize("name", TABLES)
def test_bias_correction__m0_equals_rcapture(reference, name):
    expected = reference["rcapture"][name]["closedp.bc"]["results"]["M0"]
    found = closed_population(table(reference, name), model="M0", bias_corrected=True)
    assert found.estimate == pytest.approx(expected["abundance"], rel=1e-9)
    assert found.std_error == pytest.approx(expected["stderr"], rel=2e-6)


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


def drawn(rng, size, logits, *, sigma=0.0, shift=0.0):
    chance = 1 / (1 + np.exp(-(logits + shift + sigma * rng.normal(size=(size, 1)))))
    seen = rng.random(chance.shape) < chance
    cells = seen @ (1 << np.arange(chance.shape[1]))
    dense = np.bincount(cells, minlength=1 << chance.shape[1])
    blank = CaptureHistories.from_counts({"1" * chance.shape[1]: 1})
    return blank.with_counts(dense)


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


def removal_example():
    counts = {
        "1000": 30, "0100": 22, "0010": 15, "0001": 15, "1100": 12, "1010": 8,
        "1001": 6, "0110": 9, "0101": 7, "0011": 8, "1110": 2, "1101": 1, "0111": 3,
        "1111": 1,
    }  # fmt: skip
    return CaptureHistories.from_counts(counts)


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


@pytest.mark.parametrize(
    ("model", "heterogeneity", "sigma"),
    [
        ("M0", None, 0.0),
        ("Mt", None, 0.0),
        ("Mb", None, 0.0),
        ("Mh", "chao", 1.5),
        ("Mth", "chao", 1.5),
        ("Mh", "darroch", 0.8),
        ("Mth", "darroch", 0.8),
        ("Mth", "poisson2", 0.8),
    ],
)
def test_bias_correction__removes_bias(model, heterogeneity, sigma):
    rng, size, rows = np.random.default_rng(20260104), 200, []
    options = {"model": model, "heterogeneity": heterogeneity, "interval": "log_normal"}
    for _ in range(120):
        histories = drawn(rng, size, np.zeros((size, 4)), shift=-0.9, sigma=sigma)
        try:
            rows.append(
                [
                    closed_population(histories, bias_corrected=c, **options).estimate
                    for c in (False, True)
                ]
            )
        except NotEstimableError:
            continue
    # What the estimator tends to: its value on a table 1000 times as large.
    large = drawn(rng, 200_000, np.zeros((200_000, 4)), shift=-0.9, sigma=sigma)
    limit = closed_population(large, **options).estimate / 1000
    plain, corrected = np.mean(rows, axis=0)
    spread = np.std(np.array(rows)[:, 1]) / np.sqrt(len(rows))
    assert len(rows) > 110
    assert corrected < plain
    assert abs(corrected - limit) < abs(plain - limit) + 2 * spread
    if heterogeneity is None and model != "Mb":
        assert abs(corrected - size) < 3.3 * spread


def test_bias_correction__by_leverages_is_chapman_with_two_lists():
    histories = CaptureHistories.from_counts({"11": 15, "10": 45, "01": 30})
    size, _ = closed_population_bias._second_order(histories, None)
    assert size == pytest.approx(chapman(60, 45, 15).estimate, rel=1e-10)


def test_bias_correction__by_leverages_removes_the_expected_bias():
    # Eight lists at 0.1 each: 200 persons are over-estimated by 1.83 (Cox and Snell's
    # bias of order 1), and Rcapture's fixed quantities would add another 4.6.
    rng, rows = np.random.default_rng(20260106), []
    for _ in range(150):
        histories = drawn(rng, 200, np.zeros((200, 8)), shift=np.log(0.1 / 0.9))
        rows.append(
            [
                closed_population(
                    histories, bias_corrected=c, interval="log_normal"
                ).estimate
                for c in (False, True)
            ]
        )
    plain, corrected = np.mean(rows, axis=0)
    assert plain - corrected == pytest.approx(1.83, abs=0.3)


def test_bias_correction__equals_printed_values():
    # Rcapture's example of Seber (1982), p. 107, as its documentation prints it.
    histories = CaptureHistories.from_counts({"11": 167, "10": 781, "01": 254})
    for model, size, std_error in (("M0", 2794.5, 162.8), ("Mt", 2382.8, 129.1)):
        found = closed_population(histories, model=model, bias_corrected=True)
        assert found.estimate == pytest.approx(size, abs=0.0501)
        assert found.std_error == pytest.approx(std_error, abs=0.0501)
        plain = closed_population(histories, model=model)
        printed = {"M0": (2805.6, 164.1), "Mt": (2389.9, 130.4)}[model]
        assert (plain.estimate, plain.std_error) == pytest.approx(printed, abs=0.0501)
    removal = closed_population(histories, model="Mb")
    assert (removal.estimate, removal.std_error) == pytest.approx(
        (1295.0, 17.3), abs=0.0501
    )
    two = chapman(948, 421, 167)
    assert found.estimate == pytest.approx(two.estimate, rel=1e-12)
    assert found.std_error == pytest.approx(two.std_error, rel=1e-12)


def test_profile_interval__holds_the_truth_at_its_level():
    rng, size, runs, hits = np.random.default_rng(20260105), 400, 150, 0
    for _ in range(runs):
        histories = drawn(rng, size, np.array([[-1.0, -0.5, -1.5]] * size))
        found = closed_population(histories)
        hits += found.ci.low <= size <= found.ci.high
    # Central 99.9 % of a binomial of 150 at 0.95 runs from 132 to 149.
    assert 132 <= hits <= 149


def test_notes__say_what_is_assumed():
    histories = removal_example()
    narrow = closed_population(histories)
    assert any("too seldom" in note for note in narrow.notes)
    bound = closed_population(histories, model="Mth")
    assert any(note.startswith("a lower bound") for note in bound.notes)
    order = closed_population(histories, model="Mb")
    assert "the lists are taken in time order: A, B, C, D" in order.notes
    form = closed_population(histories, model="Mh", heterogeneity="darroch")
    assert any("other forms fit alike" in note for note in form.notes)


def test_negative_heterogeneity__is_said_and_the_mixed_logit_stops_at_0():
    counts = {"100": 30, "010": 30, "001": 30, "110": 25, "101": 25, "011": 25}
    histories = CaptureHistories.from_counts(counts | {"111": 2})
    reversed_ = closed_population(histories, model="Mth", heterogeneity="poisson2")
    assert reversed_.diagnostics["heterogeneity 1"] < 0
    assert any("coefficient of heterogeneity is below 0" in n for n in reversed_.notes)
    normal = closed_population(histories, model="Mth", heterogeneity="normal")
    plain = closed_population(histories)
    assert normal.estimate == pytest.approx(plain.estimate, rel=1e-12)
    assert any("boundary 0" in note for note in normal.notes)
    bound = closed_population(histories, model="Mth")
    assert bound.estimate == pytest.approx(plain.estimate, rel=1e-12)
    assert any("the bound is that of Mt" in note for note in bound.notes)


@pytest.mark.parametrize(
    ("counts", "options", "says"),
    [
        ({"10": 9, "01": 4}, {}, "Nobody is on two lists"),
        ({"11": 9, "01": 4}, {}, "One list holds everyone"),
        ({"11": 9}, {"model": "M0"}, "All lists hold everyone"),
        ({"10": 9, "01": 4, "11": 3}, {"model": "Mbh"}, "3 lists or more"),
        ({"10": 4, "01": 9, "11": 3}, {"model": "Mb"}, "do not fall"),
        ({"11": 9, "10": 2}, {"model": "Mb"}, "one list only"),
        (
            {"10": 9, "01": 4, "11": 3},
            {"model": "Mth", "heterogeneity": "darroch"},
            "three lists or more",
        ),
        (
            {"10": 9, "01": 4, "11": 3},
            {"model": "Mh", "heterogeneity": "normal"},
            "three lists or more",
        ),
        (
            {"100": 9, "010": 4, "001": 3, "110": 3},
            {"model": "Mh", "heterogeneity": "darroch"},
            "no maximum likelihood estimate",
        ),
        (
            {"100": 9, "010": 4, "001": 3, "111": 3},
            {"model": "Mth"},
            "no maximum likelihood estimate",
        ),
    ],
)
def test_not_estimable__is_refused_by_name(counts, options, says):
    with pytest.raises(NotEstimableError, match=says):
        closed_population(CaptureHistories.from_counts(counts), **options)


def test_removal__a_slope_of_exactly_0_is_infinite_not_large():
    # Rounding would give 5e16 persons.
    for counts in (
        {"100": 1, "110": 1, "101": 2, "001": 4, "010": 9},
        {"100": 5, "010": 9, "001": 8, "110": 3, "011": 3},
    ):
        with pytest.raises(NotEstimableError, match="do not fall"):
            closed_population(CaptureHistories.from_counts(counts), model="Mb")


def test_bias_correction__too_few_overlaps_are_refused():
    few = CaptureHistories.from_counts({"11100": 1, "00001": 1, "10101": 1, "11011": 1})
    with pytest.raises((NotEstimableError, ConvergenceError), match="too few"):
        closed_population(
            few, model="Mth", heterogeneity="gamma3.5", bias_corrected=True
        )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "Mtb"}, "model='Mtb'"),
        ({"heterogeneity": "chao"}, "goes with Mh and Mth"),
        ({"model": "Mh", "heterogeneity": "beta"}, "heterogeneity='beta'"),
        ({"interval": "wald"}, "interval='wald'"),
        ({"level": 95}, "level=95"),
        ({"bias_corrected": True, "interval": "profile"}, "no profile likelihood"),
        (
            {"model": "Mth", "heterogeneity": "normal", "bias_corrected": True},
            "no correction is known",
        ),
        (
            {"model": "Mh", "heterogeneity": "normal", "interval": "profile"},
            "no profile likelihood",
        ),
    ],
)
def test_bad_options__one_clear_error(options, says):
    with pytest.raises(InputError, match=says):
        closed_population(removal_example(), **options)
    with pytest.raises(InputError, match="CaptureHistories was expected"):
        closed_population({"10": 3})


def test_all_models__one_row_each_and_the_refused_in_notes():
    five = closed_population_models(removal_example())
    assert [tuple(group.values()) for group in five.groups][:3] == [
        ("M0", ""),
        ("Mt", ""),
        ("Mh", "chao"),
    ]
    assert len(five) == 14
    for row, group in zip(five, five.groups, strict=True):
        alone = closed_population(
            removal_example(),
            model=group["model"],
            heterogeneity=group["heterogeneity"] or None,
        )
        assert (row.estimate, row.ci) == (alone.estimate, alone.ci)
    measures = five.measures()
    assert list(measures)[2:] == [
        "estimate", "std_error", "deviance", "df", "aic", "bic",
    ]  # fmt: skip
    two = closed_population_models(
        CaptureHistories.from_counts({"10": 4, "01": 9, "11": 3})
    )
    assert {group["model"] for group in two.groups} == {"M0", "Mt", "Mh", "Mth"}
    assert any(note.startswith("left out: Mb: ") for note in two.notes)
    with pytest.raises(NotEstimableError, match="Nobody is on two lists"):
        closed_population_models(CaptureHistories.from_counts({"10": 4, "01": 9}))


def test_m0__does_not_hang_on_the_names_of_lists():
    histories = removal_example()
    turned = histories.restrict("D", "B", "A", "C")
    for model in ("M0", "Mt", "Mh", "Mth"):
        one, other = (
            closed_population(table, model=model) for table in (histories, turned)
        )
        assert one.estimate == pytest.approx(other.estimate, rel=1e-10)
        assert one.ci.high == pytest.approx(other.ci.high, rel=1e-9)


def test_counts_near_2_to_the_31__are_fitted():
    counts = {"100": 2**31, "010": 2**30, "001": 2**30, "110": 2**28, "101": 2**28}
    histories = CaptureHistories.from_counts(counts | {"011": 2**27, "111": 2**26})
    found = closed_population(histories)
    assert found.estimate == pytest.approx(
        independent_lists(histories).estimate, rel=1e-9
    )
    assert found.ci.low < found.estimate < found.ci.high
    assert fit_column_model(histories, by_list=False, column=None).df == 5
