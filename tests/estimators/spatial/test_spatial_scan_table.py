"""The committed size and power of scans, the page that shows them, the benchmark."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.accuracy import spatial_scan as benchmark
from benchmarks.accuracy.spatial_scan import Scenario

ROOT = Path(__file__).resolve().parents[3]
KEYS = ["scan", "model", "data", "design_effect", "planted"]


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
    page = pages.SCANS_PAGE.read_text(encoding="utf-8")
    assert pages.redrawn(page, committed, pages.render_scans) == page


def test_committed__every_scenario_once(committed):
    assert len(committed) == len(benchmark.SCENARIOS)
    assert not committed.duplicated(KEYS).any()


def test_size__is_at_most_five_per_cent_where_the_model_holds(committed):
    holds = committed["design_effect"] != "ignored"
    null = committed[(committed["planted"] == "nothing") & holds]
    assert len(null) == 16
    most = stats.binom.ppf(0.9995, null["maps"], benchmark.ALPHA)
    assert (null["found"] <= most).all()
    exact = null[(null["model"] == "bernoulli") & (null["scan"] != "space-time")]
    least = stats.binom.ppf(0.0005, exact["maps"], benchmark.ALPHA)
    assert (exact["found"] >= least)[exact["data"] == "independent"].all()


def test_ignored_design_effect__finds_what_is_not_there(committed):
    rows = committed[
        (committed["data"] == "clustered") & (committed["planted"] == "nothing")
    ]
    share = rows.set_index("design_effect")["share_found"]
    assert share["ignored"] > 0.2 > share["given"]


def test_benchmark__draws_the_design_effect_it_says():
    rng = np.random.default_rng(1)
    rates = np.full(4000, benchmark.RATE)
    cases = benchmark.draw_cases(rates, rng, clustered=True)
    binomial = benchmark.PERSONS * benchmark.RATE * (1 - benchmark.RATE)
    assert cases.mean() == pytest.approx(benchmark.PERSONS * benchmark.RATE, rel=0.02)
    assert cases.var() / binomial == pytest.approx(benchmark.EFFECT, rel=0.1)


def test_benchmark__runs_every_kind():
    for scan, model in (
        ("circular", "bernoulli"),
        ("space-time", "permutation"),
        ("flow", "bernoulli"),
    ):
        row = benchmark.run_scenario(
            Scenario(scan=scan, model=model, planted="compact"), 2
        )
        assert row["maps"] == 2
        assert 0 <= row["found"] <= 2
