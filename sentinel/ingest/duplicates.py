"""Records that come twice, and records whose persons withdrew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.consent import record_id
from sentinel.ingest.file_table import FileTable
from sentinel.ingest.findings import add_rows
from sentinel.safekeeping.withdrawals import Withdrawals
from sentinel.schema.problems import Problem, Problems
from sentinel.schema.skip_logic import parse_condition

__all__ = ["exclude_by_rule", "record_ids", "remove_duplicates", "remove_withdrawn"]

IndexVector = npt.NDArray[np.intp]
_MOST_LINES = 12


def exclude_by_rule(file: FileTable) -> None:
    """Take out rows that a review or the mapping's rules name, counted by reason."""
    if file.raw.submissions is not None:
        for reason, places in file.raw.submissions.set_aside.items():
            file.excluded[reason] = len(places)
            file.kept = file.kept[~np.isin(file.kept, places)]
    for rule in file.mapping.exclude:
        held = file.mask(parse_condition(rule.condition), file.kept)
        if rule.unless:
            held = ~held
        if held.any():
            counted = file.excluded.get(rule.reason, 0)
            file.excluded[rule.reason] = counted + int(held.sum())
            file.kept = file.kept[~held]


def remove_withdrawn(
    files: Sequence[FileTable],
    withdrawn: Sequence[str],
    problems: Problems,
    *,
    tombstones: Withdrawals | None = None,
) -> None:
    """Take out the rows of persons who withdrew, before anything of them is read.

    They are named by id in the study file or, better, by tombstones without ids.
    """
    if not withdrawn and (tombstones is None or not tombstones.tombstones):
        return
    found: set[str] = set()
    matched: set[int] = set()
    for file in files:
        name = record_id(file.codebook)
        if name is None or name not in file.recipes:
            problems.add(
                Problem(
                    file=file.label,
                    row=1,
                    column=name or "",
                    expected="a record id, because persons have withdrawn",
                    hint="Map the record id: without it their rows cannot be removed.",
                )
            )
            continue
        # All rows: who is excluded by a rule has not been mistyped.
        texts = _ids_of(file, name, np.arange(len(file.raw.frame)))
        gone = texts.isin(list(withdrawn)).to_numpy(np.bool_)
        found |= set(texts[gone])
        if tombstones is not None:
            lines = tombstones.lines(texts)
            matched |= set(lines[lines > 0].tolist())
            gone = gone | (lines > 0)
        gone = gone[file.kept]
        if gone.any():
            file.withdrawn = int(gone.sum())
            file.kept = file.kept[~gone]
    lost = len(set(withdrawn) - found)
    if lost:
        problems.add(
            Problem(
                severity="warning",
                column="privacy.withdrawn",
                expected="record ids that are in the data",
                hint=f"{lost} of {len(set(withdrawn))} are in no file: removed "
                "earlier, or mistyped.",
            )
        )
    if tombstones is not None:
        problems.extend(_without_row(tombstones, matched, files))


def _without_row(
    tombstones: Withdrawals, matched: set[int], files: Sequence[FileTable]
) -> Iterator[Problem]:
    """Tell of tombstones that took nobody out: the person may still be in the data."""
    lines = sorted(set(tombstones.tombstones.values()) - matched)
    if not lines:
        return
    shown = ", ".join(map(str, lines[:_MOST_LINES]))
    more = ", ..." if len(lines) > _MOST_LINES else ""
    read = ", ".join(dict.fromkeys(file.label for file in files))
    yield Problem(
        severity="warning",
        file=tombstones.file,
        expected="a row for every record that withdrew",
        hint=f"{len(lines)} of {len(tombstones.tombstones)} tombstones match no row "
        f"(line{'s' * (len(lines) > 1)} {shown}{more}) of {read}. Their rows were "
        "deleted since, as they should be, or the id was mistyped and the person's "
        "answers are still in: compare with the withdrawals noted on those days.",
    )


def remove_duplicates(files: Sequence[FileTable], problems: Problems) -> None:
    """Take out identical records; list those with one id and different content."""
    places = _all_ids(files)
    if places.empty:
        return
    twice = places[places.duplicated("id", keep=False)]
    first: dict[str, tuple[tuple[str, ...], str]] = {}
    surplus: dict[int, list[int]] = {}
    conflicts: dict[int, list[tuple[int, str]]] = {}
    for number, place, text in twice.itertuples(index=False):
        file = files[number]
        content = _content(file, place)
        where = f"{file.label} row {file.raw.rows[place]}"
        known, known_where = first.setdefault(text, (content, where))
        if known_where == where:
            continue
        if known == content:
            surplus.setdefault(number, []).append(place)
        else:
            row = int(file.raw.rows[place])
            conflicts.setdefault(number, []).append((row, f"{text} as {known_where}"))
    for number, extra in surplus.items():
        file = files[number]
        file.kept = file.kept[~np.isin(file.kept, extra)]
        file.duplicates += len(extra)
    for number, rows in conflicts.items():
        file = files[number]
        add_rows(
            problems,
            rows,
            file=file.label,
            column=file.column_of(record_id(file.codebook) or ""),
            expected="every record id once; the other row has other answers",
            hint="Correct the id, remove one, or make one out of several columns with "
            "[join].",
        )


def record_ids(file: FileTable, name: str) -> pd.Series:
    """Return the record ids of the rows that are still in."""
    return _ids_of(file, name, file.kept)


def _ids_of(file: FileTable, name: str, rows: IndexVector) -> pd.Series:
    # The id alone is read here: problems with it are listed at the gate.
    return file.read(name, rows, Problems()).values


def _all_ids(files: Sequence[FileTable]) -> pd.DataFrame:
    parts = []
    for number, file in enumerate(files):
        name = record_id(file.codebook)
        if name is None or name not in file.recipes:
            continue
        ids = record_ids(file, name)
        parts.append(pd.DataFrame({"file": number, "place": file.kept, "id": ids}))
    if not parts:
        return pd.DataFrame(columns=["file", "place", "id"])
    return pd.concat(parts, ignore_index=True).dropna(subset=["id"])


def _content(file: FileTable, place: int) -> tuple[str, ...]:
    """Round and mapped cells of one record, in the codebook's order."""
    row = file.raw.frame.iloc[place]
    parts = [file.round_label]
    for name in sorted(file.recipes):
        parts += [f"{name}={row[column]}" for column in file.recipes[name].sources]
    return tuple(part for part in parts if not part.endswith("="))
