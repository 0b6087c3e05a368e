"""Slow references of latent classes, written from the formulas, person by person."""

import math

import numpy as np


def log_likelihood(codes, weight, shares, responses):
    """codes (n, J), -1 missing; shares (K,); responses by item (categories, K)."""
    total = 0.0
    for row, w in zip(codes, weight, strict=True):
        chance = 0.0
        for k, share in enumerate(shares):
            term = share
            for j, code in enumerate(row):
                if code >= 0:
                    term *= responses[j][code, k]
            chance += term
        total += w * math.log(chance)
    return total


def em_step(codes, weight, shares, responses):
    """Return the log likelihood and new shares and responses after one EM step."""
    n_classes = len(shares)
    size = np.zeros(n_classes)
    counts = [np.zeros_like(response) for response in responses]
    total = 0.0
    for row, w in zip(codes, weight, strict=True):
        terms = np.array(shares, dtype=float)
        for j, code in enumerate(row):
            if code >= 0:
                terms = terms * responses[j][code]
        total += w * math.log(terms.sum())
        posterior = w * terms / terms.sum()
        size += posterior
        for j, code in enumerate(row):
            if code >= 0:
                counts[j][code] += posterior
    return total, size / size.sum(), [c / c.sum(axis=0) for c in counts]


def plain_em(codes, weight, shares, responses, steps):
    """Repeat EM; returns the last log likelihood, shares and responses."""
    value = -np.inf
    for _ in range(steps):
        value, shares, responses = em_step(codes, weight, shares, responses)
    return value, shares, responses
