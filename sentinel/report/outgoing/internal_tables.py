"""Tables of records for work inside the house: written apart from every release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.report.tables import csv_text
from sentinel.safekeeping.encryption import AGE_SUFFIX, encrypt
from sentinel.safekeeping.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["write_internal_table"]


def write_internal_table(
    frame: pd.DataFrame, path: Path, *, recipients: Sequence[str] = ()
) -> str:
    """Write microdata to a file that only its owner may read; refuse a report's folder.

    Parameters
    ----------
    frame : DataFrame
    path : Path
        A new CSV file outside every folder that a report was written to. A name that
        ends in ``.csv.age`` is encrypted in memory: no plain copy touches the disk.
    recipients : sequence of str
        Public keys of the custodians, for such a name.

    Returns
    -------
    str
        What was written and where, with the warning.

    Raises
    ------
    InputError
        If the file exists, or lies in the folder of a report; if recipients are given
        for a plain file, or none for an encrypted one.
    """
    from sentinel.disclosure import keep_out_of_release, safe_csv_cell

    keep_out_of_release(path)
    if path.exists():
        raise InputError(f"{path} is there already: name a new file.")
    if not path.resolve().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}.")
    encrypted = path.suffix.lower() == AGE_SUFFIX
    if recipients and not encrypted:
        raise InputError(
            f"{path}: a name that ends in {AGE_SUFFIX} was expected, as recipients "
            "are named. Nothing was written."
        )
    content = csv_text(frame, safe_csv_cell).encode()
    write_private(path, encrypt(content, recipients) if encrypted else content)
    return f"{path}: {len(frame):,} records, INTERNAL, never to be released"
