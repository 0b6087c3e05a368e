"""Levels of agreement of pairs, computed in DuckDB: all, drawn, or those of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.linkage.comparisons import Comparison

if TYPE_CHECKING:
    import duckdb

    from estimators.array_types import IntMatrix, IntVector
    from sentinel.linkage.records import LinkageRecords

    # Ids of the left and of the right record, and levels, shape (pairs, fields).
    Levels: TypeAlias = "tuple[IntVector, IntVector, IntMatrix]"

__all__ = [
    "all_levels",
    "drawn_levels",
    "fitting_blocks",
    "joined_levels",
    "most_links",
    "number_of_pairs",
    "pairs_of_blocks",
    "sampled_block_levels",
]

_BLOCKED_PAIRS = 4_000_000
_DRAWN_PAIRS = 2_000_000
# A block may hold this many pairs, or ten for every record.
_MOST_IN_BLOCK = 2_000_000
_PAIRS_PER_RECORD = 10
_ALLOWED = "a.unique_id < b.unique_id AND (a.source <> b.source OR NOT a.free)"


def all_levels(
    duck: duckdb.DuckDBPyConnection,
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
) -> Levels:
    """Return ids and levels of every pair that may be compared, in order of ids."""
    duck.register("records", _table(records))
    source = f"records a JOIN records b ON {_ALLOWED}"
    left, right, levels = _levels(duck, records, comparisons, source)
    order = np.lexsort((right, left))
    return left[order], right[order], levels[order]


def drawn_levels(
    duck: duckdb.DuckDBPyConnection,
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
    rng: np.random.Generator,
) -> tuple[Levels, float]:
    """Return pairs drawn with equal chances, and the share of all pairs that they are.

    All pairs, if there are no more than would be drawn. The draws are made here:
    threads of DuckDB do not matter.
    """
    if number_of_pairs(records) <= _DRAWN_PAIRS:
        return all_levels(duck, records, comparisons), 1.0
    pairs = _random_pairs(records, rng)
    duck.register("records", _table(records))
    duck.register("drawn", pairs)
    source = (
        "drawn JOIN records a ON a.unique_id = drawn.one "
        "JOIN records b ON b.unique_id = drawn.other"
    )
    found = _levels(duck, records, comparisons, source)
    return found, len(pairs) / number_of_pairs(records)


def sampled_block_levels(
    duck: duckdb.DuckDBPyConnection,
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
    blocks: Sequence[Sequence[str]],
    rng: np.random.Generator,
) -> tuple[Levels, float]:
    """Return pairs that share a block, of a sample of records, and the share of it.

    About four million pairs, where the blocks hold more.
    """
    table = _table(records)
    n_blocked = pairs_of_blocks(records, blocks)
    share = 1 / max(1, round(n_blocked / _BLOCKED_PAIRS))
    duck.register("records", table.assign(sampled=rng.random(len(table)) < share))
    parts = []
    for place, block in enumerate(blocks):
        earlier = "".join(
            f" AND NOT coalesce({_equal(other)}, false)" for other in blocks[:place]
        )
        source = (
            f"records a JOIN records b ON {_equal(block)} AND {_ALLOWED} "
            f"AND a.sampled{earlier}"
        )
        parts.append(_levels(duck, records, comparisons, source))
    return joined_levels(parts), share


def joined_levels(parts: Sequence[Levels]) -> Levels:
    """Return all pairs of several parts."""
    left, right, levels = zip(*parts, strict=True)
    return np.concatenate(left), np.concatenate(right), np.concatenate(levels)


def fitting_blocks(
    records: LinkageRecords, blocks: Sequence[Sequence[str]]
) -> tuple[tuple[str, ...], ...]:
    """Return blocks that lists of this size can bear, in a fixed order.

    A block of too many pairs is replaced by those that ask for one column more: every
    other field, or the sound of a word of the name. What is still too large is left
    out. Of a million records the plain blocks hold 330 million pairs.
    """
    table = _table(records)
    most = max(_MOST_IN_BLOCK, _PAIRS_PER_RECORD * len(table))
    more = [
        column
        for field in records.fields
        for column in (
            (f"{field.name}_first", f"{field.name}_last")
            if field.kind == "name"
            else (field.name,)
        )
    ]
    kept: dict[frozenset[str], tuple[str, ...]] = {}
    for block in blocks:
        if _pairs_of_block(table, block, records) <= most:
            kept.setdefault(frozenset(block), tuple(block))
            continue
        sounds = any(column.endswith("_sound") for column in block)
        for column in more:
            narrow = (*block, column)
            # The sound of a name holds the sounds of its words.
            implied = sounds and column.endswith(("_first", "_last"))
            if column in block or implied or frozenset(narrow) in kept:
                continue
            if _pairs_of_block(table, narrow, records) <= most:
                kept[frozenset(narrow)] = narrow
    if not kept:
        raise InputError(
            f"Every block holds more than {most:,} pairs: the lists hold too little to "
            "tell persons apart. Name blocks with blocking=, or add a field."
        )
    return tuple(kept.values())


def number_of_pairs(records: LinkageRecords) -> int:
    """Return how many pairs may be compared."""
    sizes = np.bincount(records.source_numbers, minlength=len(records.sources))
    return _pairs(sizes[None, :], records)


def pairs_of_blocks(records: LinkageRecords, blocks: Sequence[Sequence[str]]) -> int:
    """Return how many pairs the blocks hold, those of several counted in each."""
    table = _table(records)
    return sum(_pairs_of_block(table, block, records) for block in blocks)


def most_links(records: LinkageRecords) -> float:
    """Return how many pairs can be links at most."""
    sizes = np.bincount(records.source_numbers, minlength=len(records.sources))
    across = np.minimum.outer(sizes, sizes)[np.triu_indices(sizes.size, 1)].sum()
    within = sizes[~records.duplicate_free_mask].sum() / 2
    return float(max(across + within, 1))


def _table(records: LinkageRecords) -> pd.DataFrame:
    number = records.source_numbers
    return records.frame.drop(columns=["source", "record"]).assign(
        source=number, free=records.duplicate_free_mask[number]
    )


def _both(records: LinkageRecords) -> str:
    columns = records.frame.columns.drop(["source", "record"])
    return ", ".join(
        f"a.{column} AS {column}_l, b.{column} AS {column}_r" for column in columns
    )


def _equal(block: Sequence[str]) -> str:
    return "(" + " AND ".join(f"a.{name} = b.{name}" for name in block) + ")"


def _levels(
    duck: duckdb.DuckDBPyConnection,
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
    source: str,
) -> Levels:
    cases = ", ".join(
        f"CAST({item.case()} AS TINYINT) AS level_{item.field}" for item in comparisons
    )
    found = duck.sql(
        "SELECT CAST(unique_id_l AS INTEGER) AS id_l, "
        f"CAST(unique_id_r AS INTEGER) AS id_r, {cases} "
        f"FROM (SELECT {_both(records)} FROM {source})"
    ).fetchnumpy()
    return (
        np.asarray(found["id_l"]),
        np.asarray(found["id_r"]),
        np.column_stack(
            [np.asarray(found[f"level_{item.field}"]) for item in comparisons]
        ),
    )


def _pairs_of_block(
    table: pd.DataFrame, block: Sequence[str], records: LinkageRecords
) -> int:
    known = table.dropna(subset=list(block))
    group = known.groupby(list(block), sort=False).ngroup().to_numpy(np.int64)
    sizes = np.zeros((int(group.max(initial=-1)) + 1, len(records.sources)), np.int64)
    np.add.at(sizes, (group, known["source"].to_numpy(np.int64)), 1)
    return _pairs(sizes, records)


def _pairs(sizes: IntMatrix, records: LinkageRecords) -> int:
    """Return the pairs among records by group (rows) and list (columns)."""
    across = int((sizes.sum(axis=1) ** 2).sum() - (sizes**2).sum())
    within = sizes[:, ~records.duplicate_free_mask]
    return (across + int((within * (within - 1)).sum())) // 2


def _random_pairs(records: LinkageRecords, rng: np.random.Generator) -> pd.DataFrame:
    n_records = len(records.frame)
    drawn = rng.integers(0, n_records, size=(_DRAWN_PAIRS, 2))
    one, other = drawn.min(axis=1), drawn.max(axis=1)
    number, free = records.source_numbers, records.duplicate_free_mask
    kept = (one < other) & ((number[one] != number[other]) | ~free[number[one]])
    return pd.DataFrame({"one": one[kept], "other": other[kept]})
