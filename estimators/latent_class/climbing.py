"""From random starts to the highest maximum of a latent class likelihood."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.special import softmax

from estimators.latent_class.information import (
    FreeParameters,
    information,
    penalised_gradient,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatMatrix, FloatVector
    from estimators.latent_class._kernels import Collapsed
    from estimators.latent_class.patterns import AnswerPatterns

__all__ = [
    "ClassModel",
    "Climb",
    "by_size",
    "climb",
    "random_starts",
    "uncovered_climbs",
]

MAX_STEPS = 20_000
_ROUGH = 1e-5  # no parameter moves by more in an EM step: starts are told apart
_FINE = 1e-11
_SAME = 0.01  # log likelihoods closer than this belong to one maximum
_NEWTON_STEPS = 25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassModel:
    """What is fitted: patterns, covariates of the classes and the prior's strength.

    Attributes
    ----------
    patterns : AnswerPatterns
    matrix : ndarray of shape (P, q)
        Covariates of each pattern, the intercept first.
    n_classes : int
    prior_strength : float
        Persons that the prior counts for.
    """

    patterns: AnswerPatterns
    matrix: FloatMatrix
    n_classes: int
    prior_strength: float = 0.0

    @property
    def has_covariates(self) -> bool:
        """Whether class shares depend on the person."""
        return self.matrix.shape[1] > 1

    @property
    def pseudo(self) -> FloatVector:
        """Return persons added to each class: to its share, then to each answer."""
        first = self.patterns.first
        added = np.zeros(1 + first[-1])
        if not self.prior_strength:
            return added
        added[0] = 0.0 if self.has_covariates else self.prior_strength / self.n_classes
        for j, start in enumerate(first[:-1]):
            seen = self.patterns.codes[:, j] >= 0
            counts = np.bincount(
                self.patterns.codes[seen, j],
                weights=self.patterns.mass[seen],
                minlength=int(first[j + 1] - start),
            )
            part = counts / counts.sum() * self.prior_strength / self.n_classes
            added[1 + start : 1 + first[j + 1]] = part
        return added


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Climb:
    """Where a climb ended.

    Attributes
    ----------
    log_likelihood : float
        Without the prior's part.
    objective : float
        With it.
    coefficient : ndarray of shape (q, K)
        Of the multinomial logit of the classes; the first class has zeros.
    response : ndarray of shape (C, K)
        Probability of each answer in each class.
    posterior : ndarray of shape (P, K)
    converged : bool
    """

    log_likelihood: float
    objective: float
    coefficient: FloatMatrix
    response: FloatMatrix
    posterior: FloatMatrix
    converged: bool

    def share(self, model: ClassModel) -> FloatMatrix:
        """Return class shares before the answers are known, (P, K) or (1, K)."""
        matrix = model.matrix if model.has_covariates else model.matrix[:1]
        return cast("FloatMatrix", softmax(matrix @ self.coefficient, axis=1))


def random_starts(
    model: ClassModel, n_starts: int, rng: np.random.Generator
) -> FloatArray:
    """Return parameters (n_starts, 1 + C, K): equal shares, responses uniform."""
    first, k = model.patterns.first, model.n_classes
    starts = np.empty((n_starts, 1 + int(first[-1]), k))
    starts[:, 0] = 1 / k
    for start in starts:
        for low, high in itertools.pairwise(first):
            draws = rng.dirichlet(np.ones(high - low), size=k)
            start[1 + low : 1 + high] = draws.T
    return starts


def uncovered_climbs(
    model: ClassModel, starts: FloatArray, *, tolerance: float = _ROUGH
) -> tuple[FloatVector, FloatArray]:
    """Climb from every start without covariates: objectives and parameters."""
    from estimators.latent_class._kernels import accelerated_em

    data, pseudo = model.patterns.collapsed(), model.pseudo
    ends = starts.copy()
    values = np.array(
        [accelerated_em(data, pseudo, end, tolerance, MAX_STEPS)[0] for end in ends]
    )
    return values, ends


def climb(
    model: ClassModel, n_starts: int, rng: np.random.Generator
) -> tuple[Climb, FloatVector]:
    """Return the highest maximum found and the objective of every start.

    With covariates the starts first climb without them, and each of the five best
    distinct maxima is then the start of a climb with covariates.
    """
    plain = model
    if model.has_covariates:
        plain = replace(model, matrix=model.matrix[:, :1])
    values, ends = uncovered_climbs(plain, random_starts(model, n_starts, rng))
    if not model.has_covariates:
        best = _uncovered_end(model, ends[int(np.argmax(values))])
        best = polish(model, best)
        return best, values
    chosen = _distinct_best(values, most=5)
    climbs = [_covered_climb(model, ends[start]) for start in chosen]
    objectives = np.array([found.objective for found in climbs])
    return climbs[int(np.argmax(objectives))], objectives


def by_size(model: ClassModel, at: Climb) -> Climb:
    """Return the same point with the largest class first."""
    size = model.patterns.mass @ at.posterior
    order = np.argsort(-size, kind="stable")
    coefficient = at.coefficient[:, order]
    return replace(
        at,
        coefficient=coefficient - coefficient[:, [0]],
        response=np.ascontiguousarray(at.response[:, order]),
        posterior=np.ascontiguousarray(at.posterior[:, order]),
    )


def share_at_best(values: FloatVector) -> float:
    """Return the share of starts whose log likelihood is the best one's."""
    return float(np.mean(values >= values.max() - _SAME))


def _distinct_best(values: FloatVector, *, most: int) -> list[int]:
    chosen: list[int] = []
    for start in np.argsort(-values, kind="stable"):
        if all(abs(values[start] - values[other]) > _SAME for other in chosen):
            chosen.append(int(start))
        if len(chosen) == most:
            break
    return chosen


