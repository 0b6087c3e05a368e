"""Tables of estimates, solved over whole numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp

SLACK = 1e-6


@dataclass
class Attack:
    """Whole numbers >= 0, what is shown of their sums, and questions about sums."""

    rows: list[np.ndarray] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def shown(self, members: np.ndarray, value: float, high: float | None = None):
        self.rows.append(members.astype(float))
        self.low.append(value)
        self.high.append(value if high is None else high)

    def reach(self, members: np.ndarray, truth: float) -> tuple[float, float]:
        """Return the least and most of a sum; the truth itself if unsolved."""
        size = members.size
        found = []
        for sign in (1.0, -1.0):
            answer = milp(
                sign * members.astype(float),
                integrality=np.ones(size),
                bounds=Bounds(0, 10_000),
                constraints=LinearConstraint(np.array(self.rows), self.low, self.high),
                options={"node_limit": 200},
            )
            assert answer.status in (0, 1), answer.message
            assert answer.x is not None
            found.append(float(members @ np.round(answer.x)))
        assert found[0] - SLACK <= truth <= found[1] + SLACK
        return found[0], found[1]


def _rows_of_tables(watched: Any, variable: str, quantity: str):
    """Yield true row, released row and domain of every table of one outcome."""
    config = watched.result.config
    outcome = config.classify.outcome
    released = {table.name: table.frame for table in watched.release.estimates}
    sections = {
        (item.label, item.by): item
        for item in config.estimates
        if (item.variable or outcome) == variable
    }
    for table in watched.result.estimates:
        section = sections.get((table.label, table.by))
        if section is None or table.quantity != quantity:
            continue
        if table.name not in released:
            continue
        merged = table.frame.merge(
            released[table.name], on=list(table.by), suffixes=("", "_shown"), how="left"
        )
        for record in merged.to_dict("records"):
            yield record, table.by, section.where


def _cells_of(watched: Any, variable: str, columns: list[str]) -> pd.DataFrame:
    """Return all combinations of answers that occur, each without and with outcome."""
    interviews = watched.result.interviews.frame
    outcome = watched.result.classification.frame[variable]
    frame = interviews[columns].astype("object").where(interviews[columns].notna(), "")
    frame = frame[outcome.notna()].astype("str").drop_duplicates(ignore_index=True)
    return pd.concat(
        [frame.assign(outcome=0), frame.assign(outcome=1)], ignore_index=True
    )


def _in_domain(cells: pd.DataFrame, where: str | None) -> np.ndarray:
    inside = np.ones(len(cells), dtype=bool)
    if where is not None:
        inside[:] = False
        inside[cells.query(where).index] = True
    return inside


def attack_estimates(watched: Any, variable: str):
    columns = ["round_id"]
    rows = []
    for record, by, where in _rows_of_tables(watched, variable, "event"):
        columns += [name for name in by if name not in columns]
        rows.append((record, by, where))
    cells = _cells_of(watched, variable, columns)
    with_outcome = (cells["outcome"] == 1).to_numpy()
    attack, targets = Attack(), []
    for record, by, where in rows:
        members = _in_domain(cells, where)
        for name in by:
            members &= (cells[name] == str(record[name])).to_numpy()
        n, cases = int(record["n_obs"]), int(record["n_cases"])
        few = str(record["reason"]) if record["suppressed"] else ""
        if not pd.isna(record["n_obs_shown"]):
            assert int(record["n_obs_shown"]) == n
            attack.shown(members, n)
        if not record["suppressed"]:
            attack.shown(members & with_outcome, cases)
        k = watched.minimum
        told = {"few cases": members & with_outcome, "few respondents": members}
        told["few non-cases"] = members & ~with_outcome
        if few in told:
            attack.shown(told[few], 1, k - 1)
        for what, truth in (
            (members, n),
            (members & with_outcome, cases),
            (members & ~with_outcome, n - cases),
        ):
            if 0 < truth < k:
                targets.append((what, truth))
    return attack, targets
