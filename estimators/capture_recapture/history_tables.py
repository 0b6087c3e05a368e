"""Tables of capture histories stratum by stratum, one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = ["stack_overlaps", "stack_tables"]


def stack_overlaps(
    parts: Sequence[tuple[Mapping[str, Any], CaptureHistories]],
) -> pd.DataFrame:
    """Return the overlaps of all strata, indexed by labels and list."""
    names = list(parts[0][0])
    tables = {tuple(label.values()): part.overlaps() for label, part in parts}
    return pd.concat(tables, names=[*names, "list"])


def stack_tables(
    parts: Sequence[tuple[Mapping[str, Any], CaptureHistories]],
) -> pd.DataFrame:
    """Return the histories of all strata with their labels as first columns."""
    tables = []
    for label, part in parts:
        table = part.to_frame()
        for at, (name, value) in enumerate(label.items()):
            table.insert(at, name, value)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
