"""Where the keys of a TOML file stand, so that a message can name the line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

__all__ = ["TomlLines", "shown_key"]

Key = tuple[str | int, ...]
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(
    r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w"'-]+)*)\s*="""
)
_TRIPLE = re.compile(r'"""|' + "'''")


class TomlLines:
    r"""A light scan: tables, arrays of tables and keys at the start of a line.

    Keys inside an inline table are found under the key that holds the table.

    Examples
    --------
    >>> lines = TomlLines('[study]\ntitle = "x"\n[[rounds]]\nlabel = "a"\n')
    >>> lines.find(("rounds", 0, "label")), lines.find(("study", "nothing"))
    (4, 1)
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Key, int] = {}
        counts: Counter[Key] = Counter()
        table: Key = ()
        closing = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if closing:
                if closing in line:
                    closing = ""
                continue
            header, assignment = _HEADER.match(line), _ASSIGNMENT.match(line)
            if header:
                table = self._table(_parts(header[2]), header[1] == "[[", counts)
                self._lines.setdefault(table, number)
            elif assignment:
                key = table + _parts(assignment[1])
                self._lines.setdefault(key, number)
                closing = _left_open(line[assignment.end() :])

    def _table(self, name: Key, array: bool, counts: Counter[Key]) -> Key:  # noqa: FBT001 - private
        # [[rounds]] then [rounds.frame] means the frame of the last round.
        full: Key = ()
        for position, part in enumerate(name):
            full += (part,)
            last = position == len(name) - 1
            if array and last:
                counts[full] += 1
            if counts[full]:
                full += (counts[full] - 1,)
        return full

    def find(self, key: Sequence[str | int]) -> int | None:
        """Return the line of a key, or of the nearest table that holds it."""
        wanted = tuple(key)
        while wanted:
            if wanted in self._lines:
                return self._lines[wanted]
            wanted = wanted[:-1]
        return None


def shown_key(key: Sequence[str | int]) -> str:
    """Write a key as a person reads it; the first entry of a list is number 1.

    Examples
    --------
    >>> shown_key(("rounds", 0, "files"))
    'rounds[1].files'
    """
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


def _parts(name: str) -> Key:
    found = re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", name)
    return tuple(part.strip("\"'") for part in found)


def _left_open(value: str) -> str:
    marks = _TRIPLE.findall(value)
    return marks[0] if len(marks) % 2 else ""
