"""The public samples on which R survey 4.5 was run, and what it answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from estimators.survey import SurveyDesign

OPTIONS = {
    "strat": ("apistrat", {"weights": "pw", "strata": "stype", "fpc": "fpc"}),
    "strat_nofpc": ("apistrat", {"weights": "pw", "strata": "stype"}),
    "clus1": ("apiclus1", {"weights": "pw", "psu": "dnum", "fpc": "fpc"}),
    "clus1_nofpc": ("apiclus1", {"weights": "pw", "psu": "dnum"}),
    "clus2": ("apiclus2", {"psu": ["dnum", "snum"], "fpc": ["fpc1", "fpc2"]}),
    "clus2_w_nofpc": ("apiclus2", {"weights": "pw", "psu": ["dnum", "snum"]}),
    "srs": ("apisrs", {"weights": "pw", "fpc": "fpc"}),
    "nhanes": (
        "svy_nhanes",
        {"weights": "WTMEC2YR", "strata": "SDMVSTRA", "psu": "SDMVPSU", "nest": True},
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def survey_folder(shared_folder: Path) -> Path:
    return shared_folder / "reference" / "survey"


@pytest.fixture(scope="session")
def cases(survey_folder: Path) -> dict[str, Any]:
    text = (survey_folder / "reference.json").read_text(encoding="utf-8")
    found = json.loads(text)["sets"]["survey45"]["cases"]
    return {key: case["value"] for key, case in found.items()}


@pytest.fixture(scope="session")
def public_designs(survey_folder: Path) -> dict[str, SurveyDesign]:
    return {
        name: SurveyDesign.from_frame(
            pd.read_csv(survey_folder / "data" / f"{file}.csv"), **options
        )
        for name, (file, options) in OPTIONS.items()
    }
