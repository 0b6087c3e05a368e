"""What two releases tell together that neither tells alone.

Rules, each on the safe side:

1. A count shown in both releases has not changed, or by at least the minimum cell.
   Counts of one thing under two definitions are such counts too.
2. Where releases share a round, one of them shows all that the other shows of it. Each
   was protected as a whole: a reader of both knows no more than a reader of that one.
   A sum over rounds is shown where every round is.
3. Sums over rounds of releases with different rounds (a round was added) differ by the
   added rounds: where both hold such sums, nothing may be hidden in the sums or in the
   rounds that differ.
4. What was hidden under a larger minimum cell stays hidden under a smaller one: the
   largest that was ever promised holds.
5. Counts by period are compared as in `period_problems`, with all earlier ones at once.

A round keeps its earlier counts under a new name while its files are the same ones.
Contrasts between rounds and models are not compared: they follow from shown rows.
Findings name the class of a cell (what is counted, by which labels), never the cell:
that it changed by a few would tell of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sentinel.disclosure.period_sums import Counts, period_problems

__all__ = ["Cells", "ReleasedCells", "differencing_problems", "series_problems"]

ROUND = "round="
DEFINITION = "definition="
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
    series : mapping of str to mapping
        Per series its periods ("2010-03", "2010-Q1", "2010") and their counts, all
        shown. A series may stand under several names (its own, its file's).
    """

    rounds: Mapping[str, str]
    minimum_cell: int
    cells: Mapping[str, Cells] = field(default_factory=dict)
    series: Mapping[str, Counts] = field(default_factory=dict)


def differencing_problems(earlier: ReleasedCells, later: ReleasedCells) -> list[str]:
    """Return what a reader of both releases could work out; empty if nothing.

    Examples
    --------
    >>> def cells(n): return ReleasedCells(rounds={"2009": ""}, minimum_cell=11,
    ...     cells={"people": {"round=2009|n": n}})
    >>> differencing_problems(cells(128), cells(125))
    ['people, n by round: differs by fewer than 11 persons']
    >>> differencing_problems(cells(128), cells(160))
    []
    """
    earlier = _renamed(earlier, later)
    shared = set(earlier.rounds) & set(later.rounds)
    if not shared:
        return []
    found: list[str] = []
    smallest = max(earlier.minimum_cell, later.minimum_cell)
    for family in sorted(set(earlier.cells) & set(later.cells)):
        old, new = earlier.cells[family], later.cells[family]
        same_rounds = set(earlier.rounds) == set(later.rounds)
        if same_rounds:
            old = _with_sums(old, new, later.rounds)
            new = _with_sums(new, old, earlier.rounds)
        if later.minimum_cell < earlier.minimum_cell and _opened(old, new):
            found.append(
                f"{family}: shows what was hidden under a minimum cell of "
                f"{earlier.minimum_cell}, which holds for these persons"
            )
        changed = [*_changed_a_little(old, new, smallest)]
        changed += _defined_otherwise(old, new, smallest)
        found += [
            f"{family}, {kind}: differs by fewer than {smallest} persons"
            for kind in dict.fromkeys(map(cell_class, changed))
        ]
        if same_rounds:
            found += _crossing(family, old, new)
        else:
            found += _with_other_rounds(family, old, new, shared)
    return found


def series_problems(
    earlier: Sequence[ReleasedCells], later: ReleasedCells
) -> list[tuple[int, str]]:
    """Return what counts by period of all releases tell, with the place of one.

    Examples
    --------
    >>> def calls(counts): return ReleasedCells(rounds={}, minimum_cell=11,
    ...     series={"calls": counts})
    >>> months = {"2010-01": 25, "2010-02": 30}
    >>> series_problems([calls({"2010-Q1": 60})], calls(months))
    [(0, 'calls, counts by month: with those by quarter they tell fewer than 11')]
    """
    found = []
    for name, new in later.series.items():
        before = [
            (place, release.series[name])
            for place, release in enumerate(earlier)
            if name in release.series
        ]
        smallest = max(
            [later.minimum_cell, *(earlier[place].minimum_cell for place, _ in before)]
        )
        found += [
            (place, f"{name}, {what}")
            for place, what in period_problems(before, new, smallest)
        ]
    return found


