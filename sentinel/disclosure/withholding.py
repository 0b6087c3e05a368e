"""What is left of withheld rows, and comparisons that would give them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.disclosure.policy import ReleasePolicy
from sentinel.disclosure.statements import Reason, RowState, describe

__all__ = ["protect_alike", "withhold_contrasts", "without_withheld"]

PROPORTION_DECIMALS = 3
OTHER_DIGITS = 3
HIDDEN_COLUMNS = (
    "estimate",
    "std_error",
    "ci_low",
    "ci_high",
    "n_cases",
    "n_unknown",
    "design_effect",
    "p_value",
)
ROUNDED_COLUMNS = ("estimate", "std_error", "ci_low", "ci_high")


def protect_alike(
    frame: pd.DataFrame,
    like: pd.DataFrame,
    by: Sequence[str],
    policy: ReleasePolicy,
    *,
    same: Literal["cases", "non-cases"],
) -> pd.DataFrame:
    """Withhold the rows that are withheld in another table of the same groups.

    For tables whose counts follow from those of the other and from numbers that are
    printed anyway, such as cases with every unknown counted as one.

    Parameters
    ----------
    frame : DataFrame
        Rows as `protect_estimates` takes them.
    like : DataFrame
        A protected table with a row for each group of `frame`.
    by : sequence of str
        Group columns.
    policy : ReleasePolicy
    same : {"cases", "non-cases"}
        Which count is that of `like`. That it is few is said here too; of the other no
        row says more than that it is withheld.

    Raises
    ------
    InputError
        If a group of `frame` is not in `like`.
    """
    keys = frame[list(by)].astype("str").agg("\x1f".join, axis=1)
    names = like[list(by)].astype("str").agg("\x1f".join, axis=1)
    absent = sorted(set(keys) - set(names))
    if absent:
        raise InputError(
            f"{len(absent)} groups are not in the table to follow: protect them by "
            "themselves."
        )
    kept = Reason.FEW_CASES if same == "cases" else Reason.FEW_NON_CASES
    said = {
        name: RowState((_alike(str(status), str(reason), kept), bool(without_n)))
        for name, status, reason, without_n in zip(
            names, like["status"], like["reason"], like["n_obs"].isna(), strict=True
        )
    }
    states = [said[key] for key in keys]
    return describe(without_withheld(frame, states, policy), states, policy, 1.0)


def _alike(status: str, reason: str, kept: Reason) -> Reason:
    if status == "shown":
        return Reason.SHOWN
    return kept if reason == kept.value else Reason.WITHHELD


def withhold_contrasts(
    frame: pd.DataFrame,
    withheld: Sequence[str],
    groups: Sequence[str],
    *,
    column: str = "contrast",
) -> pd.DataFrame:
    """Withhold comparisons that involve a withheld round: they would tell its estimate.

    Parameters
    ----------
    frame : DataFrame
        Contrasts with the result columns.
    withheld : sequence of str
        Labels of withheld groups.
    groups : sequence of str
        Labels of all groups.
    column : str
        Text that names the groups compared. A contrast that names none of them, such as
        a slope over all rounds, is withheld as soon as any group is.

    Examples
    --------
    >>> trend = pd.DataFrame({"contrast": ["2010 - 2009", "2013 - 2009", "slope"],
    ...     "unit": "proportion", "estimate": [-0.02, -0.19, -0.05]})
    >>> result = withhold_contrasts(trend, ["2013"], ["2009", "2010", "2013"])
    >>> result["status"].tolist()
    ['shown', 'withheld', 'withheld']
    """
    text = frame[column].astype("str")
    names = sorted({str(label) for label in withheld}, key=len, reverse=True)
    hit = np.zeros(len(frame), dtype=bool)
    for name in names:
        hit |= text.str.contains(name, regex=False).to_numpy(dtype=bool)
    if names:
        # What names no group runs over all of them: a slope, an overall test.
        named = np.zeros(len(frame), dtype=bool)
        for name in sorted({str(label) for label in groups}):
            named |= text.str.contains(name, regex=False).to_numpy(dtype=bool)
        hit |= ~named
    result = _round(frame)
    for name in HIDDEN_COLUMNS:
        if name in result:
            result[name] = result[name].mask(hit)
    result["status"] = np.where(hit, "withheld", "shown")
    return result


def without_withheld(
    frame: pd.DataFrame, states: Sequence[RowState], policy: ReleasePolicy
) -> pd.DataFrame:
    """Return the rows without what is withheld, the rest rounded."""
    withheld = np.array([state.reason is not Reason.SHOWN for state in states], bool)
    without_n = np.array([state.hides_n for state in states], dtype=bool)
    result = _round(frame)
    for name in ("n_obs", "n_cases", "n_unknown"):
        if name in result:
            result[name] = result[name].astype("Float64").round().astype("Int64")
    k = policy.minimum_cell
    if "n_unknown" in result:
        unknown = result["n_unknown"]
        small = ((unknown > 0) & (unknown < k)).fillna(value=False).to_numpy(dtype=bool)
        text = unknown.astype("object").map(
            lambda count: f"{count}", na_action="ignore"
        )
        shown = text.mask(small, f"<{k}").mask(withheld, "").fillna("").astype("str")
        result["n_unknown"] = unknown.mask(small)
        result["n_unknown_shown"] = shown
    for name in HIDDEN_COLUMNS:
        if name in result:
            result[name] = result[name].mask(withheld)
    result["n_obs"] = result["n_obs"].mask(without_n)
    if policy.round_to:
        for name in ("n_obs", "n_cases"):
            if name in result:
                result[name] -= result[name] % policy.round_to
    # A note may quote the counts that made its author doubt; another method than that
    # of the other rows says that nobody or everybody is a case.
    for name in result.columns.intersection(["notes", "interval_method"]):
        result[name] = result[name].mask(withheld, "")
    return result


def _round(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with figures no finer than a release needs."""
    result = frame.copy()
    unit = frame["unit"] if "unit" in frame else pd.Series("", index=frame.index)
    share = unit.astype("str").isin(["proportion", "probability"])
    for name in ROUNDED_COLUMNS:
        if name in result:
            values = result[name].astype("float64")
            result[name] = values.round(PROPORTION_DECIMALS).where(
                share, values.map(_three_digits)
            )
    return result


def _three_digits(value: float) -> float:
    return float(f"{value:.{OTHER_DIGITS}g}") if np.isfinite(value) else value
