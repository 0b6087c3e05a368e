"""Red team: the routes and the tables by place of one run, solved together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from scipy.sparse import coo_array

ATTACKED = 30


class Reader:
    """Respondents by round and home, counted by a table by home or not.

    Known: how many of each round the routes place somewhere, how many answers a table
    counts in a round, which homes occur; and every number of both files.
    """

    def __init__(self, watched: Any, table: Any, column: str) -> None:
        answers = table.answers
        frame = watched.result.interviews.frame
        people = pd.DataFrame(
            {
                "round": frame["round_id"].astype("str"),
                "home": frame[column].astype("str").where(frame[column].notna(), ""),
            }
        )
        people["counted"] = people.index.isin(answers.dropna().index)
        self.cells = (
            people.groupby(["round", "home", "counted"])
            .size()
            .rename("n")
            .reset_index()
        )
        self.rows: list[np.ndarray] = []
        self.values: list[float] = []
        for _, part in self.cells.groupby(["round", "counted"]):
            self.state(self.cells.index.isin(part.index))
        self.read_routes(watched)
        self.read_table(watched, table, column)

    def state(self, members: np.ndarray) -> None:
        self.rows.append(np.flatnonzero(members))
        self.values.append(float(self.cells.loc[members, "n"].sum()))

    def read_routes(self, watched: Any) -> None:
        nodes = watched.release.routes.origins
        for row in nodes[nodes["n"].notna()].itertuples():
            members = (self.cells["home"] == row.place).to_numpy()
            if row.round_id != "all rounds":
                members = members & (self.cells["round"] == row.round_id).to_numpy()
            self.state(members)
            assert self.values[-1] == row.n

    def read_table(self, watched: Any, table: Any, column: str) -> None:
        printed = pd.read_csv(
            watched.folder / "estimates.csv", dtype={column: str, "round_id": str}
        )
        printed = printed[printed["table"] == table.name]
        assert len(printed)
        for row in printed[printed["n_obs"].notna()].to_dict("records"):
            members = self.cells["counted"] & (self.cells["home"] == row[column])
            if "round_id" in table.by:
                members &= self.cells["round"] == row["round_id"]
            self.state(members.to_numpy())
            assert self.values[-1] == row["n_obs"]

    def reach(self, members: np.ndarray) -> tuple[float, float]:
        at = np.concatenate(self.rows)
        row = np.repeat(np.arange(len(self.rows)), [len(item) for item in self.rows])
        shape = (len(self.rows), len(self.cells))
        matrix = coo_array((np.ones(at.size), (row, at)), shape).tocsr()
        goal = members.astype(float)
        found = []
        for sign in (1.0, -1.0):
            answer = linprog(sign * goal, A_eq=matrix, b_eq=self.values)
            assert answer.status == 0, answer.message
            found.append(sign * answer.fun)
        return found[0], found[1]


def tables_by_home(watched: Any) -> list[Any]:
    maps = watched.result.config.maps
    if maps is None or watched.release.routes is None:
        return []
    released = {table.name for table in watched.release.estimates}
    return [
        table
        for table in watched.result.estimates
        if maps.origin in table.by
        and set(table.by) <= {maps.origin, "round_id"}
        and table.name in released
    ]


def test_no_small_home_can_be_solved_for_from_routes_and_tables(demo: Any) -> None:
    tables = tables_by_home(demo)
    assert tables
    column, k = demo.result.config.maps.origin, demo.minimum
    n_targets = 0
    for table in tables:
        reader = Reader(demo, table, column)
        homes = reader.cells.groupby(["round", "home"])["n"].sum()
        for (round_id, home), truth in list(homes[homes < k].items())[:ATTACKED]:
            members = (reader.cells["round"] == round_id) & (
                reader.cells["home"] == home
            )
            low, high = reader.reach(members.to_numpy())
            n_targets += 1
            assert low - 1e-6 <= truth <= high + 1e-6
            fits = low <= 1 + 1e-6 and high >= k - 1 - 1e-6
            assert fits or high - low >= k - 1e-6, (round_id, home, low, high)
    assert n_targets > 10


def test_the_reader_wins_where_a_table_prints_every_home(demo: Any) -> None:
    (table, *_) = tables_by_home(demo)
    reader = Reader(demo, table, demo.result.config.maps.origin)
    homes = reader.cells.groupby(["round", "home"])["n"].sum()
    (round_id, home), truth = min(homes[homes < demo.minimum].items())
    inside = (reader.cells["round"] == round_id).to_numpy()
    mine = inside & (reader.cells["home"] == home).to_numpy()
    for other in reader.cells.loc[inside, "home"].unique():
        if other != home:
            reader.state(inside & (reader.cells["home"] == other).to_numpy())
    assert reader.reach(mine) == pytest.approx((truth, truth))
