"""A model pooled over imputations, and tests pooled over imputations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import stdtr

from estimators.errors import InputError
from estimators.intervals import critical_value
from estimators.regression.model_data import LinearPredictor
from estimators.regression.rubin_rules import Pooled, combine, d1_test, d2_test, d3_test
from estimators.results import ModelFit

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatMatrix, FloatVector

__all__ = [
    "PooledFit",
    "PooledTest",
    "all_notes",
    "pool_models",
    "pool_tests",
    "pooling_doubts",
]

_FEW_DF = 3
_SHAKY = 0.1  # Monte Carlo error over standard error (White, Royston and Wood 2011)
# Fit statistics that mean the same in every imputation, and whose mean is of use.
_AVERAGED = ("n_events", "events_per_variable", "n_excluded")


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledTest:
    """A pooled test: F with `df` and `df_denominator` degrees of freedom."""

    test: str
    statistic: float
    df: float
    df_denominator: float
    p_value: float
    n_imputations: int
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        names = (
            "test", "statistic", "df", "df_denominator", "p_value", "n_imputations",
        )  # fmt: skip
        return pd.DataFrame([{name: getattr(self, name) for name in names}])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PooledFit(ModelFit):
    """A model pooled by Rubin's rules; array attributes have shape (terms,).

    Attributes
    ----------
    df, missing_information, relative_increase, monte_carlo_error : ndarray
    df_complete : float
    estimates : ndarray of shape (m, terms)
    covariances : ndarray of shape (m, terms, terms)
        What was pooled.
    """

    df: FloatVector
    missing_information: FloatVector
    relative_increase: FloatVector
    monte_carlo_error: FloatVector
    df_complete: float
    estimates: FloatMatrix
    covariances: FloatArray

    def imputation_table(self) -> pd.DataFrame:
        """Return one row per term: what the missing values cost."""
        return pd.DataFrame(
            {
                "term": self.term,
                "estimate": self.estimate,
                "std_error": self.std_error,
                "df": self.df,
                "missing_information": self.missing_information,
                "relative_increase": self.relative_increase,
                "monte_carlo_error": self.monte_carlo_error,
            }
        )

    def joint_test(self, terms: Sequence[str]) -> PooledTest:
        """Test that the named terms (columns of `terms`) are all 0: pooled Wald, D1."""
        unknown = [name for name in terms if name not in self.term]
        if unknown or not len(terms):
            raise InputError(
                f"The model has no term {', '.join(unknown) or '(none was named)'}; "
                f"its terms are {', '.join(self.term)}."
            )
        place = [self.term.index(name) for name in terms]
        found = d1_test(
            self.estimates[:, place],
            self.covariances[:, place][:, :, place],
            self.df_complete,
        )
        return PooledTest(
            test=f"D1 of {', '.join(terms)}",
            statistic=found[0],
            df=found[1],
            df_denominator=found[2],
            p_value=found[3],
            n_imputations=len(self.estimates),
        )


def pool_tests(
    statistics: Sequence[Any],
    df: float | None = None,
    *,
    at_pooled: float | None = None,
) -> PooledTest:
    """Pool one chi-square statistic per imputed data set: D2, or D3.

    Parameters
    ----------
    statistics : sequence of float or of tests
        Chi-square statistics; or results with ``statistic``, ``df`` and
        ``df_denominator``, such as `rao_scott` gives: an F statistic counts as F x df.
    df : float, optional
        Degrees of freedom of a statistic; tests bring their own (their mean is taken:
        those of Rao and Scott differ a little between imputations).
    at_pooled : float, optional
        Mean over imputations of the likelihood ratio at the pooled parameters of both
        models: then Meng and Rubin's D3.

    Returns
    -------
    PooledTest

    Raises
    ------
    InputError
        If fewer than two statistics came, one is negative or not finite, or `df` is
        missing.

    Notes
    -----
    D2 knows the statistics only; it is rough, can be too lenient or too strict, and is
    the choice where no covariance of estimates exists. Where one does, take
    ``pool_imputations(fits).joint_test(terms)``, D1.

    References
    ----------
    Li, K. H., Meng, X.-L., Raghunathan, T. E. and Rubin, D. B. (1991). Significance
    levels from repeated p-values with multiply-imputed data. Statistica Sinica 1,
    65-92.

    Meng, X.-L. and Rubin, D. B. (1992). Performing likelihood ratio tests with
    multiply-imputed data sets. Biometrika 79, 103-111.
    https://doi.org/10.1093/biomet/79.1.103

    Examples
    --------
    >>> test = pool_tests([4.1, 5.6, 3.2, 4.8, 6.0], 1)
    >>> round(test.statistic, 3), round(test.p_value, 3)
    (4.251, 0.04)
    """
    values, degrees = [], []
    for each in statistics:
        own = float(getattr(each, "df", np.nan if df is None else df))
        value = float(getattr(each, "statistic", each))
        if np.isfinite(getattr(each, "df_denominator", np.inf)):
            value *= own
        values.append(value)
        degrees.append(own)
    found = np.array(values)
    k = float(np.mean(degrees)) if df is None and degrees else float(df or np.nan)
    problems = []
    if len(values) < 2:
        problems.append(f"{len(values)} statistics came, at least two are needed")
    if not (np.isfinite(found).all() and (found >= 0).all()):
        problems.append("every statistic must be finite and >= 0")
    if not (np.isfinite(k) and k > 0):
        problems.append(f"df={df!r}: give the degrees of freedom of a statistic")
    if at_pooled is not None and not at_pooled >= 0:
        problems.append(f"at_pooled={at_pooled!r} must be >= 0")
    if problems:
        raise InputError("; ".join(problems) + ".")
    if at_pooled is None:
        name, result = "D2", d2_test(found, k)
    else:
        name = "D3"
        result = d3_test(float(found.mean()), float(at_pooled), k, len(values))
    return PooledTest(
        test=name,
        statistic=result[0],
        df=result[1],
        df_denominator=result[2],
        p_value=result[3],
        n_imputations=len(values),
        notes=all_notes([tuple(getattr(each, "notes", ())) for each in statistics]),
    )


def pool_models(
    fits: list[ModelFit], *, df_complete: float | None, level: float
) -> PooledFit:
    """Pool the coefficients of one model fitted to every imputed data set."""
    first = fits[0]
    _check_models(fits)
    estimates = np.array([fit.estimate for fit in fits])
    covariances = np.array([fit.covariance for fit in fits])
    complete = _complete_df(fits) if df_complete is None else float(df_complete)
    pooled = combine(estimates, covariances, np.full(len(first.term), complete))
    std_error = np.sqrt(np.diag(pooled.total))
    statistic = pooled.estimate / std_error
    reach = std_error * [critical_value(level, df=float(df)) for df in pooled.df]
    averaged = {
        name: float(np.mean([fit.fit_statistics[name] for fit in fits]))
        for name in _AVERAGED
        if all(name in fit.fit_statistics for fit in fits)
    }
    return PooledFit(
        method=f"pool_imputations({first.method})",
        formula=first.formula,
        term=first.term,
        estimate=pooled.estimate,
        std_error=std_error,
        statistic=statistic,
        p_value=np.asarray(2 * stdtr(pooled.df, -np.abs(statistic))),
        ci_low=pooled.estimate - reach,
        ci_high=pooled.estimate + reach,
        covariance=pooled.total,
        ci_level=level,
        ci_method="pooled t",
        n_obs=min(fit.n_obs for fit in fits),
        fit_statistics={
            **averaged,
            "n_imputations": float(len(fits)),
            "df_complete": complete,
            "largest_missing_information": float(pooled.missing_information.max()),
        },
        linear_predictor=_predictor(first, pooled.estimate),
        inverse_link=first.inverse_link,
        notes=(
            *all_notes([fit.notes for fit in fits]),
            *pooling_doubts(pooled, len(fits)),
        ),
        df=pooled.df,
        missing_information=pooled.missing_information,
        relative_increase=pooled.increase,
        monte_carlo_error=pooled.monte_carlo_error,
        df_complete=complete,
        estimates=estimates,
        covariances=covariances,
    )


def _check_models(fits: list[ModelFit]) -> None:
    first = fits[0]
    for name in ("method", "formula", "term"):
        other = [
            number
            for number, fit in enumerate(fits)
            if getattr(fit, name) != getattr(first, name)
        ]
        if other:
            raise InputError(
                f"The results must be one model of every imputed data set; {name} of "
                f"imputations {other} (counted from 0) differs from the first, "
                f"{getattr(first, name)!r}. Levels that an imputation lacks must be "
                "kept as categories."
            )
    wrong = [
        number
        for number, fit in enumerate(fits)
        if not (np.isfinite(fit.estimate).all() and np.isfinite(fit.covariance).all())
    ]
    if wrong:
        raise InputError(
            f"Imputations {wrong} (counted from 0) have no finite estimate or standard "
            "error: use a model that has, such as firth_logistic."
        )


def _complete_df(fits: list[ModelFit]) -> float:
    """Return the design's degrees of freedom, else persons minus terms; the least."""
    found = [
        fit.fit_statistics.get("residual_df", float(fit.n_obs - len(fit.term)))
        for fit in fits
    ]
    return max(min(found), 1.0)


