"""From a study's results to what may be shown of them: the one door out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.results import TERM_COLUMNS
from sentinel.report.formats import count
from sentinel.report.labels import Labels, study_labels
from sentinel.report.manifest import shown_name
from sentinel.report.release import (
    FLOW_COLUMNS,
    Release,
    ReleasedModel,
    ReleasedTable,
    Suppressed,
)

if TYPE_CHECKING:
    from estimators.registry import EstimatorSpec
    from sentinel.analysis.results import EstimateTable, FittedModel, StudyResult
    from sentinel.disclosure import ProtectedFlows, ReleasePolicy
    from sentinel.study.config import StudyConfig

__all__ = ["protect_study", "without_small_counts"]

NUMBERS = ("estimate", "std_error", "ci_low", "ci_high", "p_value")
_PERSONS = (
    r"respondents?|persons?|people|interviews?|rows?|cases?|non-cases?|events?|"
    r"non-events?|deportees?|deportations?|answers?|observations?"
)


def protect_study(result: StudyResult, *, rng: int | None = None) -> Release:
    """Apply disclosure control to everything that a report shows.

    Parameters
    ----------
    result : StudyResult
    rng : int, optional
        Number that started the random draws, for the record.

    Returns
    -------
    Release
        Holds no unprotected number, no value of an answer and no exact day.
    """
    from sentinel.disclosure import ReleasePolicy

    config = result.config
    policy = ReleasePolicy.from_privacy(config.privacy)
    labels = study_labels(
        config,
        result.interviews.codebook,
        result.classification.definition,
        _place_names(),
    )
    tables, lost = _protect_tables(result, labels, policy)
    hidden = {
        table.quantity: _hidden_rounds(table.frame)
        for table in tables
        if table.is_headline
    }
    sensitivity, lost_sensitivity = _protect_sensitivity(result, hidden, policy)
    trend, lost_trend = _protect_trend(result.trend, hidden, config)
    routes, lost_routes = _protect_routes(result, policy)

    def told(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(without_small_counts(text, policy.minimum_cell) for text in texts)

    return Release(
        config=config,
        labels=labels,
        minimum_cell=policy.minimum_cell,
        definition=result.classification.definition,
        setting=result.classification.setting,
        estimates=tables,
        sensitivity=sensitivity,
        trend=trend,
        models=tuple(_release_model(model, labels, policy) for model in result.models),
        flow=_row_counts(result),
        routes=routes,
        suppressed=(*lost, *lost_sensitivity, *lost_trend, *lost_routes),
        origins=result.interviews.origins,
        estimators=_estimators_used(result),
        warnings=_value_free_warnings(result),
        design_notes=told(result.design_notes),
        skipped=told(result.skipped),
        timings=result.timings,
        rng=rng,
    )


def without_small_counts(text: str, minimum_cell: int) -> str:
    """Return a note with every small count of persons replaced by "fewer than k".

    Examples
    --------
    >>> without_small_counts("only 4 respondents in 3 clusters", 11)
    'only fewer than 11 respondents in 3 clusters'
    """

    def replace(match: re.Match[str]) -> str:
        small = 0 < int(match["count"]) < minimum_cell
        return f"fewer than {minimum_cell}" if small else match["count"]

    pattern = rf"(?<![\d.,])(?P<count>\d+)(?=\s+(?:\w+\s+)?(?:{_PERSONS})\b)"
    masked = re.sub(pattern, replace, text)
    return re.sub(r"(?<=\bn = )(?P<count>\d+)\b(?![.,]\d)", replace, masked)


def _place_names() -> Mapping[str, str]:
    from sentinel import datasets

    places = datasets.load("places")
    return dict(
        zip(places["code"].astype(str), places["name"].astype(str), strict=True)
    )


def _headline_labels(config: StudyConfig) -> set[str]:
    return {
        item.label or f"{item.variable or 'outcome'} by round_id"
        for item in config.estimates
        if item.by == ("round_id",)
        and item.where is None
        and item.variable in (None, config.classify.outcome)
    }


def _title(table: EstimateTable, config: StudyConfig, labels: Labels) -> str:
    """Return the label that the study gave, or one in words."""
    given = {item.label for item in config.estimates if item.label}
    if table.label in given:
        return table.label
    what, _, _ = table.label.partition(" by ")
    what = labels.variable(config.classify.outcome if what == "outcome" else what)
    groups = " and ".join(_lower_first(labels.variable(name)) for name in table.by)
    return f"{what}, by {groups}" if groups else what


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _hidden_rounds(frame: pd.DataFrame) -> set[str]:
    return set(frame.loc[frame["suppressed"].astype(bool), "round_id"].astype(str))


def _protect_tables(
    result: StudyResult, labels: Labels, policy: ReleasePolicy
) -> tuple[tuple[ReleasedTable, ...], list[Suppressed]]:
    from sentinel.disclosure import protect_tables

    headlines = _headline_labels(result.config)
    frames = protect_tables(result.estimates, policy)
    tables = tuple(
        ReleasedTable(
            name=table.name,
            label=_title(table, result.config, labels),
            quantity=table.quantity,
            by=table.by,
            frame=_released(frame, result.config),
            is_headline=table.by == ("round_id",) and table.label in headlines,
        )
        for table, frame in zip(result.estimates, frames, strict=True)
    )
    return tables, [_lost(table.name, table.frame) for table in tables]


def _protect_sensitivity(
    result: StudyResult, hidden: Mapping[str, set[str]], policy: ReleasePolicy
) -> tuple[pd.DataFrame, list[Suppressed]]:
    """Withhold a round as a whole: its settings and variants tell each other."""
    from sentinel.disclosure import protect_estimates

    frame = result.sensitivity
    if frame.empty:
        return frame.assign(suppressed=pd.Series(dtype=bool)), []
    within = [name for name in ("setting", "unknowns", "quantity") if name in frame]
    shown = _released(
        protect_estimates(frame, ("round_id",), policy, within=within), result.config
    )
    linked = shown["round_id"].astype("str").isin(hidden.get("event", set()))
    shown = _without_numbers(shown, linked)
    order = {item.label: place for place, item in enumerate(result.config.rounds)}
    shown = shown.sort_values(
        "round_id", key=lambda codes: codes.map(order), kind="stable", ignore_index=True
    )
    return shown, [_lost("definition_sensitivity", shown)]


def _protect_trend(
    trend: pd.DataFrame, hidden: Mapping[str, set[str]], config: StudyConfig
) -> tuple[pd.DataFrame, list[Suppressed]]:
    """Withhold what would give a withheld round back: its difference, and any slope."""
    from sentinel.disclosure import withhold_contrasts

    if trend.empty:
        return trend.assign(suppressed=pd.Series(dtype=bool)), []
    rounds = [item.label for item in config.rounds]
    gone = sorted(set().union(*hidden.values()))
    shown = _released(withhold_contrasts(trend, gone, rounds), config)
    # A slope names its first and last round but leans on those between as well.
    slopes = shown["contrast"].astype("str").str.startswith("slope") & bool(gone)
    shown = _without_numbers(shown, slopes)
    return shown, [_lost("trend", shown)]


def _protect_routes(
    result: StudyResult, policy: ReleasePolicy
) -> tuple[ProtectedFlows | None, list[Suppressed]]:
    from sentinel.disclosure import protect_flows

    if result.flows.empty:
        return None, []
    return protect_flows(result.flows, policy), []


def _released(frame: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Keep what is printed; the mark of a withheld row is one column of yes and no."""
    shown = frame.assign(
        suppressed=(frame["status"] == "withheld").to_numpy(dtype=bool)
    )
    for name, default in (
        ("reference_period", config.study.reference_period),
        ("statement", ""),
        ("reason", "withheld"),
        ("notes", ""),
    ):
        if name not in shown:
            shown[name] = default
    shown["n_obs"] = shown["n_obs"].astype("Int64")
    if "p_value" in shown:
        shown["p_value"] = shown["p_value"].astype("Float64")
    k = config.privacy.minimum_cell
    shown["notes"] = [without_small_counts(str(note), k) for note in shown["notes"]]
    return shown.drop(columns=["n_cases", "n_unknown", "status"], errors="ignore")


