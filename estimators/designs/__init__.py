"""Sampling designs and their variance: what survey, regression and others share."""

from estimators.designs.degrees import degrees_of_freedom, domain_degrees_of_freedom
from estimators.designs.domains import Domains, row_mask, split_into_domains
from estimators.designs.either_design import Design, check_design
from estimators.designs.linearisation import (
    cell_covariance,
    domain_covariance,
    linearised_covariance,
)
from estimators.designs.replicate_design import ReplicateDesign, ReplicateKind
from estimators.designs.replicate_variance import (
    domain_replicate_covariance,
    replicate_covariance,
    replicate_totals,
)
from estimators.designs.replication import to_replicates
from estimators.designs.sampling_design import LonelyPSU, SurveyDesign
from estimators.designs.stages import Stage
from estimators.designs.unequal_probability import unequal_probability_design

__all__ = [
    "Design",
    "Domains",
    "LonelyPSU",
    "ReplicateDesign",
    "ReplicateKind",
    "Stage",
    "SurveyDesign",
    "cell_covariance",
    "check_design",
    "degrees_of_freedom",
    "domain_covariance",
    "domain_degrees_of_freedom",
    "domain_replicate_covariance",
    "linearised_covariance",
    "replicate_covariance",
    "replicate_totals",
    "row_mask",
    "split_into_domains",
    "to_replicates",
    "unequal_probability_design",
]
