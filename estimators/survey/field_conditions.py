"""What a plan assumes of the field: clusters, response, population, classification."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypedDict

import numpy as np

from estimators.errors import InputError

__all__ = ["Conditions", "FieldConditions", "read_conditions"]


class Conditions(TypedDict, total=False):
    """Keyword arguments that `read_conditions` turns into `FieldConditions`."""

    cluster_size: float
    cv_cluster_size: float
    intra_class_correlation: float
    weights_effect: float
    design_effect: float | None
    population: float
    response_rate: float
    sensitivity: float
    specificity: float
    n_sensitivity: float
    n_specificity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldConditions:
    """Assumptions of a plan.

    Attributes
    ----------
    cluster_size : float
        Respondents per PSU on average.
    cv_cluster_size : float
        Coefficient of variation of the respondents per PSU.
    intra_class_correlation : float
    weights_effect : float
        Kish's 1 + CV^2 of the weights.
    design_effect : float, optional
        Instead of the four above.
    population : float
        Persons in the population, infinite by default.
    response_rate : float
    sensitivity, specificity : float
        Of the classification that is corrected for.
    n_sensitivity, n_specificity : float
        Truly positive and negative persons they were estimated from; infinite: known.
    """

    cluster_size: float = 1.0
    cv_cluster_size: float = 0.0
    intra_class_correlation: float = 0.0
    weights_effect: float = 1.0
    design_effect: float | None = None
    population: float = math.inf
    response_rate: float = 1.0
    sensitivity: float = 1.0
    specificity: float = 1.0
    n_sensitivity: float = math.inf
    n_specificity: float = math.inf

    @property
    def effect(self) -> float:
        """Design effect: weights times ``1 + ((1 + cv^2) b - 1) rho``."""
        if self.design_effect is not None:
            return self.design_effect
        length = (1 + self.cv_cluster_size**2) * self.cluster_size
        return self.weights_effect * (1 + (length - 1) * self.intra_class_correlation)

    @property
    def youden(self) -> float:
        """Sensitivity + specificity - 1."""
        return self.sensitivity + self.specificity - 1

    def apparent(self, prevalence: float) -> float:
        """Return the share that the classification would call positive."""
        return prevalence * self.sensitivity + (1 - prevalence) * (1 - self.specificity)

    def unit_variance(self, prevalence: float) -> float:
        """Return the variance of the corrected prevalence times respondents."""
        apparent = self.apparent(prevalence)
        return apparent * (1 - apparent) / self.youden**2

    def validation_variance(self, prevalence: float) -> float:
        """Return the variance that uncertain sensitivity and specificity add."""
        se, sp = self.sensitivity, self.specificity
        of_se = prevalence**2 * se * (1 - se) / self.n_sensitivity
        of_sp = (1 - prevalence) ** 2 * sp * (1 - sp) / self.n_specificity
        return (of_se + of_sp) / self.youden**2

    def finite(self, n: float) -> float:
        """Return respondents needed of the finite population for n of an infinite."""
        if math.isinf(self.population):
            return n
        return n / (1 + (n - 1) / self.population)

    def infinite(self, n: float) -> float:
        """Return what n respondents of the finite population are worth."""
        if math.isinf(self.population):
            return n
        left = self.population - n
        return n * (self.population - 1) / left if left > 0 else math.inf


def read_conditions(conditions: Mapping[str, Any]) -> FieldConditions:
    """Check the assumptions of a plan; every problem is listed."""
    known = [field.name for field in fields(FieldConditions)]
    strange = [name for name in conditions if name not in known]
    if strange:
        raise InputError(
            f"Not known: {', '.join(strange)}. A plan takes {', '.join(known)}."
        )
    limits = {
        "cluster_size": (1, math.inf, "1 or more"),
        "cv_cluster_size": (0, math.inf, "0 or more"),
        "intra_class_correlation": (-1, 1, "between -1 and 1"),
        "weights_effect": (1, math.inf, "1 or more"),
        "design_effect": (1e-9, math.inf, "above 0"),
        "population": (2, math.inf, "2 or more"),
        "response_rate": (1e-9, 1, "above 0 and at most 1"),
        "sensitivity": (0, 1, "between 0 and 1"),
        "specificity": (0, 1, "between 0 and 1"),
        "n_sensitivity": (1, math.inf, "1 or more"),
        "n_specificity": (1, math.inf, "1 or more"),
    }
    problems = []
    for name, value in conditions.items():
        low, high, words = limits[name]
        if name == "design_effect" and value is None:
            continue
        right = isinstance(value, int | float | np.number) and low <= value <= high
        if not right:
            problems.append(f"{name}={value!r} must be {words}")
    if problems:
        raise InputError("; ".join(problems) + ".")
    found = FieldConditions(**conditions)
    own = ("cv_cluster_size", "intra_class_correlation", "weights_effect")
    twice = [name for name in own if name in conditions]
    if found.design_effect is not None and twice:
        raise InputError(
            f"design_effect is given, and {', '.join(twice)} that it would be made "
            "of: give one or the others."
        )
    if found.effect <= 0:
        raise InputError(
            f"The design effect is {found.effect:.3g}: such a negative correlation "
            "cannot be in clusters of that size."
        )
    if found.youden <= 0:
        raise InputError(
            f"sensitivity + specificity = {found.youden + 1:g}: above 1 is needed, or "
            "the classification is worse than chance."
        )
    return found
