"""Protected counts of classes as one file, with what the ledger keeps of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError
from sentinel.disclosure import ReleasedCells, ReleasePolicy, safe_csv_cell
from sentinel.report.formats import WITHHELD
from sentinel.report.outgoing.ledger_entry import study_rounds
from sentinel.report.protected.definition_comparison import (
    ReleasedComparison,
    release_classification,
)
from sentinel.report.tables import csv_text

if TYPE_CHECKING:
    from sentinel.classify import Classification
    from sentinel.ingest.interviews import Origin
    from sentinel.study.config import StudyConfig

__all__ = [
    "CountedFile",
    "classification_file",
    "comparison_cells",
    "comparison_file",
]

ANSWERS = ("yes", "no", "unknown")
MOVES = ("both_yes", "first_only", "second_only", "both_no", "not_settled_by_both")
SHARES = ("estimate", "ci_low", "ci_high", "lower", "upper")
AGREEMENT = ("share", "kappa", "kappa_low", "kappa_high")
DIGITS = 6
Families = dict[str, dict[str, int | str | None]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedFile:
    """A file of protected counts, and what ledger and audit log keep of it."""

    text: str
    cells: ReleasedCells
    tables: Mapping[str, Mapping[str, int]]


def classification_file(
    results: Sequence[Classification], config: StudyConfig, origins: Sequence[Origin]
) -> CountedFile:
    """Return the protected counts of one classification as CSV.

    Parameters
    ----------
    results : sequence of Classification
        One: several would have to be protected together, as `comparison_file` has them.
    config : StudyConfig
    origins : sequence of Origin
        Files that were read.

    Returns
    -------
    CountedFile
        ``definition, setting, class, value, count``.

    Raises
    ------
    InputError
        If there are several.
    """
    if len(results) != 1:
        names = ", ".join(result.definition.name for result in results)
        raise InputError(
            f"{names}: counts of several definitions on the same persons tell each "
            "other. Add --compare, which protects them together."
        )
    (result,) = results
    frame, n_hidden = release_classification(
        result, ReleasePolicy.from_privacy(config.privacy)
    )
    name, setting = result.definition.name, result.setting
    own = (name, setting) == (config.classify.definition, config.classify.setting)
    families: Families = {}
    for kind, part in frame.groupby("class", sort=False):
        counts = {str(row["value"]): _whole(row["count"]) for _, row in part.iterrows()}
        families[f"class {kind}"] = {
            f"definition={name} {setting}|value={value}|persons": count
            for value, count in counts.items()
        }
        if own:
            # As the report's tables know them: its rounds add up to these counts.
            families[f"proportion of {kind}"] = _as_in_tables(counts)
    shown = frame.assign(definition=name, setting=setting)
    shown["count"] = [
        WITHHELD if pd.isna(count) else str(count) for count in shown["count"]
    ]
    columns = ["definition", "setting", "class", "value", "count"]
    return _file(shown[columns], families, config, origins, n_hidden)


def comparison_file(
    released: ReleasedComparison,
    config: StudyConfig,
    origins: Sequence[Origin],
    *,
    setting: str,
) -> CountedFile:
    """Return a protected comparison of definitions as CSV, one number a row.

    Returns
    -------
    CountedFile
        ``definition, other, outcome, quantity, value``; ``other`` is empty for what is
        said of one definition.
    """
    columns = ["definition", "other", "outcome", "quantity", "value"]
    shown = pd.DataFrame(_numbers(released), columns=columns)
    families = _comparison_families(released, setting)
    return _file(shown, families, config, origins, released.n_hidden)


def _comparison_families(released: ReleasedComparison, setting: str) -> Families:
    families: Families = {}
    for _, row in released.prevalence.iterrows():
        family = families.setdefault(f"class {row['outcome']}", {})
        family |= {
            f"definition={row['definition']} {setting}|value={answer}|persons": _whole(
                row[answer]
            )
            for answer in ANSWERS
        }
    pairs = families.setdefault("definitions compared", {})
    for _, row in released.agreement.iterrows():
        pairs |= {
            f"first={row['first']} {setting}|second={row['second']} {setting}|moves="
            f"{move}|persons": _whole(row[move])
            for move in MOVES
        }
    return families


def comparison_cells(
    released: ReleasedComparison,
    config: StudyConfig,
    origins: Sequence[Origin],
    *,
    setting: str,
) -> ReleasedCells:
    """Return the counts behind a protected comparison, for the ledger."""
    families = _comparison_families(released, setting)
    return _cells(families, config, origins)


def _cells(
    families: Families, config: StudyConfig, origins: Sequence[Origin]
) -> ReleasedCells:
    return ReleasedCells(
        rounds=study_rounds(config, origins),
        minimum_cell=config.privacy.minimum_cell,
        cells=families,
    )


def _file(
    shown: pd.DataFrame,
    families: Families,
    config: StudyConfig,
    origins: Sequence[Origin],
    n_hidden: int,
) -> CountedFile:
    return CountedFile(
        text=csv_text(shown, safe_csv_cell),
        cells=_cells(families, config, origins),
        tables={"classes": {"cells": len(shown), "hidden": n_hidden}},
    )


def _as_in_tables(counts: Mapping[str, int | None]) -> dict[str, int | str | None]:
    cases, others = counts.get("yes", 0), counts.get("no", 0)
    n = None if cases is None or others is None else cases + others
    return {"event|n": n, "event|cases": cases, "event|others": others}


def _numbers(released: ReleasedComparison) -> Iterator[tuple[str, str, str, str, str]]:
    for _, row in released.prevalence.iterrows():
        for name in (*ANSWERS, *SHARES):
            yield row["definition"], "", row["outcome"], name, _printed(row[name])
    for _, row in released.agreement.iterrows():
        for name in (*MOVES, *AGREEMENT):
            yield row["first"], row["second"], "", name, _printed(row[name])


def _printed(number: object) -> str:
    if pd.isna(number):  # type: ignore[call-overload]
        return WITHHELD
    value = float(str(number))
    return str(round(value)) if value == round(value) else f"{value:.{DIGITS}f}"


def _whole(count: object) -> int | None:
    return None if pd.isna(count) else int(str(count))  # type: ignore[call-overload]
