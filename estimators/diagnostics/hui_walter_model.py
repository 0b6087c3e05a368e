"""Hui and Walter's model: accuracy of tests without a gold standard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import chdtri, xlogy

from estimators.checks import check_choice, check_level
from estimators.diagnostics.latent_status import ResultPatterns, fit_latent_status
from estimators.diagnostics.result_table import read_patterns
from estimators.errors import NotEstimableError
from estimators.intervals import logit_interval
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["HuiWalterInterval", "hui_walter"]

HuiWalterInterval: TypeAlias = Literal["profile", "logit"]
_EDGE = 1e-9
_STARTS = ((0.9, 0.9), (0.7, 0.95), (0.95, 0.7), (0.6, 0.6))
# Hui and Walter's own table: tuberculin tests, Mantoux and Tine.
_TUBERCULIN = {
    "population": ["one"] * 4 + ["two"] * 4,
    "mantoux": [1, 1, 0, 0] * 2,
    "tine": [1, 0, 1, 0] * 2,
    "persons": [14, 4, 9, 528, 887, 31, 37, 367],
}


@estimator(
    family="diagnostics",
    label="Hui-Walter: accuracy and prevalence without a gold standard",
    source="Hui and Walter 1980",
    example=lambda: {
        "frame": pd.DataFrame(_TUBERCULIN),
        "tests": ["mantoux", "tine"],
        "population": "population",
        "count": "persons",
    },
)
def hui_walter(
    frame: pd.DataFrame,
    *,
    tests: Sequence[str],
    population: str | None = None,
    count: str | None = None,
    ci: HuiWalterInterval = "profile",
    level: float = 0.95,
) -> Estimates:
    """Estimate prevalences and accuracies of tests of a status that nobody saw.

    Parameters
    ----------
    frame : DataFrame of n rows
        One row per person, or per pattern with `count`.
    tests : list of str
        Two or more columns of 0 and 1; missing results are lawful.
    population : str, optional
        Column of the population; two tests need two populations, three do with one.
    count : str, optional
        Column with the persons of each row.
    ci : {"profile", "logit"}
        Profile likelihood, or Wald on the logit scale.
    level : float

    Returns
    -------
    Estimates
        One row per ``parameter`` (prevalence, sensitivity, specificity) and ``of``
        (population or test), with joint covariance. A value of 0 or 1 is named in its
        notes, has standard error 0 and a profile interval. Overall notes give the fit's
        G2 against the free table.

    Raises
    ------
    InputError
        If columns are absent or hold other values.
    NotEstimableError
        If the table has fewer degrees of freedom than parameters, the populations'
        prevalences are too alike to tell the parameters apart, or a test is not better
        than chance.

    Notes
    -----
    Assumes that tests err independently given the status, with the same accuracy in
    every population: both are strong, and with two tests in two populations nothing in
    the data can contradict them. `dendukuri_joseph` relaxes the first. Of the two
    solutions that mirror each other the one with Se + Sp > 1 is taken. EM finished by
    Newton from several starts.

    References
    ----------
    Hui, S. L. and Walter, S. D. (1980). Estimating the error rates of diagnostic tests.
    Biometrics 36, 167-171.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.diagnostics import hui_walter
    >>> frame = pd.DataFrame({
    ...     "site": ["one"] * 4 + ["two"] * 4, "mantoux": [1, 1, 0, 0] * 2,
    ...     "tine": [1, 0, 1, 0] * 2, "n": [14, 4, 9, 528, 887, 31, 37, 367]})
    >>> result = hui_walter(frame, tests=["mantoux", "tine"], population="site",
    ...                     count="n")
    >>> round(result.get(parameter="sensitivity", of="mantoux").estimate, 4)
    0.9661
    """
    check_choice("ci", ci, ("profile", "logit"))
    check_level(level)
    names = [tests] if isinstance(tests, str) else list(tests)
    data, labels, notes = read_patterns(frame, names, population, count)
    _check_degrees(data)
    theta = _best_fit(data)
    covariance = _covariance(data, theta)
    _check_better_than_chance(data, theta, names)
    groups: list[dict[str, Any]] = [
        *({"parameter": "prevalence", "of": label} for label in labels),
        *({"parameter": "sensitivity", "of": name} for name in names),
        *({"parameter": "specificity", "of": name} for name in names),
    ]
    people = np.bincount(data.population, data.count).astype(np.int64)
    n_obs = [*people, *[int(data.count.sum())] * (2 * len(names))]
    rows = tuple(
        _row(data, theta, covariance, place, ci=ci, level=level, n=int(n_obs[place]))
        for place in range(theta.size)
    )
    return Estimates(
        rows=rows,
        groups=tuple(groups),
        covariance=covariance,
        notes=(*notes, *_fit_notes(data, theta)),
    )


def _check_degrees(data: ResultPatterns) -> None:
    free = data.n_populations * (2**data.n_tests - 1)
    if free < data.n_parameters:
        raise NotEstimableError(
            f"{data.n_tests} tests in {data.n_populations} population(s) give {free} "
            f"degrees of freedom for {data.n_parameters} parameters: add a population "
            "of another prevalence or a third test, or use dendukuri_joseph with "
            "priors."
        )


def _best_fit(data: ResultPatterns) -> FloatVector:
    """Return the best of several maxima, with the tests pointing the right way."""
    g, t = data.n_populations, data.n_tests
    positive = np.where(data.result >= 0, data.result, np.nan)
    with np.errstate(invalid="ignore"):
        share = np.nan_to_num(np.nanmean(positive, axis=1), nan=0.5)
    rate = np.bincount(data.population, data.count * share) / np.bincount(
        data.population, data.count
    )
    best: FloatVector | None = None
    top = -math.inf
    for se, sp in _STARTS:
        prevalence = np.clip((rate + sp - 1) / (se + sp - 1), 0.02, 0.98)
        start = np.concatenate([prevalence, np.full(t, se), np.full(t, sp)])
        found = fit_latent_status(data, start)
        value = data.log_likelihood(found)
        if value > top + 1e-9:
            best, top = found, value
    if best is None:
        raise NotEstimableError("No start of the likelihood search led anywhere.")
    if (best[g:] - 0.5).sum() < 0:
        mirrored = best.copy()
        mirrored[:g] = 1 - best[:g]
        mirrored[g : g + t] = 1 - best[g + t :]
        mirrored[g + t :] = 1 - best[g : g + t]
        return mirrored
    return best


def _covariance(data: ResultPatterns, theta: FloatVector) -> FloatMatrix:
    """Return the inverse information of parameters off the border; 0 at it."""
    free = (theta > 1e-6) & (theta < 1 - 1e-6)
    matrix = data.information(theta)[np.ix_(free, free)]
    scale = np.sqrt(np.clip(np.diag(matrix), 1e-300, None))
    least = float(np.linalg.eigvalsh(matrix / np.outer(scale, scale)).min())
    if least < 1e-7:
        raise NotEstimableError(
            "The populations (or tests) are too alike to tell prevalences from "
            "accuracies: the likelihood is flat. Populations must differ clearly in "
            "prevalence; otherwise use dendukuri_joseph with priors."
        )
    covariance = np.zeros((theta.size, theta.size))
    covariance[np.ix_(free, free)] = np.linalg.inv(matrix)
    return covariance


def _check_better_than_chance(
    data: ResultPatterns, theta: FloatVector, names: Sequence[str]
) -> None:
    g, t = data.n_populations, data.n_tests
    youden = theta[g : g + t] + theta[g + t :] - 1
    useless = [name for name, value in zip(names, youden, strict=True) if value <= 0]
    if useless:
        raise NotEstimableError(
            f"{', '.join(useless)}: sensitivity and specificity would sum to 1 or "
            "less. Is the result coded the other way round, or are the tests dependent?"
        )


def _row(
    data: ResultPatterns,
    theta: FloatVector,
    covariance: FloatMatrix,
    place: int,
    *,
    ci: HuiWalterInterval,
    level: float,
    n: int,
) -> Estimate:
    value, notes = float(theta[place]), []
    at_edge = not 1e-6 < value < 1 - 1e-6
    std_error = math.sqrt(float(covariance[place, place]))
    if at_edge:
        value = float(round(value))
        notes.append(
            f"the estimate lies at the border {value:g}, where the standard error of 0 "
            "says nothing: read the profile interval"
        )
    if ci == "logit" and not at_edge:
        interval = logit_interval(value, std_error, level=level)
    else:
        interval = _profile_interval(data, theta, place, level)
    return Estimate(
        estimand=("prevalence" if place < data.n_populations else "accuracy of a test"),
        unit="proportion",
        estimate=value,
        std_error=std_error,
        ci=interval,
        method="hui_walter",
        n_obs=n,
        notes=tuple(notes),
    )


def _profile_interval(
    data: ResultPatterns, theta: FloatVector, place: int, level: float
) -> Interval:
    top = data.log_likelihood(theta)
    bound = float(chdtri(1, 1 - level))
    fixed = np.zeros(theta.size, dtype=bool)
    fixed[place] = True

    def excess(value: float) -> float:
        start = theta.copy()
        start[place] = value
        found = fit_latent_status(data, start, fixed)
        return 2 * (top - data.log_likelihood(found)) - bound

    value = float(theta[place])
    limits = []
    for end in (_EDGE, 1 - _EDGE):
        if abs(value - end) < 1e-8 or excess(end) < 0:
            limits.append(float(round(end)))
        else:
            limits.append(float(brentq(excess, end, value, xtol=1e-8, rtol=1e-8)))
    low, high = limits
    return Interval(
        low=min(low, value),
        high=max(high, value) if value < 1 - 1e-6 else 1.0,
        level=level,
        method="profile likelihood",
    )


def _fit_notes(data: ResultPatterns, theta: FloatVector) -> list[str]:
    notes = ["tests are taken to err independently, alike in every population"]
    complete = (data.result >= 0).all()
    free = data.n_populations * (2**data.n_tests - 1) - data.n_parameters
    if not complete:
        return notes
    if free == 0:
        notes.append("no degrees of freedom are left to test this")
        return notes
    sizes = np.bincount(data.population, data.count)
    saturated = float(xlogy(data.count, data.count / sizes[data.population]).sum())
    g2 = max(2 * (saturated - data.log_likelihood(theta)), 0.0)
    from scipy.stats import chi2

    notes.append(
        f"G2 = {g2:.2f} on {free} degrees of freedom (p = {chi2.sf(g2, free):.3g}) "
        "against the free table"
    )
    return notes
