"""Slow twin of the average over decomposable graphs: cliques, junction trees, sums."""

from itertools import combinations

import numpy as np
from scipy.special import gammaln, logsumexp


def decomposable(n_lists):
    """Return [(cliques, separators)] of all chordal graphs, as lists of frozensets."""
    pairs = list(combinations(range(n_lists), 2))
    found = []
    for chosen in range(1 << len(pairs)):
        edges = {pair for place, pair in enumerate(pairs) if chosen >> place & 1}
        cliques = maximal_cliques(n_lists, edges)
        separators = heaviest_tree(cliques)
        # A clique tree with the running intersection property exists iff these agree.
        if sum(map(len, cliques)) - sum(map(len, separators)) == n_lists:
            found.append((cliques, separators))
    return found


def maximal_cliques(n_lists, edges):
    complete = [
        frozenset(members)
        for size in range(1, n_lists + 1)
        for members in combinations(range(n_lists), size)
        if all(pair in edges for pair in combinations(members, 2))
    ]
    return [one for one in complete if not any(one < other for other in complete)]


def heaviest_tree(cliques):
    """Return the intersections along a maximum-weight spanning tree (Prim)."""
    inside, outside, separators = cliques[:1], cliques[1:], []
    while outside:
        one, other = max(
            ((a, b) for a in inside for b in outside),
            key=lambda pair: len(pair[0] & pair[1]),
        )
        separators.append(one & other)
        inside.append(other)
        outside.remove(other)
    return separators


def log_posterior(counts, n_lists, graph, strength, unobserved):
    """Log posterior (P,) of one graph up to what all graphs share, prior 1 / N."""
    cliques, separators = graph
    total = sum(counts.values()) + unobserved
    value = gammaln(total + 1) - gammaln(unobserved + 1) - np.log(total)
    for subset in cliques:
        value = value + margin(counts, n_lists, subset, strength, unobserved)
    for subset in separators:
        value = value - margin(counts, n_lists, subset, strength, unobserved)
    whole = strength * 2**n_lists
    return value + gammaln(whole) - gammaln(total + whole)


def margin(counts, n_lists, subset, strength, unobserved):
    """L(S) of the paper; the empty separator is the total with the prior's mass."""
    delta = strength * 2 ** (n_lists - len(subset))
    cells = {}
    for history, count in counts.items():
        key = tuple(history[member] for member in sorted(subset))
        cells[key] = cells.get(key, 0) + count
    zero = (0,) * len(subset)
    value = gammaln(cells.pop(zero, 0) + unobserved + delta) - gammaln(delta)
    full = 2 ** len(subset) - 1
    seen = sum(gammaln(count + delta) for count in cells.values())
    return value + seen + (full - len(cells)) * gammaln(delta) - full * gammaln(delta)


def mixture(counts, n_lists, strength, unobserved):
    """Return the posterior (P,) of the unobserved count and (G,) of the graphs."""
    rows = np.array(
        [
            log_posterior(counts, n_lists, graph, strength, unobserved)
            for graph in decomposable(n_lists)
        ]
    )
    weights = np.exp(rows - rows.max())
    return weights.sum(axis=0) / weights.sum(), weights.sum(axis=1) / weights.sum()


def chain(rng, counts, n_lists, strength, grid, *, schedule):
    """Walk over graphs with every mass from scratch; return the pairs joined (draws,).

    Graphs are frozensets of pairs; the walk starts from the empty one.
    """
    burn_in, n_samples, thinning = schedule
    pairs = list(combinations(range(n_lists), 2))
    edges, kept = frozenset(), []
    mass = log_mass(edges, counts, n_lists, strength, grid)
    for step in range(1, burn_in + n_samples * thinning + 1):
        proposed = edges ^ {pairs[int(rng.random() * len(pairs))]}
        while rng.random() < 0.5:
            proposed = proposed ^ {pairs[int(rng.random() * len(pairs))]}
        offered = log_mass(proposed, counts, n_lists, strength, grid)
        if np.log(1 - rng.random()) < offered - mass:
            edges, mass = proposed, offered
        if step > burn_in and (step - burn_in) % thinning == 0:
            rng.random()  # the kernel draws a size here
            kept.append(edges)
    return kept


def log_mass(edges, counts, n_lists, strength, grid):
    cliques = maximal_cliques(n_lists, edges)
    separators = heaviest_tree(cliques)
    if sum(map(len, cliques)) - sum(map(len, separators)) != n_lists:
        return -np.inf
    graph = cliques, separators
    return logsumexp(log_posterior(counts, n_lists, graph, strength, grid))
