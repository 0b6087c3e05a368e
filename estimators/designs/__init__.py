"""Sampling designs and their variance: what survey, regression and others share."""

from estimators.designs.degrees import degrees_of_freedom, domain_degrees_of_freedom
from estimators.designs.domains import Domains, row_mask, split_into_domains
from estimators.designs.linearisation import domain_covariance, linearised_covariance
from estimators.designs.sampling_design import LonelyPSU, SurveyDesign
from estimators.designs.stages import Stage

__all__ = [
    "Domains",
    "LonelyPSU",
    "Stage",
    "SurveyDesign",
    "degrees_of_freedom",
    "domain_covariance",
    "domain_degrees_of_freedom",
    "linearised_covariance",
    "row_mask",
    "split_into_domains",
]
