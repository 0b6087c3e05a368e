"""One log-linear model by extended maximum likelihood on the table of all histories.

Numbers in, numbers out; `log_linear`, `stepwise` and the model searches stand on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, xlogy

from estimators.capture_recapture.model_terms import hierarchical_closure, write_terms
from estimators.errors import ConvergenceError, InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector

__all__ = [
    "STATUS_WORDS",
    "LogLinearFit",
    "design_columns",
    "estimability_status",
    "estimate_exists",
    "fit_extended",
    "forced_empty",
    "maximise_poisson",
    "reduced_table",
    "superset_totals",
]

STATUS_WORDS = (
    "estimable",
    "no maximum likelihood estimate exists",
    "the parameters are not identifiable",
    "no maximum likelihood estimate exists and the parameters are not identifiable",
)
# 2 ** 14 cells by 106 pairs still fit into 14 MB; beyond, dense tables are no way.
MOST_LISTS = 14
# The existence problem is posed on counts of 0 and 1, whatever the data's size, so
# that its optimum is 0 or a ratio of small whole numbers.
EXISTENCE_TOLERANCE = 1e-8
MOST_STEPS = 200
STEP_TOLERANCE = 1e-12
LENIENT_FROM = 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogLinearFit:
    """One fitted hierarchical log-linear model.

    Attributes
    ----------
    n_lists, n_observed : int
    terms : tuple of int
        All terms as bit masks, ascending; 0 is the intercept.
    coefficients : ndarray of shape (terms,)
        Minus infinity where the data have nobody in the term's margin.
    covariance : ndarray of shape (terms, terms)
        0 in rows and columns of infinite coefficients.
    fitted : ndarray of shape (2 ** n_lists,)
        Expected counts by bit mask; cell 0 is the unseen part.
    log_likelihood, deviance : float
        Poisson, with the constant of the factorials.
    """

    n_lists: int
    n_observed: int
    terms: tuple[int, ...]
    coefficients: FloatVector
    covariance: FloatMatrix
    fitted: FloatVector
    log_likelihood: float
    deviance: float

    def __post_init__(self) -> None:
        for values in (self.coefficients, self.covariance, self.fitted):
            values.setflags(write=False)

    @property
    def model(self) -> str:
        """Maximal terms in brackets."""
        return write_terms(self.terms)

    @property
    def infinite(self) -> tuple[int, ...]:
        """Terms whose coefficient is minus infinity."""
        pairs = zip(self.terms, self.coefficients, strict=True)
        return tuple(term for term, value in pairs if math.isinf(value))

    @property
    def unseen(self) -> float:
        """Persons on no list, exp(intercept)."""
        return float(self.fitted[0])

    @property
    def population_size(self) -> float:
        """Persons seen and unseen."""
        return self.n_observed + self.unseen

    @property
    def std_error(self) -> float:
        """Of the population size: sqrt(u + u^2 Var(intercept)), u the unseen part."""
        return math.sqrt(self.unseen + self.unseen**2 * float(self.covariance[0, 0]))

    @property
    def aic(self) -> float:
        """-2 log L + 2 k; infinite coefficients count in k."""
        return 2 * len(self.terms) - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """-2 log L + k log n, n persons observed; infinite coefficients count in k."""
        return len(self.terms) * math.log(self.n_observed) - 2 * self.log_likelihood


def fit_extended(
    dense_counts: IntVector, terms_bitmasks: Iterable[int], n_lists: int
) -> LogLinearFit:
    """Fit one model, coefficients at minus infinity included.

    Parameters
    ----------
    dense_counts : ndarray of shape (2 ** n_lists,)
        Persons by history as bit mask; the unobserved cell 0 is not looked at.
    terms_bitmasks : iterable of int
        Terms of the model; their subsets, main effects and intercept are added.
    n_lists : int

    Raises
    ------
    NotEstimableError
        If the extended maximum likelihood estimate does not exist or is not unique.
    ConvergenceError
        If the iteration does not settle.
    """
    counts = _checked(dense_counts, n_lists)
    terms = hierarchical_closure(terms_bitmasks, n_lists)
    status = estimability_status(counts, terms, n_lists)
    if status:
        raise NotEstimableError(f"Model {write_terms(terms)}: {STATUS_WORDS[status]}.")
    finite, cells = reduced_table(counts, terms, n_lists)
    design = design_columns(cells, terms)[:, finite]
    observed = counts[cells].astype(np.float64)
    beta, mean, root = maximise_poisson(design, observed)
    coefficients = np.full(len(terms), -np.inf)
    coefficients[finite] = beta
    covariance = np.zeros((len(terms), len(terms)))
    covariance[np.ix_(finite, finite)] = root @ root.T
    fitted = np.zeros(1 << n_lists)
    fitted[cells] = mean
    fitted[0] = math.exp(beta[0])
    terms_of_likelihood = xlogy(observed, mean) - mean - gammaln(observed + 1)
    excess = xlogy(observed, observed / mean) - (observed - mean)
    return LogLinearFit(
        n_lists=n_lists,
        n_observed=int(counts[1:].sum()),
        terms=terms,
        coefficients=coefficients,
        covariance=covariance,
        fitted=fitted,
        log_likelihood=float(terms_of_likelihood.sum()),
        deviance=float(2 * excess.sum()),
    )


def estimability_status(
    dense_counts: IntVector, terms: tuple[int, ...], n_lists: int
) -> int:
    """Return 0 (estimable), 1 (no estimate exists), 2 (not identifiable) or 3 (both).

    The answer depends on the counts only through which of them are 0, and is kept by
    that pattern.

    Parameters
    ----------
    dense_counts : ndarray of shape (2 ** n_lists,)
    terms : tuple of int
        A closed model, as `hierarchical_closure` returns it.
    n_lists : int
    """
    counts = _checked(dense_counts, n_lists)
    seen = counts > 0
    seen[0] = False
    return _status_of_pattern(np.packbits(seen).tobytes(), terms, n_lists)


def superset_totals(dense_counts: IntVector, n_lists: int) -> IntVector:
    """Return by bit mask the persons on all lists of the mask, whatever the others."""
    totals = np.array(dense_counts, dtype=np.int64)
    totals[0] = 0
    for place in range(n_lists):
        halves = totals.reshape(-1, 2, 1 << place)
        halves[:, 0, :] += halves[:, 1, :]
    return totals


def design_columns(cells: IntVector, terms: tuple[int, ...]) -> FloatMatrix:
    """Return 1 where a term is a subset of a cell, shape (cells, terms)."""
    masks = np.asarray(terms, dtype=np.int64)
    return np.asarray((cells[:, None] & masks) == masks, dtype=np.float64)


@lru_cache(maxsize=1 << 16)
def _status_of_pattern(pattern: bytes, terms: tuple[int, ...], n_lists: int) -> int:
    seen = np.unpackbits(np.frombuffer(pattern, dtype=np.uint8))[: 1 << n_lists]
    counts = seen.astype(np.int64)
    finite, cells = reduced_table(counts, terms, n_lists)
    design = design_columns(cells, terms)[:, finite]
    identified = np.linalg.matrix_rank(design) == design.shape[1]
    return int(not estimate_exists(design, counts[cells])) + 2 * int(not identified)


def estimate_exists(design: FloatMatrix, seen: IntVector) -> bool:
    """Tell whether some table with all cells above 0 has the margins of the data.

    Fienberg and Rinaldo's condition as a linear program: the greatest s with
    design' x = design' seen and x >= s.
    """
    if seen.all():
        return True
    from scipy.optimize import linprog

    target = design.T @ seen
    # x = s + slack, so that all variables are >= 0.
    equality = np.hstack([design.T, design.sum(axis=0)[:, None]])
    gain = np.zeros(design.shape[0] + 1)
    gain[-1] = -1.0
    answer = linprog(gain, A_eq=equality, b_eq=target, method="highs")
    # The data themselves are feasible with s = 0: any other verdict is numerical.
    best = answer.fun if answer.status == 0 else None
    return best is not None and -best > EXISTENCE_TOLERANCE


def forced_empty(
    counts: IntVector, terms: tuple[int, ...], n_lists: int
) -> tuple[int, ...]:
    """Return the histories that every table with these margins leaves empty.

    Cells emptied by a term at minus infinity are not among them. Each cell is filled
    up to 1 while the others, and the table as a whole, may grow as they need.
    """
    from scipy.optimize import linprog

    finite, cells = reduced_table(counts, terms, n_lists)
    design = design_columns(cells, terms)[:, finite]
    seen = counts[cells] > 0
    # An empty cell holds its part up to 1, which counts, and any more, which does not.
    margins = design.T
    columns = [margins, margins[:, ~seen], -(margins @ seen)[:, None]]
    empty = int((~seen).sum())
    bounds = [(0, None)] * cells.size + [(0, 1)] * empty + [(0, None)]
    gain = np.concatenate([np.zeros(cells.size), -np.ones(empty), [0.0]])
    answer = linprog(
        gain,
        A_eq=np.hstack(columns),
        b_eq=np.zeros(len(margins)),
        bounds=bounds,
        method="highs",
    )
    if answer.status != 0 or answer.x is None:
        return ()
    filled = answer.x[cells.size : cells.size + empty] > 1 / 2
    return tuple(int(cell) for cell in cells[~seen][~filled])


def reduced_table(
    counts: IntVector, terms: tuple[int, ...], n_lists: int
) -> tuple[BoolVector, IntVector]:
    """Return which terms are finite and the cells that can hold anybody."""
    totals = superset_totals(counts, n_lists)
    finite = totals[list(terms)] > 0
    cells = np.arange(1, 1 << n_lists, dtype=np.int64)
    for term, is_finite in zip(terms, finite, strict=True):
        if not is_finite:
            cells = cells[cells & term != term]
    return finite, cells


def maximise_poisson(
    design: FloatMatrix, observed: FloatVector
) -> tuple[FloatVector, FloatVector, FloatMatrix]:
    """Return coefficients, means and a square root of the coefficients' covariance."""
    mean = observed + 0.1
    predictor = np.log(mean)
    beta = np.zeros(design.shape[1])
    likelihood = -math.inf
    for turn in range(MOST_STEPS):
        weight = np.sqrt(mean)
        orthogonal, triangle = np.linalg.qr(design * weight[:, None])
        working = weight * (predictor + (observed - mean) / mean)
        target = np.linalg.solve(triangle, orthogonal.T @ working)
        step, previous = 1.0, beta
        while True:
            beta = previous + step * (target - previous)
            predictor = design @ beta
            with np.errstate(over="ignore"):
                mean = np.exp(predictor)
                reached = float((observed * predictor - mean).sum())
            if reached >= likelihood - 1e-9 * (1 + abs(likelihood)) or step < 1e-8:
                break
            step /= 2
        likelihood = reached
        change = (np.abs(beta - previous) / (1 + np.abs(beta))).max()
        # Rounding keeps ill-conditioned tables from standing still to the last digit.
        if change < (STEP_TOLERANCE if turn < LENIENT_FROM else 1e3 * STEP_TOLERANCE):
            break
    else:
        raise ConvergenceError(
            f"The fit did not settle in {MOST_STEPS} steps: the counts are nearly on "
            "the border of what the model can express. Choose fewer terms."
        )
    weight = np.sqrt(mean)
    _, triangle = np.linalg.qr(design * weight[:, None])
    return beta, mean, np.linalg.inv(triangle)


def _checked(dense_counts: IntVector, n_lists: int) -> IntVector:
    if n_lists > MOST_LISTS:
        raise InputError(
            f"{n_lists} lists came; log-linear models take at most {MOST_LISTS}. Merge "
            "or omit lists first."
        )
    counts = np.asarray(dense_counts, dtype=np.int64)
    if counts.shape != (1 << n_lists,):
        raise InputError(
            f"{1 << n_lists} counts by bit mask were expected for {n_lists} lists, "
            f"shape {counts.shape} came."
        )
    return counts
