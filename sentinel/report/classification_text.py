"""A classification and a comparison of definitions as plain text for a terminal."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import pandas as pd

from sentinel.report.formats import NOTHING, WITHHELD, interval, percent
from sentinel.report.protected.definition_comparison import release_classification

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sentinel.classify import Classification
    from sentinel.disclosure import ReleasePolicy
    from sentinel.report.protected.definition_comparison import ReleasedComparison

__all__ = ["classification_text", "comparison_text"]

WIDTH = 88
ANSWERS = ("yes", "no", "unknown")


def classification_text(
    result: Classification, policy: ReleasePolicy, reference_period: str
) -> str:
    """Return protected counts of every class, the notes, and what is switched off."""
    definition = result.definition
    frame, n_hidden = release_classification(result, policy)
    counts = {
        (row["class"], row["value"]): WITHHELD
        if pd.isna(row["count"])
        else f"{row['count']:,}"
        for _, row in frame.iterrows()
    }
    lines = [f"{definition.title} (setting {result.setting})"]
    lines += _periods(definition.reference_period, reference_period)
    lines.append(
        f"{len(result.frame):,} interviews; counts under {policy.minimum_cell} and "
        f"what would tell them are hidden: {n_hidden}"
    )
    lines += ["", f"{'class':<28}" + "".join(f"{word:>16}" for word in ANSWERS)]
    for name in definition.outcome_names:
        cells = [counts.get((name, word), "0") for word in ANSWERS]
        lines.append(f"{name:<28}" + "".join(f"{cell:>16}" for cell in cells))
    types = [
        f"  {value:<58}{shown:>16}"
        for (name, value), shown in counts.items()
        if name == "d_type"
    ]
    if types:
        lines += ["", "type", *types]
    if result.absent:
        lines += ["", *_wrapped([f"not asked: {', '.join(result.absent)}"])]
    lines += ["", *_wrapped(definition.notes)]
    return "\n".join(lines)


def comparison_text(released: ReleasedComparison, reference_period: str) -> str:
    """Return the comparison's tables and notes."""
    lines = [
        "Definitions compared on the same interviews",
        *_periods("", reference_period),
        f"{released.n_hidden} counts hidden ({released.mark})",
        "",
        f"{'definition':<24}{'outcome':<18}{'yes':>16}{'no':>16}{'unknown':>16}"
        f"{'%':>7}{'interval':>13}{'bounds':>13}",
    ]
    for _, row in released.prevalence.iterrows():
        counts = [
            released.mark if row["hidden"] else f"{int(row[word]):,}"
            for word in ANSWERS
        ]
        lines.append(
            f"{row['definition']:<24}{row['outcome']:<18}"
            f"{counts[0]:>16}{counts[1]:>16}{counts[2]:>16}"
            f"{_percent(row['estimate']):>7}"
            f"{_limits(row['ci_low'], row['ci_high']):>13}"
            f"{_limits(row['lower'], row['upper']):>13}"
        )
    lines += ["", f"{'agreement':<48}{'same %':>8}{'kappa':>8}{'interval':>16}"]
    for _, row in released.agreement.iterrows():
        kappa = NOTHING if pd.isna(row["kappa"]) else f"{row['kappa']:.2f}"
        limits = (
            NOTHING
            if pd.isna(row["kappa_low"])
            else f"{row['kappa_low']:.2f} to {row['kappa_high']:.2f}"
        )
        lines.append(
            f"{row['first'] + ' / ' + row['second']:<48}"
            f"{_percent(row['share']):>8}{kappa:>8}{limits:>16}"
        )
    heads = ("both_yes", "first_only", "second_only", "both_no", "not_settled_by_both")
    words = ("both", "first only", "second only", "neither", "unsettled")
    lines += ["", f"{'who moves':<48}" + "".join(f"{word:>13}" for word in words)]
    for _, row in released.agreement.iterrows():
        shown = [
            released.mark if pd.isna(row[head]) else f"{row[head]:,}" for head in heads
        ]
        lines.append(
            f"{row['first'] + ' / ' + row['second']:<48}"
            + "".join(f"{cell:>13}" for cell in shown)
        )
    periods = released.prevalence.drop_duplicates("definition")
    lines += ["", *_wrapped(
        f"{row['definition']}: reference period {row['reference_period']}"
        for _, row in periods.iterrows()
        if row["reference_period"]
    )]  # fmt: skip
    lines += _wrapped(released.notes)
    return "\n".join(lines)


def _periods(own: str, study: str) -> list[str]:
    lines = [f"reference period of the study: {study}"]
    return [*lines, *_wrapped([f"of the definition: {own}"])] if own else lines


def _percent(share: float) -> str:
    return percent(share) if math.isfinite(share) else NOTHING


def _limits(low: float, high: float) -> str:
    return interval(_percent(low), _percent(high)) if math.isfinite(low) else NOTHING


def _wrapped(texts: Iterable[str]) -> list[str]:
    return [
        line
        for text in texts
        for line in textwrap.wrap(
            f"- {text}", WIDTH, subsequent_indent="  ", break_long_words=False
        )
    ]
