"""Classes of agreement: levels, how frequent a value is, and which blocks a pair is in.

A class says of one field at which level two records agree; if they have the same value,
how often it occurs, in powers of two, since a rare name is stronger evidence than a
common one; and whether they agree in the columns that blocks are made of, so that the
classes of all fields tell whether a pair was compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolVector,
        FloatMatrix,
        FloatVector,
        IntMatrix,
        IntVector,
    )
    from sentinel.linkage.comparisons import Comparison
    from sentinel.linkage.records import LinkageRecords

    Blocks = Sequence[Sequence[str]]

__all__ = ["NAME_PARTS", "FieldClasses", "PairClasses", "classify_pairs"]

# Cells of the table of all fields; with more, values are banded coarser.
_MOST_CELLS = 30_000
_WIDTHS = (1, 2, 4, 64)
_MOST_BANDS = 64
NAME_PARTS = ("_first", "_joined", "_last", "_script", "_sound")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FieldClasses:
    """Classes of one field; class 0 is a pair of which one record lacks it.

    Attributes
    ----------
    level : ndarray of int64, shape (K,)
        -1 unknown, 0 none, and up to the closest.
    band : ndarray of int64, shape (K,)
        Band of the frequency of the value that both have; -1 if they differ.
    column : tuple of str
        Column of that value; empty if they differ.
    equal : mapping of str to ndarray of bool, shape (K,)
        Columns that blocks are made of, and in which classes they are equal.
    """

    level: IntVector
    band: IntVector
    column: tuple[str, ...]
    equal: Mapping[str, BoolVector]

    @property
    def size(self) -> int:
        """Number of classes, the unknown one included."""
        return self.level.size

    def expected(self, shares: FloatVector) -> FloatVector:
        """Divide supposed shares of levels evenly among the classes of each."""
        found = np.zeros(self.size)
        for level, share in enumerate(shares):
            here = self.level == level
            found[here] = share / max(int(here.sum()), 1)
        return found / found.sum() if found.sum() else found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairClasses:
    """Classes of every pair, and all cells that pairs can fall in.

    Attributes
    ----------
    fields : tuple of FieldClasses
    cells : ndarray of int64, shape (C, F)
        Every combination of classes.
    cell : ndarray of int64, shape (P,)
        Row of `cells` of each pair.
    """

    fields: tuple[FieldClasses, ...]
    cells: IntMatrix
    cell: IntVector

    def in_blocks(self, blocks: Blocks) -> BoolVector:
        """Return which cells share one of these blocks, shape (C,)."""
        equal = {
            name: classes[self.cells[:, place]]
            for place, field in enumerate(self.fields)
            for name, classes in field.equal.items()
        }
        found = np.zeros(len(self.cells), dtype=np.bool_)
        for block in blocks:
            found |= np.logical_and.reduce([equal[name] for name in block])
        return found

    def same_values(self, bands: Mapping[str, IntVector]) -> FloatVector:
        """Return how much oftener records have these bands than independently, (C,).

        Names and provinces of one country go together in links too: a person with a
        frequent name is likelier from a frequent province.
        """
        found = np.ones(len(self.cells))
        for one, first in enumerate(self.fields):
            for other in range(one + 1, len(self.fields)):
                second = self.fields[other]
                for a in sorted(set(first.column) - {""}):
                    for b in sorted(set(second.column) - {""}):
                        here = (np.array(first.column) == a)[self.cells[:, one]]
                        here &= (np.array(second.column) == b)[self.cells[:, other]]
                        ratio = _ratio(bands[a], bands[b])
                        found[here] *= ratio[
                            first.band[self.cells[here, one]],
                            second.band[self.cells[here, other]],
                        ]
        return found


def classify_pairs(
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
    pairs: tuple[IntVector, IntVector, IntMatrix],
    blocks: Blocks,
) -> tuple[PairClasses, FloatVector]:
    """Return the classes of pairs (ids and levels), and the offset of every cell."""
    left, right, levels = pairs
    columns = sorted(
        {name for block in blocks for name in block}
        | {
            level.frequency_column
            for item in comparisons
            for level in item.levels
            if level.frequency_column
        }
    )
    codes = {name: _codes(records.frame[name]) for name in columns}
    for width in _WIDTHS:
        bands = {name: _bands(code, width) for name, code in codes.items()}
        made = [
            _field(item, (left, right), levels[:, place], codes=codes, bands=bands)
            for place, item in enumerate(comparisons)
        ]
        sizes = [classes.size for classes, _ in made]
        if np.prod(sizes, dtype=np.float64) <= _MOST_CELLS:
            break
    found = PairClasses(
        fields=tuple(classes for classes, _ in made),
        cells=np.column_stack(np.unravel_index(np.arange(np.prod(sizes)), sizes)),
        cell=np.ravel_multi_index([number for _, number in made], sizes),
    )
    return found, found.same_values(bands)


def _codes(column: pd.Series) -> IntVector:
    codes, _ = pd.factorize(column)
    return np.asarray(codes, dtype=np.int32)


def _bands(codes: IntVector, width: int) -> IntVector:
    """Return the band of each record's value: 0 for 1, 1 for 2 or 3, ... at width 1."""
    counts = np.bincount(codes[codes >= 0], minlength=1)
    bands = np.floor(np.log2(np.maximum(counts, 1))).astype(np.int8) // width
    return np.where(codes >= 0, bands[codes], -1).astype(np.int8)


