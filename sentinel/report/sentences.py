"""Findings in words, each number with its interval, its n and its reference period."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from sentinel.report.formats import count, interval, is_hidden, is_missing, percent
from sentinel.report.labels import QUANTITY_WORDS

if TYPE_CHECKING:
    from sentinel.report.protected.release import Release

__all__ = ["TWO_QUANTITIES", "key_findings", "odds_phrase"]

MANY = 100
TWO_QUANTITIES = (
    "Event prevalence is the share of deportations: a person deported three times "
    "counts three times. Person prevalence is the share of people: each deported "
    "person counts once. They answer different questions, and neither may be read as "
    "the other."
)


def key_findings(release: Release) -> list[str]:
    """Return the sentences that open the report, in order of importance."""
    return [
        *_prevalence(release),
        *_change(release),
        *_definition_range(release),
        *_risk_factors(release),
        *_hidden(release),
    ]


def odds_phrase(row: pd.Series) -> str:
    """Return a term's odds ratio and its limits as "2.30 (1.10-4.60)"."""
    low, high = _ratio(row["odds_ratio_low"]), _ratio(row["odds_ratio_high"])
    return f"{_ratio(row['odds_ratio'])} ({interval(low, high)})"


def _prevalence(release: Release) -> Iterator[str]:
    found: dict[str, list[tuple[str, pd.Series]]] = {}
    for table in release.headline:
        for _, row in table.frame.iterrows():
            found.setdefault(str(row["round_id"]), []).append((table.quantity, row))
    for code, rows in found.items():
        clauses = [_clause(row, quantity, release) for quantity, row in rows]
        place = release.labels.value("round_id", code)
        first = rows[0][1]
        if len(rows) > 1 and all(is_hidden(row) for _, row in rows):
            alike = {str(row["statement"]) for _, row in rows}
            if len(alike) == 1:
                clauses = [_not_shown(first, "Event and person prevalence are")]
        yield f"{place}: {' '.join(clauses)}"


def _not_shown(row: pd.Series, what: str) -> str:
    n = "" if is_missing(row["n_obs"]) else f"n = {count(row['n_obs'])}; "
    statement = str(row["statement"]).replace(" %", "%")
    return f"{what} not shown: {statement} ({n}{row['reference_period']})."


def _clause(row: pd.Series, quantity: str, release: Release) -> str:
    outcome = release.labels.outcome
    if is_hidden(row):
        return _not_shown(row, f"{QUANTITY_WORDS[quantity]} is")
    share = f"{percent(row['estimate'])}%"
    if not release.labels.outcome_in_sentence:
        if quantity == "person":
            return f"Counting each deported person once: {share} ({_support(row)})."
        return (
            f"{share} of deportations were of a person to whom this applies: "
            f"{outcome} ({_support(row)})."
        )
    if quantity == "person":
        return (
            f"Counting each deported person once, {share} of persons were {outcome} "
            f"({_support(row)})."
        )
    return f"{share} of deportations were of a person {outcome} ({_support(row)})."


def _change(release: Release) -> Iterator[str]:
    for _, row in release.trend.iterrows():
        if is_hidden(row) or row["quantity"] != "event" or "slope" in row["contrast"]:
            continue
        verdict = (
            "the interval includes no change"
            if row["ci_low"] <= 0 <= row["ci_high"]
            else "the interval excludes no change"
        )
        yield (
            f"{release.contrast(row['contrast'])}: event prevalence differs by "
            f"{percent(row['estimate'], signed=True)} percentage points "
            f"({_support(row, signed=True)}); {verdict}. Rounds are separate samples: "
            "a difference may also come from who was caught and deported."
        )


def _definition_range(release: Release) -> Iterator[str]:
    frame = release.sensitivity
    if frame.empty:
        return
    shown = frame[~frame["suppressed"].astype(bool)]
    for code, part in shown.groupby("round_id", sort=False):
        if len(part) <= 1:
            continue
        ordered = part.sort_values("estimate", kind="stable")
        least, most = ordered.iloc[0], ordered.iloc[-1]
        yield (
            "How much the definition matters in "
            f"{release.labels.value('round_id', code)}: event prevalence runs from "
            f"{percent(least['estimate'])}% ({_variant(least)}; {_support(least)}) to "
            f"{percent(most['estimate'])}% ({_variant(most)}; {_support(most)})."
        )


def _risk_factors(release: Release) -> Iterator[str]:
    for model in release.models:
        terms = model.terms[model.terms["term"] != "Intercept"]
        clear = terms[(terms["ci_low"] > 0) | (terms["ci_high"] < 0)]
        head = (
            f"In the model “{model.label}” (n = {count(model.n_obs)}; "
            f"{release.reference_period}) "
        )
        if clear.empty:
            yield f"{head}no factor has an odds ratio whose interval excludes 1."
            continue
        factors = "; ".join(
            f"{row['label']}, odds ratio {odds_phrase(row)}"
            for _, row in clear.iterrows()
        )
        yield (
            f"{head}{len(clear)} of {len(terms)} terms have an odds ratio whose "
            f"{model.ci_level:.0%} interval excludes 1: {factors}. These are "
            "associations, not causes."
        )


def _hidden(release: Release) -> Iterator[str]:
    primary, complementary = release.suppressed_total
    if primary + complementary:
        yield (
            f"{count(primary + complementary)} rows of numbers and map legs are "
            f"withheld so that nobody can be recognised in them ({count(primary)} "
            f"because fewer than {release.minimum_cell} persons stand behind them, "
            f"{count(complementary)} because they would let another be worked out)."
        )


def _ratio(amount: float) -> str:
    if not math.isfinite(amount):
        return "no limit"
    return f"{amount:.2f}" if amount < MANY else f"{amount:.0f}"


def _support(row: pd.Series, *, signed: bool = False) -> str:
    limits = interval(
        percent(row["ci_low"], signed=signed), percent(row["ci_high"], signed=signed)
    )
    unit = "" if signed else "%"
    return (
        f"{row['ci_level']:.0%} interval {limits}{unit}; n = {count(row['n_obs'])}; "
        f"{row['reference_period']}"
    )


def _variant(row: pd.Series) -> str:
    words = {
        "observed": "unknown answers left out",
        "lower": "unknown counted as no",
        "upper": "unknown counted as yes",
    }
    return f"{row['setting']} setting, {words.get(row['unknowns'], row['unknowns'])}"
