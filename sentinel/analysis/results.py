"""All that a study's run computed, before and after disclosure control."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from estimators.results import ModelFit
    from sentinel.analysis.other_definitions import OtherDefinitions
    from sentinel.classify.classification import Classification
    from sentinel.ingest.interviews import Interviews
    from sentinel.study.config import StudyConfig

__all__ = ["EstimateTable", "FittedModel", "StudyResult"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EstimateTable:
    """One entry of the plan, estimated.

    Attributes
    ----------
    name : str
        File-safe and unique: "prevalence_by_round".
    label : str
        Heading for people.
    quantity : {"event", "person", "other"}
        Event prevalence counts deportations, person prevalence counts deportees.
    by : tuple of str
        Group columns of `frame`.
    frame : DataFrame
        `estimators.results.RESULT_COLUMNS` with the group columns after ``unit``, plus
        ``n_cases`` (respondents with outcome 1), ``n_unknown``, ``reference_period``,
        ``interval_method`` and ``notes``. Unprotected: only `sentinel.disclosure` may
        hand it on.
    answers : DataFrame or None
        The respondents behind the rows, in the order of the interviews: the group
        columns and ``answer`` (1, 0, missing). Never released: it tells what tables of
        several outcomes tell together.
    """

    name: str
    label: str
    quantity: str
    by: tuple[str, ...]
    frame: pd.DataFrame
    answers: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedModel:
    """One regression of the plan."""

    name: str
    label: str
    fit: ModelFit
    merged_levels: tuple[str, ...] = ()
    """Levels merged into "other" because they held fewer than the minimum cell."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyResult:
    """Everything a report needs; tables here are not yet protected.

    Attributes
    ----------
    config : StudyConfig
    interviews : Interviews
    classification : Classification
        In the study's setting.
    settings : mapping of str to Classification
        The same definition in every setting it has: strict, base, broad.
    estimates : tuple of EstimateTable
    sensitivity : DataFrame
        Prevalence by round under each setting with unknowns as observed, all no, all
        yes: ``setting, unknowns, quantity, round_id`` and the result columns.
    trend : DataFrame
        Difference of every round from the first and the slope per year:
        ``contrast, quantity`` and the result columns, with ``p_value``.
    models : tuple of FittedModel
    flows : DataFrame
        ``round_id, origin, crossing, destination, n, n_cases, weight``.
    sectors : DataFrame
        ``destination, sector, n``; empty where sectors were not asked.
    design_notes : tuple of str
        What the design is, how weights were made, what was assumed.
    skipped : tuple of str
        Parts of the plan that could not be estimated, each with its reason.
    other_definitions : OtherDefinitions or None
        What the study's definition is to be compared with.
    """

    config: StudyConfig
    interviews: Interviews
    classification: Classification
    settings: dict[str, Classification]
    estimates: tuple[EstimateTable, ...]
    sensitivity: pd.DataFrame
    trend: pd.DataFrame
    models: tuple[FittedModel, ...]
    flows: pd.DataFrame
    design_notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    other_definitions: OtherDefinitions | None = None
    sectors: pd.DataFrame = field(default_factory=pd.DataFrame)
