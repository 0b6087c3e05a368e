"""What results say of their coverage is what the committed accuracy tables say."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import capture_recapture as benchmark
from benchmarks.accuracy import capture_recapture_covariates as covariates
from estimators import capture_recapture as cr
from estimators.capture_recapture.simulated_coverage import (
    HELD,
    HELD_WITH_COVARIATES,
    TRUTHS,
    coverage_notes,
)

# Two-list estimators, bounds of one source and the model without highest-order
# interaction have notes of their own.
OWN_NOTES = {
    "lincoln_petersen_two_lists",
    "chapman_two_lists",
    "chao_lists_as_counts",
    "no_highest_order_interaction",
}
HISTORIES = cr.CaptureHistories.from_counts(
    {"100": 247, "010": 149, "001": 160, "110": 52, "101": 42, "011": 34, "111": 12}
)


def held(table, truth, own=()):
    """Return least and largest coverage in per cent by method and truth."""
    usable = table[table["estimated"] >= table["tables"] / 2]
    shares = usable.groupby(["method", truth])["coverage"].agg(["min", "max"])
    found = {}
    for (method, name), row in shares.iterrows():
        if method not in own:
            pair = round(100 * row["min"]), round(100 * row["max"])
            found.setdefault(method, {})[name] = pair
    return found


def test_figures__are_those_of_the_table():
    assert dict(HELD) == held(pd.read_csv(benchmark.RESULTS), "truth", OWN_NOTES)


def test_figures__are_those_of_the_table_with_covariates():
    table = pd.read_csv(covariates.RESULTS)
    table["key"] = table["kind"] + " " + table["truth"]
    # The same methods as in the other table, for comparison.
    plain = {"no_highest_order_interaction", "log_linear_main_effects"}
    assert dict(HELD_WITH_COVARIATES) == held(table, "key", plain)


@pytest.mark.parametrize("method", [*HELD, *HELD_WITH_COVARIATES])
def test_sentence__has_every_figure(method):
    (sentence,) = coverage_notes(method)
    figures = HELD.get(method) or HELD_WITH_COVARIATES[method]
    assert set(figures) <= set(TRUTHS)
    for truth, (low, high) in figures.items():
        share = f"{low} %" if low == high else f"{low} to {high} %"
        assert f"in {share} {TRUTHS[truth]}" in sentence


def test_sentence__none_without_rows():
    assert coverage_notes("unheard_of") == ()


@pytest.mark.parametrize("method", sorted(set(HELD) - {"latent_class_capture"}))
def test_results__carry_the_sentence(method):
    found = benchmark.METHODS[method].call(HISTORIES)
    assert set(coverage_notes(method)) <= set(found.notes)


def test_results__latent_classes_carry_it():
    brief = {"burn_in": 100, "n_samples": 100, "thinning": 1, "n_chains": 2}
    found = cr.latent_class_capture(HISTORIES, rng=1, **brief)
    assert set(coverage_notes("latent_class_capture")) <= set(found.notes)


@pytest.mark.parametrize("method", HELD_WITH_COVARIATES)
def test_results__with_covariates_carry_the_sentence(method):
    (kind,) = {truth.split()[0] for truth in HELD_WITH_COVARIATES[method]}
    truth = covariates.KINDS[kind][0]
    frame = covariates.draw(kind, truth, 600, np.random.default_rng(1))
    found = covariates.METHODS[kind][method](frame)
    assert set(coverage_notes(method)) <= set(found.notes)


def test_tables_misses__lie_below_the_truth_as_notes_say():
    table = pd.read_csv(benchmark.RESULTS)
    for method in ("decomposable_graphs", "latent_class_capture"):
        wrong = table[(table["method"] == method) & (table["truth"] != "independent")]
        assert wrong["missed_low"].sum() > 20 * wrong["missed_high"].sum()


def test_other_options__have_no_sentence_of_the_default():
    found = cr.downhill(HISTORIES, criterion="aic", n_resamples=0)
    assert not any("in simulations" in note for note in found.notes)
    corrected = cr.average_models(HISTORIES, criterion="aic")
    assert not any("in simulations" in note for note in corrected.notes)
