"""Report: protect a study's results and write page, numbers, figures, maps, record."""

from sentinel.report.classification_text import classification_text, comparison_text
from sentinel.report.counted_file import (
    CountedFile,
    classification_file,
    comparison_file,
)
from sentinel.report.definition_comparison import (
    ReleasedComparison,
    release_classification,
    release_comparison,
)
from sentinel.report.deidentified import Deidentified, deidentify
from sentinel.report.internal_tables import write_internal_table
from sentinel.report.map_folder import write_map_folder
from sentinel.report.monitoring_folder import write_monitoring
from sentinel.report.outgoing import WayOut
from sentinel.report.record_files import (
    RecordFile,
    check_persons,
    codebook_domains,
    ctdc_file,
    points_file,
    synthetic_file,
)
from sentinel.report.redaction import redact_counts
from sentinel.report.staging import check_output_folder
from sentinel.report.staleness import stale_reports
from sentinel.report.unfinished import Unfinished, run_key
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
