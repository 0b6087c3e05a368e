"""From a study's results to what may be shown of them: the one door out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from sentinel.report.labels import Labels, study_labels
from sentinel.report.outgoing.manifest import shown_name
from sentinel.report.outgoing.unfinished import Unfinished, kept_frames
from sentinel.report.protected.other_definitions import protect_definitions
from sentinel.report.protected.places_elsewhere import places_elsewhere
from sentinel.report.protected.protected_routes import protect_routes
from sentinel.report.protected.protected_sectors import protect_sectors
from sentinel.report.protected.protected_settings import (
    protected_settings,
    setting_tables,
)
from sentinel.report.protected.release import (
    FLOW_COLUMNS,
    Release,
    ReleasedTable,
    Suppressed,
)
from sentinel.report.protected.released_models import release_model
from sentinel.report.protected.small_counts import without_small_counts

if TYPE_CHECKING:
    from estimators.registry import EstimatorSpec
    from sentinel.analysis.results import EstimateTable, StudyResult
    from sentinel.disclosure import ReleasePolicy
    from sentinel.schema.variables import Codebook
    from sentinel.study.config import StudyConfig

__all__ = ["protect_study"]

SUBDIVISION = "[A-Z]{2}-"


def protect_study(
    result: StudyResult,
    *,
    rng: int | None = None,
    unfinished: Unfinished | None = None,
) -> Release:
    """Apply disclosure control to everything that a report shows.

    Parameters
    ----------
    result : StudyResult
    rng : int, optional
        Number that started the random draws, for the record.
    unfinished : Unfinished, optional
        Where finished steps are kept in case this run is interrupted.

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
        _place_names(config),
    )
    tables, lost, refused, sensitivity = _protect_tables(
        result, labels, policy, unfinished
    )
    hidden = _hidden_by_quantity(tables)
    lost_sensitivity = (
        [_lost("definition_sensitivity", sensitivity)] if len(sensitivity) else []
    )
    if "event" not in hidden and len(sensitivity):
        own = sensitivity["setting"] == config.classify.setting
        hidden["event"] = _hidden_rounds(sensitivity[own])
    comparison, no_comparison = protect_definitions(result, hidden, sensitivity, policy)
    trend, lost_trend = _protect_trend(result.trend, hidden, config)
    routes, lost_routes, no_routes = protect_routes(result, tables, policy, unfinished)

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
        models=tuple(release_model(model, labels, policy) for model in result.models),
        flow=_row_counts(result),
        routes=routes,
        sectors=protect_sectors(
            result.sectors,
            routes,
            policy,
            places_elsewhere(result, tables, policy, kinds=["sector"]),
        ),
        suppressed=(*lost, *lost_sensitivity, *lost_trend, *lost_routes),
        origins=result.interviews.origins,
        estimators=_estimators_used(result),
        warnings=_value_free_warnings(result),
        design_notes=told(result.design_notes),
        skipped=told((*result.skipped, *refused, *no_comparison, *no_routes)),
        timings=result.timings,
        rng=rng,
        withdrawals=result.interviews.withdrawals,
        harmonised=_harmonised(result),
        comparison=comparison,
    )


def _harmonised(result: StudyResult) -> pd.DataFrame:
    """Return which variable came in which round; counts and columns stay inside."""
    table = result.interviews.harmonisation
    if table.empty:
        return pd.DataFrame()
    fates = table[table["fate"].isin(["read", "derived", "absent"])]
    wide = fates.pivot_table(
        index="variable", columns="round_id", values="fate", aggfunc="first", sort=False
    )
    wide = wide[(wide != "absent").any(axis=1)]
    return wide.reset_index().rename_axis(columns=None)


def _place_names(config: StudyConfig) -> Mapping[str, str]:
    """Return the name of every place code, the study's own places included."""
    from sentinel.mapping import load_places

    own = config.maps.places if config.maps is not None else None
    places = load_places(config.path(own) if own else None, name=own or "")
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


def _hidden_by_quantity(tables: Sequence[ReleasedTable]) -> dict[str, set[str]]:
    hidden: dict[str, set[str]] = {}
    for table in tables:
        if table.is_headline:
            found = hidden.setdefault(table.quantity, set())
            found |= _hidden_rounds(table.frame)
    return hidden


def _hidden_rounds(frame: pd.DataFrame) -> set[str]:
    return set(frame.loc[frame["suppressed"].astype(bool), "round_id"].astype(str))


def _protect_tables(
    result: StudyResult,
    labels: Labels,
    policy: ReleasePolicy,
    unfinished: Unfinished | None,
) -> tuple[tuple[ReleasedTable, ...], list[Suppressed], list[str], pd.DataFrame]:
    """Protect the plan's tables and the settings of the definition as one release."""
    headlines = _headline_labels(result.config)
    refusals = {
        table.name: _too_fine(table.by, result.interviews.codebook, policy)
        for table in result.estimates
    }
    allowed = [table for table in result.estimates if not refusals[table.name]]
    refused = [
        f"{_title(table, result.config, labels)}: {refusals[table.name]}"
        for table in result.estimates
        if refusals[table.name]
    ]
    (*frames, sensitivity), _ = kept_frames(
        unfinished, "tables", partial(_released_frames, result, allowed, policy)
    )
    tables = tuple(
        ReleasedTable(
            name=table.name,
            label=_title(table, result.config, labels),
            quantity=table.quantity,
            by=table.by,
            frame=frame,
            is_headline=table.by == ("round_id",) and table.label in headlines,
        )
        for table, frame in zip(allowed, frames, strict=True)
    )
    return (
        tables,
        [_lost(table.name, table.frame) for table in tables],
        refused,
        sensitivity,
    )


def _released_frames(
    result: StudyResult, allowed: Sequence[EstimateTable], policy: ReleasePolicy
) -> tuple[list[pd.DataFrame], dict[str, Any]]:
    """Return what is printed of every table, then of the settings."""
    from sentinel.disclosure import protect_tables

    settings = setting_tables(result)
    frames = protect_tables(allowed, policy, minor=settings)
    order = {item.label: place for place, item in enumerate(result.config.rounds)}
    shown = [
        _in_round_order(_released(frame, result.config), table.by, order)
        for table, frame in zip(allowed, frames, strict=False)
    ]
    sensitivity = protected_settings(
        result.sensitivity, settings, frames[len(allowed) :], policy
    )
    return [*shown, _released_settings(sensitivity, result.config)], {}


def _in_round_order(
    frame: pd.DataFrame, by: Sequence[str], order: Mapping[str, int]
) -> pd.DataFrame:
    """Give rounds the study file's order where they come first."""
    if not by or by[0] != "round_id":
        return frame
    return frame.sort_values(
        "round_id",
        key=lambda codes: codes.astype("str").map(order),
        kind="stable",
        ignore_index=True,
    )


def _too_fine(by: Sequence[str], codebook: Codebook, policy: ReleasePolicy) -> str:
    """Say why a table by these variables may not be released; empty if it may."""
    for name in by:
        if name not in codebook:
            continue
        variable = codebook[name]
        if variable.release != "release":
            return f"the codebook keeps {name} from release in groups"
        if policy.place_level == "country" and SUBDIVISION in variable.pattern:
            return f"{name} is finer than the study's place level, country"
    return ""


def _released_settings(frame: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    if frame.empty:
        return frame.assign(suppressed=pd.Series(dtype=bool))
    order = {item.label: place for place, item in enumerate(config.rounds)}
    return _released(frame, config).sort_values(
        "round_id", key=lambda codes: codes.map(order), kind="stable", ignore_index=True
    )


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
    return shown, [_lost("trend", shown)]


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
