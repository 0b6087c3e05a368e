"""Linkage of lists of ten thousand to a million records, beside what could be had.

Three simulated lists of one population, duplicate-free, are linked as `link_records`
does it, and by an oracle: the same fields, blocks and model, with the shares of levels
among links and others and the number of links counted from the truth. What the oracle
misses, no estimate finds: it is what the fields cannot tell.

The simulation is not made easy. A name is a family name and a given name of two parts,
about 75 000 names in four countries, popular ones far more often: of a million records,
two have the same name as often as if there were 17 000 equally popular names
(`effective_names`, misspelt ones included). Real names are more, and would tell more.
Of the records, 12 % have a misspelt name, 12 % a wrong year of birth, 3 % a wrong
province and 0.6 % a wrong sex; 5 % lack the year, 5 % the province, 0.5 % the sex; 15 %
have the given name first. Origin is one of 88 provinces, the year one of 50.

`precision` and `recall` are those of pairs of records; `expected` is the precision that
the model says; `threshold_for(0.95)` gives the second threshold. Sizes are of the
population, from the lists of police and NGO, as a share of the truth; `coverage` is
that of 95 % intervals over `REPLICATES` populations.

``python -m benchmarks accuracy linkage_scale`` writes
``benchmarks/accuracy/results/linkage_scale.csv`` in about 40 minutes and 3 GiB;
``python docs/linkage_tables.py`` redraws the docs from it. ``python -m
benchmarks.accuracy.linkage_scale 10000`` runs that size alone and keeps other rows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.speed.linkage import PER_PERSON, pair_codes, prepared
from estimators.capture_recapture import linkage_error_correction
from estimators.errors import InputError
from sentinel.linkage import errors_from_model, errors_from_truth
from sentinel.linkage.fellegi_sunter import fit_agreement
from sentinel.linkage.pattern_counts import most_links
from sentinel.linkage.splink_engine import ComparedBlocks, compare_blocks
from sentinel.simulate import simulate_lists

if TYPE_CHECKING:
    from estimators.array_types import IntVector
    from estimators.results import Estimate
    from sentinel.linkage import LinkedPairs

RESULTS = Path(__file__).parent / "results" / "linkage_scale.csv"
REPLICATES = {10_000: 8, 100_000: 4, 1_000_000: 1}
PRECISION = 0.95
FLOOR = 0.001
RNG = 2026
TWO = {"first": "police", "second": "ngo"}


def oracle(compared: ComparedBlocks, truth: IntVector) -> LinkedPairs:
    """Score the same pairs by a model whose links are known."""
    left, right, _ = compared.pairs
    same = truth[left] == truth[right]
    linked = np.bincount(
        compared.classes.cell[same], minlength=len(compared.table.cells)
    )
    table = replace(compared.table, linked=linked.astype(np.float64))
    model = fit_agreement(table, most_links=most_links(compared.records))
    return compared.scored(model, floor=FLOOR)


def quality(pairs: LinkedPairs, truth: IntVector, name: str) -> dict[str, float]:
    """Return precision and recall at one half and where 0.95 are expected right."""
    wanted = pair_codes(truth)
    found: dict[str, float] = {}
    probability = pairs.frame["match_probability"]
    for label, threshold in (
        ("half", 0.5),
        ("precise", pairs.threshold_for(PRECISION)),
    ):
        made = pair_codes(pairs.persons(threshold).frame["person"].to_numpy(np.int64))
        hits = np.intersect1d(wanted, made).size
        found |= {
            f"{name}_{label}_threshold": threshold,
            f"{name}_{label}_precision": hits / made.size,
            f"{name}_{label}_expected": float(
                probability[probability >= threshold].mean()
            ),
            f"{name}_{label}_recall": hits / wanted.size,
        }
    return found


def sizes(pairs: LinkedPairs, truth: IntVector) -> Iterator[tuple[str, Estimate]]:
    """Yield the size of the population by each way."""
    persons = pairs.persons(0.5)
    known = errors_from_truth(persons, truth, **TWO)
    source = persons.frame["source"].to_numpy()
    first, second = (np.unique(truth[source == name]) for name in TWO.values())
    both = np.intersect1d(first, second).size
    yield "true", linkage_error_correction(first.size, second.size, both)
    counts = (known.n_first, known.n_second, known.n_linked)
    yield "linked", linkage_error_correction(*counts)
    yield "corrected", errors_from_model(pairs, persons, **TWO).corrected_size()


def one_population(n_records: int, rng: int) -> dict[str, float]:
    """Simulate, link both ways and estimate once."""
    n_persons = round(n_records / PER_PERSON)
    simulated = simulate_lists(n_persons, rng=rng)
    records = prepared(simulated)
    keys = ["source", "record_id"]
    order = pd.MultiIndex.from_frame(records.frame[["source", "record"]], names=keys)
    true = simulated.truth.set_index(keys)["person"].reindex(order)
    truth = true.to_numpy(np.int64)
    compared = compare_blocks(records, blocking=None, rng=rng, n_threads=2)
    model = fit_agreement(compared.table, most_links=most_links(records))
    pairs = compared.scored(model, floor=FLOOR)
    left, right, _ = compared.pairs
    n_true = pair_codes(truth).size
    share = records.frame["name"].value_counts(normalize=True)
    row = {
        "records": float(n_records),
        "names": float(share.size),
        "effective_names": float(1 / (share**2).sum()),
        "true_links": float(n_true),
        "links_ratio": pairs.expected_links / n_true,
        "links_error": pairs.links_std_error / n_true,
        "in_blocks": float((truth[left] == truth[right]).sum()) / n_true,
        "pairs_over_floor": float(len(pairs.frame)),
        **quality(pairs, truth, "model"),
        **quality(oracle(compared, truth), truth, "oracle"),
    }
    for way, size in sizes(pairs, truth):
        row |= {
            f"size_{way}": size.estimate / n_persons,
            f"coverage_{way}": float(n_persons in size.ci),
            f"width_{way}": (size.ci.high - size.ci.low) / n_persons,
        }
    return row


def main() -> None:
    """Run the sizes asked for, and write the averages over their populations."""
    asked = [int(word) for word in sys.argv[1:] if word.isdigit()] or list(REPLICATES)
    if set(asked) - set(REPLICATES):
        raise InputError(f"{asked}: some of {list(REPLICATES)} were expected.")
    rows = [
        one_population(n_records, RNG + number)
        for n_records in asked
        for number in range(REPLICATES[n_records])
    ]
    table = pd.DataFrame(rows).groupby("records").mean().reset_index()
    table.insert(1, "populations", table["records"].map(REPLICATES))
    if RESULTS.exists():
        before = pd.read_csv(RESULTS)
        table = pd.concat([before[~before["records"].isin(asked)], table])
    table = table.sort_values("records").round(4)
    whole = ["records", "names", "effective_names", "true_links", "pairs_over_floor"]
    table[whole] = table[whole].round().astype(np.int64)
    RESULTS.parent.mkdir(exist_ok=True)
    table.to_csv(RESULTS, index=False)
    print(table.T.to_string())


if __name__ == "__main__":
    main()
