"""A small hand-made study: two rounds, invented answers, numbers by simple formulas."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from estimators.results import ModelFit
from sentinel.analysis.results import EstimateTable, FittedModel, StudyResult
from sentinel.classify import Classification, load_definition
from sentinel.ingest.interviews import Interviews, Origin
from sentinel.report.protected.protection import protect_study
from sentinel.report.protected.release import Release
from sentinel.schema.codebook import load_codebook
from sentinel.schema.problems import Problem, Problems
from sentinel.study.config import StudyConfig

PERIOD = "last completed trip"
# round -> sector -> sex -> (persons, cases); 13_7 style primes make a leak findable.
CELLS = {
    "R2009": {
        "1": {"1": (71, 24)},
        "4": {"1": (83, 19), "2": (61, 13)},
        "7": {"2": (59, 7)},
    },
    "R2012": {
        "1": {"1": (67, 17)},
        "4": {"1": (79, 14), "2": (73, 12)},
        "7": {"2": (53, 3)},
    },
}
UNKNOWN_PER_ROUND = 14
SCRIPT = "<script>alert('x')</script>"


def _people() -> pd.DataFrame:
    rows = []
    for round_id, sectors in CELLS.items():
        for sector, sexes in sectors.items():
            for sex, (persons, cases) in sexes.items():
                rows += [
                    {
                        "round_id": round_id,
                        "sector": sector,
                        "sex": sex,
                        "origin_adm1": ("KH-1", "KH-2", "KH-3")[number % 3],
                        "dest_adm1": ("TH-74", "TH-21")[number % 2],
                        "cross_code": "XB-POIPET",
                        "d_traff": 1 if number < cases else 0,
                    }
                    for number in range(persons)
                ]
        rows += [
            {
                "round_id": round_id,
                "sector": "4",
                "sex": "1",
                "origin_adm1": "KH-1",
                "dest_adm1": "TH-21",
                "cross_code": "XB-POIPET",
                "d_traff": None,
            }
        ] * UNKNOWN_PER_ROUND
    frame = pd.DataFrame(rows)
    frame["d_traff"] = frame["d_traff"].astype("Int8")
    return frame


def _row(values: pd.Series, *, quantity: str, what: str) -> dict[str, Any]:
    known = values.dropna()
    n, cases = len(known), int(known.sum())
    share = cases / n * (1.0 if quantity == "event" else 0.95)
    error = math.sqrt(max(share * (1 - share), 1e-4) / n)
    return {
        "method": "survey_proportion",
        "estimand": what,
        "unit": "proportion",
        "estimate": share,
        "std_error": error,
        "ci_low": max(0.0, share - 1.96 * error),
        "ci_high": min(1.0, share + 1.96 * error),
        "ci_level": 0.95,
        "n_obs": n,
        "n_cases": cases,
        "n_unknown": int(values.isna().sum()),
        "reference_period": PERIOD,
        "interval_method": "korn_graubard",
        "design_effect": 1.4,
        "notes": "",
    }


def _table(people: pd.DataFrame, by: tuple[str, ...], quantity: str) -> EstimateTable:
    rows = []
    for key, part in people.groupby(list(by)):
        labels = dict(zip(by, key, strict=True))
        row = _row(part["d_traff"], quantity=quantity, what="proportion of d_traff")
        rows.append({**labels, **row})
    frame = pd.DataFrame(rows)
    head = ["method", "estimand", "unit", *by]
    frame = frame[[*head, *(name for name in frame.columns if name not in head)]]
    return EstimateTable(
        name=f"d_traff_by_{'_'.join(by)}_{quantity}",
        label=f"outcome by {' and '.join(by)}",
        quantity=quantity,
        by=by,
        frame=frame,
        answers=people[list(by)].assign(answer=people["d_traff"]),
    )


def _in_setting(people: pd.DataFrame, setting: str) -> pd.Series:
    """Return the outcome in a setting: a fifth fewer cases, or a third more."""
    answers = people["d_traff"].copy()
    for _, part in people.groupby("round_id"):
        cases = part.index[part["d_traff"] == 1]
        if setting == "strict":
            answers[cases[: len(cases) // 5]] = 0
        elif setting == "broad":
            others = part.index[part["d_traff"] == 0]
            answers[others[: len(cases) // 3]] = 1
    return answers


def _sensitivity(people: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for setting in ("strict", "base", "broad"):
        answers = _in_setting(people, setting)
        for unknowns, fill in (("observed", None), ("lower", 0), ("upper", 1)):
            for round_id, part in answers.groupby(people["round_id"]):
                values = part if fill is None else part.fillna(fill)
                row = _row(values, quantity="event", what="proportion of d_traff")
                rows.append(
                    {
                        "setting": setting,
                        "unknowns": unknowns,
                        "quantity": "event",
                        "round_id": round_id,
                        **row,
                    }
                )
    return pd.DataFrame(rows)


def _trend(people: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for quantity in ("event", "person"):
        for contrast, change in (
            ("R2012 - R2009", -0.051),
            ("slope per year over R2009, R2012", -0.017),
        ):
            rows.append(
                {
                    "contrast": contrast,
                    "quantity": quantity,
                    "method": "survey_proportion",
                    "estimand": "difference of proportions",
                    "unit": "proportion",
                    "estimate": change,
                    "std_error": 0.031,
                    "ci_low": change - 0.061,
                    "ci_high": change + 0.061,
                    "ci_level": 0.95,
                    "n_obs": int(people["d_traff"].notna().sum()),
                    "p_value": 0.1,
                    "reference_period": PERIOD,
                }
            )
    return pd.DataFrame(rows)


def _model() -> FittedModel:
    estimate = np.array([-1.4, 0.83, -0.12, 0.31])
    error = np.array([0.2, 0.28, 0.3, 0.22])
    fit = ModelFit(
        method="firth_logistic",
        formula="d_traff ~ sector + sex + round_id",
        term=("Intercept", "sector[T.sea fishing, long]", "sex[T.female]", "age"),
        estimate=estimate,
        std_error=error,
        statistic=(estimate / error) ** 2,
        p_value=np.array([0.0001, 0.003, 0.69, 0.16]),
        ci_low=estimate - 1.96 * error,
        ci_high=estimate + 1.96 * error,
        covariance=np.diag(error**2),
        ci_level=0.95,
        ci_method="profile penalised likelihood",
        n_obs=546,
        fit_statistics={"events_per_variable": 36.3, "n_events": 109.0},
        notes=("convergence in 6 steps",),
    )
    return FittedModel(
        name="model_1",
        label="Risk factors",
        fit=fit,
        merged_levels=("sector: marriage",),
    )


def _flows(people: pd.DataFrame) -> pd.DataFrame:
    keys = ["round_id", "origin_adm1", "cross_code", "dest_adm1"]
    counted = people.groupby(keys, as_index=False).agg(
        n=("d_traff", "size"), n_cases=("d_traff", "sum")
    )
    counted.columns = ["round_id", "origin", "crossing", "destination", "n", "n_cases"]
    counted["n_cases"] = counted["n_cases"].astype("int64")
    return counted.assign(weight=counted["n"] * 12.5)


def _interviews(people: pd.DataFrame) -> Interviews:
    flow = []
    for round_id, part in people.groupby("round_id"):
        consented = len(part)
        flow.append(
            {
                "round_id": round_id,
                "rows_read": consented + 15 + 21 + 33 + 12 + 3,
                "duplicates_removed": 3,
                "excluded_by_rule": 0,
                "withdrawn": 0,
                "selected": consented + 15 + 21 + 33 + 12,
                "ineligible": 15,
                "unavailable": 21,
                "refused": 33,
                "no_consent": 12,
                "consented": consented,
                "partial": 16,
                "analysed": consented,
            }
        )
    warnings = [
        Problem(severity="warning", file="r1.csv", row=7, column="age", value="301",
                expected="5..99", hint="check the form"),
    ]  # fmt: skip
    return Interviews(
        frame=people.drop(columns="d_traff"),
        states=pd.DataFrame(index=people.index),
        dispositions=pd.DataFrame(),
        flow=pd.DataFrame(flow),
        origins=(
            Origin(file="r1.csv", format="csv", sha256="0" * 64, rows=372, columns=40,
                   encoding="utf-8"),
            Origin(file="/home/someone/secret/r2.xlsx", format="xlsx", sha256="1" * 64,
                   rows=370, columns=40, sheet="data"),
        ),
        codebook=load_codebook("deportee"),
        problems=Problems(warnings),
        harmonisation=pd.DataFrame(),
    )  # fmt: skip


def make_config(**study: Any) -> StudyConfig:
    by = (("round_id",), ("round_id", "sex"), ("round_id", "sector"))
    return StudyConfig.model_validate(
        {
            "study": {
                "title": "Deportees at a made-up crossing",
                "question": "How many deported people were possibly trafficked?",
                "population": "people deported through the made-up crossing",
                "reference_period": PERIOD,
                "simulated": True,
                "limits": ["One crossing only."],
                **study,
            },
            "rounds": [
                {
                    "label": "R2009",
                    "name": "Crossing 2009 ការធ្វើចំណាកស្រុក",
                    "files": ["r1.csv"],
                    "fieldwork_start": date(2009, 8, 3),
                    "fieldwork_end": date(2009, 8, 27),
                    "frame": {"events": 89096, "source": "immigration records"},
                },
                {
                    "label": "R2012",
                    "name": "Crossing 2012",
                    "files": ["/home/someone/secret/r2.xlsx"],
                    "fieldwork_start": date(2012, 8, 2),
                    "fieldwork_end": date(2012, 9, 1),
                },
            ],
            "estimates": [{"by": list(keys)} for keys in by],
            "models": [{"formula": "d_traff ~ sector + sex + round_id"}],
        }
    )


def make_study(**study: Any) -> StudyResult:
    people = _people()
    definition = load_definition("uniap")
    settings = {
        name: Classification(
            definition=definition,
            setting=name,
            frame=pd.DataFrame({"d_traff": _in_setting(people, name)}),
            indicators=pd.DataFrame(),
        )
        for name in ("strict", "base", "broad")
    }
    by = (("round_id",), ("round_id", "sex"), ("round_id", "sector"))
    return StudyResult(
        config=make_config(**study),
        interviews=_interviews(people),
        classification=settings["base"],
        settings=settings,
        estimates=tuple(
            _table(people, keys, quantity)
            for keys in by
            for quantity in ("event", "person")
        ),
        sensitivity=_sensitivity(people),
        trend=_trend(people),
        models=(_model(),),
        flows=_flows(people),
        design_notes=("Clusters are trucks within days within sites.",),
        skipped=("d_worst by sector: no stratum has two clusters",),
        timings={"estimates": 1.25},
    )


@pytest.fixture(scope="session")
def study() -> StudyResult:
    return make_study()


@pytest.fixture(scope="session")
def release(study: StudyResult) -> Release:
    return protect_study(study)


@pytest.fixture(scope="session")
def study_maker() -> Any:
    return make_study
