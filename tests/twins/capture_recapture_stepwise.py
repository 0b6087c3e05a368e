"""Slow twins of the stepwise selection: one table, one pair, one tail at a time."""

from itertools import combinations

import numpy as np
from scipy.stats import poisson

from estimators.capture_recapture._extended_likelihood import (
    estimability_status,
    fit_extended,
)
from estimators.capture_recapture.model_terms import hierarchical_closure

NEAR_TIE = 1e-9


def lesser_tail(observed, mean):
    return min(poisson.cdf(observed, mean), poisson.sf(observed - 1, mean))


def estimable(counts, terms, n_lists):
    """By linear programming and singular values instead of elimination."""
    return not estimability_status(
        counts, hierarchical_closure(terms, n_lists), n_lists
    )


def select_pairs(counts, threshold, n_lists):
    """Return pairs in the order they came in and the unseen, NaN if none can be had."""
    pairs = [1 << a | 1 << b for a, b in combinations(range(n_lists), 2)]
    chosen = []
    if not estimable(counts, chosen, n_lists):
        return chosen, np.nan
    cells = np.arange(counts.size)
    while True:
        fitted = fit_extended(counts, chosen, n_lists).fitted
        tails = {}
        for pair in pairs:
            inside = (cells & pair) == pair
            enlarged = [*chosen, pair]
            if pair not in chosen and estimable(counts, enlarged, n_lists):
                tails[pair] = lesser_tail(counts[inside].sum(), fitted[inside].sum())
        least = min(tails.values(), default=np.inf)
        if not least < threshold:
            return chosen, fitted[0]
        chosen.append(next(p for p in tails if tails[p] * (1 - NEAR_TIE) <= least))
