"""Read one row of a codebook CSV into a `Variable`, listing all that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from sentinel.schema.problems import Problem, Problems
from sentinel.schema.skip_logic import Condition, parse_condition
from sentinel.schema.states import CellState
from sentinel.schema.variables import (
    BLOCKS,
    KINDS,
    RECORDS,
    RELEASES,
    Kind,
    Record,
    Release,
    Variable,
)

__all__ = ["COLUMNS", "read_variable"]

COLUMNS = (
    "name", "block", "record", "label", "kind", "codes", "missing", "low", "high",
    "unit", "pattern", "asked_if", "derived", "release", "use",
)  # fmt: skip
_DERIVED = ("", "ingest", "classify", "weights")
_STATES = {
    state.name.lower(): state for state in CellState if state is not CellState.VALUE
}
_YES_NO = {"0": "no", "1": "yes"}


class _Row:
    """One row under reading: its cells, its place and the list of what is wrong."""

    def __init__(
        self, cells: Mapping[str, str], file: str, row: int, problems: Problems
    ) -> None:
        self.cells, self.file, self.row, self.problems = cells, file, row, problems

    def cell(self, column: str, default: str = "") -> str:
        return self.cells.get(column, "") or default

    def wrong(self, column: str, expected: str, hint: str = "") -> None:
        self.problems.add(
            Problem(
                file=self.file,
                row=self.row,
                column=column,
                value=self.cell(column),
                expected=expected,
                hint=hint,
            )
        )

    def choice(self, column: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.cell(column, default)
        if value in allowed:
            return value
        self.wrong(column, f"one of {', '.join(item for item in allowed if item)}")
        return default

    def pairs(self, column: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in self.cell(column).split(";"):
            code, sign, label = (piece.strip() for piece in part.partition("="))
            if not code:
                if self.cell(column):
                    self.wrong(column, "code=label pairs joined by ';'")
                continue
            if code in found:
                self.wrong(column, f"every code once, {code!r} comes twice")
            found[code] = label if sign and label else code
        return found

    def number(self, column: str) -> float | None:
        text = self.cell(column)
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            self.wrong(column, "a number or nothing")
            return None

    def missing(self, codes: Mapping[str, str]) -> dict[str, CellState]:
        states: dict[str, CellState] = {}
        for code, name in self.pairs("missing").items():
            if name not in _STATES:
                self.wrong("missing", f"code=state with state in {', '.join(_STATES)}")
            elif code in codes:
                self.wrong("missing", f"codes that are not answers, {code!r} is one")
            else:
                states[code] = _STATES[name]
        return states

    def condition(self) -> Condition | None:
        text = self.cell("asked_if")
        if not text:
            return None
        try:
            return parse_condition(text)
        except ValueError as error:
            self.wrong("asked_if", "a skip expression like hh_debt=1", f"{error}.")
            return None

    def pattern(self) -> str:
        text = self.cell("pattern")
        try:
            re.compile(text)
        except re.error as error:
            self.wrong("pattern", "a regular expression", f"{error}.")
            return ""
        return text


def read_variable(
    cells: Mapping[str, str], *, file: str, row: int, problems: Problems
) -> Variable | None:
    """Return the variable of one row, or None where its name or kind is unusable."""
    line = _Row(cells, file, row, problems)
    name, kind = line.cell("name"), line.cell("kind")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        line.wrong("name", "a lower-case name of letters, digits and _")
        name = ""
    if kind not in KINDS:
        line.wrong("kind", f"one of {', '.join(KINDS)}")
        kind = ""
    codes = line.pairs("codes") or (dict(_YES_NO) if kind == "flag" else {})
    low, high = line.number("low"), line.number("high")
    if low is not None and high is not None and low > high:
        line.wrong("low", f"at most high ({line.cell('high')})")
    if codes and kind in {"integer", "number", "date", "month"}:
        line.wrong(
            "codes", f"no codes for the kind {kind!r}", "Use missing for 98, 99."
        )
    release = line.choice("release", RELEASES, "enclave")
    if kind == "string" and not codes and release in {"release", "coarsen"}:
        line.wrong("release", "enclave or never for text that is not coded")
    variable = {
        "missing": line.missing(codes),
        "asked_if": line.condition(),
        "pattern": line.pattern(),
        "derived": line.choice("derived", _DERIVED, ""),
        "record": line.choice("record", RECORDS, "interview"),
        "block": line.choice("block", tuple(BLOCKS), "C"),
    }
    if not name or not kind:
        return None
    return Variable(
        name=name,
        label=line.cell("label", name),
        kind=cast(Kind, kind),
        codes=codes,
        missing=cast(dict[str, CellState], variable["missing"]),
        low=low,
        high=high,
        unit=line.cell("unit"),
        pattern=cast(str, variable["pattern"]),
        asked_if=cast(Condition | None, variable["asked_if"]),
        derived=cast(str, variable["derived"]),
        release=cast(Release, release),
        record=cast(Record, variable["record"]),
        block=cast(str, variable["block"]),
        use=line.cell("use"),
    )