def _without_numbers(frame: pd.DataFrame, more: pd.Series) -> pd.DataFrame:
    """Withhold further rows of a table that is protected already."""
    shown = frame.copy()
    for name in (*NUMBERS, "design_effect"):
        if name in shown:
            shown[name] = shown[name].mask(more)
    for name in ("statement", "notes"):
        shown[name] = shown[name].mask(more, "")
    shown["suppressed"] = shown["suppressed"] | more.to_numpy(dtype=bool)
    return shown


def _lost(table: str, frame: pd.DataFrame) -> Suppressed:
    """Count what a table lost, told apart only where its reasons may be told."""
    told_small = frame["reason"].astype("str").str.startswith("few")
    withheld = frame["suppressed"].astype(bool)
    return Suppressed(
        table=table,
        cells=len(frame),
        primary=int((withheld & told_small).sum()),
        complementary=int((withheld & ~told_small).sum()),
    )


def _release_model(
    model: FittedModel, labels: Labels, policy: ReleasePolicy
) -> ReleasedModel:
    fit = model.fit
    terms = fit.terms()[list(TERM_COLUMNS)]
    terms.insert(1, "label", [_term_label(name, labels) for name in terms["term"]])
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
            f"respondents gave them: {', '.join(model.merged_levels)}."
        )
    notes.append("Each factor is compared with its most frequent level.")
    notes += [without_small_counts(note, policy.minimum_cell) for note in fit.notes]
    return notes


def _row_counts(result: StudyResult) -> pd.DataFrame:
    flow = result.interviews.flow.copy()
    outcome = result.classification.frame[result.config.classify.outcome]
    rounds = result.interviews.frame["round_id"]
    known = outcome.notna().groupby(rounds).sum()
    flow["classified"] = flow["round_id"].map(known).fillna(0)
    flow["unknown"] = flow["consented"] - flow["classified"]
    counts = flow[list(FLOW_COLUMNS)].astype("Int64")
    return pd.concat([flow[["round_id"]], counts], axis=1)


def _estimators_used(result: StudyResult) -> tuple[EstimatorSpec, ...]:
    from estimators.registry import catalogue, find_estimator

    used = {
        str(method)
        for table in result.estimates
        for method in table.frame["method"].dropna()
    } | {model.fit.method for model in result.models}
    keys = sorted(catalogue()["key"], key=len, reverse=True)
    found = {
        next((key for key in keys if method.startswith(key)), None) for method in used
    }
    return tuple(find_estimator(key) for key in sorted(filter(None, found)))


def _value_free_warnings(result: StudyResult) -> tuple[Mapping[str, Any], ...]:
    """Return findings about the input by place and rule, without row and value."""
    counted = Counter(
        (shown_name(item.file), item.column, item.expected)
        for item in result.interviews.problems.warnings
    )
    return tuple(
        {"file": file, "column": column, "expected": expected, "count": number}
        for (file, column, expected), number in sorted(counted.items())
    )
