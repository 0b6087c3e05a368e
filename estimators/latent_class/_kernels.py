"""Expectation and maximisation of latent class models on collapsed answer patterns.

The items are cut into groups of a few; what persons answered within a group is one of
few sub-patterns, whose log likelihood by class is tabulated once per iteration. An
answer pattern then costs one product per group and class instead of one per item.
Sub-pattern likelihoods are scaled by their largest class, so that products underflow
only for patterns whose class is beyond doubt item by item; these are summed again in
log space.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from typing import TypeAlias

    from estimators.array_types import (
        FloatArray,
        FloatMatrix,
        FloatVector,
        IntMatrix,
        IntVector,
    )

    # Sub-pattern of each pattern and group (P, G), numbered through by group; where the
    # answers of each sub-pattern start (S + 1,) in the list of answers (rows of the
    # responses); mass of each pattern (P,); first answer of each item (J + 1,).
    Collapsed: TypeAlias = tuple[
        IntMatrix, IntVector, IntVector, FloatVector, IntVector
    ]

__all__ = ["accelerated_em", "em_step", "expectation", "maximise_responses"]

_UNDERFLOW = 1e-250
_NO_MASS = -1e300  # logarithm of a probability of zero: stays finite when multiplied


@kernel()
def _tabulate(
    start: IntVector, cell: IntVector, response: FloatMatrix, table: FloatMatrix
) -> None:
    """Write log P(sub-pattern | class) into table (S, K)."""
    log_response = np.empty_like(response)
    for c in range(response.shape[0]):
        for k in range(response.shape[1]):
            value = response[c, k]
            log_response[c, k] = math.log(value) if value > 0 else _NO_MASS
    for s in range(table.shape[0]):
        for k in range(table.shape[1]):
            table[s, k] = 0.0
        for at in range(start[s], start[s + 1]):
            for k in range(table.shape[1]):
                table[s, k] += log_response[cell[at], k]


@kernel()
def _scale(table: FloatMatrix, scaled: FloatMatrix, shift: FloatVector) -> None:
    """Write exp(table - shift) with shift the largest class of each sub-pattern."""
    for s in range(table.shape[0]):
        largest = table[s, 0]
        for k in range(1, table.shape[1]):
            largest = max(largest, table[s, k])
        shift[s] = largest
        for k in range(table.shape[1]):
            scaled[s, k] = math.exp(table[s, k] - largest)


@kernel()
def _in_log_space(
    ids: IntVector, prior: FloatVector, table: FloatMatrix, out: FloatVector
) -> float:
    """Write the posterior of one pattern, return its log likelihood."""
    largest = -np.inf
    for k in range(out.size):
        out[k] = math.log(prior[k]) if prior[k] > 0 else _NO_MASS
        for g in range(ids.size):
            out[k] += table[ids[g], k]
        largest = max(largest, out[k])
    total = 0.0
    for k in range(out.size):
        out[k] = math.exp(out[k] - largest)
        total += out[k]
    for k in range(out.size):
        out[k] /= total
    return float(math.log(total) + largest)


@kernel()
def expectation(
    data: Collapsed,
    prior: FloatMatrix,
    response: FloatMatrix,
    posterior: FloatMatrix,
    sub_mass: FloatMatrix,
) -> float:
    """Return the log likelihood; write posteriors and the mass of sub-patterns.

    data: see `Collapsed`; prior (1 or P, K) class probabilities; response (C, K);
    posterior (P, K), or (0, K) where it is not wanted; sub_mass (S, K) the mass of
    each sub-pattern by class.
    """
    ids, start, cell, mass, _ = data
    n_classes = response.shape[1]
    table = np.empty((start.size - 1, n_classes))
    scaled = np.empty_like(table)
    shift = np.empty(start.size - 1)
    _tabulate(start, cell, response, table)
    _scale(table, scaled, shift)
    sub_mass[:] = 0.0
    chance = np.empty(n_classes)
    log_likelihood = 0.0
    for i in range(ids.shape[0]):
        own = prior[i if prior.shape[0] > 1 else 0]
        for k in range(n_classes):
            chance[k] = own[k]
        found = 0.0
        for g in range(ids.shape[1]):
            row = ids[i, g]
            found += shift[row]
            for k in range(n_classes):
                chance[k] *= scaled[row, k]
        total = chance.sum()
        if total > _UNDERFLOW:
            found += math.log(total)
            part = mass[i] / total
        else:
            found = _in_log_space(ids[i], own, table, chance)
            total, part = 1.0, mass[i]
        log_likelihood += mass[i] * found
        if posterior.shape[0]:
            posterior[i] = chance / total
        for g in range(ids.shape[1]):
            for k in range(n_classes):
                sub_mass[ids[i, g], k] += part * chance[k]
    return log_likelihood


@kernel()
def maximise_responses(
    data: Collapsed,
    sub_mass: FloatMatrix,
    pseudo: FloatVector,
    old: FloatMatrix,
    new: FloatMatrix,
) -> None:
    """Write response probabilities (C, K); a class that nobody answers for stays."""
    _, start, cell, _, first = data
    for c in range(new.shape[0]):
        for k in range(new.shape[1]):
            new[c, k] = pseudo[c]
    for s in range(sub_mass.shape[0]):
        for at in range(start[s], start[s + 1]):
            for k in range(new.shape[1]):
                new[cell[at], k] += sub_mass[s, k]
    for j in range(first.size - 1):
        for k in range(new.shape[1]):
            total = 0.0
            for c in range(first[j], first[j + 1]):
                total += new[c, k]
            for c in range(first[j], first[j + 1]):
                new[c, k] = new[c, k] / total if total > 0 else old[c, k]


@kernel()
def em_step(
    data: Collapsed,
    pseudo: FloatVector,
    old: FloatMatrix,
    new: FloatMatrix,
    sub_mass: FloatMatrix,
) -> float:
    """Return the penalised log likelihood of `old`; write one EM step into `new`.

    old, new (1 + C, K): row 0 holds the class shares, the others the responses;
    pseudo (1 + C,) persons added per class to the shares and to each answer.
    """
    nothing = np.empty((0, old.shape[1]))
    value = expectation(data, old[:1], old[1:], nothing, sub_mass)
    for c in range(pseudo.size):
        if pseudo[c] > 0:
            for k in range(old.shape[1]):
                value += pseudo[c] * math.log(max(old[c, k], 1e-300))
    maximise_responses(data, sub_mass, pseudo[1:], old[1:], new[1:])
    new[0] = pseudo[0]
    for s in range(data[0][:, 0].max() + 1):  # group 0 holds every pattern once
        for k in range(old.shape[1]):
            new[0, k] += sub_mass[s, k]
    new[0] /= new[0].sum()
    return value


@kernel()
def _leap(first: IntVector, points: FloatArray, leap: FloatMatrix) -> float:
    """Write SQUAREM's extrapolation of three EM iterates, kept on the simplex.

    Returns the length of the first step, its largest component.
    """
    base, one, two = points[0], points[1], points[2]
    step, bend, largest = 0.0, 0.0, 0.0
    for c in range(base.shape[0]):
        for k in range(base.shape[1]):
            r = one[c, k] - base[c, k]
            v = two[c, k] - one[c, k] - r
            step += r * r
            bend += v * v
            largest = max(largest, abs(r))
    alpha = max(1.0, math.sqrt(step / bend)) if bend > 0 else 1.0
    for c in range(base.shape[0]):
        for k in range(base.shape[1]):
            r = one[c, k] - base[c, k]
            v = two[c, k] - one[c, k] - r
            moved = base[c, k] + 2 * alpha * r + alpha * alpha * v
            leap[c, k] = max(moved, 0.01 * two[c, k])
    leap[0] /= leap[0].sum()
    for j in range(first.size - 1):
        for k in range(base.shape[1]):
            total = 0.0
            for c in range(first[j] + 1, first[j + 1] + 1):
                total += leap[c, k]
            for c in range(first[j] + 1, first[j + 1] + 1):
                leap[c, k] /= total
    return largest


@kernel(nogil=True)
def accelerated_em(
    data: Collapsed,
    pseudo: FloatVector,
    parameters: FloatMatrix,
    tolerance: float,
    max_steps: int,
) -> tuple[float, int, bool]:
    """Climb to a maximum by SQUAREM (Varadhan and Roland 2008); change `parameters`.

    Every leap is followed by an EM step and undone if it lowered the likelihood.
    Stops when no parameter moves by `tolerance` in an EM step. Returns the penalised
    log likelihood, EM steps taken and whether it converged.
    """
    points = np.empty((4, parameters.shape[0], parameters.shape[1]))
    sub_mass = np.empty((data[1].size - 1, parameters.shape[1]))
    points[0] = parameters
    steps = 0
    value = -np.inf
    converged = False
    while steps < max_steps and not converged:
        value = em_step(data, pseudo, points[0], points[1], sub_mass)
        middle = em_step(data, pseudo, points[1], points[2], sub_mass)
        steps += 2
        converged = _leap(data[4], points, points[3]) < tolerance
        if converged:
            points[0] = points[2]
            value = middle
            break
        leapt = em_step(data, pseudo, points[3], points[1], sub_mass)
        steps += 1
        points[0] = points[1] if leapt > middle else points[2]
    parameters[:] = points[0]
    return value, steps, converged
