"""Report: protect a study's results and write page, numbers, figures, maps, record."""

from sentinel.report.classification_text import classification_text, comparison_text
from sentinel.report.maps.map_folder import write_map_folder
from sentinel.report.monitored.monitoring_folder import write_monitoring
from sentinel.report.outgoing.counted_file import (
    CountedFile,
    classification_file,
    comparison_file,
)
from sentinel.report.outgoing.deidentified import Deidentified, deidentify
from sentinel.report.outgoing.internal_tables import write_internal_table
from sentinel.report.outgoing.record_files import (
    RecordFile,
    check_persons,
    codebook_domains,
    ctdc_file,
    points_file,
    synthetic_file,
)
from sentinel.report.outgoing.redaction import redact_counts
from sentinel.report.outgoing.staging import check_output_folder
from sentinel.report.outgoing.staleness import stale_reports
from sentinel.report.outgoing.unfinished import Unfinished, run_key
from sentinel.report.outgoing.way_out import WayOut
from sentinel.report.protected.definition_comparison import (
    ReleasedComparison,
    release_classification,
    release_comparison,
)
from sentinel.report.writing import write_report

__all__ = [
    "CountedFile",
    "Deidentified",
    "RecordFile",
    "ReleasedComparison",
    "Unfinished",
    "WayOut",
    "check_output_folder",
    "check_persons",
    "classification_file",
    "classification_text",
    "codebook_domains",
    "comparison_file",
    "comparison_text",
    "ctdc_file",
    "deidentify",
    "points_file",
    "redact_counts",
    "release_classification",
    "release_comparison",
    "run_key",
    "stale_reports",
    "synthetic_file",
    "write_internal_table",
    "write_map_folder",
    "write_monitoring",
    "write_report",
]
