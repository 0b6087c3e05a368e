"""What may honestly be said of a withheld row.

A row withheld because it has few cases in a sample of stated size still carries news:
at most so many of so many. The statement must be the same for every count from 1 to
k - 1, so it is made from k and n alone: the Clopper-Pearson limit of k - 1 cases of n.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from estimators.checks import check_level
from estimators.errors import InputError
from sentinel.disclosure.policy import ReleasePolicy

__all__ = ["Reason", "RowState", "describe", "largest_share"]

LEVEL = 0.95


class Reason(StrEnum):
    """Why a row is withheld, as far as that may be said."""

    SHOWN = ""
    FEW_CASES = "few cases"
    FEW_NON_CASES = "few non-cases"
    FEW_RESPONDENTS = "few respondents"
    WITHHELD = "withheld"


class RowState(tuple[Reason, bool]):
    """Why a row is withheld, and whether its number of respondents is too."""

    __slots__ = ()

    @property
    def reason(self) -> Reason:
        """Why."""
        return self[0]

    @property
    def hides_n(self) -> bool:
        """Whether respondents are withheld too."""
        return self[1]


def largest_share(
    n: int, minimum: int, *, design_effect: float = 1.0, level: float = LEVEL
) -> float:
    """Return the upper confidence limit of a share with the most cases it may have.

    The Clopper-Pearson limit of ``minimum - 1`` cases among `n` respondents, both
    divided by `design_effect`. It depends on nothing that is withheld.

    Parameters
    ----------
    n : int
        Respondents.
    minimum : int
        Smallest count that may be shown.
    design_effect : float
        A planning value at least 1, never the row's own estimate.
    level : float

    Raises
    ------
    InputError
        If `design_effect` is below 1 or `n` below `minimum`.

    Examples
    --------
    >>> round(largest_share(128, 11), 4)
    0.139
    """
    check_level(level)
    if not design_effect >= 1:
        raise InputError(
            f"design_effect={design_effect!r}: give a value of at least 1."
        )
    if n < minimum:
        raise InputError(f"n={n} is below the minimum cell {minimum}.")
    cases, size = (minimum - 1) / design_effect, n / design_effect
    return float(betaincinv(cases + 1, size - cases, 1 - (1 - level) / 2))


def describe(
    frame: pd.DataFrame,
    states: list[RowState],
    policy: ReleasePolicy,
    design_effect: float,
) -> pd.DataFrame:
    """Add status, reason, statement and bounds to rows that are hidden already."""
    k = policy.minimum_cell
    result = frame.copy()
    statements, lows, highs = [], [], []
    for state, n in zip(states, frame["n_obs"], strict=True):
        text, low, high = "", np.nan, np.nan
        if state.reason is Reason.FEW_RESPONDENTS:
            text = f"fewer than {k} respondents"
        elif state.reason is Reason.FEW_CASES and not state.hides_n:
            high = _ceil(largest_share(int(n), k, design_effect=design_effect))
            text = f"fewer than {k} of {int(n)}; at most {100 * high:.1f} %"
        elif state.reason is Reason.FEW_NON_CASES and not state.hides_n:
            low = 1 - _ceil(largest_share(int(n), k, design_effect=design_effect))
            text = f"all but fewer than {k} of {int(n)}; at least {100 * low:.1f} %"
        elif state.reason is not Reason.SHOWN:
            text = "withheld to protect a small group"
        statements.append(text)
        lows.append(low)
        highs.append(high)
    result["status"] = [
        "shown" if state.reason is Reason.SHOWN else "withheld" for state in states
    ]
    result["reason"] = [state.reason.value for state in states]
    result["statement"] = statements
    result["lower_bound"] = np.round(np.array(lows, dtype=np.float64), 3)
    result["upper_bound"] = np.round(np.array(highs, dtype=np.float64), 3)
    for name in ("status", "reason", "statement"):
        result[name] = result[name].astype("str")
    return result


def _ceil(share: float) -> float:
    # Rounded up to a tenth of a percent: a limit must not shrink by rounding.
    return float(np.ceil(share * 1000 - 1e-9) / 1000)
