"""Figures of tidy result frames: forests, ratios and trends.

Every function takes a frame, never a result object, and draws with matplotlib's object
interface alone: no window opens and no global figure is kept.
"""

from __future__ import annotations

from estimators.plotting.forest import forest_plot, ratio_plot
from estimators.plotting.trend import trend_plot

__all__ = ["forest_plot", "ratio_plot", "trend_plot"]
