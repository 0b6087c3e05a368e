"""Synthetic records with differential privacy: noisy marginals along a tree.

The losses of the steps add up to the epsilon that is stated (pure epsilon, neighbours
differ by one record): a third buys one-way counts, a third the choice of the tree, a
third the pair counts along it. Everything after that is drawing from noisy counts.
Unlike k-anonymity this holds against any other knowledge and adds up over releases; it
says nothing of k, and a k-anonymous file says nothing of epsilon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from estimators.array_types import FloatMatrix, IntMatrix, IntVector
    from sentinel.disclosure.ledger import ReleaseLedger

__all__ = ["SyntheticRecords", "synthesise"]

MOST_CODES = 1_000
STEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SyntheticRecords:
    """Records that nobody gave.

    Attributes
    ----------
    frame : DataFrame
        The columns that were asked for, empty where the drawn code is ``""``.
    epsilon : float
        Privacy loss of this release, to be added to that of all others.
    tree : tuple of (str, str)
        Pairs of columns whose joint counts were kept; all else is independent given
        these.
    """

    frame: pd.DataFrame
    epsilon: float
    tree: tuple[tuple[str, str], ...]

    def summary(self) -> str:
        """Return what must be printed beside the file."""
        return (
            f"{len(self.frame):,} synthetic records, differential privacy with epsilon "
            f"{self.epsilon:g} for one record more or less. Associations kept: "
            f"{', '.join(f'{a} with {b}' for a, b in self.tree) or 'none'}. No record "
            "is a person; do not estimate prevalence from them."
        )


def synthesise(
    frame: pd.DataFrame,
    domains: Mapping[str, Sequence[str]],
    *,
    epsilon: float,
    ledger: tuple[ReleaseLedger, str, float] | None = None,
    rng: int | np.random.Generator | None = None,
) -> SyntheticRecords:
    """Draw synthetic records from noisy counts of columns and of pairs of columns.

    Parameters
    ----------
    frame : DataFrame of n records
        One row per person; that is what epsilon protects.
    domains : mapping of str to sequence of str
        Columns to release and all codes each may have, from the codebook and never from
        the data: a code that nobody has must be possible. ``""`` stands for missing.
    epsilon : float
        Privacy loss, greater than 0; of the order of 1.
    ledger : (ReleaseLedger, str, float), optional
        Ledger, name of the data and budget: the loss is written down before a record is
        drawn, and refused beyond the budget.
    rng : int or Generator, optional
        For tests. A release needs None: who knows the number can take the noise away.

    Raises
    ------
    InputError
        Values outside the domains (counted, not repeated), columns absent, a bad
        epsilon, an overspent budget.

    Notes
    -----
    One-way and pair counts get two-sided geometric noise, each with its share of
    epsilon; pairs are chosen by the exponential mechanism, the score being how far
    their counts are from independence. The size of the file is a noisy total as well.
    Drawing uses ordinary floating point: it is no defence against somebody who measures
    the running program.

    References
    ----------
    McKenna, Miklau and Sheldon 2021 (select, measure, generate: the scheme of MST, here
    with pure epsilon).

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["f", "m"] * 300, "held": ["1", ""] * 300})
    >>> domains = {"sex": ["f", "m"], "held": ["", "1"]}
    >>> made = synthesise(people, domains, epsilon=2, rng=1)
    >>> made.tree, made.epsilon
    ((('sex', 'held'),), 2.0)
    """
    codes, sizes = _coded(frame, domains)
    if not (np.isfinite(epsilon) and epsilon > 0):
        raise InputError(f"epsilon={epsilon!r}: a number > 0 was expected.")
    if ledger is not None:
        book, data, budget = ledger
        book.spend(data, float(epsilon), budget=budget)
    generator = np.random.default_rng(rng)
    names = list(domains)
    width = len(names)
    share = epsilon / STEPS if width > 1 else epsilon
    single = [
        _noisy(np.bincount(codes[:, at], minlength=sizes[at]), share / width, generator)
        for at in range(width)
    ]
    edges = _tree(codes, sizes, single, share, generator)
    pairs = {
        edge: _noisy(_pair(codes, sizes, edge), share / len(edges), generator)
        for edge in edges
    }
    size = round(max(1.0, float(np.mean([counts.sum() for counts in single]))))
    drawn = _draw(size, single, pairs, generator)
    made = pd.DataFrame(
        {
            name: np.array([*domains[name]], dtype=object)[drawn[:, at]]
            for at, name in enumerate(names)
        }
    )
    return SyntheticRecords(
        frame=made.mask(made == ""),
        epsilon=float(epsilon),
        tree=tuple((names[a], names[b]) for a, b in edges),
    )


def _coded(
    frame: pd.DataFrame, domains: Mapping[str, Sequence[str]]
) -> tuple[IntMatrix, list[int]]:
    check_columns(frame, {f"column {name}": name for name in domains})
    problems, columns = [], []
    for name, codes in domains.items():
        if len(set(codes)) != len(codes) or not 1 <= len(codes) <= MOST_CODES:
            problems.append(f"{name}: 1 to {MOST_CODES} different codes are expected")
            continue
        texts = frame[name].astype("object")
        texts = texts.where(texts.notna(), "").astype("str")
        at = pd.Index(codes).get_indexer(pd.Index(texts))
        outside = int((at < 0).sum())
        if outside:
            problems.append(f"{name}: {outside} values outside its domain")
        columns.append(at)
    if problems or not columns:
        raise InputError(
            f"{'; '.join(problems) or 'No column was named'}. Give every column all "
            'its codes, "" among them where it may be missing.'
        )
    return np.column_stack(columns), [len(codes) for codes in domains.values()]


def _noisy(
    counts: IntVector | FloatMatrix, epsilon: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Add two-sided geometric noise; one record changes one count by one."""
    stop = -np.expm1(-epsilon)
    noise = rng.geometric(stop, counts.shape) - rng.geometric(stop, counts.shape)
    return np.maximum(counts + noise, 0).astype(np.float64)


