"""Latent classes: groups of persons that explain how their answers go together."""

from estimators.latent_class.analysis import latent_class_analysis
from estimators.latent_class.boundary import boundary_limits
from estimators.latent_class.class_number import (
    ClassNumberTest,
    bootstrap_class_test,
    compare_class_numbers,
)
from estimators.latent_class.class_numbers import (
    class_outcome_means,
    class_prevalence,
)
from estimators.latent_class.class_regression import class_membership_model
from estimators.latent_class.latent_fit import LatentClassFit
from estimators.latent_class.local_dependence import bivariate_residuals

__all__ = [
    "ClassNumberTest",
    "LatentClassFit",
    "bivariate_residuals",
    "bootstrap_class_test",
    "boundary_limits",
    "class_membership_model",
    "class_outcome_means",
    "class_prevalence",
    "compare_class_numbers",
    "latent_class_analysis",
]
