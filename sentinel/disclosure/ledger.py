"""What was released before: a list that only grows, and what it forbids.

The ledger holds, per release, its rounds, the minimum cell and every cell that was
shown or hidden: of a shown cell its count (0 or at least the minimum), of a hidden cell
that it was hidden and what the release said of it, never a count. No line holds a
record, an answer or a small number. It says what was analysed, so it belongs beside the
study file, readable by its owner alone, and never in a release.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estimators.errors import InputError
from sentinel.disclosure.differencing import (
    Cells,
    ReleasedCells,
    differencing_problems,
    series_problems,
)
from sentinel.disclosure.gate import keep_out_of_release
from sentinel.safekeeping.private_files import OWNER_ONLY, locked

__all__ = ["ReleaseLedger", "ReleasedRecords"]

FORMAT = 1
SYNTHETIC = "synthetic"
RECORDS = "records"
SHOWN = 6
START = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedRecords:
    """A file of one row per person, as the ledger keeps it.

    Attributes
    ----------
    kind : str
        What was promised of it: "k-anonymous records", "moved points".
    group : str
        Whose records; ``""`` is everybody of the ledger.
    digest : str
        Of its rows in any order.
    """

    kind: str
    group: str
    digest: str


Release = ReleasedCells | ReleasedRecords


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleaseLedger:
    """All earlier releases of one study's data.

    Attributes
    ----------
    path : Path
    entries : tuple of mapping
        As written, oldest first.

    Examples
    --------
    >>> import tempfile
    >>> from sentinel.disclosure import ReleasedCells
    >>> ledger = ReleaseLedger.read(Path(tempfile.mkdtemp()) / "ledger.jsonl")
    >>> counts = {"people": {"round=2009|sex=2|n": 128}}
    >>> ledger.record(ReleasedCells(rounds={"2009": ""}, minimum_cell=11, cells=counts))
    1
    """

    path: Path
    entries: tuple[Mapping[str, Any], ...] = field(default=())

    @classmethod
    def read(cls, path: Path) -> ReleaseLedger:
        """Read a ledger and check its chain; an absent file is an empty ledger.

        Raises
        ------
        InputError
            If a line was changed, taken out or put in between, or the file lies in the
            folder of a report.
        """
        path = Path(path)
        keep_out_of_release(path)
        if not path.exists():
            return cls(path=path)
        lines = path.read_text(encoding="utf-8").splitlines()
        entries = []
        previous = START
        for number, line in enumerate(lines, 1):
            entry = _parsed(line)
            if entry is None or entry.get("previous") != previous:
                raise InputError(
                    f"{path.name}, line {number}: this release ledger was changed "
                    "after it was written. Put back the copy that was not; without "
                    "it nobody can say what earlier releases showed."
                )
            previous = _digest(line)
            entries.append(entry)
        return cls(path=path, entries=tuple(entries))

    @property
    def releases(self) -> tuple[ReleasedCells, ...]:
        """Counts of all earlier releases, oldest first."""
        return tuple(_cells(entry) for entry in self._released())

    def problems(self, *releases: Release) -> list[str]:
        """Return why these and an earlier release would tell small groups together.

        Records of the same persons are released once: two files of nearly the same
        persons differ by those who are in one of them, whatever each promises. Nor are
        they released beside tables that hide something of these persons, which could be
        counted in them.
        """
        entries = self._released()
        earlier = [_cells(entry) for entry in entries]
        found: list[str] = []
        for release in releases:
            found += self._beside(release)
            if isinstance(release, ReleasedRecords):
                found += self._records_before(release)
                continue
            told = [
                (place, problem)
                for place, before in enumerate(earlier)
                for problem in differencing_problems(before, release)
            ]
            told += series_problems(earlier, release)
            found += [f"{_named(entries[place])}: {problem}" for place, problem in told]
        return list(dict.fromkeys(found))

    def check(self, *releases: Release) -> None:
        """Raise if these and earlier releases tell a small group together.

        Raises
        ------
        InputError
            Naming the releases and the classes of cells, never a cell or a count.
        """
        found = self.problems(*releases)
        if found:
            more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            raise InputError(
                "Together with what was released before, this would tell small "
                f"groups: {'; '.join(found[:SHOWN])}{more}. Release the same tables "
                "of the same data as before, or more of them in one run, or a "
                "new round alone (a study file of that round, with this ledger), or "
                "wait until every count has changed by at least the minimum cell."
            )

    def record(self, *releases: Release, command: str = "") -> int:
        """Check the parts of one release and write them down; return the last number.

        Parameters
        ----------
        *releases : ReleasedCells or ReleasedRecords
            All that is released at once: either all of it is written down, or nothing.
        command : str
            Which command released them, for messages.

        Notes
        -----
        What was released before as it is now is not written twice.
        """
        number = 0
        with locked(self.path):
            fresh = ReleaseLedger.read(self.path)
            fresh.check(*releases)
            for release in releases:
                content = _content(release)
                before = fresh._number_of(content)
                number = before or fresh._append({**content, "command": command})
                fresh = ReleaseLedger.read(self.path)
        return number

    def spent(self, data: str = "") -> float:
        """Return the epsilon that a person in one body of data has lost at most.

        Parameters
        ----------
        data : str
            Name of the body of data; ``""`` is everybody of this ledger: releases of
            everybody count for each body, and a body's for everybody.
        """
        sums: dict[str, float] = {"": 0.0}
        for entry in self.entries:
            if entry["kind"] == SYNTHETIC:
                name = str(entry["data"])
                sums[name] = sums.get(name, 0.0) + float(entry["epsilon"])
        own = (
            sums.get(data, 0.0)
            if data
            else max((sums[name] for name in sums if name), default=0.0)
        )
        return sums[""] + own

    def spend(self, data: str, epsilon: float, *, budget: float) -> int:
        """Write down the epsilon of a synthetic release; refuse more than the budget.

        Parameters
        ----------
        data : str
            Name of the body of data (a round), ``""`` for everybody: losses add up
            over all releases that the same persons are in.
        epsilon : float
        budget : float
            Largest sum of epsilon ever to be spent on these data. The smallest that
            was ever declared holds: a budget is not raised afterwards.

        Raises
        ------
        InputError
            If the budget would be overspent; nothing is written.
        """
        with locked(self.path):
            fresh = ReleaseLedger.read(self.path)
            before = fresh.spent(data)
            declared = fresh.budget(data, budget)
            if epsilon <= 0 or before + epsilon > declared * (1 + 1e-12):
                raise InputError(
                    f"epsilon={epsilon:g} for {data or 'everybody'!r}: {before:g} of "
                    f"{declared:g} is spent already. A spent budget does not come "
                    "back: release the synthetic records that were made before."
                )
            return fresh._append(
                {"kind": SYNTHETIC, "data": data, "epsilon": epsilon, "budget": budget}
            )

    def budget(self, data: str, declared: float) -> float:
        """Return the smallest budget ever declared for one body of data."""
        return min([declared, *self._budgets(data)])

    def _records_before(self, release: ReleasedRecords) -> list[str]:
        return [
            f"{_named(entry)}: {release.kind} of {release.group or 'everybody'} are "
            "out, and these are others. Release the file that was made, or only the "
            "records of persons who are not in it, as a group of their own"
            for entry in self.entries
            if entry["kind"] == RECORDS
            and entry["records"] == release.kind
            and (not release.group or entry["group"] in ("", release.group))
            and entry["digest"] != release.digest
        ]

    def _beside(self, release: Release) -> list[str]:
        """Return which records would stand beside tables that hide something."""
        found = []
        for entry in self.entries:
            if isinstance(release, ReleasedRecords) and entry["kind"] == "release":
                hides = _hides(_cells(entry), release.group)
            elif isinstance(release, ReleasedCells) and entry["kind"] == RECORDS:
                hides = _hides(release, entry["group"])
            else:
                continue
            if hides:
                found.append(
                    f"{_named(entry)}: records of persons and tables that hide small "
                    "counts of them, which could be counted in the records. Of these "
                    "persons release one of the two, or synthetic records"
                )
        return found

    def _released(self) -> list[Mapping[str, Any]]:
        return [entry for entry in self.entries if entry["kind"] == "release"]

    def _budgets(self, data: str) -> list[float]:
        return [
            float(entry["budget"])
            for entry in self.entries
            if entry["kind"] == SYNTHETIC and (not data or entry["data"] in ("", data))
        ]

    def _number_of(self, content: Mapping[str, Any]) -> int:
        """Return the number of the entry of the same content; 0 if there is none."""
        for entry in self.entries:
            if all(entry.get(name, {}) == value for name, value in content.items()):
                return int(entry["number"])
        return 0

    def _append(self, content: Mapping[str, Any]) -> int:
        """Write one more line; return its number."""
        number = len(self.entries) + 1
        lines = (
            self.path.read_text(encoding="utf-8").splitlines() if self.entries else []
        )
        previous = _digest(lines[-1]) if lines else START
        line = json.dumps(
            {"format": FORMAT, "number": number, **content, "previous": previous},
            sort_keys=True,
            ensure_ascii=False,
        )
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        handle = os.open(self.path, flags, OWNER_ONLY)
        with os.fdopen(handle, "a", encoding="utf-8", newline="") as stream:
            stream.write(line + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        return number


def _hides(cells: ReleasedCells, group: str) -> bool:
    """Say whether tables of the persons of a group hide anything."""
    if group and not {"", group} & set(cells.rounds):
        return False
    return any(
        not isinstance(value, int)
        for family in cells.cells.values()
        for value in family.values()
    )


def _content(release: Release) -> dict[str, Any]:
    """Return what the ledger writes of a release."""
    if isinstance(release, ReleasedRecords):
        return {
            "kind": RECORDS,
            "records": release.kind,
            "group": release.group,
            "digest": release.digest,
        }
    return {
        "kind": "release",
        "rounds": dict(release.rounds),
        "minimum_cell": release.minimum_cell,
        "cells": _plain(release.cells),
        "series": _plain(release.series),
    }


def _cells(entry: Mapping[str, Any]) -> ReleasedCells:
    return ReleasedCells(
        rounds=entry["rounds"],
        minimum_cell=entry["minimum_cell"],
        cells=entry["cells"],
        series=entry.get("series", {}),
    )


def _named(entry: Mapping[str, Any]) -> str:
    command = entry.get("command")
    return f"release {entry['number']}" + (f" ({command})" if command else "")


def _plain(
    cells: Mapping[str, Cells] | Mapping[str, Mapping[str, int]],
) -> dict[str, dict[str, int | str | None]]:
    return {family: dict(items) for family, items in cells.items()}


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode("utf-8")).hexdigest()
