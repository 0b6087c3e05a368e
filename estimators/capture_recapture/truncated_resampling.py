"""Bootstrap sizes of repeat-count models: all samples share the same cells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from estimators.capture_recapture.count_families import FAMILIES, detection
from estimators.capture_recapture.truncated_fit import fit_samples, model_terms, sizes

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.capture_recapture.count_cells import CountCells
    from estimators.capture_recapture.truncated_point import PointFit

__all__ = ["Resampling", "bootstrap_sizes"]

Resampling: TypeAlias = Literal["parametric", "bootstrap"]
MOST_NUMBERS = 2_000_000
TAIL = 1e-9
MOST_SIMULATED = 1000


def bootstrap_sizes(
    cells: CountCells,
    point: PointFit,
    kind: Resampling,
    *,
    n_resamples: int,
    rng: np.random.Generator,
) -> FloatMatrix:
    """Return sizes by group of every bootstrap sample, shape (n_resamples, groups).

    Non-parametric samples draw the observed persons with replacement. Parametric ones
    draw the estimated population from the fitted model and keep whom it sees, so that
    the number of observed persons varies as well.
    """
    if kind == "bootstrap":
        drawn_cells, total = cells, cells.n_observed
        share = cells.weight / cells.weight.sum()
    else:
        drawn_cells, share, total = _population(cells, point)
    chunk = max(1, MOST_NUMBERS // max(1, drawn_cells.y.size))
    start = point.fits.parameters
    values = []
    for first in range(0, n_resamples, chunk):
        size = min(chunk, n_resamples - first)
        drawn = rng.multinomial(total, share, size=size)[:, : drawn_cells.y.size]
        met = drawn.any(axis=0)
        weight = drawn[:, met].astype(np.float64)
        part = replace(
            drawn_cells,
            matrix=drawn_cells.matrix[met],
            y=drawn_cells.y[met],
            weight=drawn_cells.weight[met],
            group=drawn_cells.group[met],
        )
        fits = fit_samples(point.family, part, weight, np.repeat(start, size, axis=0))
        values.append(sizes(point.family, part, weight, fits))
    return np.concatenate(values)


def _population(
    cells: CountCells, point: PointFit
) -> tuple[CountCells, FloatVector, int]:
    """Return cells of every count the model allows, and their shares with the unseen.

    Counts so rare that fewer than 1e-9 of those seen have a higher one are joined.
    """
    terms = model_terms(point.family, cells.matrix, point.fits.parameters)
    person, _ = detection(point.family, cells.y, terms)
    keys = np.column_stack([cells.group, cells.matrix])
    rows, position = np.unique(keys, axis=0, return_inverse=True)
    position = position.ravel()
    persons = np.bincount(position, cells.weight * person.value[0])
    matrix: FloatMatrix = np.ascontiguousarray(rows[:, 1:], dtype=np.float64)
    # Chao's and Zelterman's rate is a Poisson rate of all counts, not of 1 and 2 only.
    parameters = point.fits.parameters.copy()
    name = point.family
    if FAMILIES[name].most:
        name, shift = "poisson", np.log(2)
    else:
        shift = 0.0
    of_rows = model_terms(name, matrix, parameters)
    of_rows = [of_rows[0] + float(shift), *of_rows[1:]]
    seen = np.exp(FAMILIES[name].log_seen(of_rows).value[0])
    mass: list[FloatVector] = []
    left = np.ones(len(rows))
    while len(mass) < MOST_SIMULATED and left.max() > TAIL:
        y = np.array([len(mass) + 1.0])
        mass.append(np.exp(FAMILIES[name].log_mass(y, of_rows).value[0]))
        left = left - mass[-1]
    table = np.column_stack(mass)
    table[:, -1] += np.maximum(left, 0)
    expected = (persons * seen)[:, None] * table
    total = round(float(persons.sum()))
    share = expected.ravel() / persons.sum()
    width = table.shape[1]
    drawn = replace(
        cells,
        matrix=np.repeat(matrix, width, axis=0),
        y=np.tile(np.arange(1.0, width + 1), len(rows)),
        weight=expected.ravel(),
        group=np.repeat(rows[:, 0].astype(np.int64), width),
    )
    return drawn, np.append(share, max(0.0, 1 - share.sum())), total
