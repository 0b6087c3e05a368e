from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from estimators.errors import InputError
from sentinel.disclosure import (
    ReleasePolicy,
    UnprotectableFlowsError,
    coarsen_places,
    coarsen_time,
    escape_text,
    protect_flows,
    safe_csv_cell,
    safe_csv_frame,
)
from sentinel.disclosure.flows import ALL_ROUNDS, OTHER

POLICY = ReleasePolicy()
K = 11


def routes(rng, rounds=("2009", "2010"), n=350):
    origins = [f"KH-{code}" for code in range(1, 13)]
    crossings = ["XB-POIPET", "XB-OSMACH", "XB-INFORMAL"]
    destinations = [f"TH-{code}" for code in (10, 11, 20, 21, 27, 74, 90)]
    frame = pd.DataFrame(
        {
            "round_id": rng.choice(rounds, n * len(rounds)),
            "origin": rng.choice(origins, n * len(rounds), p=weights(12)),
            "crossing": rng.choice(crossings, n * len(rounds), p=[0.8, 0.15, 0.05]),
            "destination": rng.choice(destinations, n * len(rounds), p=weights(7)),
        }
    )
    names = list(frame.columns)
    counted = frame.groupby(names).size().rename("n").reset_index()
    return counted.assign(weight=counted["n"] * 222.7)


def weights(size):
    raw = 1.0 / np.arange(1, size + 1)
    return raw / raw.sum()


def test_flows__a_round_of_fewer_than_a_cell_leaves_no_trace():
    large = routes(np.random.default_rng(0), rounds=("2009",))
    small = routes(np.random.default_rng(1), rounds=("2010",), n=K - 1)
    alone = protect_flows(large, POLICY)
    both = protect_flows(pd.concat([large, small], ignore_index=True), POLICY)
    assert both.withheld == ("2010",)
    assert alone.withheld == ()
    for name in ("flows", "origins", "crossings", "destinations", "totals"):
        pd.testing.assert_frame_equal(getattr(both, name), getattr(alone, name))


def test_flows__of_too_few_respondents_in_all_are_refused():
    few = routes(np.random.default_rng(1), rounds=("2010", "2011"), n=5)
    with pytest.raises(UnprotectableFlowsError, match="No round has the 11"):
        protect_flows(few, POLICY)


def test_flows__nothing_small_is_shown_and_nothing_is_lost():
    flows = routes(np.random.default_rng(0))
    released = protect_flows(flows, POLICY)
    for frame in (
        released.flows,
        released.origins,
        released.crossings,
        released.destinations,
    ):
        assert (frame.loc[~frame["suppressed"], "n"] >= K).all()
        assert frame.loc[frame["suppressed"], ["n", "weight"]].isna().all().all()
    assert set(released.flows["leg"]) == {"origin-crossing", "crossing-destination"}
    totals = released.totals.set_index("round_id")["n"]
    assert totals[ALL_ROUNDS] == flows["n"].sum()
    # Shown legs and "other" together are the crossings.
    legs = released.flows.query("leg == 'origin-crossing' and not suppressed")
    shown = legs.groupby(["round_id", "crossing"])["n"].sum()
    nodes = released.crossings.query("not suppressed").set_index(["round_id", "place"])
    for key, count in nodes["n"].items():
        assert shown[key] == count


FIRST, SECOND = ("origin", "crossing"), ("crossing", "destination")


class Reader:
    """Someone who writes down all that a release shows and solves for one leg.

    Written anew: unknowns are the counts of every (round, leg); one equation per shown
    leg, node and total, and one per crossing of a round: what comes in goes out.
    """

    def __init__(self, flows):
        self.legs = {
            pair: flows.groupby(["round_id", *pair])["n"].sum()
            for pair in (FIRST, SECOND)
        }
        self.cells = [
            (pair, key) for pair, legs in self.legs.items() for key in legs.index
        ]
        self.equations, self.right = [], []
        for round_id in flows["round_id"].unique():
            for crossing in flows["crossing"].unique():
                labels = {"round_id": round_id, "crossing": crossing}
                self.state(self.where(FIRST, labels) - self.where(SECOND, labels), 0)

    def where(self, pair, labels):
        names = ("round_id", *pair)
        labels = {k: v for k, v in labels.items() if v != ALL_ROUNDS}
        return np.array(
            [
                float(
                    kind == pair
                    and all(key[names.index(k)] == v for k, v in labels.items())
                )
                for kind, key in self.cells
            ]
        )

    def state(self, row, value):
        self.equations.append(row)
        self.right.append(float(value))

    def read(self, released):
        for row in released.totals.to_dict("records"):
            self.state(self.where(FIRST, {"round_id": row["round_id"]}), row["n"])
        for row in released.flows.query("not suppressed").to_dict("records"):
            pair = tuple(row["leg"].split("-"))
            labels = {name: row[name] for name in ("round_id", *pair)}
            if OTHER not in labels.values():
                self.state(self.where(pair, labels), row["n"])
        for name, pair, nodes in (
            ("origin", FIRST, released.origins),
            ("crossing", FIRST, released.crossings),
            ("destination", SECOND, released.destinations),
        ):
            for row in nodes.query("not suppressed").to_dict("records"):
                labels = {"round_id": row["round_id"], name: row["place"]}
                self.state(self.where(pair, labels), row["n"])

    def solve(self, at):
        goal = np.eye(len(self.cells))[at]
        given = {"A_eq": np.array(self.equations), "b_eq": self.right}
        return linprog(goal, **given).fun, -linprog(-goal, **given).fun


