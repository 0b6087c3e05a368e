"""Large lists: splink on DuckDB, made repeatable.

splink blocks and compares; the model is our own (`fit_agreement`), because training by
expectation and maximisation within blocks took people of one country for one person as
soon as lists mixed nationalities. It is fitted to all pairs of the blocks, where links
are one in a hundred and not one in a million, with what is seen of other pairs only
through samples. Records have unique sorted numbers, what is sampled is drawn with a
seed, and only whole numbers come back: the answer is the same on any number of threads.
Nothing is read from or sent to a network.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.errors import InputError
from sentinel.linkage.agreement_classes import NAME_PARTS
from sentinel.linkage.agreement_tables import PairSource, tabulate
from sentinel.linkage.comparisons import (
    Comparison,
    compare_field,
    prediction_blocks,
)
from sentinel.linkage.duck import connection
from sentinel.linkage.fellegi_sunter import fit_agreement
from sentinel.linkage.pattern_counts import (
    drawn_levels,
    fitting_blocks,
    joined_levels,
    most_links,
    pairs_of_blocks,
    sampled_block_levels,
)
from sentinel.linkage.scoring import score

if TYPE_CHECKING:
    import duckdb

    from sentinel.linkage.agreement_classes import PairClasses
    from sentinel.linkage.fellegi_sunter import AgreementModel, AgreementTable
    from sentinel.linkage.pairs import LinkedPairs
    from sentinel.linkage.pattern_counts import Levels
    from sentinel.linkage.records import LinkageRecords

    Blocks = Sequence[Sequence[str]]

__all__ = ["ComparedBlocks", "compare_blocks", "link_by_splink", "splink_settings"]

# Pairs compared at once: names of both records are held meanwhile.
_PAIRS_AT_ONCE = 4_000_000


def splink_settings(records: LinkageRecords, *, blocking: Blocks) -> dict[str, Any]:
    """Return the settings of splink for these records and these blocks."""
    free = set(records.duplicate_free) == set(records.sources)
    alone = len(records.sources) == 1
    link_type = "dedupe_only" if alone else "link_only" if free else "link_and_dedupe"
    return {
        "link_type": link_type,
        "unique_id_column_name": "unique_id",
        "source_dataset_column_name": "source_dataset",
        "comparisons": [
            _comparison_settings(compare_field(field)) for field in records.fields
        ],
        "blocking_rules_to_generate_predictions": [_rule(block) for block in blocking],
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": False,
        "linker_uid": "sentinel",
    }


def link_by_splink(
    records: LinkageRecords,
    *,
    floor: float,
    blocking: Blocks | None,
    rng: int,
    n_threads: int | None,
) -> LinkedPairs:
    """Compare the pairs of blocks with splink and fit the model; see `link_records`."""
    compared = compare_blocks(records, blocking=blocking, rng=rng, n_threads=n_threads)
    model = fit_agreement(compared.table, most_links=most_links(records))
    return compared.scored(model, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedBlocks:
    """Pairs of blocks, and the table of agreement that they and samples make.

    Attributes
    ----------
    records : LinkageRecords
    pairs : tuple of ndarray
        Ids of the left and right records, and levels, of pairs that share a block.
    table : AgreementTable
    classes : PairClasses
        Of these pairs.
    blocks : sequence of sequence of str
    """

    records: LinkageRecords
    pairs: Levels
    table: AgreementTable
    classes: PairClasses
    blocks: Blocks

    def scored(self, model: AgreementModel, *, floor: float) -> LinkedPairs:
        """Weigh the pairs by a model."""
        found = score(
            self.records,
            [compare_field(field) for field in self.records.fields],
            model,
            self.pairs,
            self.classes,
            floor=floor,
            engine="splink",
        )
        compared = self.table.exposure == 1
        reached = float(model.links[compared].sum()) / model.n_links
        blocks = "; ".join(" + ".join(item) for item in self.blocks)
        note = (
            f"{reached:.0%} of the expected links agree in one of the blocks, the "
            f"others cannot be made; blocks: {blocks}"
        )
        return replace(found, notes=(*found.notes, note))


def compare_blocks(
    records: LinkageRecords,
    *,
    blocking: Blocks | None,
    rng: int,
    n_threads: int | None,
) -> ComparedBlocks:
    """Compare the pairs of blocks with splink, and samples of others beside them."""
    _check_splink()
    comparisons = [compare_field(field) for field in records.fields]
    wide = prediction_blocks(records.fields) if blocking is None else blocking
    _check_blocks(records, wide)
    blocks = fitting_blocks(records, wide) if blocking is None else wide
    draw_records, draw_pairs = np.random.default_rng(rng).spawn(2)
    with connection(n_threads) as duck, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pairs = _compared(duck, records, blocks)
        sources = [PairSource(pairs=pairs, share=1.0, blocks=blocks)]
        if set(map(frozenset, wide)) != set(map(frozenset, blocks)):
            # What narrowed blocks leave out is looked at in a sample of records.
            seen, share = sampled_block_levels(
                duck, records, comparisons, wide, draw_records
            )
            sources.append(PairSource(pairs=seen, share=share, blocks=wide))
        seen, share = drawn_levels(duck, records, comparisons, draw_pairs)
        sources.append(PairSource(pairs=seen, share=share, blocks=None))
    table, classes = tabulate(records, comparisons, sources)
    return ComparedBlocks(
        records=records, pairs=pairs, table=table, classes=classes, blocks=blocks
    )


def _check_splink() -> None:
    try:
        import splink
    except ImportError as error:
        raise InputError(
            "Linking lists of 2 000 records and more needs splink, which is not "
            "installed: pip install 'sentinel-prevalence[link]'. Up to 6 000 records "
            "are linked without it by engine='exact'."
        ) from error
    if int(splink.__version__.split(".")[0]) < 5:
        raise InputError(
            f"splink {splink.__version__} is installed; version 5 or newer was "
            "expected: pip install --upgrade 'sentinel-prevalence[link]'."
        )


def _linker(
    duck: duckdb.DuckDBPyConnection,
    records: LinkageRecords,
    settings: Mapping[str, Any],
) -> Any:  # noqa: ANN401 - splink is untyped
    import pyarrow as pa
    from splink import DuckDBAPI, Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection=duck)
    columns = records.frame.drop(columns=["record", "source"])
    number = records.source_numbers
    tables = [
        api.register(
            pa.Table.from_pandas(columns[number == place], preserve_index=False),
            # A name of our own: what agencies call their lists is not SQL.
            dataset_display_name=f"list_{place:02d}",
        )
        for place in range(len(records.sources))
    ]
    return Linker(
        tables if len(tables) > 1 else tables[0], dict(settings), log_level=None
    )


def _compared(
    duck: duckdb.DuckDBPyConnection, records: LinkageRecords, blocks: Blocks
) -> Levels:
    """Return every pair that shares a block, compared by splink."""
    linker = _linker(duck, records, splink_settings(records, blocking=blocks))
    n_chunks = max(1, math.ceil(pairs_of_blocks(records, blocks) / _PAIRS_AT_ONCE))
    levels = [f"gamma_{field.name}" for field in records.fields]
    # What records hold stays in DuckDB: only numbers come back.
    wanted = ", ".join(
        [
            "CAST(least(unique_id_l, unique_id_r) AS INTEGER) AS id_l",
            "CAST(greatest(unique_id_l, unique_id_r) AS INTEGER) AS id_r",
            *(f"CAST({name} AS TINYINT) AS {name}" for name in levels),
        ]
    )
    number, free = records.source_numbers, records.duplicate_free_mask
    parts = []
    for chunk in range(1, n_chunks + 1):
        predicted = linker.inference.predict_chunk(
            left_chunk=(chunk, n_chunks), warning_mode="never"
        )
        found = predicted.as_duckdbpyrelation().project(wanted).fetchnumpy()
        predicted.drop_table_from_database_and_remove_from_cache()
        left, right = np.asarray(found["id_l"]), np.asarray(found["id_r"])
        kept = (number[left] != number[right]) | ~free[number[left]]
        matrix = np.column_stack([np.asarray(found[name]) for name in levels])
        parts.append((left[kept], right[kept], matrix[kept]))
    return joined_levels(parts)


def _comparison_settings(comparison: Comparison) -> dict[str, Any]:
    # splink weighs what it compares and has to be given weights; they are not used.
    some = 1 / len(comparison.levels)
    levels: list[dict[str, Any]] = [
        {
            "sql_condition": comparison.unknown,
            "label_for_charts": "unknown",
            "is_null_level": True,
        }
    ]
    levels += [
        {
            "sql_condition": level.sql,
            "label_for_charts": level.label,
            "m_probability": some,
            "u_probability": some,
        }
        for level in comparison.levels
    ]
    return {"output_column_name": comparison.field, "comparison_levels": levels}


def _check_blocks(records: LinkageRecords, blocking: Blocks) -> None:
    known = [
        column
        for field in records.fields
        for column in (
            field.name,
            *(field.name + part for part in NAME_PARTS if field.kind == "name"),
        )
    ]
    unknown = sorted(set(chain.from_iterable(blocking)) - set(known))
    if unknown or not blocking or not all(blocking):
        raise InputError(
            f"blocking names {', '.join(unknown) or 'nothing'}; the columns are "
            f"{', '.join(known)}."
        )


def _rule(block: Sequence[str]) -> str:
    return " AND ".join(f'l."{name}" = r."{name}"' for name in block)
