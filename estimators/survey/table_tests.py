"""Tests of independence and of given shares in tables under a sampling design."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from scipy.linalg import helmert
from scipy.special import chdtrc, fdtrc

from estimators.checks import check_choice
from estimators.designs import Design, check_design
from estimators.designs.labels import list_names
from estimators.errors import InputError, NotEstimableError
from estimators.quadratic_forms import weighted_chi_square_tail
from estimators.survey.cell_shares import CellShares, cell_shares
from estimators.survey.rao_scott_result import RaoScottTest

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.designs.domains import RowSelector

__all__ = ["rao_scott"]

TableStatistic: TypeAlias = Literal[
    "F", "chi_square", "wald", "adjusted_wald", "exact", "saddlepoint"
]
_NULL = 1e-10  # relative eigenvalue, or share of the simple random variance
_FEW = 5  # expected rows of a cell, the customary rule for chi-square


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Hypothesis:
    """Pearson's X2 and Wald's quadratic form of one null hypothesis.

    `multinomial` and `design` are the covariances, of shape (q, q), of q contrasts of
    the shares; `contrasts` and `contrast_covariance` those of totals or shares that
    Wald's form takes.
    """

    pearson: float
    multinomial: FloatMatrix
    design: FloatMatrix
    contrasts: FloatVector
    contrast_covariance: FloatMatrix
    expected: FloatVector


def rao_scott(
    design: Design,
    rows: str,
    columns: str | None = None,
    *,
    expected: Mapping[Any, float] | None = None,
    where: RowSelector | None = None,
    statistic: TableStatistic = "F",
) -> RaoScottTest:
    """Test independence in a two-way table, or the shares of a one-way table.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign of n rows
    rows : str
        Column of categories. A row of the frame whose label is missing is in no cell;
        it stays in the design and is named in the notes.
    columns : str, optional
        The other column of a two-way table.
    expected : mapping of level to share, optional
        For a one-way table: the shares to be tested, which sum to 1.
    where : str or array of shape (n,), optional
        Domain: a boolean column, a query or booleans.
    statistic : {"F", "chi_square", "wald", "adjusted_wald", "exact", "saddlepoint"}
        "F": Rao and Scott's second order correction as F, as Thomas and Rao recommend;
        "chi_square": their first order correction (survey's "Chisq"). "exact" (survey's
        "lincom") and "saddlepoint" compare X2 with its own law, a weighted sum of
        chi-squares over an estimated variance. "wald" and "adjusted_wald" (Koch,
        Freeman and Freeman; Fellegi) are unstable where degrees of freedom are few.

    Returns
    -------
    RaoScottTest

    Raises
    ------
    InputError
        If columns, levels or the statistic are not known, or expected shares are not.
    NotEstimableError
        If fewer than two levels have rows, the design leaves no degrees of freedom, or
        its strata fix the shares.

    Notes
    -----
    With weighted shares p, e expected under the hypothesis and n rows,
    ``X2 = n sum (p - e)^2 / e``. Its eigenvalues d are those of the design over the
    multinomial covariance of the interaction contrasts. "F" compares ``X2 / sum d``
    with F of ``f = (sum d)^2 / sum d^2`` and ``f nu`` degrees of freedom, nu being PSUs
    less strata; "chi_square" compares ``X2 / mean d`` with chi-square; "exact" and
    "saddlepoint" compare X2 with ``sum d_j chi2_1`` over ``chi2 / df`` with
    ``df = f nu`` as R survey does. Levels without rows (structural zeros) are left out
    and named. With empty inner cells the contrasts are of p - e instead of logs, and a
    note says so.

    References
    ----------
    Rao, J. N. K. and Scott, A. J. (1984). On chi-squared tests for multiway contingency
    tables with cell proportions estimated from survey data. Annals of Statistics 12,
    46-60.

    Thomas, D. R. and Rao, J. N. K. (1987). Small-sample comparisons of level and power
    for simple goodness-of-fit statistics under cluster sampling. Journal of the
    American Statistical Association 82, 630-636.

    Examples
    --------
    >>> from estimators import survey
    >>> from estimators.survey import SurveyDesign
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"site": [1, 1, 2, 2, 3, 3, 4, 4] * 4,
    ...                       "sex": ["f", "m"] * 16, "debt": [0, 1, 1, 1] * 8})
    >>> design = SurveyDesign.from_frame(frame, psu="site")
    >>> print(survey.rao_scott(design, "sex", "debt").summary().splitlines()[0])
    sex and debt are independent, n = 32
    """
    check_design(design)
    check_choice("statistic", statistic, get_args(TableStatistic))
    if (columns is None) == (expected is None):
        raise InputError(
            "Give columns for a test of independence, or expected (level to share) for "
            "a test of given shares: one of the two."
        )
    if rows == columns:
        raise InputError(f"rows and columns are both {rows!r}.")
    names = [rows] if columns is None else [rows, columns]
    cells = cell_shares(design, names, where)
    if expected is not None:
        wanted = _read_expected(expected, rows)
        cells = _fit_levels(cells, wanted, rows)
        null = _given_shares(cells, np.array(list(wanted.values())))
        words = f"shares of {rows} are as given"
    else:
        null = _independence(cells, names)
        words = f"{rows} and {columns} are independent"
    if cells.df <= 0:
        raise NotEstimableError(
            f"The rows of the table leave {cells.df:g} degrees of freedom (PSUs less "
            "strata): no test."
        )
    return _judge(cells, null, statistic, words)


def _read_expected(expected: Mapping[Any, float], name: str) -> dict[Any, float]:
    wrong = {
        level: share
        for level, share in expected.items()
        if not (isinstance(share, int | float | np.number) and 0 < share < 1)
    }
    total = math.nan if wrong else math.fsum(expected.values())
    if wrong or len(expected) < 2 or not math.isclose(total, 1, abs_tol=1e-9):
        raise InputError(
            f"expected shares of {name!r} must lie between 0 and 1, for two levels or "
            f"more, and sum to 1; they sum to {total:.10g}"
            + (f", and these are wrong: {wrong}." if wrong else ".")
        )
    return dict(expected)


def _fit_levels(cells: CellShares, wanted: dict[Any, float], name: str) -> CellShares:
    extra = [level for level in cells.levels[0] if level not in wanted]
    if extra:
        raise InputError(
            f"{name!r} has levels without an expected share: {list_names(extra)}. Give "
            f"one for each, or leave their rows out with where; given were "
            f"{list_names(wanted)}."
        )
    return cells.with_levels(list(wanted))


def _given_shares(cells: CellShares, share: FloatVector) -> _Hypothesis:
    away = cells.shares - share
    return _Hypothesis(
        pearson=cells.n_obs * float((away**2 / share).sum()),
        multinomial=(np.diag(share) - np.outer(share, share))[:-1, :-1] / cells.n_obs,
        design=cells.shares_covariance[:-1, :-1],
        contrasts=away[:-1],
        contrast_covariance=cells.shares_covariance[:-1, :-1],
        expected=share,
    )


def _independence(cells: CellShares, names: list[str]) -> _Hypothesis:
    n_rows, n_columns = cells.shape
    short = [name for name, size in zip(names, cells.shape, strict=True) if size < 2]
    if short:
        raise NotEstimableError(
            f"{list_names(short)} has a single level in the domain: nothing to compare."
        )
    table = cells.shares.reshape(n_rows, n_columns)
    by_row, by_column = table.sum(axis=1), table.sum(axis=0)
    expected = np.outer(by_row, by_column).ravel()
    away = cells.shares - expected
    totals = cells.totals.reshape(n_rows, n_columns)
    size = totals.sum()
    slope = np.eye(cells.shares.size)
    for cell in range(cells.shares.size):
        i, j = divmod(cell, n_columns)
        row = np.zeros((n_rows, n_columns))
        row[i, :] += by_column[j]
        row[:, j] += by_row[i]
        slope[cell] -= (row - by_row[i] * by_column[j]).ravel()
    free = np.arange(cells.shares.size).reshape(n_rows, n_columns)[1:, 1:].ravel()
    of_contrasts = slope @ cells.totals_covariance @ slope.T
    multinomial, design = _interaction(cells, expected, slope)
    return _Hypothesis(
        pearson=cells.n_obs * float((away**2 / expected).sum()),
        multinomial=multinomial,
        design=design,
        contrasts=(away * size)[free],
        contrast_covariance=of_contrasts[np.ix_(free, free)],
        expected=expected,
    )


def _interaction(
    cells: CellShares, expected: FloatVector, slope: FloatMatrix
) -> tuple[FloatMatrix, FloatMatrix]:
    """Return multinomial and design covariance of the interaction contrasts.

    They are contrasts of the logs of shares, as Rao and Scott and survey have them.
    Empty cells have no log: there the contrasts are those of p - e themselves, whose
    derivative is `slope`.
    """
    basis = np.kron(*(helmert(size) for size in cells.shape)).T
    if (cells.shares > 0).all():
        basis = basis / cells.shares[:, None]
        multinomial = basis.T @ (cells.shares[:, None] * basis) / cells.n_obs
        return multinomial, basis.T @ cells.shares_covariance @ basis
    turned = slope.T @ basis
    inverse = basis.T @ (basis / expected[:, None])
    multinomial = np.linalg.inv(inverse) / cells.n_obs
    return multinomial, turned.T @ cells.shares_covariance @ turned


def _eigenvalues(null: _Hypothesis) -> FloatVector:
    """Return the eigenvalues of design over multinomial covariance, where it is > 0."""
    size, axes = np.linalg.eigh(null.multinomial)
    kept = size > _NULL * size.max()
    half = axes[:, kept] / np.sqrt(size[kept])
    found: FloatVector = np.linalg.eigvalsh(half.T @ null.design @ half)
    return found[::-1]


def _judge(
    cells: CellShares, null: _Hypothesis, statistic: str, words: str
) -> RaoScottTest:
    effects = _eigenvalues(null)
    if not effects.max() > _NULL:
        raise NotEstimableError(
            "The table has no variance under the design, so there is nothing to test: "
            "strata (or calibration) fix the shares, or two variables say the same."
        )
    effects = effects[effects > _NULL * effects.max()]
    total = float(effects.sum())
    own = total**2 / float((effects**2).sum())
    shown = {
        "F": "Rao-Scott second order F",
        "chi_square": "Rao-Scott first order chi-square",
        "wald": "Wald F",
        "adjusted_wald": "adjusted Wald F",
        "exact": "Pearson's X2, exact tail of its weighted sum of chi-squares",
        "saddlepoint": "Pearson's X2, saddlepoint tail of its weighted sum",
    }[statistic]
    if statistic == "F":
        value, df, under = null.pearson / total, own, own * cells.df
        p_value = float(fdtrc(df, under, value))
    elif statistic == "chi_square":
        df, under = float(effects.size), math.inf
        value = null.pearson * df / total
        p_value = float(chdtrc(df, value))
    elif statistic in {"exact", "saddlepoint"}:
        value, df, under = null.pearson, float(effects.size), own * cells.df
        p_value = weighted_chi_square_tail(
            value,
            effects,
            df=under,
            method="exact" if statistic == "exact" else "saddlepoint",
        )
    else:
        value, df, under = _wald(cells, null, adjusted=statistic == "adjusted_wald")
        p_value = float(fdtrc(df, under, value))
    std_errors = np.sqrt(np.clip(np.diag(cells.shares_covariance), 0, None))
    return RaoScottTest(
        hypothesis=words,
        test=shown,
        statistic=float(value),
        df=float(df),
        df_denominator=float(under),
        p_value=p_value,
        pearson=null.pearson,
        design_effects=tuple(effects.tolist()),
        mean_design_effect=total / effects.size,
        n_obs=cells.n_obs,
        levels=cells.levels,
        shares=cells.shares.reshape(cells.shape).copy(),
        share_std_errors=std_errors.reshape(cells.shape),
        notes=(*cells.notes, *_doubts(cells, null, effects)),
    )


def _wald(
    cells: CellShares, null: _Hypothesis, *, adjusted: bool
) -> tuple[float, float, float]:
    """Return Wald's F with its degrees of freedom."""
    covariance, count = null.contrast_covariance, null.contrasts.size
    scale = np.sqrt(np.clip(np.diag(covariance), 0, None))
    scale[scale == 0] = 1
    correlation = covariance / np.outer(scale, scale)
    if np.linalg.matrix_rank(correlation, tol=_NULL, hermitian=True) < count:
        raise NotEstimableError(
            f"Wald's test needs {count} independent contrasts, but their covariance is "
            f"singular with {cells.df:g} degrees of freedom or empty cells: use "
            'statistic="F".'
        )
    standard = null.contrasts / scale
    value = float(standard @ np.linalg.solve(correlation, standard))
    if not adjusted:
        return value / count, float(count), cells.df
    under = cells.df - count + 1
    if under <= 0:
        raise NotEstimableError(
            f"The adjusted Wald test has {under:g} degrees of freedom left: "
            f'{cells.df:g} less {count} contrasts plus 1; use statistic="F".'
        )
    return value * under / (count * cells.df), float(count), under


def _doubts(cells: CellShares, null: _Hypothesis, effects: FloatVector) -> list[str]:
    notes = []
    empty = int((cells.n_rows == 0).sum())
    if empty:
        notes.append(
            f"{empty} of {cells.n_rows.size} cells hold no row: the table is thin for "
            "any of these approximations"
        )
    few = int((null.expected * cells.n_obs < _FEW).sum())
    if few:
        notes.append(f"{few} cells have fewer than {_FEW} expected rows")
    if effects.size < null.contrasts.size:
        notes.append(
            f"{null.contrasts.size - effects.size} of {null.contrasts.size} contrasts "
            "have no variance under the design and are left out"
        )
    return notes
