"""The consent gate: whose answers may be read at all.

Before any answer is interpreted, each selected person gets an outcome from the record,
design and consent variables alone. Content is then read for consenting persons only;
of everybody else nothing but round, site, cluster and outcome goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.file_table import FileTable
from sentinel.ingest.findings import add_rows
from sentinel.ingest.typed_columns import TypedColumn
from sentinel.schema.problems import Problem, Problems
from sentinel.schema.states import CellState
from sentinel.schema.variables import Codebook
from sentinel.study.config import StudyConfig

__all__ = ["OUTCOMES", "RESPONDED", "GatedFile", "cluster_key", "gate", "record_id"]

BoolVector = npt.NDArray[np.bool_]
OUTCOME = "sel_outcome"
SITE = "site_code"
RESPONDED = ("complete", "partial", "stopped_for_distress")
OUTCOMES = (
    *RESPONDED,
    "refused",
    "unavailable",
    "language",
    "ineligible",
    "no_consent",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GatedFile:
    """The selected persons of one file and what became of each.

    Attributes
    ----------
    file : FileTable
    columns : mapping of str to TypedColumn
        Record, design and consent variables of every selected person.
    outcomes : Series of str, shape (n selected,)
        One of `OUTCOMES`.
    dispositions : DataFrame
        ``round_id, site_code, cluster, outcome``.
    """

    file: FileTable
    columns: dict[str, TypedColumn]
    outcomes: pd.Series
    dispositions: pd.DataFrame

    @property
    def consented(self) -> BoolVector:
        """Whose content may be read, shape (n selected,)."""
        return self.outcomes.isin(RESPONDED).to_numpy(np.bool_)


def record_id(codebook: Codebook) -> str | None:
    """Return the variable that tells records apart, or None."""
    pseudonyms = [
        item.name
        for item in codebook
        if item.kind == "id" and item.record == "interview"
    ]
    if "rec_id" in pseudonyms:
        return "rec_id"
    return pseudonyms[0] if pseudonyms else None


def gate(file: FileTable, config: StudyConfig, problems: Problems) -> GatedFile:
    """Read record, design and consent variables and decide whose content is read."""
    consent = config.privacy.consent
    asked = [consent.variable, consent.private_variable] if consent.variable else []
    wanted = [record_id(file.codebook), SITE, OUTCOME, *asked]
    wanted += [*config.design.strata, *config.design.cluster]
    columns = {
        name: file.read(name, file.kept, problems)
        for name in dict.fromkeys(wanted)
        if name is not None and name in file.recipes
    }
    for name in asked:
        if name is not None and name not in file.recipes:
            problems.add(_consent_absent(file, name))
    outcomes = _outcomes(file, columns, config, problems)
    n = len(file.kept)
    site = columns[SITE].values if SITE in columns else pd.Series([None] * n)
    dispositions = pd.DataFrame(
        {
            "round_id": pd.Series([file.round_label] * n, dtype="str"),
            "site_code": site.astype("str"),
            "cluster": cluster_key(
                {name: column.values for name, column in columns.items()},
                [*config.design.strata, *config.design.cluster],
                round_label=file.round_label,
                n=n,
            ),
            "outcome": outcomes,
        }
    )
    return GatedFile(
        file=file, columns=columns, outcomes=outcomes, dispositions=dispositions
    )


def cluster_key(
    columns: dict[str, pd.Series], names: Sequence[str], *, round_label: str, n: int
) -> pd.Series:
    """Return strata and cluster as one text, shape (n,); NA where a part is unknown."""
    unknown = pd.Series([None] * n, dtype="str")
    given = {name: _text(values) for name, values in columns.items()}
    given["round_id"] = pd.Series([round_label] * n, dtype="str")
    parts = [given.get(name, unknown) for name in names] or [unknown]
    key = parts[0]
    for part in parts[1:]:
        key = key.str.cat(part, sep="|")
    return key


def _text(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.Series(values.dt.strftime("%Y-%m-%d"), dtype="str")
    if pd.api.types.is_numeric_dtype(values):
        texts = [None if pd.isna(value) else _number_text(value) for value in values]
        return pd.Series(texts, dtype="str")
    return values.astype("str")


def _number_text(value: float) -> str:
    """Return every digit: two long numbers must not become one key."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _outcomes(
    file: FileTable,
    columns: dict[str, TypedColumn],
    config: StudyConfig,
    problems: Problems,
) -> pd.Series:
    n = len(file.kept)
    stated = pd.Series([None] * n, dtype="str")
    if OUTCOME in columns:
        labels = file.codebook[OUTCOME].codes
        stated = columns[OUTCOME].values.map(labels).astype("str")
        strange = sorted(set(labels.values()) - set(OUTCOMES))
        if strange:
            problems.add(_strange_outcomes(strange))
            stated = stated.where(stated.isin(OUTCOMES))
    allowed, consent_known = _allowed(file, columns, config, problems, stated)
    # Secondary data hold respondents only and have no column of outcomes.
    result = stated.where(stated.notna(), "complete")
    blocked = result.isin(RESPONDED).to_numpy(np.bool_) & ~allowed
    result = result.where(~blocked, "no_consent")
    if OUTCOME in columns:
        blank = stated.isna().to_numpy() & ~_faulty(columns[OUTCOME])
        _warn(
            file,
            problems,
            blank,
            variable=OUTCOME,
            expected="the outcome of every selection",
            hint="Read as complete where consent was given, otherwise as no consent.",
        )
    _warn(
        file,
        problems,
        blocked & ~consent_known,
        variable=config.privacy.consent.variable or "",
        expected="consent and privacy on record for every interview",
        hint="Counted as no consent: nothing of the interview was read.",
    )
    return result


