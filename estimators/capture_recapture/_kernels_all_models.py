"""Extended maximum likelihood for many hierarchical models of one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from estimators.capture_recapture._kernels_estimability import is_estimable
from estimators.capture_recapture._kernels_lattice import (
    ALPHA,
    GRADIENT,
    LEFT,
    NOT_SETTLED,
    ROWS,
    STEP,
    SURE,
    TOO_MANY,
    UNDECIDED,
    climb,
    first_guess,
    newton_step,
    superset_sums,
)
from estimators.numba_options import kernel

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix, IntVector


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
    log-likelihood without constant, exp(intercept), variance of the intercept, and a
    code: `SURE` of an estimate, `NOT_SETTLED` where one exists, or there is none.
    """
    cells = counts.size
    margins = counts.copy()
    superset_sums(margins)
    work = np.zeros((ROWS, cells))
    information = np.zeros((cells, cells))
    active = np.zeros(cells, dtype=np.int64)
    dead = np.zeros(cells, dtype=np.int64)
    for model in range(sizes.size):
        starts[model] = np.nan
        results[model, :3] = np.nan
        finite, kept = prepare(terms[model, : sizes[model]], margins, active, dead)
        if finite > kept:
            results[model, 3] = TOO_MANY
            continue
        used = active[:finite]
        results[model, 3] = UNDECIDED
        if not first_guess(used, counts, dead, work, information):
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
        if code == SURE or is_estimable(used, counts, dead):
            results[model, 3] = NOT_SETTLED if code == NOT_SETTLED else SURE


@kernel()
def climb_from(  # noqa: PLR0917 - kernels take arrays by position
    active: IntVector,
    counts: FloatVector,
    margins: FloatVector,
    known: FloatVector,
    wanted: float,
    space: tuple[FloatMatrix, FloatMatrix, IntVector, IntVector],
) -> tuple[float, int]:
    """Climb from known parameters by term, NaN where there are none, as `climb` does.

    Parameters of another table or model can be too far away to begin from; the ascent
    then begins anew.
    """
    work, information, _, dead = space
    if np.isfinite(known[0]):
        for place in range(active.size):
            value = known[active[place]]
            work[ALPHA, place] = value if np.isfinite(value) else 0.0
        likelihood, code = climb(
            active, counts, margins, dead, work, information, wanted
        )
        if code != NOT_SETTLED:
            return likelihood, code
    if not first_guess(active, counts, dead, work, information):
        return -np.inf, TOO_MANY
    return climb(active, counts, margins, dead, work, information, wanted)


@kernel()
def contest(  # noqa: PLR0917 - kernels take arrays by position
    terms: IntVector,
    counts: FloatVector,
    margins: FloatVector,
    penalty: float,
    known: FloatVector,
    to_beat: float,
    space: tuple[FloatMatrix, FloatMatrix, IntVector, IntVector],
) -> tuple[float, int]:
    """Return a model's criterion without constant, and its finite parameters.

    Infinite where no estimate exists or `to_beat` is not beaten. In `space` (working
    rows, information, active terms, dead cells) the fit is left.
    """
    active, dead = space[2], space[3]
    finite, kept = prepare(terms, margins, active, dead)
    if finite > kept:
        return np.inf, 0
    used = active[:finite]
    price = penalty * (terms.size + 1)
    likelihood, code = climb_from(
        used, counts, margins, known, (price - to_beat) / 2, space
    )
    criterion = price - 2 * likelihood
    if code in (LEFT, TOO_MANY) or criterion >= to_beat:
        return np.inf, 0
    if code != SURE and not is_estimable(used, counts, dead):
        return np.inf, 0
    return criterion, finite


@kernel()
def working_space(
    cells: int, most: int
) -> tuple[FloatMatrix, FloatMatrix, IntVector, IntVector]:
    """Return empty working rows, information, active terms and dead cells."""
    return (
        np.zeros((ROWS, cells)),
        np.zeros((most, most)),
        np.zeros(cells, dtype=np.int64),
        np.zeros(cells, dtype=np.int64),
    )


@kernel(parallel=True)
def select_models(  # noqa: PLR0917 - kernels take arrays by position
    counts: FloatMatrix,
    terms: IntMatrix,
    sizes: IntVector,
    starts: FloatMatrix,
    penalties: FloatVector,
    winners: FloatMatrix,
) -> None:
    """Find the model of least criterion in every table, over all models.

    counts (tables, 2 ** t); starts (models, 2 ** t) as `fit_models` leaves them;
    penalties (tables,) per parameter. Filled: winners (tables, 3): place of the model
    or -1, criterion without constant, exp(intercept).
    """
    for table in numba.prange(counts.shape[0]):
        select_one(
            counts[table],
            terms,
            sizes,
            starts,
            penalties[table],
            winners[table],
        )


@kernel()
def select_one(  # noqa: PLR0917 - kernels take arrays by position
    counts: FloatVector,
    terms: IntMatrix,
    sizes: IntVector,
    starts: FloatMatrix,
    penalty: float,
    winner: FloatVector,
) -> None:
    """Do one table of `select_models`."""
    cells = counts.size
    margins = counts.copy()
    superset_sums(margins)
    perfect = -margins[0]
    for cell in range(1, cells):
        if counts[cell] > 0:
            perfect += counts[cell] * np.log(counts[cell])
    space = working_space(cells, min(terms.shape[1] + 1, cells))
    winner[0], winner[1], winner[2] = -1.0, np.inf, np.nan
    for model in range(sizes.size):
        # No model fits better than the table itself.
        if penalty * (sizes[model] + 1) - 2 * perfect >= winner[1]:
            continue
        criterion, _ = contest(
            terms[model, : sizes[model]],
            counts,
            margins,
            penalty,
            starts[model],
            winner[1],
            space,
        )
        if criterion < winner[1]:
            winner[0], winner[1] = model, criterion
            winner[2] = np.exp(space[0][ALPHA, 0])
