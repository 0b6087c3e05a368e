"""Draws a whole study: arrivals, selection, answers and what is left unknown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimators.array_types import IntVector
from estimators.checks import as_generator
from sentinel.simulate.answers import draw_treatment
from sentinel.simulate.arrivals import (
    TRAFFICKED,
    Arrivals,
    draw_arrivals,
    draw_codes,
)
from sentinel.simulate.circumstances import draw_circumstances
from sentinel.simulate.parameters import Parameters, RoundParameters
from sentinel.simulate.risk import risk_model
from sentinel.simulate.unknowns import blank_what_was_not_told

__all__ = ["RoundTruth", "SimulatedRound", "SimulatedStudy", "simulate_study"]

_COMPLETE, _INELIGIBLE = "1", "5"
_DATES = ("int_date", "leave_date", "return_date")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTruth:
    """What a survey of the round should find.

    Attributes
    ----------
    label : str
    event_prevalence : float
        Share of the eligible deportations of the fieldwork period that end a
        trafficked trip: the value of this finite frame.
    person_prevalence : float
        The same share with every deportation weighted by 1 / (1 + the person's earlier
        deportations of twelve months): the value of this finite frame.
    model_event_prevalence, model_person_prevalence : float
        What the two tend to over many fieldwork periods, in closed form. The second is
        the share, among persons deported at least once within a year, of those whose
        deportation ended a trafficked trip; that the weights estimate it needs
        deportation rates that are constant over the year.
    arrivals, batches : int
        Deportations, eligible or not, and batches of the fieldwork period.
    """

    label: str
    event_prevalence: float
    person_prevalence: float
    model_event_prevalence: float
    model_person_prevalence: float
    arrivals: int
    batches: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedRound:
    """The selected persons of one round, coded by the codebook.

    Attributes
    ----------
    label : str
    frame, states : DataFrame
        One row per selected person, respondents and others; the states are `CellState`.
    state : ndarray of shape (rows,)
        How each person's trip really went, 0 to 5: the tier with every answer known.
    prior_deportations : ndarray of shape (rows,)
        Each person's deportations through the site in the twelve months before.
    truth : RoundTruth
    parameters : RoundParameters
    """

    label: str
    frame: pd.DataFrame
    states: pd.DataFrame
    state: IntVector
    prior_deportations: IntVector
    truth: RoundTruth
    parameters: RoundParameters

    @property
    def is_respondent(self) -> pd.Series:
        """Whether the selected person gave an interview, complete or not."""
        return self.frame["consent_given"].eq("1").fillna(value=False).astype(bool)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedStudy:
    """Rounds of interviews with known truth. No row of it is a person."""

    rounds: tuple[SimulatedRound, ...]
    parameters: Parameters

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """One row per selected person, by round label."""
        return {item.label: item.frame for item in self.rounds}

    @property
    def truth(self) -> pd.DataFrame:
        """One row per round with the fields of `RoundTruth`."""
        fields = RoundTruth.__dataclass_fields__
        rows = [
            {name: getattr(item.truth, name) for name in fields} for item in self.rounds
        ]
        return pd.DataFrame(rows, columns=list(fields))


def simulate_study(
    parameters: Parameters, *, rng: int | np.random.Generator | None = None
) -> SimulatedStudy:
    """Draw a study of deportee interviews whose true prevalences are known.

    A deportation belongs to a batch (a truck) of a day; every j-th batch of the
    fieldwork period is visited, and every k-th person of a visited batch is selected,
    each from a random start. Selected persons may be ineligible, unavailable, refuse or
    stop; answers may be refused or not known, at random.

    Parameters
    ----------
    parameters : Parameters
        From `load_parameters`.
    rng : int, Generator or None
        Each round has a stream of its own: dropping one does not change the others
        before it.

    Returns
    -------
    SimulatedStudy

    Examples
    --------
    >>> from sentinel.simulate import load_parameters, simulate_study
    >>> study = simulate_study(load_parameters(), rng=1)
    >>> study.truth["model_event_prevalence"].round(3).tolist()
    [0.23, 0.18, 0.13, 0.031]
    """
    generators = as_generator(rng).spawn(len(parameters.rounds))
    rounds = tuple(
        _round(item, parameters, _stream(generator, item.stream))
        for item, generator in zip(parameters.rounds, generators, strict=True)
    )
    return SimulatedStudy(rounds=rounds, parameters=parameters)


def _stream(generator: np.random.Generator, number: int) -> np.random.Generator:
    """Return ``generator.spawn(number + 1)[-1]`` of a fresh generator, at once."""
    parent = generator.bit_generator.seed_seq
    if not isinstance(parent, np.random.SeedSequence):
        return generator.spawn(number + 1)[-1]
    key = (*parent.spawn_key, number)
    return np.random.default_rng(
        np.random.SeedSequence(entropy=parent.entropy, spawn_key=key)
    )


def _round(
    parameters: RoundParameters, study: Parameters, rng: np.random.Generator
) -> SimulatedRound:
    model = risk_model(parameters)
    arrivals = draw_arrivals(parameters, model, study.month_weights, rng)
    selected = _select(arrivals, parameters, rng)
    columns = {
        **_design(selected, parameters, rng),
        **draw_circumstances(selected, parameters, rng),
        **draw_treatment(selected, parameters, rng),
    }
    frame, states = blank_what_was_not_told(
        _typed(pd.DataFrame(columns)), parameters.unknown, rng
    )
    eligible = arrivals.persons[arrivals.persons["eligible"]]
    case = eligible["state"].to_numpy() >= TRAFFICKED
    multiplicity = 1.0 / (1.0 + eligible["deport_12m"].to_numpy())
    truth = RoundTruth(
        label=parameters.label,
        event_prevalence=float(case.mean()),
        person_prevalence=float(multiplicity @ case / multiplicity.sum()),
        model_event_prevalence=model.event_prevalence,
        model_person_prevalence=model.person_prevalence,
        arrivals=len(arrivals.persons),
        batches=len(arrivals.batches),
    )
    return SimulatedRound(
        label=parameters.label,
        frame=frame,
        states=states,
        state=selected["state"].to_numpy(),
        prior_deportations=selected["deport_12m"].to_numpy(),
        truth=truth,
        parameters=parameters,
    )


def _select(
    arrivals: Arrivals, parameters: RoundParameters, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the selected persons with the columns of their batch."""
    total, wanted = len(arrivals.batches), parameters.sampled_batches
    # Systematic with a fractional step: every batch has the same chance.
    step = total / wanted
    visited = np.floor((np.arange(wanted) + rng.random()) * step).astype(np.int64)
    start = np.zeros(total, dtype=np.int64)
    start[visited] = rng.integers(1, parameters.every_kth + 1, wanted)
    persons = arrivals.persons
    first = start[persons["batch"].to_numpy()]
    place = persons["samp_r"].to_numpy()
    taken = (first > 0) & ((place - first) % parameters.every_kth == 0)
    selected: pd.DataFrame = persons[taken & (place >= first)]
    return selected.join(arrivals.batches, on="batch").reset_index(drop=True)


