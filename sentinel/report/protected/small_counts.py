"""Small counts of persons kept out of notes written by people and programs."""

from __future__ import annotations

import re

__all__ = ["without_small_counts"]

_PERSONS = (
    r"respondents?|persons?|people|interviews?|rows?|cases?|non-cases?|events?|"
    r"non-events?|deportees?|deportations?|answers?|observations?"
)


def without_small_counts(text: str, minimum_cell: int) -> str:
    """Return a note with every small count of persons replaced by "fewer than k".

    Examples
    --------
    >>> without_small_counts("only 4 respondents in 3 clusters", 11)
    'only fewer than 11 respondents in 3 clusters'
    """

    def replace(match: re.Match[str]) -> str:
        small = 0 < int(match["count"]) < minimum_cell
        return f"fewer than {minimum_cell}" if small else match["count"]

    after = rf"\s+(?:of\s+[\d,]+\s+)?(?:\w+\s+)?(?:{_PERSONS})\b"
    pattern = rf"(?<![\d.,])(?P<count>\d+)(?={after})"
    masked = re.sub(pattern, replace, text)
    return re.sub(r"(?<=\bn = )(?P<count>\d+)\b(?![.,]\d)", replace, masked)
