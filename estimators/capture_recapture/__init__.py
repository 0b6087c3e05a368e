"""Capture-recapture and multiple systems estimation of a closed population."""

from __future__ import annotations

from estimators.capture_recapture.aic_stepwise import select_stepwise_aic
from estimators.capture_recapture.chosen_model import log_linear
from estimators.capture_recapture.closed_population import (
    ClosedPopulationModels,
    closed_population,
    closed_population_models,
)
from estimators.capture_recapture.covariates import stratified_log_linear
from estimators.capture_recapture.dependence import (
    dependence_sensitivity,
    no_highest_order_interaction,
)
from estimators.capture_recapture.design import ExpectedWidth, expected_interval_width
from estimators.capture_recapture.doubly_robust import doubly_robust
from estimators.capture_recapture.downhill import downhill
from estimators.capture_recapture.estimability import Estimability, check_estimability
from estimators.capture_recapture.graph_averaging import decomposable_graphs
from estimators.capture_recapture.graph_tables import (
    edge_probabilities,
    graph_probabilities,
)
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.information_criteria import select_aic, select_bic
from estimators.capture_recapture.latent_class_mixture import latent_class_capture
from estimators.capture_recapture.linkage_bias import linkage_error_correction
from estimators.capture_recapture.linkage_sensitivity import missed_link_sensitivity
from estimators.capture_recapture.list_changes import (
    independent_lists,
    list_sensitivity,
)
from estimators.capture_recapture.lower_bounds import chao, zelterman
from estimators.capture_recapture.model_average import average_models
from estimators.capture_recapture.simulate import (
    dependent_cells,
    draw_tables,
    independent_cells,
    latent_class_cells,
    logit_normal_cells,
)
from estimators.capture_recapture.stepwise import select_stepwise
from estimators.capture_recapture.strata import by_stratum
from estimators.capture_recapture.thresholding import bayesian_threshold
from estimators.capture_recapture.truncated_counts import (
    truncated_counts,
    truncated_regression,
)
from estimators.capture_recapture.two_lists import chapman, lincoln_petersen

__all__ = [
    "CaptureHistories",
    "ClosedPopulationModels",
    "Estimability",
    "ExpectedWidth",
    "average_models",
    "bayesian_threshold",
    "by_stratum",
    "chao",
    "chapman",
    "check_estimability",
    "closed_population",
    "closed_population_models",
    "decomposable_graphs",
    "dependence_sensitivity",
    "dependent_cells",
    "doubly_robust",
    "downhill",
    "draw_tables",
    "edge_probabilities",
    "expected_interval_width",
    "graph_probabilities",
    "independent_cells",
    "independent_lists",
    "latent_class_capture",
    "latent_class_cells",
    "lincoln_petersen",
    "linkage_error_correction",
    "list_sensitivity",
    "log_linear",
    "logit_normal_cells",
    "missed_link_sensitivity",
    "no_highest_order_interaction",
    "select_aic",
    "select_bic",
    "select_stepwise",
    "select_stepwise_aic",
    "stratified_log_linear",
    "truncated_counts",
    "truncated_regression",
    "zelterman",
]
