"""What a cell of a results framework says, and whether a marker was reached."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "STATUSES",
    "Reading",
    "combined_status",
    "printed_status",
    "read_cell",
    "status",
]

Status = Literal["Fully", "Partly", "Not", ""]
STATUSES = ("Fully", "Partly", "Not")
_NOT_APPLICABLE = frozenset(
    {"n/a", "na", "n.a.", "n.a", "not applicable", "not available"}
)
_BLANK = frozenset({"", "-", "\u2013", "\u2014", ".", "..", "..."})
_NUMBER = r"\d+(?:\.\d+)?|\d{1,3}(?:[ ,\u00a0\u202f]\d{3})+(?:\.\d+)?"
_WHOLE_CELL = re.compile(
    rf"(?P<mark>['`\u2019]?)\s*(?P<bound>[<>\u2264\u2265~]?)\s*(?P<number>{_NUMBER})\s*%?"
)
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s+([A-Za-z][A-Za-z ]*?)\s*(?:\+|,|;|and|$)")
_STATUS = re.compile(
    r"(fully|partly|partially|not)(?: yet)?(?: achieved| met)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One cell, read.

    Attributes
    ----------
    state : {"number", "parts", "not applicable", "blank", "words"}
    numbers : tuple of float
        One for a number, one per part of "2 full + 10 partly".
    note : str
        How the number was typed where that is a fault ("a number typed as text").
    """

    state: str
    numbers: tuple[float, ...] = ()
    note: str = ""

    @property
    def value(self) -> float | None:
        """The number of a cell that holds a single one."""
        return self.numbers[0] if self.state == "number" else None


def read_cell(text: str) -> Reading:
    """Read a cell of numbers as people type them.

    A comma before three digits parts thousands. "1,5" is not read: it is one and a
    half here and a typing mistake there.

    Examples
    --------
    >>> read_cell("5,000").value, read_cell("'3").note, read_cell("20%").value
    (5000.0, 'a number typed as text', 20.0)
    >>> read_cell("2 full + 10 partly").numbers
    (2.0, 10.0)
    >>> read_cell("N/A").state, read_cell("1,5").state
    ('not applicable', 'words')
    """
    bare = " ".join(text.split())
    if bare in _BLANK:
        return Reading(state="blank")
    if bare.casefold() in _NOT_APPLICABLE:
        return Reading(state="not applicable")
    match = _WHOLE_CELL.fullmatch(bare)
    if match:
        digits = re.sub(r"[^\d.]", "", match["number"])
        bound = f"a bound ({match['bound']}), not a number" if match["bound"] else ""
        note = "a number typed as text" if match["mark"] else bound
        return Reading(state="number", numbers=(float(digits),), note=note)
    parts = _PARTS.findall(bare)
    if (
        len(parts) > 1
        and not re.sub(r"[+,;]|\band\b", "", _PARTS.sub("", bare)).strip()
    ):
        return Reading(state="parts", numbers=tuple(float(one) for one, _ in parts))
    return Reading(state="words")


def printed_status(text: str) -> Status | None:
    """Return a status word, "" for an empty cell, None for anything else.

    Examples
    --------
    >>> printed_status("Partly achieved"), printed_status("N/A"), printed_status("7")
    ('Partly', '', None)
    """
    bare = " ".join(text.split())
    if bare in _BLANK or bare.casefold() in _NOT_APPLICABLE:
        return ""
    match = _STATUS.fullmatch(bare)
    if match is None:
        return None
    word = match[1].casefold()
    return "Fully" if word == "fully" else "Not" if word == "not" else "Partly"


def status(value: Reading, marker: Reading) -> Status:
    """Judge a value by its marker: Fully if it reaches it, Not if it is 0, else Partly.

    Parts ("2 full + 10 partly") are judged one by one: all must reach theirs. Without a
    value or a marker there is no judgement, "". The rule is our reading of printed
    tables, not a published one.

    Examples
    --------
    >>> status(read_cell("7"), read_cell("9")), status(read_cell("0"), read_cell("1"))
    ('Partly', 'Not')
    """
    if not value.numbers or len(value.numbers) != len(marker.numbers):
        return ""
    pairs = list(zip(value.numbers, marker.numbers, strict=True))
    if all(got >= wanted for got, wanted in pairs):
        return "Fully"
    return "Partly" if any(got > 0 for got, _ in pairs) else "Not"


def combined_status(each: Iterable[str]) -> Status:
    """Return what several judgements come to: all alike, else Partly; none is "".

    Examples
    --------
    >>> combined_status(["Fully", "Not", ""]), combined_status(["Not", "Not"])
    ('Partly', 'Not')
    """
    known = {one for one in each if one}
    if known == {"Fully"}:
        return "Fully"
    if known == {"Not"}:
        return "Not"
    return "Partly" if known else ""
