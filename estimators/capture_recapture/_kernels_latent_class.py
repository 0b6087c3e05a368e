"""Compiled Gibbs sampler of the latent-class capture-recapture model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix, IntVector

__all__ = ["gibbs_chain"]

# Up to here it is quicker to place persons one by one than to draw binomials.
_FEW = 8
# Redraws of an unobserved count above its bound before the old one is kept: staying
# with a chance that does not depend on the state leaves the posterior as it is.
_TRIES = 100
# Mean beyond which a Poisson count no longer fits an integer.
_ENDLESS = 1e15


@kernel(nogil=True)
def _log_gamma_draw(generator: np.random.Generator, shape: float) -> float:
    """Draw the log of a gamma variate; the variate itself may be too small to hold."""
    if shape >= 1.0:
        return math.log(generator.standard_gamma(shape))
    boost = math.log(1.0 - generator.random()) / shape
    return math.log(generator.standard_gamma(shape + 1.0)) + boost


@kernel(nogil=True)
def _place(
    generator: np.random.Generator, persons: int, weight: FloatVector, placed: IntVector
) -> None:
    """Share `persons` among classes with chances in proportion to `weight`.

    `weight` is overwritten by its sums from the end.
    """
    last = weight.size - 1
    for k in range(last - 1, -1, -1):
        weight[k] += weight[k + 1]
    placed[:] = 0
    if persons <= _FEW:
        for _ in range(persons):
            height = generator.random() * weight[0]
            k = 0
            while k < last and height < weight[k + 1]:
                k += 1
            placed[k] += 1
        return
    left = persons
    for k in range(last):
        if left == 0 or weight[k] <= 0.0:
            break
        stay = 1.0 - weight[k + 1] / weight[k]
        drawn = generator.binomial(left, min(1.0, max(0.0, stay)))
        placed[k] = drawn
        left -= drawn
    else:
        placed[last] = left
        left = 0
    placed[0] += left


@kernel(nogil=True)
def _class_weights(
    member: IntVector, share: FloatVector, rates: FloatMatrix, weight: FloatVector
) -> None:
    """Set `weight` to each class's share times its chance of the history `member`."""
    weight[:] = share
    for j in range(member.size):
        row = rates[j]
        if member[j]:
            for k in range(weight.size):
                weight[k] *= row[k]
        else:
            for k in range(weight.size):
                weight[k] *= 1.0 - row[k]


@kernel(nogil=True)
def _draw_rates(
    generator: np.random.Generator,
    sizes: IntVector,
    captures: IntMatrix,
    rates: FloatMatrix,
) -> None:
    """Draw every list's capture probability in every class, uniform beforehand."""
    for k in range(sizes.size):
        for j in range(captures.shape[0]):
            if sizes[k] == 0:
                rates[j, k] = generator.random()
            else:
                yes = generator.standard_gamma(1.0 + captures[j, k])
                no = generator.standard_gamma(1.0 + sizes[k] - captures[j, k])
                rates[j, k] = yes / (yes + no)


@kernel(nogil=True)
def _draw_shares(
    generator: np.random.Generator,
    sizes: IntVector,
    concentration: float,
    share: FloatVector,
) -> float:
    """Draw class shares by stick breaking; return the log of the last class's."""
    left = sizes.sum()
    log_left = 0.0
    for k in range(sizes.size - 1):
        left -= sizes[k]
        log_here = _log_gamma_draw(generator, 1.0 + sizes[k])
        log_rest = _log_gamma_draw(generator, concentration + left)
        top = max(log_here, log_rest)
        log_sum = top + math.log(math.exp(log_here - top) + math.exp(log_rest - top))
        share[k] = math.exp(log_left + log_here - log_sum)
        log_left += log_rest - log_sum
    share[-1] = math.exp(log_left)
    return log_left