def cell_class(key: str) -> str:
    """Return what a cell counts and by which labels, without its values.

    Examples
    --------
    >>> cell_class("round=2009|sex=2|event|cases")
    'cases by round, sex'
    """
    *front, counted = key.split("|")
    names = [part.partition("=")[0] for part in front if "=" in part]
    return f"{counted} by {', '.join(names)}" if names else counted


def _renamed(earlier: ReleasedCells, later: ReleasedCells) -> ReleasedCells:
    """Return earlier cells under the new names of rounds whose files are the same."""
    gone = {
        files: label
        for label, files in earlier.rounds.items()
        if files and label not in later.rounds
    }
    names = {
        gone[files]: label
        for label, files in later.rounds.items()
        if files in gone and label not in earlier.rounds
    }
    if not names:
        return earlier

    def named(key: str) -> str:
        first, bar, rest = key.partition("|")
        label = first.removeprefix(ROUND)
        if first == label or label not in names:
            return key
        return f"{ROUND}{names[label]}{bar}{rest}"

    return replace(
        earlier,
        rounds={names.get(name, name): files for name, files in earlier.rounds.items()},
        cells={
            family: {named(key): value for key, value in cells.items()}
            for family, cells in earlier.cells.items()
        },
    )


def _with_sums(cells: Cells, other: Cells, rounds: Mapping[str, str]) -> Cells:
    """Add the sums over rounds that the other release prints and these tell as well."""
    added: dict[str, int | str | None] = {}
    for key in other:
        if _round(key) or key in cells or not rounds:
            continue
        parts = [cells.get(f"{ROUND}{label}|{key}") for label in rounds]
        numbers = [part for part in parts if isinstance(part, int)]
        if len(numbers) == len(parts):
            added[key] = sum(numbers)
    return {**cells, **added} if added else cells


def _changed_a_little(old: Cells, new: Cells, smallest: int) -> Iterator[str]:
    for key, before in old.items():
        after = new.get(key)
        if not isinstance(before, int) or not isinstance(after, int):
            continue
        if 0 < abs(after - before) < smallest:
            yield key


def _defined_otherwise(old: Cells, new: Cells, smallest: int) -> Iterator[str]:
    """Yield new cells a few persons from a cell of another definition."""
    before: dict[str, list[int]] = {}
    for key, value in old.items():
        if DEFINITION in key and isinstance(value, int):
            before.setdefault(_undefined(key), []).append(value)
    if not before:
        return
    for key, value in new.items():
        if not isinstance(value, int) or old.get(key) == value:
            continue
        if any(0 < abs(value - n) < smallest for n in before.get(_undefined(key), ())):
            yield key


def _undefined(key: str) -> str:
    return "|".join(p for p in key.split("|") if not p.startswith(DEFINITION))


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


def _opened(old: Cells, new: Cells) -> bool:
    """Say whether a cell that was hidden is told now."""
    return any(
        key in new and not isinstance(value, int) and not _knows(value, new[key])
        for key, value in old.items()
    )


def _crossing(family: str, old: Cells, new: Cells) -> list[str]:
    """Name a cell that only one release tells and one that only the other tells."""
    only_old, only_new = _untold(old, new), _untold(new, old)
    if not only_old or not only_new:
        return []
    return [
        f"{family}: one shows {cell_class(min(only_old))}, the other "
        f"{cell_class(min(only_new))}, where it does not, and they were not protected "
        "together"
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
            f"{cell_class(min(hidden))} is hidden"
        ]
    # Sums in one release only: the other must add nothing to it.
    sums, other = (same[0], same[1]) if with_sums[0] else (same[1], same[0])
    more = _untold(other, sums)
    if not more:
        return []
    return [
        f"{family}: {cell_class(min(more))} was not protected together with the sums "
        "over rounds of the other release"
    ]