@pytest.mark.parametrize("draw", range(3))
def test_flows__no_small_leg_can_be_worked_out(draw):
    flows = routes(np.random.default_rng(draw), n=220)
    reader = Reader(flows)
    reader.read(protect_flows(flows, POLICY))
    small = [
        at
        for at, (pair, key) in enumerate(reader.cells)
        if 0 < reader.legs[pair][key] < K
    ]
    assert small
    for at in np.random.default_rng(draw).choice(small, 12, replace=False):
        low, high = reader.solve(at)
        assert high - low >= K - 2


def test_reader__solves_a_release_without_complementary_suppression():
    """The attack above must succeed where only the small cells were hidden."""
    flows = routes(np.random.default_rng(0), n=220)
    reader = Reader(flows)
    reader.read(protect_flows(flows, POLICY))
    pair, legs = FIRST, reader.legs[FIRST]
    for at, (kind, key) in enumerate(reader.cells):
        if kind == pair and legs[key] >= K:
            reader.state(np.eye(len(reader.cells))[at], legs[key])
    origins = flows.groupby(["round_id", "origin"])["n"].sum()
    for (round_id, origin), count in origins.items():
        labels = {"round_id": round_id, "origin": origin}
        reader.state(reader.where(FIRST, labels), count)
    small = [
        at
        for at, (kind, key) in enumerate(reader.cells)
        if kind == pair and legs[key] < K
    ]
    widths = [np.subtract(*reader.solve(at)[::-1]) for at in small]
    assert min(widths) < K - 2


def test_flows__without_crossing_become_direct_legs():
    flows = pd.DataFrame(
        {
            "round_id": "2015",
            "origin": ["GT-13", "GT-13", "GT-12"],
            "crossing": "",
            "destination": ["US-TX", "US-AZ", "US-TX"],
            "n": [100, 50, 40],
        }
    )
    released = protect_flows(flows, POLICY)
    assert set(released.flows["leg"]) == {"origin-destination"}
    assert released.crossings.empty
    assert released.flows["n"].sum() == 190
    assert (released.flows["crossing"] == "*").all()


def test_flows__country_level_and_refusals():
    flows = routes(np.random.default_rng(0))
    released = protect_flows(flows, ReleasePolicy(place_level="country"))
    assert set(released.origins["place"]) == {"KH"}
    with pytest.raises(InputError, match="PT-MAHACHAI"):
        protect_flows(flows.assign(destination="PT-MAHACHAI"), POLICY)
    with pytest.raises(InputError, match="whole numbers"):
        protect_flows(flows.assign(n=0.5), POLICY)
    with pytest.raises(InputError, match="crossing"):
        protect_flows(flows.drop(columns="crossing"), POLICY)
    empty = protect_flows(flows.iloc[:0], POLICY)
    assert empty.flows.empty
    assert empty.origins.empty


@pytest.mark.parametrize(
    "place", ["PT-SONGKHLA", "13.66,102.55", "Poipet", "KH-1-03", "kh-1", "KH-1 "]
)
def test_coarsen_places__finer_or_unknown_is_refused(place):
    with pytest.raises(InputError, match="ISO 3166-2"):
        coarsen_places(pd.Series(["KH-1", place]))


def test_coarsen_places__keeps_units_crossings_missing_and_unknown():
    series = pd.Series(["KH-1", "XB-POIPET", "XB-INFORMAL", None, "", "TH"])
    assert coarsen_places(series).equals(series)
    coarse = coarsen_places(series, "country")
    assert coarse.fillna("-").tolist() == [
        "KH",
        "XB-POIPET",
        "XB-INFORMAL",
        "-",
        "",
        "TH",
    ]


def test_coarsen_time__units_and_refusal():
    dates = pd.Series(pd.to_datetime(["2009-01-31", None, "2012-12-01"]))
    assert coarsen_time(dates).fillna("-").tolist() == ["2009-Q1", "-", "2012-Q4"]
    assert coarsen_time(dates, "month").fillna("-").tolist() == [
        "2009-01",
        "-",
        "2012-12",
    ]
    assert coarsen_time(dates, "year").fillna("-").tolist() == ["2009", "-", "2012"]
    with pytest.raises(InputError, match="dates"):
        coarsen_time(pd.Series(["2009"]))
    with pytest.raises(InputError, match="day"):
        coarsen_time(dates, "day")


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\uff1d1",
        "\u200b=1",
    ],
)
def test_csv__formulas_become_text(text):
    assert str(safe_csv_cell(text)).startswith("'")


@pytest.mark.parametrize(
    "value", ["-3.5", "+7", "1e-5", "Poipet", 5, -2.5, None, "", "a=b"]
)
def test_csv__numbers_and_words_stay(value):
    assert safe_csv_cell(value) == value


def test_csv_frame__cells_and_headers():
    frame = pd.DataFrame({"=a": ["=1", None], "n": [1, -2]})
    safe = safe_csv_frame(frame)
    assert list(safe.columns) == ["'=a", "n"]
    assert safe["'=a"].iloc[0] == "'=1"
    assert safe["n"].tolist() == [1, -2]
    assert list(frame.columns) == ["=a", "n"]


def test_escape_text__markup_controls_and_scripts():
    assert escape_text("<script>alert('x')</script>").startswith("&lt;script&gt;")
    assert escape_text("a\u202eb\x00c") == "abc"
    khmer = "\u1794\u17c9\u17c4\u1799\u1794\u17c9\u17c2\u178f"
    assert escape_text(khmer) == khmer
