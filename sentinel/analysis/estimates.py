"""The plan's estimates, each for events and for persons."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from estimators.errors import InputError, NotEstimableError
from estimators.registry import EstimatorSpec, find_estimator
from estimators.results import Estimate, Estimates
from estimators.survey import SurveyDesign
from sentinel.analysis.design import PERSON_KNOWN, StudyDesign
from sentinel.analysis.results import EstimateTable
from sentinel.analysis.selection import select_rows

if TYPE_CHECKING:
    from sentinel.study.config import EstimateSection, StudyConfig

__all__ = [
    "QUANTITIES",
    "UNGROUPED",
    "default_label",
    "estimate_plan",
    "estimate_table",
]

QUANTITIES = {
    "event": "deportations (event prevalence)",
    "person": "persons deported (person prevalence)",
}
UNGROUPED = "all"


def estimate_plan(
    design: StudyDesign, config: StudyConfig
) -> tuple[tuple[EstimateTable, ...], tuple[str, ...]]:
    """Estimate every ``[[estimates]]`` entry; what cannot be estimated is named.

    Returns
    -------
    tables : tuple of EstimateTable
    skipped : tuple of str
        One sentence for each part of the plan without an estimate, with its reason.
    """
    tables: list[EstimateTable] = []
    skipped: list[str] = []
    used: set[str] = set()
    for section in config.estimates:
        for quantity in _quantities(section, design, skipped):
            label = section.label or default_label(section)
            try:
                table = estimate_table(design, section, config, quantity=quantity)
            except (NotEstimableError, InputError) as error:
                skipped.append(f"{label}, {QUANTITIES[quantity]}: {error}")
                continue
            name = _distinct(table.name, used)
            tables.append(
                EstimateTable(
                    name=name,
                    label=label,
                    quantity=quantity,
                    by=table.by,
                    frame=table.frame,
                    answers=table.answers,
                )
            )
    return tuple(tables), tuple(skipped)


def estimate_table(
    design: StudyDesign,
    section: EstimateSection,
    config: StudyConfig,
    *,
    quantity: str,
) -> EstimateTable:
    """Estimate one entry of the plan for ``"event"`` or ``"person"`` weights."""
    variable = section.variable or config.classify.outcome
    frame = design.frame
    missing = [name for name in (variable, *section.by) if name not in frame]
    if missing:
        raise InputError(f"the interviews have no column {', '.join(missing)}")
    spec = survey_estimator(section.key)
    result = spec.function(
        design.survey(quantity),
        variable,
        **_options(spec, section, config),
        by=list(section.by) or None,
        where=_domain(frame, section.where, quantity),
    )
    rows = result_rows(result)
    for name, counts in _counts(frame, variable, section, quantity).items():
        rows[name] = _aligned(rows, counts, section.by)
    rows["reference_period"] = config.study.reference_period
    rows = in_round_order(rows, config)
    parts = (
        [variable, "by", *section.by, quantity] if section.by else [variable, quantity]
    )
    return EstimateTable(
        name=_file_safe("_".join(parts)),
        label=section.label or default_label(section),
        quantity=quantity,
        by=section.by,
        frame=rows,
        answers=_answers(frame, variable, section, quantity),
    )


def result_rows(result: Estimate | Estimates) -> pd.DataFrame:
    """Return the result's frame with the interval's method and the notes beside it."""
    rows = result.to_frame()
    items = [result] if isinstance(result, Estimate) else list(result)
    rows["interval_method"] = [item.ci.method for item in items]
    rows["design_effect"] = [
        item.diagnostics.get("design_effect", float("nan")) for item in items
    ]
    rows["notes"] = ["; ".join(item.notes) for item in items]
    return rows


def in_round_order(rows: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return the rows with rounds in the order of the study file."""
    if "round_id" not in rows:
        return rows
    place = {item.label: number for number, item in enumerate(config.rounds)}
    return rows.sort_values(
        "round_id",
        key=lambda labels: labels.map(place),
        kind="stable",
        ignore_index=True,
    )