@kernel(nogil=True)
def _swap_labels(
    generator: np.random.Generator,
    concentration: float,
    sizes: IntVector,
    captures: IntMatrix,
) -> None:
    """Offer every pair of neighbouring classes to change places, shares integrated out.

    Stick breaking likes large classes first; without these moves a chain that found
    them in another order stays there for thousands of sweeps.
    """
    after = sizes.sum()
    last = sizes.size - 1
    for k in range(last):
        here, there = sizes[k], sizes[k + 1]
        after -= here
        rest = after - there
        if here == there:
            continue
        if k + 1 < last:
            log_ratio = math.log(
                (concentration + there + rest) / (concentration + here + rest)
            )
        else:
            log_ratio = math.lgamma(1.0 + there) + math.lgamma(concentration + here)
            log_ratio -= math.lgamma(1.0 + here) + math.lgamma(concentration + there)
        if math.log(1.0 - generator.random()) < log_ratio:
            sizes[k], sizes[k + 1] = there, here
            after += here - there
            for j in range(captures.shape[0]):
                one = captures[j, k]
                captures[j, k] = captures[j, k + 1]
                captures[j, k + 1] = one


@kernel(nogil=True)
def _draw_unobserved(
    generator: np.random.Generator,
    n_observed: int,
    missed: float,
    largest: float,
    before: int,
) -> int:
    """Draw the unobserved count given the chance of being missed, at most `largest`."""
    for _ in range(_TRIES):
        seen = max(1.0 - missed, 1e-300)
        mean = generator.standard_gamma(float(n_observed)) * missed / seen
        if mean < _ENDLESS:
            drawn = generator.poisson(mean)
            if drawn <= largest:
                return drawn
    return before


@kernel(nogil=True)
def gibbs_chain(
    generator: np.random.Generator,
    member: IntMatrix,
    count: IntVector,
    sizes: tuple[int, int, int, int],
    limits: tuple[float, float, float],
) -> tuple[IntVector, IntVector]:
    """Run one chain over cells, not persons.

    member (cells, t) 0/1 and count (cells,); sizes = (classes, burn-in, draws kept,
    sweeps per kept draw); limits = (shape and rate of the concentration's gamma prior,
    largest unobserved count). Returns unobserved persons and occupied classes (draws,).
    """
    n_classes, burn_in, n_samples, thinning = sizes
    shape, rate, largest = limits
    n_lists, n_observed = member.shape[1], count.sum()
    unobserved, occupied = np.zeros(n_samples, np.int64), np.zeros(n_samples, np.int64)
    placed, totals = np.zeros(n_classes, np.int64), np.zeros(n_classes, np.int64)
    captures = np.zeros((n_lists, n_classes), np.int64)
    weight, share = np.empty(n_classes), np.empty(n_classes)
    rates = np.empty((n_lists, n_classes))
    nobody = np.zeros(n_lists, np.int64)
    _draw_rates(generator, totals, captures, rates)
    concentration, missing = 1.0, 0
    _draw_shares(generator, totals, concentration, share)
    for sweep in range(burn_in + n_samples * thinning):
        _class_weights(nobody, share, rates, weight)
        missed = min(weight.sum(), 1.0)
        missing = _draw_unobserved(generator, n_observed, missed, largest, missing)
        _place(generator, missing, weight, totals)
        captures[:] = 0
        for cell in range(count.size):
            _class_weights(member[cell], share, rates, weight)
            _place(generator, count[cell], weight, placed)
            for k in range(n_classes):
                totals[k] += placed[k]
            for j in range(n_lists):
                if member[cell, j]:
                    for k in range(n_classes):
                        captures[j, k] += placed[k]
        _swap_labels(generator, concentration, totals, captures)
        _draw_rates(generator, totals, captures, rates)
        log_last = _draw_shares(generator, totals, concentration, share)
        concentration = generator.standard_gamma(shape + n_classes - 1) / (
            rate - log_last
        )
        kept = (sweep - burn_in + 1) // thinning - 1
        if sweep >= burn_in and (sweep - burn_in + 1) % thinning == 0:
            unobserved[kept] = missing
            occupied[kept] = (totals > 0).sum()
    return unobserved, occupied
