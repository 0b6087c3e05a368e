"""Numbers beside the marks: as many digits as the intervals bear."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["NOT_SHOWN", "decimals_for", "heading", "ratio_text", "value_text"]

NOT_SHOWN = "not shown"


def heading(frame: pd.DataFrame, what: str) -> str:
    """Return the words over the column of values, with the level."""
    levels = list(frame["ci_level"].dropna().unique()) if "ci_level" in frame else []
    name = f"{float(levels[0]) * 100:g} % interval" if len(levels) == 1 else "interval"
    return f"{what}  [{name}]"


def decimals_for(sizes: FloatVector) -> int:
    """Return how many decimals the typical of `sizes` deserves."""
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not sizes.size:
        return 2
    # Two significant digits of the typical interval: more would pretend a precision.
    return int(np.clip(2 - math.floor(math.log10(float(np.median(sizes)))), 0, 6))


def value_text(centre: float, low: float, high: float, decimals: int) -> str:
    """Return an estimate and its limits with the same number of decimals."""
    if math.isnan(centre):
        return NOT_SHOWN
    return "{}  [{}, {}]".format(*(_plain(v, decimals) for v in (centre, low, high)))


def _plain(value: float, decimals: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:,.{decimals}f}"


def ratio_text(centre: float, low: float, high: float) -> str:
    """Return a ratio and its limits with three significant digits each."""
    if math.isnan(centre):
        return NOT_SHOWN
    return "{}  [{}, {}]".format(*(_three_digits(v) for v in (centre, low, high)))


def _three_digits(value: float) -> str:
    if math.isinf(value):
        return "∞"
    if value < 1e-4:
        return "0" if value == 0 else f"{value:.0e}"
    if value >= 1000:
        return f"{value:,.0f}"
    places = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:.{min(places, 4)}f}"
