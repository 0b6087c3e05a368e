"""A fitted latent class model: profiles, classification and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from scipy.special import logsumexp, softmax

from estimators.errors import NotEstimableError
from estimators.results import ModelFit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector
    from estimators.designs import SurveyDesign
    from estimators.latent_class.class_covariates import CovariateMatrix
    from estimators.latent_class.climbing import ClassModel, Climb
    from estimators.latent_class.information import FreeParameters
    from estimators.latent_class.patterns import ItemScale

__all__ = ["ClassRows", "LatentClassFit", "log_joint"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassRows:
    """The persons of a fit.

    Attributes
    ----------
    kept : ndarray of bool of shape (n,)
        Rows that entered.
    pattern : ndarray of shape (m,)
        Pattern of each row that entered.
    weight : ndarray of shape (m,)
        Sampling weights scaled to mean 1; 1 without a design.
    covariates : CovariateMatrix
    design : SurveyDesign, optional
    """

    kept: BoolVector
    pattern: IntVector
    weight: FloatVector
    covariates: CovariateMatrix
    design: SurveyDesign | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LatentClassFit(ModelFit):
    """Latent classes, the largest first, in the three grains of a `ModelFit`.

    `terms` holds class shares (or, with covariates, coefficients of the multinomial
    logit against class 1) and every response probability; `augment` classifies.

    Attributes
    ----------
    scale : ItemScale
        Items and answers.
    share : ndarray of shape (K,)
        Class shares; with covariates their mean over the persons.
    response : ndarray of shape (C, K)
        Probability of each answer of `scale` (item by item) in each class.
    response_covariance : ndarray of shape (K C, K C)
        Covariance of the responses, class by class.
    start_values : ndarray of shape (n_starts,)
        Log likelihood that each start reached.
    model, climb, free, rows
        What other functions of the family go on from.
    bread : ndarray of shape (free, free), optional
        Inverse of the observed information; None where it is singular.
    df : float
        Degrees of freedom of intervals: the design's, infinite without one.
    """

    scale: ItemScale
    share: FloatVector
    response: FloatMatrix
    start_values: FloatVector
    model: ClassModel
    climb: Climb
    free: FreeParameters
    rows: ClassRows
    bread: FloatMatrix | None
    df: float

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return self.model.n_classes

    def profile(self) -> pd.DataFrame:
        """Return one row per item, answer and class: its probability with limits."""
        terms = self.terms().iloc[-self.response.size :].reset_index(drop=True)
        keys = [
            {"item": name, "answer": answer, "class": k + 1}
            for k in range(self.n_classes)
            for name, answers in zip(
                self.scale.names, self.scale.categories, strict=True
            )
            for answer in answers
        ]
        return pd.concat([pd.DataFrame(keys), terms.drop(columns="term")], axis=1)

    def augment(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a copy of `frame` with ``.class`` and its probabilities added.

        ``.class`` is the most probable class (missing where no item was answered or a
        covariate is missing), ``.class_probability`` its posterior probability, and
        ``.p_class_1``, ... those of all classes.
        """
        codes = self.scale.code(frame)
        matrix = self.rows.covariates.of_new(frame)
        posterior = softmax(
            log_joint(codes, matrix, self.climb, self.scale.first), axis=1
        )
        known = (codes >= 0).any(axis=1) & np.isfinite(matrix).all(axis=1)
        posterior[~known] = np.nan
        best = np.full(len(frame), -1)
        best[known] = posterior[known].argmax(axis=1) + 1
        labels = pd.array(
            [pd.NA if value < 0 else int(value) for value in best], dtype="Int64"
        )
        highest = np.full(len(frame), np.nan)
        highest[known] = posterior[known].max(axis=1)
        made = frame.copy()
        made[".class"] = labels
        made[".class_probability"] = highest
        for k in range(self.n_classes):
            made[f".p_class_{k + 1}"] = posterior[:, k]
        return made

    def classification_table(self) -> pd.DataFrame:
        """Return P(assigned to column | class of row), by the most probable class."""
        labels = list(range(1, self.n_classes + 1))
        table = pd.DataFrame(
            self.classification(), index=labels, columns=labels, dtype=np.float64
        )
        return table.rename_axis(index="class", columns="assigned")

    def classification(self) -> FloatMatrix:
        """Return P(assigned s | class t) as an array, shape (K, K)."""
        posterior, mass = self.climb.posterior, self.model.patterns.mass
        assigned = np.eye(self.n_classes)[posterior.argmax(axis=1)]
        weighted = posterior * mass[:, None]
        return np.asarray(weighted.T @ assigned / weighted.sum(axis=0)[:, None])

    def influence(self) -> FloatMatrix:
        """Return the influence of each kept row on the free logits, shape (m, free).

        Their sum under the design is the linearised variance.

        Raises
        ------
        NotEstimableError
            If the information is singular.
        """
        from estimators.latent_class.information import scores

        if self.bread is None:
            raise NotEstimableError(
                "The model is not identified by these answers: its parameters have no "
                "variance. Fit fewer classes, or use more items."
            )
        of_pattern = scores(self.model, self.climb, self.free) @ self.bread
        return np.asarray(of_pattern[self.rows.pattern] * self.rows.weight[:, None])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the item-response profile: one line per class over the answers."""
        from estimators.plotting import profile_plot

        frame = self.profile()
        frame["share"] = self.share[frame["class"].to_numpy() - 1]
        return profile_plot(frame, ax=ax)


def log_joint(
    codes: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    matrix: FloatMatrix,
    at: Climb,
    first: IntVector,
) -> FloatMatrix:
    """Return log P(class, answers) of each row, shape (n, K); missing items skipped."""
    eta = matrix @ at.coefficient
    found = eta - logsumexp(eta, axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(at.response), -1e300)
    for j, start in enumerate(first[:-1]):
        seen = codes[:, j] >= 0
        found[seen] += logs[start + codes[seen, j]]
    return cast("FloatMatrix", found)
