"""Names of hierarchical models: list names or "[12,3]" in, bit masks inside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from estimators.errors import InputError

__all__ = ["Terms", "hierarchical_closure", "read_terms", "term_label", "write_terms"]

Terms: TypeAlias = str | Sequence[str | Sequence[str]]
"""``"[12,3]"`` (lists counted from 1) or ``[("A", "B"), "C"]`` (list names)."""

# One digit names one list in the bracket notation.
MOST_NUMBERED = 9


def hierarchical_closure(terms: Iterable[int], n_lists: int) -> tuple[int, ...]:
    """Return the terms with all their subsets, the intercept 0 and all main effects.

    Parameters
    ----------
    terms : iterable of int
        Bit masks of lists, below ``2 ** n_lists``.
    n_lists : int

    Returns
    -------
    tuple of int
        Ascending bit masks.

    Examples
    --------
    >>> hierarchical_closure([0b110], 3)
    (0, 1, 2, 4, 6)
    """
    closed = {0, *(1 << place for place in range(n_lists))}
    for term in terms:
        if not 0 <= term < 1 << n_lists:
            raise InputError(
                f"Term {term} names a list beyond the {n_lists} there are."
            )
        part = int(term)
        while part:
            closed.add(part)
            part = (part - 1) & int(term)
    return tuple(sorted(closed))


def read_terms(terms: Terms, lists: Sequence[str]) -> tuple[int, ...]:
    """Return the closed bit masks of a model in words; every problem is named.

    Raises
    ------
    InputError
        If a term names no list, or no term can be read.

    Examples
    --------
    >>> read_terms("[12,3]", ["A", "B", "C"])
    (0, 1, 2, 3, 4)
    >>> read_terms([("B", "A")], ["A", "B", "C"])
    (0, 1, 2, 3, 4)
    """
    groups = _numbered(terms, lists) if isinstance(terms, str) else _named(terms)
    unknown = sorted({str(n) for group in groups for n in group if n not in lists})
    if unknown:
        raise InputError(
            f"No list is called {', '.join(map(repr, unknown))}; there are "
            f"{', '.join(lists)}."
        )
    masks = [sum(1 << list(lists).index(n) for n in set(group)) for group in groups]
    return hierarchical_closure(masks, len(lists))


def write_terms(terms: Iterable[int]) -> str:
    """Return the maximal terms in brackets, highest order first, ``"[12,3]"``.

    Lists are counted from 1; beyond nine lists their numbers are joined by a dot.

    Examples
    --------
    >>> write_terms([0, 1, 2, 4, 3])
    '[12,3]'
    """
    masks = set(terms) - {0}
    maximal = [m for m in masks if not any(m != o and m & o == m for o in masks)]
    numbers = [
        tuple(j + 1 for j in range(m.bit_length()) if m >> j & 1) for m in maximal
    ]
    joint = "." if any(max(group) > MOST_NUMBERED for group in numbers) else ""
    ordered = sorted(numbers, key=lambda group: (-len(group), group))
    return "[" + ",".join(joint.join(map(str, group)) for group in ordered) + "]"


def term_label(term: int, lists: Sequence[str]) -> str:
    """Return a term in list names, ``"A and B"``; the intercept is ``"intercept"``.

    Examples
    --------
    >>> term_label(0b101, ["police", "border", "shelter"])
    'police and shelter'
    """
    names = [name for place, name in enumerate(lists) if term >> place & 1]
    if len(names) < 2:
        return names[0] if names else "intercept"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _named(terms: object) -> list[tuple[str, ...]]:
    form = "a sequence of list names and of tuples of them, [('A', 'B'), 'C'], or text"
    if not isinstance(terms, Iterable) or isinstance(terms, bytes):
        raise InputError(f"terms={terms!r}: {form}, '[12,3]', was expected.")
    groups: list[tuple[str, ...]] = []
    for term in terms:
        if not isinstance(term, Iterable):
            raise InputError(f"terms: {term!r} is no term; {form} was expected.")
        groups.append((term,) if isinstance(term, str) else tuple(term))
    return groups


def _numbered(text: str, lists: Sequence[str]) -> list[tuple[str, ...]]:
    if len(lists) > MOST_NUMBERED:
        raise InputError(
            f"terms={text!r}: with {len(lists)} lists, numbers of two digits would be "
            "read as pairs. Give list names, [('A', 'B'), 'C']."
        )
    form = re.fullmatch(r"\s*\[([1-9,\s]*)\]\s*", text)
    if form is None:
        raise InputError(
            f"terms={text!r}: brackets with list numbers were expected, '[12,3]', or a "
            "sequence of list names, [('A', 'B'), 'C']."
        )
    words = [word.strip() for word in form[1].split(",") if word.strip()]
    beyond = sorted({d for word in words for d in word if int(d) > len(lists)})
    if beyond:
        raise InputError(
            f"terms={text!r}: there are {len(lists)} lists, none has number "
            f"{', '.join(beyond)}."
        )
    return [tuple(lists[int(digit) - 1] for digit in word) for word in words]
