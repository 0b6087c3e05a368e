"""A fitted ordinal model: its terms, its tests, and each person's probabilities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from estimators.errors import InputError
from estimators.model_formula import wrong_rows
from estimators.regression.model_data import INTERCEPT, LinearPredictor
from estimators.results import ModelFit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import BoolVector

__all__ = ["OrdinalFit"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrdinalFit(ModelFit):
    """A cumulative logit model.

    Attributes
    ----------
    levels : tuple of str
        Categories, lowest first.
    free : ndarray of bool, shape (p,)
        Which covariates have a coefficient at every threshold.
    predictor : LinearPredictor
        Makes covariates of frames; its own coefficients are not used.
    proportionality : pandas.DataFrame, optional
        Score tests of proportional odds: columns ``term, statistic, df, p_value``.
    """

    levels: tuple[str, ...]
    free: BoolVector
    predictor: LinearPredictor
    proportionality: pd.DataFrame | None

    def probabilities(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return each row's probability of every category, one column per level.

        Raises
        ------
        InputError
            If a partial model gives some row a negative probability: its thresholds
            cross there.
        """
        thresholds = len(self.levels) - 1
        common = int((~self.free).sum())
        above = np.empty((len(frame), thresholds))
        for step in range(thresholds):
            above[:, step] = self._predict(frame, step) - self.estimate[common + step]
        upto = np.column_stack(
            [np.zeros(len(frame)), expit(-above), np.ones(len(frame))]
        )
        found = np.diff(upto, axis=1)
        wrong = np.asarray((found < 0).any(axis=1))
        if wrong.any():
            raise InputError(
                "The thresholds of the partial model cross, which makes probabilities "
                f"negative, {wrong_rows(frame.index, wrong)}: predict within the range "
                "of the data, or give fewer terms in nonproportional=."
            )
        return pd.DataFrame(found, columns=list(self.levels), index=frame.index)

    def augment(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a copy of `frame` with a column ``.fitted_<level>`` per category."""
        found = self.probabilities(frame)
        return frame.assign(
            **{f".fitted_{level}": found[level].to_numpy() for level in self.levels}
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the odds ratios on a log axis, without the thresholds."""
        from estimators.plotting import ratio_plot

        common = int((~self.free).sum())
        thresholds = range(common, common + len(self.levels) - 1)
        return ratio_plot(self.terms().drop(index=list(thresholds)), ax=ax)

    def _predict(self, frame: pd.DataFrame, step: int) -> np.ndarray:
        common = int((~self.free).sum())
        thresholds = len(self.levels) - 1
        slopes = np.empty(self.free.size)
        slopes[~self.free] = self.estimate[:common]
        slopes[self.free] = self.estimate[common + thresholds + step :: thresholds]
        names = self.predictor.spec.column_names
        coefficients = np.zeros(len(names))
        coefficients[[name != INTERCEPT for name in map(str, names)]] = slopes
        return replace(self.predictor, coefficients=coefficients)(frame)
