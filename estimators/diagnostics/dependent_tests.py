"""Dendukuri and Joseph's model: two tests that may err together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.checks import as_generator, check_counts, check_level
from estimators.diagnostics.distributions import BetaPrior
from estimators.diagnostics.importance_posterior import (
    WeightedDraws,
    importance_posterior,
)
from estimators.diagnostics.result_table import read_patterns
from estimators.diagnostics.two_test_model import TwoTestModel, read_two_test_priors
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.diagnostics.latent_status import ResultPatterns

__all__ = ["dendukuri_joseph"]

_FEW, _TOO_FEW = 1000.0, 100.0
_STOOLS = {
    "stool": [1, 1, 0, 0],
    "serology": [1, 0, 1, 0],
    "persons": [38, 2, 87, 35],
}


def _example_priors() -> dict[str, object]:
    return {
        "prevalence": BetaPrior(1, 1),
        "sensitivity": [BetaPrior(4.44, 13.31), BetaPrior(21.96, 5.49)],
        "specificity": [BetaPrior(71.25, 3.75), BetaPrior(4.1, 1.76)],
        "covariance_cases": (-0.25, 0.25),
        "covariance_others": (-0.25, 0.25),
    }


@estimator(
    family="diagnostics",
    label="Dendukuri-Joseph: two dependent tests without a gold standard",
    source="Dendukuri and Joseph 2001; Joseph, Gyorkos and Coupal 1995",
    example=lambda: {
        "frame": pd.DataFrame(_STOOLS),
        "tests": ["stool", "serology"],
        "count": "persons",
        "priors": _example_priors(),
    },
)
def dendukuri_joseph(
    frame: pd.DataFrame,
    *,
    tests: Sequence[str],
    priors: Mapping[str, Any] | None = None,
    count: str | None = None,
    n_draws: int = 50_000,
    rng: int | np.random.Generator | None = None,
    level: float = 0.95,
) -> Estimates:
    """Estimate prevalence and accuracies from two tests that may err together.

    Parameters
    ----------
    frame : DataFrame of n rows
        One row per person, or per pattern with `count`.
    tests : list of str
        Two columns of 0 and 1; missing results are lawful.
    priors : mapping
        ``prevalence``: a `BetaPrior` or a known value. ``sensitivity`` and
        ``specificity``: one for each test. ``covariance_cases`` and
        ``covariance_others``: a number (0 for tests that err independently), a range
        ``(least, greatest)`` of a uniform prior cut to what the accuracies allow, or
        None for a uniform prior over all that they allow. Instead of covariances,
        ``second_given_first``: the second test's chances of being right given the first
        result, for cases positive and negative and for others negative and positive;
        ``sensitivity`` and ``specificity`` are then the first test's alone.
    count : str, optional
        Column with the persons of each row.
    n_draws : int
        Importance draws of the last round.
    rng : int, Generator or None
    level : float

    Returns
    -------
    Estimates
        Posterior means and equal-tailed intervals, one row per ``parameter``
        (prevalence, sensitivity, specificity, covariance_cases, covariance_others) and
        ``of``. Diagnostics: ``effective_draws``, ``monte_carlo_error``, ``prior_std``;
        notes name parameters about which the data say next to nothing.

    Raises
    ------
    InputError
        If columns are absent or priors do not fit.
    NotEstimableError
        Without priors: two tests of one population give 3 degrees of freedom for 7
        parameters.
    ConvergenceError
        If fewer than 100 draws are effective.

    Notes
    -----
    The model is not identified: the posterior leans on the priors however large the
    sample. Adaptive importance sampling; the same `rng` gives the same digits. (R's
    prevalence 0.4.1 counts the table twice: its `truePrevMulti` and `truePrevMulti2`
    agree with this function on doubled counts, and are too sure.)

    References
    ----------
    Dendukuri, N. and Joseph, L. (2001). Bayesian approaches to modeling the conditional
    dependence between multiple diagnostic tests. Biometrics 57, 158-167.

    Joseph, L., Gyorkos, T. W. and Coupal, L. (1995). Bayesian estimation of disease
    prevalence and the parameters of diagnostic tests in the absence of a gold standard.
    American Journal of Epidemiology 141, 263-272.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.diagnostics import BetaPrior, dendukuri_joseph
    >>> frame = pd.DataFrame({"stool": [1, 1, 0, 0], "serology": [1, 0, 1, 0],
    ...                       "persons": [38, 2, 87, 35]})
    >>> result = dendukuri_joseph(
    ...     frame, tests=["stool", "serology"], count="persons", rng=1,
    ...     priors={"prevalence": BetaPrior(1, 1),
    ...             "sensitivity": [BetaPrior(4.44, 13.31), BetaPrior(21.96, 5.49)],
    ...             "specificity": [BetaPrior(71.25, 3.75), BetaPrior(4.1, 1.76)],
    ...             "covariance_cases": 0, "covariance_others": 0})
    >>> print(f"{result.get(parameter='prevalence', of='all').estimate:.2f}")
    0.76
    """
    check_level(level)
    if check_counts(n_draws=n_draws)["n_draws"] < 1000:
        raise InputError(f"n_draws={n_draws}: 1000 or more are needed.")
    generator = as_generator(rng)
    if priors is None:
        raise NotEstimableError(
            "Two tests of one population give 3 degrees of freedom for 7 parameters: "
            "without priors nothing can be said. Give priors, or use hui_walter with "
            "several populations (and tests that err independently)."
        )
    model = read_two_test_priors(priors)
    names = list(tests)
    if len(names) != 2:
        raise InputError(f"tests={names}: this model is for two tests.")
    data, _, notes = read_patterns(frame, names, None, count)
    found = _sample(data, model, n_draws, generator)
    if found.effective_size < _TOO_FEW:
        raise ConvergenceError(
            f"Only {found.effective_size:.0f} draws are effective: data and priors "
            "disagree, or n_draws is too small. Check the priors, then raise n_draws."
        )
    if found.effective_size < _FEW:
        notes = (
            *notes,
            f"only {found.effective_size:.0f} draws are effective: raise n_draws",
        )
    prior_draws = model.sample(20_000, generator)
    prior_values = _values(model, prior_draws)
    values = _values(model, found.draws)
    labels = _labels(model, names)
    rows = tuple(
        _row(
            found,
            values[:, place],
            prior_std=_prior_std(prior_values, place),
            level=level,
            n=int(data.count.sum()),
        )
        for place in range(len(labels))
    )
    return Estimates(
        rows=rows,
        groups=tuple(labels),
        notes=(
            *notes,
            "not identified by the data alone: the answer leans on the priors",
        ),
    )


def _sample(
    data: ResultPatterns,
    model: TwoTestModel,
    n_draws: int,
    rng: np.random.Generator,
) -> WeightedDraws:
    if not model.free:
        raise InputError("priors leave nothing to estimate: every value is known.")
    cell = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
    seen = data.result[:, None, :]
    fits = ((seen == cell) | (seen < 0)).all(axis=2).astype(np.float64)

    def log_target(draws: FloatMatrix) -> FloatVector:
        shares, covariances, weight = model.unpack(draws)
        # Rounding at the border of the covariances' range may fall below 0.
        cells = np.maximum(model.cells(shares, covariances), 1e-300)
        likelihood = np.log(cells @ fits.T) @ data.count
        return np.asarray(likelihood + weight + model.log_density(draws))

    return importance_posterior(
        model.sample, model.log_density, log_target, n_draws=n_draws, rng=rng
    )


def _values(model: TwoTestModel, draws: FloatMatrix) -> FloatMatrix:
    shares, covariances, _ = model.unpack(draws)
    accuracies = model.accuracies(shares)
    if model.conditional:
        return accuracies
    return np.column_stack([accuracies, covariances])


def _prior_std(values: FloatMatrix, place: int) -> float:
    return float(values[:, place].std())


def _labels(model: TwoTestModel, names: Sequence[str]) -> list[dict[str, Any]]:
    labels: list[dict[str, Any]] = [
        {"parameter": "prevalence", "of": "all"},
        *({"parameter": "sensitivity", "of": name} for name in names),
        *({"parameter": "specificity", "of": name} for name in names),
    ]
    if not model.conditional:
        labels += [
            {"parameter": f"covariance_{group}", "of": "all"}
            for group in ("cases", "others")
        ]
    return labels


def _row(
    found: WeightedDraws,
    values: FloatVector,
    *,
    prior_std: float,
    level: float,
    n: int,
) -> Estimate:
    mean = float(found.weights @ values)
    away = values - mean
    std_error = math.sqrt(float(found.weights @ away**2))
    tail = (1 - level) / 2
    # Of a self-normalised importance estimate, by the delta method.
    error = math.sqrt(float(((found.weights * away) ** 2).sum()))
    notes = []
    if prior_std > 1e-9 and std_error > 0.9 * prior_std:
        notes.append("the data say next to nothing about this: it is the prior")
    low, high = (found.quantile(values, q) for q in (tail, 1 - tail))
    return Estimate(
        estimand="parameter of two tests",
        unit="proportion",
        estimate=mean,
        std_error=std_error,
        ci=Interval(low=low, high=high, level=level, method="equal-tailed credible"),
        method="dendukuri_joseph",
        n_obs=n,
        notes=tuple(notes),
        diagnostics={
            "effective_draws": found.effective_size,
            "monte_carlo_error": error,
            "prior_std": prior_std,
        },
    )
