"""Pool any result over multiply imputed data: Rubin's rules on the fitting scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.special import expit, logit

from estimators.checks import check_choice, check_level
from estimators.errors import InputError
from estimators.intervals import critical_value
from estimators.registry import estimator
from estimators.regression.pooled_fit import all_notes, pool_models, pooling_doubts
from estimators.regression.rubin_rules import combine
from estimators.results import Estimate, Estimates, Interval, ModelFit

if TYPE_CHECKING:
    from collections.abc import Callable

    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["PoolingScale", "pool_imputations"]

PoolingScale: TypeAlias = Literal["auto", "identity", "logit", "log"]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where estimates are near normal: the map, its inverse, its slope at a value."""

    name: str
    there: Callable[[FloatVector], FloatVector]
    back: Callable[[float], float]
    slope: Callable[[FloatVector], FloatVector]


_SCALES = {
    "identity": _Scale("identity", lambda v: v, float, np.ones_like),
    "logit": _Scale(
        "logit", logit, lambda v: float(expit(v)), lambda v: 1 / (v * (1 - v))
    ),
    "log": _Scale("log", np.log, lambda v: float(np.exp(v)), lambda v: 1 / v),
}


def _example() -> dict[str, object]:
    found = [(0.10, 0.031), (0.12, 0.033), (0.09, 0.030), (0.11, 0.032), (0.13, 0.034)]
    return {
        "results": [
            Estimate(
                estimand="proportion of exploited",
                unit="proportion",
                estimate=share,
                std_error=error,
                ci=Interval(low=0.0, high=1.0, level=0.95, method="none"),
                method="survey_proportion",
                n_obs=128,
                diagnostics={},
            )
            for share, error in found
        ],
        "df_complete": 14.0,
    }


@estimator(
    family="regression",
    label="Pooled over multiple imputations (Rubin's rules)",
    source="Rubin 1987; Barnard and Rubin 1999",
    example=_example,
)
def pool_imputations(
    results: Sequence[Estimate] | Sequence[Estimates] | Sequence[ModelFit],
    *,
    df_complete: float | None = None,
    scale: PoolingScale = "auto",
    level: float = 0.95,
) -> Estimate | Estimates | ModelFit:
    """Pool one result per imputed data set by Rubin's rules.

    The pooled estimate is the mean; its variance the mean variance within imputations
    plus (1 + 1/m) times the variance between them. Valid when the imputations are draws
    that reflect all uncertainty about the missing values (see `impute`), and these are
    missing at random given what the imputation used.

    Parameters
    ----------
    results : sequence of Estimate, Estimates or ModelFit
        The same analysis of every imputed data set: shares, totals, domains, marginal
        effects, models, with or without a survey design.
    df_complete : float, optional
        Degrees of freedom if nothing were missing: those of the design. By default what
        the results carry (the smallest, should they differ), and for models of
        independent persons the persons minus the terms.
    scale : {"auto", "identity", "logit", "log"}
        Where to average: "auto" takes logits of proportions, logarithms of ratios and
        everything else as it is. Coefficients of models are always taken as they are.
    level : float

    Returns
    -------
    Estimate, Estimates or ModelFit
        Of the kind that came. Intervals are t with Barnard and Rubin's degrees of
        freedom on the pooling scale. Diagnostics of an estimate (arrays of a
        `PooledFit`): ``df``, ``df_complete``, ``missing_information`` (the fraction of
        information lost), ``relative_increase`` in variance, ``monte_carlo_error``
        (standard error that other imputations would cause, on the estimate's own
        scale), ``n_imputations``. `PooledFit` tests terms together (`joint_test`).

    Raises
    ------
    InputError
        If there are fewer than two results, they are not of one analysis (kind, method,
        estimand, groups, terms), or an option is not known.

    Notes
    -----
    A proportion of 0 or 1 in some imputation has no logit: that row is pooled as it is,
    which its notes say. Tests of a table are pooled by `pool_tests`.

    References
    ----------
    Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.
    https://doi.org/10.1002/9780470316696

    Barnard, J. and Rubin, D. B. (1999). Small-sample degrees of freedom with multiple
    imputation. Biometrika 86, 948-955. https://doi.org/10.1093/biomet/86.4.948

    Examples
    --------
    >>> from estimators.results import Estimate, Interval
    >>> none = Interval(low=0.0, high=9.0, level=0.95, method="none")
    >>> results = [Estimate(estimand="mean", unit="days", estimate=value,
    ...     std_error=variance**0.5, ci=none, method="survey_mean", n_obs=120)
    ...     for value, variance in [(2.1, 0.3), (2.4, 0.28), (1.9, 0.33), (2.2, 0.31),
    ...                             (2.6, 0.29)]]
    >>> pooled = pool_imputations(results, df_complete=117)
    >>> round(pooled.estimate, 2), round(pooled.diagnostics["df"], 3)
    (2.24, 41.925)
    """
    check_level(level)
    check_choice("scale", scale, ("auto", "identity", "logit", "log"))
    if df_complete is not None and not df_complete > 0:
        raise InputError(
            f"df_complete={df_complete!r} must be above 0: the degrees of freedom that "
            "complete data would have, for a design clusters minus strata."
        )
    kinds = _one_kind(results)
    if issubclass(kinds, ModelFit):
        models = [result for result in results if isinstance(result, ModelFit)]
        return pool_models(models, df_complete=df_complete, level=level)
    if issubclass(kinds, Estimate):
        rows = [result for result in results if isinstance(result, Estimate)]
        return _pool_rows(rows, df_complete, scale, level)
    tables = [result for result in results if isinstance(result, Estimates)]
    return _pool_tables(tables, df_complete, scale, level)


