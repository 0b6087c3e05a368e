"""Posterior of the unobserved count over all decomposable graphs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture._histories_argument import check_informative
from estimators.capture_recapture.graph_grid import (
    START,
    density_between,
    finest_step,
    unobserved_grid,
    windows_that_matter,
)
from estimators.checks import check_counts
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from typing import TypeAlias

    from estimators.array_types import FloatVector, IntMatrix, IntVector
    from estimators.capture_recapture._kernels_graphs import GraphTable
    from estimators.capture_recapture.histories import CaptureHistories

    # Starts (G + 1,) of each graph's entries in list-subsets and coefficients (E,).
    SparseGraphs: TypeAlias = tuple[IntVector, IntVector, FloatVector]
    # The same, and the log of each graph's constant (G,).
    WeighedGraphs: TypeAlias = tuple[IntVector, IntVector, FloatVector, FloatVector]

__all__ = [
    "CUSTOMARY_LIMIT",
    "MOST_LISTS",
    "MOST_SUMMED",
    "GraphPosterior",
    "checked_strength",
    "graph_catalogue",
    "graph_posterior",
    "sparse_rows",
    "subset_terms",
    "sum_sizes",
]

# All graphs of up to 6 lists are summed (18 154); those of 7 to 10 are sampled: 7 lists
# already have 617 675, and each list more multiplies that by 50 or more.
FEWEST_LISTS, MOST_SUMMED, MOST_LISTS = 3, 6, 10
# Up to 30 n, but not more than this, every whole number is summed (up to a million
# under a bound); beyond, the grid opens smoothly.
WHOLE_NUMBERS, MOST_WHOLE_NUMBERS = 20_000, 1_000_000
# What may lie beyond the end of an open grid at most: with the default strength the
# slowest tail, the complete graph's, leaves 1e-16.
UNCOVERED = 1e-6
# Whole numbers are summed up to this many times the observed, as is customary.
CUSTOMARY_LIMIT = 30
# The grid opens by a tenth of a standard deviation of the size, n ** -0.5 of itself: so
# many observed persons take 4 million nodes, and the square of that more would take all
# memory.
MOST_OBSERVED = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GraphPosterior:
    """Posterior of the unobserved count: point masses on a grid, and of the graphs.

    `cumulative` is P(unobserved <= grid), `mode` the node of the largest density;
    `graphs` are those that were kept, with their `probability`.
    """

    grid: FloatVector
    mass: FloatVector
    cumulative: FloatVector
    whole: int
    mode: float
    graphs: SparseGraphs
    probability: FloatVector

    def quantile(self, share: float) -> float:
        """Return the smallest whole number with at least `share` at or below it."""
        place = int(np.searchsorted(self.cumulative, share))
        if place < self.whole:
            return float(self.grid[place])
        place = min(place, self.grid.size - 1)
        ends = slice(place - 1, place + 1)
        return math.ceil(np.interp(share, self.cumulative[ends], self.grid[ends]))

    def moments(self, limit: float) -> tuple[float, float]:
        """Return mean and standard deviation of what lies at or below `limit`."""
        inside = self.grid <= limit
        grid, mass = self.grid[inside], self.mass[inside]
        mean = float(grid @ mass / mass.sum())
        return mean, math.sqrt(float((grid - mean) ** 2 @ mass / mass.sum()))

    def beyond(self, limit: float) -> float:
        """Return the probability above `limit`."""
        return float(self.mass[self.grid > limit].sum())


@lru_cache(maxsize=MOST_LISTS)
def graph_catalogue(n_lists: int) -> IntMatrix:
    """Clique and separator coefficients of all graphs, (graphs, 2 ** n_lists)."""
    from estimators.capture_recapture._kernels_graphs import chordal_coefficients

    rows = chordal_coefficients(n_lists)
    rows.setflags(write=False)
    return rows


@lru_cache(maxsize=MOST_LISTS)
def sparse_catalogue(n_lists: int) -> SparseGraphs:
    """All graphs of the lists, by what is not 0."""
    found = sparse_rows(graph_catalogue(n_lists))
    for array in found:
        array.setflags(write=False)
    return found


def graph_posterior(
    histories: CaptureHistories, prior_strength: float | None, largest: int | None
) -> GraphPosterior:
    """Sum over every graph of the lists and every number of unobserved persons."""
    strength = checked_strength(histories, prior_strength, largest)
    if histories.n_observed > MOST_OBSERVED:
        raise InputError(
            f"{histories.n_observed:,} observed persons came; graphs are averaged for "
            f"up to {MOST_OBSERVED:,}. So many leave no doubt about the model: take "
            "`select_bic` or `no_highest_order_interaction`."
        )
    _, constants = subset_terms(histories, strength)
    starts, subsets, signs = sparse_catalogue(histories.n_lists)
    terms = signs * np.append(constants, 0.0)[subsets]
    by_graph = np.add.reduceat(terms, starts[:-1])
    return sum_sizes(histories, strength, largest, (starts, subsets, signs, by_graph))


def sum_sizes(
    histories: CaptureHistories,
    strength: float,
    largest: int | None,
    graphs: WeighedGraphs,
) -> GraphPosterior:
    """Sum given graphs, with the log of each one's constant, over all sizes."""
    n = histories.n_observed
    offsets, _ = subset_terms(histories, strength)
    bounded = largest is not None and largest <= MOST_WHOLE_NUMBERS
    sizes = unobserved_grid(
        largest,
        whole=MOST_WHOLE_NUMBERS
        if bounded
        else min(WHOLE_NUMBERS, CUSTOMARY_LIMIT * n),
        opening=finest_step(n) / 10,
    )
    # With many lists the graphs hold few of all list-subsets.
    used = np.flatnonzero(np.bincount(graphs[1], minlength=offsets.size))
    place = np.zeros(offsets.size, dtype=np.int64)
    place[used] = np.arange(used.size)
    table = offsets[used], graphs[0], place[graphs[1]], *graphs[2:]
    window, table = _that_matter(n, table, largest)
    density, mass = _mixture(n, table, largest, window=window, sizes=sizes)
    grid, weight, whole = sizes
    if largest is None:
        _check_tail(grid, density, float(mass.sum()), strength)
    mode = float(grid[np.argmax(density)])
    unobserved = weight * density / mass.sum()
    # Half of a wide node's mass lies above it; a whole number has all of it at itself.
    above = np.where(np.arange(grid.size) < whole, 0.0, unobserved / 2)
    return GraphPosterior(
        grid=grid,
        mass=unobserved,
        cumulative=np.cumsum(unobserved) - above,
        whole=whole,
        mode=mode,
        graphs=(table[1], used[table[2]], table[3]),
        probability=mass / mass.sum(),
    )


