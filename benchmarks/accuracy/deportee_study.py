"""Whether the intervals of event and person prevalence hold the simulated truth.

One Poipet round of about 400 interviews is simulated many times for each prevalence
and intraclass correlation, weighted by the study's own design code, and estimated with
every interval for proportions, once with every answer known and once with the shipped
rates of unknown answers. Two truths are held against each interval: the value of the
finite fieldwork period (``target = frame``; no finite population correction is made, so
its coverage should be a little high) and that of the process (``target = model``).

Criterion: the hits of a 95 % interval lie in the central 99.9 % band of the binomial
distribution with probability 0.95. ``python -m benchmarks accuracy deportee_study``
writes ``benchmarks/accuracy/results/deportee_study.csv``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats

from estimators import survey
from sentinel.analysis.design import PERSON_KNOWN, build_design
from sentinel.classify import Definition, classify, load_definition
from sentinel.simulate import (
    Parameters,
    SimulatedRound,
    load_parameters,
    simulate_study,
)
from sentinel.simulate.arrivals import TRAFFICKED
from sentinel.study.config import StudyConfig

RESULTS = Path(__file__).parent / "results" / "deportee_study.csv"
INTERVALS = ("korn_graubard", "beta", "logit", "wilson", "arcsine", "wald")
LEVEL = 0.95
BAND = 0.999
PREVALENCES = (0.23, 0.04)
CORRELATIONS = (0.0, 0.1)
STUDIES_PER_TASK = 10
OUTCOMES = {"1": "complete", "5": "ineligible"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A prevalence and an intraclass correlation."""

    prevalence: float
    icc: float

    def parameters(self) -> Parameters:
        """Return the shipped parameters of Poipet 2009 with this risk."""
        shipped = load_parameters()
        chosen = shipped.rounds[0]
        risk = chosen.risk.model_copy(
            update={"prevalence": self.prevalence, "icc": self.icc}
        )
        first = chosen.model_copy(update={"risk": risk, "stream": 0})
        return shipped.model_copy(update={"rounds": (first,)})


def main() -> None:
    """Write the table of 500 studies for each scenario."""
    table = coverage_table(n_studies=500, rng=2024)
    RESULTS.parent.mkdir(exist_ok=True)
    table.to_csv(RESULTS, index=False, lineterminator="\n")
    print(table.to_string(index=False))


def coverage_table(
    *, n_studies: int, rng: int, n_jobs: int | None = None
) -> pd.DataFrame:
    """Return bias, width and coverage of every interval in every scenario.

    Parameters
    ----------
    n_studies : int
        Simulated studies for each scenario.
    rng : int
        Each study has a stream of its own, whatever the number of jobs.
    n_jobs : int, optional
        Of joblib.
    """
    scenarios = [
        Scenario(prevalence=p, icc=i) for p, i in product(PREVALENCES, CORRELATIONS)
    ]
    streams = np.random.SeedSequence(rng).spawn(len(scenarios))
    tasks = [
        (scenario, stream.spawn(n_studies)[start : start + STUDIES_PER_TASK])
        for scenario, stream in zip(scenarios, streams, strict=True)
        for start in range(0, n_studies, STUDIES_PER_TASK)
    ]
    parts = Parallel(n_jobs=n_jobs)(delayed(_studies)(*task) for task in tasks)
    rows = pd.DataFrame([row for part in parts for row in part])
    keys = ["prevalence", "icc", "unknowns", "quantity", "interval", "target"]
    return pd.concat(
        [
            _summary(keys, values, group)
            for values, group in rows.groupby(keys, sort=False)
        ]
    ).reset_index(drop=True)


def _studies(
    scenario: Scenario, streams: list[np.random.SeedSequence]
) -> list[dict[str, Any]]:
    parameters, definition = scenario.parameters(), load_definition("uniap")
    rows: list[dict[str, Any]] = []
    for stream in streams:
        study = simulate_study(parameters, rng=np.random.default_rng(stream))
        rows.extend(
            {"prevalence": scenario.prevalence, "icc": scenario.icc, **row}
            for row in _study(study.rounds[0], definition)
        )
    return rows


