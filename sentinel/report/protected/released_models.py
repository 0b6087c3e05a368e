"""Regressions in words: labelled terms, odds ratios, and the notes they need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from estimators.results import TERM_COLUMNS
from sentinel.report.formats import count
from sentinel.report.protected.release import ReleasedModel
from sentinel.report.protected.small_counts import without_small_counts

if TYPE_CHECKING:
    from sentinel.analysis.results import FittedModel
    from sentinel.disclosure import ReleasePolicy
    from sentinel.report.labels import Labels

__all__ = ["RATIOS", "release_model"]

RATIOS = {
    "odds_ratio": "estimate",
    "odds_ratio_low": "ci_low",
    "odds_ratio_high": "ci_high",
}


NUMBERS = ("estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high")


def release_model(
    model: FittedModel, labels: Labels, policy: ReleasePolicy
) -> ReleasedModel:
    """Return a model's terms in words, its odds ratios and what must be said of it."""
    fit = model.fit
    terms = fit.terms()[list(TERM_COLUMNS)]
    terms.insert(1, "label", [_term_label(name, labels) for name in terms["term"]])
    for name in NUMBERS:
        # Sixteen digits of a fit are a check sum of its records.
        terms[name] = [_three_digits(value) for value in terms[name]]
    with np.errstate(over="ignore"):  # an unbounded profile limit is infinite, rightly
        for ratio, name in RATIOS.items():
            ratios = np.exp(terms[name].to_numpy(dtype=np.float64))
            terms[ratio] = [_three_digits(value) for value in ratios]
    return ReleasedModel(
        name=model.name,
        label=model.label,
        method=fit.method,
        formula=fit.formula,
        terms=terms,
        n_obs=fit.n_obs,
        ci_level=fit.ci_level,
        ci_method=fit.ci_method,
        notes=tuple(_model_notes(model, policy)),
    )


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}") if np.isfinite(value) else float(value)


def _term_label(term: str, labels: Labels) -> str:
    """Return "Sector of work: fishing" for ``sector[T.fishing]``."""
    parts = []
    for piece in term.split(":"):
        match = re.fullmatch(
            r"(?:C\()?(?P<name>\w+).*?\[(?:T\.)?(?P<level>.*)\]", piece
        )
        if match is None:
            parts.append(labels.variable(piece) if piece != "Intercept" else piece)
            continue
        level = labels.value(match["name"], match["level"]).replace("_", " ")
        parts.append(f"{labels.variable(match['name'])}: {level}")
    return " x ".join(parts)


def _model_notes(model: FittedModel, policy: ReleasePolicy) -> list[str]:
    fit = model.fit
    notes = [f"Formula: {fit.formula}; n = {count(fit.n_obs)}."]
    per_variable = fit.fit_statistics.get("events_per_variable")
    if per_variable is not None:
        # Whole numbers: the exact figure times the terms would give the cases back.
        shown = int(np.floor(per_variable))
        text = (
            f"fewer than {policy.minimum_cell}"
            if shown < policy.minimum_cell
            else f"about {shown}"
        )
        notes.append(
            f"Events per variable (the smaller class over the model's terms): {text}. "
            "Below 10, intervals are wide and single odds ratios fragile."
        )
    if model.merged_levels:
        notes.append(
            f"Levels merged into “other” because fewer than {policy.minimum_cell} "
            "respondents, cases or others gave them: "
            f"{', '.join(model.merged_levels)}."
        )
    notes.append("Each factor is compared with its most frequent level.")
    notes += [without_small_counts(note, policy.minimum_cell) for note in fit.notes]
    return notes
