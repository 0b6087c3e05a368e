"""What is told beside an interrupted series: its parts and its doubts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.surveillance.interrupted_errors import HIGHEST_CORRELATION

if TYPE_CHECKING:
    from estimators.surveillance.interrupted_errors import ErrorEstimate, FittedSeries

__all__ = ["interrupted_doubts", "interrupted_notes"]

_FEW_DF = 10  # below it normal limits are too narrow, and a size hardly known
_ALIKE = 0.05  # Ljung-Box p-value below which a note speaks of autocorrelation


def interrupted_notes(start: int, fitted: FittedSeries) -> tuple[str, ...]:
    """Say what the model is made of."""
    notes = [
        f"{start} periods before and {fitted.fit.mean.size - start} after; no "
        "comparison series: other changes at the same time are part of the level"
    ]
    if fitted.quasi and fitted.dispersion < 1:
        notes.append(f"dispersion {fitted.dispersion:.3g} < 1 taken as it is")
    if not fitted.quasi and np.isinf(fitted.size):
        notes.append("counts scatter no more than Poisson: the size is infinite")
    return tuple(notes)


def interrupted_doubts(
    fitted: FittedSeries, error: ErrorEstimate, statistics: dict[str, float]
) -> tuple[str, ...]:
    """Say what keeps the limits from their level, with the accuracy table's figures."""
    notes, few = [], fitted.fit.df < _FEW_DF
    over = f"{fitted.fit.df:.0f} periods more than terms: "
    if few and np.isinf(error.df):
        notes.append(
            f"{over}the limits, normal ones, are too narrow (on 12 simulated rounds "
            "95 % limits held the truth in 89 to 91 %, those of quantiles='t' in 94 %)"
        )
    elif few and not fitted.quasi:
        notes.append(
            f"{over}the size is hardly known; on 12 simulated months 95 % limits held "
            "the truth in 91 to 99 %"
        )
    if error.kind == "newey_west":
        notes.append(
            "Newey-West errors are too small on short series: over 48 simulated "
            "periods 95 % limits with 3 lags held the truth in 79 to 90 %, with 6 in "
            "74 to 83 %, over 12 in 60 to 79 %"
        )
    if statistics.get("ar1_correlation", 0.0) == HIGHEST_CORRELATION:
        notes.append(
            f"the correlation of neighbouring periods is set to {HIGHEST_CORRELATION}, "
            "the highest tried: the series is too short to tell it from a trend"
        )
    p_value = statistics["ljung_box_p_value"]
    if p_value < _ALIKE and error.kind != "ar1":
        notes.append(
            f"residuals are autocorrelated (Ljung-Box p = {p_value:.2g}): the limits "
            "are too narrow; with 48 monthly log rates correlated by 0.5, 95 % limits "
            "held the truth in 80 to 87 % of simulations, Newey-West ones in 74 to "
            "82 %, those of correlation='ar1' in 90 to 93 %"
        )
    return tuple(notes)
