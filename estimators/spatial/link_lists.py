"""Lists of links between areas: read, checked, sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntVector

__all__ = ["area_labels", "link_positions", "sort_links"]


def area_labels(n_areas: int | None, areas: Sequence[Any] | None) -> tuple[Any, ...]:
    """Return the labels of all areas, by default their positions."""
    if areas is None:
        if n_areas is None or n_areas < 1:
            raise InputError(
                f"n_areas={n_areas!r}: say how many areas there are, or give their "
                "labels as `areas`; areas without neighbours stand in no pair."
            )
        return tuple(range(n_areas))
    labels = tuple(areas)
    if len(set(labels)) != len(labels):
        twice = sorted({str(one) for one in labels if labels.count(one) > 1})
        raise InputError(f"Labels of areas come twice: {', '.join(twice[:5])}.")
    if n_areas is not None and n_areas != len(labels):
        raise InputError(f"{len(labels)} labels came for {n_areas} areas.")
    return labels


def link_positions(pairs: Any, labels: tuple[Any, ...] | None, n: int) -> Any:  # noqa: ANN401
    """Return pairs as positions of shape (links, 2); `labels` translate names."""
    listed = list(pairs)
    wrong = [pair for pair in listed if len(pair) != 2]
    if wrong:
        raise InputError(f"A pair names two areas; {wrong[0]!r} came.")
    if labels is not None:
        known = {label: place for place, label in enumerate(labels)}
        unknown = sorted({str(a) for pair in listed for a in pair if a not in known})
        if unknown:
            raise InputError(
                f"{len(unknown)} areas in pairs are not among `areas`: "
                f"{', '.join(unknown[:5])}."
            )
        listed = [(known[one], known[other]) for one, other in listed]
    links = np.array(listed, dtype=np.float64).reshape(-1, 2)
    lawful = np.isfinite(links) & (links >= 0) & (links < n) & (links % 1 == 0)
    if not lawful.all():
        raise InputError(
            f"Pairs hold positions from 0 to {n - 1}; "
            f"{links[~lawful.all(axis=1)][0].tolist()} came. Files that count from 1 "
            "need 1 subtracted."
        )
    return links.astype(np.int64)


def sort_links(
    labels: tuple[Any, ...],
    here: IntVector,
    there: IntVector,
    weight: FloatVector,
    *,
    self_links: bool = False,
) -> tuple[IntVector, IntVector, FloatVector]:
    """Sort links by area and neighbour, join repeated ones, refuse impossible ones."""
    own = np.flatnonzero(here == there)
    if own.size and not self_links:
        raise InputError(
            f"Area {labels[here[own[0]]]!r} is its own neighbour. Leave it out: "
            "getis_ord(..., star=True) adds each area to its own neighbourhood."
        )
    bad = np.flatnonzero(~(np.isfinite(weight) & (weight > 0)))
    if bad.size:
        raise InputError(
            f"{bad.size} weights are not numbers above 0 (first {weight[bad[0]]!r}): "
            "leave links of weight 0 out."
        )
    n = len(labels)
    key = np.asarray(here, dtype=np.int64) * n + there
    order = np.argsort(key, kind="stable")
    key, weight = key[order], np.asarray(weight, dtype=np.float64)[order]
    fresh = np.ones(len(key), dtype=bool)
    fresh[1:] = key[1:] != key[:-1]
    clash = np.flatnonzero(~fresh[1:] & (weight[1:] != weight[:-1]))
    if clash.size:
        at = key[clash[0]]
        raise InputError(
            f"The link {labels[at // n]!r} to {labels[at % n]!r} comes with two weights"
            f", {weight[clash[0]]} and {weight[clash[0] + 1]}: give one, or "
            "symmetric=False for weights of a direction."
        )
    key = key[fresh]
    counts = np.bincount(key // n, minlength=n)
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return first, key % n, weight[fresh]
