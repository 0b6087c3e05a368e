"""Monitoring series: hotlines, results frameworks, case attrition, scores.

Reads what programmes keep beside interviews and hands it to `estimators`; nothing here
estimates by itself.
"""

from sentinel.monitoring.call_series import (
    call_series,
    join_covariates,
    shares_two_ways,
)
from sentinel.monitoring.framework import Framework, read_framework
from sentinel.monitoring.hotline import HotlineColumns, HotlineLog, read_hotline_log
from sentinel.monitoring.places import PlaceCounts, count_places
from sentinel.monitoring.referrals import referral_outcomes
from sentinel.monitoring.totals import check_margins, check_sums

__all__ = [
    "Framework",
    "HotlineColumns",
    "HotlineLog",
    "PlaceCounts",
    "call_series",
    "check_margins",
    "check_sums",
    "count_places",
    "join_covariates",
    "read_framework",
    "read_hotline_log",
    "referral_outcomes",
    "shares_two_ways",
]
