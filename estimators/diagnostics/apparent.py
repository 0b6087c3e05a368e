"""Apparent prevalence: the share classified positive, from counts or from a survey."""

from __future__ import annotations

import math
from dataclasses import dataclass

from estimators.checks import check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import critical_value
from estimators.results import Estimate

__all__ = ["Apparent", "apparent_from_counts", "apparent_from_estimate"]

_CORRECTED = ("rogan_gladen", "true_prevalence", "melded_prevalence", "bayesian")


@dataclass(frozen=True, slots=True, kw_only=True)
class Apparent:
    """The share classified positive with its sampling error.

    Attributes
    ----------
    share : float
    variance : float
        Under the design; binomial for counts.
    n_effective : float
        Persons of a simple random sample that would be as informative, reduced for few
        degrees of freedom.
    n_obs : int
    df : float
        Degrees of freedom of `variance`; infinite for counts.
    notes : tuple of str
    reported : Estimate, optional
        The survey estimate that it was read from.
    """

    share: float
    variance: float
    n_effective: float
    n_obs: int
    df: float = math.inf
    notes: tuple[str, ...] = ()
    reported: Estimate | None = None

    @property
    def positives(self) -> float:
        """Positives among the effective persons."""
        return self.share * self.n_effective


def apparent_from_counts(
    positives: int, n: int, n_effective: float | None = None
) -> Apparent:
    """Return the apparent prevalence of `positives` among `n` persons.

    Raises
    ------
    InputError
        If the counts are not whole, do not fit, or `n_effective` is not above 0.
    NotEstimableError
        If `n` is 0.
    """
    counts = check_counts(positives=positives, n=n)
    x, size = counts["positives"], counts["n"]
    if x > size:
        raise InputError(
            f"positives={x} exceeds n={size}: n counts all persons classified."
        )
    if size == 0:
        raise NotEstimableError("n=0: nobody was classified, there is no prevalence.")
    effective = float(size) if n_effective is None else n_effective
    if not (math.isfinite(effective) and effective > 0):
        raise InputError(
            f"n_effective={n_effective!r}: a number above 0 was expected, the persons "
            "divided by the design effect."
        )
    share = x / size
    notes: tuple[str, ...] = ()
    if n_effective is not None:
        notes = (
            f"{size} persons count as {effective:.6g} (effective sample size, design "
            f"effect {size / effective:.3g})",
        )
    return Apparent(
        share=share,
        variance=share * (1 - share) / effective,
        n_effective=effective,
        n_obs=size,
        notes=notes,
    )


def apparent_from_estimate(estimate: Estimate, *, level: float) -> Apparent:
    """Return the apparent prevalence that a survey estimate reports.

    The effective sample size is p (1 - p) / variance, times the squared ratio of t
    quantiles at n - 1 and at the design's degrees of freedom, and n at most (Korn and
    Graubard 1998); where there is no variance to use it, n over the design effect that
    the estimate says it assumed.

    Raises
    ------
    InputError
        If the estimate is no proportion, or was corrected before.
    NotEstimableError
        If it has no usable standard error and no assumed design effect.
    """
    check_level(level)
    p, n = float(estimate.estimate), int(estimate.n_obs)
    if estimate.unit != "proportion" or not 0 <= p <= 1:
        raise InputError(
            f"A proportion classified positive was expected; {estimate.estimand!r} is "
            f"{p:.6g} in {estimate.unit!r}. Estimate it by survey.proportion."
        )
    if estimate.method.startswith(_CORRECTED):
        raise InputError(
            f"This estimate comes from {estimate.method!r} and is corrected already."
        )
    df = float(estimate.diagnostics.get("df", math.inf))
    variance = float(estimate.std_error) ** 2
    assumed = estimate.diagnostics.get("assumed_design_effect")
    if assumed is None and estimate.method == "proportion_ci":
        assumed = 1.0
    usable = 0 < p < 1 and 0 < variance < math.inf and df > 0
    if usable:
        effective = p * (1 - p) / variance
        if estimate.method != "proportion_ci":
            ratio = critical_value(level, df=max(n - 1, 1))
            effective *= (ratio / critical_value(level, df=df)) ** 2
        effective = min(effective, float(n))
    elif assumed is not None:
        effective = n / float(assumed)
        variance = p * (1 - p) / effective
        df = math.inf
    else:
        raise NotEstimableError(
            f"The apparent prevalence {p:.6g} has the standard error "
            f"{estimate.std_error:.6g}, which says nothing about its uncertainty. "
            "Estimate it by survey.proportion, which assumes a design effect then."
        )
    return Apparent(
        share=p,
        variance=variance,
        n_effective=effective,
        n_obs=n,
        df=df,
        notes=estimate.notes,
        reported=estimate,
    )
