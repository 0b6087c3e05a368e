"""Imperfect classifiers: true prevalence, their accuracy and their agreement."""

from estimators.diagnostics.agreement_coefficients import agreement
from estimators.diagnostics.bayesian import bayesian_true_prevalence
from estimators.diagnostics.beta_priors import expert_beta, pert_beta
from estimators.diagnostics.dependent_tests import dendukuri_joseph
from estimators.diagnostics.distributions import BetaPrior
from estimators.diagnostics.hui_walter_model import hui_walter
from estimators.diagnostics.lang_reiczigel import true_prevalence
from estimators.diagnostics.melding import melded_prevalence
from estimators.diagnostics.pooled_tests import pooled_test_prevalence
from estimators.diagnostics.published_intervals import prevalence_from_intervals
from estimators.diagnostics.roc import area_under_roc, choose_threshold, roc_curve
from estimators.diagnostics.rogan_gladen import rogan_gladen
from estimators.diagnostics.screening import screening_performance
from estimators.diagnostics.screening_tool import ScreeningTool, build_screening_tool
from estimators.diagnostics.survey_prevalence import (
    corrected_prevalence,
    survey_true_prevalence,
)

__all__ = [
    "BetaPrior",
    "ScreeningTool",
    "agreement",
    "area_under_roc",
    "bayesian_true_prevalence",
    "build_screening_tool",
    "choose_threshold",
    "corrected_prevalence",
    "dendukuri_joseph",
    "expert_beta",
    "hui_walter",
    "melded_prevalence",
    "pert_beta",
    "pooled_test_prevalence",
    "prevalence_from_intervals",
    "roc_curve",
    "rogan_gladen",
    "screening_performance",
    "survey_true_prevalence",
    "true_prevalence",
]
