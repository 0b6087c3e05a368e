"""Years, sexes and codes of agencies' lists, read the same everywhere."""

from __future__ import annotations

import unicodedata

__all__ = ["read_code", "read_sex", "read_year"]

_UNKNOWN = frozenset(
    ["", "unknown", "unk", "not known", "n/a", "na", "none", "-", "--", "?", ".", "nan"]
)
_SEXES = {
    "m": "m", "male": "m", "man": "m", "boy": "m",
    "f": "f", "female": "f", "woman": "f", "girl": "f",
    "o": "o", "other": "o", "x": "o", "third gender": "o",
}  # fmt: skip
BUDDHIST_ERA = 543
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


def read_year(text: str) -> int | None:
    """Return a year of birth of the common era; years of the Buddhist era are moved.

    Examples
    --------
    >>> read_year("1987"), read_year("2530"), read_year("unknown")
    (1987, 1987, None)
    """
    plain = text.strip().casefold()
    if plain in _UNKNOWN:
        return None
    year = int(plain)
    if year - BUDDHIST_ERA >= _FIRST_YEAR:
        year -= BUDDHIST_ERA
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError(text)
    return year


def read_sex(text: str) -> str | None:
    """Return ``m``, ``f``, ``o`` or None; a number is no sex, since codes differ.

    Examples
    --------
    >>> read_sex("Female"), read_sex("?")
    ('f', None)
    """
    plain = text.strip().casefold()
    if plain in _UNKNOWN:
        return None
    if plain not in _SEXES:
        raise ValueError(text)
    return _SEXES[plain]


def read_code(text: str) -> str | None:
    """Return a code or a place without accents, case and doubled spaces.

    Examples
    --------
    >>> read_code(" Bắc  Giang"), read_code("n/a")
    ('bac giang', None)
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    # Accents of Latin letters go; vowel signs of other scripts are letters.
    bare = "".join(char for char in decomposed if not "\u0300" <= char <= "\u036f")
    plain = " ".join(bare.split())
    return None if plain in _UNKNOWN else plain
