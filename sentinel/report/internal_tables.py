"""Tables of records for work inside the house: written apart from every release."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.report.tables import csv_text

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["write_internal_table"]

OWNER_ONLY = 0o600


def write_internal_table(frame: pd.DataFrame, path: Path) -> str:
    """Write microdata to a file that only its owner may read; refuse a report's folder.

    Parameters
    ----------
    frame : DataFrame
    path : Path
        A new CSV file outside every folder that a report was written to.

    Returns
    -------
    str
        What was written and where, with the warning.

    Raises
    ------
    InputError
        If the file exists, or lies in the folder of a report.
    """
    from sentinel.disclosure import keep_out_of_release, safe_csv_cell

    keep_out_of_release(path)
    if path.exists():
        raise InputError(f"{path} is there already: name a new file.")
    if not path.resolve().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}.")
    text = csv_text(frame, safe_csv_cell)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
    return f"{path}: {len(frame):,} records, INTERNAL, never to be released"
