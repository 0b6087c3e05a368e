"""The Fay-Herriot model: direct estimates of areas drawn towards a regression."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from estimators.checks import check_choice, check_level
from estimators.errors import InputError
from estimators.intervals import critical_value, wald_interval
from estimators.registry import estimator
from estimators.results import Estimate, Interval, ModelFit
from estimators.small_area.area_table import AreaTable, read_areas
from estimators.small_area.area_variance import fit_areas, log_likelihood
from estimators.small_area.prediction import (
    Prediction,
    back_transform,
    back_transformed_error,
    predict_areas,
)
from estimators.small_area.small_area_estimates import Simulator, SmallAreaEstimates

if TYPE_CHECKING:
    from estimators.array_types import FloatVector
    from estimators.small_area.area_variance import AreaFit, VarianceMethod

__all__ = ["fay_herriot"]

Transform = Literal["none", "arcsine"]
_DOUBTFUL = 0.01


def _example() -> dict[str, object]:
    table = pd.DataFrame(
        {
            "province": list("ABCDEFGH"),
            "estimate": [0.12, 0.05, 0.20, 0.09, 0.16, 0.03, 0.11, 0.24],
            "variance": [
                0.0012,
                0.0006,
                0.0030,
                0.0009,
                0.0016,
                0.0004,
                0.0020,
                0.0028,
            ],
            "poverty": [0.21, 0.10, 0.33, 0.18, 0.22, 0.12, 0.30, 0.28],
        }
    )
    return {
        "formula": "estimate ~ poverty",
        "frame": table,
        "variance": "variance",
        "area": "province",
    }


@estimator(
    family="small_area",
    label="Fay-Herriot model of areas",
    source="Fay and Herriot 1979; Prasad and Rao 1990; Li and Lahiri 2010",
    example=_example,
)
def fay_herriot(
    formula: str,
    frame: pd.DataFrame,
    *,
    area: str,
    variance: str | None = None,
    n_effective: str | None = None,
    method: VarianceMethod = "reml",
    transform: Transform = "none",
    level: float = 0.95,
) -> SmallAreaEstimates:
    """Estimate every area from its direct estimate and a regression over areas.

    Parameters
    ----------
    formula : str
        ``estimate ~ covariates``, the left side a column of direct estimates;
        ``estimate ~ 1`` draws the areas towards one mean.
    frame : pandas.DataFrame of shape (areas, ...)
        One row per area, `direct_estimates` makes it from survey results. Areas without
        sample have a missing direct estimate and get the regression's.
    area : str
        Column that names the areas; the group column of the result.
    variance : str, optional
        Column of sampling variances, taken as known; needed unless `transform` is
        ``"arcsine"``. Those of 0 or infinity are replaced by ``c / n_effective``, ``c``
        the pooled unit variance of the other areas, and the notes name them.
    n_effective : str, optional
        Column of effective sample sizes: for the arcsine, and to smooth variances.
    method : {"reml", "ml", "moment"}
        How the variance between areas is estimated; ``moment`` is Fay and Herriot's.
        One of 0, by which areas would lose their own data, is replaced by the top of
        Li and Lahiri's adjusted density, and a note says so.
    transform : {"none", "arcsine"}
        ``arcsine`` models ``arcsin sqrt p`` with the variance ``1 / (4 n_effective)``:
        for proportions, also of 0 or 1. Estimates are transformed back as means.
    level : float

    Returns
    -------
    SmallAreaEstimates
        ``std_error`` is the root of the mean squared error. Diagnostics of a row:
        ``direct``, ``direct_std_error``, ``synthetic``, ``shrinkage`` (weight of the
        direct estimate), ``leverage``, ``standardised_residual``; on the scale of the
        model: those of the arcsine in radians. ``n_obs`` counts areas with sample.
        ``model`` holds coefficients, the ``between_variance`` and the Shapiro-Wilk
        p-value of the residuals; ``with_bootstrap_mse`` and ``benchmarked`` go on.

    Raises
    ------
    InputError
        If a covariate, an area's name or a variance is missing, or an area comes twice.
    NotEstimableError
        If there are too few areas, collinear terms, or a variance of 0 and no
        `n_effective` to smooth it.

    Notes
    -----
    ``y_i = x_i' b + u_i + e_i``, ``u_i ~ N(0, A)``, ``e_i ~ N(0, D_i)`` with ``D_i``
    known. The mean squared error is ``g1 + g2 + 2 g3`` less ``(D / (A + D))^2`` times
    the bias of A's estimate (0 for REML), which also serves the adjusted density, and
    never less than ``g1 + g2``. That of an area without sample is ``A + g2``. The
    sampling error of the ``D_i`` is ignored: with few persons per area, smooth them.

    Back from the arcsine: the estimate is the mean of sin² of a normal angle with the
    variance g1, limits are those of the angle, ``std_error`` is the standard deviation
    of sin² under the angle's mean squared error.

    References
    ----------
    Fay, R. E. and Herriot, R. A. (1979). Estimates of income for small places: an
    application of James-Stein procedures to census data. Journal of the American
    Statistical Association 74, 269-277.

    Prasad, N. G. N. and Rao, J. N. K. (1990). The estimation of the mean squared error
    of small-area estimators. Journal of the American Statistical Association 85,
    163-171.

    Datta, G. S., Rao, J. N. K. and Smith, D. D. (2005). On measuring the variability of
    small area estimators under a basic area level model. Biometrika 92, 183-196.

    Li, H. and Lahiri, P. (2010). An adjusted maximum likelihood method for solving
    small area estimation problems. Journal of Multivariate Analysis 101, 882-892.

    Examples
    --------
    >>> from estimators.small_area import fay_herriot
    >>> import pandas as pd
    >>> table = pd.DataFrame({"area": list("abcde"), "estimate": [1.0, 2, 4, 3, 8],
    ...                       "variance": [1.0, 1, 1, 1, 1]})
    >>> result = fay_herriot("estimate ~ 1", table, area="area", variance="variance",
    ...                      method="moment")
    >>> round(result.model.fit_statistics["between_variance"], 2)
    6.3
    >>> round(result.get(area="e").estimate, 3)
    7.397
    """
    check_level(level)
    check_choice("method", method, ("reml", "ml", "moment"))
    check_choice("transform", transform, ("none", "arcsine"))
    arcsine = transform == "arcsine"
    if (n_effective if arcsine else variance) is None:
        name = "n_effective" if arcsine else "variance"
        raise InputError(
            f"transform={transform!r} needs {name}=: name the column that holds it."
        )
    table = read_areas(
        formula,
        frame,
        area=area,
        variance=None if arcsine else variance,
        n_effective=n_effective,
        arcsine=arcsine,
    )
    fit = _fit(table, table.y, method)
    found = predict_areas(fit, table.y, table.matrix, table.sampling)
    model = _model(formula, table, fit, found, level)
    bounds = (0.0, 1.0) if arcsine else (-math.inf, math.inf)
    words = {
        "estimand": _word(frame, "estimand", table.response),
        "unit": _word(frame, "unit", "proportion" if arcsine else table.response),
    }
    rows = _rows(table, found, words, level=level, arcsine=arcsine)
    return SmallAreaEstimates(
        rows=rows,
        groups=tuple({area: label} for label in table.labels),
        notes=(*table.notes, *model.notes, *_doubts(table, found)),
        model=model,
        bounds=bounds,
        simulator=_simulator(table, fit, method, arcsine=arcsine),
    )


def _fit(table: AreaTable, y: FloatVector, method: VarianceMethod) -> AreaFit:
    known = table.sampled
    return fit_areas(
        y[known], table.matrix[known], table.sampling[known], method=method
    )


def _word(frame: pd.DataFrame, column: str, default: str) -> str:
    """Return what survey results say of themselves, if all rows say the same."""
    if column not in frame.columns:
        return default
    distinct = frame[column].dropna().unique()
    return str(distinct[0]) if len(distinct) == 1 else default


def _rows(
    table: AreaTable,
    found: Prediction,
    words: dict[str, str],
    *,
    level: float,
    arcsine: bool,
) -> tuple[Estimate, ...]:
    value, error = found.value, np.sqrt(found.mse)
    if arcsine:
        value = back_transform(found.value, found.known_variance)
        error = back_transformed_error(found.value, found.mse)
    n_sampled = int(table.sampled.sum())
    rows = []
    for i in range(value.size):
        if arcsine:
            ci, notes = _arcsine_limits(found, i, float(value[i]), level)
        else:
            ci, notes = wald_interval(float(value[i]), float(error[i]), level=level), ()
        parts = {
            "direct": float(table.direct[i]),
            "direct_std_error": math.sqrt(float(table.sampling[i])),
            "synthetic": float(found.synthetic[i]),
            "shrinkage": float(found.shrinkage[i]),
            "leverage": float(found.leverage[i]),
            "standardised_residual": float(found.standardised[i]),
        }
        rows.append(
            Estimate(
                **words,
                estimate=float(value[i]),
                std_error=float(error[i]),
                ci=ci,
                method="fay_herriot",
                n_obs=n_sampled,
                notes=notes,
                diagnostics={k: v for k, v in parts.items() if math.isfinite(v)},
            )
        )
    return tuple(rows)


def _arcsine_limits(
    found: Prediction, place: int, value: float, level: float
) -> tuple[Interval, tuple[str, ...]]:
    reach = critical_value(level) * math.sqrt(found.mse[place])
    angle = float(found.value[place])
    low = math.sin(min(max(angle - reach, 0.0), math.pi / 2)) ** 2
    high = math.sin(min(max(angle + reach, 0.0), math.pi / 2)) ** 2
    notes: tuple[str, ...] = ()
    if not low <= value <= high:
        notes = ("a limit was moved to the estimate, which is the mean of a skew law",)
    ci = Interval(
        low=min(low, value), high=max(high, value), level=level, method="Wald, arcsine"
    )
    return ci, notes


def _model(
    formula: str, table: AreaTable, fit: AreaFit, found: Prediction, level: float
) -> ModelFit:
    known = table.sampled
    m, p = int(known.sum()), fit.beta.size
    error = np.sqrt(np.diag(fit.covariance))
    statistic = fit.beta / error
    reach = critical_value(level) * error
    likelihood = log_likelihood(
        table.y[known], table.matrix[known], table.sampling[known], fit.between
    )
    statistics = {
        "between_variance": fit.between,
        "between_variance_std_error": math.sqrt(fit.between_variance),
        "log_likelihood": likelihood,
        "aic": 2 * (p + 1) - 2 * likelihood,
        "bic": math.log(m) * (p + 1) - 2 * likelihood,
    }
    residual = found.standardised[np.isfinite(found.standardised)]
    notes = []
    if residual.size >= 3 and float(np.ptp(residual)) > 0:
        statistics["shapiro_p"] = float(stats.shapiro(residual).pvalue)
        if statistics["shapiro_p"] < _DOUBTFUL:
            notes.append(
                "standardised residuals are not normal (Shapiro-Wilk p = "
                f"{statistics['shapiro_p']:.2g}): look at the largest before trusting "
                "the mean squared errors"
            )
    if fit.criterion.startswith("adjusted"):
        notes.append(
            "the variance between areas was estimated as 0, which would ignore every "
            "direct estimate: the top of Li and Lahiri's adjusted density stands in "
            f"({fit.between:.4g})"
        )
    return ModelFit(
        method="fay_herriot",
        formula=formula,
        term=table.term,
        estimate=fit.beta,
        std_error=error,
        statistic=statistic,
        p_value=np.asarray(2 * stats.norm.sf(np.abs(statistic))),
        ci_low=fit.beta - reach,
        ci_high=fit.beta + reach,
        covariance=fit.covariance,
        ci_level=level,
        ci_method="Wald",
        n_obs=m,
        fit_statistics=statistics,
        notes=tuple(notes),
    )


def _doubts(table: AreaTable, found: Prediction) -> list[str]:
    notes = []
    m, p = int(table.sampled.sum()), table.matrix.shape[1]
    if m - p < 10:
        notes.append(
            f"{m} areas and {p} terms: the mean squared errors hold for many areas and "
            "are rough here; compare with_bootstrap_mse"
        )
    heavy = found.leverage > 2 * p / m
    if heavy.any():
        named = [str(table.labels[i]) for i in np.flatnonzero(heavy)[:5]]
        notes.append(f"leverage above 2 p / m: {', '.join(named)}")
    if found.floored.any():
        named = [str(table.labels[i]) for i in np.flatnonzero(found.floored)[:5]]
        notes.append(
            f"{int(found.floored.sum())} mean squared errors are those of a known "
            "variance between areas, since its bias is too large to be taken off: "
            f"{', '.join(named)}; with_bootstrap_mse is safer"
        )
    return notes


def _simulator(
    table: AreaTable, fit: AreaFit, method: VarianceMethod, *, arcsine: bool
) -> Simulator:
    """Return what draws the squared errors of all areas in one simulated study."""
    centre = table.matrix @ fit.beta
    noise = np.sqrt(table.sampling)

    def squared_errors(rng: np.random.Generator) -> FloatVector:
        truth = centre + math.sqrt(fit.between) * rng.standard_normal(centre.size)
        y = truth + noise * rng.standard_normal(centre.size)
        again = predict_areas(_fit(table, y, method), y, table.matrix, table.sampling)
        if not arcsine:
            return np.asarray((again.value - truth) ** 2)
        share = back_transform(again.value, again.known_variance)
        return np.asarray((share - np.sin(truth) ** 2) ** 2)

    return squared_errors
