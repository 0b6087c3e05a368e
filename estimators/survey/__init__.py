"""Estimates from samples with weights, strata, clusters and finite populations."""

from estimators.designs import ReplicateDesign, SurveyDesign, to_replicates
from estimators.survey.contrasts import contrast
from estimators.survey.linear import mean, ratio, total
from estimators.survey.multiplicity import multiplicity_weights
from estimators.survey.prevalence import proportion
from estimators.survey.trends import trend

__all__ = [
    "ReplicateDesign",
    "SurveyDesign",
    "contrast",
    "mean",
    "multiplicity_weights",
    "proportion",
    "ratio",
    "to_replicates",
    "total",
    "trend",
]
