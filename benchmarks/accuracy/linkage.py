"""Precision and recall of linkage, and what its errors do to the size of a population.

Two independent lists of a population of known size are simulated with errors and gaps,
linked, and the size estimated six ways: with the true links; as linked; with the errors
taken back at the rates of the model, of a perfect clerk's review of 40 pairs per band,
and of the truth; and pooled over draws of the links. `bias` is the mean relative error
of a size in percent, `coverage` the share of 95 % intervals that hold the truth.
Averages are over `N_DATA_SETS` populations, too few to judge coverage finely: its
standard error is about 6 points.

``python -m benchmarks accuracy linkage`` writes
``benchmarks/accuracy/results/linkage.csv``; ``python docs/linkage_tables.py`` redraws
the table of the docs from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.capture_recapture import linkage_error_correction
from sentinel.linkage import (
    LinkedPairs,
    SourceList,
    errors_from_model,
    errors_from_review,
    errors_from_truth,
    link_records,
    prepare_lists,
    read_decisions,
    review_sample,
    size_over_links,
)
from sentinel.simulate import simulate_lists

if TYPE_CHECKING:
    from estimators.array_types import IntVector
    from estimators.results import Estimate

RESULTS = Path(__file__).parent / "results" / "linkage.csv"
N_DATA_SETS = 12
N_PERSONS = 1000
CAPTURE = {"police": 0.4, "ngo": 0.35}
ERROR_RATES = (0.0, 0.12, 0.3)
RNG = 2026


def sizes(
    pairs: LinkedPairs, lists: list[SourceList], truth: IntVector, rng: int
) -> Iterator[tuple[str, Estimate]]:
    """Yield the size of one population by each way."""
    two = {"first": "police", "second": "ngo"}
    persons = pairs.persons(0.5)
    known = errors_from_truth(persons, truth, **two)
    on_list = [
        np.unique(truth[(persons.frame["source"] == name).to_numpy()])
        for name in CAPTURE
    ]
    both = np.intersect1d(*on_list).size
    yield (
        "true links",
        linkage_error_correction(on_list[0].size, on_list[1].size, both),
    )
    counts = (known.n_first, known.n_second, known.n_linked)
    yield "as linked", linkage_error_correction(*counts)
    yield (
        "corrected, rates of the model",
        errors_from_model(pairs, persons, **two).corrected_size(),
    )
    review = review_sample(pairs, persons, lists, per_band=40, rng=rng)
    same = truth[review.key["id_l"]] == truth[review.key["id_r"]]
    sheet = review.sheet.assign(decision=np.where(same, "same", "different"))
    decisions = read_decisions(sheet, review.key)
    yield (
        "corrected, rates of a review",
        errors_from_review(pairs, persons, decisions, **two).corrected_size(),
    )
    yield "corrected, true rates", known.corrected_size()
    yield "pooled over draws of links", size_over_links(pairs, n_resamples=30, rng=rng)


def one_data_set(error_rate: float, rng: int) -> list[dict[str, float | str]]:
    """Simulate, link and estimate once."""
    simulated = simulate_lists(
        N_PERSONS, capture=CAPTURE, error_rate=error_rate, rng=rng
    )
    lists = [
        SourceList(
            source=name,
            frame=frame,
            record_id="record_id",
            columns={column: column for column in frame.columns[1:]},
            duplicate_free=True,
        )
        for name, frame in simulated.lists.items()
    ]
    records = prepare_lists(lists)
    keys = ["source", "record_id"]
    order = pd.MultiIndex.from_frame(records.frame[["source", "record"]], names=keys)
    true = simulated.truth.set_index(keys)["person"].reindex(order)
    truth = true.to_numpy(np.int64)
    pairs = link_records(records, engine="exact")
    known = errors_from_truth(pairs.persons(0.5), truth, first="police", second="ngo")
    shared: dict[str, float | str] = {
        "error_rate": error_rate,
        "precision": 1 - known.false_discovery_rate,
        "recall": 1 - known.missed_link_rate,
    }
    return [
        shared
        | {
            "way": way,
            "bias": 100 * (size.estimate / N_PERSONS - 1),
            "coverage": float(N_PERSONS in size.ci),
            "width": size.ci.high - size.ci.low,
        }
        for way, size in sizes(pairs, lists, truth, rng)
    ]


def main() -> None:
    """Run all data sets and write their averages."""
    rows = [
        row
        for error_rate in ERROR_RATES
        for number in range(N_DATA_SETS)
        for row in one_data_set(error_rate, RNG + number)
    ]
    table = pd.DataFrame(rows).groupby(["error_rate", "way"], sort=False).mean()
    digits = {"precision": 3, "recall": 3, "bias": 1, "coverage": 2, "width": 0}
    RESULTS.parent.mkdir(exist_ok=True)
    table.round(digits).reset_index().to_csv(RESULTS, index=False)
    print(table.round(digits).to_string())


if __name__ == "__main__":
    main()
