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
from sentinel.disclosure.differencing import Cells, ReleasedCells, differencing_problems
from sentinel.disclosure.gate import keep_out_of_release

__all__ = ["ReleaseLedger"]

FORMAT = 1
OWNER_ONLY = 0o600
SHOWN = 6
START = "0" * 64


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

    def problems(self, release: ReleasedCells) -> list[str]:
        """Return why this and an earlier release would tell small groups together."""
        found: list[str] = []
        for entry in self.entries:
            if entry["kind"] != "release":
                continue
            earlier = ReleasedCells(
                rounds=entry["rounds"],
                minimum_cell=entry["minimum_cell"],
                cells=entry["cells"],
            )
            found += [
                f"release {entry['number']}: {problem}"
                for problem in differencing_problems(earlier, release)
            ]
        return found

    def check(self, release: ReleasedCells) -> None:
        """Raise if this release and an earlier one tell a small group together.

        Raises
        ------
        InputError
            Naming the releases and cells, never a count.
        """
        found = self.problems(release)
        if found:
            more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            raise InputError(
                "Together with what was released before, this would tell small "
                f"groups: {'; '.join(found[:SHOWN])}{more}. Release the same tables "
                "of the same data as before, or more of them in one run, or wait "
                "until every count has changed by at least the minimum cell."
            )

    def record(self, release: ReleasedCells) -> int:
        """Check a release and write it down; return its number.

        The same release again is not written twice.
        """
        fresh = ReleaseLedger.read(self.path)
        fresh.check(release)
        content = {
            "kind": "release",
            "rounds": dict(release.rounds),
            "minimum_cell": release.minimum_cell,
            "cells": _plain(release.cells),
        }
        for entry in fresh.entries:
            if all(entry.get(name) == value for name, value in content.items()):
                return int(entry["number"])
        return fresh.append(content)

    def spent(self, data: str) -> float:
        """Return the epsilon spent on one body of data by synthetic releases."""
        return sum(
            float(entry["epsilon"])
            for entry in self.entries
            if entry["kind"] == "synthetic" and entry["data"] == data
        )

    def spend(self, data: str, epsilon: float, *, budget: float) -> int:
        """Write down the epsilon of a synthetic release; refuse more than the budget.

        Parameters
        ----------
        data : str
            Name of the body of data (a round, a study): losses add up over all
            releases that the same persons are in.
        epsilon : float
        budget : float
            Largest sum of epsilon ever to be spent on these data.

        Raises
        ------
        InputError
            If the budget would be overspent; nothing is written.
        """
        fresh = ReleaseLedger.read(self.path)
        before = fresh.spent(data)
        if epsilon <= 0 or before + epsilon > budget * (1 + 1e-12):
            raise InputError(
                f"epsilon={epsilon:g} for {data!r}: {before:g} of {budget:g} is spent "
                "already. A spent budget does not come back: release the synthetic "
                "records that were made before."
            )
        return fresh.append(
            {"kind": "synthetic", "data": data, "epsilon": epsilon, "budget": budget}
        )

    def append(self, content: Mapping[str, Any]) -> int:
        """Write one more line; return its number. Call `record` or `spend` instead."""
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


def _plain(cells: Mapping[str, Cells]) -> dict[str, dict[str, int | str | None]]:
    return {family: dict(items) for family, items in cells.items()}


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode("utf-8")).hexdigest()
