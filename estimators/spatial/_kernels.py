"""What every scan shares: the likelihood ratio, and what a count must pass to matter.

Replicates are scanned in batches that lie side by side in memory, so that one addition
and one comparison serve many. A zone's count is worth a logarithm only if it passes a
threshold: the greatest count whose likelihood ratio stays within the best that the
replicate has shown so far. Thresholds are tabulated by the size of the zone, in bins
that are as fine as a count's standard deviation demands, at the end of the bin that
makes them too low rather than too high: pruning never changes an answer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from typing import TypeAlias

    from estimators.array_types import FloatVector

    Int32Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.int32]]

__all__ = [
    "BERNOULLI",
    "EXPECTATION",
    "LANES",
    "POISSON",
    "TIE",
    "Law",
    "bin_scale",
    "likelihood_ratio",
    "null_count",
    "refresh",
    "settle",
    "take_in",
    "threshold_bins",
    "worth_a_look",
]

LANES = 32  # replicates in a batch: two to four machine registers of 32-bit counts
TIE = 1e-9  # likelihood ratios closer than this are equal
POISSON, BERNOULLI, EXPECTATION = 0, 1, 2
_STALE = 0.5  # a threshold table is rebuilt once the best has risen by this much


class Law(NamedTuple):
    """The null model and what counts as a cluster.

    `kind` is POISSON (sizes are expected counts that sum to `total`), BERNOULLI (sizes
    are trials that sum to `mass`) or EXPECTATION (sizes are expected counts, the total
    is free); `largest` bounds the sizes of zones and `most` the counts.
    """

    kind: int
    total: float
    mass: float
    side: int
    min_cases: int
    largest: float
    most: int


def threshold_bins(law: Law) -> int:
    """Bins that keep a threshold within a quarter of a count's standard deviation."""
    cases = law.mass if law.kind != BERNOULLI else law.total
    return int(min(max(4 * math.sqrt(cases), 32), 4096))


@kernel()
def _x_log(x: float, y: float) -> float:
    """Return x log(x / y), 0 where x is 0."""
    return x * math.log(x / y) if x > 0 else 0.0


@kernel()
def null_count(size: float, law: Law) -> float:
    """Cases that a zone of this size has under the null."""
    if law.kind == BERNOULLI:
        return size * law.total / law.mass
    return size


@kernel()
def likelihood_ratio(count: float, size: float, law: Law) -> float:
    """Log likelihood ratio of a zone with its own rate against one rate everywhere."""
    if size <= 0:
        return 0.0
    if law.kind == EXPECTATION:
        return _x_log(count, size) + size - count
    outside = law.total - count
    if law.kind == POISSON:
        rest = law.total - size
        if rest <= 0:
            return 0.0
        return _x_log(count, size) + _x_log(outside, rest)
    rest = law.mass - size
    if rest <= 0:
        return 0.0
    rate = law.total / law.mass
    return (
        _x_log(count, size * rate)
        + _x_log(size - count, size * (1 - rate))
        + _x_log(outside, rest * rate)
        + _x_log(rest - outside, rest * (1 - rate))
    )


@kernel()
def worth_a_look(count: float, size: float, law: Law, best: float) -> bool:
    """Tell whether a zone of the data may pass `best`; Pearson's bound spares the logs.

    A Kullback-Leibler divergence never exceeds its chi-square divergence.
    """
    expected = null_count(size, law)
    off = count - expected
    if off * law.side <= 0 or size <= 0 or (off > 0 and count < law.min_cases):
        return False
    square = off * off
    if law.kind == EXPECTATION:
        return square > best * size * (1 - 1e-9)
    whole = law.total if law.kind == POISSON else law.mass
    scale = size * (whole - size) / whole
    if law.kind == BERNOULLI:
        rate = law.total / law.mass
        scale *= rate * (1 - rate)
    return square > best * scale * (1 - 1e-9)


@kernel()
def _highest_within(size: float, best: float, start: int, law: Law) -> int:
    """Greatest count above the null whose ratio stays within `best`, from a guess.

    A Bernoulli zone of the bin that holds more cases than `size` holds as many persons
    at least: its ratio is that of a zone of cases alone, at the most.
    """
    if size <= 0 and law.kind != BERNOULLI:
        return 0
    floor = math.floor(null_count(size, law))
    at = min(max(start, floor), law.most)
    while at < law.most and _greatest_ratio(at + 1, size, law) <= best:
        at += 1
    while at > floor and _greatest_ratio(at, size, law) > best:
        at -= 1
    return at


@kernel()
def _greatest_ratio(count: int, size: float, law: Law) -> float:
    """Greatest ratio of a zone of `size` or more with so many cases, above the null."""
    if law.kind == BERNOULLI:
        size = max(size, float(count))
    return likelihood_ratio(count, size, law)


@kernel()
def _lowest_within(size: float, best: float, start: int, law: Law) -> int:
    """Least count below the null whose ratio stays within `best`, from a guess."""
    ceiling = math.ceil(null_count(size, law))
    at = max(min(start, ceiling), 0)
    while at > 0 and likelihood_ratio(at - 1, size, law) <= best:
        at -= 1
    while at < ceiling and likelihood_ratio(at, size, law) > best:
        at += 1
    return at


@kernel()
def refresh(
    best: FloatVector, tabulated: FloatVector, over: Int32Array, law: Law
) -> None:
    """Rebuild the thresholds (bins, LANES) of replicates whose best rose markedly."""
    bins = over.shape[0]
    for lane in range(best.size):
        if best[lane] < tabulated[lane] + _STALE:
            continue
        tabulated[lane] = best[lane]
        at, before = 0, 0.0
        for k in range(bins):
            if law.side > 0:
                size = law.largest * (k / bins) ** 2 * (1 - 1e-12)
            else:
                size = law.largest * ((k + 1) / bins) ** 2 * (1 + 1e-12)
            guess = at + round(null_count(size, law) - before)
            before = null_count(size, law)
            if law.side > 0:
                at = _highest_within(size, best[lane], guess, law)
                over[k, lane] = max(at, law.min_cases - 1)
            else:
                at = _lowest_within(size, best[lane], guess, law)
                over[k, lane] = -at


@kernel()
def bin_scale(bins: int, law: Law) -> float:
    """Return what turns the root of a zone's size into the place of its thresholds."""
    return bins / math.sqrt(law.largest)


@kernel()
def take_in(  # noqa: PLR0917 - kernels take arrays by position
    held: Int32Array, to: int, rows: Int32Array, row: int, over: Int32Array, place: int
) -> bool:
    """Add rows[row] to held[to]; tell whether any lane passes its over[place].

    Whole arrays and places in them: a slice would cost more, in counted references,
    than the additions. Passing is a sign bit rather than a branch, so the compiler does
    several lanes at a time. Counts and thresholds stay within 2^30: differences fit.
    """
    signs = np.int32(0)
    for lane in range(held.shape[1]):
        count = held[to, lane] + rows[row, lane]
        held[to, lane] = count
        signs |= over[place, lane] - count
    return bool(signs < 0)


@kernel()
def settle(
    counts: Int32Array, size: float, over: Int32Array, best: FloatVector, law: Law
) -> None:
    """Let one zone compete with the best so far of every replicate that it may beat.

    counts (LANES,): signed cases of the zone by replicate; over: what they must pass.
    """
    expected = null_count(size, law)
    for lane in range(counts.size):
        count = law.side * counts[lane]
        if counts[lane] > over[lane] and (count - expected) * law.side > 0:
            best[lane] = max(best[lane], likelihood_ratio(count, size, law))
