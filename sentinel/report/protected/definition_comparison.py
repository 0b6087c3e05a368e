"""What may be printed of a classification and of a comparison of definitions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.disclosure import protect_marginals
from sentinel.report.formats import WITHHELD

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from sentinel.classify import Classification, DefinitionComparison
    from sentinel.disclosure import ReleasePolicy

__all__ = [
    "ReleasedComparison",
    "release_classification",
    "release_comparison",
]

Shown: TypeAlias = dict[str, int | None]
WORDS = {1: "yes", 0: "no"}
ANSWERS = ("yes", "no", "unknown")
CELLS = {
    ("yes", "yes"): "both_yes",
    ("yes", "no"): "first_only",
    ("no", "yes"): "second_only",
    ("no", "no"): "both_no",
}
UNSETTLED = "not_settled_by_both"
SHARES = (
    "estimate", "ci_low", "ci_high", "lower", "upper", "bound_low", "bound_high",
)  # fmt: skip
KAPPA = ("kappa", "kappa_low", "kappa_high")
TYPE = "d_type"
UNDECIDED = "not decided by the known answers"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasedComparison:
    """A comparison of definitions after disclosure control: no ids, no small groups.

    Attributes
    ----------
    prevalence, agreement : DataFrame
        As in `DefinitionComparison`; hidden numbers are missing and the row says so in
        ``hidden``.
        Agreement has ``not_settled_by_both`` besides the four counts of those whom
        both definitions settle; ``first_only`` and ``second_only`` are who moves.
        Patterns over more than two definitions stay inside the house: they would make
        most of these counts tell small groups.
    n_hidden : int
        Counts that were hidden.
    mark : str
        What is printed for a hidden number.
    notes : tuple of str
    rounds : tuple of str
        Rounds compared together where only some are; empty for all interviews.
    titles : mapping of str to str
        What the definitions are called.
    """

    prevalence: pd.DataFrame
    agreement: pd.DataFrame
    n_hidden: int
    mark: str
    notes: tuple[str, ...]
    rounds: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)


def release_comparison(
    comparison: DefinitionComparison,
    policy: ReleasePolicy,
    *,
    told: Mapping[str, pd.Series] | None = None,
) -> ReleasedComparison:
    """Protect a comparison of definitions as one system of tables.

    The counts by definition and by pair of definitions are of the same persons: each is
    a sum of patterns over all definitions, which are not printed, and all are protected
    together. Shares and kappas are withheld wherever a count that they would tell is.

    Parameters
    ----------
    comparison : DefinitionComparison
    policy : ReleasePolicy
    told : mapping of str to Series, optional
        Yes, no or unknown per interview, whose counts the same document tells readers
        in other tables, such as the other settings of the definition. They are
        protected with the rest, and are never what is hidden.

    Raises
    ------
    InputError
        If only hiding what is told elsewhere would protect small groups.
    """
    names, known = list(comparison.compared), dict(told or {})
    pairs = list(itertools.combinations(names, 2))
    persons = comparison.persons.assign(
        **known, **{_joined(pair): _cells(comparison.persons, pair) for pair in pairs}
    )
    tables = [*names, *known, *map(_joined, pairs)]
    counts: dict[str, Shown] = {}
    n_hidden = 0
    if names:
        found = protect_marginals(
            persons, [[name] for name in tables], policy, headline=[*names, *known]
        )
        counts = dict(zip(tables, map(_shown_counts, found.tables), strict=True))
        n_hidden = found.n_hidden
    _refuse_hiding(known, counts)
    rows = [
        _prevalence_row(row, counts.get(str(row["definition"])), policy)
        for _, row in comparison.prevalence.iterrows()
    ]
    alone = comparison.prevalence.loc[
        ~comparison.prevalence["is_headline"], "definition"
    ]
    return ReleasedComparison(
        prevalence=pd.DataFrame(rows),
        agreement=pd.DataFrame(
            [
                _agreement_row(row, counts[_joined((row["first"], row["second"]))])
                for _, row in comparison.agreement.iterrows()
            ]
        ),
        n_hidden=n_hidden + sum(bool(row["hidden"]) for row in rows),
        mark=WITHHELD,
        notes=(
            *comparison.notes,
            *(f"{name}: one by one, never added up." for name in alone.unique()),
        ),
        titles={item.name: item.title for item in comparison.definitions},
    )


def release_classification(
    classification: Classification, policy: ReleasePolicy
) -> tuple[pd.DataFrame, int]:
    """Protect the counts of one classification.

    Returns
    -------
    frame : DataFrame
        ``class, value, count`` (Int64, NA if hidden): yes, no and unknown of every
        outcome, then the types.
    n_hidden : int
    """
    names = list(classification.definition.outcome_names)
    persons = pd.DataFrame(
        {
            name: classification.frame[name].map(WORDS).fillna("unknown").astype("str")
            for name in names
        }
    )
    if TYPE in classification.frame:
        types = classification.frame[TYPE].astype("object")
        persons[TYPE] = types.where(types.notna(), UNDECIDED).astype("str")
        names.append(TYPE)
    found = protect_marginals(
        persons,
        [[name] for name in names],
        policy,
        headline=classification.definition.outcome_names,
    )
    parts = []
    for name, table in zip(names, found.tables, strict=True):
        part = table.set_axis(["value", "count"], axis=1)
        part.insert(0, "class", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True), found.n_hidden


def _refuse_hiding(known: Iterable[str], counts: Mapping[str, Shown]) -> None:
    hidden = [name for name in known if None in counts.get(name, {}).values()]
    if hidden:
        raise InputError(
            f"beside {', '.join(hidden)}, which are printed elsewhere, counts of other "
            "definitions would tell small groups."
        )


def _joined(pair: tuple[str, str]) -> str:
    return " / ".join(pair)


def _cells(persons: pd.DataFrame, pair: tuple[str, str]) -> pd.Series:
    keys = zip(persons[pair[0]], persons[pair[1]], strict=True)
    return pd.Series([CELLS.get(key, UNSETTLED) for key in keys], persons.index, "str")


def _shown_counts(table: pd.DataFrame) -> Shown:
    """Return what a table of one variable shows: a count, or None where hidden."""
    return {
        str(value): None if pd.isna(count) else int(count)
        for value, count in table.itertuples(index=False, name=None)
    }


def _prevalence_row(
    row: pd.Series, counts: Shown | None, policy: ReleasePolicy
) -> dict[Hashable, object]:
    if counts is None:
        # Of one outcome alone: n is known, so a small count hides the row as a whole.
        hidden = any(policy.is_small(int(row[answer])) for answer in ANSWERS)
    else:
        hidden = None in counts.values()
    released: dict[Hashable, object] = dict(row)
    if hidden:
        released |= dict.fromkeys(SHARES, np.nan) | dict.fromkeys(ANSWERS, pd.NA)
    return released | {"hidden": hidden}


def _agreement_row(row: pd.Series, counts: Shown) -> dict[Hashable, object]:
    cells = {name: counts.get(name, 0) for name in (*CELLS.values(), UNSETTLED)}
    hidden = {name for name, count in cells.items() if count is None}
    released: dict[Hashable, object] = dict(row)
    if hidden:
        released |= dict.fromkeys(KAPPA, np.nan)
    if hidden - {"first_only", "second_only"}:
        # With the others shown, how many move either way is known anyway.
        released["share"] = np.nan
    shown = {name: pd.NA if count is None else count for name, count in cells.items()}
    return released | shown | {"hidden": bool(hidden)}
