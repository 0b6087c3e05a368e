"""Compiled Metropolis-Hastings walk over chordal graphs, sizes summed out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import types
from numba.typed import Dict

from estimators.capture_recapture._kernels_graphs import _fill, _simplicial
from estimators.numba_options import kernel

if TYPE_CHECKING:
    from typing import TypeAlias

    from estimators.array_types import FloatMatrix, FloatVector, IntVector

    # Log-gamma ratios (2 ** t + 1, P) by list-subset and node, the log of the nodes'
    # prior times weight (P,), and what the unobserved are not in (2 ** t + 1,).
    Target: TypeAlias = tuple[FloatMatrix, FloatVector, FloatVector]

__all__ = [
    "graph_chain",
    "graph_masses",
    "log_gamma_ratios",
    "random_chordal",
    "sparse_graphs",
]

# Terms below exp(-40) of a graph's largest one are left out of its sum.
_NEGLIGIBLE = -40.0
# Masses that a chain remembers at most: 40 megabytes.
_REMEMBERED = 1 << 20


@kernel(nogil=True)
def log_gamma_ratios(grid: FloatVector, offsets: FloatVector) -> FloatMatrix:
    """Return lgamma(x + offset) - lgamma(x + 1), (offsets, nodes)."""
    table = np.empty((offsets.size, grid.size))
    _fill(table, grid, 0, grid.size, offsets)
    return table


@kernel(nogil=True)
def _enter(
    subset: int, sign: float, used: int, subsets: IntVector, signs: FloatVector
) -> int:
    for entry in range(used):
        if subsets[entry] == subset:
            signs[entry] += sign
            return used
    subsets[used] = subset
    signs[used] = sign
    return used + 1


@kernel(nogil=True)
def _graph_terms(
    edges: int, neighbours: IntVector, subsets: IntVector, signs: FloatVector
) -> int:
    """Write one graph's list-subsets and coefficients; return how many, -1 if none.

    Bit p of `edges` is the p-th pair in lexicographic order. A graph is chordal if and
    only if vertices whose neighbours are all joined can be taken away one by one; this
    checks moves of several edges as well as Giudici and Green's rule does one.
    """
    n_lists = neighbours.size
    neighbours[:] = 0
    place = 0
    for one in range(n_lists):
        for other in range(one + 1, n_lists):
            if edges >> place & 1:
                neighbours[one] |= 1 << other
                neighbours[other] |= 1 << one
            place += 1
    subsets[0] = 1 << n_lists
    signs[0] = 1.0
    used = 1
    left = (1 << n_lists) - 1
    while left:
        vertex = _simplicial(neighbours, left)
        if vertex < 0:
            return -1
        later = neighbours[vertex] & left
        used = _enter(later | 1 << vertex, 1.0, used, subsets, signs)
        used = _enter(later, -1.0, used, subsets, signs)
        left &= ~(1 << vertex)
    return used


@kernel(nogil=True)
def _log_mass(
    subsets: IntVector, signs: FloatVector, target: Target, value: FloatVector
) -> float:
    """Return the log of a graph's mass; leave its terms in `value`, largest 1."""
    table, log_weight, constants = target
    constant = 0.0
    value[:] = log_weight
    for entry in range(subsets.size):
        sign = signs[entry]
        if sign != 0.0:
            constant += sign * constants[subsets[entry]]
            row = table[subsets[entry]]
            for j in range(value.size):
                value[j] += sign * row[j]
    peak = float(value.max())
    total = 0.0
    for j in range(value.size):
        rest = value[j] - peak
        if rest > _NEGLIGIBLE:
            value[j] = math.exp(rest)
            total += value[j]
        else:
            value[j] = 0.0
    return constant + peak + math.log(total)


@kernel(nogil=True)
def _flips(generator: np.random.Generator, n_pairs: int) -> int:
    """Choose pairs of lists whose edges are to change: one, or with chance 1/2 more.

    Modes of large tables differ by several edges, and graphs between them are so
    improbable that single edges hardly ever lead across.
    """
    flips = 0
    more = 0.0
    while more < 0.5:
        flips ^= 1 << int(generator.random() * n_pairs)
        more = generator.random()
    return flips


