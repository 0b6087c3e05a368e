"""Respondents by place in other tables of a release, as readers of both know them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from estimators.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sentinel.disclosure.cells import SystemBuilder

__all__ = ["PlacesElsewhere", "tie_places"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacesElsewhere:
    """Respondents by place in another table of the same release.

    Attributes
    ----------
    what : {"origin", "crossing", "destination"}
    counts : DataFrame
        ``round_id, place, row, n``: respondents that the table counts in its row
        ``row``, by round and place.
    shown : mapping of str to bool
        For each row, whether its number of respondents is printed.
    """

    what: str
    counts: pd.DataFrame
    shown: Mapping[str, bool]


def tie_places(
    builder: SystemBuilder, cells: Mapping[tuple[str, ...], int], other: PlacesElsewhere
) -> None:
    """State that a place's respondents are those of a table's rows and others.

    Readers may know of each round how many respondents the table covers: how many
    answers are unknown is printed.
    """
    counts = other.counts[other.counts["n"] > 0]
    parts = [builder.add(int(n), kind="free") for n in counts["n"]]
    by_node: dict[tuple[str, ...], list[int]] = {}
    by_round: dict[str, list[int]] = {}
    by_row: dict[str, list[int]] = {}
    for part, layer, place, row in zip(
        parts, counts["round_id"], counts["place"], counts["row"], strict=True
    ):
        by_node.setdefault((str(layer), other.what, str(place)), []).append(part)
        by_round.setdefault(str(layer), []).append(part)
        by_row.setdefault(str(row), []).append(part)
    value = builder.value
    for key, inside in by_node.items():
        if key in cells:
            rest = value(cells[key]) - sum(map(value, inside))
            if rest < 0:
                raise InputError(
                    "A table counts more respondents of a place than the routes do."
                )
            builder.sums(cells[key], [*inside, builder.add(rest, kind="free")])
    for inside in by_round.values():
        builder.sums(builder.add(sum(map(value, inside)), kind="known"), inside)
    for row, inside in by_row.items():
        kind = "known" if other.shown[row] else "private"
        builder.sums(builder.add(sum(map(value, inside)), kind=kind), inside)
