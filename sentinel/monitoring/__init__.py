"""Monitoring series: hotlines, results frameworks, case attrition, scores.

Reads what programmes keep beside interviews and hands it to `estimators`; nothing here
estimates by itself.
"""

from sentinel.monitoring.aberrations import watch_series
from sentinel.monitoring.attrition import (
    count_stages,
    period_rates,
    read_cases,
    read_periods,
)
from sentinel.monitoring.call_series import (
    call_series,
    join_covariates,
    shares_two_ways,
)
from sentinel.monitoring.descriptive import describe_items, read_items
from sentinel.monitoring.framework import Framework, read_framework
from sentinel.monitoring.hotline import HotlineColumns, HotlineLog, read_hotline_log
from sentinel.monitoring.parts import MonitoredPart, MonitoringResult
from sentinel.monitoring.places import PlaceCounts, count_places
from sentinel.monitoring.referrals import referral_outcomes
from sentinel.monitoring.run import check_monitoring, monitor
from sentinel.monitoring.scores import read_scores
from sentinel.monitoring.series import ReleasedSeries, read_series, releasable
from sentinel.monitoring.told import told_counts
from sentinel.monitoring.totals import check_margins, check_sums

__all__ = [
    "Framework",
    "HotlineColumns",
    "HotlineLog",
    "MonitoredPart",
    "MonitoringResult",
    "PlaceCounts",
    "ReleasedSeries",
    "call_series",
    "check_margins",
    "check_monitoring",
    "check_sums",
    "count_places",
    "count_stages",
    "describe_items",
    "join_covariates",
    "monitor",
    "period_rates",
    "read_cases",
    "read_framework",
    "read_hotline_log",
    "read_items",
    "read_periods",
    "read_scores",
    "read_series",
    "referral_outcomes",
    "releasable",
    "shares_two_ways",
    "told_counts",
    "watch_series",
]
