"""Risk factors of class membership in three steps, with assignment errors undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr, softmax, stdtr

from estimators.checks import check_choice, check_level
from estimators.errors import ConvergenceError
from estimators.intervals import critical_value
from estimators.latent_class.assignment import Assignment, assign, sampling_covariance
from estimators.latent_class.class_covariates import read_covariates
from estimators.latent_class.fitted_example import fitted_example
from estimators.registry import estimator
from estimators.results import ModelFit

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatMatrix, FloatVector
    from estimators.latent_class.latent_fit import LatentClassFit

__all__ = ["class_membership_model"]

Correction = Literal["ml", "bch", "none"]
_SOURCE = "Bolck, Croon and Hagenaars 2004; Vermunt 2010; Bakk et al. 2014"
_STEPS = 200


@estimator(
    family="latent_class",
    label="Risk factors of class membership in three steps",
    source=_SOURCE,
    example=lambda: {
        "fit": fitted_example(),
        "covariates": pd.DataFrame({"late": np.arange(216) % 3 == 0}, dtype=float),
    },
)
def class_membership_model(
    fit: LatentClassFit,
    covariates: pd.DataFrame,
    *,
    correction: Correction = "ml",
    level: float = 0.95,
) -> ModelFit:
    """Regress the class on covariates without letting them change the classes.

    A multinomial logit of the assigned class with its known errors undone. In one step
    (`latent_class_analysis(covariates=)`) a wrong regression can bend the classes.

    Parameters
    ----------
    fit : LatentClassFit
        Without covariates.
    covariates : pandas.DataFrame of shape (n, ...)
        Of the rows of the items; main effects, text as factors. Rows with a missing
        one are left out and counted.
    correction : {"ml", "bch", "none"}
        Vermunt's maximum likelihood; weights of Bolck, Croon and Hagenaars; or the
        assigned class taken for the class, which draws coefficients towards 0.
    level : float

    Returns
    -------
    ModelFit
        Log odds against class 1, the largest: ``class 2: age``. Sandwich or linearised
        covariance; it carries the errors of the error matrix and of the classes.

    Raises
    ------
    InputError
        If covariates do not fit, or the classes already have some.
    NotEstimableError
        If covariates determine each other or the errors cannot be undone.
    ConvergenceError
        If the likelihood has no maximum, as when a covariate separates a class.

    References
    ----------
    Vermunt, J. K. (2010). Latent class modeling with covariates: two improved
    three-step approaches. Political Analysis 18, 450-469.
    https://doi.org/10.1093/pan/mpq025

    Bakk, Z., Oberski, D. L. and Vermunt, J. K. (2014). Relating latent class
    assignments to external variables: standard errors for correct inference. Political
    Analysis 22, 520-540. https://doi.org/10.1093/pan/mpu003

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.latent_class import class_membership_model
    >>> from estimators.latent_class.fitted_example import fitted_example
    >>> late = pd.DataFrame({"late": [0.0, 1.0] * 108})
    >>> class_membership_model(fitted_example(), late).term
    ('class 2: Intercept', 'class 2: late')
    """
    check_level(level)
    check_choice("correction", correction, ("ml", "bch", "none"))
    kept = fit.rows.kept
    found = read_covariates(covariates, kept.size, kept)
    inside = found.complete[kept]
    made = assign(fit)
    matrix = np.where(inside[:, None], found.matrix[kept], 0.0)
    weight = np.where(inside, made.weight, 0.0)
    if correction == "ml":
        beta, influence = _likelihood_step(made, matrix, weight)
    else:
        target = made.corrected if correction == "bch" else made.assigned
        beta, influence = _weighted_step(
            made, matrix, weight, target, carried=correction == "bch"
        )
    covariance = sampling_covariance(fit, influence)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    estimate = beta[:, 1:].T.ravel()
    statistic = estimate / spread
    size = np.abs(statistic)
    reach = critical_value(level, df=fit.df) * spread
    lost = int((~inside).sum())
    return ModelFit(
        method=f"class_membership_model ({correction})",
        formula="class ~ " + " + ".join(found.term[1:]),
        term=tuple(
            f"class {k + 1}: {name}"
            for k in range(1, fit.n_classes)
            for name in found.term
        ),
        estimate=estimate,
        std_error=spread,
        statistic=statistic,
        p_value=2
        * np.asarray(stdtr(fit.df, -size) if np.isfinite(fit.df) else ndtr(-size)),
        ci_low=estimate - reach,
        ci_high=estimate + reach,
        covariance=covariance,
        ci_level=level,
        ci_method="Wald",
        n_obs=int(inside.sum()),
        fit_statistics={"n_excluded": float((~kept).sum() + lost)},
        notes=(
            *((f"{lost} persons lack a covariate and were left out",) if lost else ()),
            *(
                ("assigned classes are taken for true ones: towards 0",)
                if correction == "none"
                else ()
            ),
        ),
    )


def _likelihood_step(
    made: Assignment, x: FloatMatrix, weight: FloatVector
) -> tuple[FloatMatrix, FloatMatrix]:
    """Return Vermunt's estimates (q, K) and every person's influence on them."""
    chance = made.assigned @ made.error.T  # P(the assignment made | class), (m, K)
    beta = np.zeros((x.shape[1], chance.shape[1]))
    value = -np.inf
    step = beta
    for _ in range(_STEPS):
        share = softmax(x @ beta, axis=1)
        joint = share * chance
        new = float(weight @ np.log(joint.sum(axis=1)))
        if new < value - 1e-10 * abs(value):
            step = step / 2
            beta = beta - step
            continue
        value = new
        target = joint / joint.sum(axis=1, keepdims=True)
        bread = _curvature(x, weight, share) - _curvature(x, weight, target)
        if np.linalg.eigvalsh(bread)[0] <= 1e-10 * np.abs(bread).max():
            bread = _curvature(x, weight, share)  # EM's step, where Newton's is none
        step = _solve(bread, _pull(x, weight, target - share))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    else:
        raise _no_maximum()
    own = (x * weight[:, None])[:, :, None] * (target - share)[:, None, 1:]
    own = own.transpose(0, 2, 1).reshape(len(x), -1)
    by_error = _by_error(made, x, weight, target)
    own = own + np.einsum("mts,tsf->mf", made.influence, by_error)
    return beta, own @ np.linalg.inv(bread)


def _by_error(
    made: Assignment, x: FloatMatrix, weight: FloatVector, target: FloatMatrix
) -> FloatArray:
    """Return derivatives of the total score by the error matrix, (K, K, free)."""
    k, q = target.shape[1], x.shape[1]
    found = np.zeros((k, k, (k - 1) * q))
    for s in range(k):
        here = made.assigned[:, s] > 0
        for t in range(k):
            if not made.error[t, s] > 0:
                continue
            moved = target[here, t, None] / made.error[t, s]
            moved = moved * ((np.arange(1, k) == t) - target[here, 1:])
            rows = (x[here] * weight[here, None])[:, None, :] * moved[:, :, None]
            found[t, s] = rows.sum(axis=0).ravel()
    return found


def _weighted_step(
    made: Assignment,
    x: FloatMatrix,
    weight: FloatVector,
    target: FloatMatrix,
    *,
    carried: bool,
) -> tuple[FloatMatrix, FloatMatrix]:
    """Return the logit of soft classes (q, K) and every person's influence on it."""
    beta = np.zeros((x.shape[1], target.shape[1]))
    for _ in range(_STEPS):
        share = softmax(x @ beta, axis=1)
        bread = _curvature(x, weight, share)
        step = _solve(bread, _pull(x, weight, target - share))
        beta = beta + step
        if np.abs(beta).max() > 50:
            raise _no_maximum()
        if np.abs(step).max() < 1e-10:
            break
    else:
        raise _no_maximum()
    own = (x * weight[:, None])[:, :, None] * (target - share)[:, None, :]
    if carried:
        own = own + made.carried((x * weight[:, None]).T @ target)
    own = own[:, :, 1:].transpose(0, 2, 1).reshape(len(x), -1)
    return beta, own @ np.linalg.inv(bread)


