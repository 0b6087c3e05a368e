"""The study's respondents under other definitions: what the page may say of it.

The page holds tables by round and by setting of the same persons, so this part is
protected with all settings that are shown, leaves out rounds that are withheld, and
prints shares so coarse that no step of them stands for fewer than the minimum cell.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError, NotEstimableError
from sentinel.report.formats import NOTHING, WITHHELD, interval, is_missing
from sentinel.report.protected.definition_comparison import (
    ReleasedComparison,
    release_comparison,
)
from sentinel.report.tables import Column, PrintedTable, text_columns

if TYPE_CHECKING:
    from sentinel.analysis.results import StudyResult
    from sentinel.disclosure import ReleasePolicy
    from sentinel.report.protected.release import Release

__all__ = ["coarse_step", "definition_tables", "protect_definitions"]

TITLE = "Comparison of definitions"
ROUND = "round_id"
WORDS = {1: "yes", 0: "no"}
STEPS = (0.01, 0.02, 0.05, 0.1)


def coarse_step(n_persons: int, minimum_cell: int) -> float | None:
    """Return the rounding of shares whose every step is at least the minimum cell.

    Examples
    --------
    >>> coarse_step(1365, 11), coarse_step(300, 11), coarse_step(90, 11)
    (0.01, 0.05, None)
    """
    return next((step for step in STEPS if step * n_persons >= minimum_cell), None)


def protect_definitions(
    result: StudyResult,
    hidden: Mapping[str, Collection[str]],
    sensitivity: pd.DataFrame,
    policy: ReleasePolicy,
) -> tuple[ReleasedComparison | None, tuple[str, ...]]:
    """Protect the comparison with what the page tells of the same persons.

    Parameters
    ----------
    result : StudyResult
    hidden : mapping of str to collection of str
        Rounds that the page withholds, by quantity.
    sensitivity : DataFrame
        The page's table by setting: a setting that it withholds tells nothing here.
    policy : ReleasePolicy

    Returns
    -------
    comparison : ReleasedComparison or None
    reasons : tuple of str
        Why there is none.
    """
    others = result.other_definitions
    if others is None:
        return None, ()
    gone = set().union(*hidden.values())
    rounds = [item.label for item in result.config.rounds if item.label not in gone]
    persons = result.interviews.frame[ROUND].astype("str").isin(rounds)
    if coarse_step(int(persons.sum()), policy.minimum_cell) is None:
        return None, (f"{TITLE}: too few respondents in rounds that are shown.",)
    outcome = result.config.classify.outcome
    told = {
        f"the setting {name}": _words(classification.frame.loc[persons, outcome])
        for name, classification in result.settings.items()
        if not _is_withheld(name, rounds, sensitivity)
    }
    try:
        shown = release_comparison(others.compare(rounds), policy, told=told)
    except (InputError, NotEstimableError) as error:
        return None, (f"{TITLE}: {error}",)
    return replace(shown, rounds=tuple(rounds)), ()


def _is_withheld(
    setting: str, rounds: Collection[str], sensitivity: pd.DataFrame
) -> bool:
    """Return whether the page hides a setting in any of these rounds."""
    if sensitivity.empty:
        return False
    rows = sensitivity[
        (sensitivity["setting"] == setting) & sensitivity[ROUND].isin(rounds)
    ]
    return bool(rows["suppressed"].astype(bool).any())


def _words(outcome: pd.Series) -> pd.Series:
    return outcome.map(WORDS).fillna("unknown").astype("str")


def definition_tables(release: Release) -> tuple[PrintedTable, ...]:
    """Return prevalence under every definition, then how far pairs of them agree."""
    found = release.comparison
    if found is None:
        return ()
    shares = found.prevalence[found.prevalence["is_headline"].astype(bool)]
    step = coarse_step(int(shares["n"].iloc[0]), release.minimum_cell) or STEPS[-1]
    tables = [_prevalence(shares, release, found, step)]
    if len(found.agreement):
        tables.append(_agreement(found.agreement, step))
    return tuple(tables)


def _prevalence(
    frame: pd.DataFrame, release: Release, found: ReleasedComparison, step: float
) -> PrintedTable:
    settles = (frame["lower"] > 0) | (frame["upper"] < 1) | frame["hidden"].astype(bool)
    rows = []
    for _, row in frame[settles].iterrows():
        mark = WITHHELD if row["hidden"] else NOTHING
        name = str(row["definition"])
        rows.append(
            (
                f"{name} (this study)" if name == release.definition.name else name,
                found.titles[name],
                _share(row["estimate"], step, mark),
                _limits(row["ci_low"], row["ci_high"], step, mark),
                _limits(row["lower"], row["upper"], step, mark),
                str(int(row["switched_off"])),
            )
        )
    rounds = [release.labels.rounds[label] for label in found.rounds]
    idle = ", ".join(frame.loc[~settles, "definition"].astype(str))
    return PrintedTable(
        name="definitions",
        caption="Prevalence under every definition, in percent",
        columns=(
            *text_columns("Definition", "Title"),
            Column(label="Unknown left out"),
            Column(label="Interval"),
            Column(label="Unknown all no to all yes"),
            Column(label="Indicators switched off"),
        ),
        rows=tuple(rows),
        notes=(
            f"Rounds: {'; '.join(rounds)}.",
            f"Shares are rounded to {100 * step:.0f} %, limits outwards. {NOTHING}: "
            "the answers cannot settle both yes and no.",
            *([f"Settled for nobody, so not listed: {idle}."] if idle else []),
            *_periods(frame[settles]),
        ),
    )


def _periods(frame: pd.DataFrame) -> list[str]:
    """Return every reference period once, after the definitions that state it."""
    stated = frame[frame["reference_period"].astype(bool)]
    return [
        f"{', '.join(part['definition'].astype(str))}: {period}."
        for period, part in stated.groupby("reference_period", sort=False)
    ]


def _agreement(frame: pd.DataFrame, step: float) -> PrintedTable:
    rows = []
    for _, row in frame.iterrows():
        mark = WITHHELD if row["hidden"] else NOTHING
        kappa = mark if is_missing(row["kappa"]) else f"{row['kappa']:.1f}"
        moves = ("first_only", "second_only")
        settled = ("both_yes", *moves, "both_no")
        n_settled = sum(0 if is_missing(row[name]) else row[name] for name in settled)
        hidden = any(is_missing(row[name]) for name in settled)
        rows.append(
            (
                str(row["first"]),
                str(row["second"]),
                _share(row["share"], step, mark),
                kappa,
                *(
                    mark if hidden or not n_settled
                    else _share(row[name] / n_settled, step, mark)
                    for name in moves
                ),
            )
        )  # fmt: skip
    return PrintedTable(
        name="definitions_agreement",
        caption="Persons whom two definitions settle: who agrees, and who moves",
        columns=(
            *text_columns("First", "Second"),
            Column(label="Same, %"),
            Column(label="Kappa"),
            Column(label="Case under the first only, %"),
            Column(label="Case under the second only, %"),
        ),
        rows=tuple(rows),
        n_headers=2,
        notes=(
            "Definitions answer different questions: a difference is no error of "
            "either, and none of them is a legal finding. Kappa is low by itself where "
            "cases are rare.",
        ),
    )


def _share(share: float, step: float, mark: str) -> str:
    return mark if is_missing(share) else f"{100 * step * round(share / step):.0f}"


def _limits(low: float, high: float, step: float, mark: str) -> str:
    if is_missing(low) or is_missing(high):
        return mark
    ends = (step * math.floor(low / step), step * math.ceil(high / step))
    return interval(*(f"{100 * min(max(end, 0.0), 1.0):.0f}" for end in ends))
