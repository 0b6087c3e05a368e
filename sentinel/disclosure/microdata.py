"""Records: how many stand out by what a neighbour knows, and how to stop that.

k-anonymity protects against re-identification by the quasi-identifiers named, in one
release. It gives no guarantee over repeated releases, against other columns, or where a
whole class has the same sensitive answer (`l`, `t` say how far that is so).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_columns, check_counts
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import IntVector

__all__ = ["KAnonymous", "MicrodataReport", "k_anonymise", "microdata_report"]

NULL = ""
MOST_COLUMNS = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MicrodataReport:
    """How well records hide among others with the same quasi-identifiers.

    Attributes
    ----------
    quasi_identifiers : tuple of str
    minimum_cell : int
    n_records, n_classes : int
        Records, and distinct combinations of the quasi-identifiers.
    k : int
        Records in the smallest class.
    n_below, n_classes_below : int
        Records, and classes, of fewer than the minimum.
    diversity : DataFrame
        ``column, l, t, n_uniform``: fewest distinct answers in a class, largest
        distance (total variation) of a class from all records, and records in classes
        in which everybody gave the same answer.
    classes : DataFrame
        INTERNAL: quasi-identifiers and ``n`` of every class below the minimum. Never
        part of a release; `summary` is.
    """

    quasi_identifiers: tuple[str, ...]
    minimum_cell: int
    n_records: int
    n_classes: int
    k: int
    n_below: int
    n_classes_below: int
    diversity: pd.DataFrame
    classes: pd.DataFrame

    def summary(self) -> str:
        """Return what may be released: no class, and no count of 1 to k - 1."""
        least = self.minimum_cell
        below = _said(self.n_below, least)
        lines = [
            f"{_said(self.n_records, least)} records in {self.n_classes} classes by "
            f"{', '.join(self.quasi_identifiers)}.",
            f"Records in classes of fewer than {least}: {below}.",
        ]
        lines += [
            f"{row['column']}: at least {row['l']} distinct answers in a class, "
            f"distance from all at most {row['t']:.2f}; same answer throughout: "
            f"{_said(int(row['n_uniform']), least)} records."
            for row in self.diversity.to_dict("records")
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KAnonymous:
    """Records of which each shares its quasi-identifiers with at least k - 1 others.

    Attributes
    ----------
    frame : DataFrame
        Records in a new order that tells nothing, without those dropped; blanked
        quasi-identifiers are empty.
    k : int
    n_dropped : int
        Records left out: even without any quasi-identifier they were too few.
    blanked : Series of int
        Cells emptied, per quasi-identifier.
    loss : float
        Share of all filled quasi-identifier cells that is gone.
    """

    frame: pd.DataFrame
    k: int
    n_dropped: int
    blanked: pd.Series
    loss: float


def microdata_report(
    frame: pd.DataFrame,
    quasi_identifiers: Sequence[str],
    *,
    sensitive: Sequence[str] = (),
    minimum_cell: int = 11,
) -> MicrodataReport:
    """Count the records that too few others look like.

    Parameters
    ----------
    frame : DataFrame of n records
    quasi_identifiers : sequence of str
        What somebody may know of a person: sex, age band, origin, year. An empty cell
        is a value like any other: only equal rows hide each other.
    sensitive : sequence of str
        What nobody should learn from knowing somebody's class.
    minimum_cell : int
        k.

    Raises
    ------
    InputError
        If columns are absent or there are no records.

    References
    ----------
    Sweeney 2002 (k-anonymity); Machanavajjhala et al. 2007 (distinct l-diversity); Li,
    Li and Venkatasubramanian 2007 (t-closeness, with equal distances between answers).

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["f"] * 12 + ["m"] * 3, "held": ["1"] * 15})
    >>> found = microdata_report(people, ["sex"], sensitive=["held"])
    >>> found.k, found.n_below, found.diversity["l"].item()
    (3, 3, 1)
    >>> print(found.summary().splitlines()[1])
    Records in classes of fewer than 11: fewer than 11.
    """
    names = list(quasi_identifiers)
    check_counts(minimum_cell=minimum_cell)
    texts = _texts(frame, [*names, *sensitive])
    labels, number = _classes(texts, names)
    sizes = np.bincount(number)
    small = sizes < minimum_cell
    return MicrodataReport(
        quasi_identifiers=tuple(names),
        minimum_cell=minimum_cell,
        n_records=len(frame),
        n_classes=sizes.size,
        k=int(sizes.min()),
        n_below=int(sizes[small].sum()),
        n_classes_below=int(small.sum()),
        diversity=_diversity(texts, number, sensitive),
        classes=labels.assign(n=sizes)[small].reset_index(drop=True),
    )


def k_anonymise(
    frame: pd.DataFrame,
    quasi_identifiers: Sequence[str],
    *,
    k: int = 11,
    costs: Sequence[float] | None = None,
    rng: int | np.random.Generator | None = None,
) -> KAnonymous:
    """Empty as few quasi-identifiers as a greedy search needs for k-anonymity.

    Records that stand out lose cells, others keep all. Sets of columns are tried from
    the cheapest on; of those that cost the same, the one that frees most records first.
    A record is freed when at least `k` records with the same cells emptied are equal in
    what is left.

    Parameters
    ----------
    frame : DataFrame of n records
        Quasi-identifiers as codes, already in bands: this step only empties cells.
    quasi_identifiers : sequence of str
        At most 12 columns.
    k : int
    costs : sequence of float, optional
        What emptying each quasi-identifier costs; 1 by default.
    rng : int or Generator, optional
        Draws the order of the records: their order in the file could tell who is who.

    Raises
    ------
    InputError
        If columns are absent, too many, or `k` is below 2.

    Notes
    -----
    An empty cell of the input and an emptied one look alike and count as equal, so a
    class may hold both. Greedy: another choice may lose less; the loss is reported.

    Examples
    --------
    >>> ages = ["18"] * 22 + ["9"]
    >>> people = pd.DataFrame({"sex": ["f"] * 12 + ["m"] * 11, "age": ages})
    >>> kept = k_anonymise(people, ["sex", "age"], rng=1)
    >>> kept.n_dropped, kept.blanked.to_dict()
    (0, {'sex': 0, 'age': 11})
    """
    names = list(quasi_identifiers)
    check_counts(k=k)
    if k < 2:
        raise InputError(
            f"k={k}: a record hides among at least one other; give 2 or more."
        )
    if not 1 <= len(names) <= MOST_COLUMNS:
        raise InputError(
            f"{len(names)} quasi-identifiers came, 1 to {MOST_COLUMNS} were expected."
        )
    texts = _texts(frame, names)
    price = np.ones(len(names)) if costs is None else np.asarray(costs, dtype=float)
    if price.shape != (len(names),) or not (price > 0).all():
        raise InputError("costs: one number > 0 per quasi-identifier was expected.")
    codes = np.column_stack(
        [pd.factorize(pd.Series([NULL, *texts[name]]))[0][1:] for name in names]
    )
    result, kept = _blank(codes, k, price)
    filled = int((codes > 0).sum())
    blanked = ((codes > 0) & (result == 0) & kept[:, None]).sum(axis=0)
    gone = filled - int((result[kept] > 0).sum())
    order = np.random.default_rng(rng).permutation(np.flatnonzero(kept))
    safe = frame.iloc[order].reset_index(drop=True)
    for at, name in enumerate(names):
        safe[name] = safe[name].where(result[order, at] > 0)
    return KAnonymous(
        frame=safe,
        k=k,
        n_dropped=int((~kept).sum()),
        blanked=pd.Series(blanked, index=names),
        loss=gone / filled if filled else 0.0,
    )


def _blank(
    codes: np.ndarray, k: int, price: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return codes with cells emptied (0), and which records are kept."""
    result = codes.copy()
    waiting = np.arange(len(codes))
    # Groups are exact: records freed with one set of columns never count for another.
    for same_cost in _sets_by_cost(price):
        while waiting.size:
            freed = [_freed(codes, waiting, empty, k) for empty in same_cost]
            best = int(np.argmax([found.size for found in freed]))
            if not freed[best].size:
                break
            for at in same_cost[best]:
                result[freed[best], at] = 0
            waiting = np.setdiff1d(waiting, freed[best])
    # The few that are left join an equal class of those already emptied, or go.
    kept = np.ones(len(codes), dtype=bool)
    kept[waiting] = False
    for record in waiting.tolist():
        home = _home(result[kept], codes[record])
        if home is not None:
            result[record] = home
            kept[record] = True
    return result, kept


