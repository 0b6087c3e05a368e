"""What is said below a map of ways: how much its lines carry, and what has no place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sentinel.disclosure.coarsening import INFORMAL_CROSSING
from sentinel.disclosure.flows import ANYWHERE, OTHER

__all__ = ["coverage_note", "not_drawn"]

NOT_STATED = ""
_WORDS = {
    "origin-crossing": "from home province to crossing",
    "crossing-destination": "from crossing to destination",
    "origin-destination": "from home province to destination",
}


def coverage_note(shares: Mapping[str, float]) -> str:
    """Say what share of respondents the lines of each kind carry."""
    if not shares:
        return ""
    parts = [
        f"{100 * share:.0f} % {_WORDS.get(kind, kind)}"
        for kind, share in shares.items()
    ]
    return (
        f"Lines carry {' and '.join(parts)} of the respondents; the rest is withheld, "
        "has no stated place or no place on this map."
    )


def not_drawn(
    rows: Sequence[Mapping[Any, Any]], role: str, located: Collection[str]
) -> list[str]:
    """Say what has no place on the map: informal crossings, unknown codes."""
    notes = []
    missing = []
    for row in rows:
        code = str(row["place"])
        count = "number withheld" if row["suppressed"] else f"{int(row['n']):,}"
        if code == INFORMAL_CROSSING:
            notes.append(f"crossed outside official checkpoints ({count})")
        elif code == NOT_STATED:
            notes.append(f"{role} not stated ({count})")
        elif code not in located and code not in (OTHER, ANYWHERE):
            missing.append(code)
    if missing:
        notes.append(f"{role} without coordinates: {', '.join(sorted(missing))}")
    return notes
