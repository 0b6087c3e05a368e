"""Simulated lists whose truth is known, linked once for all tests."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sentinel.linkage import SourceList, link_records, prepare_lists
from sentinel.simulate import simulate_lists

COLUMNS = {name: name for name in ("name", "birth_year", "sex", "origin")}


def records_of(simulated, *, duplicate_free=True):
    return prepare_lists(
        [
            SourceList(
                source=name,
                frame=frame,
                record_id="record_id",
                columns=COLUMNS,
                duplicate_free=duplicate_free,
            )
            for name, frame in simulated.lists.items()
        ]
    )


def true_persons(records, simulated):
    """Return the true person of every record, shape (n,)."""
    keys = ["source", "record_id"]
    truth = simulated.truth.set_index(keys)["person"]
    wanted = pd.MultiIndex.from_frame(records.frame[["source", "record"]], names=keys)
    return truth.reindex(wanted).to_numpy(np.int64)


def pairs_of(person):
    """Return all pairs of records of one person."""
    frame = pd.DataFrame({"person": person, "record": np.arange(len(person))})
    both = frame.merge(frame, on="person")
    both = both[both["record_x"] < both["record_y"]]
    return set(zip(both["record_x"], both["record_y"], strict=True))


@pytest.fixture(scope="session")
def simulated():
    return simulate_lists(1000, rng=11)


@pytest.fixture(scope="session")
def records(simulated):
    return records_of(simulated)


@pytest.fixture(scope="session")
def truth(records, simulated):
    return true_persons(records, simulated)


@pytest.fixture(scope="session")
def pairs(records):
    return link_records(records)
