"""Small lists: every pair is compared, and the model is fitted to all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import InputError
from sentinel.linkage.comparisons import compare_field
from sentinel.linkage.duck import connection
from sentinel.linkage.fellegi_sunter import fit_agreement
from sentinel.linkage.pattern_counts import all_levels, most_links
from sentinel.linkage.scoring import expected_levels, score

if TYPE_CHECKING:
    from sentinel.linkage.pairs import LinkedPairs
    from sentinel.linkage.records import LinkageRecords

__all__ = ["link_exactly"]


def link_exactly(records: LinkageRecords, *, floor: float) -> LinkedPairs:
    """Compare every pair in DuckDB and fit the model in numpy; see `link_records`."""
    comparisons = [compare_field(field) for field in records.fields]
    with connection() as duck:
        pairs = all_levels(duck, records, comparisons)
    if not pairs[0].size:
        raise InputError(
            "There is no pair of records to compare: two lists with records are needed."
        )
    patterns, count = np.unique(pairs[2], axis=0, return_counts=True)
    model = fit_agreement(
        patterns,
        count.astype(np.float64),
        expected_levels(comparisons),
        most_links=most_links(records),
    )
    return score(
        records,
        comparisons,
        model,
        pairs=pairs,
        n_compared=pairs[0].size,
        floor=floor,
        engine="exact",
    )
