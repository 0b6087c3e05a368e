"""Classify, weigh, estimate: from interviews to everything a report needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.analysis.design import build_design
from sentinel.analysis.estimates import estimate_plan
from sentinel.analysis.flows import count_flows, count_sectors
from sentinel.analysis.models import fit_models
from sentinel.analysis.other_definitions import other_definitions
from sentinel.analysis.results import StudyResult
from sentinel.analysis.sensitivity import definition_sensitivity
from sentinel.analysis.trend import round_trend
from sentinel.classify import classify, load_definition

if TYPE_CHECKING:
    from sentinel.classify import Classification
    from sentinel.ingest.interviews import Interviews
    from sentinel.study.config import StudyConfig

__all__ = ["analyse", "classify_settings"]

Progress = Callable[[str], None]


def analyse(
    interviews: Interviews, config: StudyConfig, *, progress: Progress | None = None
) -> StudyResult:
    """Run the plan of a study on its interviews.

    Parameters
    ----------
    interviews : Interviews
    config : StudyConfig
    progress : callable, optional
        Called with the name of each step as it begins.

    Returns
    -------
    StudyResult
        Not yet protected: hand it to `sentinel.report.write_report`, which does.

    Raises
    ------
    InputError
        If the design columns are missing or the definition does not fit the codebook.
    """
    tell = progress or _silent
    tell("classify")
    settings = classify_settings(interviews, config)
    if config.classify.setting not in settings:
        raise InputError(
            f"[classify] setting = {config.classify.setting!r}, but the definition has "
            f"{', '.join(settings)}."
        )
    chosen = settings[config.classify.setting]
    if config.classify.outcome not in chosen.frame:
        raise InputError(
            f"[classify] outcome = {config.classify.outcome!r}; the definition gives "
            f"{', '.join(chosen.frame.columns)}."
        )
    tell("weights")
    design = build_design(interviews, config)
    for name in chosen.frame.columns:
        design.frame[name] = chosen.frame[name]
    tell("estimates")
    estimates, not_estimated = estimate_plan(design, config)
    tell("sensitivity")
    sensitivity = definition_sensitivity(design, settings, config)
    others, not_compared = other_definitions(
        interviews, design, chosen.definition, config
    )
    tell("trend")
    trend, no_trend = round_trend(design, config)
    tell("models")
    models, not_fitted = fit_models(design, interviews.codebook, config)
    return StudyResult(
        config=config,
        interviews=interviews,
        classification=chosen,
        settings=settings,
        estimates=estimates,
        sensitivity=sensitivity,
        trend=trend,
        models=models,
        flows=count_flows(design.frame, config),
        sectors=count_sectors(design.frame, config),
        design_notes=design.notes,
        skipped=(*not_estimated, *not_compared, *no_trend, *not_fitted),
        other_definitions=others,
    )


def classify_settings(
    interviews: Interviews, config: StudyConfig
) -> dict[str, Classification]:
    """Apply the study's definition in every setting that it has."""
    name = config.classify.definition
    local = config.path(name)
    definition = load_definition(
        local if name.endswith(".toml") else name,
        codebook=interviews.codebook,
        switch_on=config.classify.switch_on,
    )
    return {
        setting: classify(
            interviews, definition, setting=setting, absent=config.classify.absent
        )
        for setting in definition.settings
    }


def _silent(_step: str) -> None:
    return None
