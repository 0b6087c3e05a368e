"""Exact posterior of the latent-class model for one class, and for more when small."""

from itertools import product

import numpy as np
from scipy.special import betaln, gammaln, logsumexp


def one_class(counts, largest):
    """Posterior (largest + 1,) of the unobserved count: independent uniform rates."""
    missing = np.arange(largest + 1.0)
    n_lists = len(next(iter(counts)))
    total = sum(counts.values()) + missing
    value = gammaln(total) - gammaln(missing + 1)
    for j in range(n_lists):
        size = sum(count for key, count in counts.items() if key[j])
        value = value + betaln(1 + size, 1 + total - size)
    return np.exp(value - logsumexp(value))


def several_classes(counts, largest, n_classes, shape=0.25, rate=0.25):
    """Sum over every way of sharing every cell's persons among the classes."""
    histories = [*counts, (0,) * len(next(iter(counts)))]
    known = {}
    posterior = np.empty(largest + 1)
    for missing in range(largest + 1):
        persons = [*counts.values(), missing]
        terms = [
            _shared(histories, np.array(table), known, shape, rate)
            for table in product(*(compositions(n, n_classes) for n in persons))
        ]
        posterior[missing] = logsumexp(terms) + gammaln(sum(persons))
    return np.exp(posterior - logsumexp(posterior))


def compositions(persons, n_classes):
    if n_classes == 1:
        return [(persons,)]
    return [
        (first, *rest)
        for first in range(persons + 1)
        for rest in compositions(persons - first, n_classes - 1)
    ]


def _shared(histories, table, known, shape, rate):
    """Log joint of cells by class (cells, K), rates and shares integrated out."""
    sizes = table.sum(axis=0)
    yes = np.array(histories).T @ table
    value = betaln(1 + yes, 1 + sizes - yes).sum() - gammaln(table + 1).sum()
    key = tuple(sizes)
    if key not in known:
        known[key] = _log_share(sizes, shape, rate)
    return value + known[key]


def _log_share(sizes, shape, rate):
    """Log of the chance of these sizes, the concentration a integrated on a grid."""
    log_a = np.linspace(-60, 8, 6801)
    a = np.exp(log_a)
    density = shape * log_a - rate * a  # da = a d(log a)
    inner = 0.0
    for k, size in enumerate(sizes[:-1]):
        inner = inner + betaln(1 + size, a + sizes[k + 1 :].sum()) - betaln(1, a)
    return logsumexp(density + inner) - logsumexp(density)
