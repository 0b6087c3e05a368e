"""Small lists: every pair is compared, and the model is fitted to all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.linkage.agreement_tables import PairSource, tabulate
from sentinel.linkage.comparisons import compare_field
from sentinel.linkage.duck import connection
from sentinel.linkage.fellegi_sunter import fit_agreement
from sentinel.linkage.pattern_counts import all_levels, most_links
from sentinel.linkage.scoring import score

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
    sources = [PairSource(pairs=pairs, share=1.0, blocks=None)]
    table, classes = tabulate(records, comparisons, sources)
    model = fit_agreement(table, most_links=most_links(records))
    return score(
        records, comparisons, model, pairs, classes, floor=floor, engine="exact"
    )
