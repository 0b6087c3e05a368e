"""Answers drawn from fitted classes, with the holes of the data they were fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import InputError
from estimators.latent_class.climbing import (
    ClassModel,
    random_starts,
    uncovered_climbs,
)
from estimators.latent_class.patterns import collapse

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatMatrix, IntMatrix
    from estimators.latent_class.latent_fit import LatentClassFit
    from estimators.latent_class.patterns import ItemScale

__all__ = [
    "best_of",
    "check_plain",
    "draw_answers",
    "parameters_of",
    "plain_model",
    "split_class",
]


def check_plain(fit: LatentClassFit, what: str) -> None:
    """Raise unless a fit has neither covariates nor a design nor a prior."""
    if fit.model.has_covariates or fit.rows.design is not None:
        raise InputError(
            f"{what} draws independent persons from the classes: it takes fits without "
            "covariates and without a design. Test the classes without them first."
        )


def draw_answers(
    parameters: FloatMatrix,
    holes: IntMatrix,
    scale: ItemScale,
    rng: np.random.Generator,
) -> IntMatrix:
    """Return drawn codes (m, J), -1 where `holes` is.

    parameters (1 + C, K): class shares, then responses.
    """
    m = len(holes)
    share = np.cumsum(parameters[0])
    member = np.searchsorted(share, rng.random(m) * share[-1], side="right")
    member = np.minimum(member, parameters.shape[1] - 1)
    drawn = np.empty_like(holes)
    first = scale.first
    for j, start in enumerate(first[:-1]):
        upto = np.cumsum(parameters[1 + start : 1 + first[j + 1]], axis=0)
        uniform = rng.random(m)
        drawn[:, j] = (uniform[:, None] >= upto[:-1, member].T).sum(axis=1)
    drawn[holes < 0] = -1
    return drawn


def plain_model(codes: IntMatrix, scale: ItemScale, n_classes: int) -> ClassModel:
    """Return the model without covariates of persons with these codes."""
    patterns = collapse(codes, np.ones(len(codes)), scale)
    return ClassModel(
        patterns=patterns,
        matrix=np.ones((len(patterns.mass), 1)),
        n_classes=n_classes,
    )


def best_of(
    model: ClassModel,
    n_starts: int,
    rng: np.random.Generator,
    *,
    also: FloatArray | None = None,
) -> tuple[float, FloatMatrix]:
    """Return the highest log likelihood of random starts and `also`, and where."""
    starts = random_starts(model, n_starts, rng)
    if also is not None:
        starts = np.concatenate([starts, also])
    values, ends = uncovered_climbs(model, starts, tolerance=1e-6)
    best = int(np.argmax(values))
    return float(values[best]), ends[best]


def parameters_of(fit: LatentClassFit) -> FloatMatrix:
    """Return shares and responses of a fit without covariates, shape (1 + C, K)."""
    return np.vstack([fit.share[None, :], fit.response])


def split_class(parameters: FloatMatrix, rng: np.random.Generator) -> FloatArray:
    """Return starts of one class more: each class in turn cut in two unlike halves.

    A model with one class more can always do as well as the one it is tested against;
    these starts make sure that it does.
    """
    made = []
    for k in range(parameters.shape[1]):
        start = np.column_stack([parameters, parameters[:, k]])
        start[0, [k, -1]] /= 2
        noise = rng.uniform(0.5, 1.5, size=len(start) - 1)
        start[1:, -1] = np.clip(start[1:, -1] * noise, 1e-3, 1 - 1e-3)
        made.append(start)
    return np.stack(made)
