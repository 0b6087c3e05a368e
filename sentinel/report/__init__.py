"""Report: protect a study's results and write page, numbers, figures, maps, record."""

from sentinel.report.staging import check_output_folder
from sentinel.report.writing import write_report

__all__ = ["check_output_folder", "write_report"]
