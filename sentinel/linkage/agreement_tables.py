"""From levels of pairs to the table that the model is fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sentinel.linkage.agreement_classes import PairClasses, classify_pairs
from sentinel.linkage.fellegi_sunter import AgreementTable
from sentinel.linkage.pattern_counts import joined_levels

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix
    from sentinel.linkage.comparisons import Comparison
    from sentinel.linkage.pattern_counts import Levels
    from sentinel.linkage.records import LinkageRecords

    Blocks = Sequence[Sequence[str]]

__all__ = ["PairSource", "tabulate"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairSource:
    """Pairs that were looked at in one way.

    Attributes
    ----------
    pairs : tuple of ndarray
        Ids of the left and right records, and levels, shape (P, F).
    share : float
        Share of the pairs of `blocks` that they are.
    blocks : sequence of sequence of str, optional
        Pairs share one of these; None if they are drawn from all pairs.
    """

    pairs: Levels
    share: float
    blocks: Blocks | None


def tabulate(
    records: LinkageRecords,
    comparisons: Sequence[Comparison],
    sources: Sequence[PairSource],
) -> tuple[AgreementTable, PairClasses]:
    """Return the table of agreement, and the classes of the first source's pairs.

    Parameters
    ----------
    records : LinkageRecords
    comparisons : sequence of Comparison
    sources : sequence of PairSource
        Narrow to wide, the last of all pairs. A cell is counted in the first source
        whose blocks it shares, with the share of its pairs that are seen there.
    """
    n_pairs = [source.pairs[0].size for source in sources]
    blocks = [block for source in sources for block in source.blocks or ()]
    classes, together = classify_pairs(
        records, comparisons, joined_levels([part.pairs for part in sources]), blocks
    )
    n_cells = len(classes.cells)
    count, exposure = np.zeros(n_cells), np.zeros(n_cells)
    starts = np.cumsum([0, *n_pairs])
    for source, start, end in zip(sources, starts[:-1], starts[1:], strict=True):
        ours = exposure == 0
        if source.blocks is not None:
            ours &= classes.in_blocks(source.blocks)
        seen = np.bincount(classes.cell[start:end], minlength=n_cells)
        count[ours], exposure[ours] = seen[ours], source.share
    drawn = classes.cell[starts[-2] :]
    table = AgreementTable(
        cells=classes.cells,
        count=count,
        exposure=exposure,
        offset=together * _gap_shares(classes.cells, drawn),
        expected=tuple(
            field.expected(
                np.array([level.expected for level in reversed(item.levels)])
            )
            for item, field in zip(comparisons, classes.fields, strict=True)
        ),
        doubted=tuple(
            (field.level >= 0) & (field.band < 0) for field in classes.fields
        ),
        n_records=len(records.frame),
    )
    first = PairClasses(
        fields=classes.fields,
        cells=classes.cells,
        cell=classes.cell[: n_pairs[0]].astype(np.int32),
    )
    return table, first


def _gap_shares(cells: IntMatrix, drawn: IntMatrix) -> FloatVector:
    """Return the share of drawn pairs with the gaps of each cell, for links too.

    Whether a record lacks a field is taken not to depend on whether it has a link.
    """
    gaps = (cells == 0) @ (1 << np.arange(cells.shape[1], dtype=np.int64))
    count = np.bincount(gaps[drawn], minlength=int(gaps.max()) + 1) + 0.5
    return np.asarray((count / count.sum())[gaps], dtype=np.float64)
