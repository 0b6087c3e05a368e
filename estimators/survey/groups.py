"""Linearised estimates of one quantity in every domain at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.designs import (
    Design,
    Domains,
    ReplicateDesign,
    check_design,
    domain_covariance,
    domain_degrees_of_freedom,
    domain_replicate_covariance,
    split_into_domains,
)
from estimators.designs.labels import list_names
from estimators.errors import InputError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatMatrix, FloatVector, IntVector
    from estimators.designs.domains import RowSelector

__all__ = [
    "DomainSample",
    "LinearisedTotals",
    "deviation",
    "linearise",
    "read_domains",
]

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DomainSample:
    """Known rows of every domain.

    Attributes
    ----------
    design : SurveyDesign or ReplicateDesign
    domains : Domains
        Domains with at least one known row; `code` is -1 in rows that are unknown.
    n_known, n_unknown : ndarray of shape (domains,)
    notes : tuple of str
    """

    design: Design
    domains: Domains
    n_known: IntVector
    n_unknown: IntVector
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.domains.groups)

    @property
    def inside(self) -> BoolVector:
        """Rows that enter an estimate, shape (n,)."""
        return self.domains.code >= 0

    def total(self, values: FloatVector) -> FloatVector:
        """Return the plain sum of values in each domain, shape (domains,)."""
        inside = self.inside
        sums = np.zeros(len(self))
        sums[:] = np.bincount(self.domains.code[inside], values[inside], sums.size)
        return sums

    def spread(self, values: FloatVector) -> FloatVector:
        """Give every row the value of its domain, 0 outside, shape (n,)."""
        code = self.domains.code
        return np.where(code >= 0, values[np.maximum(code, 0)], 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearisedTotals:
    """One estimate per domain with what its variance gave.

    Attributes
    ----------
    sample : DomainSample
    estimate : ndarray of shape (domains,)
    covariance : ndarray of shape (domains, domains)
    df : ndarray of shape (domains,)
        PSUs less strata of each domain.
    df_together : float
        The same for all domains together.
    simple_variance : ndarray of shape (domains,)
        Variance under simple random sampling with replacement of as many rows; NaN for
        a single row.
    sum_of_weights : ndarray of shape (domains,)
    n_lost : ndarray of shape (domains,)
        Replicates in which a domain is empty, and so has no estimate.
    """

    sample: DomainSample
    estimate: FloatVector
    covariance: FloatMatrix
    df: FloatVector
    df_together: float
    simple_variance: FloatVector
    sum_of_weights: FloatVector
    n_lost: IntVector

    @property
    def variance(self) -> FloatVector:
        """Design variance of each estimate, shape (domains,)."""
        return np.diag(self.covariance)


def read_domains(
    design: Design,
    variables: Sequence[str],
    by: str | Sequence[str] | None,
    where: RowSelector | None,
) -> tuple[DomainSample, list[FloatVector]]:
    """Return the domains of known rows and the variables as float vectors.

    A row with a missing value in any variable lies in no domain; it is counted, and it
    stays in the design.
    """
    check_design(design)
    for name in variables:
        check_columns(design.frame, {"variable": name})
    values = [_numbers(design.frame, name) for name in variables]
    domains = split_into_domains(design, by, where)
    known = np.logical_and.reduce([~np.isnan(value) for value in values])
    return _keep_known(design, domains, known, variables), values


def _numbers(frame: pd.DataFrame, name: str) -> FloatVector:
    try:
        values = (
            frame[name].astype("float64").to_numpy(dtype=np.float64, na_value=np.nan)
        )
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name!r} must be numbers, 0/1 or true/false, but is {frame[name].dtype}: "
            f"{error}. Make a 0/1 column of the level you want."
        ) from error
    if np.isinf(values).any():
        raise InputError(f"{name!r} is infinite in {int(np.isinf(values).sum())} rows.")
    return np.array(values, dtype=np.float64)


def _keep_known(
    design: Design, domains: Domains, known: BoolVector, variables: Sequence[str]
) -> DomainSample:
    inside, n_domains = domains.code >= 0, len(domains.groups)
    n_rows = np.bincount(domains.code[inside], minlength=n_domains)
    n_known = np.bincount(domains.code[inside & known], minlength=n_domains)
    kept = np.flatnonzero(n_known)
    names = " or ".join(repr(name) for name in variables)
    if not kept.size:
        raise NotEstimableError(
            f"{names} is unknown in all {int(n_rows.sum())} rows of the domain."
        )
    notes = list(domains.notes)
    empty = [domains.groups[i] for i in np.flatnonzero(n_known == 0)]
    if empty:
        notes.append(
            f"no estimate where {names} is unknown in every row: "
            f"{list_names(dict(group) for group in empty)}"
        )
    place = np.full(n_domains + 1, -1, dtype=np.int64)  # last place serves code -1
    place[kept] = np.arange(kept.size)
    code = np.where(known, place[domains.code], -1)
    return DomainSample(
        design=design,
        domains=Domains(code=code, groups=tuple(domains.groups[i] for i in kept)),
        n_known=n_known[kept],
        n_unknown=(n_rows - n_known)[kept],
        notes=tuple(notes),
    )


def deviation(values: FloatVector, centre: FloatVector) -> FloatVector:
    """Return values - centre, exactly 0 where they differ by rounding alone.

    Otherwise a constant would get a variance of 1e-33 and a design effect of noise.
    """
    same = np.abs(values - centre) <= _ROUNDING * np.abs(values)
    return np.where(same, 0.0, values - centre)


def linearise(
    sample: DomainSample,
    estimate: FloatVector,
    influence: FloatVector,
    simple: tuple[FloatVector, FloatVector],
    parts: tuple[FloatVector, FloatVector | None],
) -> LinearisedTotals:
    """Join estimates with their covariance, degrees of freedom and SRS variance.

    Parameters
    ----------
    sample : DomainSample
    estimate : ndarray of shape (domains,)
    influence : ndarray of shape (n,)
        Derivative of the estimate of a row's own domain by the row's weight.
    simple : pair of arrays
        Deviations, shape (n,), whose variance simple random sampling would see, and the
        factor, shape (domains,), from a mean of them to the estimate.
    parts : pair of arrays
        Values, shape (n,), whose totals the estimate is the ratio of; None for no
        denominator. Replicates repeat the ratio, linearisation needs none.
    """
    design, code = sample.design, sample.domains.code
    weights = np.where(sample.inside, design.weights, 0.0)
    scores = weights * np.where(sample.inside, influence, 0.0)
    deviation, factor = simple
    squares = sample.total(weights * np.where(sample.inside, deviation, 0.0) ** 2)
    size = sample.total(weights)
    n = sample.n_known.astype(np.float64)
    spread = squares / size / np.where(n < 2, np.nan, n - 1)
    n_lost = np.zeros(len(sample), dtype=np.int64)
    if isinstance(design, ReplicateDesign):
        covariance, n_lost = domain_replicate_covariance(design, parts, code, estimate)
    else:
        covariance = domain_covariance(design, scores, code, len(sample))
    together = domain_degrees_of_freedom(design, np.where(code >= 0, 0, -1), 1)
    return LinearisedTotals(
        sample=sample,
        estimate=estimate,
        covariance=covariance,
        df=domain_degrees_of_freedom(design, code, len(sample)),
        df_together=float(together[0]),
        simple_variance=spread * factor**2,
        sum_of_weights=size,
        n_lost=n_lost,
    )
