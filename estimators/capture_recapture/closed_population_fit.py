"""Closed-population models M0, Mt, Mh and Mth as Poisson regressions of the histories.

The rows of a table are numbers of lists (M0, Mh: all histories on k lists have one
expected count) or single histories (Mt, Mth).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from estimators.capture_recapture._extended_likelihood import estimate_exists
from estimators.capture_recapture._profile_size import multinomial_profile
from estimators.errors import ConvergenceError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntVector
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = [
    "COLUMNS",
    "ClosedPopulationFit",
    "PoissonMaximum",
    "PoissonTable",
    "check_exists",
    "check_overlap",
    "finished_fit",
    "fit_column_model",
    "fit_statistics",
    "poisson_maximum",
    "poisson_table",
]

# Rivest and Baillargeon (2007): what heterogeneity adds to the log mean of a history
# on k lists, 0 at k = 0 and convex, one coefficient each.
COLUMNS: Mapping[str, Callable[[FloatVector], FloatVector]] = MappingProxyType(
    {
        "poisson2": lambda k: 2.0**k - 1.0,
        "darroch": lambda k: k**2 / 2.0,
        "gamma3.5": lambda k: -np.log1p(k / 3.5),
    }
)
MOST_STEPS = 200
STEP_TOLERANCE = 1e-12
LENIENT_FROM = 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClosedPopulationFit:
    """One fitted model.

    Attributes
    ----------
    population_size, variance : float
    log_likelihood, deviance : float
        Poisson, of the counts of the 2**t - 1 histories, with their factorials.
    n_parameters, n_cells, n_observed : int
        Coefficients, histories that can be observed, and persons.
    profile : callable, optional
        Takes the unseen persons; returns the profile log-likelihood and its slope.
    extra_coefficients : ndarray
        Of heterogeneity: one for each column, those of the lower bound above 0.
    notes : tuple of str
    """

    population_size: float
    variance: float
    log_likelihood: float
    deviance: float
    n_parameters: int
    n_cells: int
    n_observed: int
    profile: Callable[[float], tuple[float, float]] | None = None
    extra_coefficients: FloatVector = field(default_factory=lambda: np.zeros(0))
    notes: tuple[str, ...] = ()

    @property
    def aic(self) -> float:
        """-2 log L + 2 k."""
        return 2 * self.n_parameters - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """-2 log L + k log n, n persons observed."""
        return self.n_parameters * math.log(self.n_observed) - 2 * self.log_likelihood

    @property
    def df(self) -> int:
        """Histories that can be observed less coefficients."""
        return self.n_cells - self.n_parameters


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoissonTable:
    """Counts with a design of intercept and lists, ready for further columns.

    Attributes
    ----------
    design : ndarray of shape (rows, terms)
    n_captures : ndarray of shape (rows,)
        Lists that name the persons of the row.
    histories_in_row, counts : ndarray of shape (rows,)
    row_of_history : ndarray of shape (cells,)
        Of the observed histories.
    """

    design: FloatMatrix
    n_captures: FloatVector
    histories_in_row: FloatVector
    counts: FloatVector
    row_of_history: IntVector


def poisson_table(histories: CaptureHistories, *, by_list: bool) -> PoissonTable:
    """Return the rows of M0 and Mh, or with `by_list` those of Mt and Mth."""
    n_lists = histories.n_lists
    if by_list:
        cells = np.arange(1, 1 << n_lists, dtype=np.int64)
        members = ((cells[:, None] >> np.arange(n_lists)) & 1).astype(np.float64)
        captures = members.sum(axis=1)
        times = np.ones(cells.size)
        counts = histories.dense()[1:].astype(np.float64)
        rows = histories.history - 1
    else:
        captures = np.arange(1, n_lists + 1, dtype=np.float64)
        members = captures[:, None]
        times = np.array([math.comb(n_lists, k) for k in range(1, n_lists + 1)], float)
        counts = histories.capture_frequencies()[1:].astype(np.float64)
        rows = histories.matrix().sum(axis=1) - 1
    return PoissonTable(
        design=np.column_stack([np.ones(len(members)), members]),
        n_captures=captures,
        histories_in_row=times,
        counts=counts,
        row_of_history=rows,
    )


def check_overlap(histories: CaptureHistories, *, by_list: bool) -> None:
    """Raise unless independence has an estimate above the persons seen, and finite."""
    observed = histories.n_observed
    sizes = histories.list_sizes()
    empty = [
        name for name, size in zip(histories.lists, sizes, strict=True) if size == 0
    ]
    if empty and by_list:
        raise NotEstimableError(
            f"Nobody is on {', '.join(empty)}: the chance of being on an empty list is "
            "0. Leave it out (`omit`)."
        )
    if int(sizes.sum()) == observed:
        raise NotEstimableError(
            "Nobody is on two lists: the size is infinite under every model. Link the "
            "lists again, or merge lists that exclude each other."
        )
    full = observed if by_list else observed * histories.n_lists
    largest = int(sizes.max()) if by_list else int(sizes.sum())
    if largest == full:
        raise NotEstimableError(
            f"{'One list holds' if by_list else 'All lists hold'} everyone observed "
            f"({observed} persons): the estimate is at its boundary, the number seen, "
            "and has no standard error."
        )


def fit_column_model(
    histories: CaptureHistories, *, by_list: bool, column: str | None
) -> ClosedPopulationFit:
    """Fit M0 or Mt, or Mh or Mth with one column of heterogeneity."""
    check_overlap(histories, by_list=by_list)
    table = poisson_table(histories, by_list=by_list)
    design = table.design
    if column is not None:
        extra = COLUMNS[column](table.n_captures)
        design = np.column_stack([design, extra])
        check_exists(design, table.counts, column)
    return finished_fit(histories, table, design)


def check_exists(design: FloatMatrix, counts: FloatVector, column: str) -> None:
    """Raise unless the maximum of the likelihood exists and is unique."""
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise NotEstimableError(
            f"heterogeneity={column!r} needs three lists or more: with two, its "
            "coefficient cannot be told from the persons unseen."
        )
    if not estimate_exists(design, (counts > 0).astype(np.int64)):
        raise NotEstimableError(
            f"heterogeneity={column!r}: no maximum likelihood estimate exists, because "
            "too few numbers of lists occur (nobody on three or more lists, or nobody "
            "on two). Use M0 or Mt, or merge lists."
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoissonMaximum:
    """Coefficients, their covariance and the expected counts of the rows."""

    coefficients: FloatVector
    covariance: FloatMatrix
    mean: FloatVector


def poisson_maximum(
    design: FloatMatrix,
    histories_in_row: FloatVector,
    counts: FloatVector,
    start: FloatVector | None = None,
) -> PoissonMaximum:
    """Return the maximum of sum(counts log mean - mean), for counts >= 0 of any size.

    Parameters
    ----------
    design : ndarray of shape (rows, terms)
    histories_in_row : ndarray of shape (rows,)
        Histories with the same expected count that a row adds up.
    counts : ndarray of shape (rows,)
    start : ndarray of shape (terms,), optional
        Coefficients to start from.
    """
    if start is None:
        near = counts + 0.1
        root = np.sqrt(near)
        working = root * np.log(near / histories_in_row)
        start = np.linalg.lstsq(design * root[:, None], working, rcond=None)[0]
    mean, reached = _poisson_point(design, histories_in_row, counts, start)
    # Columns made orthonormal once: Newton's equations are then well conditioned.
    triangle = np.linalg.qr(design * np.sqrt(mean + 1e-8)[:, None], mode="r")
    scale = np.linalg.inv(triangle)
    columns = design @ scale
    place = triangle @ start
    for turn in range(MOST_STEPS):
        information = columns.T @ (mean[:, None] * columns)
        change = np.linalg.solve(information, columns.T @ (counts - mean))
        size = 1.0
        while True:
            tried = place + size * change
            moved, value = _poisson_point(columns, histories_in_row, counts, tried)
            if value >= reached - 1e-9 * (1 + abs(reached)) or size < 1e-8:
                break
            size /= 2
        place, mean, reached = tried, moved, value
        moves = np.abs(scale @ change) / (1 + np.abs(scale @ place))
        # Rounding keeps ill-conditioned tables from standing still to the last digit.
        lenient = 1.0 if turn < LENIENT_FROM else 1e3
        if moves.max() < STEP_TOLERANCE * lenient:
            break
    else:
        raise ConvergenceError(
            f"The fit did not settle in {MOST_STEPS} steps: the counts are nearly on "
            "the border of what the model can express. Choose a simpler model."
        )
    information = columns.T @ (mean[:, None] * columns)
    return PoissonMaximum(
        coefficients=scale @ place,
        covariance=scale @ np.linalg.inv(information) @ scale.T,
        mean=mean,
    )


def _poisson_point(
    design: FloatMatrix,
    histories_in_row: FloatVector,
    counts: FloatVector,
    beta: FloatVector,
) -> tuple[FloatVector, float]:
    predictor = design @ beta
    with np.errstate(over="ignore"):
        mean = histories_in_row * np.exp(predictor)
        value = float(counts @ predictor - mean.sum())
    return mean, value if math.isfinite(value) else -math.inf


def fit_statistics(
    histories: CaptureHistories, mean_of_history: FloatVector
) -> tuple[float, float]:
    """Return log-likelihood and deviance from the means of the observed histories.

    All these models have an intercept, so that the means of all histories add up to
    the persons observed.
    """
    count = histories.count.astype(np.float64)
    ratio = float(count @ np.log(count / mean_of_history))
    value = float(count @ np.log(mean_of_history) - gammaln(count + 1).sum())
    return value - histories.n_observed, 2 * ratio


def finished_fit(
    histories: CaptureHistories, table: PoissonTable, design: FloatMatrix
) -> ClosedPopulationFit:
    """Return the fit of a table with this design."""
    times = table.histories_in_row
    maximum = poisson_maximum(design, times, table.counts)
    beta = maximum.coefficients
    unseen = math.exp(beta[0])
    mean = (maximum.mean / times)[table.row_of_history]
    log_likelihood, deviance = fit_statistics(histories, mean)
    nobody = np.zeros((1, design.shape[1]))
    nobody[0, 0] = 1.0
    follow = _Profile(
        design=np.vstack([nobody, design]),
        histories_in_row=np.append(1.0, times),
        counts=table.counts,
        coefficients=beta,
    )
    return ClosedPopulationFit(
        population_size=histories.n_observed + unseen,
        variance=unseen + unseen**2 * float(maximum.covariance[0, 0]),
        log_likelihood=log_likelihood,
        deviance=deviance,
        n_parameters=design.shape[1],
        n_cells=(1 << histories.n_lists) - 1,
        n_observed=histories.n_observed,
        profile=follow,
        extra_coefficients=beta[table.design.shape[1] :],
    )


@dataclass(slots=True, kw_only=True, eq=False)
class _Profile:
    """The profile likelihood of the size; each fit starts from the one before."""

    design: FloatMatrix
    histories_in_row: FloatVector
    counts: FloatVector
    coefficients: FloatVector

    def __call__(self, unseen: float) -> tuple[float, float]:
        counts = np.append(unseen, self.counts)
        fit = poisson_maximum(
            self.design, self.histories_in_row, counts, self.coefficients
        )
        self.coefficients = fit.coefficients
        return multinomial_profile(counts, fit.mean)