def _that_matter(
    n: int, table: GraphTable, largest: int | None
) -> tuple[tuple[FloatVector, FloatVector], GraphTable]:
    """Return where each graph that matters anywhere does, and these, peak about 0."""
    offsets, starts, subsets, signs, constants = table
    peak, first, last = windows_that_matter(n, table, largest)
    kept = np.isfinite(first)
    entries = np.diff(starts)
    entry = np.repeat(kept, entries)
    starts = np.append(0, np.cumsum(entries[kept]))
    left = offsets, starts, subsets[entry], signs[entry], constants[kept] - peak
    return (first[kept], last[kept]), left


def _mixture(
    n: int,
    table: GraphTable,
    largest: int | None,
    *,
    window: tuple[FloatVector, FloatVector],
    sizes: tuple[FloatVector, FloatVector, int],
) -> tuple[FloatVector, FloatVector]:
    """Return the density on the grid, summed over graphs, and each graph's mass."""
    from estimators.capture_recapture._kernels_graphs import graph_mixture

    grid, _, whole = sizes
    opening = finest_step(n) / 10
    # Where the grid opens, fewer nodes than its whole numbers tell all of it.
    fewer = START + 1 < whole < grid.size
    nodes, weight, _ = (
        unobserved_grid(largest, whole=START, opening=opening) if fewer else sizes
    )
    density, mass = graph_mixture(
        nodes,
        -np.log(n + nodes),
        weight,
        table,
        (
            np.searchsorted(nodes, window[0], side="left"),
            np.searchsorted(nodes, window[1], side="right"),
        ),
    )
    if fewer:
        density = density_between(density, grid, largest, opening=opening)
    return density, mass


