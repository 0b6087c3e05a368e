"""Weights of persons met at places and times: time-location (venue) sampling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from estimators.checks import check_choice, check_columns
from estimators.designs.labels import as_names, code_labels, list_names, list_rows
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector, IntVector

__all__ = ["time_location_weights"]

_SAME = 1e-9


def time_location_weights(
    frame: pd.DataFrame,
    *,
    event: str | Sequence[str],
    probabilities: str | Sequence[str],
    attending: str,
    visits: str,
    interviewed: str | None = None,
    unknown: Literal["error", "harmonic_mean"] = "error",
) -> pd.DataFrame:
    """Weight persons by the event they were met at and how often they attend events.

    An event is a sampled place, day and time. Persons who attend often are met more
    easily; without their visits the estimate is one of attendances, not of persons.

    Parameters
    ----------
    frame : DataFrame of n rows
        One row per interviewed person.
    event : str or list of str
        Columns that name the event, such as ``["venue", "date", "slot"]``.
    probabilities : str or list of str
        Columns of selection probabilities 0 < p <= 1, constant within the event; their
        product is the event's: of the venue, of its day and time given the venue.
    attending : str
        Eligible persons counted at the event.
    visits : str
        Events of the frame (all venues and times that could have been sampled, in the
        period of the survey) that the person attends, the present one included: 1 or
        more, and missing where unknown. Scale answers of another recall period first.
    interviewed : str, optional
        Interviewed persons of the event, where some of them are not in the frame;
        default its rows. Refusals are taken to be like the others at the event.
    unknown : {"error", "harmonic_mean"}
        Missing visits are an error that names the rows, or get the harmonic mean of the
        known visits, which keeps the mean weight; tell the reader how many there are.

    Returns
    -------
    DataFrame
        With the index of `frame`: ``event_probability``, ``within_probability``
        (interviewed / attending), ``visits``, ``visits_assumed`` (whether they were
        missing) and ``weight = 1 / (event_probability within_probability visits)``.

    Raises
    ------
    InputError
        With every problem found: probabilities outside (0, 1], values that vary within
        an event, more interviewed than attended, visits below 1 or missing.

    Notes
    -----
    The sum over sampled events of all who attend, each divided by the visits, counts
    every person once on average (Sirken 1970; Karon and Wejnert 2012 for venues):
    unbiased if visits are reported rightly. In the design take the venue, or the event
    where venues are all sampled, as the PSU. Persons who attend no venue of the frame
    are outside the population.

    References
    ----------
    Karon, J. M. and Wejnert, C. (2012). Statistical methods for the analysis of
    time-location sampling data. Journal of Urban Health 89, 565-586.
    https://doi.org/10.1007/s11524-012-9676-8

    Sirken, M. G. (1970). Household surveys with multiplicity. Journal of the American
    Statistical Association 65, 257-266.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.survey import time_location_weights
    >>> frame = pd.DataFrame({"place": ["pier", "pier", "bar"], "p": [0.5, 0.5, 0.25],
    ...                       "there": [10, 10, 4], "visits": [1, 5, 2]})
    >>> time_location_weights(frame, event="place", probabilities="p",
    ...                       attending="there", visits="visits")["weight"].tolist()
    [10.0, 2.0, 8.0]
    """
    check_choice("unknown", unknown, ("error", "harmonic_mean"))
    factors = as_names(probabilities)
    named = {
        **{f"event[{i}]": name for i, name in enumerate(as_names(event))},
        **{f"probabilities[{i}]": name for i, name in enumerate(factors)},
        "attending": attending,
        "visits": visits,
        **({} if interviewed is None else {"interviewed": interviewed}),
    }
    check_columns(frame, named)
    if not factors or not as_names(event) or not len(frame):
        raise InputError("An event, its probability and at least one row are needed.")
    code, name_of = code_labels(frame, as_names(event), "event")
    problems: list[str] = []
    probability = np.ones(len(frame))
    for column in factors:
        own = _numbers(frame, column)
        _note(problems, f"{column!r} must lie in 0 < p <= 1", ~((own > 0) & (own <= 1)))
        _constant(problems, column, own, code, name_of)
        probability = probability * own
    there = _numbers(frame, attending)
    rows = np.bincount(code)[code].astype(np.float64)
    spoken = rows if interviewed is None else _numbers(frame, interviewed)
    _note(problems, f"{attending!r} must be above 0", ~(there > 0))
    _constant(problems, attending, there, code, name_of)
    if interviewed is not None:
        _constant(problems, interviewed, spoken, code, name_of)
        _note(problems, f"{interviewed!r} is below the rows of the event",
              ~(spoken >= rows))  # fmt: skip
    _note(problems, f"more interviewed than {attending!r} at the event", spoken > there)
    times, assumed = _read_visits(frame, visits, unknown, problems)
    if problems:
        raise InputError(
            "The weights cannot be made:\n- " + ".\n- ".join(problems) + "."
        )
    within = spoken / there
    return pd.DataFrame(
        {
            "event_probability": probability,
            "within_probability": within,
            "visits": times,
            "visits_assumed": assumed,
            "weight": 1 / (probability * within * times),
        },
        index=frame.index,
    )


def _read_visits(
    frame: pd.DataFrame, column: str, unknown: str, problems: list[str]
) -> tuple[FloatVector, BoolVector]:
    times = _numbers(frame, column)
    missing = np.isnan(times)
    _note(
        problems,
        f"{column!r} must be finite and 1 or more (the visit at which they were met)",
        ~missing & ~((times >= 1) & np.isfinite(times)),
    )
    if unknown == "error":
        _note(problems, f"{column!r} (visits) is unknown", missing)
    elif missing.all():
        problems.append(f"{column!r} (visits) is unknown in every row")
    elif missing.any() and not problems:
        times = np.where(missing, 1 / np.mean(1 / times[~missing]), times)
    return times, missing


def _numbers(frame: pd.DataFrame, column: str) -> FloatVector:
    return np.array(
        pd.to_numeric(frame[column], errors="coerce").to_numpy(
            dtype=np.float64, na_value=np.nan
        )
    )


def _note(problems: list[str], rule: str, wrong: BoolVector) -> None:
    if wrong.any():
        problems.append(f"{rule}: {list_rows(wrong)}")


def _constant(
    problems: list[str],
    column: str,
    values: FloatVector,
    code: IntVector,
    name_of: Callable[[int], str],
) -> None:
    low = np.full(int(code.max()) + 1, np.inf)
    high = -low
    np.fmin.at(low, code, values)
    np.fmax.at(high, code, values)
    varying = np.flatnonzero(high > low + _SAME * np.abs(low))
    if varying.size:
        names = list_names(name_of(int(place)) for place in varying)
        problems.append(f"{column!r} is not constant within {names}")
