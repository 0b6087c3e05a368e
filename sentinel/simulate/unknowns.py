"""Takes away what a person did not tell: refusals, skips and answers not known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sentinel.schema.states import CellState
from sentinel.simulate.parameters import UnknownRates

__all__ = ["DESIGN_COLUMNS", "SENSITIVE", "blank_what_was_not_told"]

DESIGN_COLUMNS = (
    "rec_id",
    "site_code",
    "int_date",
    "truck_seq",
    "truck_n",
    "truck_n_src",
    "samp_k",
    "samp_r",
    "sel_outcome",
    "interviewer_id",
    "int_sex",
    "int_lang",
    "interpreter",
    "private",
    "consent_read",
    "consent_given",
    "distress",
    "deport_code",
)
"""Known of every selected person; all else is content."""

SENSITIVE = (
    "sold",
    "violence",
    "verbal",
    "threat_self",
    "threat_family",
    "threat_police",
    "threat_kill",
    "docs_held",
    "pay_promised",
    "pay_received",
)
_ALWAYS_KNOWN = frozenset(
    {
        "sex",
        "age_src",
        "nationality",
        "return_date",
        "child_guard",
        "hh_debt_usd",
        "why_not_quit",
        "debt_fair",
        "leave_date",
    }
)
"""Seen or recorded by the interviewer, or follow-ups whose parent may be unknown."""

_FOLLOW_UPS = {
    "age": "child_guard",
    "hh_debt": "hh_debt_usd",
    "free_quit": "why_not_quit",
    "debt_dest": "debt_fair",
}
_PARTIAL, _STOPPED = "2", "7"


def blank_what_was_not_told(
    frame: pd.DataFrame, rates: UnknownRates, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the frame without what was not told, and the state of every cell.

    Who did not consent has design cells only. Who broke off has no answer from a random
    question on. Single answers are "don't know" or "refused", each item independently
    of everything else (missing completely at random by item); that does not make the
    classification missing at random, because a case shows itself by several indicators
    and a non-case must deny them all.

    Parameters
    ----------
    frame : DataFrame of shape (n, variables)
        Every answer known; NA where a question does not apply.
    rates : UnknownRates
    rng : Generator
    """
    states = pd.DataFrame(
        np.where(frame.isna(), CellState.NOT_ASKED, CellState.VALUE).astype(np.uint8),
        index=frame.index,
        columns=frame.columns,
    )
    content = [name for name in frame.columns if name not in DESIGN_COLUMNS]
    cells = states[content].to_numpy(copy=True)
    place = {name: number for number, name in enumerate(content)}
    unknown = rng.random(cells.shape) < _rates(content, rates)
    refused = rng.random(cells.shape) < 0.5
    reason = np.where(refused, CellState.REFUSED, CellState.DONT_KNOW)
    unknown &= cells == CellState.VALUE
    cells[unknown] = reason[unknown]
    for parent, follow_up in _FOLLOW_UPS.items():
        cells[unknown[:, place[parent]], place[follow_up]] = CellState.NOT_ASKED
    outcome = frame["sel_outcome"].to_numpy(dtype=object)
    broke_off = np.isin(outcome, [_PARTIAL, _STOPPED])
    reached = rng.integers(len(content) // 3, len(content), len(frame))
    too_late = broke_off[:, None] & (np.arange(len(content)) >= reached[:, None])
    cells[too_late] = CellState.MISSING
    silent = frame["consent_given"].ne("1").to_numpy(dtype=bool)
    cells[silent] = CellState.NOT_ASKED
    states[content] = cells
    hidden = states.to_numpy() != CellState.VALUE
    told = {
        name: frame[name].mask(hidden[:, number])
        if hidden[:, number].any()
        else frame[name]
        for number, name in enumerate(frame.columns.astype(str))
    }
    return pd.DataFrame(told), states


def _rates(content: list[str], rates: UnknownRates) -> np.ndarray:
    by_name = {
        **dict.fromkeys(content, rates.ordinary),
        **dict.fromkeys(SENSITIVE, rates.sensitive),
        **dict.fromkeys(_ALWAYS_KNOWN, 0.0),
        "deport_12m": rates.prior_deportations,
    }
    return np.array([by_name[name] for name in content])
