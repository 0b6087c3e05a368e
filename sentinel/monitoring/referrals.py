"""What became of referrals: action, none, or not known."""

from __future__ import annotations

import pandas as pd

from estimators.errors import InputError
from estimators.proportions import proportion_ci
from sentinel.monitoring.hotline import HotlineLog

__all__ = ["referral_outcomes"]


def referral_outcomes(log: HotlineLog, *, level: float = 0.95) -> pd.DataFrame:
    """Return the share of referred cases that led to action, unknowns told.

    Cases count, not calls. The outcome of a referral is often never reported back, and
    hardly at random: the first row leaves the unknown out, the others count them as
    without and as with action. The truth lies between those two.

    Parameters
    ----------
    log : HotlineLog
        Read with ``referred`` and ``action``.
    level : float

    Returns
    -------
    DataFrame
        Columns of `Estimate.to_frame` with ``unknowns`` ("left out", "no action",
        "action"), ``n_referred`` and ``n_unknown``.

    Raises
    ------
    InputError
        If no case was referred.

    Notes
    -----
    Wilson intervals for independent cases. Cases of one workplace are not independent:
    the true intervals are wider.
    """
    cases = log.cases
    referred = cases[cases["referred"] == "yes"]
    if referred.empty:
        raise InputError(
            f"None of {len(cases)} cases is recorded as referred. Was the column of "
            "referrals named (HotlineColumns.referred)?"
        )
    acted = int((referred["action"] == "yes").sum())
    unknown = int((referred["action"] == "unknown").sum())
    n_referred = len(referred)
    ways = {
        "left out": (acted, n_referred - unknown),
        "no action": (acted, n_referred),
        "action": (acted + unknown, n_referred),
    }
    frames = [
        proportion_ci(successes, trials, method="wilson", level=level)
        .to_frame()
        .assign(
            estimand="share of referred cases with action",
            unknowns=how,
            n_referred=n_referred,
            n_unknown=unknown,
        )
        for how, (successes, trials) in ways.items()
        if trials
    ]
    return pd.concat(frames, ignore_index=True)
