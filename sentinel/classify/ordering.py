"""Puts named conditions in an order in which none needs a later one."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from sentinel.classify.definitions import NamedCondition
from sentinel.classify.syntax_tree import Reference, walk

__all__ = ["cycles", "in_order"]


def in_order(
    items: Sequence[NamedCondition],
) -> tuple[tuple[NamedCondition, ...], tuple[str, ...]]:
    """Return the conditions in order of need, and the first cycle (empty if none).

    Conditions that do not need each other keep the order of the file. With a cycle the
    conditions come back as they were.

    Examples
    --------
    >>> from sentinel.classify.expressions import parse_expression
    >>> def named(name, text):
    ...     return NamedCondition(
    ...         name=name, label=name, text=text, condition=parse_expression(text)
    ...     )
    >>> ordered, cycle = in_order([named("worst", "case and A"), named("case", "B")])
    >>> [item.name for item in ordered], cycle
    (['case', 'worst'], ())
    >>> in_order([named("a", "b"), named("b", "not a")])[1]
    ('a', 'b', 'a')
    """
    by_name = {item.name: item for item in items}
    needs = {
        item.name: [
            node.name
            for node in walk(item.condition)
            if isinstance(node, Reference) and node.name in by_name
        ]
        for item in items
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return tuple(items), tuple(reversed(error.args[1]))
    placed: list[str] = []
    for name in by_name:
        _place(name, needs, placed)
    return tuple(by_name[name] for name in placed), ()


def cycles(items: Sequence[NamedCondition]) -> list[tuple[str, ...]]:
    """Return every cycle that shares no condition with an earlier one.

    Examples
    --------
    >>> from sentinel.classify.expressions import parse_expression
    >>> def named(name, text):
    ...     return NamedCondition(
    ...         name=name, label=name, text=text, condition=parse_expression(text)
    ...     )
    >>> cycles([named("a", "b"), named("b", "a"), named("c", "c or a")])
    [('a', 'b', 'a'), ('c', 'c')]
    """
    left = list(items)
    place = {item.name: number for number, item in enumerate(items)}
    found: list[tuple[str, ...]] = []
    while True:
        _, cycle = in_order(left)
        if not cycle:
            return sorted(found, key=lambda ring: place[ring[0]])
        ring = cycle[:-1]
        start = ring.index(min(ring, key=place.__getitem__))
        found.append((*ring[start:], *ring[:start], ring[start]))
        left = [item for item in left if item.name not in cycle]


def _place(name: str, needs: dict[str, list[str]], placed: list[str]) -> None:
    if name in placed:
        return
    for needed in needs[name]:
        _place(needed, needs, placed)
    placed.append(name)
