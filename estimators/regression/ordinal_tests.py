"""Are odds proportional? Score tests of a coefficient at every threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc, expit

from estimators.designs import SurveyDesign, linearised_covariance
from estimators.errors import ConvergenceError
from estimators.regression._cumulative_model import cumulative_rows
from estimators.regression.design_inference import wald_f_test

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = ["ScoreTestInput", "proportionality_tests"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreTestInput:
    """The fitted model, person by person.

    `matrix` (n, p) without constant, `category` (n,), `mass` (n,) weight times persons,
    `thresholds` (q,), `slopes` (p,) common to all thresholds, `design` with `kept`
    (rows,) or None, `df` of the design.
    """

    matrix: FloatMatrix
    category: IntVector
    mass: FloatVector
    thresholds: FloatVector
    slopes: FloatVector
    design: SurveyDesign | None
    kept: BoolVector
    df: float


def proportionality_tests(
    given: ScoreTestInput, terms: list[tuple[str, IntVector]]
) -> pd.DataFrame:
    """Return score tests that all thresholds share a term's coefficients.

    The score of the model with a coefficient at every threshold, at the estimate with
    one: chi-square with its expected information for independent persons (Peterson and
    Harrell 1990), or Wald's F of the scores' design covariance.

    Parameters
    ----------
    given : ScoreTestInput
    terms : list of (name, columns)
        Each tested by itself, given that the others are proportional; a last row tests
        all together.

    Returns
    -------
    pandas.DataFrame
        Columns ``term, statistic, df, p_value``.
    """
    every = np.unique(np.concatenate([columns for _, columns in terms]))
    tested = [*terms, ("all", every)] if len(terms) > 1 else terms
    rows = []
    for name, columns in tested:
        statistic, df, p_value = _score_test(given, columns)
        rows.append(
            {"term": name, "statistic": statistic, "df": df, "p_value": p_value}
        )
    return pd.DataFrame(rows)


def _score_test(
    given: ScoreTestInput, columns: IntVector
) -> tuple[float, float, float]:
    free = np.zeros(given.matrix.shape[1], dtype=bool)
    free[columns] = True
    q = len(given.thresholds)
    restricted = np.concatenate(
        [
            given.slopes[~free],
            given.thresholds,
            np.repeat(given.slopes[free], q),
        ]
    )
    nested, beside = _nested_directions(free, q)
    cells = cumulative_rows(
        given.matrix, given.category, given.mass, categories=q + 1, free=free
    )
    state = cells.at(restricted)
    if state is None:
        raise ConvergenceError("The thresholds are not in order at the estimate.")
    size = float(beside.shape[1])
    if given.design is None:
        information = _expected(given, free, restricted)
        inside = nested.T @ information @ nested
        across = nested.T @ information @ beside
        left = beside.T @ information @ beside - across.T @ np.linalg.solve(
            inside, across
        )
        score = (given.mass @ state.scores) @ beside
        solution, _, rank, _ = np.linalg.lstsq(left, score, rcond=None)
        statistic = float(score @ solution)
        return statistic, float(rank), float(chdtrc(rank, statistic))
    inside = nested.T @ state.information @ nested
    across = nested.T @ state.information @ beside
    scores = state.scores * given.mass[:, None]
    adjusted = scores @ beside - scores @ nested @ np.linalg.solve(inside, across)
    everyone = np.zeros((len(given.design), adjusted.shape[1]))
    everyone[given.kept] = adjusted
    covariance = linearised_covariance(given.design, everyone, domain=given.kept)
    statistic, p_value = wald_f_test(adjusted.sum(axis=0), covariance, given.df)
    return statistic, size, p_value


def _nested_directions(free: BoolVector, q: int) -> tuple[FloatMatrix, FloatMatrix]:
    """Return the directions within the proportional model, and those beside it."""
    common = int((~free).sum()) + q
    parts = int(free.sum())
    total = common + parts * q
    nested = np.zeros((total, common + parts))
    nested[:common, :common] = np.eye(common)
    beside = np.zeros((total, parts * (q - 1)))
    for part in range(parts):
        place = common + part * q
        nested[place : place + q, common + part] = 1.0
        beside[place + 1 : place + q, part * (q - 1) : (part + 1) * (q - 1)] = np.eye(
            q - 1
        )
    return nested, beside


def _expected(
    given: ScoreTestInput, free: BoolVector, theta: FloatVector
) -> FloatMatrix:
    q = len(given.thresholds)
    total = np.zeros((theta.size, theta.size))
    eta = given.matrix @ given.slopes
    below = np.zeros(len(eta))
    for level in range(q + 1):
        category = np.full(len(eta), level)
        cells = cumulative_rows(
            given.matrix, category, given.mass, categories=q + 1, free=free
        )
        state = cells.at(theta)
        if state is None:
            raise ConvergenceError("The thresholds are not in order at the estimate.")
        upto = expit(np.append(given.thresholds, np.inf)[level] - eta)
        chance = given.mass * (upto - below)
        total += (state.scores * chance[:, None]).T @ state.scores
        below = upto
    return total