def _sets_by_cost(price: np.ndarray) -> Iterator[list[tuple[int, ...]]]:
    sets = [
        empty
        for size in range(price.size + 1)
        for empty in itertools.combinations(range(price.size), size)
    ]
    cost = [round(float(price[list(empty)].sum()), 9) for empty in sets]
    for value in sorted(set(cost)):
        yield [item for item, paid in zip(sets, cost, strict=True) if paid == value]


def _freed(
    codes: np.ndarray, waiting: IntVector, empty: tuple[int, ...], k: int
) -> IntVector:
    left = codes[waiting].copy()
    left[:, list(empty)] = 0
    _, number, size = np.unique(left, axis=0, return_inverse=True, return_counts=True)
    freed: IntVector = waiting[size[number.reshape(-1)] >= k]
    return freed


def _home(safe: np.ndarray, record: np.ndarray) -> np.ndarray | None:
    """Return the fullest published row that agrees with a record where it is filled."""
    fits = ((safe == record) | (safe == 0)).all(axis=1)
    if not fits.any():
        return None
    rows = safe[fits]
    best: np.ndarray = rows[int(np.argmax((rows > 0).sum(axis=1)))]
    return best


def _texts(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    check_columns(frame, {f"column {name}": name for name in names})
    if frame.empty or not names:
        raise InputError("Records and at least one quasi-identifier were expected.")
    texts = frame[list(dict.fromkeys(names))].astype("object")
    return texts.where(texts.notna(), NULL).astype("str")


def _classes(texts: pd.DataFrame, names: list[str]) -> tuple[pd.DataFrame, IntVector]:
    grouped = texts.groupby(names, sort=True)
    labels = grouped.size().reset_index()[names]
    number: IntVector = np.asarray(grouped.ngroup(), dtype=np.int64)
    return labels, number


def _diversity(
    texts: pd.DataFrame, number: IntVector, sensitive: Sequence[str]
) -> pd.DataFrame:
    rows = []
    for name in sensitive:
        counts = pd.crosstab(number, texts[name]).to_numpy(dtype=np.float64)
        distinct = (counts > 0).sum(axis=1)
        share = counts / counts.sum(axis=1, keepdims=True)
        overall = counts.sum(axis=0) / counts.sum()
        rows.append(
            {
                "column": name,
                "l": int(distinct.min()),
                "t": float(0.5 * np.abs(share - overall).sum(axis=1).max()),
                "n_uniform": int(counts[distinct == 1].sum()),
            }
        )
    return pd.DataFrame(rows, columns=["column", "l", "t", "n_uniform"])


def _said(count: int, least: int) -> str:
    return f"fewer than {least}" if 0 < count < least else f"{count:,}"
