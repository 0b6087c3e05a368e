"""Information criteria, entropy, goodness of fit and identifiability of a fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc, logsumexp, xlogy

from estimators.latent_class.climbing import share_at_best
from estimators.latent_class.information import FreeParameters, scores
from estimators.latent_class.latent_fit import log_joint

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from estimators.latent_class.climbing import ClassModel, Climb
    from estimators.latent_class.patterns import ItemScale

__all__ = ["criteria", "goodness_of_fit", "n_parameters", "score_rank"]

_TINY = 1e-9


def n_parameters(model: ClassModel, scale: ItemScale) -> int:
    """Return the parameters of the model, those at a bound included."""
    own = model.n_classes * scale.n_free
    return (model.n_classes - 1) * model.matrix.shape[1] + own


def criteria(
    model: ClassModel, at: Climb, scale: ItemScale, starts: FloatVector
) -> dict[str, float]:
    """Return the information criteria, the entropy R2 and what the starts reached.

    AIC, BIC, CAIC (log n + 1) and the sample-size adjusted BIC (log((n + 2) / 24)); n
    counts persons, or the sum of weights scaled to mean 1.
    """
    n, p = float(model.patterns.mass.sum()), n_parameters(model, scale)
    deviance = -2 * at.log_likelihood
    found = {
        "log_likelihood": at.log_likelihood,
        "n_parameters": float(p),
        "aic": deviance + 2 * p,
        "bic": deviance + math.log(n) * p,
        "caic": deviance + (math.log(n) + 1) * p,
        "abic": deviance + math.log((n + 2) / 24) * p,
    }
    if model.n_classes > 1:
        spread = -xlogy(at.posterior, at.posterior).sum(axis=1)
        certain = float(model.patterns.mass @ spread)
        found["entropy_r2"] = 1 - certain / (n * math.log(model.n_classes))
    found["n_starts"] = float(starts.size)
    found["share_at_best"] = share_at_best(starts)
    return found


def goodness_of_fit(
    model: ClassModel, at: Climb, scale: ItemScale, *, weighted: bool
) -> tuple[dict[str, float], str | None]:
    """Return G2 and X2 against the whole table, with a note where they mislead.

    Empty when items are missing, classes have covariates or persons have weights: then
    the statistics have no chi-square distribution to be compared with.
    """
    codes, mass = model.patterns.codes, model.patterns.mass
    if weighted or model.has_covariates or (codes < 0).any():
        return {}, None
    log_chance = logsumexp(
        log_joint(codes, model.matrix, at, model.patterns.first), axis=1
    )
    n = float(mass.sum())
    expected = n * np.exp(log_chance)
    g2 = float(2 * np.sum(mass * (np.log(mass) - math.log(n) - log_chance)))
    x2 = float(np.sum((mass - expected) ** 2 / expected) + n - expected.sum())
    df = scale.n_cells - 1 - n_parameters(model, scale)
    found = {"g2": g2, "x2": x2, "df": df}
    if df <= 0:
        return found, (
            f"{n_parameters(model, scale)} parameters and {scale.n_cells - 1:g} free "
            f"cells leave {df:g} degrees of freedom: G2 and X2 test nothing"
        )
    found["g2_p_value"] = float(chdtrc(df, g2))
    if n / scale.n_cells < 5:
        return found, (
            f"{n:g} persons in {scale.n_cells:,.0f} cells: the table is sparse, G2 and "
            "X2 do not follow their chi-square; use the bootstrap test"
        )
    return found, None


def score_rank(model: ClassModel, at: Climb, free: FreeParameters) -> int:
    """Return how many directions of the free parameters the answers tell apart.

    The rank of the Jacobian of the log probabilities of the answer patterns, columns
    scaled to length 1: below the number of free parameters, some combination of them
    can change without changing any observed pattern's probability.
    """
    if not free.size:
        return 0
    jacobian = scores(model, at, free) * np.sqrt(model.patterns.mass)[:, None]
    length = np.sqrt((jacobian**2).sum(axis=0))
    if not length.all():
        return int(np.count_nonzero(length))
    scaled = jacobian / length
    values = np.linalg.eigvalsh(scaled.T @ scaled)
    return int(np.count_nonzero(values > _TINY * values[-1]))
