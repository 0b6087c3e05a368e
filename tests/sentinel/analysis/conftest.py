"""A small made-up study whose weights can be worked out on paper."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest

from sentinel.study.config import StudyConfig


@pytest.fixture
def config() -> StudyConfig:
    rounds = [
        {
            "label": label,
            "files": ["a.csv"],
            "fieldwork_start": date(year, 8, 1),
            "fieldwork_end": date(year, 8, 31),
            "frame": frame,
        }
        for label, year, frame in (
            ("B2009", 2009, {"events": 300}),
            ("A2010", 2010, {"clusters": 6}),
        )
    ]
    return StudyConfig.model_validate(
        {
            "study": {
                "title": "t",
                "population": "p",
                "reference_period": "last trip",
            },
            "rounds": rounds,
            "design": {"lonely_psu": "adjust"},
        }
    )


@pytest.fixture
def interviews() -> SimpleNamespace:
    """Two rounds at one site; trucks of 20, 40 and 30 persons."""
    rows = [
        # round, site, day, truck, size, earlier, outcome
        ("B2009", "S", "2009-08-03", 1, 20, 0, 1),
        ("B2009", "S", "2009-08-03", 1, 20, 1, 0),
        ("B2009", "S", "2009-08-04", 1, 40, 3, 1),
        ("B2009", "S", "2009-08-04", 1, 40, None, 0),
        ("A2010", "S", "2010-08-04", 1, 30, 0, 0),
        ("A2010", "S", "2010-08-04", 1, 30, 0, 1),
        ("A2010", "S", "2010-08-05", 1, 30, 0, 0),
    ]
    columns = [
        "round_id",
        "site_code",
        "int_date",
        "truck_seq",
        "truck_n",
        "deport_12m",
        "d_traff",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    frame["int_date"] = pd.to_datetime(frame["int_date"])
    for name in ("truck_seq", "truck_n", "deport_12m"):
        frame[name] = frame[name].astype("Float64")
    frame["d_traff"] = frame["d_traff"].astype("Int8")
    key = frame["round_id"] + "|S|S|" + frame["int_date"].dt.strftime("%Y-%m-%d") + "|1"
    answered = pd.DataFrame(
        {
            "round_id": frame["round_id"],
            "site_code": "S",
            "cluster": key,
            "outcome": "complete",
        }
    )
    others = pd.DataFrame(
        [
            # Half of those selected in the first truck were not of the population.
            ("B2009", "S", "B2009|S|S|2009-08-03|1", "ineligible"),
            ("B2009", "S", "B2009|S|S|2009-08-03|1", "ineligible"),
            ("B2009", "S", "B2009|S|S|2009-08-04|1", "refused"),
        ],
        columns=answered.columns,
    )
    return SimpleNamespace(
        frame=frame, dispositions=pd.concat([answered, others], ignore_index=True)
    )
