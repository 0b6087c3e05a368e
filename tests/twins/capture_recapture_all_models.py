"""Slow twins of fits of all models and of searches: one model at a time in numpy."""

from itertools import combinations

import numpy as np

from estimators.capture_recapture._extended_likelihood import (
    estimability_status,
    fit_extended,
)
from estimators.capture_recapture.model_terms import hierarchical_closure, write_terms


def fit_one(counts, terms, n_lists):
    """Return BIC and unseen by QR iterations and linear programming, NaN if none."""
    closed = hierarchical_closure(terms, n_lists)
    if estimability_status(counts, closed, n_lists):
        return np.nan, np.nan
    fit = fit_extended(counts, closed, n_lists)
    return fit.bic, fit.unseen


def all_models(counts, models):
    """Return BIC and unseen of every model, shape (models, 2)."""
    return np.array(
        [fit_one(counts, models.terms(i), models.n_lists) for i in range(len(models))]
    )


def best_model(counts, models):
    """Return the place of the least BIC and the unseen there."""
    values = all_models(counts, models)
    best = int(np.nanargmin(values[:, 0]))
    return best, values[best, 1]


def neighbours(model, n_lists, max_order):
    """Return the hierarchical models one term away, as sets of terms."""
    terms = [
        sum(1 << j for j in chosen)
        for size in range(2, max_order + 1)
        for chosen in combinations(range(n_lists), size)
    ]
    near = [model - {t} if t in model else model | {t} for t in terms]
    main = {1 << j for j in range(n_lists)}
    return [
        one for one in near if {0, *one, *main} == {*hierarchical_closure(one, n_lists)}
    ]


def downhill(counts, n_lists, max_order):
    """Return name and size of the model where steepest descent of BIC ends."""
    now = frozenset(1 << j for j in range(n_lists))
    least, unseen = fit_one(counts, now, n_lists)
    while True:
        found = [
            (*fit_one(counts, one, n_lists), one)
            for one in neighbours(now, n_lists, max_order)
        ]
        better = [trial for trial in found if trial[0] < least]
        if not better:
            return write_terms(now), counts.sum() + unseen
        least, unseen, now = min(better, key=lambda trial: trial[0])
