"""Codes and ranges that stand for no answer."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sentinel.schema.states import CellState

__all__ = ["STATE_NAMES", "MissingCodes", "parse_range", "state_of_label"]

STATE_NAMES: dict[str, CellState] = {
    state.name.lower(): state for state in CellState if state is not CellState.VALUE
}
_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*\.\.\s*(-?\d+(?:\.\d+)?)\s*")
# Labels of declared missings in SPSS and Stata files, English and Spanish.
_LABELS: tuple[tuple[re.Pattern[str], CellState], ...] = (
    (
        re.compile(
            r"don'?t know|do not know|no sabe|unsure|\bdk\b|\bns\b", re.IGNORECASE
        ),
        CellState.DONT_KNOW,
    ),
    (
        re.compile(
            r"refus|declin|no answer|no respond|no contest|rehus", re.IGNORECASE
        ),
        CellState.REFUSED,
    ),
    (
        re.compile(
            r"not asked|not applic|inapplic|no aplica|skip|\bn/?a\b|salt", re.IGNORECASE
        ),
        CellState.NOT_ASKED,
    ),
)


def parse_range(text: str) -> tuple[float, float] | None:
    """Return the ends of ``"lo..hi"``, or None if the text is a single code.

    Raises
    ------
    ValueError
        If the ends are in the wrong order.

    Examples
    --------
    >>> parse_range("-52..-1"), parse_range("98")
    ((-52.0, -1.0), None)
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    low, high = float(match[1]), float(match[2])
    if low > high:
        raise ValueError(f"{text!r} begins above its end")
    return low, high


def state_of_label(label: str) -> CellState:
    """Return the state that a missing code's label speaks of; MISSING if none.

    Examples
    --------
    >>> state_of_label("No sabe").name, state_of_label("System").name
    ('DONT_KNOW', 'MISSING')
    """
    return next(
        (state for pattern, state in _LABELS if pattern.search(label)),
        CellState.MISSING,
    )


class MissingCodes:
    """Single codes and ranges with their states; single codes go before ranges.

    Examples
    --------
    >>> codes = MissingCodes({"-52..-1": CellState.NOT_ASKED, "-9": CellState.REFUSED})
    >>> codes.state("-9").name, codes.state("-20").name, codes.state("3")
    ('REFUSED', 'NOT_ASKED', None)
    """

    def __init__(self, codes: Mapping[str, CellState]) -> None:
        self._single: dict[str, CellState] = {}
        self._ranges: list[tuple[float, float, CellState]] = []
        for text, state in codes.items():
            ends = parse_range(text)
            if ends is None:
                self._single[text.strip()] = state
            else:
                self._ranges.append((*ends, state))

    def __bool__(self) -> bool:
        return bool(self._single or self._ranges)

    def state(self, text: str) -> CellState | None:
        """Return the state of a code, or None if it is an answer."""
        found = self._single.get(text)
        if found is not None or not self._ranges:
            return found
        try:
            number = float(text)
        except ValueError:
            return None
        return next(
            (state for low, high, state in self._ranges if low <= number <= high), None
        )
