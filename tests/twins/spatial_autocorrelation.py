"""Slow neighbourhood draws, one at a time, in whole numbers of Python."""

from __future__ import annotations

import numpy as np

_ALL = (1 << 64) - 1


def stream(seed):
    """SplitMix64 as its authors print it."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _ALL
        word = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _ALL
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _ALL
        yield word ^ (word >> 31)


def below(words, bound):
    """One whole number below `bound` from the upper halves of `words`."""
    while True:
        product = (next(words) >> 32) * bound
        if product % 2**32 >= 2**32 % bound:
            return product >> 32


def count_extremes(values, weights, observed, seeds, options):
    """What the kernel of the same name counts."""
    first, weight = weights
    total, tie, tested = observed
    n_draws, hold, squares = options
    n = len(values)
    counts = np.zeros((n, 2), dtype=np.int64)
    for area in np.flatnonzero(tested):
        pool = list(values)
        if hold:
            pool[area] = pool[-1]
            pool = pool[:-1]
        if squares:
            pool = [(values[area] - value) ** 2 for value in pool]
        words = stream(int(seeds[area]))
        mine = weight[first[area] : first[area + 1]]
        for _ in range(n_draws):
            drawn = 0.0
            for step, link in enumerate(mine):
                chosen = step + below(words, len(pool) - step)
                pool[step], pool[chosen] = pool[chosen], pool[step]
                drawn += link * pool[step]
            counts[area] += (
                drawn >= total[area] - tie[area],
                drawn <= total[area] + tie[area],
            )
    return counts
