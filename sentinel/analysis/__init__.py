"""From interviews to everything that a report needs: weigh, classify, estimate."""

from sentinel.analysis.checking import check_plan
from sentinel.analysis.design import StudyDesign, build_design
from sentinel.analysis.results import EstimateTable, FittedModel, StudyResult
from sentinel.analysis.run import analyse, classify_settings

__all__ = [
    "EstimateTable",
    "FittedModel",
    "StudyDesign",
    "StudyResult",
    "analyse",
    "build_design",
    "check_plan",
    "classify_settings",
]
