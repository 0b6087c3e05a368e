"""Latent class analysis: from a frame of items to classes with their uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from estimators.checks import as_generator, check_choice, check_level
from estimators.designs import (
    SurveyDesign,
    degrees_of_freedom,
    linearised_covariance,
)
from estimators.latent_class.climbing import ClassModel, Climb, by_size, climb
from estimators.latent_class.example import role_conflict
from estimators.latent_class.fit_statistics import (
    criteria,
    goodness_of_fit,
    score_rank,
)
from estimators.latent_class.information import FreeParameters, information, scores
from estimators.latent_class.latent_fit import LatentClassFit
from estimators.latent_class.preparation import Start, prepare
from estimators.latent_class.term_table import term_table
from estimators.registry import estimator

if TYPE_CHECKING:
    import pandas as pd

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["latent_class_analysis"]

Variance = Literal["observed", "outer_product", "robust"]


@estimator(
    family="latent_class",
    label="Latent class analysis",
    source="Lazarsfeld and Henry 1968; Goodman 1974; Bandeen-Roche et al. 1997",
    example=lambda: {"items": role_conflict(), "n_classes": 2},
)
def latent_class_analysis(  # noqa: PLR0913 - the options of one model, all by keyword
    items: pd.DataFrame,
    *,
    n_classes: int,
    n_starts: int = 20,
    covariates: pd.DataFrame | None = None,
    design: SurveyDesign | None = None,
    prior_strength: float = 0.0,
    variance: Variance = "observed",
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> LatentClassFit:
    """Estimate classes of persons that explain how their answers go together.

    Within a class the items are taken to be independent. The likelihood has several
    maxima: the best of `n_starts` climbs is reported, with the share of starts that
    reached it. Every start is run to its end; none is given up early.

    Parameters
    ----------
    items : pandas.DataFrame of shape (n, J)
        One column per item, any categories (numbers, text, booleans); missing answers
        are skipped, which is right if they are missing at random given the others.
        Rows without any answer are left out and counted.
    n_classes : int
        1 to 20.
    n_starts : int
        Random starts: responses uniform on the simplex.
    covariates : pandas.DataFrame of shape (n, ...), optional
        Main effects of a multinomial logit of the class, estimated together with the
        classes (one step); text enters as factors. Starts climb without covariates
        first. Rows with a missing covariate are left out and counted.
    design : SurveyDesign, optional
        Design of the same n rows: weighted pseudo-likelihood, linearised variance.
    prior_strength : float
        Persons that a Dirichlet prior counts for, spread over the classes; the answers
        in proportion to how often they are given. 1 keeps probabilities off 0 and 1.
        With covariates the classes' shares have no prior.
    variance : {"observed", "outer_product", "robust"}
        From second derivatives; from products of scores (as poLCA does); from both
        (valid if the model is wrong). With a design it is always linearised.
    level : float
    rng : int, numpy.random.Generator or None

    Returns
    -------
    LatentClassFit
        `terms()` with shares and response probabilities on the probability scale and
        logit Wald limits (coefficients: log odds against class 1, the largest);
        probabilities are not tested against 0, their statistic and p-value are NaN.
        A probability of 0 or 1 has an infinite standard error, limits [0, 1] and is
        named in the notes. `overview()` with criteria, entropy R2, G2 and X2.

    Raises
    ------
    InputError
        If items, covariates or design do not fit, or counts are out of range.
    NotEstimableError
        If nobody answered, or the table has fewer free cells than the model parameters.

    References
    ----------
    Goodman, L. A. (1974). Exploratory latent structure analysis using both identifiable
    and unidentifiable models. Biometrika 61, 215-231.
    https://doi.org/10.1093/biomet/61.2.215

    Bandeen-Roche, K., Miglioretti, D. L., Zeger, S. L. and Rathouz, P. J. (1997).
    Latent variable regression for multiple discrete outcomes. Journal of the American
    Statistical Association 92, 1375-1386. https://doi.org/10.1080/01621459.1997.10473658

    Linzer, D. A. and Lewis, J. B. (2011). poLCA: an R package for polytomous variable
    latent class analysis. Journal of Statistical Software 42 (10).
    https://doi.org/10.18637/jss.v042.i10

    Examples
    --------
    >>> from estimators.latent_class import latent_class_analysis
    >>> from estimators.latent_class.example import role_conflict
    >>> fit = latent_class_analysis(role_conflict(), n_classes=2, rng=1)
    >>> fit.share.round(3)
    array([0.721, 0.279])
    >>> round(float(fit.overview()["bic"].iloc[0]), 2)
    1057.31
    """
    check_level(level)
    check_choice("variance", variance, ("observed", "outer_product", "robust"))
    generator = as_generator(rng)
    start = prepare(items, covariates, design, (n_classes, n_starts, prior_strength))
    best, values = climb(start.model, int(n_starts), generator)
    best = by_size(start.model, best)
    return _report(start, best, values, variance=variance, level=level)


def _report(
    start: Start,
    best: Climb,
    values: FloatVector,
    *,
    variance: Variance,
    level: float,
) -> LatentClassFit:
    model, scale, rows = start.model, start.scale, start.rows
    free = FreeParameters.of(model, best)
    rank = score_rank(model, best, free)
    bread = _invert(information(model, best, free)) if rank == free.size else None
    df = np.inf
    if rows.design is not None:
        df = float(degrees_of_freedom(rows.design, rows.kept))
    covariance = _covariance(start, best, free, bread, variance)
    terms = term_table(model, best, free, scale, (covariance, level, df), rows)
    statistics, sparse = goodness_of_fit(
        model, best, scale, weighted=rows.design is not None
    )
    share = model.patterns.mass @ best.posterior / model.patterns.mass.sum()
    if not model.has_covariates:
        share = best.share(model)[0].copy()
    share.setflags(write=False)
    found = {
        **criteria(model, best, scale, values),
        **statistics,
        "n_at_bound": float(free.at_bound.sum()),
        "n_excluded": float((~rows.kept).sum()),
    }
    notes = (
        *start.notes,
        *terms.notes,
        *_doubts(model, best, found, (rank, free.size)),
        *(() if sparse is None else (sparse,)),
    )
    names = {
        "observed": "observed information",
        "outer_product": "outer product of scores",
        "robust": "sandwich",
    }
    kind = names[variance] if rows.design is None else "linearised"
    return LatentClassFit(
        method="latent_class_analysis",
        formula=f"{model.n_classes} classes of {len(scale.names)} items"
        + (
            f" ~ {' + '.join(rows.covariates.term[1:])}" if model.has_covariates else ""
        ),
        term=terms.term,
        estimate=terms.estimate,
        std_error=terms.std_error,
        statistic=terms.statistic,
        p_value=terms.p_value,
        ci_low=terms.ci_low,
        ci_high=terms.ci_high,
        covariance=terms.covariance,
        ci_level=level,
        ci_method=f"logit Wald, {kind}",
        n_obs=int(rows.kept.sum()),
        fit_statistics=found,
        notes=notes,
        scale=scale,
        share=share,
        response=best.response,
        start_values=values,
        model=model,
        climb=best,
        free=free,
        rows=rows,
        bread=bread,
        df=df,
    )


def _invert(matrix: FloatMatrix) -> FloatMatrix | None:
    """Return the inverse of a positive definite matrix, None of any other."""
    if not matrix.size:
        return matrix
    size = np.sqrt(np.abs(np.diag(matrix)))
    scaled = matrix / np.outer(size, size)
    values, vectors = np.linalg.eigh(scaled)
    if not values[0] > 1e-9 * values[-1]:
        return None
    inverse = (vectors / values) @ vectors.T / np.outer(size, size)
    return np.asarray(inverse)


def _covariance(
    start: Start,
    best: Climb,
    free: FreeParameters,
    bread: FloatMatrix | None,
    variance: Variance,
) -> FloatMatrix | None:
    """Return the covariance of the free logits; None where it is not determined."""
    model, rows = start.model, start.rows
    if bread is None or not free.size:
        return bread
    given = scores(model, best, free)
    if rows.design is not None:
        everyone = np.zeros((len(rows.design), free.size))
        everyone[rows.kept] = given[rows.pattern] * rows.weight[:, None]
        meat = linearised_covariance(rows.design, everyone, domain=rows.kept)
        return np.asarray(bread @ meat @ bread)
    if variance == "observed":
        return bread
    meat = (given * model.patterns.mass[:, None]).T @ given
    if variance == "outer_product":
        return _invert(meat)
    return np.asarray(bread @ meat @ bread)


def _doubts(
    model: ClassModel,
    best: Climb,
    found: dict[str, float],
    rank: tuple[int, int],
) -> list[str]:
    notes = []
    if not best.converged:
        notes.append("the climb did not converge: take more starts or fewer classes")
    if rank[0] < rank[1]:
        notes.append(
            f"the answers tell only {rank[0]} of {rank[1]} free parameters apart: the "
            "model is not identified, its standard errors are infinite; fit fewer "
            "classes or add items"
        )
    if found["n_starts"] > 1 and found["share_at_best"] * found["n_starts"] < 1.5:
        notes.append(
            f"one start of {found['n_starts']:g} reached the best log likelihood: "
            "raise n_starts until several agree"
        )
    small = model.patterns.mass @ best.posterior
    if model.n_classes > 1 and small.min() < 10:
        notes.append(
            f"the smallest class stands for {small.min():.3g} persons: too few to trust"
        )
    return notes
