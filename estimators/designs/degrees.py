"""Degrees of freedom: PSUs less strata, or rank of the replicate weights less one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.designs.replicate_design import ReplicateDesign
from estimators.designs.replicate_factors import replicate_rank

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector, IntVector
    from estimators.designs.either_design import Design

__all__ = ["degrees_of_freedom", "domain_degrees_of_freedom"]


def degrees_of_freedom(design: Design, domain_mask: BoolVector | None = None) -> float:
    """Return the number of PSUs less the number of strata that a domain touches.

    Only rows of positive weight inside the design's domain (and inside `domain_mask`,
    shape (n,)) count: a domain has no more degrees of freedom than its own PSUs give.
    Replicate weights that came with the data give the rank of the domain's replicate
    weights less one, but never more than the whole design has.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.designs import SurveyDesign, degrees_of_freedom
    >>> frame = pd.DataFrame({"site": ["a", "a", "b", "c"], "w": [1.0, 2, 2, 1]})
    >>> degrees_of_freedom(SurveyDesign.from_frame(frame, weights="w", psu="site"))
    2.0
    """
    mask = design.domain if domain_mask is None else design.domain & domain_mask
    code = np.where(mask & (design.weights != 0), 0, -1).astype(np.int64)
    return float(domain_degrees_of_freedom(design, code, 1)[0])


def domain_degrees_of_freedom(
    design: Design, code: IntVector, n_domains: int
) -> FloatVector:
    """Return the degrees of freedom of many domains at once, shape (n_domains,).

    `code` of shape (n,) holds each row's domain, -1 for none.
    """
    if isinstance(design, ReplicateDesign):
        if design.origin is None:
            found = _ranks_less_one(design, code, n_domains)
        else:
            found = domain_degrees_of_freedom(design.origin, code, n_domains)
        return np.minimum(found, design.degrees_of_freedom)
    stage = design.stages[0]
    inside = code >= 0
    psus = _distinct(code[inside], stage.unit[inside], n_domains)
    strata = _distinct(code[inside], stage.row_stratum[inside], n_domains)
    return (psus - strata).astype(np.float64)


def _distinct(code: IntVector, unit: IntVector, n_domains: int) -> IntVector:
    pairs = pd.unique(unit * np.int64(n_domains) + code)
    counts: IntVector = np.bincount(pairs % n_domains, minlength=n_domains)
    return counts.astype(np.int64)


def _ranks_less_one(
    design: ReplicateDesign, code: IntVector, n_domains: int
) -> FloatVector:
    ranks = np.zeros(n_domains)
    inside = np.flatnonzero(code >= 0)
    if inside.size == len(code) and n_domains == 1:
        return np.array([design.degrees_of_freedom])
    for domain in range(n_domains):
        units = np.unique(design.unit[inside[code[inside] == domain]])
        ranks[domain] = replicate_rank(design.factors[units])
    return ranks - 1
