"""The check that a function of this family was given capture histories."""

from __future__ import annotations

from estimators.capture_recapture.histories import CaptureHistories
from estimators.errors import InputError

__all__ = ["check_histories"]


def check_histories(histories: object) -> CaptureHistories:
    """Return `histories` if it is a `CaptureHistories`.

    Raises
    ------
    InputError
        Saying what came and how to make one.
    """
    if not isinstance(histories, CaptureHistories):
        raise InputError(
            f"histories: a CaptureHistories was expected, {type(histories).__name__} "
            "came. Make one with CaptureHistories.from_frame, from_counts or "
            "from_individuals."
        )
    return histories
