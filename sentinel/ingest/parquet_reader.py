"""Parquet files."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from sentinel.ingest.raw_table import RawTable, cell_text, refuse
from sentinel.ingest.source_file import SourceFile, finish_table

__all__ = ["read_parquet"]


def read_parquet(source: SourceFile) -> RawTable:
    """Read every column as text; a list becomes codes with ";" between them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(source.content))
    except (pa.ArrowException, OSError) as error:
        hint = "The file is cut off or damaged. Copy or export it again."
        raise refuse(source.label, "a whole Parquet file", hint) from error
    # pandas writes its index as a column of this name: it is no answer.
    names = [name for name in table.column_names if name != "__index_level_0__"]
    return finish_table(
        source,
        names,
        [_texts(table.column(name), source.label, name) for name in names],
        file_format="parquet",
        rows=np.arange(2, table.num_rows + 2, dtype=np.int64),
    )


def _texts(column: Any, label: str, name: str) -> list[str]:  # noqa: ANN401 - pyarrow is untyped
    import pyarrow as pa

    kind = column.type
    if pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_binary(kind):
        hint = "Export simple columns."
        raise refuse(label, f"numbers, text or dates, not {kind}", hint, column=name)
    return [cell_text(value) for value in column.to_pylist()]
