"""Estimates from samples with weights, strata, clusters and finite populations."""

from estimators.designs import (
    ReplicateDesign,
    SurveyDesign,
    to_replicates,
    unequal_probability_design,
)
from estimators.survey.calibration import calibrate, post_stratify, rake
from estimators.survey.contrasts import contrast
from estimators.survey.design_effects import DesignEffects, design_effect
from estimators.survey.linear import mean, ratio, total
from estimators.survey.multiplicity import multiplicity_weights
from estimators.survey.prevalence import proportion
from estimators.survey.quantiles import quantile
from estimators.survey.rao_scott_result import RaoScottTest
from estimators.survey.response_rates import response_rates
from estimators.survey.sample_size import (
    achievable_half_width,
    required_sample_size,
    sample_size_for_change,
)
from estimators.survey.sample_size_plan import SampleSize
from estimators.survey.standardisation import standardise
from estimators.survey.table_tests import rao_scott
from estimators.survey.time_location import time_location_weights
from estimators.survey.trends import trend
from estimators.survey.trimming import trim_weights

__all__ = [
    "DesignEffects",
    "RaoScottTest",
    "ReplicateDesign",
    "SampleSize",
    "SurveyDesign",
    "achievable_half_width",
    "calibrate",
    "contrast",
    "design_effect",
    "mean",
    "multiplicity_weights",
    "post_stratify",
    "proportion",
    "quantile",
    "rake",
    "rao_scott",
    "ratio",
    "required_sample_size",
    "response_rates",
    "sample_size_for_change",
    "standardise",
    "time_location_weights",
    "to_replicates",
    "total",
    "trend",
    "trim_weights",
    "unequal_probability_design",
]
