"""Degrees of freedom of a design: PSUs less strata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, IntVector
    from estimators.designs.sampling_design import SurveyDesign

__all__ = ["degrees_of_freedom", "domain_degrees_of_freedom"]


def degrees_of_freedom(
    design: SurveyDesign, domain_mask: BoolVector | None = None
) -> int:
    """Return the number of PSUs less the number of strata that a domain touches.

    Only rows of positive weight inside the design's domain (and inside `domain_mask`,
    shape (n,)) count: a domain has no more degrees of freedom than its own PSUs give.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.designs import SurveyDesign, degrees_of_freedom
    >>> frame = pd.DataFrame({"site": ["a", "a", "b", "c"], "w": [1.0, 2, 2, 1]})
    >>> degrees_of_freedom(SurveyDesign.from_frame(frame, weights="w", psu="site"))
    2
    """
    mask = design.domain if domain_mask is None else design.domain & domain_mask
    code = np.where(mask & (design.weights > 0), 0, -1).astype(np.int64)
    return int(domain_degrees_of_freedom(design, code, 1)[0])


def domain_degrees_of_freedom(
    design: SurveyDesign, code: IntVector, n_domains: int
) -> IntVector:
    """Return the degrees of freedom of many domains at once, shape (n_domains,).

    `code` of shape (n,) holds each row's domain, -1 for none.
    """
    stage = design.stages[0]
    inside = code >= 0
    psus = _distinct(code[inside], stage.unit[inside], n_domains)
    strata = _distinct(code[inside], stage.row_stratum[inside], n_domains)
    return psus - strata


def _distinct(code: IntVector, unit: IntVector, n_domains: int) -> IntVector:
    pairs = pd.unique(unit * np.int64(n_domains) + code)
    counts: IntVector = np.bincount(pairs % n_domains, minlength=n_domains)
    return counts.astype(np.int64)
