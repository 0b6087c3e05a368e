"""What the audit log says of a report: rows, cells and what was hidden, by number."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sentinel.report.outgoing.staging import MANIFEST

if TYPE_CHECKING:
    from sentinel.safekeeping import AuditLog, Entry

__all__ = ["LEDGER_ENTRY", "record_report"]

LEDGER_ENTRY = "ledger entry"
SIZES = ("cells", "primary", "complementary", "hidden")


def record_report(
    log: AuditLog, command: str, folder: Path, *, ledger: int = 0
) -> Entry:
    """Add a written report to a study's audit log and return the entry.

    The counts are those of its manifest over all rounds; of each table, how many cells
    it has, how many were hidden, and the smallest group shown.

    Parameters
    ----------
    log : AuditLog
    command : str
    folder : Path
        With its manifest.
    ledger : int
        Number of its entry in the release ledger: a ledger that is cut off at its end
        is found out by it.
    """
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    counts: dict[str, int] = {LEDGER_ENTRY: ledger} if ledger else {}
    for row in manifest["row_counts"]:
        for step, count in row.items():
            if step != "round_id" and count is not None:
                counts[step] = counts.get(step, 0) + int(count)
    smallest = _smallest_shown(folder)
    tables: dict[str, dict[str, int]] = {}
    for row in manifest["suppression"]:
        name = str(row["table"])
        sizes = {key: int(row[key]) for key in SIZES if key in row}
        if name in smallest:
            sizes["smallest_shown"] = smallest[name]
        tables[_plain(name)] = sizes
    return log.record(command, counts=counts, tables=tables, report=manifest["sha256"])


def _smallest_shown(folder: Path) -> dict[str, int]:
    table = folder / "estimates.parquet"
    # A folder of maps alone holds no table of estimates.
    frame = pd.read_parquet(table) if table.is_file() else pd.DataFrame()
    if frame.empty:
        return {}
    shown = frame[~frame["suppressed"].astype("bool") & frame["n_obs"].notna()]
    least = shown.groupby("table", observed=True)["n_obs"].min()
    return {str(name): int(count) for name, count in least.items()}


def _plain(name: str) -> str:
    """Return the words of a table's name: letters, digits, one space between."""
    return " ".join(re.findall(r"[a-z0-9_]+", name.lower())) or "table"
