"""Multiple imputation of unknown indicators: what a definition would have said.

Bounds hold whatever the unknowns are; imputation gives one number with an interval, and
needs an assumption for it: that a person's unknown indicators are like those of persons
who answered the others alike (missing at random given the other indicators).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from estimators.checks import check_counts
from estimators.errors import InputError, NotEstimableError
from estimators.regression import pool_imputations
from estimators.results import Estimate
from estimators.survey import SurveyDesign, proportion
from sentinel.classify.answers import Answers
from sentinel.classify.apply import conclude
from sentinel.classify.three_valued import NO, UNKNOWN, YES

if TYPE_CHECKING:
    from sentinel.classify.classification import Classification
    from sentinel.classify.comparison import DesignMaker

__all__ = ["ImputedOutcomes", "impute_outcomes", "imputed_prevalence"]

Truths = npt.NDArray[np.int8]

LARGEST_POOL = 4000  # donors drawn for one imputation
CHUNK = 512
FEWEST = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImputedOutcomes:
    """Outcomes with the unknown indicators drawn, several times.

    Attributes
    ----------
    frames : tuple of DataFrame
        One per imputation: the outcomes as Int8, index of the interviews.
    never_known : tuple of str
        Indicators that nobody's answers settle: they stay unknown.
    n_recipients : int
        Persons for whom at least one indicator was drawn.
    """

    frames: tuple[pd.DataFrame, ...]
    never_known: tuple[str, ...]
    n_recipients: int


def impute_outcomes(
    classification: Classification,
    *,
    n_imputations: int = 20,
    n_donors: int = 5,
    rng: int | np.random.Generator | None = None,
) -> ImputedOutcomes:
    """Draw the unknown indicators from persons who answered the others alike.

    Every imputation resamples the persons (approximate Bayesian bootstrap) and gives
    each person with unknown indicators the values of one of the `n_donors` in that pool
    that agree most on the indicators known of both, so that indicators keep going
    together as they do in the data.

    Parameters
    ----------
    classification : Classification
    n_imputations : int
        At least 2.
    n_donors : int
        Nearest donors among which one is drawn.
    rng : int, Generator or None

    Returns
    -------
    ImputedOutcomes

    Raises
    ------
    InputError
        If there are no persons or the numbers are too small.

    References
    ----------
    Rubin and Schenker (1986), Multiple imputation for interval estimation from simple
    random samples with ignorable nonresponse, JASA 81.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from sentinel.classify import classify, load_definition
    >>> frame = pd.DataFrame({"violence": ["1", "0", None, "1"] * 10})
    >>> states = (frame.isna() * 3).astype("uint8")
    >>> interviews = SimpleNamespace(frame=frame, states=states)
    >>> uniap = load_definition("uniap")
    >>> found = classify(interviews, uniap, absent="unknown")
    >>> drawn = impute_outcomes(found, n_imputations=2, rng=1)
    >>> drawn.n_recipients, len(drawn.frames), len(drawn.never_known)
    (10, 2, 19)
    """
    check_counts(n_imputations=n_imputations, n_donors=n_donors)
    truths = _matrix(classification)
    if not len(truths) or n_imputations < FEWEST or n_donors < 1:
        raise InputError(
            f"{len(truths)} persons, n_imputations={n_imputations}, "
            f"n_donors={n_donors}: at least 1 person, 2 imputations and 1 donor were "
            "expected."
        )
    codes = [str(code) for code in classification.indicators]
    known_to_some = (truths != UNKNOWN).any(axis=0)
    recipients = np.flatnonzero((truths[:, known_to_some] == UNKNOWN).any(axis=1))
    frames = []
    for stream in np.random.default_rng(rng).spawn(n_imputations):
        filled = _completed(truths, known_to_some, recipients, n_donors, stream)
        frames.append(_outcomes(classification, filled))
    return ImputedOutcomes(
        frames=tuple(frames),
        never_known=tuple(
            code for code, some in zip(codes, known_to_some, strict=True) if not some
        ),
        n_recipients=len(recipients),
    )


def imputed_prevalence(
    imputed: ImputedOutcomes,
    outcome: str,
    *,
    survey: DesignMaker | None = None,
    level: float = 0.95,
) -> Estimate:
    """Pool the prevalence of an outcome over imputations by Rubin's rules.

    Parameters
    ----------
    imputed : ImputedOutcomes
    outcome : str
        One of the definition's outcomes.
    survey : callable, optional
        As in `compare_definitions`.
    level : float

    Raises
    ------
    InputError
        If there is no such outcome.
    NotEstimableError
        If indicators that nobody was asked leave it unknown.
    """
    names = [str(name) for name in imputed.frames[0]]
    if outcome not in names:
        raise InputError(f"No outcome {outcome!r}; there are {', '.join(names)}.")
    open_share = np.mean([frame[outcome].isna().mean() for frame in imputed.frames])
    if open_share > 0:
        raise NotEstimableError(
            f"{outcome} stays unknown for {open_share:.0%} of the persons, because "
            f"nobody's answers settle {', '.join(imputed.never_known)}: imputation "
            "cannot replace a question that was not asked. Give the bounds."
        )
    results: list[Estimate] = []
    for frame in imputed.frames:
        case = {"case": frame[outcome].astype("float64")}
        design = (
            SurveyDesign.from_frame(pd.DataFrame(case))
            if survey is None
            else survey(case)
        )
        found = proportion(design, "case", level=level)
        if isinstance(found, Estimate):
            results.append(found)
    pooled = pool_imputations(results, level=level)
    if not isinstance(pooled, Estimate):
        raise TypeError(f"{type(pooled).__name__} of single shares")
    return pooled


def _simple(new: Mapping[str, pd.Series]) -> SurveyDesign:
    return SurveyDesign.from_frame(pd.DataFrame(dict(new)))


def _matrix(classification: Classification) -> Truths:
    """Return the indicators as truths, shape (persons, indicators)."""
    filled = classification.indicators.fillna(-1).to_numpy(dtype=np.int8)
    return np.select([filled == 1, filled == 0], [YES, NO], UNKNOWN).astype(np.int8)


def _completed(
    truths: Truths,
    usable: npt.NDArray[np.bool_],
    recipients: npt.NDArray[np.intp],
    n_donors: int,
    rng: np.random.Generator,
) -> Truths:
    filled = truths.copy()
    size = min(len(truths), LARGEST_POOL)
    pool = truths[rng.integers(0, len(truths), size)]
    yes, no = ((pool == value).astype(np.float32) for value in (YES, NO))
    known = yes + no
    for start in range(0, len(recipients), CHUNK):
        rows = recipients[start : start + CHUNK]
        mine = truths[rows]
        my_yes, my_no = ((mine == value).astype(np.float32) for value in (YES, NO))
        wanted = ((mine == UNKNOWN) & usable).astype(np.float32)
        differ = my_yes @ no.T + my_no @ yes.T
        shared = (my_yes + my_no) @ known.T
        lacking = wanted @ (1 - known).T
        # Who lacks what is wanted comes after everybody who has it.
        distance = differ / np.maximum(shared, 1) + (shared == 0)
        distance += lacking * truths.shape[1]
        distance += rng.random(distance.shape, dtype=np.float32) * 1e-4  # ties
        near = np.argpartition(distance, min(n_donors, size) - 1, axis=1)
        column = rng.integers(0, min(n_donors, size), len(rows))
        donors = pool[near[np.arange(len(rows)), column]]
        filled[rows] = np.where((mine == UNKNOWN) & usable, donors, mine)
    return _from_margins(filled, truths, usable, rng)


def _from_margins(
    filled: Truths,
    truths: Truths,
    usable: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> Truths:
    """Fill what no donor knew from those who know that indicator."""
    for column in np.flatnonzero(usable):
        left = np.flatnonzero(filled[:, column] == UNKNOWN)
        if left.size:
            known = truths[truths[:, column] != UNKNOWN, column]
            filled[left, column] = rng.choice(known, left.size)
    return filled


def _outcomes(classification: Classification, truths: Truths) -> pd.DataFrame:
    definition = classification.definition
    index = classification.frame.index
    blank = pd.DataFrame(index=index)
    columns = map(str, classification.indicators)
    settled = conclude(
        definition,
        {code: truths[:, place] for place, code in enumerate(columns)},
        Answers(blank, blank),
        definition.values(classification.setting),
    )
    return pd.DataFrame(
        {
            name: pd.arrays.IntegerArray(
                (settled[name] == YES).astype(np.int8), settled[name] == UNKNOWN
            )
            for name in definition.outcome_names
        },
        index=index,
    )
