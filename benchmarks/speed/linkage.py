"""Linkage of three simulated lists: prepare, train and score, cluster; time and memory.

The bound is 5 minutes and 7 GiB for a million records on two cores, and 0.1 s and 7 s
for the clusters of 4 719 and of 478 000 edges. ``python -m benchmarks.speed.linkage
100000`` takes another number of records; the default is 10 000. Precision and recall
of pairs are printed beside the time, since speed without them is worth nothing, at one
half and where 95 % of the links are expected to be true. Seconds of processors, all
threads together, stand beside those of the clock: a busy machine stretches the latter.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.speed._timing import report, time_calls
from sentinel.linkage import (
    Clusters,
    LinkageRecords,
    SourceList,
    cluster_pairs,
    link_records,
    prepare_lists,
)
from sentinel.simulate import SimulatedLists, simulate_lists

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntVector

QUICK = 10_000
# Records per person of the simulated lists.
PER_PERSON = 0.85
EDGES = ((4_719, 10_000), (478_000, 1_000_000))
RNG = 2026


def prepared(simulated: SimulatedLists) -> LinkageRecords:
    """Return comparable records of simulated lists."""
    return prepare_lists(
        [
            SourceList(
                source=name,
                frame=frame,
                record_id="record_id",
                columns={column: column for column in frame.columns[1:]},
                duplicate_free=True,
            )
            for name, frame in simulated.lists.items()
        ]
    )


def pair_codes(person: IntVector) -> IntVector:
    """Return one number per pair of records of one person."""
    frame = pd.DataFrame({"person": person, "record": np.arange(person.size)})
    both = frame.merge(frame, on="person")
    left, right = both["record_x"].to_numpy(), both["record_y"].to_numpy()
    return np.asarray((left * person.size + right)[left < right], dtype=np.int64)


def quality(
    records: LinkageRecords, simulated: SimulatedLists, person: IntVector
) -> str:
    """Return precision and recall of pairs."""
    keys = ["source", "record_id"]
    truth = simulated.truth.set_index(keys)["person"]
    order = pd.MultiIndex.from_frame(records.frame[["source", "record"]], names=keys)
    wanted, found = pair_codes(truth.reindex(order).to_numpy()), pair_codes(person)
    hits = np.intersect1d(wanted, found).size
    return (
        f"{wanted.size:,} true pairs: precision {hits / max(found.size, 1):.3f}, "
        f"recall {hits / wanted.size:.3f}"
    )


def time_linkage(n_records: int) -> None:
    """Link about so many records once, step by step."""
    simulated = simulate_lists(round(n_records / PER_PERSON), rng=RNG)
    started = time.perf_counter()
    records = prepared(simulated)
    ready, busy = time.perf_counter(), time.process_time()
    pairs = link_records(records, engine="splink", n_threads=2, rng=RNG)
    scored, busy = time.perf_counter(), time.process_time() - busy
    persons = pairs.persons(0.5)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{len(records.frame):,} records: prepare {ready - started:.1f} s, compare, "
        f"fit and score {scored - ready:.1f} s ({busy:.1f} s of processors; "
        f"{len(pairs.frame):,} pairs), cluster {done - scored:.2f} s, peak "
        f"{peak:.2f} GiB"
    )
    precise = pairs.persons(pairs.threshold_for(0.95))
    for name, made in (("one half", persons), ("0.95 expected right", precise)):
        person = made.frame["person"].to_numpy()
        print(f"{name}: {quality(records, simulated, person)}")


def time_clusters() -> None:
    """Time the clusters of random edges of the sizes that the bound names."""
    rng = np.random.default_rng(RNG)
    calls = {}
    for n_edges, n_records in EDGES:
        source = rng.integers(0, 3, n_records)
        left = rng.integers(0, n_records, n_edges)
        right = (left + rng.integers(1, n_records, n_edges)) % n_records
        weight = rng.normal(size=n_edges)
        calls[f"cluster_pairs, {n_edges:,} edges"] = _bound(left, right, weight, source)
    report(time_calls(calls))


def _bound(
    left: IntVector, right: IntVector, weight: FloatVector, source: IntVector
) -> Callable[[], Clusters]:
    once = np.ones(3, dtype=bool)
    return lambda: cluster_pairs(
        left, right, weight, source=source, duplicate_free=once
    )


def main() -> None:
    """Time linkage and clusters."""
    n_records = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdigit() else QUICK
    time_linkage(n_records)
    time_clusters()


if __name__ == "__main__":
    main()
