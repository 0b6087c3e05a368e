"""Regression models with honest intervals for small and rare outcomes."""

from __future__ import annotations

from estimators.regression.adjusted_effects import marginal_effects
from estimators.regression.adjusted_means import predictive_margins
from estimators.regression.calibration import Calibration, calibration
from estimators.regression.events import EventsPerVariable, events_per_variable
from estimators.regression.exact import ExactFit, exact_logistic
from estimators.regression.firth import firth_logistic
from estimators.regression.imputation import Imputations, impute
from estimators.regression.maximum_likelihood import logistic
from estimators.regression.misclassification import misclassified_logistic
from estimators.regression.negative_binomial import negative_binomial
from estimators.regression.ordinal import ordinal_logistic
from estimators.regression.ordinal_fit import OrdinalFit
from estimators.regression.pooled_fit import PooledFit, PooledTest, pool_tests
from estimators.regression.pooling import pool_imputations
from estimators.regression.regression_fit import RegressionFit
from estimators.regression.risk_regression import risk_difference, risk_ratio
from estimators.regression.survey_models import survey_glm
from estimators.regression.term_tests import TermTest, term_test, working_bic

__all__ = [
    "Calibration",
    "EventsPerVariable",
    "ExactFit",
    "Imputations",
    "OrdinalFit",
    "PooledFit",
    "PooledTest",
    "RegressionFit",
    "TermTest",
    "calibration",
    "events_per_variable",
    "exact_logistic",
    "firth_logistic",
    "impute",
    "logistic",
    "marginal_effects",
    "misclassified_logistic",
    "negative_binomial",
    "ordinal_logistic",
    "pool_imputations",
    "pool_tests",
    "predictive_margins",
    "risk_difference",
    "risk_ratio",
    "survey_glm",
    "term_test",
    "working_bic",
]
