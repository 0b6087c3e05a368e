"""Imperfect classifiers: true prevalence, their accuracy and their agreement."""

from estimators.diagnostics.agreement_coefficients import agreement
from estimators.diagnostics.bayesian import bayesian_true_prevalence
from estimators.diagnostics.beta_priors import expert_beta, pert_beta
from estimators.diagnostics.distributions import BetaPrior
from estimators.diagnostics.lang_reiczigel import true_prevalence
from estimators.diagnostics.melding import melded_prevalence
from estimators.diagnostics.rogan_gladen import rogan_gladen
from estimators.diagnostics.survey_prevalence import (
    corrected_prevalence,
    survey_true_prevalence,
)

__all__ = [
    "BetaPrior",
    "agreement",
    "bayesian_true_prevalence",
    "corrected_prevalence",
    "expert_beta",
    "melded_prevalence",
    "pert_beta",
    "rogan_gladen",
    "survey_true_prevalence",
    "true_prevalence",
]
