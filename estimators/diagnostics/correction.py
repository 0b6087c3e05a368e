"""From an apparent to a true prevalence, and what to do outside [0, 1].

A classifier with sensitivity Se and specificity Sp calls a share
A = P Se + (1 - P) (1 - Sp) positive; solved for P this is
P = (A + Sp - 1) / (Se + Sp - 1) (Rogan and Gladen 1978).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from scipy.special import betainc

from estimators.results import Estimate, Interval

if TYPE_CHECKING:
    from estimators.classifier_accuracy import Validated
    from estimators.diagnostics.apparent import Apparent

__all__ = [
    "LimitsAt",
    "corrected_share",
    "corrected_variance",
    "prevalence_estimate",
]

LimitsAt: TypeAlias = Callable[[float], tuple[float, float]]
ESTIMAND = "true prevalence"


def corrected_share(share: float, sensitivity: float, specificity: float) -> float:
    """Return the true prevalence behind an apparent one, not cut to [0, 1]."""
    return (share + specificity - 1) / (sensitivity + specificity - 1)


def corrected_variance(
    apparent: Apparent, sensitivity: Validated, specificity: Validated
) -> tuple[float, float]:
    """Return the delta-method variance and its degrees of freedom.

    V = [V(A) + P^2 V(Se) + (1 - P)^2 V(Sp)] / (Se + Sp - 1)^2; the degrees of freedom
    are Satterthwaite's, with n - 1 for each validation sample.
    """
    prevalence = corrected_share(apparent.share, sensitivity.share, specificity.share)
    parts = (
        (apparent.variance, apparent.df),
        (prevalence**2 * sensitivity.variance, sensitivity.n - 1),
        ((1 - prevalence) ** 2 * specificity.variance, specificity.n - 1),
    )
    total = sum(part for part, _ in parts)
    loss = sum(part**2 / df for part, df in parts if part > 0 and df > 0)
    youden = sensitivity.share + specificity.share - 1
    df = total**2 / loss if loss > 0 and math.isfinite(apparent.df) else math.inf
    return total / youden**2, df


def prevalence_estimate(
    apparent: Apparent,
    accuracies: tuple[Validated, Validated],
    limits_at: LimitsAt,
    *,
    method: str,
    level: float,
    ci_method: str,
    notes: tuple[str, ...] = (),
) -> Estimate:
    """Return the corrected estimate, cut to [0, 1] in a way that stays honest.

    `limits_at` gives the interval of the true prevalence for a given apparent share.
    An interval that lies outside [0, 1] altogether would be cut to a point and read as
    certainty: the limit is then that of an apparent share at which the corrected
    estimate is exactly 0 (or 1), which is never shorter.
    """
    se, sp = accuracies
    raw = corrected_share(apparent.share, se.share, sp.share)
    mapped = limits_at(apparent.share)
    low, high = (min(max(limit, 0.0), 1.0) for limit in mapped)
    found = [*notes, *apparent.notes]
    if raw < 0:
        found.append(
            f"the apparent prevalence {apparent.share:.4g} is below the false positive "
            f"rate {1 - sp.share:.4g}: the estimate is 0; the specificity among these "
            "persons was probably higher than stated"
        )
    if raw > 1:
        found.append(
            f"the apparent prevalence {apparent.share:.4g} is above the sensitivity "
            f"{se.share:.4g}: the estimate is 1; the sensitivity among these persons "
            "was probably higher than stated"
        )
    if high <= 0:
        high = min(max(limits_at(1 - sp.share)[1], 0.0), 1.0)
        found.append(_outside_note(mapped, "upper", high))
    if low >= 1:
        low = min(max(limits_at(se.share)[0], 0.0), 1.0)
        found.append(_outside_note(mapped, "lower", low))
    variance, df = corrected_variance(apparent, se, sp)
    estimate = min(max(raw, 0.0), 1.0)
    if not low <= estimate <= high:
        found.append(
            f"the {ci_method} interval [{low:.4g}, {high:.4g}] does not hold the "
            "estimate and is stretched to it: the validation samples are very small"
        )
    return Estimate(
        estimand=ESTIMAND,
        unit="proportion",
        estimate=estimate,
        std_error=math.sqrt(variance),
        ci=Interval(
            low=min(low, estimate),
            high=max(high, estimate),
            level=level,
            method=ci_method,
        ),
        method=method,
        n_obs=apparent.n_obs,
        notes=tuple(found),
        diagnostics=_diagnostics(apparent, accuracies, raw, mapped, df),
    )


def _outside_note(mapped: tuple[float, float], side: str, limit: float) -> str:
    return (
        f"the whole interval [{mapped[0]:.4g}, {mapped[1]:.4g}] lies outside [0, 1]: "
        f"data and stated accuracy disagree. The {side} limit {limit:.4g} is the one "
        "of data that agree with them at the border"
    )


def _diagnostics(
    apparent: Apparent,
    accuracies: tuple[Validated, Validated],
    raw: float,
    mapped: tuple[float, float],
    df: float,
) -> dict[str, float]:
    se, sp = accuracies
    false_positives = 1 - sp.share
    chance = 1.0
    if 0 < false_positives < 1:
        # P(X <= x) with nobody a case: x successes at the false positive rate.
        x, n = apparent.positives, apparent.n_effective
        chance = 1.0 if x >= n else 1 - float(betainc(x + 1, n - x, false_positives))
    values = {
        "apparent_prevalence": apparent.share,
        "sensitivity": se.share,
        "specificity": sp.share,
        "estimate_not_cut": raw,
        "ci_low_not_cut": mapped[0],
        "ci_high_not_cut": mapped[1],
        "n_effective": apparent.n_effective,
        "p_value_specificity_conflict": chance,
    }
    if math.isfinite(df):
        values["df"] = df
    return values
