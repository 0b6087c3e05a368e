"""Counts and shares by period: aberrations, interventions, trends and late reports."""

from estimators.surveillance.changepoints import changepoints
from estimators.surveillance.cochran_armitage import trend_test
from estimators.surveillance.cusum import cusum
from estimators.surveillance.ears import ears
from estimators.surveillance.farrington import farrington, farrington_flexible
from estimators.surveillance.interrupted import interrupted_time_series
from estimators.surveillance.interview_rounds import unusual_round
from estimators.surveillance.joinpoint import joinpoint_trend
from estimators.surveillance.monitored_series import MonitoredSeries
from estimators.surveillance.nowcast import reporting_delay_nowcast

__all__ = [
    "MonitoredSeries",
    "changepoints",
    "cusum",
    "ears",
    "farrington",
    "farrington_flexible",
    "interrupted_time_series",
    "joinpoint_trend",
    "reporting_delay_nowcast",
    "trend_test",
    "unusual_round",
]
