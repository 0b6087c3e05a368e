"""Report: protect a study's results and write page, numbers, figures, maps, record."""

from sentinel.report.classification_text import classification_text, comparison_text
from sentinel.report.definition_comparison import (
    ReleasedComparison,
    release_classification,
    release_comparison,
)
from sentinel.report.deidentified import Deidentified, deidentify
from sentinel.report.internal_tables import write_internal_table
from sentinel.report.map_folder import write_map_folder
from sentinel.report.monitoring_folder import write_monitoring
from sentinel.report.recording import record_report
from sentinel.report.redaction import redact_counts
from sentinel.report.staging import check_output_folder
from sentinel.report.staleness import stale_reports
from sentinel.report.writing import write_report

__all__ = [
    "Deidentified",
    "ReleasedComparison",
    "check_output_folder",
    "classification_text",
    "comparison_text",
    "deidentify",
    "record_report",
    "redact_counts",
    "release_classification",
    "release_comparison",
    "stale_reports",
    "write_internal_table",
    "write_map_folder",
    "write_monitoring",
    "write_report",
]
