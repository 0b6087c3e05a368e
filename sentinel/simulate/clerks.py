"""What clerks do to names, years and provinces when they write them down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import IntVector

__all__ = ["miswrite_codes", "miswrite_names", "miswrite_years"]

# One spelling by ear for another; the first that occurs after a random place is taken.
_BY_EAR = (
    ("ph", "p"), ("th", "t"), ("kh", "k"), ("ch", "j"), ("v", "w"), ("ou", "u"),
    ("ea", "ia"), ("r", "l"), ("y", "i"), ("k", "kh"), ("t", "th"), ("b", "p"),
    ("ay", "ai"), ("oo", "u"), ("g", "k"), ("d", "t"), ("x", "s"),
)  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SHARE_BY_EAR = 0.6
_SHARE_TURNED = 0.15


def miswrite_names(
    names: np.ndarray, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Misspell a share of names by ear or by a slip; some are turned round.

    Independently of that, 15 % are written with the given name first.
    """
    written = names.copy()
    wrong = np.flatnonzero(rng.random(names.size) < rate)
    draws = rng.random((wrong.size, 3))
    for row, draw in zip(wrong.tolist(), draws.tolist(), strict=True):
        written[row] = _misspell(written[row], *draw)
    turned = np.flatnonzero(rng.random(names.size) < _SHARE_TURNED)
    for row in turned.tolist():
        written[row] = " ".join(reversed(written[row].split()))
    return written


def _misspell(name: str, kind: float, place: float, letter: float) -> str:
    if kind < _SHARE_BY_EAR:
        start = int(place * len(_BY_EAR))
        for heard, spelt in (*_BY_EAR[start:], *_BY_EAR[:start]):
            if heard in name:
                return name.replace(heard, spelt, 1)
    at = 1 + int(place * (len(name) - 2))
    slip = int(letter * 3)
    if slip == 0:
        return name[:at] + name[at + 1 :]
    if slip == 1:
        return name[: at - 1] + name[at] + name[at - 1] + name[at + 1 :]
    return name[:at] + _LETTERS[int(letter * 78) % 26] + name[at + 1 :]


def miswrite_years(
    years: IntVector, rate: float, rng: np.random.Generator
) -> IntVector:
    """Write a share of years one off, two digits exchanged, or guessed within five."""
    kind = np.floor(rng.random(years.size) * 3).astype(np.int64)
    step = np.where(rng.random(years.size) < 0.5, -1, 1)
    guess = rng.integers(1, 6, years.size) * step
    tens, ones = years // 10 % 10, years % 10
    exchanged = years // 100 * 100 + ones * 10 + tens
    changed = np.choose(kind, [years + step, exchanged, years + guess])
    return np.where(rng.random(years.size) < rate, changed, years)


def miswrite_codes(
    codes: np.ndarray, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Give a share of records the code of another record."""
    other = codes[rng.integers(0, codes.size, codes.size)]
    return np.where(rng.random(codes.size) < rate, other, codes)
