"""Areas too small for an estimate of their own: strength borrowed from a model."""

from __future__ import annotations

from estimators.small_area.direct import direct_estimates
from estimators.small_area.fay_herriot_model import fay_herriot
from estimators.small_area.small_area_estimates import SmallAreaEstimates

__all__ = ["SmallAreaEstimates", "direct_estimates", "fay_herriot"]
