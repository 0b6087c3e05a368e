"""SPSS .sav and Stata .dta: codes as codes, declared missings kept apart."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sentinel.ingest.raw_table import RawTable, cell_text, refuse
from sentinel.ingest.source_file import SourceFile, finish_table

__all__ = ["read_dta", "read_sav"]


def read_sav(source: SourceFile) -> RawTable:
    """Read an SPSS file; user-missing codes stay and are listed in `missing_codes`."""
    return _read(source, "sav")


def read_dta(source: SourceFile) -> RawTable:
    """Read a Stata file; tagged missings .a to .z come as the texts ".a" to ".z"."""
    return _read(source, "dta")


def _read(source: SourceFile, file_format: str) -> RawTable:
    import pyreadstat

    reader = pyreadstat.read_sav if file_format == "sav" else pyreadstat.read_dta
    try:
        # Value formats are never applied: they lose the codes and the missings.
        columns, meta = reader(
            io.BytesIO(source.content), user_missing=True, output_format="dict"
        )
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, OSError) as error:
        hint = (
            f"The file is cut off, damaged or of another type ({error}). "
            "Export it again."
        )
        raise refuse(source.label, f"a whole .{file_format} file", hint) from error
    names = list(meta.column_names)
    tagged: dict[str, set[object]] = {
        name: set(meta.missing_user_values.get(name, ())) for name in names
    }
    table = finish_table(
        source,
        names,
        [_texts(columns[name], tagged[name]) for name in names],
        file_format=file_format,
        encoding=str(meta.file_encoding or "").lower(),
        rows=np.arange(2, (meta.number_rows or 0) + 2, dtype=np.int64),
    )
    return replace(
        table,
        value_labels={
            name: {
                _code(code, tagged[name]): str(label) for code, label in pairs.items()
            }
            for name, pairs in meta.variable_value_labels.items()
        },
        missing_codes=_missing(meta, tagged),
        column_labels={
            name: label for name, label in meta.column_names_to_labels.items() if label
        },
    )


def _code(value: object, tagged: set[object]) -> str:
    return f".{value}" if value in tagged else cell_text(value)


def _texts(values: Any, tagged: set[object]) -> list[str]:  # noqa: ANN401 - arrays of any kind
    return [_code(value, tagged) for value in values]


def _missing(
    meta: Any,  # noqa: ANN401 - pyreadstat is untyped
    tagged: Mapping[str, set[object]],
) -> dict[str, tuple[str, ...]]:
    declared: dict[str, tuple[str, ...]] = {
        name: tuple(sorted(f".{value}" for value in values))
        for name, values in tagged.items()
        if values
    }
    for name, ranges in meta.missing_ranges.items():
        declared[name] = tuple(
            cell_text(item["lo"])
            if item["lo"] == item["hi"]
            else f"{cell_text(item['lo'])}..{cell_text(item['hi'])}"
            for item in ranges
        )
    return declared
