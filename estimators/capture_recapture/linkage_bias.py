"""What wrong links between lists do to the estimate, and how to take it back.

A link that was missed makes one person look like two and the population larger; a false
link makes two persons look like one and the population smaller.
"""

from __future__ import annotations

import math
from numbers import Real

from estimators.checks import check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.intervals import unseen_log_interval
from estimators.registry import estimator
from estimators.results import Estimate

__all__ = ["linkage_error_correction"]

# Squares of products of two such counts stay within the range of floats.
LARGEST_COUNT = 2**53


@estimator(
    family="capture_recapture",
    label="Two lists, corrected for missed and false links",
    source="Ding and Fienberg 1994",
    example=lambda: {"n1": 400, "n2": 300, "m2": 70, "missed_link_rate": 0.1},
)
def linkage_error_correction(
    n1: int,
    n2: int,
    m2: int,
    *,
    missed_link_rate: float = 0.0,
    false_link_rate: float = 0.0,
    missed_link_std_error: float = 0.0,
    false_link_std_error: float = 0.0,
    level: float = 0.95,
) -> Estimate:
    """Estimate a population's size from two lists that were linked with errors.

    Every person truly on both lists is linked with probability 1 - `missed_link_rate`,
    and every person of the second list who is not on the first is linked to somebody
    with probability `false_link_rate`, independently. Then the links expected are
    m (1 - missed) + (n2 - m) false for m persons truly on both, which gives

    m = (m2 - n2 false) / (1 - missed - false),  N = n1 n2 / m.

    Lists must be independent, closed, without duplicates within a list. The two lists
    do not exchange roles unless `false_link_rate` is 0.

    Parameters
    ----------
    n1, n2 : int
        Persons on the first and the second list.
    m2 : int
        Links found: persons counted as being on both.
    missed_link_rate, false_link_rate : float
        Probabilities from a clerical review of a sample of pairs, in [0, 1), with a
        sum below 1.
    missed_link_std_error, false_link_std_error : float
        Standard errors of these rates, at least 0; 0 takes them as known. For x errors
        among r reviewed: sqrt(p (1 - p) / r) with p = x / r.
    level : float

    Returns
    -------
    Estimate
        In persons; `n_obs` is n1 + n2 - m rounded, the distinct persons after
        correction. Delta-method variance: that of the links found given m, that of the
        overlap between the lists, and that of the two rates. Log-normal interval for
        the persons on no list. `diagnostics` hold ``corrected_matches, uncorrected``
        and the shares of the variance ``variance_share_linkage`` (the link process) and
        ``variance_share_rates`` (the rates' own uncertainty).

    Raises
    ------
    InputError
        If a count or rate is out of its range.
    NotEstimableError
        If the corrected number of persons on both lists is not above 0, or above the
        shorter list: rates and counts contradict each other.

    References
    ----------
    Ding, Y. and Fienberg, S. E. (1994). Dual system estimation of census undercount in
    the presence of matching error. Survey Methodology 20, 149-158.

    Examples
    --------
    >>> plain = linkage_error_correction(400, 300, 70)
    >>> mended = linkage_error_correction(400, 300, 70, missed_link_rate=0.1)
    >>> round(plain.estimate, 1), round(mended.estimate, 1)
    (1714.3, 1542.9)
    """
    check_level(level)
    counts = check_counts(n1=n1, n2=n2, m2=m2)
    n1, n2, m2 = counts["n1"], counts["n2"], counts["m2"]
    if m2 > min(n1, n2):
        raise InputError(
            f"m2={m2} links, but the shorter list has {min(n1, n2)} persons: count "
            "distinct persons, and link each at most once."
        )
    if max(n1, n2) > LARGEST_COUNT:
        raise InputError(f"n1={n1}, n2={n2}: at most {LARGEST_COUNT} were expected.")
    _check_rates(missed_link_rate, false_link_rate)
    linked, false = 1 - missed_link_rate, false_link_rate
    spreads = (missed_link_std_error, false_link_std_error)
    if not all(_is_number(value) and 0 <= value <= 1 for value in spreads):
        raise InputError(
            f"missed_link_std_error={spreads[0]!r}, false_link_std_error="
            f"{spreads[1]!r}: standard errors of probabilities, in [0, 1], were "
            "expected."
        )
    slope = linked - false
    matched = (m2 - n2 * false) / slope
    _check_matched(matched, n1, n2, m2)
    total = n1 * n2 / matched
    # d N / d m = -N / m; links are binomial given m, hence two binomial terms.
    links = matched * linked * (1 - linked) + (n2 - matched) * false * (1 - false)
    to_size = (total / matched) ** 2
    by_links = to_size * links / slope**2
    by_rates = to_size * (
        (matched / slope * spreads[0]) ** 2 + ((n2 - matched) / slope * spreads[1]) ** 2
    )
    by_lists = n1 * n2 * (n1 - matched) * (n2 - matched) / matched**3
    variance = by_lists + by_links + by_rates
    seen = n1 + n2 - matched
    diagnostics = {
        "corrected_matches": matched,
        "uncorrected": n1 * n2 / m2 if m2 else math.inf,
        "variance_share_linkage": by_links / variance if variance else 0.0,
        "variance_share_rates": by_rates / variance if variance else 0.0,
    }
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=total,
        std_error=math.sqrt(variance),
        ci=unseen_log_interval(total, seen, variance, level=level),
        method="linkage_error_correction",
        n_obs=round(seen),
        notes=_notes(missed_link_rate, false_link_rate, spreads),
        diagnostics=diagnostics,
    )


def _check_rates(missed: float, false: float) -> None:
    for name, rate in (("missed_link_rate", missed), ("false_link_rate", false)):
        if not (_is_number(rate) and 0 <= rate < 1):
            raise InputError(f"{name}={rate!r}: a probability in [0, 1) was expected.")
    if missed + false >= 1:
        raise InputError(
            f"missed_link_rate={missed} and false_link_rate={false} sum to 1 or more: "
            "such links say nothing about who is on both lists."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _check_matched(matched: float, n1: int, n2: int, m2: int) -> None:
    if matched > 0 and matched <= min(n1, n2):
        return
    raise NotEstimableError(
        f"With these rates {m2} links among {n1} and {n2} persons stand for "
        f"{matched:.1f} persons on both lists, outside (0, {min(n1, n2)}]: the size "
        "does not follow. Check the rates against the reviewed pairs, or the lists are "
        "too little linked to be used."
    )


def _notes(
    missed: float, false: float, spreads: tuple[float, float]
) -> tuple[str, ...]:
    if (missed or false) and not any(spreads):
        return (
            "the error rates are taken as known: the interval leaves out their own "
            "uncertainty",
        )
    return ()
