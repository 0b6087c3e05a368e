"""What a codebook says of each variable, and the codebook itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import pandas as pd

from sentinel.schema.skip_logic import Condition
from sentinel.schema.states import CellState

__all__ = ["BLOCKS", "KINDS", "RECORDS", "RELEASES", "Codebook", "Variable"]

Kind = Literal[
    "id", "string", "category", "integer", "number", "date", "month", "multi", "flag"
]
Release = Literal["release", "coarsen", "enclave", "never"]
Record = Literal["interview", "case", "call"]

KINDS: tuple[str, ...] = get_args(Kind)
RELEASES: tuple[str, ...] = get_args(Release)
RECORDS: tuple[str, ...] = get_args(Record)
BLOCKS: dict[str, str] = {
    "A": "record, sampling and interview",
    "B": "consent, privacy and protection",
    "C": "person and household",
    "D": "migration and recruitment",
    "E": "job, pay and conditions",
    "F": "freedom, threats and violence",
    "G": "exit, arrest and return",
    "H": "network, scale-up and list modules",
    "I": "derived by classification and weighting",
    "J": "cases and their stages",
    "K": "hotline calls",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of a codebook.

    Attributes
    ----------
    name : str
        Lower-case identifier.
    label : str
        What was asked, in words.
    kind : str
        One of `KINDS`. A ``multi`` holds several codes in one cell.
    codes : mapping of str to str
        Code to label; empty where any value is lawful.
    missing : mapping of str to CellState
        Codes that are no answers, for example ``"9": CellState.DONT_KNOW``.
    low, high : float or None
        Lawful range, both ends included.
    unit : str
    pattern : str
        Regular expression that a whole value must match; empty for none.
    asked_if : Condition or None
        The question is asked only where this holds.
    derived : {"", "ingest", "classify", "weights"}
        Which step computes it; empty for a question that is asked.
    release : str
        One of `RELEASES`: as it is, only coarsened, only inside the enclave, never.
    record : {"interview", "case", "call"}
        What one row of its table is.
    block : str
        One of `BLOCKS`.
    use : str
        What the variable serves.
    """

    name: str
    label: str = ""
    kind: Kind = "string"
    codes: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, CellState] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    unit: str = ""
    pattern: str = ""
    asked_if: Condition | None = None
    derived: str = ""
    release: Release = "enclave"
    record: Record = "interview"
    block: str = "C"
    use: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether its values are counts or amounts."""
        return self.kind in {"integer", "number"}

    @property
    def is_dated(self) -> bool:
        """Whether its values are days or months."""
        return self.kind in {"date", "month"}

    @property
    def is_closed(self) -> bool:
        """Whether only listed codes are lawful."""
        return bool(self.codes)

    def expected(self) -> str:
        """Say which values are lawful, for an error message."""
        if self.codes:
            shown = [
                code if code == label else f"{code}={label}"
                for code, label in self.codes.items()
            ]
            more = len(shown) - 12
            listed = "; ".join(shown[:12]) + (f"; and {more} more" if more > 0 else "")
            return f"{'codes among' if self.kind == 'multi' else 'one of'} {listed}"
        if self.is_dated:
            return {
                "date": "a day as YYYY-MM-DD",
                "month": "a month as YYYY-MM",
            }[self.kind]
        if self.is_numeric:
            what = "a whole number" if self.kind == "integer" else "a number"
            return what + self._range()
        return f"text matching {self.pattern}" if self.pattern else "text"

    def _range(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.low is not None and self.high is not None:
            return f" from {self.low:g} to {self.high:g}{unit}"
        if self.low is not None:
            return f" of at least {self.low:g}{unit}"
        if self.high is not None:
            return f" of at most {self.high:g}{unit}"
        return unit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Codebook:
    """The variables of a study, in order.

    Examples
    --------
    >>> from sentinel.schema.codebook import load_codebook
    >>> codebook = load_codebook("deportee")
    >>> len(codebook), codebook["age"].high, codebook.label("sex", "2")
    (159, 99.0, 'female')
    """

    name: str
    variables: Mapping[str, Variable]

    def __len__(self) -> int:
        return len(self.variables)

    def __iter__(self) -> Iterator[Variable]:
        return iter(self.variables.values())

    def __contains__(self, name: object) -> bool:
        return name in self.variables

    def __getitem__(self, name: str) -> Variable:
        return self.variables[name]

    def get(self, name: str) -> Variable | None:
        """Return a variable, or None."""
        return self.variables.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all variables."""
        return tuple(self.variables)

    def interview_variables(self) -> tuple[Variable, ...]:
        """Variables of the interview that are asked or derived while reading."""
        return tuple(
            item
            for item in self
            if item.record == "interview" and item.derived in {"", "ingest"}
        )

    def label(self, name: str, code: str) -> str:
        """Return the label of a code; the code itself where it has none."""
        variable = self.variables.get(name)
        return code if variable is None else variable.codes.get(code, code)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per variable: the datasheet's table."""
        rows = [
            {
                "name": item.name,
                "block": item.block,
                "label": item.label,
                "kind": item.kind,
                "codes": "; ".join(
                    code if code == label else f"{code}={label}"
                    for code, label in item.codes.items()
                ),
                "missing": "; ".join(
                    f"{code}={state.name.lower()}"
                    for code, state in item.missing.items()
                ),
                "unit": item.unit,
                "asked_if": str(item.asked_if or ""),
                "release": item.release,
            }
            for item in self
        ]
        return pd.DataFrame(rows)
