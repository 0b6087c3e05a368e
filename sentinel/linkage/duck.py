"""DuckDB connections that reach neither a network nor a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["connection"]

_CLOSED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
}


@contextmanager
def connection(n_threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection in memory that loads no extension and opens no file."""
    import duckdb

    options: dict[str, str | bool | int | float | list[str]] = dict(_CLOSED)
    if n_threads is not None:
        options["threads"] = str(n_threads)
    made = duckdb.connect(":memory:", config=options)
    try:
        yield made
    finally:
        made.close()
