"""Sub-paths of routes: found in the data and in routes drawn under the null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix, IntVector

__all__ = ["FoundPaths", "NullPaths", "Routes", "simulate_routes"]

_LEAST_VARIANCE = 1e-3  # of a path, as a share of its expectation


class FoundPaths(NamedTuple):
    """Sub-paths of one window that pass: key, support, expected, and their rank."""

    key: IntVector
    support: IntVector
    expected: FloatVector
    score: FloatVector


class NullPaths(NamedTuple):
    """Of drawn routes: how often each path is met, all scores, greatest by set."""

    reached: list[IntVector]
    scores: FloatVector
    greatest: FloatVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Routes:
    """Routes as numbers (n, stages), -1 unknown, and the share of each place."""

    stages: tuple[str, ...]
    codes: IntMatrix
    names: tuple[tuple[str, ...], ...]
    shares: tuple[FloatVector, ...]

    @classmethod
    def of(cls, routes: pd.DataFrame) -> Routes:
        """Give the places of every stage numbers."""
        codes, names, shares = [], [], []
        for column in routes.columns:
            code, places = pd.factorize(routes[column], sort=False)
            codes.append(code.astype(np.int64))
            names.append(tuple(map(str, places)))
            counts = np.bincount(code[code >= 0], minlength=len(places))
            shares.append(counts / max(counts.sum(), 1))
        return cls(
            stages=tuple(map(str, routes.columns)),
            codes=np.column_stack(codes),
            names=tuple(names),
            shares=tuple(shares),
        )

    def windows(self, most: int) -> list[tuple[int, int]]:
        """Return first and last stage (exclusive) of all runs of 2 to `most`."""
        count = len(self.stages)
        return [
            (first, last)
            for length in range(2, min(most, count) + 1)
            for first in range(count - length + 1)
            for last in [first + length]
        ]

    def keys(self, codes: IntMatrix, window: tuple[int, int]) -> IntVector:
        """Return one number per route that knows all stages of the window."""
        part = codes[:, slice(*window)]
        part = part[(part >= 0).all(axis=1)]
        key = np.zeros(len(part), dtype=np.int64)
        for at, stage in enumerate(range(*window)):
            key = key * len(self.names[stage]) + part[:, at]
        return key

    def places(self, key: int, window: tuple[int, int]) -> tuple[int, ...]:
        """Return the place numbers that a key stands for."""
        found: list[int] = []
        for stage in reversed(range(*window)):
            key, place = divmod(key, len(self.names[stage]))
            found.append(place)
        return tuple(reversed(found))

    def search(
        self, codes: IntMatrix, window: tuple[int, int], least: int
    ) -> FoundPaths:
        """Return the sub-paths of a window with enough support, above expectation."""
        keys = self.keys(codes, window)
        key, support = np.unique(keys, return_counts=True)
        key, support = key[support >= least], support[support >= least]
        chance, odds, rest = np.ones(key.size), np.ones(key.size), key.copy()
        for stage in reversed(range(*window)):
            rest, place = np.divmod(rest, max(len(self.names[stage]), 1))
            chance *= self.shares[stage][place]
            odds += (1 - self.shares[stage][place]) / self.shares[stage][place]
        expected = keys.size * chance
        above = support > expected
        key, support, expected = key[above], support[above], expected[above]
        # Of the Poisson variance this much is left with the totals by stage held.
        left = np.maximum(1 - (chance * odds)[above], _LEAST_VARIANCE)
        score = (support * np.log(support / expected) + expected - support) / left
        return FoundPaths(key, support, expected, score)


def simulate_routes(  # noqa: PLR0917 - one step of `corridors`
    routes: Routes,
    windows: list[tuple[int, int]],
    candidates: list[FoundPaths],
    least: int,
    n_resamples: int,
    rng: np.random.Generator,
) -> NullPaths:
    """Deal the known places of every stage out anew and search each such set."""
    reached = [np.zeros(found.key.size, dtype=np.int64) for found in candidates]
    scores: list[FloatVector] = []
    greatest = np.zeros(n_resamples)
    known = [np.flatnonzero(column >= 0) for column in routes.codes.T]
    for replicate in range(n_resamples):
        drawn = routes.codes.copy()
        for stage, rows in enumerate(known):
            drawn[rows, stage] = rng.permutation(routes.codes[rows, stage])
        for window, found, times in zip(windows, candidates, reached, strict=True):
            keys = routes.keys(drawn, window)
            if found.key.size:
                np.add(times, _count(keys, found.key) >= found.support, out=times)
            score = routes.search(drawn, window, least).score
            scores.append(score)
            greatest[replicate] = max(greatest[replicate], score.max(initial=0.0))
    return NullPaths(reached, np.sort(np.concatenate(scores)), greatest)


def _count(keys: IntVector, wanted: IntVector) -> IntVector:
    """Count how often each of the sorted wanted keys occurs."""
    ordered = np.sort(keys)
    upper = np.searchsorted(ordered, wanted, side="right")
    counts: IntVector = upper - np.searchsorted(ordered, wanted, side="left")
    return counts