def _predictor(first: ModelFit, estimate: FloatVector) -> LinearPredictor | None:
    plain = first.linear_predictor
    if not isinstance(plain, LinearPredictor):
        return None
    return replace(plain, coefficients=estimate)


def all_notes(notes: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return every note once, and in how many imputations where not in all."""
    times: dict[str, int] = {}
    for each in notes:
        for note in dict.fromkeys(each):
            times[note] = times.get(note, 0) + 1
    return tuple(
        note
        if number == len(notes)
        else f"in {number} of {len(notes)} imputations: {note}"
        for note, number in times.items()
    )


def pooling_doubts(pooled: Pooled, m: int) -> tuple[str, ...]:
    """Say where the imputations are too few, or all alike."""
    notes = []
    if not np.any(np.diag(pooled.between)):
        notes.append(
            "all imputations give the same estimates: nothing was missing, or the "
            "imputations are no random draws"
        )
    size = np.sqrt(np.diag(pooled.total))
    error = np.divide(
        pooled.monte_carlo_error, size, out=np.zeros_like(size), where=size > 0
    )
    if error.max() > _SHAKY:
        notes.append(
            f"{m} imputations are few for {pooled.missing_information.max():.0%} of "
            f"missing information: with others the estimate would move by up to "
            f"{error.max():.0%} of its standard error; take "
            f"{int(np.ceil(m * (error.max() / _SHAKY) ** 2))}"
        )
    if pooled.df.min() < _FEW_DF:
        notes.append(
            f"{pooled.df.min():.2g} degrees of freedom are left: the interval says "
            "little"
        )
    return tuple(notes)