def _check_tail(
    grid: FloatVector, density: FloatVector, total: float, strength: float
) -> None:
    """Refuse unless the power law at the grid's end proves that little lies beyond."""
    last, before = density[-1], density[-2]
    if last == 0:
        return
    fall = math.log(before / last) / math.log(grid[-1] / grid[-2]) - 1
    if fall <= 0 or last * grid[-1] / fall > UNCOVERED * total:
        raise NotEstimableError(
            f"With prior_strength={strength!r} the posterior of the population size "
            "has so heavy a tail that it cannot be summed: take the default strength "
            "or a larger one, or state the `largest` number of unobserved persons."
        )


def checked_strength(
    histories: CaptureHistories, prior_strength: float | None, largest: int | None
) -> float:
    """Return the prior count per cell; raise if any argument is out of range."""
    if not FEWEST_LISTS <= histories.n_lists <= MOST_LISTS:
        raise InputError(
            f"Graphs are averaged for {FEWEST_LISTS} to {MOST_LISTS} lists, "
            f"{histories.n_lists} came: "
            + (
                "with two lists take `chapman`."
                if histories.n_lists < FEWEST_LISTS
                else "join lists of one kind with `histories.merge(...)`, or leave "
                "some out with `histories.omit(...)`."
            )
        )
    check_informative(histories)
    if largest is not None and check_counts(largest=largest)["largest"] < 1:
        raise InputError(f"largest={largest}: at least one unobserved person, or None.")
    if prior_strength is None:
        return 2.0**-histories.n_lists
    if not (
        isinstance(prior_strength, int | float | np.number)
        and 0 < float(prior_strength) < math.inf
    ):
        raise InputError(
            f"prior_strength={prior_strength!r}: a prior count above 0 per cell was "
            f"expected, by default 2 ** -{histories.n_lists}."
        )
    return float(prior_strength)


def subset_terms(
    histories: CaptureHistories, strength: float
) -> tuple[FloatVector, FloatVector]:
    """Return, by list-subset, what x is added to, and all of L(S) that x is not in.

    Offsets have one entry more, n + 1, for the factor Gamma(N + 1) / Gamma(x + 1).
    """
    from scipy.special import gammaln

    t, dense = histories.n_lists, histories.dense()
    offsets = np.empty((1 << t) + 1)
    constants = np.empty(1 << t)
    cells = np.arange(1 << t)
    for subset in range(1 << t):
        bits = subset.bit_count()
        delta = strength * 2.0 ** (t - bits)
        margin = np.bincount(cells & subset, weights=dense, minlength=1 << t)
        seen = margin[1:][(cells[1:] & ~subset) == 0]
        offsets[subset] = margin[0] + delta
        constants[subset] = gammaln(seen + delta).sum() - 2.0**bits * gammaln(delta)
    offsets[-1] = histories.n_observed + 1
    return offsets, constants


def sparse_rows(rows: IntMatrix) -> tuple[IntVector, IntVector, FloatVector]:
    """Return starts, list-subsets and coefficients by row, with Gamma(N + 1) last."""
    wide = np.column_stack([rows, np.ones(len(rows), dtype=np.int64)])
    graph, subset = np.nonzero(wide)
    starts = np.searchsorted(graph, np.arange(len(rows) + 1)).astype(np.int64)
    return starts, subset.astype(np.int64), wide[graph, subset].astype(np.float64)
