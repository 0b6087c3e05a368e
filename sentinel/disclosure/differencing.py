"""What two releases tell together that neither tells alone.

Rules, each on the safe side:

1. A count shown in both releases has not changed, or by at least the minimum cell.
2. Where releases share a round, one of them shows all that the other shows of it. Each
   was protected as a whole: a reader of both knows no more than a reader of that one.
3. Sums over rounds of releases with different rounds (a round was added) differ by the
   added rounds: where both hold such sums, nothing may be hidden in the sums or in the
   rounds that differ.

Contrasts between rounds and models are not compared: they follow from shown rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Cells", "ReleasedCells", "differencing_problems"]

ROUND = "round="
Cells = Mapping[str, int | str | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasedCells:
    """Every count of one release, shown or hidden.

    Attributes
    ----------
    rounds : mapping of str to str
        Label of each round, and a fingerprint of its data.
    minimum_cell : int
    cells : mapping of str to mapping
        Per family of tied tables (one estimand): key of a cell and its count, what was
        said of it where it is hidden ("few<11"), or None. A key is its labels and what
        is counted, ``"round=2009|sex=2|n"``; without ``round=`` it is a sum over the
        release's rounds.
    """

    rounds: Mapping[str, str]
    minimum_cell: int
    cells: Mapping[str, Cells]


def differencing_problems(earlier: ReleasedCells, later: ReleasedCells) -> list[str]:
    """Return what a reader of both releases could work out; empty if nothing.

    Examples
    --------
    >>> def cells(n): return ReleasedCells(rounds={"2009": ""}, minimum_cell=11,
    ...     cells={"people": {"round=2009|n": n}})
    >>> differencing_problems(cells(128), cells(125))
    ['people, round=2009|n: differs by fewer than 11 persons']
    >>> differencing_problems(cells(128), cells(160))
    []
    """
    shared = set(earlier.rounds) & set(later.rounds)
    if not shared:
        return []
    found: list[str] = []
    for family in sorted(set(earlier.cells) & set(later.cells)):
        old, new = earlier.cells[family], later.cells[family]
        smallest = max(earlier.minimum_cell, later.minimum_cell)
        found += [
            f"{family}, {key}: differs by fewer than {smallest} persons"
            for key in _changed_a_little(old, new, smallest)
        ]
        if set(earlier.rounds) == set(later.rounds):
            found += _crossing(family, old, new)
        else:
            found += _with_other_rounds(family, old, new, shared)
    return found


def _changed_a_little(old: Cells, new: Cells, smallest: int) -> Iterator[str]:
    for key, before in old.items():
        after = new.get(key)
        if not isinstance(before, int) or not isinstance(after, int):
            continue
        if 0 < abs(after - before) < smallest:
            yield key


def _of(cells: Cells, rounds: set[str]) -> Cells:
    return {key: value for key, value in cells.items() if _round(key) in rounds}


def _round(key: str) -> str:
    """Return the round of a cell; empty for a sum over rounds."""
    first = key.partition("|")[0]
    return first.removeprefix(ROUND) if first.startswith(ROUND) else ""


def _knows(value: int | str | None, other: int | str | None) -> bool:
    """Say whether `value` tells all that `other` tells."""
    if other is None or isinstance(value, int):
        return True
    return value == other


def _untold(cells: Cells, other: Cells) -> list[str]:
    """Return the cells of `cells` that `other` does not tell as well."""
    return [key for key, value in cells.items() if not _knows(other.get(key), value)]


def _crossing(family: str, old: Cells, new: Cells) -> list[str]:
    """Name a cell that only one release tells and one that only the other tells."""
    only_old, only_new = _untold(old, new), _untold(new, old)
    if not only_old or not only_new:
        return []
    return [
        f"{family}: one shows {min(only_old)}, the other {min(only_new)}, and they "
        "were not protected together"
    ]


def _with_other_rounds(
    family: str, old: Cells, new: Cells, shared: set[str]
) -> list[str]:
    with_sums = [any(not _round(key) for key in cells) for cells in (old, new)]
    same = _of(old, shared), _of(new, shared)
    if not any(with_sums):
        return _crossing(family, *same)
    if all(with_sums):
        hidden = [
            key
            for cells in (old, new)
            for key, value in cells.items()
            if _round(key) not in shared and not isinstance(value, int)
        ]
        if not hidden:
            return _crossing(family, *same)
        return [
            f"{family}: sums over rounds differ by the rounds added or left out, where "
            f"{min(hidden)} is hidden"
        ]
    # Sums in one release only: the other must add nothing to it.
    sums, other = (same[0], same[1]) if with_sums[0] else (same[1], same[0])
    more = _untold(other, sums)
    if not more:
        return []
    return [
        f"{family}: {min(more)} was not protected together with the sums over rounds "
        "of the other release"
    ]
