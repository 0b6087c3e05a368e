"""Compiled sums over chordal graphs and over the number of unobserved persons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from typing import TypeAlias

    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix, IntVector

    # Offsets (U,) of the log-gamma ratios; starts (G + 1,) of each graph's entries in
    # subsets and signs (E,), which are rows of the ratios' table and their
    # coefficients; constants (G,).
    GraphTable: TypeAlias = tuple[
        FloatVector, IntVector, IntVector, FloatVector, FloatVector
    ]

__all__ = [
    "chordal_coefficients",
    "graph_mixture",
    "graph_peaks",
    "graph_windows",
    "interpolated",
]

# Points of the grid that are worked on together: the table of log-gamma ratios of 64
# list-subsets then stays in the second-level cache.
_TILE = 256
# Terms below exp(-100) of the largest one are left out of sums of < 1e8 terms.
_NEGLIGIBLE = -100.0
# Nodes that a value between two of them is found from.
_STENCIL = 16


@kernel()
def _simplicial(neighbours: IntVector, left: int) -> int:
    """Return a vertex of `left` whose neighbours in `left` are all joined, or -1."""
    for vertex in range(neighbours.size):
        if not left >> vertex & 1:
            continue
        around = neighbours[vertex] & left
        joined = True
        for other in range(neighbours.size):
            if around >> other & 1 and around & ~neighbours[other] != 1 << other:
                joined = False
                break
        if joined:
            return vertex
    return -1


@kernel()
def chordal_coefficients(n_lists: int) -> IntMatrix:
    """Enumerate the labelled chordal graphs on `n_lists` vertices.

    Returns (graphs, 2 ** n_lists): +1 at each clique's bit mask, minus its multiplicity
    at each separator; the empty separator joins connected components.
    """
    cells = 1 << n_lists
    n_graphs = 1 << (n_lists * (n_lists - 1) // 2)
    kept = np.zeros((n_graphs, cells), dtype=np.int64)
    neighbours = np.zeros(n_lists, dtype=np.int64)
    count = 0
    for edges in range(n_graphs):
        neighbours[:] = 0
        place = 0
        for one in range(n_lists):
            for other in range(one + 1, n_lists):
                if edges >> place & 1:
                    neighbours[one] |= 1 << other
                    neighbours[other] |= 1 << one
                place += 1
        kept[count] = 0
        left = cells - 1
        while left:
            vertex = _simplicial(neighbours, left)
            if vertex < 0:
                break
            later = neighbours[vertex] & left
            kept[count, later | 1 << vertex] += 1
            kept[count, later] -= 1
            left &= ~(1 << vertex)
        if left == 0:
            count += 1
    return kept[:count].copy()


@kernel()
def _stirling_rest(x: float) -> float:
    """Return log-gamma minus (x - 1/2) log x - x + log(2 pi) / 2, for x >= 20."""
    square = 1.0 / (x * x)
    return (
        1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))
    ) / x


@kernel()
def _fill(
    table: FloatMatrix, grid: FloatVector, first: int, width: int, offsets: FloatVector
) -> None:
    """Set table[u, j] to lgamma(x + offsets[u]) - lgamma(x + 1), x = grid[first + j].

    As a difference it stays small: log-gammas themselves lose ten digits at 1e9.
    """
    for j in range(width):
        x = grid[first + j]
        base = x + 1.0
        log_base = math.log(base)
        rest = _stirling_rest(base)
        for u in range(offsets.size):
            shift = offsets[u] - 1.0
            if x < 20.0:
                table[u, j] = math.lgamma(base + shift) - math.lgamma(base)
            else:
                table[u, j] = (
                    (base + shift - 0.5) * math.log1p(shift / base)
                    + shift * (log_base - 1.0)
                    + (_stirling_rest(base + shift) - rest)
                )


@kernel()
def _log_terms(
    value: FloatVector,
    table: FloatMatrix,
    constant: float,
    subsets: IntVector,
    signs: FloatVector,
) -> None:
    """Set `value` to one graph's log density up to the prior."""
    value[:] = constant
    for entry in range(subsets.size):
        row = table[subsets[entry]]
        sign = signs[entry]
        for j in range(value.size):
            value[j] += sign * row[j]


