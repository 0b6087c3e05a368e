"""Several lists with covariates: log-linear models of sparse tables, by stratum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.capture_recapture.stratified_fit import (
    StratifiedFit,
    fit_pairs,
    refusal,
)
from estimators.capture_recapture.stratified_resampling import (
    choose_model,
    draw_tables,
    refit_tables,
)
from estimators.capture_recapture.stratified_table import (
    Pair,
    StratifiedTable,
    read_stratified_table,
)
from estimators.checks import (
    as_generator,
    check_choice,
    check_level,
    check_resamples,
)
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import percentile_interval, unseen_log_interval
from estimators.registry import estimator
from estimators.results import Estimate, Estimates

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["stratified_log_linear"]

Selection: TypeAlias = Literal["bic", "aic"]
Variance: TypeAlias = Literal["analytic", "parametric", "bootstrap"]

TOO_SHORT = "the interval takes the chosen terms as given: it is too short"


def _example() -> dict[str, object]:
    """Return invented persons on three lists, women and men."""
    counts = {"f": (60, 45, 30, 14, 9, 7, 3), "m": (90, 40, 75, 12, 21, 10, 4)}
    rows = [
        (mask & 1, mask >> 1 & 1, mask >> 2, sex, number)
        for sex, numbers in counts.items()
        for mask, number in enumerate(numbers, start=1)
    ]
    frame = pd.DataFrame(rows, columns=["police", "shelter", "hotline", "sex", "n"])
    lists = ("police", "shelter", "hotline")
    return {"frame": frame, "lists": lists, "covariates": ["sex"], "count": "n"}


@estimator(
    family="capture_recapture",
    label="Log-linear model of lists and covariates (sparse strata pooled)",
    source="van Dijk, Cruyff, van der Heijden and Kragten-Heerdink 2017",
    example=_example,
)
def stratified_log_linear(  # noqa: PLR0913 - the options of one estimator, all by keyword
    frame: pd.DataFrame | CaptureHistories,
    *,
    lists: Sequence[str] | None = None,
    covariates: Sequence[str] | None = None,
    count: str | None = None,
    terms: Sequence[tuple[str, str]] | None = None,
    selection: Selection = "bic",
    polynomials: Mapping[str, int] | None = None,
    by: str | Sequence[str] | None = None,
    variance: Variance = "analytic",
    n_resamples: int = 200,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Estimate | Estimates:
    """Estimate a population's size, by stratum if asked, from lists and covariates.

    One Poisson log-linear model of the table lists x covariates: main effects of all,
    and two-way terms between lists (dependence), between a list and a covariate (who
    is reached by which list) and between covariates. Strata thus share what the terms
    leave equal, which a separate model for each stratum of a sparse table cannot. The
    unseen persons of a stratum are the fitted mean of its cell on no list; terms that
    the model lacks are assumed away, interactions of three and more always.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n, ...) or CaptureHistories
        One row per observed person, or per cell with `count`. Persons with a missing
        covariate are left out and counted in `notes`. Of histories read with
        ``strata=`` the lists and strata are taken.
    lists : sequence of str, optional
        At least two columns of 0 and 1; needed for a frame.
    covariates : sequence of str, optional
        Columns of categories; every value is a level. Needed for a frame.
    count : str, optional
        Column of whole numbers: how many persons a row stands for.
    terms : sequence of pairs of str, optional
        Two-way terms, ``[("police", "sex")]``: no selection is made.
    selection : {"bic", "aic"}
        Stepwise from main effects, adding or removing one term at a time by BIC with
        n = persons; ``aic`` goes on from there by AIC. A term with which the size is
        not estimable is refused, whatever its criterion, and named in `notes`.
    polynomials : mapping of str to int, optional
        ``{"year": 2}``: a covariate of numbers enters, in main effects and terms, as a
        polynomial of that degree and not as levels: a trend that strata share.
    by : str or sequence of str, optional
        Covariates: one size for each combination of their levels.
    variance : {"analytic", "parametric", "bootstrap"}
        Delta method with a log-normal interval of the unseen; or percentiles of
        `n_resamples` tables drawn from the fitted model and fitted again. Both take
        the terms as given: selection from the same data makes them too short.
        ``bootstrap`` draws the observed persons with replacement and, unless `terms`
        are given, repeats the selection in every sample.
    n_resamples : int
    level : float
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Estimate or Estimates
        Persons, seen and unseen. `notes` name the terms. `diagnostics`: ``bic``,
        ``aic``, ``aicc`` with n = persons, ``deviance``, ``n_parameters`` (infinite
        ones counted).

    Raises
    ------
    InputError
        If a column, a count, a term or an option is not as described.
    NotEstimableError
        If the size is not estimable under the terms given, or under main effects.

    Notes
    -----
    Level pairs that nobody has (two lists without overlap, a list without women) have
    mean 0 by extended maximum likelihood, their parameters at minus infinity. Whether
    the other parameters exist is decided by a linear programme (Fienberg and Rinaldo
    2012): without it a further term can set the unseen persons to 0.

    References
    ----------
    van Dijk, J. J. M., Cruyff, M. J. L. F., van der Heijden, P. G. M. and
    Kragten-Heerdink, S. L. J. (2017). Monitoring Target 16.2 of the United Nations
    Sustainable Development Goals: a multiple systems estimation of the numbers of
    presumed human trafficking victims in the Netherlands in 2010-2015. UNODC, Vienna.

    Fienberg, S. E. and Rinaldo, A. (2012). Maximum likelihood estimation in log-linear
    models. Annals of Statistics 40, 996-1023. https://doi.org/10.1214/12-AOS986

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"a": [1, 0, 1] * 2, "b": [0, 1, 1] * 2,
    ...     "sex": list("fffmmm"), "n": [30, 20, 10, 80, 40, 10]})
    >>> sizes = stratified_log_linear(cells, lists=("a", "b"), covariates=["sex"],
    ...     count="n", by="sex", terms=[("a", "sex"), ("b", "sex")])
    >>> sizes.to_frame()["estimate"].round(6).tolist()  # Lincoln-Petersen in each
    [120.0, 450.0]
    """
    check_level(level)
    check_choice("selection", selection, ("bic", "aic"))
    check_choice("variance", variance, ("analytic", "parametric", "bootstrap"))
    check_resamples(n_resamples, least=2)
    generator = as_generator(rng)
    table = _table(frame, lists, covariates, count, polynomials)
    strata = _strata(table, by)
    fit, notes = _model(table, terms, selection)
    draws = None
    if variance != "analytic":
        drawn = draw_tables(
            table,
            fit,
            parametric=variance == "parametric",
            n_resamples=n_resamples,
            rng=generator,
        )
        repeated = variance == "bootstrap" and terms is None
        found = refit_tables(
            table, fit, strata.member, drawn, selection if repeated else None
        )
        draws = found.size
    if terms is None and variance == "bootstrap":
        notes = (
            *notes,
            f"the selection was repeated in {n_resamples} bootstrap tables: it chose "
            f"the same terms in {found.same_terms}",
        )
    elif terms is None:
        simulated = coverage_notes(f"stratified_log_linear_{selection}")
        notes = (*notes, *simulated, TOO_SHORT)
    rows = tuple(
        _estimate(
            _Stratum(table, fit, member, notes),
            level,
            None if draws is None else draws[:, at],
        )
        for at, member in enumerate(strata.member)
    )
    if by is None:
        return rows[0]
    return Estimates(rows=rows, groups=strata.groups)


@dataclass(frozen=True, slots=True, eq=False)
class _Strata:
    member: FloatMatrix
    groups: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Stratum:
    table: StratifiedTable
    fit: StratifiedFit
    member: FloatVector
    notes: tuple[str, ...]


def _table(
    data: pd.DataFrame | CaptureHistories,
    lists: Sequence[str] | None,
    covariates: Sequence[str] | None,
    count: str | None,
    polynomials: Mapping[str, int] | None,
) -> StratifiedTable:
    if isinstance(data, CaptureHistories):
        if lists is not None or covariates is not None or count is not None:
            raise InputError(
                "Histories bring their lists, strata and counts: leave lists, "
                "covariates and count out (see restrict, pool)."
            )
        lists, covariates, count = data.lists, data.strata, "count"
        data = data.to_frame(by_stratum=bool(data.strata))
    if lists is None or covariates is None:
        raise InputError("Name the columns of lists= and covariates= of the frame.")
    return read_stratified_table(
        data, lists=lists, covariates=covariates, count=count, degree=polynomials
    )


def _strata(table: StratifiedTable, by: str | Sequence[str] | None) -> _Strata:
    names = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    unknown = [name for name in names if name not in table.names[table.n_lists :]]
    if unknown:
        raise InputError(
            f"by={', '.join(unknown)}: not among the covariates "
            f"{', '.join(table.names[table.n_lists :])}."
        )
    if not names:
        return _Strata(np.ones((1, len(table.count))), ({},))
    places = [table.names.index(name) for name in names]
    keys, position = np.unique(table.code[:, places], axis=0, return_inverse=True)
    member = (position.ravel() == np.arange(len(keys))[:, None]).astype(np.float64)
    seen = member @ table.count > 0
    groups = [
        {
            name: table.levels[place][code]
            for name, place, code in zip(names, places, key, strict=True)
        }
        for key in keys[seen]
    ]
    return _Strata(member[seen], tuple(groups))


def _model(
    table: StratifiedTable,
    terms: Sequence[tuple[str, str]] | None,
    selection: str,
) -> tuple[StratifiedFit, tuple[str, ...]]:
    main = fit_pairs(table, ())
    why = refusal(table, main)
    if why:
        raise NotEstimableError(f"Under main effects alone {why}.")
    refused: tuple[str, ...] = ()
    if terms is not None:
        fit = fit_pairs(table, _pairs(table, terms))
        why = refusal(table, fit)
        if why:
            named = ", ".join(table.label(pair) for pair in fit.pairs)
            raise NotEstimableError(
                f"The size is not estimable with the terms {named}: {why}. Leave terms "
                "out, or join levels or lists."
            )
    else:
        fit, refused = choose_model(table, selection)
    named = ", ".join(table.label(pair) for pair in fit.pairs) or "none"
    how = "given" if terms is not None else f"chosen stepwise by {selection.upper()}"
    notes = [*table.notes, f"terms beyond main effects ({how}): {named}"]
    if refused:
        notes.append(
            f"refused, though the criterion favoured them, because the size would not "
            f"be estimable: {', '.join(refused)}"
        )
    return fit, tuple(notes)


def _pairs(table: StratifiedTable, terms: Sequence[tuple[str, str]]) -> list[Pair]:
    wrong = [
        term
        for term in terms
        if len(set(term)) != 2 or not set(term) <= set(table.names)
    ]
    if wrong:
        raise InputError(
            f"Terms are pairs of different lists or covariates "
            f"({', '.join(table.names)}); came {', '.join(map(repr, wrong))}."
        )
    found = {
        (min(places), max(places))
        for places in ([table.names.index(name) for name in term] for term in terms)
    }
    return sorted(found)


def _estimate(stratum: _Stratum, level: float, draws: FloatVector | None) -> Estimate:
    table, fit = stratum.table, stratum.fit
    seen = int(stratum.member @ table.count)
    unseen = np.where(table.observable, 0.0, fit.mean) * stratum.member
    missing = unseen[~table.observable]
    slope = missing @ fit.unseen_root
    variance = float(missing.sum() + slope @ slope)
    total = seen + float(missing.sum())
    notes = stratum.notes
    interval = unseen_log_interval(total, seen, variance, level=level)
    std_error = math.sqrt(variance)
    k, n = fit.n_parameters, table.n_observed
    diagnostics: dict[str, float] = {
        "bic": fit.criterion(math.log(n)),
        "aic": fit.criterion(2.0),
        "aicc": fit.criterion(2.0) + 2 * k * (k + 1) / max(n - k - 1, 1),
        "deviance": fit.deviance,
        "n_parameters": k,
    }
    if draws is not None:
        found = draws[~np.isnan(draws)]
        failed = draws.size - found.size
        if found.size < draws.size / 2:
            raise NotEstimableError(
                f"The size is not estimable in {failed} of {draws.size} bootstrap "
                "tables: the model is at its limit. Use fewer terms or levels."
            )
        interval = percentile_interval(found, level=level)
        std_error = float(found.std(ddof=1))
        diagnostics |= {"n_resamples": draws.size, "n_failed": failed}
        if failed:
            notes = (
                *notes,
                f"the size is not estimable in {failed} of {draws.size} bootstrap "
                "tables, which are left out",
            )
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=total,
        std_error=std_error,
        ci=interval,
        method="stratified_log_linear",
        n_obs=seen,
        notes=notes,
        diagnostics=diagnostics,
    )