def _design(
    selected: pd.DataFrame, parameters: RoundParameters, rng: np.random.Generator
) -> dict[str, object]:
    n = len(selected)
    shares = parameters.outcomes
    among_eligible = {
        "3": shares.refused,
        "4": shares.unavailable,
        "6": shares.language,
        "7": shares.stopped_for_distress,
        "2": shares.partial,
    }
    complete = 1 - sum(among_eligible.values())
    outcome = draw_codes({_COMPLETE: complete, **among_eligible}, n, rng)
    outcome = np.where(selected["eligible"], outcome, _INELIGIBLE)
    consents = np.isin(outcome, [_COMPLETE, "2", "7"])
    interviewer = rng.integers(1, 7, len(selected))
    return {
        "rec_id": _record_ids(n, rng),
        "site_code": np.full(n, parameters.site_code),
        "int_date": selected["int_date"].to_numpy(),
        "truck_seq": selected["truck_seq"].to_numpy(dtype=np.float64),
        "truck_n": selected["truck_n"].to_numpy(dtype=np.float64),
        "truck_n_src": np.full(n, "1"),
        "samp_k": np.full(n, float(parameters.every_kth)),
        "samp_r": selected["samp_r"].to_numpy(dtype=np.float64),
        "sel_outcome": outcome,
        "interviewer_id": np.char.add("I", interviewer.astype(np.str_)),
        "int_sex": np.where(interviewer % 2 == 0, "1", "2"),
        "int_lang": np.full(n, parameters.language),
        "interpreter": np.full(n, "0"),
        "private": np.where(consents, "1", ""),
        "consent_read": np.where(np.isin(outcome, ["4", "5", "6"]), "0", "1"),
        "consent_given": np.where(consents, "1", "0"),
        "distress": np.where(outcome == "7", "2", "0"),
    }


def _record_ids(n: int, rng: np.random.Generator) -> list[str]:
    """Return random identifiers in the form of a UUID of version 4."""
    words = [rng.bytes(16).hex() for _ in range(n)]
    variants = "89ab"
    return [
        "-".join(
            [
                w[:8],
                w[8:12],
                "4" + w[13:16],
                variants[int(w[16], 16) % 4] + w[17:20],
                w[20:],
            ]
        )
        for w in words
    ]


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return numbers as Float64, days as datetime64 and codes as text, "" as NA."""
    typed: dict[str, pd.Series] = {}
    for name in frame.columns.astype(str):
        column = frame[name]
        if name in _DATES:
            typed[name] = pd.to_datetime(column)
        elif pd.api.types.is_numeric_dtype(column):
            typed[name] = column.astype("Float64")
        else:
            texts = column.to_numpy(dtype=object, copy=True)
            texts[texts == ""] = None
            typed[name] = pd.Series(texts, index=frame.index, dtype="str")
    return pd.DataFrame(typed)
