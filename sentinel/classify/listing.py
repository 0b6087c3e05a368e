"""Lists of indicator codes, one text per person, written without a text per person."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sentinel.classify._kernels import list_codes, list_sizes, pack_hits

__all__ = ["listed"]

SEPARATOR = ";"
GROUP = 8  # indicators in a byte
MASKS = 1 << GROUP

Blocks = Callable[[Callable[[int, int], None]], None]


def listed(
    hits: npt.NDArray[np.uint8], codes: Sequence[str], in_blocks: Blocks
) -> pd.api.extensions.ExtensionArray:
    """Return the codes that are hit for each person, joined by ";".

    Nearly every person of a large study has a combination of answers of their own, so
    no table of whole lists would be shorter: what eight indicators add is looked up,
    and the bytes of all lists go into one buffer, which the column then is.

    Parameters
    ----------
    hits : ndarray of uint8, shape (codes, n)
        1 where the code belongs into the list.
    codes : sequence of str
    in_blocks : callable
        Calls a function with the bounds of every block of persons.
    """
    words, widths = _texts_by_mask([f"{SEPARATOR}{code}".encode() for code in codes])
    n_persons = hits.shape[1]
    offsets = np.zeros(n_persons + 1, dtype=np.int64)

    def masks(start: int, stop: int) -> npt.NDArray[np.uint8]:
        packed = np.empty((len(words), stop - start), dtype=np.uint8)
        pack_hits(hits, start, packed)
        return packed

    def measure(start: int, stop: int) -> None:
        list_sizes(masks(start, stop), widths, offsets[start + 1 : stop + 1])

    in_blocks(measure)
    np.cumsum(offsets, out=offsets)
    written = np.empty(offsets[-1], dtype=np.uint8)

    def write(start: int, stop: int) -> None:
        rows = offsets[start : stop + 1]
        list_codes(masks(start, stop), words, widths, rows, written)

    in_blocks(write)
    column = pa.LargeStringArray.from_buffers(
        n_persons, pa.py_buffer(offsets), pa.py_buffer(written)
    )
    texts: pd.api.extensions.ExtensionArray = pd.array(column, dtype="str")
    return texts


def _texts_by_mask(
    words: Sequence[bytes],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return what to write for every combination of eight words, and its length."""
    groups = [words[place : place + GROUP] for place in range(0, len(words), GROUP)]
    longest = max((len(b"".join(group)) for group in groups), default=0)
    texts = np.zeros((len(groups), MASKS, longest), dtype=np.uint8)
    widths = np.zeros((len(groups), MASKS), dtype=np.int64)
    for place, group in enumerate(groups):
        for mask in range(1 << len(group)):
            hit = (word for bit, word in enumerate(group) if mask >> bit & 1)
            text = b"".join(hit)
            texts[place, mask, : len(text)] = list(text)
            widths[place, mask] = len(text)
    return texts, widths
