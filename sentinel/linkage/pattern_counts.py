"""Levels of agreement of pairs, computed and counted in DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.linkage.comparisons import Comparison

if TYPE_CHECKING:
    import duckdb

    from estimators.array_types import FloatVector, IntMatrix, IntVector
    from sentinel.linkage.records import LinkageRecords

    Counted: TypeAlias = "tuple[IntMatrix, FloatVector]"

__all__ = [
    "all_levels",
    "fitting_blocks",
    "most_links",
    "number_of_pairs",
    "sampled_patterns",
]

_BLOCKED_PAIRS = 4_000_000
_OTHER_PAIRS = 2_000_000
# A block may hold this many pairs, or ten for every record.
_MOST_IN_BLOCK = 2_000_000
_PAIRS_PER_RECORD = 10
_ALLOWED = "a.unique_id < b.unique_id AND (a.source <> b.source OR NOT a.free)"


def all_levels(
    duck: duckdb.DuckDBPyConnection,
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
) -> tuple[IntVector, IntVector, IntMatrix]:
    """Return ids and levels of every pair that may be compared, in order of ids."""
    duck.register("records", _table(records))
    source = f"records a JOIN records b ON {_ALLOWED}"
    found = duck.sql(
        f"SELECT unique_id_l, unique_id_r, {_cases(comparisons)} "
        f"FROM (SELECT {_both(records)} FROM {source}) "
        "ORDER BY unique_id_l, unique_id_r"
    ).fetchnumpy()
    left, right = (
        np.asarray(found[f"unique_id_{side}"], dtype=np.int64) for side in "lr"
    )
    return left, right, _matrix(found, comparisons)


def sampled_patterns(
    duck: duckdb.DuckDBPyConnection,
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
    blocks: Sequence[Sequence[str]],
    *,
    rng: int,
) -> Counted:
    """Estimate how many of all pairs show each pattern of levels.

    Pairs that share a block, among them nearly all links, are counted in full up to
    about 4 million, above that for a sample of their first records; of the others 2
    million are drawn. Both are scaled up. The draws are made here, and DuckDB counts
    whole numbers: threads do not matter.
    """
    draw_records, draw_pairs = np.random.default_rng(rng).spawn(2)
    table = _table(records)
    duck.register("records", table)
    n_blocked = sum(_pairs_of_block(table, block, records) for block in blocks)
    step = max(1, round(n_blocked / _BLOCKED_PAIRS))
    sampled = draw_records.random(len(table)) < 1 / step
    duck.register("records", table.assign(sampled=sampled))
    parts: list[Counted] = []
    for place, block in enumerate(blocks):
        earlier = "".join(
            f" AND NOT coalesce({_equal(other)}, false)" for other in blocks[:place]
        )
        source = (
            f"records a JOIN records b ON {_equal(block)} AND {_ALLOWED} "
            f"AND a.sampled{earlier}"
        )
        patterns, count = _counted(duck, records, comparisons, source)
        parts.append((patterns, count * step))
    blocked = sum(float(count.sum()) for _, count in parts)
    pairs = _random_pairs(records, draw_pairs)
    duck.register("drawn", pairs)
    apart = " AND ".join(f"NOT coalesce({_equal(block)}, false)" for block in blocks)
    source = (
        "drawn JOIN records a ON a.unique_id = drawn.one "
        f"JOIN records b ON b.unique_id = drawn.other WHERE {apart}"
    )
    patterns, count = _counted(duck, records, comparisons, source)
    if count.size:
        others = max(number_of_pairs(records) - blocked, 0.0)
        parts.append((patterns, count * (others / count.sum())))
    return _merged(parts)


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


def _cases(comparisons: Sequence[Comparison]) -> str:
    return ", ".join(f"{item.case()} AS level_{item.field}" for item in comparisons)


def _equal(block: Sequence[str]) -> str:
    return "(" + " AND ".join(f"a.{name} = b.{name}" for name in block) + ")"


def _counted(
    duck: duckdb.DuckDBPyConnection,
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
    source: str,
) -> Counted:
    found = duck.sql(
        f"SELECT {_cases(comparisons)}, count(*) AS pairs "
        f"FROM (SELECT {_both(records)} FROM {source}) GROUP BY ALL"
    ).fetchnumpy()
    return _matrix(found, comparisons), np.asarray(found["pairs"], dtype=np.float64)


def _matrix(
    found: dict[str, np.ndarray], comparisons: Sequence[Comparison]
) -> IntMatrix:
    return np.column_stack(
        [np.asarray(found[f"level_{item.field}"], np.int64) for item in comparisons]
    )


def _merged(parts: Sequence[Counted]) -> Counted:
    patterns, place = np.unique(
        np.concatenate([patterns for patterns, _ in parts]), axis=0, return_inverse=True
    )
    count = np.zeros(len(patterns))
    # Sorted first: DuckDB returns groups in any order, and sums depend on theirs.
    order = np.lexsort((np.concatenate([count for _, count in parts]), place.ravel()))
    np.add.at(
        count,
        place.ravel()[order],
        np.concatenate([count for _, count in parts])[order],
    )
    return patterns, count


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
    drawn = rng.integers(0, n_records, size=(_OTHER_PAIRS, 2))
    one, other = drawn.min(axis=1), drawn.max(axis=1)
    number, free = records.source_numbers, records.duplicate_free_mask
    kept = (one < other) & ((number[one] != number[other]) | ~free[number[one]])
    return pd.DataFrame({"one": one[kept], "other": other[kept]})