def _uncovered_end(model: ClassModel, parameters: FloatMatrix) -> Climb:
    from estimators.latent_class._kernels import accelerated_em

    end = parameters.copy()
    data, pseudo = model.patterns.collapsed(), model.pseudo
    _, _, converged = accelerated_em(data, pseudo, end, _FINE, MAX_STEPS)
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(end[0]), -700.0)
    return evaluate(model, (logs - logs[0])[None, :], end[1:], converged=converged)


def evaluate(
    model: ClassModel,
    coefficient: FloatMatrix,
    response: FloatMatrix,
    *,
    converged: bool,
    data: Collapsed | None = None,
) -> Climb:
    """Return the likelihood and posteriors at given parameters."""
    from estimators.latent_class._kernels import expectation

    data = model.patterns.collapsed() if data is None else data
    matrix = model.matrix if model.has_covariates else model.matrix[:1]
    share = np.ascontiguousarray(softmax(matrix @ coefficient, axis=1))
    posterior = np.empty((len(model.patterns.mass), model.n_classes))
    sub_mass = np.empty((len(data[1]) - 1, model.n_classes))
    response = np.ascontiguousarray(response)
    value = expectation(data, share, response, posterior, sub_mass)
    pseudo = model.pseudo
    added = 0.0
    if model.prior_strength:
        logs = np.log(np.maximum(response, 1e-300))
        added = float(pseudo[1:] @ logs.sum(axis=1))
        added += float(pseudo[0] * np.log(np.maximum(share, 1e-300)).sum())
    return Climb(
        log_likelihood=value,
        objective=value + added,
        coefficient=coefficient,
        response=response,
        posterior=posterior,
        converged=converged,
    )


def _covered_climb(model: ClassModel, parameters: FloatMatrix) -> Climb:
    """Climb by EM until Newton's steps lead to the top."""
    coefficient = np.zeros((model.matrix.shape[1], model.n_classes))
    coefficient[0] = np.log(np.maximum(parameters[0] / parameters[0, 0], 1e-12))
    response = np.ascontiguousarray(parameters[1:])
    found = evaluate(model, coefficient, response, converged=False)
    for tolerance in (1e-3, 1e-5, 1e-7):
        found = polish(model, _covariate_em(model, found, tolerance))
        if found.converged:
            break
    return found


def _covariate_em(model: ClassModel, start: Climb, tolerance: float) -> Climb:
    """Climb by EM with one Newton step of the multinomial logit per iteration."""
    from estimators.latent_class._kernels import expectation, maximise_responses

    data, pseudo = model.patterns.collapsed(), model.pseudo
    coefficient, response = start.coefficient, start.response
    posterior = np.empty((len(model.patterns.mass), model.n_classes))
    sub_mass = np.empty((len(data[1]) - 1, model.n_classes))
    for _ in range(3_000):
        share = np.ascontiguousarray(softmax(model.matrix @ coefficient, axis=1))
        expectation(data, share, response, posterior, sub_mass)
        updated = np.empty_like(response)
        maximise_responses(data, sub_mass, pseudo[1:], response, updated)
        coefficient = coefficient + logit_step(model, share, posterior)
        moved = float(np.abs(updated - response).max())
        response = updated
        if moved < tolerance:
            break
    return evaluate(model, coefficient, response, converged=False, data=data)


def logit_step(
    model: ClassModel, share: FloatMatrix, target: FloatMatrix
) -> FloatMatrix:
    """Return one Newton step of the multinomial logit towards soft classes."""
    x, mass = model.matrix, model.patterns.mass
    q, k = x.shape[1], model.n_classes
    pull = ((target - share) * mass[:, None])[:, 1:].T @ x
    curvature = np.empty((k - 1, q, k - 1, q))
    for a in range(1, k):
        for b in range(1, k):
            part = mass * share[:, a] * (float(a == b) - share[:, b])
            curvature[a - 1, :, b - 1, :] = (x * part[:, None]).T @ x
    size = (k - 1) * q
    step, *_ = np.linalg.lstsq(
        curvature.reshape(size, size), pull.reshape(size), rcond=1e-12
    )
    full = np.zeros((q, k))
    full[:, 1:] = np.clip(step, -5, 5).reshape(k - 1, q).T
    return full


def polish(model: ClassModel, start: Climb) -> Climb:
    """Return the maximum to rounding by Newton's steps, parameters at 0 held there."""
    data = model.patterns.collapsed()
    best = start
    for _ in range(_NEWTON_STEPS):
        free = FreeParameters.of(model, best)
        if not free.size:
            return best
        gradient = penalised_gradient(model, best, free)
        try:
            step = np.asarray(
                np.linalg.solve(information(model, best, free), gradient), np.float64
            )
        except np.linalg.LinAlgError:
            return best
        if not np.isfinite(step).all() or float(step @ gradient) < 0:
            return best  # not a maximum in every direction: EM's point stands
        tried = _try_step(model, best, free, np.asarray(step), data)
        if tried is None:
            return best
        best = tried
        if float(np.abs(step).max()) < 1e-9:
            return replace(best, converged=True)
    return best


def _try_step(
    model: ClassModel,
    best: Climb,
    free: FreeParameters,
    step: FloatArray,
    data: Collapsed,
) -> Climb | None:
    """Return the first halving of a step that does not lower the objective."""
    step = step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
    slack = 1e-12 * max(1.0, abs(best.objective))
    for halving in range(12):
        coefficient, response = free.moved(best, step / 2**halving)
        tried = evaluate(
            model, coefficient, response, converged=best.converged, data=data
        )
        if tried.objective >= best.objective - slack:
            return tried
    return None
