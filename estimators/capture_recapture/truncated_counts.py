"""Population size from how often each observed person was seen, with covariates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from estimators.capture_recapture.count_cells import new_matrix, read_count_cells
from estimators.capture_recapture.count_families import FAMILIES, FamilyName
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.capture_recapture.truncated_point import fit_point, size_covariance
from estimators.capture_recapture.truncated_resampling import bootstrap_sizes
from estimators.checks import (
    as_generator,
    check_choice,
    check_columns,
    check_level,
    check_resamples,
)
from estimators.intervals import (
    critical_value,
    percentile_interval,
    unseen_log_interval,
    wald_interval,
)
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval, ModelFit

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from estimators.capture_recapture.count_cells import CountCells
    from estimators.capture_recapture.truncated_point import PointFit

__all__ = ["truncated_counts", "truncated_regression"]

Variance: TypeAlias = Literal["analytic", "parametric", "bootstrap"]
IntervalKind: TypeAlias = Literal["log_normal", "normal"]


def _example() -> dict[str, object]:
    """Return invented deportation counts of women and men."""
    rows = [("f", 1, 60), ("f", 2, 9), ("f", 3, 2), ("m", 1, 210), ("m", 2, 52),
            ("m", 3, 11), ("m", 4, 3), ("m", 5, 1)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["sex", "deported", "persons"])
    return {"formula": "deported ~ sex", "frame": frame, "count": "persons"}


@estimator(
    family="capture_recapture",
    label="One-source size from repeat counts (zero-truncated regression)",
    source="van der Heijden et al. 2003; Bohning and van der Heijden 2009",
    example=_example,
)
def truncated_counts(  # noqa: PLR0913 - the options of one estimator, all by keyword
    formula: str,
    frame: pd.DataFrame,
    *,
    family: FamilyName = "poisson",
    count: str | None = None,
    by: str | Sequence[str] | None = None,
    variance: Variance = "analytic",
    ci: IntervalKind = "log_normal",
    n_resamples: int = 500,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Estimate | Estimates:
    """Estimate a population's size from one register in which persons may recur.

    A person i is seen y_i >= 1 times; those with y = 0 are missing. A regression of y,
    truncated at 0, gives everyone's probability p_i of being seen at all, and the size
    is the sum of 1 / p_i over the persons seen. It assumes a closed population, no
    effect of one capture on the next, and covariates that explain who is seen more
    often; heterogeneity that they leave makes the Poisson size a lower bound.

    Parameters
    ----------
    formula : str
        ``times_seen ~ terms``, as formulaic reads it. Counts start at 1. Persons met at
        an event are met in proportion to their events: keep each interview with
        probability 1 / (1 + deport_12m) before giving 1 + deport_12m.
    frame : pandas.DataFrame of shape (n, ...)
        One row per observed person, or per kind of person with `count`. Rows with a
        missing value in a column in use are left out, counted and named in `notes`.
    family : str
        ``poisson``, ``geometric``, ``negative_binomial``; ``chao`` and ``zelterman``
        use persons seen once or twice only and bear heterogeneity (Chao's is a lower
        bound). One-inflated families let a share omega of persons be seen exactly
        once: ``one_inflated_poisson`` and ``one_inflated_geometric`` inflate the whole
        population, which is truncated then; ``one_inflated_positive_poisson`` and
        ``one_inflated_positive_geometric`` inflate the counts of those seen.
    count : str, optional
        Column of whole numbers: how many persons a row stands for.
    by : str or sequence of str, optional
        Columns: one size for each combination of their values, from one regression.
    variance : {"analytic", "parametric", "bootstrap"}
        The delta method with the binomial variance of who is seen; or percentiles of
        `n_resamples` samples from the fitted model; or of the observed persons, drawn
        with replacement.
    ci : {"log_normal", "normal"}
        For the analytic variance: log-normal for the unseen persons, or normal, cut at
        the persons seen.
    n_resamples : int
    level : float
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Estimate or Estimates
        Persons. Bootstrap samples in which a rate runs to 0 have an infinite size: they
        count at the upper end, so that the upper limit and `std_error` may be infinite
        while the estimate is not, and `notes` say how many there were.

    Raises
    ------
    InputError
        If the formula, a column or an option is not as described, counts are not whole
        numbers >= 1, or terms are collinear.
    NotEstimableError
        If nobody was seen twice, or once; or the maximum of the likelihood lies where
        a rate is 0 or infinite or where alpha is infinite: the terms are named.
    ConvergenceError
        If the likelihood could not be maximised.

    Notes
    -----
    Variance: g' V g + sum (1 - p_i) / p_i^2, with V the inverse of the observed
    information and g the gradient of the size. Chao's regression adds
    1 / (lambda + lambda^2 / 2) for everyone seen once or twice.

    References
    ----------
    van der Heijden, P. G. M., Bustami, R., Cruyff, M. J. L. F., Engbersen, G. and van
    Houwelingen, H. C. (2003). Point and interval estimation of the population size
    using the truncated Poisson regression model. Statistical Modelling 3, 305-322.
    https://doi.org/10.1191/1471082X03st057oa

    Bohning, D. and van der Heijden, P. G. M. (2009). A covariate adjustment for
    zero-truncated approaches to estimating the size of hidden and elusive
    populations. Annals of Applied Statistics 3, 595-610.

    Bohning, D. and Friedl, H. (2021). Population size estimation based upon
    zero-truncated, one-inflated and sparse count data. Statistical Methods and
    Applications. https://doi.org/10.1007/s10260-021-00556-8

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"seen": [1, 2, 3], "persons": [1645, 183, 52]})
    >>> size = truncated_counts("seen ~ 1", frame, family="chao", count="persons")
    >>> round(size.estimate, 1), round(size.ci.low), round(size.ci.high)
    (9273.5, 8085, 10690)
    """
    options = _Options(
        check_choice("variance", variance, ("analytic", "parametric", "bootstrap")),
        check_choice("ci", ci, ("log_normal", "normal")),
        check_resamples(n_resamples, least=2),
        check_level(level),
    )
    columns = _by_columns(frame, by)
    name = check_choice("family", family, FAMILIES)
    generator = as_generator(rng)
    cells = read_count_cells(formula, frame, count=count, by=columns)
    point = fit_point(name, cells)
    replicates = None
    if variance != "analytic":
        replicates = bootstrap_sizes(
            cells, point, variance, n_resamples=options.n_resamples, rng=generator
        )
    covariance = size_covariance(cells, point)
    seen = np.bincount(cells.group, cells.weight, minlength=len(cells.groups))
    rows = tuple(
        _estimate(
            _Size(point, float(size), float(covariance[at, at]), int(seen[at])),
            options,
            None if replicates is None else replicates[:, at],
        )
        for at, size in enumerate(point.persons)
    )
    if not columns:
        return rows[0]
    joint = covariance if replicates is None else None
    return Estimates(rows=rows, groups=cells.groups, covariance=joint)


def _regression_example() -> dict[str, object]:
    return _example()


@estimator(
    family="capture_recapture",
    label="Zero-truncated regression of repeat counts",
    source="van der Heijden et al. 2003; Bohning and Friedl 2021",
    example=_regression_example,
)
def truncated_regression(
    formula: str,
    frame: pd.DataFrame,
    *,
    family: FamilyName = "poisson",
    count: str | None = None,
    level: float = 0.95,
) -> ModelFit:
    """Fit the regression behind `truncated_counts`: who is seen more often.

    Parameters
    ----------
    formula : str
        ``times_seen ~ terms``; counts start at 1.
    frame : pandas.DataFrame of shape (n, ...)
        One row per observed person, or per kind of person with `count`.
    family : str
        As in `truncated_counts`.
    count : str, optional
        Column of whole numbers: how many persons a row stands for.
    level : float

    Returns
    -------
    ModelFit
        Terms on the scale of log(rate), log(rate / 2) for Chao and Zelterman, with
        Wald limits from the observed information; last the shape, ``log(alpha)`` of
        the negative binomial or ``logit(omega)`` of one-inflation. `fit_statistics`:
        ``log_likelihood``, ``df``, ``aic``, ``bic`` with n = persons, ``size`` and
        ``size_std_error``, ``n_excluded``.

    Raises
    ------
    InputError
        If the formula, a column or an option is not as described, counts are not whole
        numbers >= 1, or terms are collinear.
    NotEstimableError
        As in `truncated_counts`.
    ConvergenceError
        If the likelihood could not be maximised.

    References
    ----------
    van der Heijden, P. G. M., Bustami, R., Cruyff, M. J. L. F., Engbersen, G. and van
    Houwelingen, H. C. (2003). Point and interval estimation of the population size
    using the truncated Poisson regression model. Statistical Modelling 3, 305-322.
    https://doi.org/10.1191/1471082X03st057oa

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"seen": [1, 2, 3], "persons": [1645, 183, 52]})
    >>> fit = truncated_regression("seen ~ 1", frame, family="chao", count="persons")
    >>> round(float(fit.estimate[0]), 6)  # log(183 / 1645)
    -2.19601
    """
    reach = critical_value(check_level(level))
    name = check_choice("family", family, FAMILIES)
    cells = read_count_cells(formula, frame, count=count, by=())
    point = fit_point(name, cells)
    std_error = np.sqrt(np.diag(point.covariance))
    estimate = np.array(point.parameters)
    statistic = estimate / std_error
    df, value = len(point.term), point.log_likelihood
    return ModelFit(
        method=f"truncated_regression ({point.family})",
        formula=formula,
        term=point.term,
        estimate=estimate,
        std_error=std_error,
        statistic=statistic,
        p_value=np.asarray(chdtrc(1, statistic**2)),
        ci_low=estimate - reach * std_error,
        ci_high=estimate + reach * std_error,
        covariance=point.covariance,
        ci_level=level,
        ci_method="Wald",
        n_obs=cells.n_observed,
        fit_statistics={
            "log_likelihood": value,
            "df": df,
            "aic": 2 * df - 2 * value,
            "bic": df * math.log(cells.n_observed) - 2 * value,
            "size": float(point.persons.sum()),
            "size_std_error": float(np.sqrt(size_covariance(cells, point).sum())),
            "n_excluded": cells.n_excluded,
        },
        linear_predictor=_Predictor(cells, estimate[: len(cells.term)]),
        inverse_link=_double_exp if FAMILIES[point.family].most else np.exp,
        notes=point.notes,
    )


@dataclass(frozen=True, slots=True)
class _Options:
    variance: str
    ci: str
    n_resamples: int
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class _Size:
    point: PointFit
    total: float
    variance: float
    seen: int


@dataclass(frozen=True, slots=True, eq=False)
class _Predictor:
    cells: CountCells
    coefficients: FloatVector

    def __call__(self, frame: pd.DataFrame) -> FloatVector:
        """Return linear predictors of shape (rows of `frame`,)."""
        names = sorted(map(str, self.cells.spec.required_variables))
        check_columns(frame, {f"model column {name}": name for name in names})
        complete = frame[names].notna().all(axis=1).to_numpy()
        predictor = np.full(len(frame), np.nan)
        if complete.any():
            matrix = new_matrix(self.cells.spec, frame[complete])
            predictor[complete] = matrix @ self.coefficients
        return predictor


def _double_exp(eta: FloatVector) -> FloatVector:
    return 2 * np.exp(eta)


def _by_columns(frame: pd.DataFrame, by: str | Sequence[str] | None) -> tuple[str, ...]:
    columns = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    check_columns(frame, {f"by {name}": name for name in columns})
    return columns


def _estimate(
    size: _Size, options: _Options, replicates: FloatVector | None
) -> Estimate:
    std_error = math.sqrt(size.variance)
    point, notes = size.point, size.point.notes
    diagnostics: dict[str, float] = {"log_likelihood": point.log_likelihood}
    if replicates is None:
        interval = _analytic_interval(size, options)
    else:
        interval, std_error, more, found = _bootstrap_interval(
            replicates, size.seen, options
        )
        notes = (*notes, *more)
        diagnostics |= found
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=size.total,
        std_error=std_error,
        ci=interval,
        method=f"truncated_counts ({point.family})",
        n_obs=size.seen,
        notes=(*notes, *coverage_notes(f"truncated_counts_{point.family}")),
        diagnostics=diagnostics,
    )


def _analytic_interval(size: _Size, options: _Options) -> Interval:
    if options.ci == "normal":
        return wald_interval(
            size.total,
            math.sqrt(size.variance),
            level=options.level,
            bounds=(size.seen, math.inf),
        )
    return unseen_log_interval(
        size.total, size.seen, size.variance, level=options.level
    )


def _bootstrap_interval(
    replicates: FloatVector, seen: int, options: _Options
) -> tuple[Interval, float, tuple[str, ...], dict[str, Any]]:
    found = replicates[~np.isnan(replicates)]
    infinite = int(np.isinf(found).sum())
    failed = replicates.size - found.size
    notes: tuple[str, ...] = ()
    if infinite:
        notes = (
            f"in {infinite} of {replicates.size} bootstrap samples a rate runs to 0 "
            "and the size is infinite: they count at the upper end, and a standard "
            "error does not exist",
        )
    if failed:
        notes = (*notes, f"{failed} bootstrap samples had no maximum and are left out")
    interval = percentile_interval(found, level=options.level)
    # A resample may hold fewer persons of a group than were seen: they exist.
    return (
        replace(interval, low=max(interval.low, seen), high=max(interval.high, seen)),
        math.inf if infinite else float(found.std(ddof=1)),
        notes,
        {"n_resamples": replicates.size, "n_infinite": infinite, "n_failed": failed},
    )
