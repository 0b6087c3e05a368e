"""Statistics of hidden and sampled populations.

Arrays and frames in; `Estimate`, `Estimates` or `ModelFit` out. Every public estimator
stands in `catalogue()`, which importing this package fills.
"""

from __future__ import annotations

from estimators import (
    capture_recapture,
    diagnostics,
    latent_class,
    proportions,
    regression,
    small_area,
    spatial,
    surveillance,
    survey,
    transitions,
)
from estimators.errors import (
    AssumptionWarning,
    ConvergenceError,
    InputError,
    NotEstimableError,
    PrevalenceError,
    SmallSampleWarning,
)
from estimators.registry import EstimatorSpec, catalogue, find_estimator
from estimators.results import Estimate, Estimates, Interval, ModelFit

__all__ = [
    "AssumptionWarning",
    "ConvergenceError",
    "Estimate",
    "Estimates",
    "EstimatorSpec",
    "InputError",
    "Interval",
    "ModelFit",
    "NotEstimableError",
    "PrevalenceError",
    "SmallSampleWarning",
    "capture_recapture",
    "catalogue",
    "diagnostics",
    "find_estimator",
    "latent_class",
    "proportions",
    "regression",
    "small_area",
    "spatial",
    "surveillance",
    "survey",
    "transitions",
]
