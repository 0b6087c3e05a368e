"""Tables of estimates: rows that rest on a few persons are withheld.

What is protected is the number of respondents, of cases and of non-cases behind a row:
an estimate, its standard error or its interval gives them away, so all go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from sentinel.disclosure.linking import (
    CountedTable,
    LinkedTables,
    group_rows,
    link_tables,
)
from sentinel.disclosure.policy import ReleasePolicy
from sentinel.disclosure.questions import RowCells
from sentinel.disclosure.statements import Reason, RowState, describe
from sentinel.disclosure.suppression import Suppression, suppress
from sentinel.disclosure.withholding import without_withheld

if TYPE_CHECKING:
    from estimators.array_types import BoolVector

__all__ = ["EstimateRows", "protect_estimates", "protect_tables"]

Key = tuple[str, tuple[str, ...], tuple[str, ...]]


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

    @property
    def answers(self) -> pd.DataFrame | None:
        """Persons behind the rows: the group columns and ``answer`` (1, 0, missing)."""


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

        A row is withheld if respondents, cases or non-cases number 1 to k - 1, if
        everybody is a case, or to keep such a row from being computed as a difference.
        Its estimate, interval, standard error, cases and unknowns are then missing;
        ``n_obs`` stays unless it is what must be hidden. Where even a reader who knows
        which rows are small cannot narrow them down, ``statement`` says "fewer than 11
        of 128; at most 13.9 %", the same words for any count from 1 to k - 1, and
        ``upper_bound`` is that limit (see `sentinel.disclosure.statements`).
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
    parts = [
        _Part(by=tuple(by), frame=part, world=str(at))
        for at, part in enumerate(_split(frame, within))
    ]
    released = _protect(parts, policy, design_effect, known=True)
    if not released:
        return describe(without_withheld(frame, [], policy), [], policy, design_effect)
    return pd.concat(released).loc[frame.index]


def protect_tables(
    tables: Sequence[EstimateRows],
    policy: ReleasePolicy,
    *,
    minor: Sequence[EstimateRows] = (),
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
    minor : sequence of EstimateTable
        Further tables of the release whose rows are withheld before those of `tables`,
        such as other settings of a definition.
    design_effect : float
        See `protect_estimates`.

    Returns
    -------
    list of DataFrame
        As `protect_estimates` returns them, in the order of `tables`, then of `minor`.

    Notes
    -----
    Tables of different estimands are tied through the answers behind them
    (`sentinel.disclosure.questions`): where one outcome implies another, the difference
    of their cases is a group too. Tables without ``answers`` are tied to those of their
    own estimand only. Events and persons are not subtracted from each other: their
    shares carry different weights, so that no counts follow from them.
    """
    parts = [
        _Part(
            by=tuple(table.by),
            frame=table.frame,
            question=_family(table.frame),
            world=table.quantity,
            answers=table.answers,
            minor=at >= len(tables),
        )
        for at, table in enumerate([*tables, *minor])
    ]
    return _protect(parts, policy, design_effect, known=False)


def _split(frame: pd.DataFrame, within: Sequence[str]) -> list[pd.DataFrame]:
    if not within:
        return [frame] if len(frame) else []
    keys = frame[list(within)].astype("str").agg("\x1f".join, axis=1)
    return [part for _, part in frame.groupby(keys, sort=True)]


def _family(frame: pd.DataFrame) -> str:
    if "estimand" not in frame or frame.empty:
        return ""
    return str(frame["estimand"].iloc[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """A table to protect: those of one world are linked."""

    by: tuple[str, ...]
    frame: pd.DataFrame
    question: str = ""
    world: str = ""
    answers: pd.DataFrame | None = None
    minor: bool = False


def _protect(
    parts: Sequence[_Part], policy: ReleasePolicy, design_effect: float, *, known: bool
) -> list[pd.DataFrame]:
    """Protect tables: those of one world are linked, rows go in all worlds at once."""
    rows = [group_rows(part.frame, part.by) for part in parts]
    keys = [
        [
            (part.question, part.by, tuple(str(item) for item in labels.values()))
            for labels, _ in table
        ]
        for part, table in zip(parts, rows, strict=True)
    ]
    linked: list[tuple[list[int], LinkedTables]] = []
    for world in dict.fromkeys(part.world for part in parts):
        members = [at for at, part in enumerate(parts) if part.world == world]
        tables = [
            CountedTable(
                parts[at].by,
                rows[at],
                parts[at].question,
                parts[at].answers,
                parts[at].minor,
            )
            for at in members
        ]
        linked.append((members, link_tables(tables, policy.minimum_cell, known=known)))
    withheld: set[Key] = set()
    while True:
        before = len(withheld)
        found: dict[int, list[RowState]] = {}
        for members, system in linked:
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
    _say_alike(found, keys)
    return [
        describe(
            without_withheld(part.frame, found[at], policy),
            found[at],
            policy,
            design_effect,
        )
        for at, part in enumerate(parts)
    ]


def _say_alike(found: dict[int, list[RowState]], keys: Sequence[Sequence[Key]]) -> None:
    """Say why a row is withheld only where every table of that row may say the same."""
    reasons: dict[Key, set[Reason]] = {}
    for at, states in found.items():
        for key, state in zip(keys[at], states, strict=True):
            reasons.setdefault(key, set()).add(state.reason)
    for at, states in found.items():
        found[at] = [
            state
            if len(reasons[key]) == 1
            else RowState((Reason.WITHHELD, state.hides_n))
            for key, state in zip(keys[at], states, strict=True)
        ]


def _forced(
    linked: LinkedTables, keys: Sequence[Sequence[Key]], withheld: set[Key]
) -> BoolVector:
    forced = np.zeros(len(linked.system), dtype=bool)
    for table, names in zip(linked.rows, keys, strict=True):
        for row, key in zip(table, names, strict=True):
            counted = [cell for cell in row[1:] if cell is not None]
            if key in withheld or linked.untied & set(counted):
                forced[counted] = True
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
