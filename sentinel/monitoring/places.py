"""Caller places: one place under several spellings, or twice in a list."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

__all__ = ["PlaceCounts", "count_places"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaceCounts:
    """Distinct places of a list.

    Attributes
    ----------
    frame : DataFrame
        ``place`` (the commonest spelling), ``entries``, ``spellings`` (how many), most
        entries first.
    n_entries, n_blank : int
        Entries with a place, and without one.
    """

    frame: pd.DataFrame
    n_entries: int
    n_blank: int

    @property
    def n_places(self) -> int:
        """Distinct places."""
        return len(self.frame)

    @property
    def repeated(self) -> tuple[str, ...]:
        """Places with more than one entry: duplicates, where each should stand once."""
        return tuple(self.frame.loc[self.frame["entries"] > 1, "place"])


def count_places(entries: Iterable[str]) -> PlaceCounts:
    """Count distinct places; case, accents, spaces and hyphens make no difference.

    Examples
    --------
    >>> from sentinel import datasets
    >>> listed = datasets.load("hotline_myanmar_2009_2013", file="caller_places.csv")
    >>> found = count_places(listed["place"])
    >>> found.n_entries, found.n_places, found.repeated
    (19, 18, ('Chiang Mai',))
    """
    texts = pd.Series([str(entry).strip() for entry in entries], dtype="str")
    named = texts[texts != ""]
    keys = named.map(_key)
    rows = [
        {
            "place": part.value_counts().sort_index().idxmax(),
            "entries": len(part),
            "spellings": part.nunique(),
        }
        for _, part in named.groupby(keys)
    ]
    frame = pd.DataFrame(rows, columns=["place", "entries", "spellings"])
    frame = frame.sort_values(
        ["entries", "place"], ascending=[False, True], ignore_index=True
    )
    return PlaceCounts(
        frame=frame, n_entries=len(named), n_blank=len(texts) - len(named)
    )


def _key(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text)
    letters = (char for char in bare.casefold() if not unicodedata.combining(char))
    return "".join(char for char in letters if char.isalnum())
