"""Persons assigned to their most probable class, and how wrong that is.

Assigning persons and then counting or regressing takes the errors of assignment for
facts. What is known about them is D, with D_ts = P(assigned s | class t); its estimate
depends on the persons at hand and on the classes, and both are carried into whatever
is computed from it (Bakk, Oberski and Vermunt 2014 for the second).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.designs import linearised_covariance
from estimators.errors import InputError, NotEstimableError
from estimators.latent_class.information import class_scores, scores

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatMatrix, FloatVector
    from estimators.latent_class.latent_fit import LatentClassFit

__all__ = ["Assignment", "assign", "sampling_covariance"]

_LEAST = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assignment:
    """Modal assignments of the m persons of a fit.

    Attributes
    ----------
    assigned : ndarray of shape (m, K)
        1 for the class assigned.
    error : ndarray of shape (K, K)
        P(assigned column | class of row).
    inverse : ndarray of shape (K, K)
        Its inverse, which undoes the errors on average.
    influence : ndarray of shape (m, K, K)
        Influence of every person on `error`, through the classes too.
    weight : ndarray of shape (m,)
    """

    assigned: FloatMatrix
    error: FloatMatrix
    inverse: FloatMatrix
    influence: FloatArray
    weight: FloatVector

    @property
    def corrected(self) -> FloatMatrix:
        """Return Bolck, Croon and Hagenaars' weights, shape (m, K); rows sum to 1."""
        return self.assigned @ self.inverse

    def carried(self, totals: FloatMatrix) -> FloatArray:
        """Return what the error's influence does to ``totals @ inverse``.

        totals (q, K) of corrected weights; the result is (m, q, K).
        """
        moved = np.einsum("qt,mts->mqs", totals, self.influence)
        return np.asarray(-moved @ self.inverse)


def assign(fit: LatentClassFit) -> Assignment:
    """Return the assignments of a fit without covariates.

    Raises
    ------
    InputError
        If classes have covariates.
    NotEstimableError
        If a class gets nobody, or the classes cannot be told apart.
    """
    model, at = fit.model, fit.climb
    if model.has_covariates:
        raise InputError(
            "The classes of this fit already have covariates (one step). For three "
            "steps fit the classes without covariates first."
        )
    tau, mass = at.posterior, model.patterns.mass
    assigned = np.eye(model.n_classes)[tau.argmax(axis=1)]
    size = mass @ tau
    error = (tau * mass[:, None]).T @ assigned / size[:, None]
    if np.linalg.cond(error) > 1 / _LEAST:
        raise NotEstimableError(
            "The most probable class says too little about the class: its errors "
            f"cannot be undone (P(assigned | class) is {error.round(3).tolist()}). Fit "
            "fewer classes, or put covariates in one step."
        )
    by_class = _by_logits(fit, assigned, error, size)
    of_row = fit.rows.pattern
    own = tau[:, :, None] * (assigned[:, None, :] - error) / size[:, None]
    influence = own[of_row] * fit.rows.weight[:, None, None]
    influence += np.einsum("mf,ftj->mtj", fit.influence(), by_class)
    return Assignment(
        assigned=assigned[of_row],
        error=error,
        inverse=np.linalg.inv(error),
        influence=influence,
        weight=fit.rows.weight,
    )


def _by_logits(
    fit: LatentClassFit, assigned: FloatMatrix, error: FloatMatrix, size: FloatVector
) -> FloatArray:
    """Return the derivative of the error by the free logits, shape (free, K, K)."""
    model, at, free = fit.model, fit.climb, fit.free
    tau, mass = at.posterior, model.patterns.mass
    whole = scores(model, at, free)
    own_scores, blocks = class_scores(model, at, free), free.blocks()
    share = at.share(model)[0]
    found = np.zeros((free.size, model.n_classes, model.n_classes))
    for t in range(model.n_classes):
        complete = np.zeros_like(whole)
        for place, k in enumerate(free.classes):
            complete[:, place] = float(k == t) - share[k]
        complete[:, blocks[t]] = own_scores[t]
        moved = (complete - whole) * (mass * tau[:, t] / size[t])[:, None]
        found[:, t, :] = moved.T @ (assigned - error[t])
    return found


def sampling_covariance(fit: LatentClassFit, influence: FloatMatrix) -> FloatMatrix:
    """Return the covariance of the sum of influences, shape (m, q), of kept rows.

    Linearised under the fit's design; otherwise the plain sum of squares.
    """
    design = fit.rows.design
    if design is None:
        return np.asarray(influence.T @ influence)
    everyone = np.zeros((len(design), influence.shape[1]))
    everyone[fit.rows.kept] = influence
    return linearised_covariance(design, everyone, domain=fit.rows.kept)
