"""Capture tables of a population whose size is known, for tests and accuracy tables.

First the probability of every history, the unobserved one included, under a stated
kind of dependence; then multinomial draws of whole tables. Histories are bit masks:
cell h of a vector is the history with list j wherever bit j of h is set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from estimators.checks import as_generator, check_counts, finite_vector
from estimators.errors import ConvergenceError, InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix

__all__ = [
    "dependent_cells",
    "draw_tables",
    "independent_cells",
    "latent_class_cells",
    "logit_normal_cells",
]

_FEWEST, _MOST = 2, 16
_RAKING_ROUNDS = 10_000
_RAKING_TOLERANCE = 1e-13
# Gauss-Hermite nodes: with 61, cells agree to 1e-9 with 121 nodes at spread 2.
_NODES = 61
# Whole numbers are exact in floats up to here.
_LARGEST_POPULATION = 2**53


def independent_cells(
    capture_probability: Sequence[float] | FloatVector,
) -> FloatVector:
    """Return history probabilities of independent lists.

    Parameters
    ----------
    capture_probability : array of shape (t,)
        Probability of being on each list, inside (0, 1).

    Returns
    -------
    ndarray of shape (2 ** t,)
        Cell 0 is the probability of being on no list.

    Raises
    ------
    InputError
        If a probability is not inside (0, 1) or there are not 2 to 16 lists.

    Examples
    --------
    >>> independent_cells([0.5, 0.2]).round(2).tolist()
    [0.4, 0.4, 0.1, 0.1]
    """
    return np.asarray(_product(_probabilities(capture_probability)[None, :])[0])


def dependent_cells(
    capture_probability: Sequence[float] | FloatVector,
    *,
    odds_ratios: Mapping[tuple[int, ...], float],
) -> FloatVector:
    """Return history probabilities of lists with given margins and interactions.

    The log-linear model log p(h) = main effects + sum of log(ratio) over the terms
    contained in h, with the main effects found by raking so that every list keeps its
    capture probability. A pair's ratio is its odds ratio given the other lists.

    Parameters
    ----------
    capture_probability : array of shape (t,)
        Probability of being on each list, inside (0, 1).
    odds_ratios : mapping of tuple of int to float
        Lists of the term, counted from 0, two or more, to a ratio above 0: above 1 the
        lists name the same persons. A triple's ratio is the ratio of odds ratios.

    Returns
    -------
    ndarray of shape (2 ** t,)

    Raises
    ------
    InputError
        If `odds_ratios` is no mapping, a term names no two lists, or a ratio is not
        above 0.
    ConvergenceError
        If raking does not reach the margins.

    Examples
    --------
    >>> cells = dependent_cells([0.5, 0.2], odds_ratios={(0, 1): 4.0})
    >>> round(float(cells[3] * cells[0] / (cells[1] * cells[2])), 6)
    4.0
    >>> round(float(cells[1] + cells[3]), 6), round(float(cells[2] + cells[3]), 6)
    (0.5, 0.2)
    """
    margin = _probabilities(capture_probability)
    held = _held(margin.size)
    cells = np.ones(1 << margin.size)
    for lists, ratio in _ratios(odds_ratios, margin.size):
        cells[held[:, lists].all(axis=1)] *= ratio
    cells /= cells.sum()
    extreme = (
        f"Raking did not reach the margins {margin.tolist()} in {_RAKING_ROUNDS} "
        "rounds: the odds ratios are too extreme."
    )
    for _ in range(_RAKING_ROUNDS):
        for place, wanted in enumerate(margin):
            now = cells[held[:, place]].sum()
            if not 0 < now < 1:
                raise ConvergenceError(extreme)
            cells *= np.where(held[:, place], wanted / now, (1 - wanted) / (1 - now))
        if np.abs(cells @ held - margin).max() < _RAKING_TOLERANCE:
            return cells
    raise ConvergenceError(extreme)


def latent_class_cells(
    shares: Sequence[float] | FloatVector, capture_probability: FloatMatrix
) -> FloatVector:
    """Return history probabilities of a mixture of classes with independent lists.

    Parameters
    ----------
    shares : array of shape (classes,)
        Share of the population in each class; they sum to 1.
    capture_probability : array of shape (classes, t)
        Probability of being on each list within each class, inside (0, 1).

    Returns
    -------
    ndarray of shape (2 ** t,)

    Raises
    ------
    InputError
        If the shares are not a distribution over the rows.

    Examples
    --------
    >>> import numpy as np
    >>> within = np.array([[0.6, 0.6], [0.1, 0.1]])
    >>> latent_class_cells([0.5, 0.5], within).round(3).tolist()
    [0.485, 0.165, 0.165, 0.185]
    """
    share = finite_vector(shares, "shares")
    try:
        within = np.asarray(capture_probability, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"capture_probability: rows of numbers of one length were expected: {error}"
        ) from error
    if within.ndim != 2 or within.shape[0] != share.size:
        raise InputError(
            f"{share.size} shares came with probabilities of shape {within.shape}: one "
            "row per class and one column per list was expected."
        )
    if (share < 0).any() or abs(share.sum() - 1) > 1e-9:
        raise InputError(f"shares={share.tolist()} must be >= 0 and sum to 1.")
    for row in within:
        _probabilities(row)
    return share @ _product(within)


def logit_normal_cells(
    capture_probability: Sequence[float] | FloatVector, *, spread: float
) -> FloatVector:
    """Return history probabilities when persons differ in how catchable they are.

    logit P(person i on list j) = logit(p_j) + spread * z_i with z_i standard normal,
    integrated by Gauss-Hermite quadrature: the Rasch model with a normal trait.

    Parameters
    ----------
    capture_probability : array of shape (t,)
        Probability of each list for a person with z = 0, inside (0, 1).
    spread : float
        Standard deviation of the persons' logits, at least 0; 0 gives independence.

    Returns
    -------
    ndarray of shape (2 ** t,)

    Raises
    ------
    InputError
        If `spread` is below 0 or not finite.

    Examples
    --------
    >>> cells = logit_normal_cells([0.2, 0.2], spread=1.5)
    >>> bool(cells[3] * cells[0] / (cells[1] * cells[2]) > 1)
    True
    """
    middle = _probabilities(capture_probability)
    if not (_is_number(spread) and spread >= 0):
        raise InputError(f"spread={spread!r}: a finite number >= 0 was expected.")
    node, weight = np.polynomial.hermite_e.hermegauss(_NODES)
    within = expit(logit(middle)[None, :] + spread * node[:, None])
    return np.asarray(weight / weight.sum() @ _product(within))


def draw_tables(
    cells: FloatVector,
    *,
    population: int,
    n_tables: int = 1,
    rng: int | np.random.Generator | None = None,
) -> IntMatrix:
    """Draw capture tables of a population of known size.

    Parameters
    ----------
    cells : array of shape (2 ** t,)
        Probability of every history, cell 0 the unobserved one.
    population : int
        True size N, in persons.
    n_tables : int
    rng : int or numpy.random.Generator, optional

    Returns
    -------
    ndarray of int64, shape (n_tables, 2 ** t)
        Every row sums to `population`; column 0 holds the persons on no list, whom an
        estimator must not see: ``histories.with_counts`` leaves that cell out.

    Raises
    ------
    InputError
        If `cells` is not a distribution over 2 ** t histories, or the population is
        above 2 ** 53.

    Examples
    --------
    >>> tables = draw_tables(
    ...     independent_cells([0.5, 0.2]), population=100, n_tables=3, rng=1
    ... )
    >>> tables.shape, tables.sum(axis=1).tolist()
    ((3, 4), [100, 100, 100])
    """
    checked = check_counts(population=population, n_tables=n_tables)
    if checked["population"] > _LARGEST_POPULATION:
        raise InputError(
            f"population={population}: at most {_LARGEST_POPULATION} can be drawn."
        )
    share = finite_vector(cells, "cells")
    if share.size < 4 or share.size & (share.size - 1):
        raise InputError(f"cells: 2 ** t values were expected, {share.size} came.")
    if (share < 0).any() or abs(share.sum() - 1) > 1e-9:
        raise InputError("cells: probabilities >= 0 that sum to 1 were expected.")
    return as_generator(rng).multinomial(
        checked["population"], share / share.sum(), size=checked["n_tables"]
    )


def _ratios(
    odds_ratios: Mapping[tuple[int, ...], float], n_lists: int
) -> list[tuple[list[int], float]]:
    if not isinstance(odds_ratios, Mapping):
        raise InputError(
            f"odds_ratios={odds_ratios!r}: a mapping of lists to a ratio was expected, "
            "such as {(0, 1): 2.0}."
        )
    read: list[tuple[list[int], float]] = []
    for term, ratio in odds_ratios.items():
        lists = set(term) if isinstance(term, tuple | frozenset) else set()
        known = {place for place in range(n_lists) if place in lists}
        if len(lists) < 2 or known != lists:
            raise InputError(
                f"odds_ratios: {term!r} is no set of two or more lists out of 0 to "
                f"{n_lists - 1}."
            )
        if not (_is_number(ratio) and ratio > 0):
            raise InputError(f"odds_ratios: {ratio!r} for {term!r} is not above 0.")
        read.append((sorted(known), float(ratio)))
    return read


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and bool(np.isfinite(float(value)))


def _probabilities(values: Sequence[float] | FloatVector) -> FloatVector:
    probability = finite_vector(values, "capture_probability")
    if not _FEWEST <= probability.size <= _MOST:
        raise InputError(
            f"{probability.size} lists came; {_FEWEST} to {_MOST} can be simulated."
        )
    _inside(probability)
    return probability


def _inside(probability: FloatVector) -> None:
    if not ((probability > 0) & (probability < 1)).all():
        raise InputError(
            f"capture_probability={probability.tolist()}: every value must lie inside "
            "(0, 1)."
        )


def _held(n_lists: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    mask = np.arange(1 << n_lists)[:, None]
    return (mask >> np.arange(n_lists) & 1).astype(bool)


def _product(within: FloatMatrix) -> FloatMatrix:
    """Return cells of independent lists, shape (classes, 2 ** t)."""
    held = _held(within.shape[1])
    chosen = np.where(held[None], within[:, None, :], 1 - within[:, None, :])
    return np.asarray(chosen.prod(axis=2))
