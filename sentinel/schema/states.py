"""The state of a cell of an interview: a value, or the reason why there is none."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CellState"]


class CellState(IntEnum):
    """Why a cell holds a value or does not.

    The states survive reading, harmonising and classifying. They are never folded into
    "no": a refused question about violence is not an answer that there was none.
    """

    VALUE = 0
    NOT_ASKED = 1
    DONT_KNOW = 2
    REFUSED = 3
    MISSING = 4
