"""Extended maximum likelihood for many hierarchical models of one table.

A table of t lists is a vector of 2 ** t cells by bit mask; cell 0 is unobserved. Sums
over all cells that hold a term need t * 2 ** (t - 1) additions for all terms at once,
and the information between two terms is the fitted sum of their union: no design
matrix is ever formed.

Codes of a fit: 0 estimable for certain, 1 to be decided by linear programming and rank,
2 not identifiable (more parameters than cells), 3 left because it cannot win.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from estimators.numba_options import kernel

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix, IntVector

MOST_STEPS = 60
# A fit is taken to have converged once its Newton decrement, in units of twice the
# log-likelihood, is below this: the step that follows squares what is left.
SMALL_DECREMENT = 1e-10
SMALLEST_PIVOT = 1e-13
# A direction that shows non-existence has small whole numbers as coefficients, so its
# cells cannot exceed the residual margins by more than this.
CERTAIN = 1e3
ETA, MU, SUMS, ALPHA, GRADIENT, STEP, TRIED = range(7)


@kernel()
def subset_sums(cells: FloatVector) -> None:
    """Replace each cell by the sum over its subsets, in place."""
    bit = 1
    while bit < cells.size:
        for cell in range(cells.size):
            if cell & bit:
                cells[cell] += cells[cell ^ bit]
        bit <<= 1


@kernel()
def superset_sums(cells: FloatVector) -> None:
    """Replace each cell by the sum over its supersets, in place."""
    bit = 1
    while bit < cells.size:
        for cell in range(cells.size):
            if not cell & bit:
                cells[cell] += cells[cell | bit]
        bit <<= 1


@kernel()
def substitute(factor: FloatMatrix, known: FloatVector, answer: FloatVector) -> None:
    """Solve from the factor that `solve` leaves: pivots, and pivots times rows."""
    size = known.size
    for k in range(size):
        answer[k] = known[k]
    for k in range(size):
        scaled = answer[k] / factor[k, k]
        for i in range(k + 1, size):
            answer[i] -= factor[k, i] * scaled
    for k in range(size - 1, -1, -1):
        rest = answer[k]
        for i in range(k + 1, size):
            rest -= factor[k, i] * answer[i]
        answer[k] = rest / factor[k, k]


@kernel()
def solve(matrix: FloatMatrix, known: FloatVector, answer: FloatVector) -> bool:
    """Solve a positive definite system by LDL'; the upper triangle is overwritten.

    Returns False if a pivot vanishes beside its diagonal.
    """
    size = known.size
    for k in range(size):
        answer[k] = matrix[k, k]
    for k in range(size):
        pivot = matrix[k, k]
        if not pivot > SMALLEST_PIVOT * answer[k]:
            return False
        for i in range(k + 1, size):
            factor = matrix[k, i] / pivot
            for j in range(i, size):
                matrix[i, j] -= factor * matrix[k, j]
    substitute(matrix, known, answer)
    return True


@kernel()
def prepare(
    terms: IntVector, margins: FloatVector, active: IntVector, dead: IntVector
) -> tuple[int, int]:
    """Part finite parameters from those at minus infinity; mark cells that vanish.

    Returns the number of finite parameters and of cells kept; `active` and `dead`
    are filled.
    """
    dead[:] = 0
    finite = 1
    active[0] = 0
    for place in range(terms.size):
        term = terms[place]
        if margins[term] > 0:
            active[finite] = term
            finite += 1
        else:
            dead[term] = 1
    if finite <= terms.size:
        bit = 1
        while bit < dead.size:
            for cell in range(dead.size):
                if cell & bit:
                    dead[cell] |= dead[cell ^ bit]
            bit <<= 1
    dead[0] = 1
    return finite, dead.size - dead.sum()


@kernel()
def evaluate(
    active: IntVector,
    counts: FloatVector,
    margins: FloatVector,
    dead: IntVector,
    work: FloatMatrix,
) -> tuple[float, float, float]:
    """Fill fitted cells, their sums and the gradient at the parameters in `work`.

    Returns the log-likelihood without its constant, the sum of absolute residual
    margins, and the least fitted cell among empty ones that were kept.
    """
    eta, mu, sums = work[ETA], work[MU], work[SUMS]
    eta[:] = 0.0
    for place in range(active.size):
        eta[active[place]] = work[ALPHA, place]
    subset_sums(eta)
    likelihood, least = 0.0, np.inf
    for cell in range(counts.size):
        mu[cell] = 0.0
        if not dead[cell]:
            mu[cell] = np.exp(eta[cell])
            if counts[cell] > 0:
                likelihood += counts[cell] * eta[cell]
            elif mu[cell] < least:
                least = mu[cell]
        sums[cell] = mu[cell]
    superset_sums(sums)
    residual = 0.0
    for place in range(active.size):
        term = active[place]
        work[GRADIENT, place] = margins[term] - sums[term]
        residual += abs(work[GRADIENT, place])
    return likelihood - sums[0], residual, least


@kernel()
def newton_step(
    active: IntVector, work: FloatMatrix, information: FloatMatrix
) -> float:
    """Write the Newton step; returns its decrement, negative if it is not defined."""
    size = active.size
    for i in range(size):
        for j in range(i, size):
            information[i, j] = work[SUMS, active[i] | active[j]]
    gradient, step = work[GRADIENT, :size], work[STEP, :size]
    if not solve(information, gradient, step):
        return -1.0
    decrement = 0.0
    for i in range(size):
        decrement += gradient[i] * step[i]
    return decrement if decrement >= 0 else 0.0


@kernel()
def start(
    active: IntVector,
    counts: FloatVector,
    dead: IntVector,
    work: FloatMatrix,
    information: FloatMatrix,
) -> bool:
    """Write starting parameters: weighted least squares on log(count + 1/2)."""
    size = active.size
    for cell in range(counts.size):
        weight = 0.0 if dead[cell] else counts[cell] + 0.5
        work[SUMS, cell] = weight
        work[MU, cell] = weight * np.log(counts[cell] + 0.5)
    superset_sums(work[SUMS])
    superset_sums(work[MU])
    for i in range(size):
        work[GRADIENT, i] = work[MU, active[i]]
        for j in range(i, size):
            information[i, j] = work[SUMS, active[i] | active[j]]
    return solve(information, work[GRADIENT, :size], work[ALPHA, :size])


@kernel()
def climb(  # noqa: PLR0917 - kernels take arrays by position
    active: IntVector,
    counts: FloatVector,
    margins: FloatVector,
    dead: IntVector,
    work: FloatMatrix,
    information: FloatMatrix,
    least_wanted: float,
) -> tuple[float, int]:
    """Maximise from the parameters in `work`; returns the log-likelihood and a code.

    A fit that cannot reach `least_wanted` is left early. It is certain that the
    estimate exists once every empty cell that was kept has a fitted mean far above
    the residual margins; a fit that converges without that is undecided.
    """
    size = active.size
    likelihood, residual, least = evaluate(active, counts, margins, dead, work)
    decrement = np.inf
    for _ in range(MOST_STEPS):
        if decrement < SMALL_DECREMENT and CERTAIN * residual < least:
            return likelihood, 0
        small_before = decrement < SMALL_DECREMENT
        decrement = newton_step(active, work, information)
        if decrement < 0 or (small_before and decrement < SMALL_DECREMENT):
            return likelihood, 1
        if decrement < 0.1 and likelihood + 10 * decrement < least_wanted:
            return likelihood, 3
        before = likelihood
        scale = 1.0
        for place in range(size):
            work[TRIED, place] = work[ALPHA, place]
        for _ in range(40):
            for place in range(size):
                work[ALPHA, place] = work[TRIED, place] + scale * work[STEP, place]
            likelihood, residual, least = evaluate(active, counts, margins, dead, work)
            if likelihood >= before - 1e-9 * (1.0 + abs(before) * 1e-3):
                break
            scale *= 0.5
    return likelihood, 1


@kernel()
def fit_models(
    counts: FloatVector,
    terms: IntMatrix,
    sizes: IntVector,
    starts: FloatMatrix,
    results: FloatMatrix,
) -> None:
    """Fit every model to one table.

    counts (2 ** t,); terms (models, most) padded; sizes (models,). Filled: starts
    (models, 2 ** t), parameters by term, NaN where infinite; results (models, 4):
    log-likelihood without constant, exp(intercept), variance of the intercept, code.
    """
    cells = counts.size
    margins = counts.copy()
    superset_sums(margins)
    work = np.zeros((7, cells))
    information = np.zeros((cells, cells))
    active = np.zeros(cells, dtype=np.int64)
    dead = np.zeros(cells, dtype=np.int64)
    for model in range(sizes.size):
        starts[model] = np.nan
        results[model, :3] = np.nan
        finite, kept = prepare(terms[model, : sizes[model]], margins, active, dead)
        if finite > kept:
            results[model, 3] = 2
            continue
        used = active[:finite]
        results[model, 3] = 1
        if not start(used, counts, dead, work, information):
            continue
        likelihood, code = climb(
            used, counts, margins, dead, work, information, -np.inf
        )
        for place in range(finite):
            starts[model, used[place]] = work[ALPHA, place]
        work[GRADIENT, :finite] = 0.0
        work[GRADIENT, 0] = 1.0
        results[model, 0] = likelihood
        results[model, 1] = np.exp(work[ALPHA, 0])
        if newton_step(used, work, information) >= 0:
            results[model, 2] = work[STEP, 0]
        results[model, 3] = code


@kernel(parallel=True)
def select_models(  # noqa: PLR0917 - kernels take arrays by position
    counts: FloatMatrix,
    terms: IntMatrix,
    sizes: IntVector,
    starts: FloatMatrix,
    penalties: FloatVector,
    winners: FloatMatrix,
    doubts: FloatMatrix,
) -> None:
    """Find the model of least criterion in every table, over all models.

    counts (tables, 2 ** t); starts (models, 2 ** t) as `fit_models` leaves them;
    penalties (tables,) per parameter. Filled: winners (tables, 4): place of the model
    or -1, criterion without constant, exp(intercept), undecided models; doubts
    (tables, 3 * room): place, criterion and exp(intercept) of undecided models that
    were better than the best certain one when they came.
    """
    for table in numba.prange(counts.shape[0]):
        select_one(
            counts[table],
            terms,
            sizes,
            starts,
            penalties[table],
            winners[table],
            doubts[table],
        )


@kernel()
def select_one(  # noqa: PLR0917 - kernels take arrays by position
    counts: FloatVector,
    terms: IntMatrix,
    sizes: IntVector,
    starts: FloatMatrix,
    penalty: float,
    winner: FloatVector,
    doubts: FloatVector,
) -> None:
    """Do one table of `select_models`."""
    cells = counts.size
    margins = counts.copy()
    superset_sums(margins)
    perfect = -margins[0]
    for cell in range(1, cells):
        if counts[cell] > 0:
            perfect += counts[cell] * np.log(counts[cell])
    work = np.zeros((7, cells))
    information = np.zeros((cells, cells))
    active = np.zeros(cells, dtype=np.int64)
    dead = np.zeros(cells, dtype=np.int64)
    winner[0], winner[1], winner[2], winner[3] = -1.0, np.inf, np.nan, 0.0
    for model in range(sizes.size):
        price = penalty * (sizes[model] + 1)
        # No model fits better than the table itself.
        if price - 2 * perfect >= winner[1]:
            continue
        finite, kept = prepare(terms[model, : sizes[model]], margins, active, dead)
        if finite > kept:
            continue
        used = active[:finite]
        warm = True
        for place in range(finite):
            work[ALPHA, place] = starts[model, used[place]]
            warm &= np.isfinite(work[ALPHA, place])
        if not warm and not start(used, counts, dead, work, information):
            code, likelihood = 1, perfect
        else:
            likelihood, code = climb(
                used,
                counts,
                margins,
                dead,
                work,
                information,
                (price - winner[1]) / 2,
            )
        criterion = price - 2 * likelihood
        if code == 3 or criterion >= winner[1]:
            continue
        if code == 0:
            winner[0], winner[1] = model, criterion
            winner[2] = np.exp(work[ALPHA, 0])
        else:
            note_doubt(model, criterion, np.exp(work[ALPHA, 0]), winner, doubts)


@kernel()
def note_doubt(
    model: int,
    criterion: float,
    unseen: float,
    winner: FloatVector,
    doubts: FloatVector,
) -> None:
    """Remember an undecided model; those that can no longer win make room."""
    room = doubts.size // 3
    used = int(winner[3])
    if used == room:
        used = 0
        for place in range(room):
            if doubts[3 * place + 1] < winner[1]:
                doubts[3 * used : 3 * used + 3] = doubts[3 * place : 3 * place + 3]
                used += 1
    if used < room:
        doubts[3 * used] = model
        doubts[3 * used + 1] = criterion
        doubts[3 * used + 2] = unseen
    winner[3] = used + 1
