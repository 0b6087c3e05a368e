"""Response, cooperation, refusal and contact rates by the AAPOR definitions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.checks import check_counts, check_level
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates
from estimators.survey.proportion_intervals import (
    fallback_interval,
    proportion_interval,
)

if TYPE_CHECKING:
    from estimators.array_types import FloatVector

__all__ = ["response_rates"]

_PLACES = ("I", "P", "R", "NC", "O", "UH", "UO", "NE")
_INTERVIEWED, _SPOKEN = ("I", "P"), ("I", "P", "R", "O")
_ELIGIBLE = ("I", "P", "R", "NC", "O")
_UNKNOWN = ("UH", "UO")
# Rate: numerator, known part of the denominator, what the unknown count (e: a share).
_RATES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "RR1": (("I",), _ELIGIBLE, "all"),
    "RR2": (_INTERVIEWED, _ELIGIBLE, "all"),
    "RR3": (("I",), _ELIGIBLE, "e"),
    "RR4": (_INTERVIEWED, _ELIGIBLE, "e"),
    "RR5": (("I",), _ELIGIBLE, "none"),
    "RR6": (_INTERVIEWED, _ELIGIBLE, "none"),
    "COOP1": (("I",), _SPOKEN, "none"),
    "COOP2": (_INTERVIEWED, _SPOKEN, "none"),
    "COOP3": (("I",), ("I", "P", "R"), "none"),
    "COOP4": (_INTERVIEWED, ("I", "P", "R"), "none"),
    "REF1": (("R",), _ELIGIBLE, "all"),
    "REF2": (("R",), _ELIGIBLE, "e"),
    "REF3": (("R",), _ELIGIBLE, "none"),
    "CON1": (_SPOKEN, _ELIGIBLE, "all"),
    "CON2": (_SPOKEN, _ELIGIBLE, "e"),
    "CON3": (_SPOKEN, _ELIGIBLE, "none"),
}
_WORDS = {"RR": "response", "COOP": "cooperation", "REF": "refusal", "CON": "contact"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cases:
    """Counts in the order of `_PLACES`, and e with how its value depends on them."""

    counts: FloatVector
    eligible_share: float
    share_slope: FloatVector

    def indicator(self, places: tuple[str, ...]) -> FloatVector:
        return np.array([float(place in places) for place in _PLACES])


@estimator(
    family="survey",
    key="survey_response_rates",
    label="Response rates by the AAPOR definitions",
    source="AAPOR Standard Definitions, 10th edition 2023",
    example=lambda: {
        "complete": 412,
        "partial": 16,
        "refusal": 63,
        "non_contact": 41,
        "other": 9,
        "unknown_household": 22,
        "unknown_other": 5,
        "not_eligible": 88,
    },
)
def response_rates(  # noqa: PLR0913 - the standard has eight dispositions
    complete: int,
    *,
    partial: int = 0,
    refusal: int = 0,
    non_contact: int = 0,
    other: int = 0,
    unknown_household: int = 0,
    unknown_other: int = 0,
    not_eligible: int | None = None,
    eligible_share: float | None = None,
    level: float = 0.95,
) -> Estimates:
    """Return RR1-RR6, COOP1-COOP4, REF1-REF3 and CON1-CON3 from final dispositions.

    Parameters
    ----------
    complete : int
        Complete interviews (I).
    partial : int
        Partial interviews (P).
    refusal : int
        Refusals and break-offs of eligible persons (R).
    non_contact : int
        Eligible, never reached (NC).
    other : int
        Eligible and reached, not interviewed for another reason: language, illness,
        stopped for distress (O).
    unknown_household : int
        Unknown whether there was anybody eligible (UH).
    unknown_other : int
        Somebody there, unknown whether eligible (UO).
    not_eligible : int, optional
        Known not to be eligible; e is estimated from them.
    eligible_share : float, optional
        e, the share of the unknown that is eligible, if it is known from elsewhere.
        Default: eligible among all cases of known eligibility (the CASRO assumption).
    level : float

    Returns
    -------
    Estimates
        One row per rate, group column ``rate``. Diagnostics: ``numerator``,
        ``denominator``, ``eligible_share``.

    Raises
    ------
    InputError
        If counts are not whole or below 0, or e lies outside [0, 1].
    NotEstimableError
        If no case is known to be eligible.

    Notes
    -----
    RR1 (the least) counts all unknown as eligible, RR5 and RR6 (the greatest) none, RR3
    and RR4 the share e. Even numbers count partial interviews as responses. The rates
    with e are left out, which a note says, where cases are unknown and neither
    `not_eligible` nor `eligible_share` tells e. Intervals are Wilson's with the
    multinomial variance of the counts, to which an estimated e adds its own; they take
    cases as independent, which those of one truck or household are not, and say
    nothing about how non-respondents differ.

    References
    ----------
    American Association for Public Opinion Research (2023). Standard Definitions: Final
    Dispositions of Case Codes and Outcome Rates for Surveys, 10th edition.

    Examples
    --------
    >>> from estimators import survey
    >>> rates = survey.response_rates(300, partial=20, refusal=60, non_contact=20,
    ...                               unknown_household=100, not_eligible=100)
    >>> [round(rates.get(rate=name).estimate, 4) for name in ("RR1", "RR3", "RR5")]
    [0.6, 0.625, 0.75]
    """
    check_level(level)
    given = check_counts(
        complete=complete,
        partial=partial,
        refusal=refusal,
        non_contact=non_contact,
        other=other,
        unknown_household=unknown_household,
        unknown_other=unknown_other,
        not_eligible=0 if not_eligible is None else not_eligible,
    )
    counts = np.array(list(given.values()), dtype=np.float64)
    if not counts[: len(_ELIGIBLE)].any():
        raise NotEstimableError("No case is known to be eligible: no rate.")
    cases, notes = _read_share(counts, eligible_share, known=not_eligible is not None)
    rows, names = [], []
    for name, (top, bottom, unknown) in _RATES.items():
        if unknown == "e" and math.isnan(cases.eligible_share):
            continue
        row = _rate(cases, name, (top, bottom, unknown), level)
        if row is None:
            notes.append(f"{name} has no case in its denominator")
            continue
        rows.append(row)
        names.append(name)
    return Estimates(
        rows=tuple(rows),
        groups=tuple({"rate": name} for name in names),
        notes=tuple(notes),
    )


def _read_share(
    counts: FloatVector, given: float | None, *, known: bool
) -> tuple[_Cases, list[str]]:
    """Return the cases with e, and what a reader must know of it."""
    none = np.zeros(len(_PLACES))
    if given is not None:
        if not (isinstance(given, int | float | np.number) and 0 <= given <= 1):
            raise InputError(f"eligible_share={given!r}: e lies between 0 and 1.")
        share, note = float(given), f"e = {given:g} is taken as known"
        return _Cases(counts=counts, eligible_share=share, share_slope=none), [note]
    if known:
        eligible = np.array([float(place in _ELIGIBLE) for place in _PLACES])
        resolved = eligible + np.array([float(place == "NE") for place in _PLACES])
        size = float(resolved @ counts)
        share = float(eligible @ counts) / size
        slope = eligible / size - share * resolved / size
        note = (
            f"e = {share:.4g} is the share of eligible cases among those of known "
            "eligibility"
        )
        return _Cases(counts=counts, eligible_share=share, share_slope=slope), [note]
    n_unknown = int(counts[[_PLACES.index(place) for place in _UNKNOWN]].sum())
    if not n_unknown:
        return _Cases(counts=counts, eligible_share=1.0, share_slope=none), []
    note = (
        f"RR3, RR4, REF2 and CON2 are left out: {n_unknown} cases are of unknown "
        "eligibility, and neither not_eligible nor eligible_share tells how many of "
        "them are eligible"
    )
    return _Cases(counts=counts, eligible_share=math.nan, share_slope=none), [note]


def _rate(
    cases: _Cases,
    name: str,
    parts: tuple[tuple[str, ...], tuple[str, ...], str],
    level: float,
) -> Estimate | None:
    top, bottom, unknown = parts
    above, below = cases.indicator(top), cases.indicator(bottom)
    slope = np.zeros(len(_PLACES))
    open_cases = cases.indicator(_UNKNOWN)
    if unknown == "all":
        below = below + open_cases
    elif unknown == "e":
        below = below + cases.eligible_share * open_cases
        slope = cases.share_slope * float(open_cases @ cases.counts)
    numerator, denominator = float(above @ cases.counts), float(below @ cases.counts)
    if denominator == 0:
        return None
    rate = numerator / denominator
    # Multinomial counts and a rate that scaling them leaves alone: Var = sum g^2 count.
    gradient = (above - rate * (below + slope)) / denominator
    variance = float(gradient**2 @ cases.counts)
    n = max(round(denominator), 1)
    notes: tuple[str, ...] = ()
    if 0 < rate < 1 and variance > 0:
        interval = proportion_interval(
            "wilson", rate, variance, n=n, df=math.inf, level=level
        )
    else:
        reason = "none or all"
        interval = fallback_interval(rate, denominator, level=level, reason=reason)
        notes = ("none or all of the cases: the interval is Clopper-Pearson's",)
    kind = _WORDS[name.rstrip("0123456789")]
    return Estimate(
        estimand=f"{kind} rate",
        unit="proportion",
        method="survey_response_rates",
        estimate=rate,
        std_error=math.sqrt(variance),
        ci=interval,
        n_obs=n,
        notes=notes,
        diagnostics={
            "numerator": numerator,
            "denominator": denominator,
            "eligible_share": cases.eligible_share,
        },
    )
