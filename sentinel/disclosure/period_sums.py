"""Counts by months, quarters and years: what those of several releases tell together.

A release shows no small count: periods are added up until none is left. But a quarter
of one release less two months of another is the third month. Periods of a calendar lie
within each other or apart, so everything that sums and differences of them tell are the
rests: a period less all shown periods inside it. A rest must be 0 or no small number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Counts", "period_problems"]

Counts = Mapping[str, int]
MONTHS = {"month": 1, "quarter": 3, "year": 12}
REVISED = "they differ by fewer than {smallest} from those released"
TOLD = "with those by {unit} they tell fewer than {smallest}"


@dataclass(frozen=True, slots=True)
class _Span:
    """A period as months since year 0, its unit and its count."""

    start: int
    end: int
    unit: str
    count: int


def period_problems(
    earlier: Sequence[tuple[int, Counts]], later: Counts, smallest: int
) -> list[tuple[int, str]]:
    """Return what one series tells together with its earlier releases.

    Parameters
    ----------
    earlier : sequence of (int, mapping)
        Place of a release and its counts by period, oldest first.
    later : mapping of str to int
        ``"2010-03"``, ``"2010-Q1"`` or ``"2010"`` and the count.
    smallest : int
        Minimum cell: differences from 1 to ``smallest - 1`` are too small.

    Returns
    -------
    list of (int, str)
        Place of an earlier release that takes part in it, and what is told; no count
        and no period.

    Examples
    --------
    >>> period_problems([(0, {"2010-Q1": 60})], {"2010-01": 25, "2010-02": 35}, 11)
    []
    >>> period_problems([(0, {"2010-01": 25})], {"2010-01": 24}, 11)
    [(0, 'counts by month: they differ by fewer than 11 from those released')]
    """
    found: dict[str, int] = {}
    together: dict[str, int] = {}
    for place, counts in earlier:
        for what in _rests(counts, later, smallest):
            found.setdefault(what, place)
        together |= counts
    # Three releases may tell what no two do: the newest count of every period.
    for what in _rests(together, later, smallest):
        found.setdefault(what, earlier[-1][0])
    return [(place, what) for what, place in found.items()]


def _rests(old: Counts, later: Counts, smallest: int) -> Iterator[str]:
    for key, count in old.items():
        if key in later and 0 < abs(later[key] - count) < smallest:
            unit = _span(key, count).unit
            yield f"counts by {unit}: {REVISED.format(smallest=smallest)}"
    every = {**old, **later}
    spans = sorted(
        (_span(key, count) for key, count in every.items()),
        key=lambda span: (span.start, -span.end),
    )
    for outer, inner in _nested(spans):
        rest = outer.count - sum(span.count for span in inner)
        if inner and 0 < abs(rest) < smallest:
            finest = min((span.unit for span in inner), key=MONTHS.__getitem__)
            told = TOLD.format(unit=outer.unit, smallest=smallest)
            yield f"counts by {finest}: {told}"


def _nested(spans: Sequence[_Span]) -> Iterator[tuple[_Span, list[_Span]]]:
    """Yield every span with the largest spans inside it."""
    inside: list[list[_Span]] = [[] for _ in spans]
    open_spans: list[int] = []
    for at, span in enumerate(spans):
        while open_spans and spans[open_spans[-1]].end <= span.start:
            open_spans.pop()
        if open_spans:
            inside[open_spans[-1]].append(span)
        open_spans.append(at)
    yield from zip(spans, inside, strict=True)


def _span(key: str, count: int) -> _Span:
    year, _, rest = key.partition("-")
    start = 12 * int(year)
    if not rest:
        return _Span(start, start + 12, "year", count)
    if rest.startswith("Q"):
        start += 3 * (int(rest[1:]) - 1)
        return _Span(start, start + 3, "quarter", count)
    start += int(rest) - 1
    return _Span(start, start + 1, "month", count)
