"""Findings about input: listed all at once, each with its place and its remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from estimators.errors import InputError

__all__ = ["IngestError", "Problem", "Problems"]

Severity = Literal["error", "warning"]
PROBLEM_COLUMNS = ("severity", "file", "row", "column", "value", "expected", "hint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding.

    Attributes
    ----------
    severity : {"error", "warning"}
        An error stops the run; a warning is printed and counted in the report.
    file : str
        Name of the file as the study names it, never an absolute path.
    row : int or None
        Row as a person counts it in that file: the header is row 1 of a table, the
        first line of a TOML file is 1.
    column : str
        Column of a table or key of a TOML file.
    value : str
        What came. Never the content of a direct identifier.
    expected : str
        What was expected.
    hint : str
        What to do.
    """

    severity: Severity = "error"
    file: str = ""
    row: int | None = None
    column: str = ""
    value: str = ""
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join(
            part
            for part in (
                self.file,
                "" if self.row is None else str(self.row),
                self.column,
            )
            if part
        )
        came = f"{self.value!r} came, " if self.value else ""
        text = f"{place}: {came}expected {self.expected}" if self.expected else place
        return f"{text}. {self.hint}" if self.hint else text


class Problems:
    """A growing list of findings."""

    def __init__(self, items: Iterable[Problem] = ()) -> None:
        self._items = list(items)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, problem: Problem) -> None:
        """Append one finding."""
        self._items.append(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Append findings."""
        self._items.extend(problems)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Findings that stop a run."""
        return tuple(item for item in self._items if item.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Findings that are printed and counted."""
        return tuple(item for item in self._items if item.severity == "warning")

    def to_frame(self) -> pd.DataFrame:
        """Return one row per finding."""
        rows = [
            {name: getattr(item, name) for name in PROBLEM_COLUMNS} for item in self
        ]
        return pd.DataFrame(rows, columns=list(PROBLEM_COLUMNS))

    def raise_errors(self) -> None:
        """Raise `IngestError` with every finding if at least one is an error."""
        if self.errors:
            raise IngestError(self)


class IngestError(InputError):
    """Input that cannot be used; `problems` lists everything wrong with it."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        count = len(problems.errors)
        head = f"{count} problem{'s' if count != 1 else ''} in the input:"
        super().__init__("\n".join([head, *(f"  {item}" for item in problems.errors)]))