def _field(
    comparison: Comparison,
    pairs: tuple[IntVector, IntVector],
    level: IntVector,
    *,
    codes: Mapping[str, IntVector],
    bands: Mapping[str, IntVector],
) -> tuple[FieldClasses, IntVector]:
    """Return the classes that pairs have in one field, and the class of each pair."""
    left, right = pairs
    band = np.full(left.size, -1, dtype=np.int8)
    last = len(comparison.levels) - 1
    column_of = {
        last - place: item.frequency_column
        for place, item in enumerate(comparison.levels)
        if item.frequency_column
    }
    for closeness, name in column_of.items():
        here = np.flatnonzero(level == closeness)
        same = codes[name][left[here]] == codes[name][right[here]]
        band[here[same]] = bands[name][left[here[same]]]
    known = level >= 0
    names = [comparison.field + part for part in NAME_PARTS]
    parts = [name for name in names if name in codes]
    flags = [
        known & (codes[name][left] == codes[name][right]) & (codes[name][left] >= 0)
        for name in parts
    ]
    combined = (level.astype(np.int32) + 1) * _MOST_BANDS + band + 1
    for flag in flags:
        combined = combined * 2 + flag
    seen = np.flatnonzero(np.bincount(combined))
    # Class 0 is unknown, whether or not a pair is.
    unknown = (seen >> len(parts)) // _MOST_BANDS == 0
    number = np.zeros(int(combined.max(initial=0)) + 1, dtype=np.int64)
    number[seen[~unknown]] = np.arange(1, int((~unknown).sum()) + 1)
    kept = np.concatenate([[0], seen[~unknown]]).astype(np.int64)
    rest = kept >> len(parts)
    class_level, class_band = rest // _MOST_BANDS - 1, rest % _MOST_BANDS - 1
    class_band[0] = -1
    equal = {
        name: (kept >> (len(parts) - 1 - place)) % 2 == 1
        for place, name in enumerate(parts)
    }
    equal[comparison.field] = class_level == last
    classes = FieldClasses(
        level=class_level,
        band=class_band,
        column=tuple(
            column_of.get(int(item), "") if place >= 0 else ""
            for item, place in zip(class_level, class_band, strict=True)
        ),
        equal=equal,
    )
    return classes, number[combined]


def _ratio(one: IntVector, other: IntVector) -> FloatMatrix:
    """Return the joint share of bands among records by that of independent ones."""
    both = (one >= 0) & (other >= 0)
    joint = np.zeros((_MOST_BANDS, _MOST_BANDS))
    np.add.at(joint, (one[both], other[both]), 1.0)
    total = joint.sum()
    if not total:
        return np.ones_like(joint)
    independent = np.outer(joint.sum(axis=1), joint.sum(axis=0)) / total
    # Half a record per expected one more: bands that nobody has together keep a share.
    joint += independent / 2
    ratio = np.ones_like(joint)
    np.divide(joint, 1.5 * independent, out=ratio, where=independent > 0)
    return ratio
