"""The single fit against MultipleSystemsEstimation and Rcapture, and closed forms."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.capture_recapture import _extended_likelihood as likelihood
from estimators.capture_recapture import _profile_size
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.model_terms import hierarchical_closure, read_terms
from estimators.errors import InputError, NotEstimableError

# R's glm stops at a relative change of the deviance of 1e-8: N agrees to 1e-9 and
# better, single coefficients to 1e-7. Likelihoods are flat there and agree to 1e-12.
SIZE, COEFFICIENT, CRITERION = 1e-8, 1e-6, 1e-11
FAMILY = "reference/capture_recapture"
RCAPTURE_MODELS = {
    "Korea|~.": "[1]",
    "Korea|~.+c1*c2+c2*c3": "[12,23]",
    "UKdat|~.": "[1]",
    "UKdat_5|~.": "[1]",
    "UKdat_5|~.+c1*c2+c1*c3+c2*c3+c2*c5+c3*c4": "[12,13,23,25,34]",
    "Rcapture_HIV|~.": "[1]",
    "Kosovo|~.+c1*c2*c3+c1*c4+c3*c4": "[123,14,34]",
}


@pytest.fixture(scope="module")
def reference(shared_folder):
    return json.loads((shared_folder / FAMILY / "reference.json").read_text())


def table(reference, name):
    entry = reference["data"][name]
    width = len(entry["lists"])
    counts = {"".join(map(str, row[:width])): row[width] for row in entry["rows"]}
    return CaptureHistories.from_counts(counts, lists=entry["lists"])


def fit(histories, model):
    terms = read_terms(model, histories.lists)
    return likelihood.fit_extended(histories.dense(), terms, histories.n_lists)


@pytest.mark.shared
def test_fit__equals_every_model_of_the_reference(reference):
    tried = 0
    for name, entry in reference["log_linear"].items():
        histories = table(reference, name)
        models = entry.get("fixed", {}) | {
            row["model"]: row for row in entry.get("stepwise", {}).values()
        }
        for model, expected in models.items():
            if expected.get("check_extended_MLE", 0):
                with pytest.raises(NotEstimableError):
                    fit(histories, model)
                continue
            got = fit(histories, model)
            tried += 1
            assert got.model == model
            assert got.population_size == pytest.approx(expected["abundance"], rel=SIZE)
            assert got.unseen == pytest.approx(expected["dark"], rel=SIZE)
            assert got.aic == pytest.approx(expected["aic"], rel=CRITERION)
            assert got.bic == pytest.approx(expected["bic"], rel=CRITERION)
            assert got.deviance == pytest.approx(expected["deviance"], rel=CRITERION)
            # The reference numbers a term by 1 + its bit mask; null is minus infinity.
            assert [term + 1 for term in got.infinite] == sorted(expected["neginf"])
            coefficients = dict(zip(got.terms, got.coefficients, strict=True))
            for code, value in expected["coef"].items():
                mine = coefficients[int(code) - 1]
                if value is None:
                    assert mine == -np.inf
                else:
                    assert mine == pytest.approx(value, abs=COEFFICIENT)
    assert tried == 28


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Artificial_3", "Korea", "UKdat_4", "Kosovo"])
def test_status__of_all_models_is_the_reference_one(reference, name):
    histories = table(reference, name)
    expected = reference["extended_MLE_status_all_models"][name]
    got = {
        model: likelihood.estimability_status(
            histories.dense(), read_terms(model, histories.lists), histories.n_lists
        )
        for model in expected
    }
    assert got == expected


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Korea", "Kosovo", "UKdat_4", "Rcapture_HIV"])
def test_fit__equals_the_whole_table_of_models(reference, shared_folder, name):
    histories = table(reference, name)
    path = shared_folder / FAMILY / f"bic_allmodels_{name}.csv"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        got = fit(histories, row["model"])
        assert got.population_size == pytest.approx(float(row["abundance"]), rel=SIZE)
        assert got.bic == pytest.approx(float(row["BIC"]), rel=CRITERION)


@pytest.mark.shared
def test_std_error__equals_rcapture(reference):
    for key, model in RCAPTURE_MODELS.items():
        expected = reference["rcapture_profile_CI"][key]["results"]["mX"]
        got = fit(table(reference, key.split("|")[0]), model)
        # R takes the variance at weights one step before its estimate settles, and
        # its steps stop at 1e-8 of the deviance: 1e-6 apart, of a standard error.
        assert got.std_error == pytest.approx(expected["stderr"], rel=1e-5)
        assert got.deviance == pytest.approx(expected["deviance"], rel=1e-8)


def profiles(reference):
    for key, model in RCAPTURE_MODELS.items():
        histories = table(reference, key.split("|")[0])
        terms = read_terms(model, histories.lists)
        got = _profile_size.profile_interval(
            histories.dense(), terms, histories.n_lists, level=0.95
        )
        yield key, got, reference["rcapture_profile_CI"][key]["CI"]["mX"]


@pytest.mark.shared
def test_profile__equals_rcapture_but_for_its_factorials(reference):
    for key, (top, interval), expected in profiles(reference):
        # Rcapture takes Stirling's approximation of the factorial of the unseen: 19
        # and 34 persons in Korea, thousands elsewhere.
        tolerance = 3e-4 if key.startswith("Korea") else 2e-7
        assert top == pytest.approx(expected["abundance"], rel=tolerance)
        assert interval.low == pytest.approx(expected["infCL"], rel=tolerance)
        assert interval.high == pytest.approx(expected["supCL"], rel=tolerance)


@pytest.mark.shared
def test_profile__with_stirlings_factorials_equals_rcapture(reference, monkeypatch):
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
    for _, (top, interval), expected in profiles(reference):
        # R maximises to 1e-7 of the size.
        assert top == pytest.approx(expected["abundance"], rel=2e-7)
        assert interval.low == pytest.approx(expected["infCL"], rel=2e-8)
        assert interval.high == pytest.approx(expected["supCL"], rel=2e-8)


def test_two_lists__give_lincoln_petersen_and_its_variance():
    counts = np.array([0, 30, 20, 6])
    got = likelihood.fit_extended(counts, (), 2)
    assert got.population_size == pytest.approx(36 * 26 / 6, rel=1e-12)
    unseen = 30 * 20 / 6
    variance = unseen + unseen**2 * (1 / 30 + 1 / 20 + 1 / 6)
    assert got.std_error == pytest.approx(variance**0.5, rel=1e-12)


def test_saturated_three_lists__is_the_ratio_of_odd_and_even_cells():
    counts = np.array([0, 40, 30, 7, 20, 5, 6, 2])
    got = likelihood.fit_extended(counts, (3, 5, 6), 3)
    assert got.unseen == pytest.approx(40 * 30 * 20 * 2 / (7 * 5 * 6), rel=1e-12)


def test_missing_overlap__is_a_coefficient_at_minus_infinity():
    counts = np.array([0, 40, 30, 0, 20, 5, 6, 0])  # nobody on lists 1 and 2
    got = likelihood.fit_extended(counts, (3,), 3)
    assert got.infinite == (3,)
    assert (got.fitted[[3, 7]] == 0).all()
    # Two separate pairs are left: cells 1, 2, 4, 5, 6 with four finite parameters.
    assert got.fitted[1:].sum() == pytest.approx(counts.sum(), rel=1e-12)


@pytest.mark.parametrize("scale", [1, 1000, 1_000_000_000])
def test_status__does_not_depend_on_the_size_of_the_counts(scale):
    counts = np.array([0, 40, 30, 0, 20, 5, 6, 0]) * scale
    assert likelihood.estimability_status(counts, (0, 1, 2, 3, 4), 3) == 0
    assert likelihood.estimability_status(counts, (0, 1, 2, 3, 4, 5, 6), 3) == 2


def test_shape_of_counts__is_checked():
    with pytest.raises(InputError, match="8 counts by bit mask"):
        likelihood.fit_extended(np.arange(7), (), 3)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    values=st.lists(st.sampled_from([0, 0, 1, 7]), min_size=15, max_size=15),
    used=st.integers(0, 63),
)
def test_forced_empty__are_the_cells_without_which_an_estimate_exists(values, used):
    counts = np.array([0, *values])
    pairs = [p for k, p in enumerate([3, 5, 9, 6, 10, 12]) if used >> k & 1]
    terms = hierarchical_closure(pairs, 4)
    forced = likelihood.forced_empty(counts, terms, 4)
    exists = likelihood.estimability_status(counts, terms, 4) % 2 == 0
    assert exists == (not forced)
    assert not counts[list(forced)].any()
    # Filling every forced cell leaves nothing that blocks.
    counts[list(forced)] = 1
    assert likelihood.estimability_status(counts, terms, 4) % 2 == 0
