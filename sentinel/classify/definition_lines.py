"""Where an entry stands in a definition file, and which entries stand there twice."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Repeat", "line_of", "without_repeats"]

_HEADER = re.compile(r"\s*\[(?!\[)\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([\w-]+|\"[^\"]*\"|'[^']*')\s*=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A name that a TOML file gives twice."""

    name: str
    line: int
    first_line: int


def line_of(text: str, section: str, name: str) -> int | None:
    """Return the line of an entry, of its section where it has none, or None."""
    quoted = rf"[\"']?{re.escape(name)}[\"']?"
    own = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\.\s*{quoted}\s*\]")
    opening = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]")
    entry = re.compile(rf"\s*{quoted}\s*=")
    inside, section_line = False, None
    for number, line in enumerate(text.splitlines(), start=1):
        if name and own.match(line):
            return number
        if line.lstrip().startswith("["):
            inside = opening.match(line) is not None
            section_line = number if inside and section_line is None else section_line
        elif inside and name and entry.match(line):
            return number
    return section_line


def without_repeats(text: str) -> tuple[str, list[Repeat]]:
    r"""Return a TOML text with repeated tables and keys blanked, and what they were.

    Lines keep their numbers, so that everything else that is wrong with the file can be
    told with its place.

    Examples
    --------
    >>> text, repeats = without_repeats("[a]\nx = 1\nx = 2\n[b]\n[a]\ny = 1")
    >>> text.splitlines(), [(item.name, item.line) for item in repeats]
    (['[a]', 'x = 1', '', '[b]', ''], [('a.x', 3), ('a', 5)])
    """
    seen: dict[str, int] = {}
    repeats: list[Repeat] = []
    kept: list[str] = []
    table, dropping = "", False
    for number, line in enumerate(text.splitlines(), start=1):
        header, key = _HEADER.match(line), _KEY.match(line)
        name = ""
        if header:
            table = ".".join(_bare(part) for part in header[1].split("."))
            name, dropping = table, False
        elif key and not dropping:
            name = f"{table}.{_bare(key[1])}" if table else _bare(key[1])
        if name and name in seen:
            repeats.append(Repeat(name=name, line=number, first_line=seen[name]))
            dropping = dropping or header is not None
            kept.append("")
            continue
        if name:
            seen[name] = number
        kept.append("" if dropping else line)
    return "\n".join(kept), repeats


def _bare(name: str) -> str:
    return name.strip().strip("\"'")
