"""Risk-factor models of the plan; rare levels are merged, lest they expose anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError, PrevalenceError
from estimators.registry import find_estimator
from estimators.results import ModelFit
from sentinel.analysis.design import PERSON_KNOWN, StudyDesign
from sentinel.analysis.model_levels import check_levels, merge_rare
from sentinel.analysis.results import FittedModel
from sentinel.analysis.selection import select_rows

if TYPE_CHECKING:
    from estimators.survey import SurveyDesign
    from sentinel.schema.codebook import Codebook
    from sentinel.study.config import ModelSection, StudyConfig

__all__ = ["fit_models", "model_frame"]


def fit_models(
    design: StudyDesign, codebook: Codebook, config: StudyConfig
) -> tuple[tuple[FittedModel, ...], tuple[str, ...]]:
    """Fit every ``[[models]]`` entry; what cannot be fitted is named with a reason."""
    fitted: list[FittedModel] = []
    skipped: list[str] = []
    for number, section in enumerate(config.models, start=1):
        label = section.label or section.formula
        try:
            data, merged = model_frame(design.frame, codebook, section, config)
            fit = find_estimator(section.key).function(
                section.formula,
                data,
                level=config.design.level,
                **_sampling(design, section),
                **section.options,
            )
        except PrevalenceError as error:
            skipped.append(f"model {label}: {error}")
            continue
        if not isinstance(fit, ModelFit):
            skipped.append(f"model {label}: {section.key} is not a regression")
            continue
        fitted.append(
            FittedModel(
                name=f"model_{number}",
                label=label,
                fit=fit,
                merged_levels=tuple(merged),
            )
        )
    return tuple(fitted), tuple(skipped)


def model_frame(
    frame: pd.DataFrame,
    codebook: Codebook,
    section: ModelSection,
    config: StudyConfig,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the model's columns ready for a formula, and the levels that were merged.

    Categories carry their labels, the most frequent level first so that it is the
    reference; rounds keep the order of the study, so that the first is. Levels with
    fewer respondents, cases or others than the minimum cell become "other"
    (`sentinel.analysis.model_levels`); rounds and combinations of levels with so few
    are refused. Rows outside `where` stay, without values: the design needs them.
    """
    least = config.privacy.minimum_cell
    part = frame if section.where is None else frame[select_rows(frame, section.where)]
    names = formula_variables(section.formula)
    missing = sorted(names - set(part.columns))
    if missing:
        raise InputError(f"the interviews have no column {', '.join(missing)}")
    outcome = formula_outcome(section.formula)
    complete = part[sorted(names)].notna().all(axis=1)
    data: dict[str, pd.Series] = {}
    merged: list[str] = []
    for name in sorted(names):
        column = part[name]
        if pd.api.types.is_numeric_dtype(column):
            data[name] = column.astype("Float64").astype("float64")
            continue
        labels = codebook[name].codes if name in codebook else {}
        text = column.map(lambda code, labels=labels: labels.get(code, code))
        if name == "round_id":
            data[name] = _rounds(text, config)
            continue
        data[name], gone = merge_rare(
            text[complete], part.loc[complete, outcome], least
        )
        merged.extend(f"{name}: {level}" for level in gone)
    found = pd.DataFrame(data, index=part.index)
    check_levels(found, outcome, section.formula, least)
    return found.reindex(frame.index), merged


def _sampling(design: StudyDesign, section: ModelSection) -> dict[str, SurveyDesign]:
    """Return the design that a model is fitted under, as keyword of the estimator."""
    if section.weights == "none":
        if section.where is not None:
            raise InputError('weights = "none" does not go with where')
        return {}
    if section.weights == "person" and not design.has_person_weights:
        raise InputError("earlier events are unknown, so there are no person weights")
    survey = design.survey(section.weights)
    if section.where is not None:
        survey = survey.subset(select_rows(design.frame, section.where))
    if section.weights == "person":
        survey = survey.subset(design.frame[PERSON_KNOWN])
    return {"design": survey}


def formula_variables(formula: str) -> set[str]:
    """Return the columns that a formula names.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        return {str(name) for name in Formula(formula).required_variables}
    except (FormulaicError, SyntaxError) as error:
        raise InputError(f"{formula!r} is not a formula: {error}") from error


def formula_outcome(formula: str) -> str:
    """Return the column on the left of a formula."""
    from formulaic import Formula

    left = getattr(Formula(formula), "lhs", None)
    named = [] if left is None else sorted(map(str, left.required_variables))
    if len(named) != 1:
        raise InputError(f"{formula!r} needs one outcome on its left side.")
    return named[0]


def _rounds(labels: pd.Series, config: StudyConfig) -> pd.Series:
    present = set(labels.dropna())
    order = [item.label for item in config.rounds if item.label in present]
    return pd.Series(pd.Categorical(labels, categories=order), index=labels.index)
