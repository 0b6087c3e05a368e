"""Values of options that are more than a word: numbers in rows, mappings."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["numbers_of", "read_mapping"]

TABLE = ".csv"
PAIR = 2


def numbers_of(text: str) -> npt.NDArray[np.float64] | None:
    """Return numbers with commas between as a vector, rows after ";" as a matrix.

    None if it is anything else.

    Examples
    --------
    >>> numbers_of("1,2;3,4").tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    import numpy as np

    try:
        rows = [[float(cell) for cell in row.split(",")] for row in text.split(";")]
        values = np.array(rows, dtype=np.float64)
    except ValueError:
        return None
    return values if ";" in text else values[0]


def read_mapping(text: str) -> dict[Any, Any]:
    """Return ``key=value,key=value``, or what a TOML, JSON or CSV file holds.

    Numbers become numbers, in keys too: a table's columns of numbers are numbers.

    Raises
    ------
    InputError
        If the text is neither; or the CSV has other than two columns.

    Examples
    --------
    >>> read_mapping("1=0.4, 2=0.6"), read_mapping("male=120,female=80")
    ({1: 0.4, 2: 0.6}, {'male': 120, 'female': 80})
    """
    from estimators.errors import InputError

    path = Path(text)
    if "=" not in text and path.is_file():
        pairs = _from_file(path)
    else:
        parts = [part.partition("=") for part in text.split(",")]
        if not all(equals and key.strip() for key, equals, _ in parts):
            raise InputError(
                f"{text!r} came; key=value,key=value was expected, or a TOML, JSON or "
                "CSV file with two columns"
            )
        pairs = [(key.strip(), value.strip()) for key, _, value in parts]
    found = {_plain(key): _plain(value) for key, value in pairs}
    if len(found) < len(pairs):
        raise InputError(f"{text!r}: a key came twice")
    return found


def _from_file(path: Path) -> list[tuple[object, object]]:
    from estimators.errors import InputError
    from sentinel.ingest import read_table

    if path.suffix == TABLE:
        frame = read_table(path).frame
        if frame.shape[1] != PAIR:
            raise InputError(
                f"{path.name} has {frame.shape[1]} columns; two were expected, the "
                "keys and their values"
            )
        return list(frame.itertuples(index=False, name=None))
    content = path.read_text(encoding="utf-8")
    try:
        read = json.loads(content) if path.suffix == ".json" else tomllib.loads(content)
    except ValueError as error:
        raise InputError(f"{path.name}: {error}") from error
    return list(dict(read).items())


def _plain(value: object) -> object:
    """Return a text that is a number as one."""
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value
