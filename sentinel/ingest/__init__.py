"""From field files to interviews: read, map, gate by consent, validate, harmonise."""

from sentinel.ingest.harmonise import (
    check_study,
    count_record,
    ingest_study,
    read_checked,
)
from sentinel.ingest.interviews import FLOW_STEPS, Interviews, Origin
from sentinel.ingest.new_study import new_study
from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.readers import Reader, read_table, register_reader

__all__ = [
    "FLOW_STEPS",
    "Interviews",
    "Origin",
    "RawTable",
    "Reader",
    "check_study",
    "count_record",
    "ingest_study",
    "new_study",
    "read_checked",
    "read_table",
    "register_reader",
]
