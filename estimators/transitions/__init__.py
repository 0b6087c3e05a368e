"""Passage through stages: case attrition, comparisons, and change before to after."""

from estimators.transitions.funnels import attrition_funnel, compare_funnels
from estimators.transitions.paired import paired_change
from estimators.transitions.period_rates import stage_rates

__all__ = ["attrition_funnel", "compare_funnels", "paired_change", "stage_rates"]
