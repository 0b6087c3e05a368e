"""The frameworks' lists of indicators: wording, strength, phase, provenance."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from estimators.errors import InputError

__all__ = ["SetIndicator", "available_sets", "indicator_set", "unverified_codes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetIndicator:
    """One indicator of a framework.

    Attributes
    ----------
    code, dimension, text, strength, phase, provenance : str
    off : str
        Why it ships switched off; empty where it does not.
    """

    code: str
    dimension: str
    text: str
    strength: str
    phase: str
    provenance: str
    off: str


@cache
def _all_sets() -> dict[str, tuple[SetIndicator, ...]]:
    file = resources.files("sentinel.classify") / "shipped" / "indicators.csv"
    found: dict[str, list[SetIndicator]] = {}
    for row in csv.DictReader(file.read_text("utf-8").splitlines()):
        found.setdefault(row.pop("set"), []).append(SetIndicator(**row))
    return {name: tuple(items) for name, items in found.items()}


def available_sets() -> tuple[str, ...]:
    """Return the names of the frameworks' lists of indicators.

    Examples
    --------
    >>> "ilo_ec_2009_adult_labour" in available_sets()
    True
    """
    return tuple(sorted(_all_sets()))


def indicator_set(name: str) -> tuple[SetIndicator, ...]:
    """Return the indicators of one framework.

    Raises
    ------
    InputError
        If there is no such set; those that exist are listed.

    Examples
    --------
    >>> adult = indicator_set("ilo_ec_2009_adult_labour")
    >>> len(adult), adult[0].code, adult[0].strength
    (67, 'AL_DR01', 'strong')
    """
    sets = _all_sets()
    if name not in sets:
        raise InputError(
            f"There is no set of indicators called {name!r}; there are "
            f"{', '.join(sorted(sets))}."
        )
    return sets[name]


def unverified_codes() -> dict[str, str]:
    """Return code and reason of every indicator that ships switched off."""
    return {
        item.code: item.off
        for items in _all_sets().values()
        for item in items
        if item.off
    }
