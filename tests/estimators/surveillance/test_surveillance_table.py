"""The committed accuracy of surveillance, the page that shows it, the benchmark."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import surveillance as benchmark

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(benchmark.RESULTS)


def test_docs__show_the_committed_results(committed):
    spec = importlib.util.spec_from_file_location(
        "coverage_pages", ROOT / "docs" / "coverage_pages.py"
    )
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    page = pages.SERIES_PAGE.read_text(encoding="utf-8")
    assert pages.redrawn(page, committed, pages.render_surveillance) == page


def test_committed__every_row_once(committed):
    keys = ["question", "method", "data", "quantity"]
    assert not committed.duplicated(keys).any()
    alarms = committed[committed["question"] == "alarms"]
    assert len(alarms) == 2 * len(benchmark.METHODS) * len(benchmark.KINDS)


def test_farrington_flexible__stays_near_its_promise(committed):
    rows = committed[
        committed["method"].str.startswith("farrington_flexible")
        & (committed["quantity"] == "quiet weeks")
    ]
    assert (rows["share"] < 0.03).all()
    assert (rows.loc[rows["method"].str.endswith("nbPlugin"), "share"] < 0.02).all()


def test_figures_in_the_notes__are_the_committed_ones(committed):
    known = committed.set_index(["method", "data", "quantity"])["share"]
    quiet = committed[committed["quantity"] == "quiet weeks"].groupby("method")["share"]
    for method, low, high in (
        ("ears C1", 0.02, 0.06),
        ("ears C2", 0.02, 0.061),
        ("ears C3", 0.05, 0.115),
        ("ears C3_current", 0.085, 0.18),
    ):
        assert low - 0.001 <= quiet.min()[method]
        assert quiet.max()[method] <= high + 0.001
    rho = "unusual_round", "1 earlier, correlation 0.01", "like the others"
    assert known[rho] == pytest.approx(0.21, abs=0.005)


def test_figures_on_interrupted_series__are_the_committed_ones(committed):
    rows = committed[committed["question"] == "interrupted"].copy()
    rows["short"] = rows["data"].str.contains("12 ")
    rows["alike"] = rows["data"].str.startswith("autocorrelated")
    hac = rows["method"].str.contains("hac")
    names = rows["method"]
    three, six = names.str.endswith("lags=3"), names.str.endswith("lags=6")
    ar1 = names == "quasi_poisson, ar1"
    negative = names == "negative_binomial"
    model = negative | (names == "quasi_poisson")
    for chosen, low, high in (
        (three & ~rows["short"], 0.785, 0.905),
        (six & ~rows["short"], 0.735, 0.835),
        (hac & rows["short"], 0.595, 0.795),
        (model & rows["alike"] & ~rows["short"], 0.795, 0.875),
        (hac & rows["alike"] & ~rows["short"], 0.735, 0.825),
        (ar1 & rows["alike"] & ~rows["short"], 0.895, 0.935),
        (ar1 & ~rows["alike"], 0.94, 0.975),
        (negative & rows["short"] & ~rows["alike"], 0.905, 0.995),
        (names == "quasi_binomial", 0.935, 0.945),
        (names == "quasi_binomial, ar1", 0.955, 0.965),
        (names.str.endswith("normal quantiles"), 0.885, 0.915),
    ):
        assert chosen.any()
        shares = rows.loc[chosen, "share"]
        assert low <= shares.min() <= shares.max() <= high


def test_benchmark__runs_every_kind(monkeypatch):
    monkeypatch.setattr(benchmark, "ROUNDS", 5)
    rows = [
        *benchmark.alarm_rows("overdispersed, mean 10", 2),
        *benchmark.interrupted_rows("autocorrelated", 12, 2),
        *benchmark.round_trend_rows(0.02, 2),
        *benchmark.nowcast_rows("rising", 2),
        *benchmark.unusual_rows(3, 0.01),
    ]
    shares = np.array([row["share"] for row in rows])
    assert ((shares >= 0) & (shares <= 1)).all()


def test_benchmark__draws_the_scatter_that_it_says():
    rng = np.random.default_rng(1)
    kind = benchmark.KINDS["overdispersed, mean 10"]
    drawn = kind.draw(np.full(20_000, 10.0), rng)
    assert drawn.mean() == pytest.approx(10, rel=0.02)
    assert drawn.var() / drawn.mean() == pytest.approx(benchmark.PHI, rel=0.05)
