"""Capture histories: how many persons were named by each combination of lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.capture_recapture.history_input import (
    MOST_LISTS,
    HistoryInput,
    read_counts,
    read_records,
    read_table,
)
from estimators.capture_recapture.history_tables import stack_overlaps, stack_tables
from estimators.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import BoolVector, IntMatrix, IntVector

__all__ = ["MOST_LISTS", "CaptureHistories"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaptureHistories:
    """Counts of persons by capture history.

    Build one with `from_frame`, `from_counts` or `from_individuals`.

    Attributes
    ----------
    lists : tuple of str
        Names of the t lists.
    history : ndarray of int64, shape (cells,)
        Observed histories as bit masks, ascending: bit j is set if list j named the
        person. Histories that nobody has are absent.
    count : ndarray of int64, shape (cells,)
        Persons with that history, all above 0, of all strata together.
    notes : tuple of str
    strata : tuple of str
        Names of the stratum columns; none by default.
    parts : tuple of (mapping, CaptureHistories)
        Each stratum's labels and its own table, sorted; its lists may be empty.

    Examples
    --------
    >>> histories = CaptureHistories.from_counts({"10": 30, "01": 20, "11": 6})
    >>> histories.n_observed, histories.list_sizes().tolist()
    (56, [36, 26])
    """

    lists: tuple[str, ...]
    history: IntVector
    count: IntVector
    notes: tuple[str, ...] = field(default=())
    strata: tuple[str, ...] = field(default=())
    parts: tuple[tuple[Mapping[str, Any], CaptureHistories], ...] = field(default=())

    def __post_init__(self) -> None:
        self.history.setflags(write=False)
        self.count.setflags(write=False)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        lists: Sequence[str] | None = None,
        count: str | None = None,
        strata: str | Sequence[str] = (),
    ) -> CaptureHistories:
        """Read a table with one 0/1 column per list.

        Parameters
        ----------
        frame : DataFrame
        lists : sequence of str, optional
            The 0/1 columns; by default every column but `count` and `strata`.
        count : str, optional
            Column of persons per history. Without it every row is one person, and
            rows may repeat; with it every history may stand once, in each stratum.
        strata : str or sequence of str
            Columns that divide the persons (sex, year, province).

        Raises
        ------
        InputError
            With everything that is wrong: lists that are not 0/1, persons on no list,
            repeated histories, counts that are no whole numbers >= 0, missing strata,
            empty lists, fewer than two lists.
        """
        return cls._from_input(
            read_table(frame, lists=lists, count=count, strata=_names(strata))
        )

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[Any, Any],
        *,
        lists: Sequence[str] | None = None,
        strata: str | Sequence[str] = (),
    ) -> CaptureHistories:
        """Read a mapping of history to count, ``{"101": 3}`` for three lists.

        The first character is the first list. Lists are called A, B, C, ... by default.
        With `strata`, a mapping of stratum (a tuple if there are several columns) to
        such a mapping: ``from_counts({"f": {"10": 3}, "m": {...}}, strata="sex")``.
        """
        return cls._from_input(read_counts(counts, lists=lists, strata=_names(strata)))

    @classmethod
    def from_individuals(
        cls,
        records: pd.DataFrame,
        *,
        person: str,
        list_name: str,
        strata: str | Sequence[str] = (),
    ) -> CaptureHistories:
        """Read one row per person and list, as linkage gives them.

        Parameters
        ----------
        records : DataFrame
            A person who stands twice in one list counts once; notes say how many did.
        person, list_name : str
            Columns.
        strata : str or sequence of str
            Columns with one value for each person.
        """
        names = _names(strata)
        return cls._from_input(
            read_records(records, person=person, list_name=list_name, strata=names)
        )

    @classmethod
    def _from_input(cls, found: HistoryInput) -> CaptureHistories:
        found.check()
        parts = []
        if len(found.strata.columns):
            names = [str(name) for name in found.strata.columns]
            groups = found.strata.groupby(list(found.strata.columns), sort=True)
            for key, rows in groups.indices.items():
                label = key if isinstance(key, tuple) else (key,)
                part = cls._counted(found.lists, found.masks[rows], found.count[rows])
                if part.n_observed:
                    parts.append((dict(zip(names, label, strict=True)), part))
        whole = cls._counted(found.lists, found.masks, found.count, found.notes)
        return replace(
            whole,
            strata=tuple(map(str, found.strata.columns)),
            parts=tuple(parts),
        )

    @classmethod
    def _counted(
        cls,
        lists: tuple[str, ...],
        masks: IntVector,
        count: IntVector,
        notes: tuple[str, ...] = (),
    ) -> CaptureHistories:
        keys, place = np.unique(masks, return_inverse=True)
        total = np.zeros(keys.size, dtype=np.int64)
        np.add.at(total, place.ravel(), count)
        keep = (total > 0) & (keys > 0)
        return cls(
            lists=lists,
            history=keys[keep].astype(np.int64),
            count=total[keep],
            notes=notes,
        )

    @property
    def n_lists(self) -> int:
        """Number of lists, t."""
        return len(self.lists)

    @property
    def n_observed(self) -> int:
        """Distinct persons on at least one list."""
        return int(self.count.sum())

    def dense(self) -> IntVector:
        """Return counts by bit mask, shape (2 ** t,); the unobserved cell 0 is 0."""
        table = np.zeros(1 << self.n_lists, dtype=np.int64)
        table[self.history] = self.count
        return table

    def matrix(self) -> IntMatrix:
        """Return 0/1 membership of the observed histories, shape (cells, t)."""
        return (self.history[:, None] >> np.arange(self.n_lists)) & 1

    def list_sizes(self) -> IntVector:
        """Return persons on each list, shape (t,)."""
        return np.asarray(self.count @ self.matrix(), dtype=np.int64)

    def overlaps(self, *, by_stratum: bool = False) -> pd.DataFrame:
        """Return persons on each pair of lists; the diagonal holds the list sizes.

        By stratum the rows carry the stratum's labels before the list.
        """
        if by_stratum:
            return stack_overlaps(self._parts())
        matrix = self.matrix()
        return pd.DataFrame(
            matrix.T @ (self.count[:, None] * matrix),
            index=list(self.lists),
            columns=list(self.lists),
        )

    def capture_frequencies(self) -> IntVector:
        """Return how many persons are on exactly k lists, k = 0..t, shape (t + 1,)."""
        times = self.matrix().sum(axis=1)
        return np.bincount(
            times, weights=self.count, minlength=self.n_lists + 1
        ).astype(np.int64)

    def to_frame(self, *, by_stratum: bool = False) -> pd.DataFrame:
        """Return one row per observed history with a 0/1 column per list and count.

        By stratum the columns of the strata come first.
        """
        if by_stratum:
            return stack_tables(self._parts())
        frame = pd.DataFrame(self.matrix(), columns=list(self.lists))
        frame["count"] = self.count
        return frame

    def by_stratum(self) -> Iterator[tuple[Mapping[str, Any], CaptureHistories]]:
        """Iterate over the strata: labels and the table of each."""
        return iter(self._parts())

    def stratum(self, **labels: Any) -> CaptureHistories:  # noqa: ANN401 - labels are anything
        """Return the persons of the strata with these labels, ``stratum(sex="f")``.

        Columns that are not named stay strata.
        """
        unknown = [name for name in labels if name not in self.strata]
        chosen = [
            (label, part)
            for label, part in self._parts()
            if all(label.get(name) == value for name, value in labels.items())
        ]
        if unknown or not chosen:
            raise InputError(
                f"No stratum has {labels}; there are "
                f"{', '.join(str(dict(label)) for label, _ in self.parts)}."
            )
        return self._pooled(
            chosen, tuple(name for name in self.strata if name not in labels)
        )

    def pool(self, *names: str) -> CaptureHistories:
        """Add the strata that differ in these columns only; without names, add all."""
        unknown = [name for name in names if name not in self.strata]
        if unknown:
            raise InputError(
                f"No stratum column is called {', '.join(map(repr, unknown))}; there "
                f"are {', '.join(self.strata) or 'none'}."
            )
        kept = tuple(name for name in self.strata if names and name not in names)
        return self._pooled(self._parts() if self.strata else (), kept)

    def _pooled(
        self,
        chosen: Sequence[tuple[Mapping[str, Any], CaptureHistories]],
        kept: tuple[str, ...],
    ) -> CaptureHistories:
        if not chosen:
            return self
        groups: dict[tuple[Any, ...], list[CaptureHistories]] = {}
        for label, part in chosen:
            groups.setdefault(tuple(label[name] for name in kept), []).append(part)
        added = {key: self._added(parts) for key, parts in groups.items()}
        whole = self._added([part for _, part in chosen])
        if not kept:
            return replace(whole, notes=self.notes)
        parts = tuple(
            (dict(zip(kept, key, strict=True)), part) for key, part in added.items()
        )
        return replace(whole, notes=self.notes, strata=kept, parts=parts)

    def _added(self, parts: Sequence[CaptureHistories]) -> CaptureHistories:
        return self._counted(
            self.lists,
            np.concatenate([part.history for part in parts]),
            np.concatenate([part.count for part in parts]),
        )

    def _parts(self) -> tuple[tuple[Mapping[str, Any], CaptureHistories], ...]:
        if not self.strata:
            raise InputError(
                "These histories have no strata: name their columns with strata= when "
                "the table is read."
            )
        return self.parts

    def with_counts(self, dense: IntVector) -> CaptureHistories:
        """Return the same lists with other counts by bit mask; lists may be empty."""
        keys = np.flatnonzero(dense[1:]) + 1
        return CaptureHistories(
            lists=self.lists,
            history=keys.astype(np.int64),
            count=np.asarray(dense, dtype=np.int64)[keys],
            notes=self.notes,
        )

    def omit(self, *names: str) -> CaptureHistories:
        """Leave lists out; persons known from them alone are no longer observed."""
        self._known(names)
        return self.restrict(*(name for name in self.lists if name not in names))

    def restrict(self, *names: str) -> CaptureHistories:
        """Keep only the named lists, in the order given."""
        self._known(names)
        places = [(name, [self.lists.index(name)]) for name in names]
        return self._changed(places)

    def merge(self, groups: Mapping[str, Iterable[str]]) -> CaptureHistories:
        """Join lists into one: a person is on it who is on any of its parts."""
        parts = {name: tuple(members) for name, members in groups.items()}
        joined = [member for members in parts.values() for member in members]
        self._known(joined)
        if len(set(joined)) < len(joined):
            raise InputError("A list can be merged into one group only.")
        places: dict[str, list[int]] = {}
        for name in self.lists:
            owner = next(
                (key for key, members in parts.items() if name in members), name
            )
            members = parts.get(owner, (name,))
            places[owner] = [self.lists.index(member) for member in members]
        return self._changed(list(places.items()))

    def _changed(self, places: Sequence[tuple[str, list[int]]]) -> CaptureHistories:
        """Return other lists, each the union of old ones, in every stratum."""
        names = tuple(name for name, _ in places)
        matrix = self._joined(places)
        seen = matrix.any(axis=1)
        lost = int(self.count[~seen].sum())
        notes = (f"{lost} persons were on none of {', '.join(names)}",) if lost else ()
        found = HistoryInput(
            lists=names,
            matrix=matrix[seen],
            count=self.count[seen],
            strata=pd.DataFrame(index=range(int(seen.sum()))),
            repeated=True,
        )
        found.check()
        whole = self._counted(names, found.masks, found.count, (*self.notes, *notes))
        bits = 1 << np.arange(len(names))
        parts = [
            (label, self._counted(names, part._joined(places) @ bits, part.count))
            for label, part in self.parts
        ]
        left = tuple((label, part) for label, part in parts if part.n_observed)
        return replace(whole, strata=self.strata, parts=left)

    def _joined(self, places: Sequence[tuple[str, list[int]]]) -> IntMatrix:
        matrix = self.matrix().astype(bool)
        columns: list[BoolVector] = [
            np.asarray(matrix[:, members].any(axis=1)) for _, members in places
        ]
        return np.column_stack(columns).astype(np.int64)

    def summary(self) -> str:
        """Return lists, sizes and overlaps as text."""
        head = f"{self.n_observed:,} persons on {self.n_lists} lists"
        if self.strata:
            head += f", {len(self.parts)} strata of {', '.join(self.strata)}"
        return "\n".join([head, self.overlaps().to_string(), *self.notes])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the UpSet plot of the histories; returns the axes of the bars."""
        from estimators.plotting import upset_plot

        return upset_plot(self.to_frame(), count="count", ax=ax)

    def _known(self, names: Iterable[str]) -> None:
        unknown = [name for name in names if name not in self.lists]
        if unknown:
            raise InputError(
                f"No list is called {', '.join(map(repr, unknown))}; there are "
                f"{', '.join(self.lists)}."
            )


def _names(strata: str | Sequence[str]) -> tuple[str, ...]:
    return (strata,) if isinstance(strata, str) else tuple(strata)
