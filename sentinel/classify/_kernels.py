"""Compiled loops over persons: look-ups, counts by strength, lists of codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["list_codes", "list_sizes", "look_up", "pack_hits", "settle_counts"]

BLOCK = 4096


@kernel(nogil=True)
def settle_counts(
    truths: npt.NDArray[np.int8],
    strengths: npt.NDArray[np.int64],
    sums: npt.NDArray[np.int64],
    settled: npt.NDArray[np.int8],
) -> None:
    """Write 0 no, 1 unknown or 2 yes per person into `settled`, shape (n,).

    truths (k, n) in 0, 1, 2; strengths (k,) in 0..2, the axis of each indicator; sums
    (s + 2, m + 2, w + 2): how often the rule holds at counts below an index.
    """
    n_indicators, n_persons = truths.shape
    least = np.empty((3, BLOCK), np.int16)
    spare = np.empty((3, BLOCK), np.int16)
    for start in range(0, n_persons, BLOCK):
        size = min(BLOCK, n_persons - start)
        least[:] = 0
        spare[:] = 0
        for row in range(n_indicators):
            axis = strengths[row]
            for person in range(size):
                truth = truths[row, start + person]
                least[axis, person] += truth >> 1
                spare[axis, person] += truth & 1
        for person in range(size):
            s, m, w = least[0, person], least[1, person], least[2, person]
            a = s + spare[0, person] + 1
            b = m + spare[1, person] + 1
            c = w + spare[2, person] + 1
            holds = (
                sums[a, b, c] - sums[s, b, c] - sums[a, m, c] - sums[a, b, w]
                + sums[s, m, c] + sums[s, b, w] + sums[a, m, w] - sums[s, m, w]
            )  # fmt: skip
            if holds == 0:
                settled[start + person] = 0
            elif holds == (a - s) * (b - m) * (c - w):
                settled[start + person] = 2
            else:
                settled[start + person] = 1


@kernel(nogil=True)
def look_up(
    truths: npt.NDArray[np.int8],
    positions: npt.NDArray[np.int32],
    states: npt.NDArray[np.uint8],
    skipped: np.int8,
    settled: npt.NDArray[np.int8],
) -> None:
    """Write the truth of every cell into `settled`, shape (n,).

    truths (codes + 1,), the first for an empty cell; positions (n,) in -1..codes - 1;
    states (n,): 0 a value, 1 not asked, whose truth is `skipped`, others unknown (1).
    """
    for person in range(positions.size):
        state = states[person]
        truth = truths[np.uint32(positions[person] + 1)]
        if state != 0:
            truth = skipped if state == 1 else np.int8(1)
        settled[person] = truth


@kernel(nogil=True)
def pack_hits(
    hits: npt.NDArray[np.uint8], start: int, masks: npt.NDArray[np.uint8]
) -> None:
    """Write eight rows of hits as the bits of one byte: masks (ceil(k / 8), m).

    hits (k, n) in 0, 1, read from person `start` on.
    """
    masks[:] = 0
    size = masks.shape[1]
    for row in range(hits.shape[0]):
        packed = masks[row >> 3]
        hit = hits[row, start : start + size]
        bit = np.uint8(1 << (row & 7))
        for person in range(size):
            packed[person] = np.uint8(packed[person] + np.uint8(hit[person] * bit))


@kernel(nogil=True)
def list_sizes(
    masks: npt.NDArray[np.uint8],
    widths: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> None:
    """Write the bytes of every person's list of codes into `sizes`, shape (m,).

    masks (groups, m); widths (groups, 256), bytes of the codes of each mask, every code
    after a separator; the first one of a list is not written.
    """
    for person in range(sizes.size):
        total = 0
        for group in range(masks.shape[0]):
            total += widths[group, masks[group, person]]
        sizes[person] = total - min(total, 1)


@kernel(nogil=True)
def list_codes(
    masks: npt.NDArray[np.uint8],
    texts: npt.NDArray[np.uint8],
    widths: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    written: npt.NDArray[np.uint8],
) -> None:
    """Write every person's list of codes into `written`.

    masks (groups, m) and widths (groups, 256) as in `list_sizes`; texts (groups, 256,
    longest); offsets (m + 1,), where each person's list begins.
    """
    for person in range(masks.shape[1]):
        at = offsets[person]
        skip = 1
        for group in range(masks.shape[0]):
            mask = masks[group, person]
            size = widths[group, mask] - skip
            if size > 0:
                source = texts[group, mask, skip : skip + size]
                target = written[at : at + size]
                for letter in range(size):
                    target[letter] = source[letter]
                at += size
                skip = 0
