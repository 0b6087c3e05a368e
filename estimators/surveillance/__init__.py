"""Counts and shares by period: aberrations, interventions, trends and late reports."""

from estimators.surveillance.cusum import cusum
from estimators.surveillance.ears import ears
from estimators.surveillance.farrington import farrington, farrington_flexible
from estimators.surveillance.monitored_series import MonitoredSeries

__all__ = ["MonitoredSeries", "cusum", "ears", "farrington", "farrington_flexible"]