def _allowed(
    file: FileTable,
    columns: dict[str, TypedColumn],
    config: StudyConfig,
    problems: Problems,
    stated: pd.Series,
) -> tuple[BoolVector, BoolVector]:
    """Whose content may be read, and where the answers that decide it are on record."""
    consent = config.privacy.consent
    n = len(file.kept)
    if consent.variable is None:
        return np.ones(n, np.bool_), np.ones(n, np.bool_)
    allowed, known = np.ones(n, np.bool_), np.ones(n, np.bool_)
    for name in (consent.variable, consent.private_variable):
        if name is None:
            continue
        if name not in columns:
            return np.zeros(n, np.bool_), np.ones(n, np.bool_)
        given = (_text(columns[name].values) == consent.yes).to_numpy(np.bool_)
        answered = (columns[name].states == CellState.VALUE) | _faulty(columns[name])
        contradiction = stated.isin(RESPONDED).to_numpy() & answered & ~given
        _warn(
            file,
            problems,
            contradiction,
            variable=name,
            expected=f"{consent.yes} for an interview that was held",
            hint="Counted as no consent: nothing of the interview was read.",
        )
        allowed &= given
        known &= answered
    return allowed, known


def _faulty(column: TypedColumn) -> BoolVector:
    wrong = np.zeros(len(column.states), np.bool_)
    for places in column.faults.values():
        wrong[places] = True
    return wrong


def _warn(
    file: FileTable,
    problems: Problems,
    where: BoolVector,
    *,
    variable: str,
    expected: str,
    hint: str,
) -> None:
    rows = file.raw.rows[file.kept[where]]
    add_rows(
        problems,
        [(int(row), "") for row in rows],
        file=file.label,
        column=file.column_of(variable),
        expected=expected,
        hint=hint,
        severity="warning",
    )


def _strange_outcomes(strange: Sequence[str]) -> Problem:
    return Problem(
        column=OUTCOME,
        value=", ".join(strange),
        expected=f"labels of the codes of {OUTCOME} among {', '.join(OUTCOMES)}",
        hint="Correct the codebook: these words decide what becomes of a row.",
    )


def _consent_absent(file: FileTable, name: str) -> Problem:
    return Problem(
        file=file.label,
        row=1,
        column=name,
        expected=f"a column that makes {name}: without consent nothing is read",
        hint="Map it. If another variable or a document holds it, say so under "
        '[privacy.consent]: variable, private_variable (or ""), statement.',
    )
