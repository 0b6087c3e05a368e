"""Names for the arrays that pass between functions, with rank and kind."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

FloatArray: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
FloatVector: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]
FloatMatrix: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float64]]
IntVector: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
IntMatrix: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int64]]
BoolVector: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]
BoolMatrix: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.bool_]]
