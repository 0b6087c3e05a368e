"""The committed size and power of tests of autocorrelation, its page, the benchmark."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import spatial_autocorrelation as benchmark
from benchmarks.accuracy.spatial_autocorrelation import Scenario

ROOT = Path(__file__).resolve().parents[3]
KEYS = ["statistic", "inference", "alternative", "values", "links", "planted"]


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(benchmark.RESULTS)


def test_docs__show_the_committed_results(committed):
    spec = importlib.util.spec_from_file_location(
        "coverage_pages", ROOT / "docs" / "coverage_pages.py"
    )
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    page = pages.SCANS_PAGE.read_text(encoding="utf-8")
    drawn = pages.redrawn(
        page, committed, pages.render_autocorrelation, pages.AUTOCORRELATION_MARKS
    )
    assert drawn == page


def test_committed__every_test_once_and_enough_null_maps(committed):
    assert not committed.duplicated(KEYS).any()
    null = committed[committed["planted"] == "nothing"]
    assert (null["maps"] >= 1000).all()
    pairs = committed.groupby(KEYS[:-1])["planted"].nunique()
    assert (pairs == 2).all()


def test_draws__hold_the_level_whatever_the_values(committed):
    null = committed[committed["planted"] == "nothing"]
    drawn = null[null["inference"] == "permutation"]
    drawn = drawn[drawn["statistic"] != "moran of rates"]
    assert len(drawn) > 50
    # 3.9 standard errors: one of 10,000 by chance, of some 60 rows.
    assert (drawn["share_found"] - 0.05 <= 3.9 * drawn["std_error"]).all()


def test_formulas__reject_too_much_where_the_docs_say_so(committed):
    null = committed[
        (committed["planted"] == "nothing") & (committed["values"] == "lognormal")
    ].set_index(["statistic", "inference", "alternative", "links"])["share_found"]
    assert null["getis_ord", "normal", "greater", "rook"] > 0.075
    assert 0.06 < null["getis_ord", "pearson", "greater", "rook"] < 0.07


@pytest.mark.parametrize("values", ["lognormal", "few marks", "rates gathered"])
def test_benchmark__runs_every_kind(values):
    rows = benchmark.run_scenario(
        Scenario(values=values, links="rook", planted="block"), 2
    )
    assert all(0 <= row["share_found"] <= 1 for row in rows)


def test_benchmark__draws_values_of_one_variance():
    rng = np.random.default_rng(1)
    for values, near in (("normal", 0.03), ("exponential", 0.06)):
        scenario = Scenario(values=values, links="rook", planted="nothing")
        drawn = np.concatenate(
            [benchmark.draw_values(scenario, rng) for _ in range(400)]
        )
        assert drawn.mean() == pytest.approx(0, abs=0.03)
        assert drawn.var() == pytest.approx(1, abs=near)
