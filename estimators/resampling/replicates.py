"""Replicate values with everything that failed on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatVector

__all__ = ["Failure", "Replicates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One replicate that has no value, and why."""

    replicate: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replicates:
    """Replicate values of a statistic, in replicate order.

    Attributes
    ----------
    estimate : ndarray of shape (k,)
        The statistic on the data as they came; a number is a vector of length 1.
    values : ndarray of shape (replicates that succeeded, k)
        Read-only.
    failures : tuple of Failure
        Replicates without a value; never silently dropped: see `notes`.
    kind : str
        "bootstrap" or "jackknife".
    """

    estimate: FloatVector
    values: FloatArray
    failures: tuple[Failure, ...]
    kind: str

    def __post_init__(self) -> None:
        self.estimate.setflags(write=False)
        self.values.setflags(write=False)

    @property
    def n_resamples(self) -> int:
        """Replicates that were tried."""
        return len(self.values) + len(self.failures)

    @property
    def std_error(self) -> FloatVector:
        """Standard error of each component, of shape (k,)."""
        scatter = np.square(self.values - self.values.mean(axis=0)).sum(axis=0)
        count = len(self.values)
        scale = (count - 1) / count if self.kind == "jackknife" else 1 / (count - 1)
        return np.asarray(np.sqrt(scale * scatter))

    @property
    def bias(self) -> FloatVector:
        """Estimated bias of each component, of shape (k,)."""
        distance = self.values.mean(axis=0) - self.estimate
        if self.kind == "jackknife":
            distance = distance * (len(self.values) - 1)
        return np.asarray(distance)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a result made from these replicates must say about failed ones."""
        if not self.failures:
            return ()
        first = self.failures[0]
        return (
            f"{len(self.failures)} of {self.n_resamples} {self.kind} replicates failed "
            f"and are left out (replicate {first.replicate}: {first.reason})",
        )
