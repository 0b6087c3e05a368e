"""Sizes under closed-population models with their bias of order 1 removed.

Rivest and Levesque (2001): small quantities are added to the counts before the model is
fitted, as Chapman (1951) did for two lists.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture.closed_population_bound import (
    lower_bound_columns,
    nonnegative_terms,
)
from estimators.capture_recapture.closed_population_fit import (
    COLUMNS,
    PoissonMaximum,
    PoissonTable,
    check_exists,
    check_overlap,
    poisson_maximum,
    poisson_table,
)
from estimators.capture_recapture.closed_population_removal import (
    first_captures,
    removal_size,
)
from estimators.errors import ConvergenceError, InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = ["corrected_size"]

MOST_TURNS = 500
TURN_TOLERANCE = 1e-11
TOO_FEW = (
    "bias_corrected=True does not settle: too few persons are on two lists for the "
    "correction. Leave it out, or use heterogeneity='chao' with model='Mh'."
)


def corrected_size(
    histories: CaptureHistories, model: str, heterogeneity: str | None
) -> tuple[float, float]:
    """Return the corrected size and its variance.

    Raises
    ------
    InputError
        If no correction is known for the model, or it needs more lists.
    """
    n_lists = histories.n_lists
    least = {"Mb": 3, "Mbh": 4, "M0": 2, "Mt": 2}.get(model, 3)
    if n_lists < least:
        raise InputError(
            f"bias_corrected=True: {model} needs {least} lists or more for it; "
            f"{n_lists} came."
        )
    if model in ("Mb", "Mbh"):
        return _removal(histories, model)
    if heterogeneity == "normal":
        raise InputError(
            "bias_corrected=True: no correction is known for heterogeneity='normal'."
        )
    if model == "Mt" and n_lists == 2:
        check_overlap(histories, by_list=True)
        return _chapman(histories)
    if model == "Mh" and heterogeneity == "chao":
        return _chao(histories)
    if model in ("M0", "Mh"):
        return _small_chances(histories, heterogeneity)
    return _second_order(histories, heterogeneity)


def _removal(histories: CaptureHistories, model: str) -> tuple[float, float]:
    firsts = first_captures(histories)
    apart = 0.0
    if model == "Mbh":
        apart, firsts = float(firsts[0]), firsts[1:]
    shift = np.zeros(firsts.size)
    shift[:3] = 2.0, -1.0, -1.0
    size, variance, _, _ = removal_size(np.maximum(firsts + shift, 0.0), model)
    return apart + size, variance


def _chapman(histories: CaptureHistories) -> tuple[float, float]:
    n1, n2 = (int(size) for size in histories.list_sizes())
    both = n1 + n2 - histories.n_observed
    size = (n1 + 1) * (n2 + 1) / (both + 1) - 1
    top = (n1 + 1) * (n2 + 1) * (n1 - both) * (n2 - both)
    return size, top / ((both + 1) ** 2 * (both + 2))


def _chao(histories: CaptureHistories) -> tuple[float, float]:
    once, twice = (float(count) for count in histories.capture_frequencies()[1:3])
    share = (histories.n_lists - 1) / histories.n_lists
    unseen = share * once * (once - 1) / (2 * (twice + 1))
    spread = once**2 + 4 * once * twice + 3 * once - 6 * twice - 6
    spread *= share**2 * once * (once - 1) / (4 * (twice + 1) ** 2 * (twice + 2))
    if unseen <= 0 or unseen + spread <= 0:
        raise NotEstimableError(
            f"Chao's bound with bias correction: {once:g} persons are on exactly one "
            f"list and {twice:g} on two, too few for a bound above the persons seen."
        )
    return histories.n_observed + unseen, unseen + spread


def _small_chances(
    histories: CaptureHistories, heterogeneity: str | None
) -> tuple[float, float]:
    """Fit M0 or Mh after adding fixed quantities to the persons on 1, 2, 3 lists.

    They remove the bias of order 1 in the limit of small chances, and hardly err at
    large ones, where nearly everyone is seen.
    """
    if heterogeneity is None:
        shift = np.array([-1 / 2, 1.0, 0.0])
    else:
        h1, h2, h3 = COLUMNS[heterogeneity](np.array([1.0, 2.0, 3.0]))
        bend = float((h2 - 2 * h1) / (h3 - 2 * h2 + h1))
        shift = np.array([-(1 + bend) / 2, 1 + bend, (1 - bend) / 2])
    check_overlap(histories, by_list=False)
    table = poisson_table(histories, by_list=False)
    counts = table.counts.copy()
    counts[:3] += shift[: counts.size]
    counts = np.maximum(counts, 0.0)
    design = _design(histories, table, heterogeneity)
    check_exists(design, counts, heterogeneity or "none")
    fit = poisson_maximum(design, table.histories_in_row, counts)
    return _size(histories, fit)


def _second_order(
    histories: CaptureHistories, heterogeneity: str | None
) -> tuple[float, float]:
    """Fit Mt or Mth with half the leverages added and half an unseen person taken off.

    The leverages remove the bias of the coefficients (Firth 1993), the half that of
    the exponential of the intercept. Two lists: Chapman's estimate. Fixed quantities
    would do for chances that are small even over all lists together, and beyond add
    bias: 4.6 persons of 200 with eight lists at 0.1, where it is 1.8 without.
    """
    check_overlap(histories, by_list=True)
    table = poisson_table(histories, by_list=True)
    times, counts = table.histories_in_row, table.counts
    design = _design(histories, table, heterogeneity)
    if heterogeneity is not None:
        check_exists(design, counts, heterogeneity)
    nobody = np.zeros(design.shape[1])
    nobody[0] = 1.0
    # Rows of counts that change the margins by minus half of an unseen person.
    half = -design @ np.linalg.solve(design.T @ design, nobody) / 2
    fit = poisson_maximum(design, times, counts)
    for _ in range(MOST_TURNS):
        leverage = fit.mean * ((design @ fit.covariance) * design).sum(axis=1)
        before = fit.coefficients
        try:
            with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
                fit = poisson_maximum(
                    design, times, counts + leverage / 2 + half, before
                )
        except np.linalg.LinAlgError as error:
            raise NotEstimableError(TOO_FEW) from error
        if np.abs(fit.coefficients - before).max() < TURN_TOLERANCE:
            return _size(histories, fit)
    raise ConvergenceError(TOO_FEW)


def _design(
    histories: CaptureHistories, table: PoissonTable, heterogeneity: str | None
) -> FloatMatrix:
    if heterogeneity is None:
        return table.design
    if heterogeneity == "chao":
        columns = lower_bound_columns(histories.n_lists, table.n_captures)
        free, _ = nonnegative_terms(table, columns)
        return np.column_stack([table.design, columns[:, free]])
    return np.column_stack([table.design, COLUMNS[heterogeneity](table.n_captures)])


def _size(histories: CaptureHistories, fit: PoissonMaximum) -> tuple[float, float]:
    unseen = math.exp(fit.coefficients[0])
    variance = unseen + unseen**2 * float(fit.covariance[0, 0])
    return histories.n_observed + unseen, variance
