"""The committed coverage of prevalence intervals, its page, and the benchmark."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.accuracy import prevalence_intervals as benchmark
from benchmarks.accuracy.prevalence_intervals import Scenario
from estimators import diagnostics, survey
from estimators.survey.prevalence import _NEEDED_EVENTS as few_events

ROOT = Path(__file__).resolve().parents[2]
KEYS = ["prevalence", "n", "icc", "classifier"]
SMALL = Scenario(0.04, 128, 0.1, "perfect")
SMALL_FLAGGED = Scenario(0.1, 128, 0.2, "0.89/0.74")


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(benchmark.RESULTS)


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location(
        "coverage_pages", ROOT / "docs" / "coverage_pages.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(committed, scenario):
    wanted = pd.Series({key: getattr(scenario, key) for key in KEYS})
    return committed[(committed[KEYS] == wanted).all(axis=1)].set_index("method")


def test_docs__show_the_committed_results(committed, pages):
    page = pages.INTERVALS_PAGE.read_text(encoding="utf-8")
    assert pages.redrawn(page, committed, pages.render_intervals) == page


def test_committed__every_scenario_and_method(committed):
    assert len(committed[KEYS].drop_duplicates()) == 4 * 4 * 4 * 2
    assert not committed.duplicated([*KEYS, "method"]).any()
    per_scenario = committed.groupby(KEYS)["method"].agg(set)
    for scenario in benchmark.scenarios():
        key = tuple(getattr(scenario, name) for name in KEYS)
        expected = {"uncorrected", *benchmark.METHODS}
        if scenario.classifier == "perfect":
            expected = set(benchmark.PROPORTION_INTERVALS)
        assert per_scenario[key] == expected
    assert (committed["data_sets"] >= 1000).all()
    counted = committed[["hits", "missed_low", "missed_high"]].sum(axis=1)
    assert (counted == committed["estimated"]).all()
    assert (committed["fallback_hits"] <= committed["fallbacks"]).all()


@pytest.mark.parametrize("scenario", [SMALL, SMALL_FLAGGED], ids=["seen", "flagged"])
def test_committed__another_stream_agrees(committed, scenario):
    again = benchmark.accuracy_table([scenario], n_data_sets=120, rng=7)
    before = rows_of(committed, scenario)
    for row in again.itertuples():
        other = before.loc[row.method]
        pooled = (row.hits + other["hits"] + 1) / (
            row.estimated + other["estimated"] + 2
        )
        error = math.sqrt(
            pooled * (1 - pooled) * (1 / row.estimated + 1 / other["estimated"])
        )
        # Twelve comparisons with one fixed stream: 4 standard errors, half a hit more
        # for the grid of so few data sets.
        assert abs(row.coverage - other["coverage"]) < 4 * error + 0.5 / row.estimated
        spread = other["rmse"] / math.sqrt(row.estimated)
        assert abs(row.bias - other["bias"]) < 4 * spread


def test_committed__fall_backs_are_as_many_as_samples_without_events(committed):
    # Closed form: P(no event among m of a truck) = prod (b + k) / (a + b + k).
    for scenario in benchmark.scenarios():
        if scenario.classifier != "perfect":
            continue
        p, icc = scenario.prevalence, scenario.icc
        sizes = np.bincount(scenario.trucks)
        if icc == 0:
            chance = (1 - p) ** scenario.n
        else:
            a, b = p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc
            k = np.arange(benchmark.TRUCK)
            by_size = np.cumprod((b + k) / (a + b + k))
            chance = by_size[sizes - 1].prod()
        found = rows_of(committed, scenario)
        low, high = stats.binom.interval(0.9999, benchmark.N_DATA_SETS, chance)
        assert (found["fallbacks"].between(low, high)).all(), scenario


@pytest.mark.parametrize("n", [100, 400])
@pytest.mark.parametrize("prevalence", [0.01, 0.23])
def test_committed__known_accuracy_covers_as_enumerated(committed, prevalence, n):
    # Independent persons, Se and Sp known: the positives are binomial, so coverage is
    # a finite sum.
    se, sp = benchmark.CLASSIFIERS["0.89/0.74"]
    share = prevalence * se + (1 - prevalence) * (1 - sp)
    x = np.arange(n + 1)
    weight = stats.binom.pmf(x, n, share)
    held = np.array(
        [
            chance > 1e-9
            and prevalence
            in diagnostics.rogan_gladen(
                int(count), n, sensitivity=se, specificity=sp
            ).ci
            for count, chance in zip(x, weight, strict=True)
        ]
    )
    exact = float(weight @ held)
    found = rows_of(committed, Scenario(prevalence, n, 0.0, "0.89/0.74"))
    row = found.loc["rogan_gladen_known"]
    low, high = stats.binom.interval(0.999, row["estimated"], exact)
    assert low <= row["hits"] <= high


def test_intervals__are_those_of_the_public_functions():
    for data in benchmark.draw_data_sets(SMALL, n_data_sets=5, rng=3):
        for name, (estimate, interval, _) in benchmark.answers(SMALL, data):
            public = survey.proportion(data.design, "seen", ci=name)
            assert (public.estimate, public.ci.low, public.ci.high) == pytest.approx(
                (estimate, interval.low, interval.high), rel=1e-10, abs=1e-12
            )


def test_corrections__are_those_of_the_public_function():
    corrections = {
        "survey_rogan_gladen": "rogan_gladen",
        "survey_lang_reiczigel": "lang_reiczigel",
        "survey_melded": "melded",
        "survey_bayesian": "bayesian",
    }
    (data,) = benchmark.draw_data_sets(SMALL_FLAGGED, n_data_sets=1, rng=3)
    found = dict(benchmark.answers(SMALL_FLAGGED, data))
    for name, correction in corrections.items():
        public = diagnostics.survey_true_prevalence(
            data.design, "seen", correction=correction,
            sensitivity=data.counted[0], specificity=data.counted[1],
        )  # fmt: skip
        estimate, interval, _ = found[name]
        assert (public.estimate, public.ci.low, public.ci.high) == (
            estimate, interval.low, interval.high,
        )  # fmt: skip


def test_draws__have_the_stated_prevalence_and_correlation():
    scenario = Scenario(0.23, 400, 0.2, "perfect")
    status = benchmark.draw_status(scenario, 400, np.random.default_rng(5))
    trucks = status.reshape(400 * 50, 8)
    p = scenario.prevalence
    assert trucks.mean() == pytest.approx(p, abs=0.01)
    total = trucks.sum(axis=1)
    pairs = (total * (total - 1)).mean() / (8 * 7)  # both of two persons of a truck
    correlation = (pairs - p**2) / (p * (1 - p))
    # Standard error about 0.003 with 20 000 trucks.
    assert correlation == pytest.approx(scenario.icc, abs=0.012)


def test_draws__do_not_depend_on_other_scenarios():
    options = {"n_data_sets": 4, "rng": 1}
    alone = benchmark.accuracy_table([SMALL], **options)
    both = benchmark.accuracy_table([SMALL_FLAGGED, SMALL], **options)
    again = both[both["classifier"] == "perfect"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, again)


def test_table__counts_what_cannot_be_estimated(monkeypatch):
    def refuse(data, shares):
        raise benchmark.NotEstimableError("no")

    method = benchmark.Method(refuse)
    monkeypatch.setattr(benchmark, "METHODS", {"none": method})
    table = benchmark.accuracy_table([SMALL_FLAGGED], n_data_sets=3, rng=1)
    row = table.set_index("method").loc["none"]
    assert (row["data_sets"], row["estimated"]) == (3, 0)
    assert math.isnan(row["coverage"])
    assert not row["in_band"]


@pytest.mark.parametrize("ci", ["wald", "arcsine", "likelihood"])
def test_notes__few_events_say_what_the_table_found(committed, ci):
    needed, least = few_events[ci]
    rows = committed[committed["method"] == ci]
    assert round(100 * rows["coverage"].min()) == least
    effective = rows["n"] * rows["prevalence"]
    effective /= 1 + (benchmark.TRUCK - 1) * rows["icc"]
    missed = rows["hits"] < rows["band_low"]
    assert missed.any()
    assert (effective[missed] < needed).all()
    data = benchmark.draw_data_sets(SMALL, n_data_sets=1, rng=3)[0]
    assert data.seen > 0
    (note,) = [
        text
        for text in survey.proportion(data.design, "seen", ci=ci).notes
        if "effective events" in text
    ]
    assert f"{least} %" in note


def test_notes__many_events_need_none():
    data = benchmark.draw_data_sets(
        Scenario(0.23, 1200, 0.0, "perfect"), n_data_sets=1, rng=3
    )[0]
    for ci in few_events:
        notes = survey.proportion(data.design, "seen", ci=ci).notes
        assert not [note for note in notes if "effective events" in note]


def test_committed__korn_graubard_never_falls_short(committed):
    rows = committed[committed["method"].isin(["korn_graubard", "beta"])]
    assert (rows["hits"] >= rows["band_low"]).all()
    assert rows["coverage"].min() >= 0.93


@pytest.mark.parametrize(
    ("method", "where", "least", "most"),
    [
        ("survey_bayesian", "prevalence == 0.01", 0.87, 0.95),
        ("survey_rogan_gladen_as_if_known", "n >= 400", 0.62, 0.88),
        ("rogan_gladen", "prevalence == 0.23 and icc == 0.2", 0.91, 0.94),
        ("true_prevalence", "prevalence == 0.23 and icc == 0.2", 0.91, 0.93),
        ("rogan_gladen_known", "prevalence == 0.23 and icc == 0.2", 0.90, 0.92),
        ("uncorrected", "n > 0", 0.0, 0.18),
        ("logit", "n > 0", 0.93, 0.98),
        ("wilson", "n > 0", 0.92, 0.98),
    ],
)
def test_committed__covers_as_docstrings_and_page_say(
    committed, method, where, least, most
):
    rows = committed[committed["method"] == method].query(where)
    assert rows["coverage"].min() == pytest.approx(least, abs=0.0051)
    assert rows["coverage"].max() == pytest.approx(most, abs=0.0051)


@pytest.mark.parametrize(
    "correction",
    ["survey_lang_reiczigel", "survey_rogan_gladen", "survey_melded"],
)
def test_committed__corrections_of_a_design_never_fall_short(committed, correction):
    rows = committed[committed["method"] == correction]
    assert (rows["hits"] >= rows["band_low"]).all()


def test_notes__bayesian_limits_never_reach_no_case():
    accuracy = {"sensitivity": (89, 100), "specificity": (148, 200)}
    agrees = diagnostics.bayesian_true_prevalence(300, 1000, **accuracy)
    assert any("never holds" in note for note in agrees.notes)
    assert agrees.ci.low > 0
    far = diagnostics.bayesian_true_prevalence(500, 1000, **accuracy)
    assert not far.notes
