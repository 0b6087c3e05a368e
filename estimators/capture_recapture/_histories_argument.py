"""The checks that a function was given capture histories, and that they inform."""

from __future__ import annotations

import numpy as np

from estimators.capture_recapture.histories import CaptureHistories
from estimators.errors import InputError, NotEstimableError

__all__ = ["check_histories", "check_informative"]


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


def check_informative(histories: CaptureHistories) -> None:
    """Raise where a posterior would be the prior's: no overlap, or one history only.

    Raises
    ------
    NotEstimableError
        Saying which, and what to do.
    """
    sizes = int(histories.list_sizes().sum())
    if sizes == histories.n_observed:
        raise NotEstimableError(
            "Nobody is on two lists: the counts say nothing of the persons on none, "
            "and a posterior would only repeat its prior. Link the lists again, or "
            "merge lists that exclude each other."
        )
    if np.count_nonzero(histories.count) == 1:
        raise NotEstimableError(
            f"All {histories.n_observed} persons have the same history: with one "
            "filled cell the persons on no list rest on the prior alone."
        )
