"""The committed accuracy table, the docs drawn from it, and the benchmark itself."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import capture_recapture as benchmark
from benchmarks.accuracy import capture_recapture_covariates as covariates
from estimators import capture_recapture as cr
from estimators.results import Estimate, Interval

ROOT = Path(__file__).resolve().parents[3]


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


def test_docs__show_the_committed_results(committed, pages):
    page = pages.PAGE.read_text(encoding="utf-8")
    assert pages.redrawn(page, committed) == page


def test_docs__show_the_committed_results_with_covariates(pages):
    page = pages.PAGE.read_text(encoding="utf-8")
    results = pd.read_csv(covariates.RESULTS)
    options = (pages.render_covariates, pages.COVARIATES_MARKS)
    assert pages.redrawn(page, results, *options) == page


def test_docs__recommend_only_what_exists(pages):
    page = pages.PAGE.read_text(encoding="utf-8")
    table = page.split("## Which estimator when")[1].split("\n## ")[0]
    named = {
        name
        for row in table.splitlines()
        if row.count("|") >= 4
        for name in re.findall(r"`(\w+)`", row.split("|")[2])
    }
    assert len(named) >= 10
    assert not named - set(cr.__all__) - {"n_resamples"}


def test_committed__a_thousand_tables_in_every_scenario(committed):
    scenarios = committed[["lists", "density", "truth"]].drop_duplicates()
    assert len(scenarios) == 4 * 2 * 3
    assert (committed["tables"] >= 1000).all()
    assert (committed["estimated"] <= committed["tables"]).all()


def test_committed__independent_lists_hold_where_they_are_right(committed):
    rows = committed.query(
        "method == 'log_linear_main_effects' and truth == 'independent'"
    )
    assert len(rows) == 8
    assert rows["in_band"].all()


def test_committed__small_histories_cover_two_thirds_as_the_notes_say(committed):
    rows = committed.query(
        "method == 'no_highest_order_interaction' and estimated >= 100"
    )
    assert rows["coverage"].min() == pytest.approx(2 / 3, abs=0.03)


def nearly_sure(histories):
    """Cover always but for tables with an odd number of persons observed."""
    low = 1e9 if histories.n_observed % 2 else 0.0
    return Estimate(
        estimand="population size", unit="persons", estimate=2 * low or 1000.0,
        std_error=1.0, ci=Interval(low=low, high=2e9, level=0.95, method="test"),
        method="test", n_obs=histories.n_observed,
    )  # fmt: skip


def test_table__counts_hits_and_misses():
    table = benchmark.accuracy_table(
        n_tables=40,
        rng=1,
        n_lists=(3,),
        methods={"test": benchmark.Method(nearly_sure)},
    )
    assert len(table) == 6
    assert (table["hits"] + table["missed_high"] == 40).all()
    assert (table["missed_low"] == 0).all()
    assert table["missed_high"].between(5, 35).all()


def test_table__what_cannot_be_estimated_is_counted_not_dropped():
    def refuse(histories):
        raise cr_error

    cr_error = benchmark.NotEstimableError("no")
    table = benchmark.accuracy_table(
        n_tables=3, rng=1, n_lists=(3,), methods={"none": benchmark.Method(refuse)}
    )
    assert (table["tables"] == 3).all()
    assert (table["estimated"] == 0).all()
    assert table["coverage"].isna().all()


def test_table__a_scenario_draws_the_same_tables_whatever_else_runs():
    chosen = {"main": benchmark.Method(cr.log_linear)}
    options = {"n_tables": 5, "rng": 3, "methods": chosen}
    alone = benchmark.accuracy_table(n_lists=(4,), **options)
    both = benchmark.accuracy_table(n_lists=(3, 4), **options)
    again = both[both["lists"] == 4].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, again)


def test_scenarios__have_the_stated_truth():
    cells = benchmark.Scenario(3, "dense", "dependent").cells()
    odds = cells[3] * cells[0] / (cells[1] * cells[2])
    assert odds == pytest.approx(3.0)
    np.testing.assert_allclose(
        benchmark.Scenario(5, "sparse", "independent").cells(),
        cr.independent_cells([0.06, 0.045, 0.035, 0.03, 0.02]),
    )


def test_covariates__families_hold_under_their_own_model_and_only_there():
    table = pd.read_csv(covariates.RESULTS)
    assert (table["tables"] >= 1000).all()
    keys = ["truth", "method", "population"]
    rows = table[table["kind"] == "counts"].set_index(keys)["in_band"]
    for truth, family in (
        ("equal", "poisson"),
        ("spread", "geometric"),
        ("one_inflated", "one_inflated_positive_poisson"),
    ):
        assert rows[truth, f"truncated_counts_{family}", 3000]
    assert not rows["spread", "truncated_counts_poisson", 3000]
    assert not rows["one_inflated", "truncated_counts_poisson", 3000]


@pytest.mark.parametrize("kind", list(covariates.KINDS))
def test_covariates__a_scenario_is_drawn_as_committed(kind):
    """A few data sets of the committed streams lie where the committed ones lie."""
    found = covariates.accuracy_table(
        n_data_sets=8, rng=covariates.RNG, kinds=(kind,), sizes=(3000,)
    )
    committed = pd.read_csv(covariates.RESULTS)
    keys = ["kind", "truth", "method", "population"]
    both = found.merge(committed, on=keys, suffixes=("", "_all"), validate="1:1")
    assert len(both) == len(found)
    # The median of 8 scatters by about half the root mean squared error.
    scatter = (both["relative_rmse_all"] + 0.02) * 2
    gap = both["median_relative_bias"] - both["median_relative_bias_all"]
    assert (gap.abs() < scatter).all()
    assert (both["mean_n"] / both["mean_n_all"] - 1).abs().max() < 0.03


def test_covariates__data_are_what_the_page_says():
    rng = np.random.default_rng(3)
    strata = covariates.draw("strata", "dependent", 200_000, rng)
    women = strata[(strata["sex"] == 1) & (strata["c"] == 1)]
    table = pd.crosstab(women["a"], women["b"]).to_numpy()
    odds = table[1, 1] * table[0, 0] / (table[0, 1] * table[1, 0])
    # A log odds ratio of 1.1, and a little from years whose chances differ.
    assert np.log(odds) == pytest.approx(1.1, abs=0.1)
    once = covariates.draw("counts", "one_inflated", 200_000, rng)
    plain = covariates.draw("counts", "equal", 200_000, rng)
    twice = [f.loc[f["seen"] > 1, "size"].sum() for f in (once, plain)]
    assert twice[0] / twice[1] == pytest.approx(0.8, abs=0.02)


def test_committed__every_method_has_rows_where_it_is_run(committed):
    found = set(committed[["lists", "method"]].itertuples(index=False, name=None))
    wanted = {
        (lists, name)
        for name, method in benchmark.METHODS.items()
        for lists in benchmark.N_LISTS
        if method.fewest_lists <= lists <= method.most_lists
    }
    assert found == wanted


@pytest.mark.parametrize(
    ("method", "truth", "low", "high"),
    [
        ("closed_population_Mth_normal", "heterogeneous", 0.93, 0.95),
        ("closed_population_Mth_normal", "dependent", 0.62, 0.90),
        ("closed_population_Mth_darroch", "heterogeneous", 0.85, 0.95),
        ("select_aic", "independent", 0.88, 0.93),
        ("latent_class_capture", "heterogeneous", 0.0, 0.72),
        ("closed_population_M0", "independent", 0.92, 0.96),
        ("closed_population_Mb", "independent", 0.0, 0.02),
        ("closed_population_Mbh", "independent", 0.0, 0.49),
    ],
)
def test_committed__forms_and_criteria_cover_as_the_page_says(
    committed, method, truth, low, high
):
    rows = committed[(committed["method"] == method) & (committed["truth"] == truth)]
    assert rows["coverage"].min() == pytest.approx(low, abs=0.0051)
    assert rows["coverage"].max() == pytest.approx(high, abs=0.0051)


def test_committed__densities_cover_as_the_page_says(committed):
    rows = committed.set_index(["method", "truth", "density"])["coverage"].sort_index()
    share = rows["latent_class_capture", "heterogeneous"].groupby("density")
    assert (100 * share.min()).round().to_dict() == {"dense": 36, "sparse": 0}
    assert (100 * share.max()).round().to_dict() == {"dense": 72, "sparse": 5}
    share = rows["bayesian_threshold"].groupby("density")
    assert (100 * share.min()).round().to_dict() == {"dense": 50, "sparse": 12}
    assert (100 * share.max()).round().to_dict() == {"dense": 90, "sparse": 96}
    bias = committed[committed["truth"] == "independent"].groupby("method")[
        "median_relative_bias"
    ]
    low, high = (100 * bias.min()).round(), (100 * bias.max()).round()
    assert (low["closed_population_M0"], high["closed_population_M0"]) == (1, 4)
    removal = ["closed_population_Mb", "closed_population_Mbh"]
    assert (low[removal].min(), high[removal].max()) == (-79, -13)
    share = committed.set_index(["method", "lists", "density", "truth"])["coverage"]
    for form in ("darroch", "normal"):
        equal, unequal = (
            share[f"closed_population_{model}_{form}"] for model in ("Mh", "Mth")
        )
        assert (equal - unequal).abs().max() < 0.035
