"""Average over decomposable graphs: five and six lists, against sums in numpy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from benchmarks.speed._timing import report, time_calls
from estimators.capture_recapture import CaptureHistories, decomposable_graphs
from estimators.capture_recapture import _kernels_graphs as kernels
from estimators.capture_recapture.graph_posterior import (
    graph_catalogue,
    sparse_rows,
    subset_terms,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from estimators.array_types import FloatVector

# Invented, as sparse as the British tables of 2013.
UK_SIX = {
    "100000": 54, "010000": 463, "001000": 995, "000100": 695, "000010": 316,
    "000001": 57, "110000": 15, "101000": 19, "100100": 3, "011000": 62,
    "010100": 19, "010010": 1, "001100": 76, "001010": 11, "000110": 8,
}  # fmt: skip
UK_FIVE = {
    "10000": 54, "01000": 463, "00100": 995, "00010": 695, "00001": 316,
    "11000": 15, "10100": 19, "10010": 3, "01100": 62, "01010": 19,
    "01001": 1, "00110": 76, "00101": 11, "00011": 8,
}  # fmt: skip
GRID = np.arange(0.0, 20_001.0) * 4


def make_input(counts: dict[str, int] | None = None) -> CaptureHistories:
    """Return a table as sparse as the British one."""
    return CaptureHistories.from_counts(counts or UK_FIVE)


def by_kernel(histories: CaptureHistories, grid: FloatVector = GRID) -> FloatVector:
    """Sum all graphs on the grid with nothing left out."""
    offsets, constants = subset_terms(histories, 2.0**-histories.n_lists)
    rows = graph_catalogue(histories.n_lists)
    prior = -np.log(histories.n_observed + grid)
    table = (offsets, *sparse_rows(rows))
    step = max(1, grid.size // 200)
    peaks = kernels.graph_peaks(grid[::step], prior[::step], (*table, rows @ constants))
    graphs = (*table, rows @ constants - peaks.max())
    everywhere = np.zeros(len(rows), np.int64), np.full(len(rows), grid.size)
    density, _ = kernels.graph_mixture(
        grid, prior, np.ones_like(grid), graphs, everywhere
    )
    return density / density.sum()


def by_numpy(histories: CaptureHistories, grid: FloatVector = GRID) -> FloatVector:
    """Sum the same with one matrix product and whole log-gammas."""
    offsets, constants = subset_terms(histories, 2.0**-histories.n_lists)
    rows = graph_catalogue(histories.n_lists)
    table = gammaln(grid[:, None] + offsets) - gammaln(grid + 1)[:, None]
    value = table[:, :-1] @ rows.T + rows @ constants
    value += (table[:, -1] - np.log(histories.n_observed + grid))[:, None]
    density = np.exp(value - value.max()).sum(axis=1)
    return density / density.sum()


def cases() -> dict[str, Callable[[], Any]]:
    """Return the timed calls by name."""
    five, six = make_input(), make_input(UK_SIX)
    return {
        "822 graphs x 20001, kernel": partial(by_kernel, five),
        "822 graphs x 20001, numpy": partial(by_numpy, five),
        "decomposable_graphs, five lists": partial(decomposable_graphs, five),
        "decomposable_graphs, six lists": partial(decomposable_graphs, six),
    }


def main() -> None:
    """Check the answer, then time."""
    five = make_input()
    np.testing.assert_allclose(by_kernel(five), by_numpy(five), rtol=1e-6, atol=1e-18)
    report(time_calls(cases()))


if __name__ == "__main__":
    main()
