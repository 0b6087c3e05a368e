"""Sizes from how often the same persons were met: once, twice, at all."""

from __future__ import annotations

import math

from estimators.capture_recapture.size_result import size_estimate
from estimators.checks import check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate

__all__ = ["chao", "zelterman"]


@estimator(
    family="capture_recapture",
    label="Chao's lower bound, one source",
    source="Chao 1987, 1989",
    example=lambda: {"f1": 51, "f2": 60, "n": 123},
)
def chao(
    f1: int,
    f2: int,
    n: int,
    *,
    n_lists: int | None = None,
    bias_corrected: bool = False,
    level: float = 0.95,
) -> Estimate:
    """Estimate a lower bound of a closed population's size from repeat counts.

    Parameters
    ----------
    f1, f2 : int
        Persons met exactly once and exactly twice.
    n : int
        Distinct persons met at all.
    n_lists : int, optional
        Lists, or occasions on which a person could be met once each. By default
        contacts at any time, as in one register.
    bias_corrected : bool
        ``f1 (f1 - 1) / (2 (f2 + 1))`` unseen, which exists without repeats and is
        nearly unbiased for a homogeneous population.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate
        A lower bound under heterogeneity, in persons; log-normal interval.

    Raises
    ------
    InputError
        If a count is not a whole number >= 0, f1 + f2 exceeds n, or n_lists is below 2.
    NotEstimableError
        If nobody was met twice and the bias-corrected form was not asked for.

    Notes
    -----
    ``n + f1**2 / (2 f2)`` with Chao's variance
    ``f2 (r**4 / 4 + r**3 + r**2 / 2)``, ``r = f1 / f2``. With t lists the unseen are
    ``(t - 1) / t`` times that, which is `closed_population` with ``model="Mh"`` and
    ``heterogeneity="chao"`` where no term of it had to be set to 0. Persons differ in
    how easily they are met, which can only make the truth larger; a person's contacts
    are taken to be independent of each other.

    References
    ----------
    Chao, A. (1987). Estimating the population size for capture-recapture data with
    unequal catchability. Biometrics 43, 783-791.

    Examples
    --------
    >>> chao(f1=51, f2=60, n=123).estimate
    144.675
    >>> chao(f1=51, f2=60, n=123, n_lists=3).estimate
    137.45
    """
    f1, f2, n = _checked(f1, f2, n, level)
    if n_lists is not None and check_counts(n_lists=n_lists)["n_lists"] < 2:
        raise InputError(f"n_lists={n_lists}: nobody can be met twice on one list.")
    if f2 == 0 and not bias_corrected:
        raise NotEstimableError(
            f"Nobody was met exactly twice (f1={f1}, f2=0): the bound is infinite. "
            "bias_corrected=True gives a finite lower figure."
        )
    share = 1.0 if n_lists is None else (n_lists - 1) / n_lists
    if bias_corrected:
        unseen = share * f1 * (f1 - 1) / (2 * (f2 + 1))
        variance = (
            unseen
            + share**2 * f1 * (2 * f1 - 1) ** 2 / (4 * (f2 + 1) ** 2)
            + share**2 * f1**2 * f2 * (f1 - 1) ** 2 / (4 * (f2 + 1) ** 4)
        )
    else:
        ratio = f1 / f2
        unseen = share * f1**2 / (2 * f2)
        variance = f2 * (
            share**2 * ratio**4 / 4 + share**2 * ratio**3 + share * ratio**2 / 2
        )
    return size_estimate(
        "chao",
        n + unseen,
        variance,
        n,
        level=level,
        notes=("a lower bound: heterogeneity can only make the truth larger",),
    )


@estimator(
    family="capture_recapture",
    label="Zelterman, one source",
    source="Zelterman 1988; Böhning 2008",
    example=lambda: {"f1": 51, "f2": 60, "n": 123},
)
def zelterman(f1: int, f2: int, n: int, *, level: float = 0.95) -> Estimate:
    """Estimate a closed population's size from those met once and twice.

    Parameters
    ----------
    f1, f2 : int
        Persons met exactly once and exactly twice.
    n : int
        Distinct persons met at all.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate
        Population size in persons; log-normal interval for the unseen.

    Raises
    ------
    InputError
        If a count is not a whole number >= 0, or f1 + f2 exceeds n.
    NotEstimableError
        If nobody was met exactly twice, or nobody exactly once.

    Notes
    -----
    ``n / (1 - exp(-rate))`` with ``rate = 2 f2 / f1``: the rate is read off the rare
    contacts alone, so that frequent contacts of a few do not decide it. Variance:
    binomial for n, and that of the rate given f1 + f2 by the delta method,
    ``n q / (1 - q) + (n q / (1 - q)**2)**2 rate**2 (1 / f1 + 1 / f2)``,
    ``q = exp(-rate)``.

    References
    ----------
    Zelterman, D. (1988). Robust estimation in truncated discrete distributions with
    application to capture-recapture experiments. Journal of Statistical Planning and
    Inference 18, 225-237.

    Böhning, D. (2008). A simple variance formula for population size estimators by
    conditioning. Statistical Methodology 5, 410-423.

    Examples
    --------
    >>> round(zelterman(f1=51, f2=60, n=123).estimate, 3)
    135.925
    """
    f1, f2, n = _checked(f1, f2, n, level)
    if f1 == 0 or f2 == 0:
        raise NotEstimableError(
            f"Zelterman's rate needs persons met once and persons met twice; f1={f1}, "
            f"f2={f2} came."
        )
    rate = 2 * f2 / f1
    missed = math.exp(-rate)
    total = n / (1 - missed)
    spread = n * missed / (1 - missed) ** 2 * rate
    variance = n * missed / (1 - missed) ** 2 + spread**2 * (1 / f1 + 1 / f2)
    return size_estimate("zelterman", total, variance, n, level=level)


def _checked(f1: int, f2: int, n: int, level: float) -> tuple[int, int, int]:
    counts = check_counts(f1=f1, f2=f2, n=n)
    check_level(level)
    if counts["f1"] + counts["f2"] > counts["n"]:
        raise InputError(
            f"f1={f1} and f2={f2} persons were met once and twice, but n={n} at all: "
            "n counts every distinct person."
        )
    if counts["n"] == 0:
        raise InputError("n=0: nobody was met.")
    return counts["f1"], counts["f2"], counts["n"]
