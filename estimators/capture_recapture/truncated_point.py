"""The fit to the data themselves: boundaries are named, never passed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture.count_cells import check_rank
from estimators.capture_recapture.count_families import FAMILIES, detection
from estimators.capture_recapture.truncated_fit import (
    EDGE,
    Boundary,
    Fits,
    fit_samples,
    model_terms,
    sizes,
)
from estimators.errors import ConvergenceError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.capture_recapture.count_cells import CountCells

__all__ = ["PointFit", "fit_point", "size_covariance"]

SHAPE_STARTS = (-3.0, -1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class PointFit:
    """The maximum inside the parameter space, of the family that has one."""

    family: str
    fits: Fits
    covariance: FloatMatrix
    term: tuple[str, ...]
    persons: FloatVector
    notes: tuple[str, ...]

    @property
    def parameters(self) -> FloatVector:
        """Coefficients, then the family's shape."""
        return np.asarray(self.fits.parameters[0])

    @property
    def log_likelihood(self) -> float:
        """Log likelihood at the maximum, constants included."""
        return float(self.fits.log_likelihood[0])


def fit_point(name: str, cells: CountCells) -> PointFit:
    """Fit one family to the cells.

    Raises
    ------
    NotEstimableError
        If nobody was seen twice, or the maximum lies where the size is infinite.
    ConvergenceError
        If no maximum was found.
    """
    _check_counts(name, cells)
    fits = _maximise(name, cells)
    notes = cells.notes
    if fits.boundary[0] == Boundary.SHAPE_LOW:
        plain = FAMILIES[name].at_lower_bound
        notes = (
            *notes,
            f"{FAMILIES[name].shape} runs to minus infinity: the fit is that of "
            f"family={plain!r}, which is reported",
        )
        name = plain
        fits = _maximise(name, cells)
    _refuse_boundary(name, cells, fits)
    shape = FAMILIES[name].shape
    try:
        covariance = np.linalg.inv(fits.information[0])
    except np.linalg.LinAlgError as error:
        raise NotEstimableError(
            "The information matrix is singular: the counts do not tell the terms "
            f"{', '.join(cells.term)} apart."
        ) from error
    if not (np.diag(covariance) > 0).all():
        raise ConvergenceError(
            "The point found is no maximum of the likelihood: simplify the formula."
        )
    return PointFit(
        family=name,
        fits=fits,
        covariance=covariance,
        term=(*cells.term, shape) if shape else cells.term,
        persons=sizes(name, cells, cells.weight[None], fits)[0],
        notes=notes,
    )


def size_covariance(cells: CountCells, point: PointFit) -> FloatMatrix:
    """Return the covariance of the sizes by group.

    The delta method for the parameters, plus the binomial variance of who is seen.
    """
    terms = model_terms(point.family, cells.matrix, point.fits.parameters)
    person, binomial = detection(point.family, cells.y, terms)
    member = (cells.group == np.arange(len(cells.groups))[:, None]) * cells.weight
    slopes = (member * person.gradient[0]) @ cells.matrix
    if len(person.gradient) > 1:
        slopes = np.column_stack([slopes, member @ person.gradient[1].ravel()])
    within = np.diag(member @ binomial.ravel())
    return np.asarray(slopes @ point.covariance @ slopes.T + within)


def _maximise(name: str, cells: CountCells) -> Fits:
    family = FAMILIES[name]
    width = len(cells.term)
    if not family.shape:
        return fit_samples(name, cells, cells.weight[None], np.zeros((1, width)))
    plain = family.at_lower_bound
    base = fit_samples(plain, cells, cells.weight[None], np.zeros((1, width)))
    starts = np.column_stack(
        [
            np.repeat(base.parameters, len(SHAPE_STARTS), axis=0),
            np.array(SHAPE_STARTS),
        ]
    )
    weight = np.repeat(cells.weight[None], len(SHAPE_STARTS), axis=0)
    fits = fit_samples(name, cells, weight, starts)
    best = int(np.argmax(fits.log_likelihood))
    return Fits(
        *(np.asarray(getattr(fits, field))[best : best + 1] for field in Fits.__slots__)
    )


def _check_counts(name: str, cells: CountCells) -> None:
    family = FAMILIES[name]
    used = cells.y <= family.most if family.most else np.ones(cells.y.size, dtype=bool)
    twice = cells.weight[used & (cells.y > 1)].sum()
    if not twice:
        seen = "exactly twice" if family.most == 2 else "more than once"
        raise NotEstimableError(
            f"None of {cells.n_observed} observed persons was seen {seen}: the rate "
            "runs to 0 and the size to infinity. Repeat counts of a longer period, or "
            "a second list, are needed."
        )
    if not cells.weight[used & (cells.y == 1)].sum():
        raise NotEstimableError(
            f"None of {cells.n_observed} observed persons was seen exactly once: the "
            "counts bear no trace of persons who were not seen."
        )
    distinct = np.unique(cells.y).size
    if family.shape and distinct < 3:
        raise NotEstimableError(
            f"family={name!r} has a rate and {family.shape}, but there are only "
            f"{distinct} different counts: use family='chao', a lower bound."
        )
    check_rank(cells.matrix[used], cells.term)


def _refuse_boundary(name: str, cells: CountCells, fits: Fits) -> None:
    boundary = Boundary(int(fits.boundary[0]))
    if boundary is Boundary.INSIDE:
        return
    if boundary is Boundary.NOT_FOUND:
        raise ConvergenceError(
            f"The likelihood of family={name!r} could not be maximised: simplify the "
            "formula."
        )
    if boundary is Boundary.SHAPE_HIGH:
        raise NotEstimableError(_SHAPE_HIGH[name == "negative_binomial"])
    width = len(cells.term)
    eta = cells.matrix @ fits.parameters[0, :width]
    low = boundary is Boundary.RATE_ZERO
    persons = int(cells.weight[eta < -EDGE if low else eta > EDGE].sum())
    move = np.abs(fits.direction[0, :width])
    terms = ", ".join(np.array(cells.term)[move > 0.1 * move.max()])
    where = (
        "0, so that their number is infinite: none of them was seen more often"
        if low
        else "infinity: all of them were seen more than once"
    )
    raise NotEstimableError(
        f"The rate of {persons} observed persons runs to {where} "
        f"(terms {terms}). Join these categories with others or leave the terms out."
    )


_SHAPE_HIGH = {
    True: "alpha of the negative binomial runs to infinity, and the size with it: the "
    "counts are as dispersed as a log-series, which has no number of unseen persons. "
    "Use family='chao' for a lower bound or a one-inflated family.",
    False: "One-inflation runs to 1: persons seen once say nothing of the rate. Use "
    "family='chao' for a lower bound.",
}
