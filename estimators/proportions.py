"""Intervals for a proportion from independent counts (a simple random sample)."""

from __future__ import annotations

import math
from typing import TypeAlias

from estimators.binomial_limits import (
    BINOMIAL_METHODS,
    BinomialMethod,
    Limits,
    binomial_limits,
)
from estimators.checks import check_choice, check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Interval

__all__ = ["ProportionMethod", "proportion_ci"]

ProportionMethod: TypeAlias = BinomialMethod


@estimator(
    family="proportions",
    label="Proportion of independent counts",
    source="Brown, Cai and DasGupta 2001; Newcombe 1998; Blaker 2000",
    example=lambda: {"successes": 17, "n": 140},
)
def proportion_ci(
    successes: int,
    n: int,
    *,
    method: ProportionMethod = "wilson",
    level: float = 0.95,
) -> Estimate:
    """Estimate a proportion with an interval, from a simple random sample.

    Persons are taken as independent draws with one probability. Clusters, weights or
    strata break this: use `estimators.survey.proportion` for them.

    Parameters
    ----------
    successes : int
        Persons with the trait, at least 0.
    n : int
        Persons observed, at least `successes` and 1.
    method : str
        ``wilson`` inverts the score test: good at any size, also near 0.
        ``wilson_corrected`` inverts it with a continuity correction of 1 / (2 n), also
        at p = 1/2, where R's prop.test drops it.
        ``clopper_pearson`` is exact: never below its level, therefore wide.
        ``blaker`` is exact and lies within Clopper-Pearson.
        ``sterne`` is exact: it inverts the test by outcomes no likelier than the one
        seen, and fills the gaps that this can leave.
        ``mid_p`` halves the probability of the observed count: nearly exact, narrower.
        ``jeffreys`` is the equal-tailed interval under a Beta(1/2, 1/2) prior, with 0
        as its lower limit at no success and 1 as its upper limit at no failure (Brown
        et al.; the R packages binom and prevalence then put the whole error into the
        other tail, which is narrower).
        ``jeffreys_hpd`` is the shortest interval of that posterior (what binom calls
        "bayes").
        ``agresti_coull`` is Wald about the Wilson centre.
        ``logit``, ``probit``, ``cloglog`` are Wald on the log odds, the probit and the
        log of -log p; Clopper-Pearson at 0 and n.
        ``likelihood`` inverts the likelihood ratio test.
        ``wald`` is the textbook formula: misleading near 0 and 1, for comparison only.
    level : float
        Nominal coverage.

    Returns
    -------
    Estimate
        `estimate` is successes / n for every method, in [0, 1]; `std_error` is the
        plug-in sqrt(p (1 - p) / n). Limits of ``wald`` and ``agresti_coull`` outside
        [0, 1] are cut, and `notes` say so.

    Raises
    ------
    InputError
        If the counts are not whole numbers >= 0, or `successes` exceeds `n`.
    NotEstimableError
        If `n` is 0.

    References
    ----------
    Blaker, H. (2000). Confidence curves and improved exact confidence intervals for
    discrete distributions. Canadian Journal of Statistics 28, 783-798.
    https://doi.org/10.2307/3315916

    Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial
    proportion. Statistical Science 16, 101-133. https://doi.org/10.1214/ss/1009213286

    Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion:
    comparison of seven methods. Statistics in Medicine 17, 857-872.
    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E

    Examples
    --------
    >>> result = proportion_ci(17, 140)
    >>> round(result.ci.low, 4), round(result.ci.high, 4)
    (0.0772, 0.1859)
    """
    check_choice("method", method, BINOMIAL_METHODS)
    counts = check_counts(successes=successes, n=n)
    x, size = counts["successes"], counts["n"]
    check_level(level)
    if x > size:
        raise InputError(
            f"successes={x} exceeds n={size}: n counts all persons observed."
        )
    if size == 0:
        raise NotEstimableError("n=0: nobody was observed, there is no proportion.")
    limits, notes = _limits(x, size, method, level)
    p = x / size
    low, high = max(limits[0], 0.0), min(limits[1], 1.0)
    return Estimate(
        estimand="proportion",
        unit="proportion",
        estimate=p,
        std_error=math.sqrt(p * (1 - p) / size),
        ci=Interval(low=low, high=high, level=level, method=method.replace("_", " ")),
        method="proportion_ci",
        n_obs=size,
        notes=notes,
    )


def _limits(
    x: int, n: int, method: ProportionMethod, level: float
) -> tuple[Limits, tuple[str, ...]]:
    """Return limits and notes; at x = 0 and x = n the outer limit is exactly 0 or 1."""
    notes: list[str] = []
    degenerate = x in (0, n)
    if degenerate:
        notes.append(
            "all observed persons agree: the plug-in standard error is 0 and says "
            "nothing about the uncertainty; read the interval"
        )
    if method == "wald" and degenerate:
        notes.append("the Wald interval has no width here and must not be reported")
    if method in ("logit", "probit", "cloglog") and degenerate:
        notes.append(f"the {method} is infinite: the interval is Clopper-Pearson")
    low, high = binomial_limits(x, n, method, level=level)
    if low < 0 or high > 1:
        notes.append(f"the {method} limits [{low:.4g}, {high:.4g}] are cut to [0, 1]")
    return (low, high), tuple(notes)
