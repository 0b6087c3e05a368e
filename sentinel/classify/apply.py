"""Applies a case definition to interviews: yes, no or unknown for every person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from estimators.errors import InputError
from sentinel.classify.answers import Answers
from sentinel.classify.blocks import BlockRunner
from sentinel.classify.classification import Classification
from sentinel.classify.definitions import Definition, variables_of
from sentinel.classify.departure_age import with_age_at_departure
from sentinel.classify.listing import listed
from sentinel.classify.three_valued import (
    NO,
    UNKNOWN,
    YES,
    TruthVector,
    evaluate,
)
from sentinel.schema.states import CellState

__all__ = ["InterviewTable", "classify", "conclude", "settle_outcomes"]

TIER_COLUMN = "d_tier"
PATTERN_COLUMN, TYPE_COLUMN = "d_pattern", "d_type"


class InterviewTable(Protocol):
    """What `classify` needs of interviews."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per respondent."""

    @property
    def states(self) -> pd.DataFrame:
        """`CellState` of every cell."""


def classify(
    interviews: InterviewTable,
    definition: Definition,
    *,
    setting: str = "base",
    absent: Literal["refuse", "unknown"] = "refuse",
) -> Classification:
    """Return what a definition says of every respondent.

    An answer that is refused, not known, lost or was never asked is unknown and stays
    unknown through Kleene's logic: a person is a case or none only if the known answers
    settle it. A question that the form skipped is unknown too, unless the indicator
    says that the skip implies no.

    Parameters
    ----------
    interviews : Interviews
        Anything with ``frame`` and ``states`` of the same shape.
    definition : Definition
    setting : str
        One of the definition's settings of its thresholds.
    absent : {"refuse", "unknown"}
        What to do about variables that the interviews do not have: an error, or unknown
        for everybody, listed in the result's ``absent``.

    Raises
    ------
    InputError
        If the definition has no such setting, or needs variables that the interviews
        do not have; all of them are listed.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import pandas as pd
    >>> from sentinel.classify import load_definition
    >>> uniap = load_definition("uniap")
    >>> frame = pd.DataFrame("0", index=[0, 1], columns=list(uniap.variables))
    >>> frame = frame.assign(
    ...     age_at_departure=[30.0, 30.0], hours_day=[9.0, 16.0], pay_received=6000.0,
    ...     pay_promised=6000.0, job_promised="1", place_promised="1", free_quit="1",
    ...     free_leave_site="1", living="ok",
    ... )
    >>> states = pd.DataFrame(0, index=frame.index, columns=frame.columns)
    >>> states.loc[1, "locked"] = 3
    >>> interviews = SimpleNamespace(frame=frame, states=states)
    >>> result = classify(interviews, uniap)
    >>> result.frame["d_traff"].tolist(), result.frame["unknown"].tolist()
    ([0, <NA>], ['', 'COE_LOCKED'])
    """
    parameters = definition.values(setting)
    frame, states = with_age_at_departure(
        interviews.frame, interviews.states, needed=definition.variables
    )
    gone = [name for name in definition.variables if name not in frame.columns]
    if absent == "unknown":
        frame, states = _with_unknown(frame, states, gone)
    _check_variables(definition, frame, states)
    settled = _Settled.blank(definition, len(frame))
    answers = Answers(frame, states)
    in_blocks = BlockRunner(len(frame))
    in_blocks.each(answers.decode, definition.variables)
    in_blocks(partial(_settle_rows, settled, answers, parameters))
    columns: dict[str, pd.api.extensions.ExtensionArray] = {
        name: _as_integers(settled.outcomes[row])
        for row, name in enumerate(definition.outcome_names)
    }
    if definition.tiers:
        lowest, highest = settled.tiers
        columns[TIER_COLUMN] = pd.arrays.IntegerArray(lowest, lowest != highest)
    if definition.typology is not None:
        columns[PATTERN_COLUMN], columns[TYPE_COLUMN] = definition.typology.assign(
            list(settled.dimensions)
        )
    codes = [item.code for item in definition.indicators]
    columns["fired"] = listed(settled.present.view(np.uint8), codes, in_blocks)
    columns["unknown"] = listed(settled.unknown.view(np.uint8), codes, in_blocks)
    return Classification(
        definition=definition,
        setting=setting,
        frame=pd.DataFrame(columns, index=frame.index, copy=False),
        indicators=pd.DataFrame(
            {
                code: pd.arrays.IntegerArray(present, unknown)
                for code, present, unknown in zip(
                    codes, settled.present, settled.unknown, strict=True
                )
            },
            index=frame.index,
            copy=False,
        ),
        absent=tuple(gone),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Settled:
    """What is known of everybody; a block of persons at a time is written into it.

    Shapes: `present` (0, 1) and `unknown` (indicators, n), `outcomes` and `dimensions`
    of the typology (k, n) as truths, `tiers` (2, n), the lowest and highest possible.
    """

    definition: Definition
    present: npt.NDArray[np.int8]
    unknown: npt.NDArray[np.bool_]
    outcomes: npt.NDArray[np.int8]
    dimensions: npt.NDArray[np.int8]
    tiers: npt.NDArray[np.int8]

    @classmethod
    def blank(cls, definition: Definition, n_rows: int) -> _Settled:
        indicators = (len(definition.indicators), n_rows)
        typology = definition.typology
        return cls(
            definition,
            np.empty(indicators, dtype=np.int8),
            np.empty(indicators, dtype=bool),
            np.empty((len(definition.outcomes), n_rows), dtype=np.int8),
            np.empty((len(typology.dimensions) if typology else 0, n_rows), np.int8),
            np.zeros((2, n_rows), dtype=np.int8),
        )


def _settle_rows(
    settled: _Settled,
    answers: Answers,
    parameters: Mapping[str, float],
    start: int,
    stop: int,
) -> None:
    """Settle a block of persons: small enough for its arrays to stay in the cache."""
    definition, rows = settled.definition, slice(start, stop)
    block = answers.rows(start, stop)
    indicators: dict[str, TruthVector] = {}
    for place, item in enumerate(definition.indicators):
        truth = evaluate(
            item.condition,
            block,
            parameters=parameters,
            not_asked_is_no=item.not_asked_is_no,
        )
        np.equal(truth, YES, out=settled.present.view(np.bool_)[place, rows])
        np.equal(truth, UNKNOWN, out=settled.unknown[place, rows])
        indicators[item.code] = truth
    truths = conclude(definition, indicators, block, parameters)
    for place, name in enumerate(definition.outcome_names):
        settled.outcomes[place, rows] = truths[name]
    if definition.typology is not None:
        for place, name in enumerate(definition.typology.dimensions):
            settled.dimensions[place, rows] = truths[name]
    lowest, highest = settled.tiers[:, rows]
    for number, tier in sorted(definition.tiers.items()):
        truth = evaluate(tier.condition, block, named=truths)
        np.maximum(lowest, (truth == YES) * np.int8(number), out=lowest)
        np.maximum(highest, (truth != NO) * np.int8(number), out=highest)


def settle_outcomes(
    definition: Definition,
    truths: npt.NDArray[np.int8],
    *,
    setting: str = "base",
) -> dict[str, TruthVector]:
    """Return dimensions and outcomes of indicators that are known already.

    For large files whose indicators were coded elsewhere: no frame is made, a dimension
    of ten million persons takes a third of a second.

    Parameters
    ----------
    definition : Definition
    truths : ndarray of int8, shape (indicators, n)
        0 no, 1 unknown, 2 yes; rows in the order of ``definition.indicators``.
    setting : str

    Returns
    -------
    dict of str to ndarray of int8, shape (n,)
        By name of dimension and outcome: 0 no, 1 unknown, 2 yes.

    Raises
    ------
    InputError
        If the shape is not that of the definition or a value is none of 0, 1, 2.

    Examples
    --------
    >>> from sentinel.classify import load_definition
    >>> uniap = load_definition("uniap")
    >>> truths = np.zeros((len(uniap.indicators), 2), dtype=np.int8)
    >>> fired = [item.code in {"COE_SOLD", "EXP_UNPAID"} for item in uniap.indicators]
    >>> truths[fired, 1] = 2
    >>> settle_outcomes(uniap, truths)["d_traff"].tolist()
    [0, 2]
    """
    parameters = definition.values(setting)
    codes = [item.code for item in definition.indicators]
    rows = truths.shape[0] if truths.ndim == len(("indicator", "person")) else -1
    if rows != len(codes) or truths.dtype != np.int8:
        raise InputError(
            f"truths are {truths.dtype} of shape {truths.shape}; int8 with "
            f"{len(codes)} rows was expected, one per indicator of {definition.name!r}."
        )
    if truths.size and not NO <= truths.min() <= truths.max() <= YES:
        raise InputError("truths must be 0 (no), 1 (unknown) or 2 (yes).")
    blank = pd.DataFrame(index=pd.RangeIndex(truths.shape[1]))
    found = conclude(
        definition,
        dict(zip(codes, truths, strict=True)),
        Answers(blank, blank),
        parameters,
    )
    return {name: truth for name, truth in found.items() if name not in set(codes)}


def conclude(
    definition: Definition,
    indicators: Mapping[str, TruthVector],
    answers: Answers,
    parameters: Mapping[str, float],
) -> dict[str, TruthVector]:
    """Return the truths of the indicators, then of the dimensions and outcomes."""
    truths = dict(indicators)
    for named in (*definition.dimensions, *definition.outcomes):
        truths[named.name] = evaluate(
            named.condition, answers, parameters=parameters, named=truths
        )
    return truths


def _with_unknown(
    frame: pd.DataFrame, states: pd.DataFrame, names: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return frame and states with columns of which nothing is known."""
    blank = pd.array([pd.NA] * len(frame), dtype="str")
    missing = np.full(len(frame), CellState.MISSING, dtype=np.uint8)
    return (
        frame.assign(**dict.fromkeys(names, blank)),
        states.assign(**dict.fromkeys(names, missing)),
    )


def _check_variables(
    definition: Definition, frame: pd.DataFrame, states: pd.DataFrame
) -> None:
    if not frame.index.equals(states.index):
        raise InputError("frame and states of the interviews have different rows.")
    absent = [
        f"{name} (needed by {', '.join(users)})"
        for name in definition.variables
        if name not in frame.columns or name not in states.columns
        for users in [
            [
                item.code
                for item in definition.indicators
                if name in variables_of(item.condition)
            ]
        ]
    ]
    if absent:
        raise InputError(
            f"Definition {definition.name!r} needs variables that the interviews "
            f"lack: {'; '.join(absent)}. Map them, or take a definition without these "
            "indicators."
        )


def _as_integers(truth: TruthVector) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray((truth == YES).astype(np.int8), truth == UNKNOWN)