def _pull(x: FloatMatrix, weight: FloatVector, excess: FloatMatrix) -> FloatMatrix:
    return np.asarray((excess[:, 1:] * weight[:, None]).T @ x)


def _curvature(x: FloatMatrix, weight: FloatVector, share: FloatMatrix) -> FloatMatrix:
    """Return the information of a multinomial logit with these shares."""
    k, q = share.shape[1], x.shape[1]
    found = np.empty((k - 1, q, k - 1, q))
    for a in range(1, k):
        for b in range(1, k):
            part = weight * share[:, a] * (float(a == b) - share[:, b])
            found[a - 1, :, b - 1, :] = (x * part[:, None]).T @ x
    return found.reshape((k - 1) * q, (k - 1) * q)


def _solve(bread: FloatMatrix, pull: FloatMatrix) -> FloatMatrix:
    """Return a Newton step of the coefficients, (q, K), no component above 2."""
    try:
        step = np.linalg.solve(bread, pull.ravel()).reshape(pull.shape)
    except np.linalg.LinAlgError as error:
        raise _no_maximum() from error
    step = step / max(1.0, float(np.abs(step).max()) / 2)
    return np.concatenate([np.zeros((pull.shape[1], 1)), step.T], axis=1)


def _no_maximum() -> ConvergenceError:
    return ConvergenceError(
        "The regression of the classes has no maximum: a covariate separates a class, "
        "or its errors of assignment leave too little. Leave out covariates, join "
        'classes, or use correction="bch".'
    )