def _study(item: SimulatedRound, definition: Definition) -> Iterator[dict[str, Any]]:
    told = item.is_respondent
    frame = item.frame[told].reset_index(drop=True).assign(round_id=item.label)
    states = item.states[told].reset_index(drop=True)
    known = classify(SimpleNamespace(frame=frame, states=states), definition)
    truly = (item.state[told.to_numpy()] >= TRAFFICKED).astype(float)
    # The simulator hides answers; with all of them known the state is the class.
    prior = item.prior_deportations[told.to_numpy()].astype(float)
    complete = frame.assign(deport_12m=prior)
    yield from _estimates(item, complete.assign(d_traff=truly), unknowns=False)
    observed = known.frame["d_traff"].astype("Float64")
    yield from _estimates(item, frame.assign(d_traff=observed), unknowns=True)


def _estimates(
    item: SimulatedRound, frame: pd.DataFrame, *, unknowns: bool
) -> Iterator[dict[str, Any]]:
    interviews = SimpleNamespace(frame=frame, dispositions=_dispositions(item))
    design = build_design(interviews, _config(item))
    truth = item.truth
    targets = {
        "event": (truth.event_prevalence, truth.model_event_prevalence),
        "person": (truth.person_prevalence, truth.model_person_prevalence),
    }
    for quantity, (finite, model) in targets.items():
        where = design.frame[PERSON_KNOWN] if quantity == "person" else None
        sample = design.survey(quantity)
        for interval in INTERVALS:
            found = survey.proportion(
                sample, "d_traff", ci=interval, where=where, level=LEVEL
            )
            for target, value in (("frame", finite), ("model", model)):
                yield {
                    "unknowns": "with" if unknowns else "without",
                    "quantity": quantity,
                    "interval": interval,
                    "target": target,
                    "truth": value,
                    "estimate": found.estimate,
                    "std_error": found.std_error,
                    "n_obs": found.n_obs,
                    "width": found.ci.width,
                    "below": found.ci.high < value,
                    "above": found.ci.low > value,
                }


def _dispositions(item: SimulatedRound) -> pd.DataFrame:
    frame = item.frame
    day = frame["int_date"].dt.strftime("%Y-%m-%d")
    truck = frame["truck_seq"].map("{:g}".format)
    site = frame["site_code"]
    return pd.DataFrame(
        {
            "round_id": item.label,
            "site_code": site,
            "cluster": item.label + "|" + site + "|" + site + "|" + day + "|" + truck,
            "outcome": frame["sel_outcome"].map(OUTCOMES).fillna("other"),
        }
    )


def _config(item: SimulatedRound) -> StudyConfig:
    chosen = item.parameters
    return StudyConfig.model_validate(
        {
            "study": {
                "title": "coverage",
                "population": "simulated deportations",
                "reference_period": "last completed trip",
                "simulated": True,
            },
            "rounds": [
                {
                    "label": item.label,
                    "files": ["none.csv"],
                    "fieldwork_start": chosen.fieldwork_start,
                    "fieldwork_end": chosen.fieldwork_end,
                    "frame": {"events": item.truth.arrivals},
                }
            ],
        }
    )


def _summary(
    keys: list[str], values: tuple[Any, ...], group: pd.DataFrame
) -> pd.DataFrame:
    n = len(group)
    low, high = stats.binom.interval(BAND, n, LEVEL)
    hits = n - int(group["below"].sum()) - int(group["above"].sum())
    bias = group["estimate"] - group["truth"]
    row = dict(zip(keys, values, strict=True)) | {
        "studies": n,
        "mean_n": round(group["n_obs"].mean(), 1),
        "mean_truth": round(group["truth"].mean(), 5),
        "bias": round(bias.mean(), 5),
        "bias_std_error": round(bias.std() / np.sqrt(n), 5),
        "empirical_std_error": round(bias.std(), 5),
        "mean_std_error": round(group["std_error"].mean(), 5),
        "mean_width": round(group["width"].mean(), 5),
        "hits": hits,
        "coverage": round(hits / n, 4),
        "missed_low": int(group["below"].sum()),
        "missed_high": int(group["above"].sum()),
        "band_low": int(low),
        "band_high": int(high),
        "in_band": low <= hits <= high,
    }
    return pd.DataFrame([row])
