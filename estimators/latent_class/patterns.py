"""Answers to items, coded and collapsed to distinct patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix, IntVector
    from estimators.latent_class._kernels import Collapsed

__all__ = ["AnswerPatterns", "ItemScale", "collapse", "read_items"]

_MOST_SUB_PATTERNS = 300  # per group: tables of this size stay in the nearest cache


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScale:
    """The items and the answers that occur.

    Attributes
    ----------
    names : tuple of str
    categories : tuple of tuple
        Answers of each item, in order.
    """

    names: tuple[str, ...]
    categories: tuple[tuple[Any, ...], ...]

    @property
    def first(self) -> IntVector:
        """Return where each item's answers start in a list of all, shape (J + 1,)."""
        sizes = [len(answers) for answers in self.categories]
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @property
    def n_free(self) -> int:
        """Free response probabilities of one class."""
        return sum(len(answers) - 1 for answers in self.categories)

    @property
    def n_cells(self) -> float:
        """Cells of the table of all items."""
        return float(np.prod([float(len(answers)) for answers in self.categories]))

    def code(self, frame: pd.DataFrame) -> IntMatrix:
        """Return the answers as places among their item's, -1 for missing ones.

        Raises
        ------
        InputError
            With every item that is absent or has an answer that the scale lacks.
        """
        problems: list[str] = []
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        absent = [name for name in self.names if name not in frame.columns]
        if absent:
            more = f" and {len(absent) - 10} more" if len(absent) > 10 else ""
            problems.append(f"absent: {', '.join(absent[:10])}{more}")
        codes = np.full((len(frame), len(self.names)), -1, dtype=np.int64)
        for j, (name, answers) in enumerate(
            zip(self.names, self.categories, strict=True)
        ):
            if name not in frame.columns:
                continue
            level, found = pd.factorize(frame[name])
            place = pd.Index(answers, dtype=object).get_indexer(
                pd.Index(found, dtype=object)
            )
            if (place < 0).any():
                seen = sorted({str(value) for value in found[place < 0]})
                problems.append(
                    f"item {name!r} has answers {', '.join(seen[:5])}, which were not "
                    f"among those of the fit: {', '.join(map(str, answers))}"
                )
            codes[:, j] = np.append(place, -1)[level]
        if problems:
            raise InputError("The items do not fit: " + "; ".join(problems) + ".")
        return codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnswerPatterns:
    """Distinct rows of answers, with how many persons gave each.

    Attributes
    ----------
    codes : ndarray of shape (P, J)
        Places of answers, -1 for missing ones.
    mass : ndarray of shape (P,)
        Sum of the weights of a pattern's persons.
    of_row : ndarray of shape (m,)
        Pattern of each person.
    first : ndarray of shape (J + 1,)
        Where each item's answers start.
    """

    codes: IntMatrix
    mass: FloatVector
    of_row: IntVector
    first: IntVector

    def collapsed(self) -> Collapsed:
        """Return what the kernels take: the items cut into groups of sub-patterns."""
        ids: list[IntVector] = []
        starts: list[int] = [0]
        cells: list[IntVector] = []
        for items in _groups(self.codes):
            rows, inverse = _distinct(self.codes[:, items])
            ids.append(inverse + len(starts) - 1)
            for row in rows:
                seen = np.flatnonzero(row >= 0)
                cells.append(self.first[items][seen] + row[seen])
                starts.append(starts[-1] + seen.size)
        return (
            np.ascontiguousarray(np.stack(ids, axis=1)),
            np.array(starts, dtype=np.int64),
            np.concatenate(cells),
            self.mass,
            self.first,
        )


def read_items(items: pd.DataFrame) -> ItemScale:
    """Return the items and their answers.

    Raises
    ------
    InputError
        If it is no frame, has fewer than two items, a name comes twice, or an item has
        fewer than two distinct answers.
    """
    if not isinstance(items, pd.DataFrame):
        raise InputError(
            "items must be a pandas DataFrame with one column per item and one row "
            f"per person; {type(items).__name__} came."
        )
    if items.shape[1] < 2:
        raise InputError(
            f"{items.shape[1]} item came: latent classes need at least two."
        )
    names = [str(name) for name in items.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"Items need names of their own; twice: {', '.join(twice)}.")
    answers = {name: _answers(items.iloc[:, j]) for j, name in enumerate(names)}
    flat = [name for name, found in answers.items() if len(found) < 2]
    if flat:
        raise InputError(
            f"Items with fewer than two distinct answers tell no classes apart: "
            f"{', '.join(flat)}. Leave them out."
        )
    long = [name for name, found in answers.items() if len(found) > 50]
    if long:
        raise InputError(
            f"Items with more than 50 distinct answers: {', '.join(long)}. Latent "
            "classes need categories: group the answers, or leave the items out."
        )
    return ItemScale(names=tuple(names), categories=tuple(answers.values()))


def collapse(
    codes: IntMatrix,
    weight: FloatVector,
    scale: ItemScale,
    *,
    also: IntVector | None = None,
) -> AnswerPatterns:
    """Return the distinct rows of codes, with the sum of their weights.

    Rows that differ in `also` (the combination of covariates) stay apart.
    """
    if also is None:
        rows, inverse = _distinct(codes)
    else:
        both, inverse = _distinct(np.column_stack([also, codes]))
        rows = np.ascontiguousarray(both[:, 1:])
    mass = np.bincount(inverse, weight, minlength=len(rows)).astype(np.float64)
    return AnswerPatterns(codes=rows, mass=mass, of_row=inverse, first=scale.first)


def _answers(column: pd.Series[Any]) -> tuple[Any, ...]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = set(column.dropna())
        return tuple(value for value in column.cat.categories if value in used)
    found = list(pd.unique(column.dropna().astype(object)))
    try:
        return tuple(sorted(found))
    except TypeError:
        return tuple(sorted(found, key=str))


def _distinct(codes: IntMatrix) -> tuple[IntMatrix, IntVector]:
    """Return the distinct rows in order, and the place of each row among them."""
    key = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:
        base = int(column.max(initial=0)) + 2
        if int(key.max(initial=0)) > np.iinfo(np.int64).max // (base + 1):
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key = key * base + column + 1
    _, index, inverse = np.unique(key, return_index=True, return_inverse=True)
    return codes[index], inverse.astype(np.int64)


def _groups(codes: IntMatrix) -> list[IntVector]:
    """Cut the items into runs of few distinct sub-patterns each."""
    limit = max(16, min(_MOST_SUB_PATTERNS, len(codes) // 8))
    groups: list[list[int]] = [[]]
    for item in range(codes.shape[1]):
        tried = [*groups[-1], item]
        if len(groups[-1]) and len(_distinct(codes[:, tried])[0]) > limit:
            groups.append([item])
        else:
            groups[-1] = tried
    return [np.array(group, dtype=np.int64) for group in groups]
