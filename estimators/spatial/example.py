"""Small maps with one planted cluster, for examples and the command line's help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from estimators.array_types import FloatArray

__all__ = [
    "published_flows",
    "surveyed_flows",
    "surveyed_places",
    "surveyed_rounds",
    "travelled_routes",
]


def surveyed_places() -> dict[str, FloatArray]:
    """Return cases, persons interviewed and coordinates of 25 places on a grid.

    Places 0, 1, 5 and 6 have 24 cases of 40 persons each, the others 8 or 10.

    Examples
    --------
    >>> from estimators.spatial.example import surveyed_places
    >>> int(surveyed_places()["cases"].sum())
    284
    """
    x, y = np.meshgrid(np.arange(5.0), np.arange(5.0))
    cases = np.where(np.arange(25) % 2 == 0, 8.0, 10.0)
    cases[[0, 1, 5, 6]] = 24.0
    return {
        "cases": cases,
        "population": np.full(25, 40.0),
        "coordinates": np.column_stack([x.ravel(), y.ravel()]),
    }


def surveyed_rounds() -> dict[str, FloatArray]:
    """Return the same places over four rounds; the cluster begins with the third.

    Examples
    --------
    >>> from estimators.spatial.example import surveyed_rounds
    >>> surveyed_rounds()["cases"].shape
    (25, 4)
    """
    places = surveyed_places()
    calm = np.where(np.arange(25) % 2 == 0, 8.0, 10.0)
    rounds = [calm, calm[::-1], places["cases"], places["cases"]]
    return {
        "cases": np.column_stack(rounds),
        "population": np.full((25, 4), 40.0),
        "coordinates": places["coordinates"],
    }


def surveyed_flows() -> dict[str, FloatArray]:
    """Return cases and trips from 5 origins to 5 destinations along a border.

    Of 30 trips between two places 3 or 4 are cases; from origins 0 and 1 to
    destinations 2 and 3 there are 15.

    Examples
    --------
    >>> from estimators.spatial.example import surveyed_flows
    >>> float(surveyed_flows()["cases"].sum())
    133.0
    """
    steps = np.arange(5.0)
    cases = 3.0 + (np.add.outer(steps, steps) % 2)
    cases[:2, 2:4] = 15.0
    return {
        "cases": cases,
        "trips": np.full((5, 5), 30.0),
        "origins": np.column_stack([steps, np.zeros(5)]),
        "destinations": np.column_stack([steps**1.1, np.ones(5)]),
    }


def published_flows() -> dict[str, Any]:
    """Return a table of 8 origins by 8 destinations as it is printed, with its totals.

    From origins 0 and 1 to destinations 2 and 3 there are 60 persons each, elsewhere
    about 25, or fewer than 11, which are hidden.

    Examples
    --------
    >>> from estimators.spatial.example import published_flows
    >>> int(np.isnan(published_flows()["flows"]).sum())
    5
    """
    steps = np.arange(8.0)
    flows = 25.0 + (np.add.outer(steps, steps) % 2)
    flows[:2, 2:4] = 60.0
    flows[[2, 4, 5, 6, 7], [7, 0, 1, 4, 6]] = 8.0
    return {
        "flows": np.where(flows < 11, np.nan, flows),
        "origin_totals": flows.sum(axis=1) + 5,
        "destination_totals": flows.sum(axis=0) + 3,
        "total": int(flows.sum()) + 40,
        "origins": np.column_stack([steps, np.zeros(8)]),
        "destinations": np.column_stack([steps**1.1, np.ones(8)]),
    }


def travelled_routes() -> pd.DataFrame:
    """Return 120 routes of four stages, some stages unknown, one corridor planted.

    Examples
    --------
    >>> from estimators.spatial.example import travelled_routes
    >>> travelled_routes().shape
    (120, 4)
    """
    rng = np.random.default_rng(6)
    routes = {
        "origin": rng.choice(["north", "hills", "delta"], size=120),
        "crossing": rng.choice(["bridge", "ferry", "forest"], size=120),
        "transit": rng.choice(["capital", "port"], size=120),
        "destination": rng.choice(["farms", "boats", "sites"], size=120),
    }
    frame = pd.DataFrame(routes).astype(object)
    frame.iloc[:30, :3] = ["north", "bridge", "capital"]
    frame.iloc[30:60, 0] = "hills"
    frame.iloc[60:75, 2] = None
    frame.iloc[110:, 3] = None
    return frame
