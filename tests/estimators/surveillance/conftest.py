"""Reference numbers of the R package surveillance 1.20.3."""

import json

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def folder(shared_folder):
    return shared_folder / "reference" / "gis_surveillance"


@pytest.fixture(scope="session")
def reference(folder):
    return json.loads((folder / "reference.json").read_text())["surveillance"]


@pytest.fixture(scope="session")
def agona(folder):
    return pd.read_csv(folder / "data" / "salmonella_agona.csv")["observed"].to_numpy()


@pytest.fixture(scope="session")
def against():
    """Tested weeks of a result beside a block of the reference."""

    def pair(result, block):
        first, last = block["range"]
        table = result.table().set_index("period").loc[first:last]
        upper = np.array(
            [np.nan if value is None else value for value in block["upperbound"]]
        )
        alarms = [week for week in result.alarms if week >= first]
        return table, upper, alarms

    return pair
