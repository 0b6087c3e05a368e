"""Legs and places on the maps, solved as one linear programme."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.sparse import csr_array

PLACES = ("origin", "crossing", "destination")
ALL = "all rounds"


class Reader:
    """Counts of legs and places per round and over rounds, added as anybody would."""

    def __init__(self, released: Any) -> None:
        self.number: dict[tuple[str, ...], int] = {}
        self.sums: list[tuple[int, list[int]]] = []
        routes = released.release.routes
        truth = released.result.flows
        truth = pd.concat([truth, truth.assign(round_id=ALL)])
        self.truth: list[float] = []
        for layer, rows in truth.groupby("round_id"):
            self._layer(str(layer), rows)
        for key, at in list(self.number.items()):
            parts = [
                self.number[(layer, *key[1:])]
                for layer in sorted({name for name, *_ in self.number} - {ALL})
                if (layer, *key[1:]) in self.number
            ]
            if key[0] == ALL:
                self.sums.append((at, parts))
        self.shown = self._shown(routes)

    def _layer(self, layer: str, rows: pd.DataFrame) -> None:
        stages = [name for name in PLACES if (rows[name] != "").any()]
        total = self._add((layer, "total"), rows["n"].sum())
        for name in stages:
            nodes = rows.groupby(name)["n"].sum()
            parts = [self._add((layer, name, str(p)), n) for p, n in nodes.items()]
            self.sums.append((total, parts))
        for pair in itertools.pairwise(stages):
            legs = rows.groupby(list(pair))["n"].sum()
            parts_of: dict[tuple[str, ...], list[int]] = {}
            for ends, n in legs.items():
                leg = self._add((layer, *pair, *map(str, ends)), n)
                for name, place in zip(pair, ends, strict=True):
                    parts_of.setdefault((layer, name, str(place)), []).append(leg)
            for node, parts in parts_of.items():
                self.sums.append((self.number[node], parts))

    def _add(self, key: tuple[str, ...], n: float) -> int:
        self.number[key] = len(self.truth)
        self.truth.append(float(n))
        return self.number[key]

    def _shown(self, routes: Any) -> np.ndarray:
        shown = np.zeros(len(self.truth), dtype=bool)
        tables = zip(
            PLACES, (routes.origins, routes.crossings, routes.destinations), strict=True
        )
        keys = [
            ((row.round_id, what, row.place), row.n)
            for what, nodes in tables
            for row in nodes.itertuples()
        ]
        for row in routes.flows.itertuples():
            pair = tuple(row.leg.split("-"))
            ends = tuple(getattr(row, name) for name in pair)
            if "OTHER" not in ends:
                keys.append(((row.round_id, *pair, *ends), row.n))
        for key, n in keys:
            if not pd.isna(n):
                assert self.truth[self.number[key]] == n
                shown[self.number[key]] = True
        for key, at in self.number.items():
            shown[at] |= key[1] == "total"
        return shown

    def solve(self, targets: np.ndarray) -> np.ndarray:
        """Return the least and most of hidden counts."""
        rows, columns, weights = [], [], []
        for row, (whole, parts) in enumerate(self.sums):
            rows += [row] * (len(parts) + 1)
            columns += [whole, *parts]
            weights += [-1.0, *[1.0] * len(parts)]
        equal = csr_array((weights, (rows, columns)), (len(self.sums), len(self.truth)))
        truth = np.array(self.truth)
        top = np.where(self.shown, truth, np.inf)
        bounds = np.column_stack([np.where(self.shown, truth, 0.0), top])
        found = np.empty((targets.size, 2))
        for at, target in enumerate(targets):
            for side, sign in enumerate((1.0, -1.0)):
                goal = np.zeros(truth.size)
                goal[target] = sign
                right = np.zeros(len(self.sums))
                answer = linprog(goal, A_eq=equal, b_eq=right, bounds=bounds)
                assert answer.status == 0, answer.message
                found[at, side] = answer.x[target]
        return found