@kernel()
def graph_peaks(
    grid: FloatVector, log_prior: FloatVector, graphs: GraphTable
) -> FloatVector:
    """Return each graph's largest log density plus `log_prior` on the grid, (G,)."""
    offsets, starts, subsets, signs, constants = graphs
    peaks = np.full(constants.size, -np.inf)
    table = np.empty((offsets.size, _TILE))
    space = np.empty(_TILE)
    for first in range(0, grid.size, _TILE):
        width = min(_TILE, grid.size - first)
        _fill(table, grid, first, width, offsets)
        value = space[:width]
        for graph in range(constants.size):
            part = slice(starts[graph], starts[graph + 1])
            _log_terms(value, table, constants[graph], subsets[part], signs[part])
            for j in range(width):
                peaks[graph] = max(peaks[graph], value[j] + log_prior[first + j])
    return peaks


@kernel()
def graph_windows(
    grid: FloatVector,
    log_prior: FloatVector,
    rise: FloatVector,
    least: float,
    graphs: GraphTable,
) -> tuple[IntVector, IntVector]:
    """Return each graph's first and last node between which it may exceed `least`.

    Between nodes j and j + 1 no log density plus `log_prior` exceeds that at the nodes
    by more than rise[j], (P - 1,). A graph that never does has -1 and -1.
    """
    offsets, starts, subsets, signs, constants = graphs
    opens = np.full(constants.size, -1)
    closes = np.full(constants.size, -1)
    before = np.full(constants.size, -np.inf)
    table = np.empty((offsets.size, _TILE))
    space = np.empty(_TILE)
    for first in range(0, grid.size, _TILE):
        width = min(_TILE, grid.size - first)
        _fill(table, grid, first, width, offsets)
        value = space[:width]
        for graph in range(constants.size):
            part = slice(starts[graph], starts[graph + 1])
            _log_terms(value, table, constants[graph], subsets[part], signs[part])
            last = before[graph]
            for j in range(width):
                here = value[j] + log_prior[first + j]
                step = max(first + j - 1, 0)
                if max(last, here) + rise[step] > least:
                    if opens[graph] < 0:
                        opens[graph] = step
                    closes[graph] = first + j
                last = here
            before[graph] = last
    return opens, closes


@kernel()
def graph_mixture(
    grid: FloatVector,
    log_prior: FloatVector,
    weight: FloatVector,
    graphs: GraphTable,
    windows: tuple[IntVector, IntVector],
) -> tuple[FloatVector, FloatVector]:
    """Sum densities over graphs at each point, and over points for each graph.

    Each graph is 0 outside its window of nodes, first and end, (G,) and (G,). Returns
    the density at each point (P,), without `weight`, and each graph's mass (G,), with
    it. The constants must make the largest log density about 0.
    """
    offsets, starts, subsets, signs, constants = graphs
    density = np.zeros(grid.size)
    mass = np.zeros(constants.size)
    table = np.empty((offsets.size, _TILE))
    space = np.empty(_TILE)
    for first in range(0, grid.size, _TILE):
        width = min(_TILE, grid.size - first)
        filled = False
        for graph in range(constants.size):
            low = max(windows[0][graph] - first, 0)
            high = min(windows[1][graph] - first, width)
            if low >= high:
                continue
            if not filled:
                _fill(table, grid, first, width, offsets)
                filled = True
            value = space[low:high]
            part = slice(starts[graph], starts[graph + 1])
            _log_terms(
                value, table[:, low:high], constants[graph], subsets[part], signs[part]
            )
            for j in range(high - low):
                node = first + low + j
                term = value[j] + log_prior[node]
                if term > _NEGLIGIBLE:
                    term = math.exp(term)
                    density[node] += term
                    mass[graph] += term * weight[node]
    return density, mass


@kernel()
def interpolated(values: FloatVector, places: FloatVector) -> FloatVector:
    """Return values at places between nodes 0, 1, ..., >= 16 of them, by polynomials.

    Of degree 15 through the nearest nodes: smooth functions are right to rounding.
    """
    signed = np.empty(_STENCIL)
    signed[0] = 1.0
    for i in range(1, _STENCIL):
        signed[i] = -signed[i - 1] * (_STENCIL - i) / i
    found = np.empty(places.size)
    for p in range(places.size):
        start = int(places[p]) - _STENCIL // 2 + 1
        start = max(0, min(start, values.size - _STENCIL))
        above, below, at = 0.0, 0.0, -1
        for i in range(_STENCIL):
            gap = places[p] - (start + i)
            if gap == 0.0:
                at = start + i
                break
            above += signed[i] / gap * values[start + i]
            below += signed[i] / gap
        found[p] = values[at] if at >= 0 else above / below
    return found
