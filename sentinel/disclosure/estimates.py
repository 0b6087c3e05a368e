"""Tables of estimates: rows that rest on a few persons are withheld.

What is protected is the number of respondents, of cases and of non-cases behind a row:
an estimate, its standard error or its interval gives them away, so all go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from sentinel.disclosure.linking import (
    LinkedTables,
    RowCells,
    group_rows,
    link_tables,
)
from sentinel.disclosure.policy import ReleasePolicy
from sentinel.disclosure.statements import Reason, RowState, describe
from sentinel.disclosure.suppression import Suppression, suppress

if TYPE_CHECKING:
    from estimators.array_types import BoolVector

__all__ = ["EstimateRows", "protect_estimates", "protect_tables", "withhold_contrasts"]

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


class EstimateRows(Protocol):
    """What `sentinel.analysis.results.EstimateTable` offers."""

    @property
    def quantity(self) -> str:
        """Event, person or other."""

    @property
    def by(self) -> tuple[str, ...]:
        """Group columns."""

    @property
    def frame(self) -> pd.DataFrame:
        """Unprotected rows."""


def protect_estimates(
    frame: pd.DataFrame,
    by: Sequence[str],
    policy: ReleasePolicy,
    *,
    within: Sequence[str] = (),
    design_effect: float = 1.0,
) -> pd.DataFrame:
    """Withhold the rows of one table of estimates that rest on a few persons.

    Parameters
    ----------
    frame : DataFrame
        Result columns with ``n_obs``, ``n_cases`` and, where there are any,
        ``n_unknown`` and the group columns.
    by : sequence of str
        Group columns whose rows add up to a total that readers know: the round's total
        where ``round_id`` is among them, else the total.
    policy : ReleasePolicy
    within : sequence of str
        Columns whose values are other treatments of the same respondents (a threshold
        setting, event or person): each value is a table of its own. A row withheld in
        one is withheld in all.
    design_effect : float
        Planning value for the statement about withheld rows. Never the row's own: that
        would tell the number of cases.

    Returns
    -------
    DataFrame
        The same rows and columns, and ``status`` ("shown" or "withheld"), ``reason``,
        ``statement``, ``lower_bound``, ``upper_bound``, ``n_unknown_shown``.

        A row is withheld if respondents, cases or non-cases number 1 to k - 1, or to
        keep such a row from being computed as a difference. Its estimate, interval,
        standard error, cases and unknowns are then missing; ``n_obs`` stays unless it
        is what must be hidden. Where even a reader who knows which rows are small
        cannot narrow them down, ``statement`` says "fewer than 11 of 128; at most
        13.9 %", the same words for any count from 1 to k - 1, and ``upper_bound`` is
        that limit (see `sentinel.disclosure.statements`).
        Shown proportions are rounded to 0.001, other figures to three digits.

    Notes
    -----
    Not protected: the number of unknowns can be had by subtraction where the number of
    interviews is printed; a total with a very precise interval tells roughly what the
    withheld rows hold together; contrasts between rounds must not be printed for
    withheld rounds (`withhold_contrasts`).

    Examples
    --------
    >>> rows = pd.DataFrame({"round_id": ["2013"], "unit": ["proportion"],
    ...     "estimate": [0.031], "std_error": [0.016], "ci_low": [0.009],
    ...     "ci_high": [0.078], "n_obs": [128], "n_cases": [4]})
    >>> protect_estimates(rows, ("round_id",), ReleasePolicy())["statement"].item()
    'fewer than 11 of 128; at most 13.9 %'
    """
    check_columns(frame, {"group": "n_obs"} | {f"by {name}": name for name in by})
    parts = _split(frame, within)
    released = _protect([(tuple(by), part) for part in parts], policy, design_effect)
    if not released:
        return describe(_hide(frame, [], policy), [], policy, design_effect)
    return pd.concat(released).loc[frame.index]


def protect_tables(
    tables: Sequence[EstimateRows],
    policy: ReleasePolicy,
    *,
    design_effect: float = 1.0,
) -> list[pd.DataFrame]:
    """Protect every table of one run together.

    Tables of the same estimand share their respondents: what the table by sex hides,
    the table by round and the total must not tell. All sums between them are one system
    (`sentinel.disclosure.linking`), and a row withheld for events is withheld for
    persons.

    Parameters
    ----------
    tables : sequence of EstimateTable
    policy : ReleasePolicy
    design_effect : float
        See `protect_estimates`.

    Returns
    -------
    list of DataFrame
        As `protect_estimates` returns them, in the order of `tables`.

    Notes
    -----
    Tables of different estimands are protected apart: nothing ties the counts of two
    different questions by a sum.
    """
    released: list[pd.DataFrame | None] = [None] * len(tables)
    families: dict[str, list[int]] = {}
    for at, table in enumerate(tables):
        families.setdefault(_family(table.frame), []).append(at)
    for members in families.values():
        parts = [(tables[at].by, tables[at].frame) for at in members]
        worlds = [tables[at].quantity for at in members]
        frames = _protect(parts, policy, design_effect, worlds=worlds)
        for at, frame in zip(members, frames, strict=True):
            released[at] = frame
    return [frame for frame in released if frame is not None]


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


def _split(frame: pd.DataFrame, within: Sequence[str]) -> list[pd.DataFrame]:
    if not within:
        return [frame] if len(frame) else []
    keys = frame[list(within)].astype("str").agg("\x1f".join, axis=1)
    return [part for _, part in frame.groupby(keys, sort=True)]


def _family(frame: pd.DataFrame) -> str:
    if "estimand" not in frame or frame.empty:
        return ""
    return str(frame["estimand"].iloc[0])


def _protect(
    parts: Sequence[tuple[tuple[str, ...], pd.DataFrame]],
    policy: ReleasePolicy,
    design_effect: float,
    *,
    worlds: Sequence[str] | None = None,
) -> list[pd.DataFrame]:
    """Protect tables: those of one world are linked, rows go in all worlds at once."""
    labels = (
        list(worlds) if worlds is not None else [str(at) for at in range(len(parts))]
    )
    rows = [group_rows(frame, by) for by, frame in parts]
    keys = [
        [(by, tuple(str(item) for item in labels_.values())) for labels_, _ in table]
        for (by, _), table in zip(parts, rows, strict=True)
    ]
    linked: dict[str, tuple[list[int], LinkedTables]] = {}
    for world in dict.fromkeys(labels):
        members = [at for at, label in enumerate(labels) if label == world]
        tables = [(parts[at][0], rows[at]) for at in members]
        system = link_tables(tables, policy.minimum_cell, known=worlds is None)
        linked[world] = (members, system)
    withheld: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
    while True:
        before = len(withheld)
        found: dict[int, list[RowState]] = {}
        for members, system in linked.values():
            forced = _forced(system, [keys[at] for at in members], withheld)
            result = suppress(system.system, policy.minimum_cell, forced=forced)
            for at, cells in zip(members, system.rows, strict=True):
                found[at] = [_state(result, row) for row in cells]
                withheld |= {
                    key
                    for key, state in zip(keys[at], found[at], strict=True)
                    if state.reason is not Reason.SHOWN
                }
        if len(withheld) == before:
            break
    return [
        describe(_hide(frame, found[at], policy), found[at], policy, design_effect)
        for at, (_, frame) in enumerate(parts)
    ]


def _forced(
    linked: LinkedTables,
    keys: Sequence[Sequence[tuple[tuple[str, ...], tuple[str, ...]]]],
    withheld: set[tuple[tuple[str, ...], tuple[str, ...]]],
) -> BoolVector:
    forced = np.zeros(len(linked.system), dtype=bool)
    for table, names in zip(linked.rows, keys, strict=True):
        for row, key in zip(table, names, strict=True):
            if key in withheld:
                forced[[cell for cell in row[1:] if cell is not None]] = True
                if row.cases is None:
                    forced[row.n] = True
    return forced


def _state(result: Suppression, row: RowCells) -> RowState:
    cells = [cell for cell in row if cell is not None]
    hidden, small = result.hidden, result.primary
    if not hidden[cells].any():
        return RowState((Reason.SHOWN, False))
    hides_n = bool(hidden[row.n])
    reason = Reason.WITHHELD
    if result.told[cells].all():
        if small[row.n]:
            reason = Reason.FEW_RESPONDENTS
        elif not hides_n and row.cases is not None and row.non_cases is not None:
            if small[row.cases]:
                reason = Reason.FEW_CASES
            elif small[row.non_cases]:
                reason = Reason.FEW_NON_CASES
    return RowState((reason, hides_n))


def _hide(
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
    if "notes" in result:
        # A note may quote the counts that made its author doubt.
        result["notes"] = result["notes"].mask(withheld, "")
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
