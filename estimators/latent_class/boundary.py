"""Limits of probabilities of exactly 0 or 1, by the profile likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_level
from estimators.intervals import critical_value
from estimators.latent_class.drawn_answers import check_plain

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix
    from estimators.latent_class.latent_fit import LatentClassFit

__all__ = ["boundary_limits"]

_STEPS = 2_000
_HALVINGS = 40


def boundary_limits(fit: LatentClassFit, *, level: float = 0.95) -> pd.DataFrame:
    """Return limits of the answers that a class gives always or never.

    A probability at its bound has no standard error, but the likelihood falls as it
    moves inside: the limit is where twice the fall, everything else fitted anew, is
    the chi-square quantile with one degree of freedom. At a bound the true quantile
    is smaller, so that the limits are cautious.

    Parameters
    ----------
    fit : LatentClassFit
        Without covariates and without a design.
    level : float

    Returns
    -------
    pandas.DataFrame
        ``term, estimate, ci_low, ci_high``: one row per answer that a class never gives
        and, of items with two answers, one for the answer that it always gives.

    Raises
    ------
    InputError
        If the fit has covariates or a design.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.latent_class import boundary_limits, latent_class_analysis
    >>> sure = pd.DataFrame([[0, 0, 0]] * 30 + [[1, 1, 1]] * 15, columns=list("abc"))
    >>> fit = latent_class_analysis(sure, n_classes=2, rng=1)
    >>> limits = boundary_limits(fit).set_index("term")
    >>> round(float(limits.loc["a=1|class 1", "ci_high"]), 4)  # 1 - exp(-3.84 / 60)
    0.062
    """
    check_level(level)
    check_plain(fit, "The profile likelihood of a bound")
    fall = critical_value(level) ** 2 / 2
    names = np.array(fit.term[fit.n_classes :], dtype=object)
    first = fit.scale.first
    rows = []
    for k in range(fit.n_classes):
        for j, low in enumerate(first[:-1]):
            cells = np.arange(low, first[j + 1])
            for cell in cells[fit.free.at_bound[cells, k]]:
                at_zero = fit.response[cell, k] < 0.5
                if not at_zero and cells.size > 2:
                    continue  # what it leaves to each of the others is in their rows
                reach = _reach(fit, (int(cell), k), cells[cells != cell], fall)
                p = 0.0 if at_zero else 1.0
                rows.append(
                    {
                        "term": str(names[k * len(fit.response) + cell]),
                        "estimate": p,
                        "ci_low": 0.0 if at_zero else 1 - reach,
                        "ci_high": reach if at_zero else 1.0,
                    }
                )
    return pd.DataFrame(rows, columns=["term", "estimate", "ci_low", "ci_high"])


def _reach(
    fit: LatentClassFit,
    place: tuple[int, int],
    others: np.ndarray[tuple[int], np.dtype[np.int64]],
    fall: float,
) -> float:
    """Return how far a probability can move off its bound, by bisection."""
    lowest = fit.climb.log_likelihood - fall
    start = np.vstack([fit.share[None, :], fit.response])
    at_zero = fit.response[place] < 0.5
    inside, outside = 0.0, 1.0
    near = start
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        value, found = _profile(
            fit, near, place, others, middle if at_zero else 1 - middle
        )
        if value >= lowest:
            inside, near = middle, found
        else:
            outside = middle
        if outside - inside < 1e-6:
            break
    return (inside + outside) / 2


def _profile(
    fit: LatentClassFit,
    start: FloatMatrix,
    place: tuple[int, int],
    others: np.ndarray[tuple[int], np.dtype[np.int64]],
    value: float,
) -> tuple[float, FloatMatrix]:
    """Return the highest log likelihood with one probability held, and where."""
    from estimators.latent_class._kernels import expectation, maximise_responses

    cell, k = place
    data = fit.model.patterns.collapsed()
    pseudo = np.zeros(len(fit.response))
    # Answers at 0 elsewhere get a little, or EM could never raise them again.
    current = np.maximum(start, 1e-6)
    first = fit.scale.first
    whole = np.add.reduceat(current[1:], first[:-1], axis=0)
    current[1:] /= np.repeat(whole, np.diff(first), axis=0)
    current[0] /= current[0].sum()
    nothing = np.empty((0, fit.n_classes))
    sub_mass = np.empty((len(data[1]) - 1, fit.n_classes))
    size, last = float(fit.model.patterns.mass.sum()), -np.inf
    for _ in range(_STEPS):
        rest = np.maximum(current[1 + others, k], 1e-300)
        current[1 + others, k] = (1 - value) * rest / rest.sum()
        current[1 + cell, k] = value
        response = np.ascontiguousarray(current[1:])
        found = expectation(data, current[:1], response, nothing, sub_mass)
        if found - last < 1e-7:
            break
        last = found
        updated = np.empty_like(response)
        maximise_responses(data, sub_mass, pseudo, response, updated)
        first_group = sub_mass[: int(data[0][:, 0].max()) + 1].sum(axis=0)
        current = np.vstack([first_group / size, updated])
    return found, current
