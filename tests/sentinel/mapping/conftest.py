"""A small study of two rounds at Poipet, counted by way and protected."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sentinel.disclosure import ReleasePolicy, protect_flows
from sentinel.mapping import (
    build_scene,
    load_places,
)

POLICY = ReleasePolicy()


def study(seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for round_id, n in (("POI2009", 400), ("POI2010", 380)):
        origin = rng.choice(["KH-1", "KH-2", "KH-17", "KH-14", "KH-23"], n, p=ORIGINS)
        crossing = rng.choice(
            ["XB-POIPET", "XB-DAUNG", "XB-INFORMAL", ""], n, p=[0.7, 0.2, 0.07, 0.03]
        )
        target = rng.choice(["TH-10", "TH-20", "TH-11", "TH-90"], n, p=TARGETS)
        rows.append(
            pd.DataFrame(
                {
                    "round_id": round_id,
                    "origin": origin,
                    "crossing": crossing,
                    "destination": target,
                }
            )
        )
    table = pd.concat(rows)
    counted = table.groupby(list(table.columns)).size().rename("n").reset_index()
    return counted.assign(weight=counted["n"] * 200.0)


ORIGINS = [0.4, 0.3, 0.2, 0.09, 0.01]
TARGETS = [0.5, 0.3, 0.18, 0.02]


@pytest.fixture(scope="session")
def flows():
    return protect_flows(study(), POLICY)


@pytest.fixture(scope="session")
def scene(flows):
    return build_scene(flows, load_places(), minimum_cell=11)
