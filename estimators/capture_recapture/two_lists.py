"""Two lists: how many persons are on neither."""

from __future__ import annotations

from estimators.capture_recapture.size_result import size_estimate
from estimators.checks import check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate

__all__ = ["chapman", "lincoln_petersen"]

DEPENDENCE = (
    "two lists cannot tell independence from dependence: see dependence_sensitivity"
)


@estimator(
    family="capture_recapture",
    label="Lincoln-Petersen, two lists",
    source="Petersen 1896; Lincoln 1930; Sekar and Deming 1949",
    example=lambda: {"n1": 60, "n2": 45, "m2": 15},
)
def lincoln_petersen(n1: int, n2: int, m2: int, *, level: float = 0.95) -> Estimate:
    """Estimate a closed population's size from two independent lists.

    Parameters
    ----------
    n1, n2 : int
        Distinct persons on the first and on the second list.
    m2 : int
        Persons on both.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate
        Population size in persons; log-normal interval for the unseen (Chao 1987).

    Raises
    ------
    InputError
        If a count is not a whole number >= 0, or more persons are on both lists than
        on one of them.
    NotEstimableError
        If nobody is on both lists.

    Notes
    -----
    ``n1 n2 / m2`` with variance ``n1 n2 (n1 - m2) (n2 - m2) / m2**3``. Assumes a closed
    population, perfect links, lists that are independent, and equal chances on at least
    one of them. It overstates small samples: see `chapman`.

    References
    ----------
    Sekar, C. C. and Deming, W. E. (1949). On a method of estimating birth and death
    rates and the extent of registration. Journal of the American Statistical
    Association 44, 101-115.

    Examples
    --------
    >>> lincoln_petersen(n1=60, n2=45, m2=15).estimate
    180.0
    """
    n1, n2, m2 = _checked(n1, n2, m2, level)
    if m2 == 0:
        raise NotEstimableError(
            f"Nobody is on both lists (n1={n1}, n2={n2}, m2=0): without an overlap the "
            "size is not determined. Link the lists again, or use chapman knowing that "
            "it then is a lower figure."
        )
    total = n1 * n2 / m2
    variance = n1 * n2 * (n1 - m2) * (n2 - m2) / m2**3
    return size_estimate(
        "lincoln_petersen",
        total,
        variance,
        n1 + n2 - m2,
        level=level,
        notes=(DEPENDENCE,),
    )


@estimator(
    family="capture_recapture",
    label="Chapman, two lists",
    source="Chapman 1951; Seber 1970",
    example=lambda: {"n1": 10, "n2": 15, "m2": 5},
)
def chapman(n1: int, n2: int, m2: int, *, level: float = 0.95) -> Estimate:
    """Estimate a closed population's size from two lists, nearly without bias.

    Parameters
    ----------
    n1, n2 : int
        Distinct persons on the first and on the second list.
    m2 : int
        Persons on both.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate
        Population size in persons; log-normal interval for the unseen (Chao 1987).

    Raises
    ------
    InputError
        If a count is not a whole number >= 0, or more persons are on both lists than
        on one of them.

    Notes
    -----
    ``(n1 + 1)(n2 + 1) / (m2 + 1) - 1`` with Seber's variance
    ``(n1 + 1)(n2 + 1)(n1 - m2)(n2 - m2) / ((m2 + 1)**2 (m2 + 2))``. Unbiased where
    ``n1 + n2`` reaches the population's size, nearly so where m2 is 7 or more.

    References
    ----------
    Chapman, D. G. (1951). Some properties of the hypergeometric distribution with
    applications to zoological sample censuses. University of California Publications
    in Statistics 1, 131-160.

    Seber, G. A. F. (1970). The effects of trap response on tag recapture estimates.
    Biometrics 26, 13-22.

    Examples
    --------
    >>> round(chapman(n1=10, n2=15, m2=5).estimate, 2)
    28.33
    """
    n1, n2, m2 = _checked(n1, n2, m2, level)
    total = (n1 + 1) * (n2 + 1) / (m2 + 1) - 1
    variance = (n1 + 1) * (n2 + 1) * (n1 - m2) * (n2 - m2) / ((m2 + 1) ** 2 * (m2 + 2))
    few = (
        ()
        if m2 >= 7
        else (f"only {m2} persons are on both lists: the estimate is biased downwards",)
    )
    return size_estimate(
        "chapman",
        total,
        variance,
        n1 + n2 - m2,
        level=level,
        notes=(DEPENDENCE, *few),
    )


def _checked(n1: int, n2: int, m2: int, level: float) -> tuple[int, int, int]:
    counts = check_counts(n1=n1, n2=n2, m2=m2)
    check_level(level)
    if counts["m2"] > min(counts["n1"], counts["n2"]):
        raise InputError(
            f"m2={m2} persons on both lists, but the shorter list has {min(n1, n2)}. "
            "Count distinct persons: remove duplicates within each list first."
        )
    if min(counts["n1"], counts["n2"]) == 0:
        raise InputError(f"A list is empty (n1={n1}, n2={n2}): two lists are needed.")
    return counts["n1"], counts["n2"], counts["m2"]
