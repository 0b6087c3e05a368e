"""How the headline moves with the definition's thresholds and with the unknowns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError, NotEstimableError
from sentinel.analysis.design import StudyDesign
from sentinel.analysis.estimates import estimate_table
from sentinel.study.config import EstimateSection

if TYPE_CHECKING:
    from sentinel.classify.classification import Classification
    from sentinel.study.config import StudyConfig

__all__ = ["UNKNOWNS", "definition_sensitivity"]

UNKNOWNS = {
    "observed": "unknowns left out",
    "lower": "unknowns all no",
    "upper": "unknowns all yes",
}


def definition_sensitivity(
    design: StudyDesign, settings: dict[str, Classification], config: StudyConfig
) -> pd.DataFrame:
    """Return prevalence by round under every setting and every treatment of unknowns.

    Returns
    -------
    DataFrame
        ``setting, unknowns, quantity, round_id``, the result columns, ``n_cases`` and
        ``n_unknown``. Event prevalence only: the person figure moves in step.
    """
    outcome = config.classify.outcome
    section = EstimateSection(variable=outcome, by=("round_id",), weights="event")
    tables: list[pd.DataFrame] = []
    for setting, classification in settings.items():
        bounds = classification.bounds(outcome)
        for treatment in UNKNOWNS:
            variant = StudyDesign(
                frame=design.frame.assign(**{outcome: bounds[treatment]}),
                section=design.section,
                notes=(),
            )
            try:
                table = estimate_table(variant, section, config, quantity="event")
            except (InputError, NotEstimableError):
                continue
            tables.append(
                table.frame.assign(
                    setting=setting, unknowns=treatment, quantity="event"
                )
            )
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
