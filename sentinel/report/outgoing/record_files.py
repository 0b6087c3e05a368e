"""Files of one row per person that may leave the house, each made by its own rule.

CTDC's shape with k-anonymity, synthetic records with differential privacy, moved points
of aggregated places. The three guarantees are not mixed, and none adds to another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError
from sentinel.disclosure import (
    ReleasedRecords,
    ReleaseLedger,
    ReleasePolicy,
    check_file,
    geomask,
    release_ctdc,
    safe_csv_cell,
    synthesise,
)
from sentinel.report.outgoing.recording import LEDGER_ENTRY
from sentinel.report.tables import csv_text

if TYPE_CHECKING:
    from sentinel.safekeeping import ProjectKey
    from sentinel.schema.variables import Codebook

__all__ = [
    "RecordFile",
    "check_persons",
    "codebook_domains",
    "ctdc_file",
    "points_file",
    "synthetic_file",
]

MASKED = {"longitude": "masked_x", "latitude": "masked_y"}
GEOMASK = b"sentinel: moved points of a release"
NOT_BOTH = (
    "Synthetic records of the same persons are out as well: their epsilon says nothing "
    "of k, and this k nothing of epsilon."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordFile:
    """A file of records as text, what must be said of it, and what is remembered.

    Attributes
    ----------
    text : str
        CSV.
    notes : tuple of str
        To be printed beside the file.
    released : tuple of ReleasedRecords
        For the ledger; empty where the loss was written down before.
    counts : mapping of str to int
        For the audit log.
    """

    text: str
    notes: tuple[str, ...]
    released: tuple[ReleasedRecords, ...]
    counts: Mapping[str, int]


def ctdc_file(
    frame: pd.DataFrame, policy: ReleasePolicy, ledger: ReleaseLedger, *, group: str
) -> RecordFile:
    """Return records in CTDC's shape, k-anonymous with the policy's minimum as k.

    Parameters
    ----------
    frame : DataFrame
        As `sentinel.disclosure.to_ctdc` takes it, one row per person.
    policy : ReleasePolicy
    ledger : ReleaseLedger
    group : str
        Whose records; ``""`` is everybody of the ledger.
    """
    made = release_ctdc(frame, k=policy.minimum_cell)
    notes = [made.summary()]
    if ledger.spent(group):
        notes.append(NOT_BOTH)
    return RecordFile(
        text=csv_text(made.frame, safe_csv_cell),
        notes=tuple(notes),
        released=(_released("k-anonymous records", made.frame, group),),
        counts={"records": len(made.frame), "k": policy.minimum_cell},
    )


def points_file(
    frame: pd.DataFrame,
    policy: ReleasePolicy,
    key: ProjectKey,
    *,
    person: str,
    least_metres: float,
    anonymity: int,
    group: str,
) -> RecordFile:
    """Return moved points: ``masked_x, masked_y`` in degrees, and their rings.

    Parameters
    ----------
    frame : DataFrame
        As `sentinel.disclosure.geomask` takes it; numbers may be text.
    policy : ReleasePolicy
    key : ProjectKey
        The shift comes from a key of its own made of this one.
    person : str
        Column of the persons' ids.
    least_metres : float
    anonymity : int
    group : str
        Whose points; ``""`` is everybody of the ledger.
    """
    needed = ("longitude", "latitude", "density", person)
    absent = [name for name in needed if name not in frame]
    if absent:
        raise InputError(
            f"Columns {', '.join(needed)} were expected, {', '.join(absent)} are not "
            f"there; the file has {', '.join(map(str, frame.columns))[:200]}."
        )
    numbers = {name: pd.to_numeric(frame[name], errors="coerce") for name in needed[:3]}
    ids = frame[person].replace("", None)
    moved = geomask(
        frame.assign(**numbers, **{person: ids}),
        policy,
        key=key.digest(GEOMASK),
        person=person,
        least_metres=least_metres,
        anonymity=anonymity,
    ).rename(columns=MASKED)
    return RecordFile(
        text=csv_text(moved, safe_csv_cell),
        notes=(
            f"{len(moved):,} points, each in a ring of {least_metres:g} m and more "
            f"round a place shared by at least {policy.minimum_cell} persons; masked_x "
            "is east, masked_y north, in degrees (WGS 84). They are no places where "
            "anybody lives: undoing every shift gives the place shared, no more.",
        ),
        released=(_released("moved points", moved, group),),
        counts={"records": len(moved)},
    )


def synthetic_file(
    frame: pd.DataFrame,
    domains: Mapping[str, Sequence[str]],
    path: Path,
    ledger: ReleaseLedger,
    *,
    epsilon: float,
    budget: float,
    group: str,
) -> RecordFile:
    """Return synthetic records; their loss is in the ledger before one is drawn.

    Parameters
    ----------
    frame : DataFrame
        One row per person.
    domains : mapping of str to sequence of str
        Columns and all codes each may have.
    path : Path
        Where the file will be: what the gate would refuse is refused before epsilon is
        spent.
    ledger : ReleaseLedger
    epsilon, budget : float
        Loss of this release; largest sum ever.
    group : str
        Whose records; ``""`` is everybody of the ledger.
    """
    columns = {name: list(codes) for name, codes in domains.items()}
    longest = max(map(len, columns.values()), default=0)
    every = pd.DataFrame(
        {name: codes + [""] * (longest - len(codes)) for name, codes in columns.items()}
    )
    check_file(path, csv_text(every, safe_csv_cell))
    made = synthesise(frame, domains, epsilon=epsilon, ledger=(ledger, group, budget))
    book = ReleaseLedger.read(ledger.path)
    return RecordFile(
        text=csv_text(made.frame, safe_csv_cell),
        notes=(
            made.summary(),
            f"Spent on {group or 'everybody'}: {book.spent(group):g} of "
            f"{book.budget(group, budget):g}.",
        ),
        released=(),
        # The log holds whole numbers only.
        counts={
            "records": len(made.frame),
            "epsilon per thousand": round(1000 * epsilon),
            LEDGER_ENTRY: len(book.entries),
        },
    )


def codebook_domains(
    codebook: Codebook, columns: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return all codes of some variables, missing ones too, from their codebook.

    Raises
    ------
    InputError
        With every variable that is absent, has no list of codes, or is kept from
        release.

    Examples
    --------
    >>> from sentinel.schema.codebook import load_codebook
    >>> codebook_domains(load_codebook("deportee"), ["sex"])["sex"][:2]
    ('1', '2')
    """
    problems: list[str] = []
    domains: dict[str, tuple[str, ...]] = {}
    for name in columns:
        variable = codebook.get(name)
        if variable is None:
            problems.append(f"{name}: the codebook has no such variable")
        elif variable.release != "release":
            problems.append(f"{name}: the codebook keeps it from release")
        elif not variable.codes or variable.kind == "multi":
            problems.append(f"{name}: one code of a list is needed, as of a band")
        else:
            codes = (*variable.codes, *variable.missing, "")
            domains[name] = tuple(dict.fromkeys(codes))
    if problems or not domains:
        raise InputError(
            f"{'; '.join(problems) or 'No column was named'}. Name columns of codes "
            "that the codebook releases, or give --domains FILE."
        )
    return domains


def check_persons(frame: pd.DataFrame, person: str | None) -> None:
    """Raise if a person has several rows: k and epsilon are those of a row.

    Raises
    ------
    InputError
        If the column is absent, empty somewhere, or holds an id twice.
    """
    if person is None:
        return
    if person not in frame:
        raise InputError(
            f"--person {person}: no such column; the file has "
            f"{', '.join(map(str, frame.columns))[:200]}."
        )
    ids = frame[person].replace("", None)
    if ids.isna().any() or ids.duplicated().any():
        raise InputError(
            f"--person {person}: {int(ids.isna().sum())} rows have no id and "
            f"{int(ids.dropna().duplicated().sum())} one that came before. What is "
            "promised holds for a row: give one row per person."
        )


def _released(kind: str, frame: pd.DataFrame, group: str) -> ReleasedRecords:
    """Return what the ledger keeps: a digest of the rows in any order."""
    rows = sorted(csv_text(frame, safe_csv_cell).splitlines())
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return ReleasedRecords(kind=kind, group=group, digest=digest)
