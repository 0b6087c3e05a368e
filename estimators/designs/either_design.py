"""What estimators take: a sampling design or one with replicate weights."""

from __future__ import annotations

from typing import TypeAlias

from estimators.designs.replicate_design import ReplicateDesign
from estimators.designs.sampling_design import SurveyDesign
from estimators.errors import InputError

__all__ = ["Design", "check_design"]

Design: TypeAlias = SurveyDesign | ReplicateDesign


def check_design(design: Design) -> Design:
    """Return `design` if it is one; the error says how to make one."""
    if not isinstance(design, SurveyDesign | ReplicateDesign):
        raise InputError(
            f"A SurveyDesign was expected, {type(design).__name__} came: make one with "
            "SurveyDesign.from_frame(frame, weights=..., strata=..., psu=...), or a "
            "ReplicateDesign."
        )
    return design
