"""Whether items hang together within classes: bivariate residuals."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import as_generator, check_counts
from estimators.latent_class.drawn_answers import (
    best_of,
    check_plain,
    draw_answers,
    parameters_of,
    plain_model,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.latent_class.climbing import ClassModel
    from estimators.latent_class.latent_fit import LatentClassFit

__all__ = ["bivariate_residuals"]


def bivariate_residuals(
    fit: LatentClassFit,
    *,
    n_resamples: int = 0,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Compare every pair of items with what the classes say about it.

    A pair that hangs together more than the classes explain breaks the model's one
    assumption: add a class, drop or join one of the items.

    Parameters
    ----------
    fit : LatentClassFit
    n_resamples : int
        Samples drawn from the fit and fitted again from there, for p-values: residuals
        have no chi-square distribution (Oberski, van Kollenburg and Vermunt 2013).
        0 gives none.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    pandas.DataFrame
        One row per pair, the largest residual first: ``item_1, item_2, residual``
        (Pearson's chi-square of the two-way table over (R1 - 1)(R2 - 1)), ``n_obs``
        (persons, or their weights, with both answers) and, with draws, ``p_value``
        = (1 + draws at least as large) / (1 + draws).

    Raises
    ------
    InputError
        If p-values are wanted of a fit with covariates or a design.

    References
    ----------
    Oberski, D. L., van Kollenburg, G. H. and Vermunt, J. K. (2013). A Monte Carlo
    evaluation of three methods to detect local dependence in binary data latent class
    models. Advances in Data Analysis and Classification 7, 267-279.
    https://doi.org/10.1007/s11634-013-0146-2

    Examples
    --------
    >>> from estimators.latent_class import bivariate_residuals, latent_class_analysis
    >>> from estimators.latent_class.example import role_conflict
    >>> fit = latent_class_analysis(role_conflict(), n_classes=1, rng=1)
    >>> table = bivariate_residuals(fit)
    >>> bool(table["residual"].min() > 3.84)  # one class explains no pair
    True
    """
    count = check_counts(n_resamples=n_resamples)["n_resamples"]
    share = fit.climb.share(fit.model)
    residual, n_obs = _residuals(fit.model, share, fit.response)
    names = fit.scale.names
    pairs = list(combinations(range(len(names)), 2))
    table = pd.DataFrame(
        {
            "item_1": [names[a] for a, _ in pairs],
            "item_2": [names[b] for _, b in pairs],
            "residual": residual,
            "n_obs": n_obs,
        }
    )
    if count:
        check_plain(fit, "The bootstrap of bivariate residuals")
        holes = fit.model.patterns.codes[fit.rows.pattern]
        start = parameters_of(fit)
        above = np.zeros(len(pairs))
        for stream in as_generator(rng).spawn(count):
            codes = draw_answers(start, holes, fit.scale, stream)
            model = plain_model(codes, fit.scale, fit.n_classes)
            _, at = best_of(model, 0, stream, also=start[None, :, :])
            drawn, _ = _residuals(model, at[:1], at[1:])
            above += drawn >= residual
        table["p_value"] = (1 + above) / (1 + count)
    return table.sort_values("residual", ascending=False, ignore_index=True)


def _residuals(
    model: ClassModel, share: FloatMatrix, response: FloatMatrix
) -> tuple[FloatVector, FloatVector]:
    codes, mass, first = model.patterns.codes, model.patterns.mass, model.patterns.first
    found, sizes = [], []
    for a, b in combinations(range(codes.shape[1]), 2):
        both = (codes[:, a] >= 0) & (codes[:, b] >= 0)
        own_a, own_b = (
            response[first[a] : first[a + 1]],
            response[first[b] : first[b + 1]],
        )
        width = len(own_b)
        cell = codes[both, a] * width + codes[both, b]
        seen = np.bincount(cell, mass[both], minlength=len(own_a) * width)
        if len(share) > 1:
            weight = mass[both] @ share[both]
        else:
            weight = mass[both].sum() * share[0]
        expected = ((own_a * weight) @ own_b.T).ravel()
        parts = (seen - expected) ** 2 / np.maximum(expected, 1e-12)
        found.append(parts.sum() / ((len(own_a) - 1) * (width - 1)))
        sizes.append(mass[both].sum())
    return np.array(found), np.array(sizes)
