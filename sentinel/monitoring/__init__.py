"""Monitoring series: hotlines, results frameworks, case attrition, scores.

Reads what programmes keep beside interviews and hands it to `estimators`; nothing here
estimates by itself.
"""

from sentinel.monitoring.framework import Framework, read_framework
from sentinel.monitoring.totals import check_margins, check_sums

__all__ = ["Framework", "check_margins", "check_sums", "read_framework"]
