"""Compile options of every kernel, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(
    *, parallel: bool = False, nogil: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function of numpy arrays to machine code, kept on disk between runs.

    No fast-math: reordered sums would make results depend on the compiler. Python's
    rules for division by zero are switched off, so kernels must guard their divisors.

    Parameters
    ----------
    parallel : bool
        Spread ``numba.prange`` loops over threads. Only where it was measured to more
        than halve the time on a realistic size, and only where every iteration writes
        its own cells, so that the answer does not depend on the number of threads.
    nogil : bool
        Let other Python threads run meanwhile: for kernels that take seconds and are
        called from several threads, each with arrays and a generator of its own.
    """

    def compile_function(function: Callable[P, R]) -> Callable[P, R]:
        compiled: Callable[P, R] = numba.njit(
            cache=True, error_model="numpy", parallel=parallel, nogil=nogil
        )(function)
        return compiled

    return compile_function
