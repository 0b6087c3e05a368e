"""Figures of tidy frames: forests, ratios, trends, surfaces, overlaps of lists.

Every function takes a frame, never a result object, and draws with matplotlib's object
interface alone: no window opens and no global figure is kept.
"""

from __future__ import annotations

from estimators.plotting.classifier import calibration_plot, roc_plot
from estimators.plotting.forest import forest_plot, ratio_plot
from estimators.plotting.profile import profile_plot
from estimators.plotting.rivals import model_weight_plot
from estimators.plotting.surface import cell_grid, surface_plot
from estimators.plotting.trend import trend_plot
from estimators.plotting.upset import upset_plot

__all__ = [
    "calibration_plot",
    "cell_grid",
    "forest_plot",
    "model_weight_plot",
    "profile_plot",
    "ratio_plot",
    "roc_plot",
    "surface_plot",
    "trend_plot",
    "upset_plot",
]