def _quantities(
    section: EstimateSection, design: StudyDesign, skipped: list[str]
) -> Iterator[str]:
    if section.weights in ("event", "both"):
        yield "event"
    if section.weights in ("person", "both"):
        if design.has_person_weights:
            yield "person"
        elif section.weights == "person":
            label = section.label or default_label(section)
            skipped.append(
                f"{label}, {QUANTITIES['person']}: earlier events are unknown"
            )


def survey_estimator(key: str) -> EstimatorSpec:
    """Return an estimator that takes a sampling design, or say that it does not."""
    spec = find_estimator(key)
    first = next(iter(inspect.signature(spec.function).parameters), "")
    if spec.annotation(first) is not SurveyDesign:
        raise InputError(
            f"{key} does not work on a sampling design; use `sentinel estimate {key}`"
        )
    return spec


def _options(
    spec: EstimatorSpec, section: EstimateSection, config: StudyConfig
) -> dict[str, Any]:
    known = unknown_options(spec, section)
    options: dict[str, Any] = {"level": config.design.level}
    if "ci" in known:
        options["ci"] = config.design.interval
    return {**options, **section.options}


def unknown_options(spec: EstimatorSpec, section: EstimateSection) -> set[str]:
    """Return the options that an estimator has; refuse a plan that names others."""
    known = {parameter.name for parameter in spec.options}
    unknown = sorted(set(section.options) - known)
    if unknown:
        raise InputError(
            f"{spec.key} has no option {', '.join(unknown)}; it has "
            f"{', '.join(sorted(known))}"
        )
    return known


def _domain(frame: pd.DataFrame, where: str | None, quantity: str) -> pd.Series | None:
    masks: list[pd.Series] = []
    if where is not None:
        masks.append(select_rows(frame, where))
    if quantity == "person":
        masks.append(frame[PERSON_KNOWN].astype(bool))
    if not masks:
        return None
    mask = masks[0]
    for other in masks[1:]:
        mask &= other
    return mask


def _counts(
    frame: pd.DataFrame, variable: str, section: EstimateSection, quantity: str
) -> dict[str, pd.Series | int]:
    """Unweighted respondents with the outcome and with an unknown outcome."""
    mask = _domain(frame, section.where, quantity)
    part = frame if mask is None else frame[mask]
    values = pd.to_numeric(part[variable], errors="coerce")
    cases, unknown = (values == 1).fillna(value=False), values.isna()
    if not section.by:
        return {"n_cases": int(cases.sum()), "n_unknown": int(unknown.sum())}
    keys = [part[name] for name in section.by]
    return {
        "n_cases": cases.groupby(keys).sum(),
        "n_unknown": unknown.groupby(keys).sum(),
    }


def _answers(
    frame: pd.DataFrame, variable: str, section: EstimateSection, quantity: str
) -> pd.DataFrame:
    """Return the respondents of the domain with their groups and answers."""
    mask = _domain(frame, section.where, quantity)
    part = frame if mask is None else frame[mask]
    answer = pd.to_numeric(part[variable], errors="coerce")
    return part[list(section.by)].assign(answer=answer)


def _aligned(
    rows: pd.DataFrame, counts: pd.Series | int, by: tuple[str, ...]
) -> pd.Series | int:
    if isinstance(counts, int):
        return counts
    index = (
        pd.MultiIndex.from_frame(rows[list(by)])
        if len(by) > 1
        else pd.Index(rows[by[0]])
    )
    return pd.Series(
        counts.reindex(index).fillna(0).to_numpy(dtype="int64"), index=rows.index
    )


def default_label(section: EstimateSection) -> str:
    """Return the label of an entry of the plan that has none of its own."""
    variable = section.variable or "outcome"
    return f"{variable} by {' and '.join(section.by)}" if section.by else variable


def _file_safe(name: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")


def _distinct(name: str, used: set[str]) -> str:
    candidate, number = name, 1
    while candidate in used:
        number += 1
        candidate = f"{name}_{number}"
    used.add(candidate)
    return candidate