def _pair(codes: IntMatrix, sizes: Sequence[int], edge: tuple[int, int]) -> FloatMatrix:
    first, second = edge
    flat = codes[:, first] * sizes[second] + codes[:, second]
    counts = np.bincount(flat, minlength=sizes[first] * sizes[second])
    return counts.reshape(sizes[first], sizes[second]).astype(np.float64)


def _tree(
    codes: IntMatrix,
    sizes: Sequence[int],
    single: Sequence[NDArray[np.float64]],
    epsilon: float,
    rng: np.random.Generator,
) -> list[tuple[int, int]]:
    """Choose a spanning tree, edge by edge, by the exponential mechanism."""
    width = len(sizes)
    score = np.full((width, width), -np.inf)
    for first in range(width):
        for second in range(first + 1, width):
            expected = np.outer(
                single[first], single[second] / max(single[second].sum(), 1.0)
            )
            gap = np.abs(_pair(codes, sizes, (first, second)) - expected).sum()
            # One record more changes the gap by one at most; noise is no data.
            score[first, second] = score[second, first] = gap
    inside, edges = [0], []
    while len(inside) < width:
        outside = [at for at in range(width) if at not in inside]
        options = [(a, b) for a in inside for b in outside]
        weights = np.array([score[edge] for edge in options])
        weights *= epsilon / (width - 1) / 2
        # The largest of scores with Gumbel noise is a draw of the mechanism.
        edge = options[int(np.argmax(weights + rng.gumbel(size=weights.size)))]
        edges.append(edge)
        inside.append(edge[1])
    return edges


def _draw(
    size: int,
    single: Sequence[NDArray[np.float64]],
    pairs: Mapping[tuple[int, int], NDArray[np.float64]],
    rng: np.random.Generator,
) -> IntMatrix:
    drawn = np.zeros((size, len(single)), dtype=np.int64)
    drawn[:, 0] = rng.choice(single[0].size, size, p=_shares(single[0]))
    for (parent, child), counts in pairs.items():
        for code in np.unique(drawn[:, parent]):
            rows = np.flatnonzero(drawn[:, parent] == code)
            given = counts[code] if counts[code].sum() else single[child]
            drawn[rows, child] = rng.choice(given.size, rows.size, p=_shares(given))
    return drawn


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total = counts.sum()
    return counts / total if total else np.full(counts.size, 1 / counts.size)
