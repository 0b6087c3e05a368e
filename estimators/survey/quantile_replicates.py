"""Standard errors of quantiles from their values in every replicate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from estimators.designs import ReplicateDesign, replicate_covariance
from estimators.errors import InputError
from estimators.survey.quantile_rules import SortedValues

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector
    from estimators.survey.groups import DomainSample
    from estimators.survey.quantile_rules import QuantileRule

__all__ = ["replicate_spread"]


def replicate_spread(
    sample: DomainSample,
    values: FloatVector,
    full: FloatVector,
    wanted: tuple[float, QuantileRule],
) -> list[tuple[float, list[str]]]:
    """Return the standard error of one quantile, and what to say of it, by domain.

    `full` of shape (domains,) holds the estimates, `wanted` the share and the rule.
    Replicates in which a domain is empty are left out and the others scaled up.
    """
    design = sample.design
    if not isinstance(design, ReplicateDesign):  # the public door refuses it by name
        raise InputError("Replicates of a design without replicate weights.")
    share, rule = wanted
    result = []
    for place in range(len(sample)):
        rows = np.flatnonzero(sample.domains.code == place)
        own, weights = values[rows], design.weights[rows]
        factors = design.factors[design.unit[rows]]
        found = np.full(design.n_replicates, float(full[place]))
        kept = np.ones(design.n_replicates, dtype=bool)
        for replicate in range(design.n_replicates):
            ordered = SortedValues.of(own, weights * factors[:, replicate])
            kept[replicate] = len(ordered) > 0
            if kept[replicate]:
                found[replicate] = ordered.quantile(share, rule)
        result.append(_spread(design, found, kept, float(full[place])))
    return result


def _spread(
    design: ReplicateDesign, found: FloatVector, kept: BoolVector, full: float
) -> tuple[float, list[str]]:
    notes = []
    if design.kind in {"JK1", "JKn"}:
        notes.append(
            "jackknife replicates do not give valid standard errors for quantiles: "
            'take kind="rao_wu" or ci="woodruff"'
        )
    n_lost = int((~kept).sum())
    inflate = 1.0
    if n_lost:
        found = np.where(kept, found, full if design.mse else found[kept].mean())
        scales = design.replicate_scales
        inflate = float(scales.sum() / scales[kept].sum())
        notes.append(
            f"{n_lost} replicates hold no row of this domain; the variance is that of "
            "the others, scaled up"
        )
    variance = replicate_covariance(found, np.array([full]), design)[0, 0]
    return math.sqrt(float(variance) * inflate), notes
