"""From field files to interviews: read, map, gate by consent, validate, harmonise."""

from sentinel.ingest.interviews import Interviews, Origin
from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.readers import read_table, register_reader

__all__ = ["Interviews", "Origin", "RawTable", "read_table", "register_reader"]