@kernel(nogil=True)
def random_chordal(generator: np.random.Generator, n_lists: int, steps: int) -> int:
    """Walk over chordal graphs as if all were equally likely, from the empty one."""
    neighbours = np.zeros(n_lists, np.int64)
    subsets, signs = np.zeros(2 * n_lists + 1, np.int64), np.zeros(2 * n_lists + 1)
    edges = 0
    for _ in range(steps):
        proposed = edges ^ _flips(generator, n_lists * (n_lists - 1) // 2)
        if _graph_terms(proposed, neighbours, subsets, signs) > 0:
            edges = proposed
    return edges


@kernel(nogil=True)
def graph_chain(
    generator: np.random.Generator,
    start: int,
    n_lists: int,
    schedule: tuple[int, int, int],
    target: Target,
) -> tuple[IntVector, IntVector]:
    """Walk from `start` by adding and removing edges, one or a few at a time.

    schedule = (steps of burn-in, draws kept, steps per kept draw). Proposals are
    symmetric: a chordal one is accepted with the ratio of masses, another one never.
    Returns the graphs and, given each, a drawn node of the sizes' grid, both (draws,).
    """
    burn_in, n_samples, thinning = schedule
    graphs, nodes = np.zeros(n_samples, np.int64), np.zeros(n_samples, np.int64)
    neighbours = np.zeros(n_lists, np.int64)
    subsets, signs = np.zeros(2 * n_lists + 1, np.int64), np.zeros(2 * n_lists + 1)
    value = np.empty(target[1].size)
    known = Dict.empty(types.int64, types.float64)
    edges = start
    used = _graph_terms(edges, neighbours, subsets, signs)
    mass = _log_mass(subsets[:used], signs[:used], target, value)
    for step in range(1, burn_in + n_samples * thinning + 1):
        proposed = edges ^ _flips(generator, n_lists * (n_lists - 1) // 2)
        if proposed in known:
            offered = known[proposed]
        else:
            used = _graph_terms(proposed, neighbours, subsets, signs)
            offered = -np.inf
            if used > 0:
                offered = _log_mass(subsets[:used], signs[:used], target, value)
            if len(known) >= _REMEMBERED:
                known.clear()
            known[proposed] = offered
        if math.log(1.0 - generator.random()) < offered - mass:
            edges, mass = proposed, offered
        if step > burn_in and (step - burn_in) % thinning == 0:
            kept = (step - burn_in) // thinning - 1
            used = _graph_terms(edges, neighbours, subsets, signs)
            _log_mass(subsets[:used], signs[:used], target, value)
            graphs[kept] = edges
            nodes[kept] = _node(generator, value)
    return graphs, nodes


@kernel(nogil=True)
def _node(generator: np.random.Generator, value: FloatVector) -> int:
    total = 0.0  # summed in the order of the scan, so that this cannot overrun
    for term in value:
        total += term
    height = generator.random() * total
    passed = 0.0
    for j in range(value.size):
        passed += value[j]
        if passed > height:
            return j
    return value.size - 1


@kernel(nogil=True)
def graph_masses(
    graphs: IntVector, n_lists: int, target: Target, cuts: IntVector
) -> tuple[FloatVector, FloatMatrix]:
    """Return each graph's log mass (G,) and its shares on the first nodes (G, cuts)."""
    neighbours = np.zeros(n_lists, np.int64)
    subsets, signs = np.zeros(2 * n_lists + 1, np.int64), np.zeros(2 * n_lists + 1)
    value = np.empty(target[1].size)
    masses, shares = np.empty(graphs.size), np.empty((graphs.size, cuts.size))
    for graph in range(graphs.size):
        used = _graph_terms(graphs[graph], neighbours, subsets, signs)
        masses[graph] = _log_mass(subsets[:used], signs[:used], target, value)
        total = value.sum()
        for place in range(cuts.size):
            shares[graph, place] = value[: cuts[place]].sum() / total
    return masses, shares


@kernel(nogil=True)
def sparse_graphs(
    graphs: IntVector, n_lists: int
) -> tuple[IntVector, IntVector, FloatVector]:
    """Return starts (G + 1,), list-subsets and coefficients of all graphs in a row."""
    most = 2 * n_lists + 1
    neighbours = np.zeros(n_lists, np.int64)
    subsets, signs = np.zeros(most, np.int64), np.zeros(most)
    starts = np.zeros(graphs.size + 1, np.int64)
    all_subsets, all_signs = (
        np.empty(graphs.size * most, np.int64),
        np.empty(graphs.size * most),
    )
    end = 0
    for graph in range(graphs.size):
        used = _graph_terms(graphs[graph], neighbours, subsets, signs)
        for entry in range(used):
            if signs[entry] != 0.0:
                all_subsets[end] = subsets[entry]
                all_signs[end] = signs[entry]
                end += 1
        starts[graph + 1] = end
    return starts, all_subsets[:end].copy(), all_signs[:end].copy()