def _one_kind(results: object) -> type:
    if not isinstance(results, Sequence) or isinstance(results, str):
        raise InputError(
            f"results= takes a list of results, one per imputed data set, not a "
            f"{type(results).__name__}."
        )
    if len(results) < 2:
        raise InputError(
            f"{len(results)} results came: pooling needs at least two imputations, and "
            "20 or more for stable intervals."
        )
    for kind in (ModelFit, Estimate, Estimates):
        if all(isinstance(result, kind) for result in results):
            return kind
    raise InputError(
        "results= must be all Estimate, all Estimates or all ModelFit; these came: "
        f"{', '.join(sorted({type(result).__name__ for result in results}))}."
    )


def _pool_tables(
    tables: list[Estimates], df_complete: float | None, scale: str, level: float
) -> Estimates:
    first = tables[0]
    wrong = [
        number
        for number, table in enumerate(tables)
        if [dict(g) for g in table.groups] != [dict(g) for g in first.groups]
    ]
    if wrong:
        raise InputError(
            f"Results {wrong} have other groups than the first: "
            f"{[dict(g) for g in first.groups]}. Levels that an imputation lacks "
            "must be kept as categories."
        )
    rows = [
        _pool_rows([table[place] for table in tables], df_complete, scale, level)
        for place in range(len(first))
    ]
    return Estimates(
        rows=tuple(rows),
        groups=first.groups,
        covariance=_joint_covariance(tables, rows),
        notes=all_notes([table.notes for table in tables]),
    )


def _joint_covariance(
    tables: list[Estimates], rows: list[Estimate]
) -> FloatMatrix | None:
    """Return Rubin's total covariance, scaled to the rows' standard errors.

    None where an analysis has none, or states it on another scale than its rows.
    """
    matrices = [table.covariance for table in tables if table.covariance is not None]
    if len(matrices) < len(tables):
        return None
    estimates = np.array([[row.estimate for row in table] for table in tables])
    own = np.array([[row.std_error for row in table] for table in tables])
    covariances = np.array(matrices)
    if not np.allclose(np.sqrt(np.diagonal(covariances, axis1=1, axis2=2)), own):
        return None
    total = combine(estimates, covariances, np.full(len(rows), np.inf)).total
    errors = np.array([row.std_error for row in rows])
    size = np.sqrt(np.diag(total))
    factor = np.divide(errors, size, out=np.zeros_like(size), where=size > 0)
    return np.asarray(total * np.outer(factor, factor))


def _pool_rows(
    rows: list[Estimate], df_complete: float | None, scale: str, level: float
) -> Estimate:
    first = rows[0]
    _check_same(rows)
    values = np.array([row.estimate for row in rows])
    errors = np.array([row.std_error for row in rows])
    notes = list(all_notes([row.notes for row in rows]))
    chosen, note = _scale(first.unit, values, scale)
    if note:
        notes.append(note)
    complete = _df_of(rows) if df_complete is None else float(df_complete)
    moved = chosen.there(values)
    spread = (errors * chosen.slope(values)) ** 2
    pooled = combine(moved[:, None], spread[:, None, None], np.array([complete]))
    centre, df = float(pooled.estimate[0]), float(pooled.df[0])
    error = float(np.sqrt(pooled.total[0, 0]))
    estimate = chosen.back(centre)
    unit = 1 / float(chosen.slope(np.array([estimate]))[0])
    reach = critical_value(level, df=df) * error
    low, high = chosen.back(centre - reach), chosen.back(centre + reach)
    if chosen.name == "identity" and first.unit == "proportion":
        low, high = max(low, 0.0), min(high, 1.0)
    name = "t" if chosen.name == "identity" else f"{chosen.name} t"
    return Estimate(
        estimand=first.estimand,
        unit=first.unit,
        estimate=estimate,
        std_error=error * unit,
        ci=Interval(
            low=low, high=high, level=level, method=f"pooled {name}, {df:.4g} df"
        ),
        method=f"pool_imputations({first.method})",
        n_obs=min(row.n_obs for row in rows),
        notes=(*notes, *pooling_doubts(pooled, len(rows))),
        diagnostics={
            "df": df,
            "df_complete": complete,
            "missing_information": float(pooled.missing_information[0]),
            "relative_increase": float(pooled.increase[0]),
            "monte_carlo_error": float(pooled.monte_carlo_error[0]) * unit,
            "n_imputations": float(len(rows)),
        },
    )


def _check_same(rows: list[Estimate]) -> None:
    for name in ("method", "estimand", "unit"):
        found = {getattr(row, name) for row in rows}
        if len(found) > 1:
            raise InputError(
                f"The results must be one analysis of every imputed data set, but "
                f"{name} is {', '.join(sorted(map(str, found)))}."
            )
    wrong = [
        number
        for number, row in enumerate(rows)
        if not (np.isfinite(row.estimate) and np.isfinite(row.std_error))
    ]
    if wrong:
        raise InputError(
            f"The results of imputations {wrong} (counted from 0) of "
            f"{rows[0].estimand} have no finite estimate and standard error: use a "
            "method that has one in every imputation, or fewer groups."
        )


def _scale(unit: str, values: FloatVector, scale: str) -> tuple[_Scale, str | None]:
    if scale == "auto":
        scale = {"proportion": "logit", "ratio": "log"}.get(unit, "identity")
    inside = {
        "identity": np.ones(len(values), dtype=bool),
        "logit": (values > 0) & (values < 1),
        "log": values > 0,
    }[scale]
    if inside.all():
        return _SCALES[scale], None
    return _SCALES["identity"], (
        f"{int((~inside).sum())} of {len(values)} imputations have an estimate without "
        f"a {scale}: pooled as they are, and the interval is symmetric"
    )


def _df_of(rows: list[Estimate]) -> float:
    return min(float(row.diagnostics.get("df", np.inf)) for row in rows)
