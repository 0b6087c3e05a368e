"""Classes in numbers: prevalence by group and outcomes by class, errors undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_level
from estimators.errors import InputError
from estimators.intervals import logit_interval, t_interval
from estimators.latent_class.assignment import assign, sampling_covariance
from estimators.latent_class.fitted_example import fitted_example
from estimators.registry import estimator
from estimators.results import Estimate, Estimates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.array_types import FloatVector
    from estimators.latent_class.latent_fit import LatentClassFit

__all__ = ["class_outcome_means", "class_prevalence"]

_SOURCE = "Bolck, Croon and Hagenaars 2004; Bakk, Oberski and Vermunt 2014"


@estimator(
    family="latent_class",
    label="Class prevalence by group, assignment errors undone",
    source=_SOURCE,
    example=lambda: {
        "fit": fitted_example(),
        "by": pd.Series(np.arange(216) % 2, name="half"),
    },
)
def class_prevalence(
    fit: LatentClassFit,
    *,
    by: pd.Series | None = None,
    level: float = 0.95,
) -> Estimates:
    """Estimate the share of every class, overall or in groups.

    Counting assigned classes is biased by their errors; the shares of assignments are
    multiplied by the inverse of P(assigned | class). Where the result lies inside
    [0, 1] it is the maximum likelihood correction as well. Assumes that answers depend
    on the group through the class alone.

    Parameters
    ----------
    fit : LatentClassFit
        Without covariates; its design, if any, gives weights and variance.
    by : pandas.Series of shape (n,), optional
        Group of every row of the items; rows without a group are left out and counted.
    level : float

    Returns
    -------
    Estimates
        One row per group and ``class``, with their joint covariance: it carries the
        sampling of persons, of the error matrix and of the classes. Logit limits.

    Raises
    ------
    InputError
        If `by` has another length, or classes have covariates.
    NotEstimableError
        If the errors cannot be undone.

    References
    ----------
    Bolck, A., Croon, M. and Hagenaars, J. (2004). Estimating latent structure models
    with categorical variables: one-step versus three-step estimators. Political
    Analysis 12, 3-27. https://doi.org/10.1093/pan/mph001

    Bakk, Z., Oberski, D. L. and Vermunt, J. K. (2014). Relating latent class
    assignments to external variables: standard errors for correct inference. Political
    Analysis 22, 520-540. https://doi.org/10.1093/pan/mpu003

    Examples
    --------
    >>> from estimators.latent_class import class_prevalence
    >>> from estimators.latent_class.fitted_example import fitted_example
    >>> result = class_prevalence(fitted_example())
    >>> round(result.get(**{"class": 1}).estimate, 3)  # the fit's own share
    0.721
    """
    check_level(level)
    labels, notes = _groups(fit, by)
    made = assign(fit)
    names = [None] if by is None else sorted(pd.unique(labels.dropna()), key=str)
    parts, rows = [], []
    for name in names:
        inside = np.ones(len(labels), np.bool_) if name is None else labels == name
        inside = np.asarray(inside, dtype=np.bool_)
        weight = np.where(inside, made.weight, 0.0)
        mean = weight @ made.corrected / weight.sum()
        own = (made.corrected - mean) * (weight / weight.sum())[:, None]
        parts.append(own + made.carried(mean[None, :])[:, 0, :])
        rows += [(name, k, float(mean[k]), int(inside.sum())) for k in range(mean.size)]
    covariance = sampling_covariance(fit, np.concatenate(parts, axis=1))
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    estimates = tuple(
        _share(fit, value, se, (n, level))
        for (_, _, value, n), se in zip(rows, spread, strict=True)
    )
    column = "group" if by is None or by.name is None else str(by.name)
    groups = tuple(
        {"class": k + 1} if by is None else {column: name, "class": k + 1}
        for name, k, *_ in rows
    )
    return Estimates(rows=estimates, groups=groups, covariance=covariance, notes=notes)


@estimator(
    family="latent_class",
    label="Mean of an outcome by class, assignment errors undone",
    source=_SOURCE,
    example=lambda: {
        "fit": fitted_example(),
        "outcome": np.sin(np.arange(216.0)) + 2.0,
    },
)
def class_outcome_means(
    fit: LatentClassFit,
    outcome: Sequence[float] | FloatVector,
    *,
    level: float = 0.95,
) -> Estimates:
    """Estimate the mean of a number, or the share of a yes, in every class.

    Persons count with the weights of Bolck, Croon and Hagenaars, some of which are
    negative: assignment errors are undone without any assumption on the outcome's
    distribution, and without letting the outcome change the classes.

    Parameters
    ----------
    fit : LatentClassFit
        Without covariates.
    outcome : array of shape (n,)
        Of the rows of the items; 0 and 1 for no and yes. Missing ones are left out and
        counted.
    level : float

    Returns
    -------
    Estimates
        One row per ``class`` with the joint covariance. Shares have logit limits.

    Raises
    ------
    InputError
        If the outcome has another length, is no number or the classes have covariates.
    NotEstimableError
        If the errors cannot be undone.

    References
    ----------
    Bakk, Z. and Vermunt, J. K. (2016). Robustness of stepwise latent class modeling
    with continuous distal outcomes. Structural Equation Modeling 23, 20-31.
    https://doi.org/10.1080/10705511.2014.955104

    Examples
    --------
    >>> import numpy as np
    >>> from estimators.latent_class import class_outcome_means
    >>> from estimators.latent_class.fitted_example import fitted_example
    >>> result = class_outcome_means(fitted_example(), np.ones(216))
    >>> [round(row.estimate, 6) for row in result]
    [1.0, 1.0]
    """
    check_level(level)
    values, notes = _outcome(fit, outcome)
    inside = np.isfinite(values)
    made = assign(fit)
    y = np.where(inside, values, 0.0)
    weighted = made.corrected * np.where(inside, made.weight, 0.0)[:, None]
    size, total = weighted.sum(axis=0), weighted.T @ y
    mean = total / size
    carried = made.carried(np.stack([total, size]))
    influence = weighted * (y[:, None] - mean) + carried[:, 0] - mean * carried[:, 1]
    influence = influence / size
    covariance = sampling_covariance(fit, influence)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    yes_no = bool(np.isin(values[inside], (0.0, 1.0)).all())
    n = int(inside.sum())
    rows = tuple(
        _share(fit, float(value), float(se), (n, level), what="yes")
        if yes_no
        else _mean(fit, float(value), float(se), (n, level))
        for value, se in zip(mean, spread, strict=True)
    )
    groups = tuple({"class": k + 1} for k in range(fit.n_classes))
    return Estimates(rows=rows, groups=groups, covariance=covariance, notes=notes)


def _groups(
    fit: LatentClassFit, by: pd.Series | None
) -> tuple[pd.Series, tuple[str, ...]]:
    """Return the group of every kept row, and notes on those without one."""
    kept = fit.rows.kept
    if by is None:
        return pd.Series(np.zeros(int(kept.sum()))), ()
    if not isinstance(by, pd.Series) or len(by) != kept.size:
        raise InputError(
            f"by must be a pandas Series of the {kept.size} rows of the items; "
            f"{type(by).__name__} of {np.size(by)} came."
        )
    labels = by.reset_index(drop=True)[kept].reset_index(drop=True)
    lost = int(labels.isna().sum())
    if lost == len(labels):
        raise InputError("No row has a group: by is missing throughout.")
    return labels, (f"{lost} persons have no group and were left out",) if lost else ()


def _outcome(
    fit: LatentClassFit, outcome: Sequence[float] | FloatVector
) -> tuple[FloatVector, tuple[str, ...]]:
    """Return the outcome of every kept row, NaN where missing, and notes."""
    kept = fit.rows.kept
    try:
        values = pd.Series(outcome).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(f"The outcome must be numbers: {error}.") from error
    if values.size != kept.size:
        raise InputError(
            f"The outcome has {values.size} values, the items {kept.size} rows."
        )
    if np.isinf(values).any():
        raise InputError("The outcome is infinite in some rows: leave them missing.")
    values = np.asarray(values[kept], dtype=np.float64)
    lost = int(np.isnan(values).sum())
    if lost == values.size:
        raise InputError("The outcome is missing in every row of the fit.")
    note = f"{lost} persons have no outcome and were left out"
    found: FloatVector = values.astype(np.float64)
    return found, ((note,) if lost else ())


def _share(
    fit: LatentClassFit,
    value: float,
    se: float,
    sizes: tuple[int, float],
    *,
    what: str = "class",
) -> Estimate:
    n, level = sizes
    notes: tuple[str, ...] = ()
    if 0 < value < 1:
        ci = logit_interval(value, se, level=level, df=fit.df)
    else:
        notes = (
            f"undoing the errors gave {value:.4g}, outside (0, 1): cut; the group is "
            "small or the classes answer differently in it",
        )
        value = min(max(value, 0.0), 1.0)
        ci = t_interval(value, se, df=fit.df, level=level, bounds=(0, 1))
    is_class = what == "class"
    return Estimate(
        estimand="prevalence of the class" if is_class else "share of yes in the class",
        unit="proportion",
        estimate=value,
        std_error=se,
        ci=ci,
        method="class_prevalence" if is_class else "class_outcome_means",
        n_obs=n,
        notes=notes,
    )


def _mean(
    fit: LatentClassFit, value: float, se: float, sizes: tuple[int, float]
) -> Estimate:
    n, level = sizes
    return Estimate(
        estimand="mean of the outcome in the class",
        unit="outcome",
        estimate=value,
        std_error=se,
        ci=t_interval(value, se, df=fit.df, level=level),
        method="class_outcome_means",
        n_obs=n,
    )
