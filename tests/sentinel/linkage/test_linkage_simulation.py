"""Simulated lists have the truth they say, the docs the figures of the benchmark."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.simulate import simulate_lists

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_lists_repeat_and_another_rng_gives_others():
    first, again = simulate_lists(200, rng=4), simulate_lists(200, rng=4)
    for name, frame in first.lists.items():
        pd.testing.assert_frame_equal(frame, again.lists[name])
    assert not simulate_lists(200, rng=5).truth.equals(first.truth)


def test_rates_are_those_asked_for():
    capture = {"a": 0.5, "b": 0.2}
    found = simulate_lists(
        20_000, capture=capture, missing_rate=0.1, duplicate_rate=0.05, rng=1
    )
    for name, rate in capture.items():
        person = found.truth.loc[found.truth["source"] == name, "person"]
        # Binomial standard errors: 70 persons at most.
        assert person.nunique() == pytest.approx(20_000 * rate, abs=280)
        again = person.size / person.nunique() - 1
        assert again == pytest.approx(0.05, abs=0.015)
        assert (found.lists[name]["birth_year"] == "").mean() == pytest.approx(
            0.1, abs=0.02
        )
    both = [
        set(found.truth.loc[found.truth["source"] == name, "person"])
        for name in capture
    ]
    assert len(both[0] & both[1]) == pytest.approx(2000, abs=180)


def test_without_errors_every_record_says_the_same_of_a_person():
    found = simulate_lists(500, error_rate=0, missing_rate=0, rng=2)
    frames = pd.concat(found.lists.values()).merge(found.truth, on="record_id")
    frames["name"] = [" ".join(sorted(name.split())) for name in frames["name"]]
    columns = ["person", "name", "birth_year", "sex", "origin"]
    assert len(frames[columns].drop_duplicates()) == frames["person"].nunique()


def test_errors_change_about_the_share_asked_for():
    clean = simulate_lists(20_000, error_rate=0, missing_rate=0, rng=3).lists["ngo"]
    wrong = simulate_lists(20_000, error_rate=0.2, missing_rate=0, rng=3).lists["ngo"]
    changed = (clean["birth_year"] != wrong["birth_year"]).mean()
    # One year in ten has two equal last digits: exchanged, it stays.
    assert changed == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"error_rate": 1.5}, "error_rate=1.5"),
        ({"capture": {}}, "capture is empty"),
        ({"capture": {"a": 0.0}}, "Nobody is on the list"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        simulate_lists(100, rng=1, **options)


def test_the_table_of_the_docs_is_that_of_the_benchmark():
    spec = importlib.util.spec_from_file_location(
        "linkage_tables", DOCS / "linkage_tables.py"
    )
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    page = tables.PAGE.read_text(encoding="utf-8")
    results, scale = pd.read_csv(tables.RESULTS), pd.read_csv(tables.SCALE)
    assert tables.redrawn(page, results, scale) == page


def test_the_benchmark_shows_the_error_and_its_correction():
    results = pd.read_csv(
        DOCS.parent / "benchmarks" / "accuracy" / "results" / "linkage.csv"
    )
    bias = results.pivot_table(index="way", columns="error_rate", values="bias").abs()
    worst = bias.columns.max()
    assert bias.loc["corrected, true rates", worst] < bias.loc["as linked", worst]
    assert np.allclose(
        bias.loc["corrected, true rates"], bias.loc["true links"], atol=1.0
    )


def test_the_model_loses_little_beside_an_oracle():
    scale = pd.read_csv(
        DOCS.parent / "benchmarks" / "accuracy" / "results" / "linkage_scale.csv"
    )
    for what in ("half_recall", "half_precision", "precise_recall"):
        assert (scale[f"model_{what}"] > scale[f"oracle_{what}"] - 0.02).all()
    # What the model says of its own links, and what they are.
    said, found = scale["model_half_expected"], scale["model_half_precision"]
    assert np.allclose(said, found, atol=0.02)
